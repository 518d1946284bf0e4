//! The workspace's settings over HTTP: read by agents, set by admins. What may be set is decided elsewhere.

use super::api::{Answer, Bearer, body, json};
use crate::hub::HttpAsk;
use crate::shared::Shared;
use axum::extract::{Path, Request, State};
use axum::http::HeaderMap;
use dibs_protocol::http::PutSettings;
use dibs_protocol::limits;
use dibs_protocol::parse;
use std::sync::Arc;

/// `GET /settings`.
pub(super) async fn settings(
    State(shared): State<Arc<Shared>>,
    Path(workspace): Path<String>,
    headers: HeaderMap,
) -> Answer {
    let bearer = Bearer::new(&shared, &workspace, &headers, "get_settings").await?;
    let ask = HttpAsk::Settings;
    json(shared.hub.ask(&bearer.workspace, bearer.sender(), ask).await)
}

/// `PUT /settings`.
pub(super) async fn set_settings(
    State(shared): State<Arc<Shared>>,
    Path(workspace): Path<String>,
    request: Request,
) -> Answer {
    let bearer = Bearer::new(&shared, &workspace, request.headers(), "put_settings").await?;
    let body = body(request).await?;
    let put: PutSettings = parse::http_body(&body)?;
    limits::integer("expect", put.expect.unwrap_or(0))?;
    let ask = HttpAsk::SetSettings(Box::new(put));
    json(shared.hub.ask(&bearer.workspace, bearer.sender(), ask).await)
}
