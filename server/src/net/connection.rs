//! One connection: whose it is, whether it may be, its TLS, and its requests until it ends, is upgraded or the server
//! stops.

use super::accept::ServerOptions;
use super::peer::{Peer, forwarded, is_trusted};
use super::permits::ConnectionPermit;
use super::{Io, Stream, proxy};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, Response, StatusCode, header};
use axum::response::IntoResponse;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioTimer;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tower::ServiceExt;

/// The most bytes of a request's head.
const HEAD_MAX: usize = 32 * 1024;
/// How many refused connections at a time get an answer; beyond it they are just closed.
const REFUSALS_MAX: usize = 64;
/// How long a refused connection may take to read its answer.
const REFUSAL_TIME: Duration = Duration::from_secs(1);
/// How much of a refused connection's request is read, so that closing it does not destroy the answer.
const REFUSAL_READ_MAX: u64 = 64 * 1024;

const REFUSAL: &str = r#"{"type":"about:blank","title":"Too Many Requests","status":429,"code":"rate_limited","detail":"There are too many connections from this address."}"#;
const PROBLEM: &str = "application/problem+json";
/// What a client should wait before it tries again, in seconds.
const RETRY_AFTER_S: &str = "5";

/// What all connections of a server have in common.
#[derive(Debug)]
pub(super) struct Shared {
    router: Router,
    options: ServerOptions,
    http: http1::Builder,
    refusals: Semaphore,
}

/// What is known of a connection before its first request.
struct Origin {
    client: IpAddr,
    direct: SocketAddr,
    permit: ConnectionPermit,
}

impl Shared {
    pub(super) fn new(router: Router, options: ServerOptions) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(options.header_timeout)
            .max_buf_size(HEAD_MAX);
        Self {
            router,
            options,
            http,
            refusals: Semaphore::new(REFUSALS_MAX),
        }
    }
}

/// Serves one connection to its end, or until it is upgraded. Ends within `drain_timeout` once `stop` says so.
pub(super) async fn serve(
    mut stream: TcpStream,
    direct: SocketAddr,
    shared: Arc<Shared>,
    mut stop: watch::Receiver<bool>,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%direct, %error, "the connection ended before it was served");
        return;
    }
    let Some(client) = identify(&mut stream, direct, &shared).await else {
        return;
    };
    // Behind a believed proxy the client is known only from each request, and counted there.
    let permit = if is_trusted(&shared.options.trusted_proxy, client) {
        Some(ConnectionPermit::uncounted())
    } else {
        shared.options.permits.take(client)
    };
    let Some(permit) = permit else {
        return refuse(stream, &shared).await;
    };
    let secured = tokio::select! {
        secured = secure(stream, direct, &shared) => secured,
        () = stopped(&mut stop) => None,
    };
    let Some(stream) = secured else { return };
    let origin = Origin {
        client,
        direct,
        permit,
    };
    let service = service_fn({
        let shared = Arc::clone(&shared);
        move |request| answer(Arc::clone(&shared), admit(&shared, &origin, request))
    });
    let connection = shared
        .http
        .serve_connection(Io::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = stopped(&mut stop) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            timeout(shared.options.drain_timeout, connection)
                .await
                .unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%direct, %error, "the connection ended with an error");
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    while !*stop.borrow_and_update() {
        if stop.changed().await.is_err() {
            return;
        }
    }
}

/// The client's address as far as the connection tells; nothing if it should be closed.
async fn identify(stream: &mut TcpStream, direct: SocketAddr, shared: &Shared) -> Option<IpAddr> {
    if !is_trusted(&shared.options.trusted_proxy, direct.ip()) {
        return Some(proxy::client(None, direct));
    }
    match timeout(shared.options.header_timeout, proxy::read_header(stream)).await {
        Ok(Ok(header)) => Some(proxy::client(header, direct)),
        Ok(Err(error)) => {
            tracing::debug!(%direct, %error, "the proxy's connection is closed");
            None
        }
        Err(_) => None,
    }
}

/// The connection's TLS, where there is any; nothing if the client does not come through with it in time.
async fn secure(stream: TcpStream, direct: SocketAddr, shared: &Shared) -> Option<Stream> {
    let Some(tls) = &shared.options.tls else {
        return Some(Stream::Plain(stream));
    };
    match timeout(shared.options.header_timeout, tls.acceptor().accept(stream)).await {
        Ok(Ok(stream)) => Some(Stream::Tls(Box::new(stream))),
        Ok(Err(error)) => {
            tracing::debug!(%direct, %error, "no TLS came about");
            None
        }
        Err(_) => None,
    }
}

/// Says that there are too many connections, to a client that may not be there to read it.
async fn refuse(mut stream: TcpStream, shared: &Shared) {
    let Ok(_turn) = shared.refusals.try_acquire() else {
        return;
    };
    if shared.options.tls.is_some() {
        // A handshake would cost more than the refusal saves.
        return;
    }
    let answer = format!(
        "HTTP/1.1 429 Too Many Requests\r\nconnection: close\r\ncontent-type: {PROBLEM}\r\n\
         retry-after: {RETRY_AFTER_S}\r\ncontent-length: {}\r\n\r\n{REFUSAL}",
        REFUSAL.len()
    );
    let exchange = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        let mut rest = stream.take(REFUSAL_READ_MAX);
        tokio::io::copy(&mut rest, &mut tokio::io::sink()).await
    };
    if let Ok(Err(error)) = timeout(REFUSAL_TIME, exchange).await {
        tracing::debug!(%error, "a refused connection did not wait for its answer");
    }
}

/// The request with its peer and permit, or nothing when its client has too many connections.
fn admit(shared: &Shared, origin: &Origin, mut request: Request<Incoming>) -> Option<Request<Incoming>> {
    let (addr, permit) = client_of(shared, origin, request.headers())?;
    request.extensions_mut().insert(Peer {
        addr,
        direct: origin.direct,
    });
    request.extensions_mut().insert(permit);
    Some(request)
}

fn client_of(shared: &Shared, origin: &Origin, headers: &HeaderMap) -> Option<(IpAddr, ConnectionPermit)> {
    let networks = &shared.options.trusted_proxy;
    let client = forwarded(networks, origin.client, headers);
    if client == origin.client || is_trusted(networks, client) {
        return Some((client, origin.permit.clone()));
    }
    Some((client, shared.options.permits.take(client)?))
}

async fn answer(
    shared: Arc<Shared>,
    request: Option<Request<Incoming>>,
) -> Result<Response<Body>, Infallible> {
    match request {
        Some(request) => shared.router.clone().oneshot(request).await,
        None => {
            let headers = [
                (header::CONTENT_TYPE, PROBLEM),
                (header::RETRY_AFTER, RETRY_AFTER_S),
            ];
            Ok((StatusCode::TOO_MANY_REQUESTS, headers, REFUSAL).into_response())
        }
    }
}
