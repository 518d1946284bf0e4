//! The console: the files of `console/` that browsers run, embedded in the program. No rules, no templates, and nothing
//! of what is only needed to check and test them.

use super::problem::no_route;
use axum::extract::Path;
use axum::http::header::{ACCEPT_ENCODING, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use rust_embed::{EmbeddedFile, RustEmbed};
use std::collections::HashMap;
use std::io::Write;
use std::sync::LazyLock;

/// Everything comes from here, nothing is inline, and nobody frames it.
const POLICY: &str =
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'";

#[derive(RustEmbed)]
#[folder = "../console/"]
#[include = "index.html"]
#[include = "app/*"]
#[include = "sdk/*.js"]
#[include = "vendor/*.mjs"]
#[include = "vendor/licenses/*"]
struct Files;

/// One file, ready to be sent.
struct Asset {
    plain: EmbeddedFile,
    gzip: Vec<u8>,
    etag: HeaderValue,
    kind: &'static str,
}

static ASSETS: LazyLock<HashMap<String, Asset>> = LazyLock::new(|| {
    let known = |path: &str| Some((path.to_owned(), Asset::new(path, Files::get(path)?)?));
    Files::iter().filter_map(|path| known(&path)).collect()
});

impl Asset {
    /// Nothing for a kind of file that the console does not use.
    fn new(path: &str, plain: EmbeddedFile) -> Option<Self> {
        let kind = content_type(path)?;
        let etag = format!("\"{}\"", hex::encode(&plain.metadata.sha256_hash()[..16]));
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(&plain.data).ok()?;
        Some(Self {
            gzip: gzip.finish().ok()?,
            etag: HeaderValue::from_str(&etag).ok()?,
            plain,
            kind,
        })
    }

    /// The answer to a request with these headers.
    fn answer(&'static self, asked: &HeaderMap) -> Response {
        let known = asked
            .get(IF_NONE_MATCH)
            .is_some_and(|it| contains(it, &self.etag));
        let gzip = asked.get(ACCEPT_ENCODING).is_some_and(takes_gzip);
        let mut response = match (known, gzip) {
            (true, _) => StatusCode::NOT_MODIFIED.into_response(),
            (false, true) => ([("content-encoding", "gzip")], self.gzip.as_slice()).into_response(),
            (false, false) => self.plain.data.clone().into_response(),
        };
        let headers = response.headers_mut();
        for (name, value) in [
            ("content-type", self.kind),
            ("content-security-policy", POLICY),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("vary", "accept-encoding"),
            // Kept, and asked about each time: a new program is a new console.
            ("cache-control", "no-cache"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers.insert("etag", self.etag.clone());
        response
    }
}

/// `/`.
pub(super) async fn index(asked: HeaderMap) -> Response {
    file("index.html", &asked).await
}

/// `/app/…`.
pub(super) async fn app(Path(path): Path<String>, asked: HeaderMap) -> Response {
    file(&format!("app/{path}"), &asked).await
}

/// `/sdk/…`.
pub(super) async fn sdk(Path(path): Path<String>, asked: HeaderMap) -> Response {
    file(&format!("sdk/{path}"), &asked).await
}

/// `/vendor/…`.
pub(super) async fn vendor(Path(path): Path<String>, asked: HeaderMap) -> Response {
    file(&format!("vendor/{path}"), &asked).await
}

async fn file(path: &str, asked: &HeaderMap) -> Response {
    match ASSETS.get(path) {
        Some(asset) => asset.answer(asked),
        None => no_route().await.into_response(),
    }
}

fn content_type(path: &str) -> Option<&'static str> {
    Some(match path.rsplit_once('.')?.1 {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "txt" => "text/plain; charset=utf-8",
        _ => return None,
    })
}

fn contains(list: &HeaderValue, etag: &HeaderValue) -> bool {
    let (Ok(list), Ok(etag)) = (list.to_str(), etag.to_str()) else {
        return false;
    };
    list.split(',')
        .any(|it| it.trim().trim_start_matches("W/") == etag)
}

fn takes_gzip(accepted: &HeaderValue) -> bool {
    accepted.to_str().is_ok_and(|list| {
        list.split(',').any(|it| {
            let mut parts = it.split(';').map(str::trim);
            parts.next() == Some("gzip") && parts.next() != Some("q=0")
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;
    use std::io::Read;

    async fn get(path: &str, headers: &[(&'static str, &str)]) -> (StatusCode, HeaderMap, Vec<u8>) {
        let asked = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        let response = file(path, &asked).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        (parts.status, parts.headers, body)
    }

    #[tokio::test]
    async fn the_page_allows_nothing_inline_and_nothing_from_elsewhere() {
        let (status, headers, body) = get("index.html", &[]).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(headers["content-type"], "text/html; charset=utf-8");
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'self';") && !policy.contains("unsafe"));
        let page = String::from_utf8(body).unwrap();
        assert!(!page.contains("<style") && !page.contains("style=") && !page.contains("://"));
        assert_eq!(
            page.matches("<script").count(),
            page.matches("<script type=\"module\" src=").count()
        );
    }

    #[tokio::test]
    async fn what_the_page_names_is_there() {
        let page = String::from_utf8(get("index.html", &[]).await.2).unwrap();
        let named = page
            .split(['"'])
            .filter(|it| it.starts_with("/app/") || it.starts_with("/sdk/") || it.starts_with("/vendor/"));
        let mut count = 0;
        for path in named {
            assert_eq!(get(&path[1..], &[]).await.0, StatusCode::OK, "{path}");
            count += 1;
        }
        assert!(count > 2, "{page}");
    }

    #[tokio::test]
    async fn an_unchanged_file_is_not_sent_twice() {
        let (_, headers, _) = get("index.html", &[]).await;
        let etag = headers["etag"].to_str().unwrap();
        let (status, _, body) = get("index.html", &[("if-none-match", etag)]).await;
        assert_eq!((status, body.len()), (StatusCode::NOT_MODIFIED, 0));
        let (status, _, body) = get("index.html", &[("if-none-match", "\"another\"")]).await;
        assert_eq!(status, StatusCode::OK);
        assert!(!body.is_empty());
    }

    #[tokio::test]
    async fn compressed_is_the_same() {
        let plain = get("app/main.js", &[]).await.2;
        let (_, headers, packed) = get("app/main.js", &[("accept-encoding", "br, gzip")]).await;
        assert_eq!(headers["content-encoding"], "gzip");
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&packed[..])
            .read_to_end(&mut unpacked)
            .unwrap();
        assert_eq!(unpacked, plain);
        assert!(
            !get("app/main.js", &[("accept-encoding", "gzip;q=0")])
                .await
                .1
                .contains_key("content-encoding")
        );
    }

    #[tokio::test]
    async fn nothing_but_the_console_is_embedded() {
        for path in [
            "package.json",
            "test/serve.js",
            "sdk/types/index.d.ts",
            "../Cargo.toml",
            "vendor/preact.d.mts",
        ] {
            assert_eq!(get(path, &[]).await.0, StatusCode::NOT_FOUND, "{path}");
        }
    }
}
