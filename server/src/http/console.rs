//! The console: the files of `console/` that browsers run, embedded in the program. No rules, and nothing of what is only
//! needed to check and test them. The page is sent as it is, but for one line that names where to fetch tokens.

use super::problem::no_route;
use crate::config::TokenUrl;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::{ACCEPT_ENCODING, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Write;
use std::sync::{Arc, LazyLock};

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
    plain: Bytes,
    gzip: Bytes,
    etag: HeaderValue,
    kind: &'static str,
    policy: HeaderValue,
}

static ASSETS: LazyLock<HashMap<String, Asset>> = LazyLock::new(|| {
    let known = |path: &str| Some((path.to_owned(), Asset::new(path, Files::get(path)?.data, None)?));
    Files::iter().filter_map(|path| known(&path)).collect()
});

impl Asset {
    /// Nothing for a kind of file that the console does not use. `reaches` is an origin that the page may ask, besides.
    fn new(path: &str, plain: Cow<'static, [u8]>, reaches: Option<&str>) -> Option<Self> {
        let kind = content_type(path)?;
        let etag = format!("\"{}\"", hex::encode(&Sha256::digest(&plain)[..16]));
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(&plain).ok()?;
        let policy = match reaches {
            Some(origin) => format!("{POLICY}; connect-src 'self' {origin}"),
            None => POLICY.to_owned(),
        };
        Some(Self {
            gzip: gzip.finish().ok()?.into(),
            etag: HeaderValue::from_str(&etag).ok()?,
            plain: match plain {
                Cow::Borrowed(bytes) => Bytes::from_static(bytes),
                Cow::Owned(bytes) => bytes.into(),
            },
            kind,
            policy: HeaderValue::from_str(&policy).ok()?,
        })
    }

    /// The answer to a request with these headers.
    fn answer(&self, asked: &HeaderMap) -> Response {
        let known = asked
            .get(IF_NONE_MATCH)
            .is_some_and(|it| contains(it, &self.etag));
        let gzip = asked.get(ACCEPT_ENCODING).is_some_and(takes_gzip);
        let mut response = match (known, gzip) {
            (true, _) => StatusCode::NOT_MODIFIED.into_response(),
            (false, true) => ([("content-encoding", "gzip")], self.gzip.clone()).into_response(),
            (false, false) => self.plain.clone().into_response(),
        };
        let headers = response.headers_mut();
        for (name, value) in [
            ("content-type", self.kind),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("vary", "accept-encoding"),
            // Kept, and asked about each time: a new program is a new console.
            ("cache-control", "no-cache"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers.insert("content-security-policy", self.policy.clone());
        headers.insert("etag", self.etag.clone());
        response
    }
}

/// The page, as the configuration wants it.
pub(super) struct Page(Option<Asset>);

impl Page {
    /// The page; with a line that names where to fetch tokens, if there is such a place.
    pub(super) fn new(token_url: Option<&TokenUrl>) -> Self {
        let page = Files::get("index.html").map(|file| file.data);
        let Some((page, url)) = page.zip(token_url) else {
            return Self(None);
        };
        // An address has no quotes, spaces or angles: they are percent-encoded where it was read.
        let address = url.address().replace('&', "&amp;");
        let line = format!("<meta name=\"dibs-token-url\" content=\"{address}\">\n</head>");
        let page = String::from_utf8_lossy(&page).replacen("</head>", &line, 1);
        Self(Asset::new("index.html", page.into_bytes().into(), url.origin()))
    }

    async fn answer(&self, asked: &HeaderMap) -> Response {
        match &self.0 {
            Some(page) => page.answer(asked),
            None => file("index.html", asked).await,
        }
    }
}

/// `/`.
pub(super) async fn index(State(page): State<Arc<Page>>, asked: HeaderMap) -> Response {
    page.answer(&asked).await
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
        read(file(path, &asked).await).await
    }

    async fn read(response: Response) -> (StatusCode, HeaderMap, Vec<u8>) {
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

    async fn page(token_url: Option<&str>) -> (StatusCode, HeaderMap, String) {
        let url = token_url.map(|it| it.parse().unwrap());
        let answer = Page::new(url.as_ref()).answer(&HeaderMap::new()).await;
        let (status, headers, body) = read(answer).await;
        (status, headers, String::from_utf8(body).unwrap())
    }

    #[tokio::test]
    async fn the_page_says_where_tokens_are_and_may_ask_there_and_nowhere_else() {
        let (_, plain, bare) = page(None).await;
        assert!(!bare.contains("dibs-token-url"));
        assert_eq!(plain["content-security-policy"], POLICY);

        let (_, headers, body) = page(Some("/token?a=1&b=2")).await;
        assert!(body.contains("<meta name=\"dibs-token-url\" content=\"/token?a=1&amp;b=2\">\n</head>"));
        assert_eq!(headers["content-security-policy"], POLICY);
        assert_ne!(headers["etag"], plain["etag"]);

        let (status, headers, body) = page(Some("https://auth.example/t")).await;
        assert_eq!(status, StatusCode::OK);
        assert!(body.contains("content=\"https://auth.example/t\""));
        assert_eq!(
            headers["content-security-policy"],
            format!("{POLICY}; connect-src 'self' https://auth.example").as_str()
        );
        assert_eq!(body.lines().count(), bare.lines().count() + 1);
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
