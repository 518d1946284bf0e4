//! Half-open handshakes: whoever does not finish one is cut, and the hub stays open to others.

use crate::hub::{Hub, PATIENCE};
use crate::raw::{exchange, tcp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn three_hundred_half_open_handshakes_are_cut() {
    let hub = Hub::start(&["--header-timeout", "1s"]);
    let mut open = Vec::new();
    for i in 0..300 {
        let mut stream = tcp(&hub).await;
        if i % 2 == 0 {
            stream
                .write_all(b"GET /v1/ws HTTP/1.1\r\nHost: x\r\nUpgra")
                .await
                .unwrap();
        }
        open.push(stream);
    }
    let agent = hub.agent("priya").await;
    agent.call(cmd!("ping")).await.unwrap();
    for mut stream in open {
        let mut rest = Vec::new();
        let end = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
        assert!(end.is_ok(), "a half-open handshake is still there");
    }
    agent.call(cmd!("ping")).await.unwrap();
}

#[tokio::test]
async fn upgraded_sockets_without_a_hello_are_cut() {
    let hub = Hub::start(&["--hello-timeout", "1s"]);
    let mut open = Vec::new();
    for _ in 0..50 {
        open.push(crate::raw::Raw::open(&hub).await);
    }
    for mut raw in open {
        assert_eq!(raw.close_code().await, 4008);
    }
}

#[tokio::test]
async fn what_is_no_http_is_ended() {
    let hub = Hub::start(&["--header-timeout", "1s"]);
    for bytes in [
        &b"\x16\x03\x01\x00\xa5\x01\x00\x00"[..],
        b"hello\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        &[0; 4096],
    ] {
        let answer = exchange(&hub, bytes).await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.0 4"),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn a_head_that_never_ends_is_ended() {
    let hub = Hub::start(&["--header-timeout", "2s"]);
    let mut head = b"GET / HTTP/1.1\r\nHost: x\r\n".to_vec();
    for i in 0..20_000 {
        head.extend_from_slice(format!("X-{i}: {i}\r\n").as_bytes());
    }
    let mut stream = tcp(&hub).await;
    // The hub may end it before all is written.
    stream.write_all(&head).await.ok();
    let mut rest = Vec::new();
    let end = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
    assert!(end.is_ok(), "it is still there");
}
