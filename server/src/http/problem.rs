//! Refusals over HTTP: RFC 9457 problem details with the refusal's stable code.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use dibs_protocol::http::Problem;
use dibs_protocol::refusal::{Code, Refusal};

/// A refusal on its way out.
pub(super) struct Refused(pub(super) Refusal);

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let refusal = self.0;
        let status = refusal.code.http_status();
        let code = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_s = refusal
            .details
            .retry_after_ms
            .map(|ms| ms.div_ceil(1_000).to_string());
        let problem = Problem {
            kind: "about:blank".to_owned(),
            title: code.canonical_reason().unwrap_or("Error").to_owned(),
            status,
            detail: refusal.message.clone(),
            refusal,
        };
        let body = serde_json::to_string(&problem).unwrap_or_default();
        let mut response = (code, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        if let Some(value) = retry_s.and_then(|it| it.parse().ok()) {
            response.headers_mut().insert(header::RETRY_AFTER, value);
        }
        if code == StatusCode::UNAUTHORIZED {
            let scheme = header::HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

/// There is no such route.
pub(super) async fn no_route() -> Refused {
    Refused(Refusal::new(Code::NotFound, "There is nothing at this path."))
}

/// There is such a route, but not for this method.
pub(super) async fn no_method() -> Response {
    let mut response = Refused(Refusal::new(
        Code::Invalid,
        "This path does not take this method.",
    ))
    .into_response();
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response
}
