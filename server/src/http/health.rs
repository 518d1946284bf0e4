//! How this instance is: alive, ready, and its counters. Deliberately absent: routes, and what others should do about it.

use crate::hub::{CLOCK_OFF_MS, Deps};
use crate::shared::Shared;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use std::fmt::Write;
use std::sync::Arc;

/// Alive: it answers.
pub(super) async fn live() -> &'static str {
    "ok\n"
}

/// Ready, and how. Degraded modes are ready and say so; draining, and a clock that is off, are not.
pub(super) async fn ready(State(shared): State<Arc<Shared>>) -> Response {
    let deps = shared.hub.deps();
    let off_ms = deps.clock.machine_off_ms();
    let (status, state) = if shared.hub.is_draining() {
        (StatusCode::SERVICE_UNAVAILABLE, "draining")
    } else if off_ms.abs() > CLOCK_OFF_MS {
        (StatusCode::SERVICE_UNAVAILABLE, "clock-off")
    } else {
        (StatusCode::OK, "ok")
    };
    (status, describe(deps, state, off_ms)).into_response()
}

fn describe(deps: &Deps, state: &str, off_ms: i64) -> String {
    let mut text = format!("{state}\n");
    for (name, trouble) in [("log", deps.log.trouble()), ("bus", deps.bus.trouble())] {
        // Writing into a String does not fail.
        match trouble {
            None => writeln!(text, "{name}: ok"),
            Some(reason) => writeln!(text, "{name}: down ({reason})"),
        }
        .unwrap_or_default();
    }
    if off_ms != 0 {
        writeln!(text, "clock: {off_ms} ms off the log's").unwrap_or_default();
    }
    if let Some(notice) = deps.log.notice() {
        writeln!(text, "note: {notice}").unwrap_or_default();
    }
    text
}

/// All counters, in the text format of OpenMetrics.
pub(super) async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    let deps = shared.hub.deps();
    let metrics = &deps.metrics;
    metrics.health(
        deps.log.trouble().is_none(),
        deps.bus.trouble().is_none(),
        deps.clock.machine_off_ms(),
    );
    metrics.bus(&deps.bus.traffic());
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([("content-type", kind)], metrics.text()).into_response()
}
