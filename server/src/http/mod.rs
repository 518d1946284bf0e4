//! HTTP: the upgrade to WebSocket, channels' requests, lists for agents, the console, health and metrics. No rules.

mod api;
mod console;
mod problem;
mod settings;
mod upgrade;

pub use upgrade::hand_over;

use crate::net::with_cors;
use crate::shared::Shared;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use std::sync::Arc;

/// All routes.
pub fn router(shared: Arc<Shared>) -> Router {
    let origins = shared.config.allow_origin.clone();
    let router = Router::new()
        .route("/v1/ws", get(upgrade::upgrade))
        .route("/v1/workspaces/{workspace}/messages", post(api::messages))
        .route("/v1/workspaces/{workspace}/outbox", get(api::outbox))
        .route("/v1/workspaces/{workspace}/deliveries", post(api::deliveries))
        .route("/v1/workspaces/{workspace}/ratings", post(api::ratings))
        .route(
            "/v1/workspaces/{workspace}/conversations",
            get(api::conversations),
        )
        .route(
            "/v1/workspaces/{workspace}/conversations/{conversation}",
            get(api::conversation),
        )
        .route(
            "/v1/workspaces/{workspace}/conversations/{conversation}/events",
            get(api::events),
        )
        .route(
            "/v1/workspaces/{workspace}/settings",
            get(settings::settings).put(settings::set_settings),
        )
        .route("/", get(console::index))
        .route("/app/{*path}", get(console::app))
        .route("/sdk/{*path}", get(console::sdk))
        .route("/vendor/{*path}", get(console::vendor))
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .fallback(problem::no_route)
        .method_not_allowed_fallback(problem::no_method);
    with_cors(router.with_state(shared), origins)
}

/// Ready, and how: degraded modes are ready and say so.
async fn ready(State(shared): State<Arc<Shared>>) -> Response {
    if shared.hub.is_draining() {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n").into_response();
    }
    let deps = shared.hub.deps();
    let log = deps
        .log
        .trouble()
        .map_or_else(|| "ok".to_owned(), |reason| format!("down ({reason})"));
    let bus = deps
        .bus
        .trouble()
        .map_or_else(|| "ok".to_owned(), |reason| format!("down ({reason})"));
    format!("ok\nlog: {log}\nbus: {bus}\n").into_response()
}

async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([("content-type", kind)], shared.hub.deps().metrics.text()).into_response()
}
