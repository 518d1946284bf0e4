//! The upgrade to WebSocket (RFC 6455, 4.2), which hands the bare stream to a session's own task.

use super::problem::Refused;
use crate::net::{ConnectionPermit, Io, Stream, origin_allowed};
use crate::session;
use crate::shared::Shared;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use dibs_protocol::frame::SUBPROTOCOL;
use dibs_protocol::refusal::{Code, Refusal};
use hyper::upgrade::OnUpgrade;
use std::future::Future;
use std::sync::Arc;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// `GET /v1/ws`.
pub(super) async fn upgrade(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    if !origin_allowed(request.headers(), &shared.config.allow_origin) {
        return Refused(Refusal::forbidden(
            "This origin may not connect: allow it with --allow-origin.",
        ))
        .into_response();
    }
    let protocol = match subprotocol(request.headers()) {
        Ok(protocol) => protocol,
        Err(refusal) => return Refused(refusal).into_response(),
    };
    let permit = request.extensions().get::<ConnectionPermit>().cloned();
    let Some(permit) = permit else {
        return Refused(Refusal::internal()).into_response();
    };
    let mut response = match switch(request, |stream, early| {
        session::run(stream, early, shared, permit)
    }) {
        Ok(response) => response,
        Err(refusal) => return Refused(refusal).into_response(),
    };
    if protocol {
        let value = HeaderValue::from_static(SUBPROTOCOL);
        response
            .headers_mut()
            .insert(header::SEC_WEBSOCKET_PROTOCOL, value);
    }
    response
}

/// Whether to answer with the subprotocol: offering none means it, offering others only is refused.
fn subprotocol(headers: &HeaderMap) -> Result<bool, Refusal> {
    let offered = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL);
    let mut names = offered
        .iter()
        .filter_map(|it| it.to_str().ok())
        .flat_map(|it| it.split(','))
        .map(str::trim);
    if offered.iter().next().is_none() {
        return Ok(false);
    }
    if names.any(|name| name == SUBPROTOCOL) {
        return Ok(true);
    }
    Err(Refusal::new(
        Code::Invalid,
        "The only subprotocol spoken here is dibs.v1.",
    ))
}

fn has_token(headers: &HeaderMap, name: header::HeaderName, token: &str) -> bool {
    let values = headers.get_all(name);
    let mut tokens = values
        .iter()
        .filter_map(|it| it.to_str().ok())
        .flat_map(|it| it.split(','));
    tokens.any(|it| it.trim().eq_ignore_ascii_case(token))
}

/// Upgrades a request to WebSocket, whatever its subprotocol and origin, and runs `then` with the stream and what was
/// read beyond the request. The conformance suite hangs an echo on it.
pub fn hand_over<F>(request: Request, then: impl FnOnce(Stream, Bytes) -> F + Send + 'static) -> Response
where
    F: Future<Output = ()> + Send + 'static,
{
    switch(request, then).unwrap_or_else(|refusal| Refused(refusal).into_response())
}

/// Answers 101 and runs `then` with the stream and what was read beyond the request.
fn switch<F>(
    mut request: Request,
    then: impl FnOnce(Stream, Bytes) -> F + Send + 'static,
) -> Result<Response, Refusal>
where
    F: Future<Output = ()> + Send + 'static,
{
    let headers = request.headers();
    let wanted = has_token(headers, header::CONNECTION, "upgrade")
        && has_token(headers, header::UPGRADE, "websocket")
        && headers
            .get(header::SEC_WEBSOCKET_VERSION)
            .is_some_and(|it| it == "13");
    let key = headers.get(header::SEC_WEBSOCKET_KEY).filter(|_| wanted);
    let Some(key) = key.filter(|it| it.len() == 24) else {
        return Err(Refusal::new(
            Code::Invalid,
            "This path speaks WebSocket, version 13.",
        ));
    };
    let accept = derive_accept_key(key.as_bytes());
    let on_upgrade = request.extensions_mut().remove::<OnUpgrade>();
    let on_upgrade =
        on_upgrade.ok_or_else(|| Refusal::new(Code::Invalid, "This connection cannot be upgraded."))?;
    tokio::spawn(async move {
        // A peer that went away before the upgrade needs no answer.
        let Ok(upgraded) = on_upgrade.await else { return };
        let Ok(parts) = upgraded.downcast::<Io>() else {
            return;
        };
        // The session gets a task of its own size, without the upgrade's.
        tokio::spawn(then(parts.io.into_inner(), parts.read_buf));
    });
    let response = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_ACCEPT, accept)
        .body(Body::empty());
    response.map_err(|_| Refusal::internal())
}
