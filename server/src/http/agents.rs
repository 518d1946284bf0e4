//! What admins do to agents over HTTP. No rules: who may is in the table of permissions.

use super::api::{Answer, Bearer, body, json};
use crate::hub::HttpAsk;
use crate::shared::Shared;
use axum::extract::{Path, Request, State};
use dibs_protocol::http::Disconnect;
use dibs_protocol::ids::AgentId;
use dibs_protocol::parse;
use dibs_protocol::refusal::Refusal;
use std::sync::Arc;

/// `POST /agents/{agent}/disconnect`. An empty body is one without a reason.
pub(super) async fn disconnect(
    State(shared): State<Arc<Shared>>,
    Path((workspace, agent)): Path<(String, String)>,
    request: Request,
) -> Answer {
    let bearer = Bearer::new(&shared, &workspace, request.headers(), "disconnect").await?;
    let agent = AgentId::new(&agent).map_err(|error| Refusal::invalid("agent", &format!("{error}.")))?;
    let bytes = body(request).await?;
    let asked: Disconnect = if bytes.is_empty() {
        Disconnect::default()
    } else {
        parse::http_body(&bytes)?
    };
    asked.check()?;
    let ask = HttpAsk::Disconnect(agent, asked.reason);
    json(shared.hub.ask(&bearer.workspace, bearer.sender(), ask).await)
}
