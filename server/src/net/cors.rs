//! Cross-origin HTTP for configured origins, answered exactly: no wildcard, no cookies.

use super::origin::origin_allowed;
use crate::config::Origin;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// For how long a browser may remember a preflight's answer, in seconds.
const MAX_AGE_S: HeaderValue = HeaderValue::from_static("600");
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, OPTIONS");
const HEADERS: HeaderValue = HeaderValue::from_static("authorization, content-type");
const EXPOSED: HeaderValue = HeaderValue::from_static("retry-after");

/// Answers preflights and marks answers for pages of `allow_origin` and of the server's own host. Requests of other
/// origins are served unmarked, which is what makes browsers keep the answers from those pages.
pub fn with_cors(router: Router, allow_origin: Arc<[Origin]>) -> Router {
    router.layer(from_fn_with_state(allow_origin, cors))
}

async fn cors(State(allow_origin): State<Arc<[Origin]>>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let allowed = origin.filter(|_| origin_allowed(request.headers(), &allow_origin));
    let is_preflight = request.method() == Method::OPTIONS
        && request
            .headers()
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = match (is_preflight, &allowed) {
        (true, Some(_)) => preflight(),
        (true, None) => StatusCode::FORBIDDEN.into_response(),
        (false, _) => next.run(request).await,
    };
    mark(response.headers_mut(), allowed);
    response
}

fn preflight() -> Response {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS),
        (header::ACCESS_CONTROL_MAX_AGE, MAX_AGE_S),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

fn mark(headers: &mut HeaderMap, allowed: Option<HeaderValue>) {
    // Caches must not give one origin's answer to another, whether or not this one was allowed.
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = allowed {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::routing::get;
    use tower::ServiceExt;

    async fn ask(method: Method, origin: &str) -> Response {
        let router = Router::new().route("/", get(|| async { "yes" }));
        let router = with_cors(router, Arc::new(["https://console.example".parse().unwrap()]));
        let request = Request::builder()
            .method(method)
            .header(header::HOST, "dibs.example")
            .header(header::ORIGIN, origin)
            .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
            .body(Body::empty());
        router.oneshot(request.unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn a_listed_origin_may_ask_and_read() {
        let answer = ask(Method::OPTIONS, "https://console.example").await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
        assert_eq!(
            answer.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN],
            "https://console.example"
        );
        assert_eq!(
            answer.headers()[header::ACCESS_CONTROL_ALLOW_HEADERS],
            "authorization, content-type"
        );
        let answer = ask(Method::GET, "https://console.example").await;
        assert_eq!(
            answer.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN],
            "https://console.example"
        );
        assert_eq!(answer.headers()[header::VARY], "origin");
    }

    #[tokio::test]
    async fn another_origin_may_not() {
        let answer = ask(Method::OPTIONS, "https://evil.example").await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN);
        let answer = ask(Method::GET, "https://evil.example").await;
        assert!(!answer.headers().contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
        assert_eq!(answer.headers()[header::VARY], "origin");
    }
}
