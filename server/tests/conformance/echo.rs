//! An echo on the server's own accept loop, upgrade and socket.

use axum::Router;
use axum::extract::Request;
use axum::routing::get;
use bytes::{BufMut, Bytes, BytesMut};
use dibs_server::http::hand_over;
use dibs_server::hub::outbox::Frame;
use dibs_server::net::{Permits, Server, ServerOptions, Stream, listen};
use dibs_server::session::{Received, Socket};
use std::future::poll_fn;
use std::net::SocketAddr;
use std::time::Duration;

/// Larger than the largest message of the suite, which is far beyond the contract's limit.
const MESSAGE_MAX: usize = 64 << 20;

/// Starts the echo on a free port, for as long as the test's runtime lives.
pub async fn start() -> SocketAddr {
    let options = ServerOptions {
        header_timeout: Duration::from_secs(5),
        drain_timeout: Duration::from_secs(1),
        trusted_proxy: [].into(),
        permits: Permits::new(None),
        tls: None,
    };
    let router = Router::new().route(
        "/echo",
        get(|request: Request| async { hand_over(request, echo) }),
    );
    let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let server = Server::new(listener, router, options);
    let address = server.local_addr().unwrap();
    tokio::spawn(server.run(std::future::pending()));
    address
}

async fn echo(stream: Stream, early: Bytes) {
    let mut socket = Socket::new(stream, early, MESSAGE_MAX);
    loop {
        match poll_fn(|cx| socket.poll_read(cx)).await {
            Received::Text(text) => socket.queue().push_back(Frame::text(&text).into_bytes()),
            Received::Binary(bytes) => socket.queue().push_back(binary(&bytes)),
            Received::Ping | Received::Nothing => {}
            Received::Closed => break,
            Received::Failed(code, reason) => {
                socket.close(code, reason);
                break;
            }
            Received::Gone => return,
        }
        if !drain(&mut socket).await {
            return;
        }
    }
    if drain(&mut socket).await {
        poll_fn(|cx| socket.poll_end(cx)).await;
    }
}

/// Writes everything. Whether the connection is still there.
async fn drain(socket: &mut Socket) -> bool {
    while !socket.is_drained() {
        if poll_fn(|cx| socket.poll_drain(cx)).await.is_err() {
            return false;
        }
    }
    true
}

/// A binary frame. Dibs itself sends none.
fn binary(payload: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(payload.len() + 10);
    frame.put_u8(0x82);
    frame.put_u8(127);
    frame.put_u64(payload.len() as u64);
    frame.put_slice(payload);
    frame.freeze()
}
