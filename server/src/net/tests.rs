//! What connections promise, over loopback with real sockets. Waiting is for bytes or for the end of a connection.

use super::*;
use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Request};
use axum::http::{Response, StatusCode, header};
use axum::routing::get;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

const LONG: Duration = Duration::from_secs(60);
const GET: &[u8] = b"GET /peer HTTP/1.1\r\nhost: dibs\r\nconnection: close\r\n\r\n";
const V2_SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// A server that runs until its handle is dropped.
struct Running {
    address: SocketAddr,
    permits: Arc<Permits>,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
    /// Sockets after their upgrade, and the permits they hold.
    upgraded: mpsc::UnboundedReceiver<(Stream, Vec<u8>, ConnectionPermit)>,
}

async fn start(trusted: &[&str], limit: u32, header_timeout: Duration) -> Running {
    let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let permits = Permits::new(NonZeroU32::new(limit));
    let options = ServerOptions {
        header_timeout,
        drain_timeout: LONG,
        trusted_proxy: trusted.iter().map(|text| text.parse().unwrap()).collect(),
        permits: Arc::clone(&permits),
        tls: None,
    };
    let (sender, upgraded) = mpsc::unbounded_channel();
    let router = Router::new()
        .route(
            "/peer",
            get(|Extension(peer): Extension<Peer>| async move { peer.addr.to_string() }),
        )
        .route("/upgrade", get(move |request| upgrade(request, sender.clone())));
    let server = Server::new(listener, router, options);
    let address = server.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let ended = tokio::spawn(server.run(async {
        stopped.await.ok();
    }));
    Running {
        address,
        permits,
        stop,
        ended,
        upgraded,
    }
}

/// Answers 101 and hands on the plain socket, as the WebSocket's code will.
async fn upgrade(
    mut request: Request,
    sender: mpsc::UnboundedSender<(Stream, Vec<u8>, ConnectionPermit)>,
) -> Response<Body> {
    let permit = request.extensions().get::<ConnectionPermit>().unwrap().clone();
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let parts = upgraded.await.unwrap().downcast::<Io>().unwrap();
        sender
            .send((parts.io.into_inner(), parts.read_buf.to_vec(), permit))
            .unwrap();
    });
    let response = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
    response
        .header(header::CONNECTION, "upgrade")
        .header(header::UPGRADE, "echo")
        .body(Body::empty())
        .unwrap()
}

const UPGRADE: &[u8] = b"GET /upgrade HTTP/1.1\r\nhost: dibs\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends the pieces, and returns everything until the server closes.
    async fn exchange(&self, pieces: &[&[u8]]) -> String {
        let mut stream = self.connect().await;
        for piece in pieces {
            stream.write_all(piece).await.unwrap();
        }
        until_end(&mut stream).await
    }
}

/// Everything until the connection ends, with or without a reset.
async fn until_end(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.ok();
    String::from_utf8(bytes).unwrap()
}

/// Reads up to the empty line after a head.
async fn head(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(bytes).unwrap()
}

fn v2(source: [u8; 4]) -> Vec<u8> {
    let mut header = [V2_SIGNATURE, &[0x21, 0x11, 0, 12]].concat();
    header.extend(source);
    header.extend([127, 0, 0, 1, 0x12, 0x34, 0x1f, 0x90]);
    header
}

fn forwarded_for(list: &str) -> Vec<u8> {
    format!("GET /peer HTTP/1.1\r\nhost: dibs\r\nx-forwarded-for: {list}\r\nconnection: close\r\n\r\n")
        .into_bytes()
}

#[tokio::test]
async fn a_request_knows_its_peer() {
    let server = start(&[], 0, LONG).await;
    let answer = server.exchange(&[GET]).await;
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("127.0.0.1"),
        "{answer}"
    );
}

#[tokio::test]
async fn half_open_handshakes_are_cut() {
    let server = start(&[], 0, Duration::from_millis(50)).await;
    // Nothing at all, half a head, and nothing after an answer: each ends without our doing.
    assert_eq!(server.exchange(&[]).await, "");
    server.exchange(&[b"GET /peer HTTP/1.1\r\nhost:"]).await;
    let answer = server
        .exchange(&[b"GET /peer HTTP/1.1\r\nhost: dibs\r\n\r\n"])
        .await;
    assert!(answer.ends_with("127.0.0.1"), "{answer}");
}

#[tokio::test]
async fn half_a_proxy_header_is_cut() {
    let server = start(&["127.0.0.0/8"], 0, Duration::from_millis(50)).await;
    for piece in [
        &b""[..],
        b"PROX",
        b"PROXY TCP4 192.0.2.1",
        b"\r\n\r\n\0",
        V2_SIGNATURE,
    ] {
        server.exchange(&[piece]).await;
    }
}

#[tokio::test]
async fn a_believed_proxy_names_the_client_by_either_version() {
    let server = start(&["127.0.0.0/8"], 0, LONG).await;
    let v1 = b"PROXY TCP4 203.0.113.9 127.0.0.1 4711 80\r\n";
    assert!(server.exchange(&[v1, GET]).await.ends_with("203.0.113.9"));
    assert!(
        server
            .exchange(&[&[&v1[..], GET].concat()])
            .await
            .ends_with("203.0.113.9")
    );
    let v6 = b"PROXY TCP6 2001:db8::9 ::1 4711 80\r\n";
    assert!(server.exchange(&[v6, GET]).await.ends_with("2001:db8::9"));
    assert!(
        server
            .exchange(&[&v2([203, 0, 113, 9]), GET])
            .await
            .ends_with("203.0.113.9")
    );
    let local = [V2_SIGNATURE, &[0x20, 0, 0, 0]].concat();
    assert!(server.exchange(&[&local, GET]).await.ends_with("127.0.0.1"));
    assert!(
        server
            .exchange(&[b"PROXY UNKNOWN\r\n", GET])
            .await
            .ends_with("127.0.0.1")
    );
    assert!(server.exchange(&[GET]).await.ends_with("127.0.0.1"));
}

#[tokio::test]
async fn a_proxy_header_in_two_pieces_is_one_header() {
    let server = start(&["127.0.0.0/8"], 0, LONG).await;
    let header = v2([203, 0, 113, 9]);
    for cut in [1, 5, 12, 20] {
        let mut stream = server.connect().await;
        stream.set_nodelay(true).unwrap();
        stream.write_all(&header[..cut]).await.unwrap();
        tokio::task::yield_now().await;
        stream.write_all(&[&header[cut..], GET].concat()).await.unwrap();
        assert!(
            until_end(&mut stream).await.ends_with("203.0.113.9"),
            "cut at {cut}"
        );
    }
}

#[tokio::test]
async fn nobody_else_is_believed() {
    let server = start(&["10.0.0.0/8"], 0, LONG).await;
    for header in [
        &b"PROXY TCP4 203.0.113.9 127.0.0.1 4711 80\r\n"[..],
        &v2([203, 0, 113, 9]),
    ] {
        let answer = server.exchange(&[header, GET]).await;
        assert!(
            !answer.contains("203.0.113.9") && !answer.contains("200 OK"),
            "{answer}"
        );
    }
    assert!(
        server
            .exchange(&[&forwarded_for("203.0.113.9")])
            .await
            .ends_with("127.0.0.1")
    );
}

#[tokio::test]
async fn malformed_proxy_headers_close_the_connection() {
    let server = start(&["127.0.0.0/8"], 0, LONG).await;
    let long_v1 = [b"PROXY ", &[b'x'; 200][..]].concat();
    let long_v2 = [V2_SIGNATURE, &[0x21, 0x11, 0xff, 0xff]].concat();
    for header in [&b"PROXY TCP4 nobody 127.0.0.1 1 2\r\n"[..], &long_v1, &long_v2] {
        assert_eq!(server.exchange(&[header, GET]).await, "");
    }
}

#[tokio::test]
async fn a_believed_proxy_names_the_client_of_each_request() {
    let server = start(&["127.0.0.0/8", "10.0.0.0/8"], 0, LONG).await;
    let list = "198.51.100.1, 203.0.113.9, 10.0.0.2";
    assert!(
        server
            .exchange(&[&forwarded_for(list)])
            .await
            .ends_with("203.0.113.9")
    );
    let inner = b"PROXY TCP4 10.0.0.7 127.0.0.1 4711 80\r\n";
    assert!(
        server
            .exchange(&[inner, &forwarded_for("203.0.113.9")])
            .await
            .ends_with("203.0.113.9")
    );
    let outer = b"PROXY TCP4 192.0.2.1 127.0.0.1 4711 80\r\n";
    assert!(
        server
            .exchange(&[outer, &forwarded_for("203.0.113.9")])
            .await
            .ends_with("192.0.2.1")
    );
}

#[tokio::test]
async fn one_address_has_no_more_connections_than_it_may_and_upgraded_ones_count() {
    let mut server = start(&[], 1, LONG).await;
    let mut client = server.connect().await;
    client.write_all(UPGRADE).await.unwrap();
    assert!(head(&mut client).await.starts_with("HTTP/1.1 101"));
    let (socket, _, permit) = server.upgraded.recv().await.unwrap();
    let refused = server.exchange(&[GET]).await;
    assert!(
        refused.starts_with("HTTP/1.1 429") && refused.contains("\"code\":\"rate_limited\""),
        "{refused}"
    );
    assert_eq!(server.permits.open(server.address.ip()), 1);
    drop(socket);
    drop(permit);
    // The connection's own task ends with the upgrade, and with it its clone of the permit.
    assert_eq!(until_end(&mut client).await, "");
    while server.permits.open(server.address.ip()) > 0 {
        tokio::task::yield_now().await;
    }
    assert!(server.exchange(&[GET]).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn behind_a_proxy_the_limit_holds_for_each_client_and_not_for_the_proxy() {
    let mut server = start(&["127.0.0.0/8"], 1, LONG).await;
    let upgrade = [
        &UPGRADE[..UPGRADE.len() - 2],
        b"x-forwarded-for: 203.0.113.9\r\n\r\n",
    ]
    .concat();
    let mut client = server.connect().await;
    client.write_all(&upgrade).await.unwrap();
    assert!(head(&mut client).await.starts_with("HTTP/1.1 101"));
    let held = server.upgraded.recv().await.unwrap();
    let refused = server.exchange(&[&forwarded_for("203.0.113.9")]).await;
    assert!(refused.starts_with("HTTP/1.1 429"), "{refused}");
    assert!(
        server
            .exchange(&[&forwarded_for("203.0.113.10")])
            .await
            .starts_with("HTTP/1.1 200")
    );
    assert!(server.exchange(&[GET]).await.starts_with("HTTP/1.1 200"));
    drop(held);
    let proxied = b"PROXY TCP4 203.0.113.9 127.0.0.1 4711 80\r\n";
    assert!(server.exchange(&[proxied, GET]).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn an_upgraded_socket_is_the_plain_one_and_nothing_sent_early_is_lost() {
    let mut server = start(&["127.0.0.0/8"], 0, LONG).await;
    let mut client = server.connect().await;
    let early = [
        &b"PROXY TCP4 203.0.113.9 127.0.0.1 4711 80\r\n"[..],
        UPGRADE,
        b"early",
    ]
    .concat();
    client.write_all(&early).await.unwrap();
    assert!(head(&mut client).await.starts_with("HTTP/1.1 101"));
    let (mut socket, read_ahead, _) = server.upgraded.recv().await.unwrap();
    let mut first = read_ahead;
    while first.len() < 5 {
        first.push(socket.read_u8().await.unwrap());
    }
    assert_eq!(first, b"early");
    socket.write_all(b"pong").await.unwrap();
    let mut answer = [0; 4];
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"pong");
    let Stream::Plain(socket) = socket else {
        panic!("nobody asked for TLS");
    };
    assert!(socket.nodelay().unwrap());
}

#[tokio::test]
async fn a_stopping_server_accepts_nobody_and_ends_idle_connections() {
    let server = start(&[], 0, LONG).await;
    let mut idle = server.connect().await;
    idle.write_all(b"GET /peer HTTP/1.1\r\nhost: dibs\r\n\r\n")
        .await
        .unwrap();
    head(&mut idle).await;
    let mut body = [0; 9];
    idle.read_exact(&mut body).await.unwrap();
    server.stop.send(()).unwrap();
    assert_eq!(until_end(&mut idle).await, "");
    server.ended.await.unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn a_request_too_long_is_refused() {
    let server = start(&[], 0, LONG).await;
    let long = format!(
        "GET /peer HTTP/1.1\r\nhost: dibs\r\nx: {}\r\n\r\n",
        "a".repeat(200_000)
    );
    let mut stream = server.connect().await;
    stream.write_all(long.as_bytes()).await.ok();
    assert!(!until_end(&mut stream).await.contains("200 OK"));
}
