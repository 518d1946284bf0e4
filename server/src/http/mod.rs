//! HTTP: the upgrade to WebSocket, channels' requests, lists for agents, the console, health and metrics. No rules.

mod agents;
mod api;
mod console;
mod health;
mod problem;
mod settings;
mod upgrade;

pub use upgrade::hand_over;

use crate::net::with_cors;
use crate::shared::Shared;
use axum::Router;
use axum::routing::{get, post};
use std::sync::Arc;

/// All routes.
pub fn router(shared: Arc<Shared>) -> Router {
    let origins = shared.config.allow_origin.clone();
    let apart = shared.config.admin_listen.is_some();
    let page = Arc::new(console::Page::new(shared.config.console_token_url.as_ref()));
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
            "/v1/workspaces/{workspace}/agents/{agent}/disconnect",
            post(agents::disconnect),
        )
        .route(
            "/v1/workspaces/{workspace}/settings",
            get(settings::settings).put(settings::set_settings),
        )
        .route("/", get(console::index).with_state(page))
        .route("/app/{*path}", get(console::app))
        .route("/sdk/{*path}", get(console::sdk))
        .route("/vendor/{*path}", get(console::vendor))
        .merge(health());
    let router = if apart { router } else { router.merge(inspection()) };
    let router = router
        .fallback(problem::no_route)
        .method_not_allowed_fallback(problem::no_method);
    with_cors(router.with_state(shared), origins)
}

/// What is asked for on the address of its own that the configuration may name: health, and what only operators may see.
pub fn admin_router(shared: Arc<Shared>) -> Router {
    health()
        .merge(inspection())
        .fallback(problem::no_route)
        .method_not_allowed_fallback(problem::no_method)
        .with_state(shared)
}

fn health() -> Router<Arc<Shared>> {
    Router::new()
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
}

fn inspection() -> Router<Arc<Shared>> {
    Router::new().route("/metrics", get(health::metrics))
}
