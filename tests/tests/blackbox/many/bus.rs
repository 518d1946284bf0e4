//! Messages on the bus that no instance has sent: torn, forged, played back, for another workspace. Nobody believes them.

use super::site::{Site, log, told};
use crate::desk::{claim, conversation, watch, write};
use crate::hub::WORKSPACE;
use dibs_client::Http;
use dibs_tests::redis::Redis;
use serde_json::json;
use std::time::Duration;

/// Counts what was heard and not believed.
const REJECTED: &str = "dibs_bus_rejected_total";

/// The channel of the tests' workspace.
fn channel() -> String {
    format!("dibs:w:{WORKSPACE}")
}

/// Records what is said in a channel while `said` happens.
async fn recorded(redis: &Redis, said: impl Future<Output = ()>) -> Vec<Vec<u8>> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut socket = tokio::net::TcpStream::connect(("127.0.0.1", redis.port()))
        .await
        .unwrap();
    let subscribe = format!("SUBSCRIBE {}\r\n", channel());
    socket.write_all(subscribe.as_bytes()).await.unwrap();
    let mut bytes = vec![0; 1_024];
    assert!(socket.read(&mut bytes).await.unwrap() > 0);
    said.await;
    let mut bytes = Vec::new();
    let reading = async { while socket.read_buf(&mut bytes).await.unwrap() > 0 {} };
    tokio::time::timeout(Duration::from_millis(300), reading)
        .await
        .ok();
    messages(&bytes)
}

/// The payloads of RESP2 messages.
fn messages(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let line = |bytes: &mut &[u8]| -> Option<String> {
        let end = bytes.windows(2).position(|it| it == b"\r\n")?;
        let line = String::from_utf8_lossy(&bytes[..end]).into_owned();
        *bytes = &bytes[end + 2..];
        Some(line)
    };
    let (mut all, mut words) = (Vec::new(), Vec::new());
    while let Some(header) = line(&mut bytes) {
        if let Some(length) = header.strip_prefix('$').and_then(|it| it.parse::<usize>().ok()) {
            words.push(bytes[..length].to_vec());
            bytes = &bytes[length + 2..];
        }
        if words.len() == 3 {
            all.push(words.pop().unwrap());
            words.clear();
        }
    }
    all
}

/// A metric of all names that begin so, added up.
async fn metric(hub: &crate::hub::Hub, name: &str) -> Option<f64> {
    let text = reqwest::get(format!("{}/metrics", hub.base()))
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let values = text
        .lines()
        .filter_map(|line| line.strip_prefix(name)?.split(' ').next_back()?.parse().ok());
    values.reduce(|a: f64, b| a + b)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_instance_has_said_is_not_believed() {
    let site = Site::new();
    let (here, there) = site.two();
    let c = conversation(&here, "c").await;
    let (ann, bob) = (here.agent("ann").await, there.agent("bob").await);
    watch(&ann, c).await;
    let since = watch(&bob, c).await.version;
    let genuine = recorded(&site.redis, async {
        claim(&ann, c).await;
        write(&here.channel(), "m1", "c", "Hello?").await;
    })
    .await;
    assert!(genuine.len() >= 2, "events were announced: {}", genuine.len());
    let mut forged = 0;
    for message in &genuine {
        let mut flipped = message.clone();
        *flipped.last_mut().unwrap() ^= 1;
        let torn = &message[..message.len() / 2];
        for bytes in [&flipped[..], torn, b"{}", b""] {
            let heard = site.redis.ask_with(&["PUBLISH", &channel()], bytes);
            assert_eq!(heard, "2", "both instances hear it");
            forged += 1;
        }
        // Played back, and told to another workspace.
        assert_eq!(site.redis.ask_with(&["PUBLISH", &channel()], message), "2");
    }
    let other = Http::new(
        &here.base(),
        "other",
        &crate::token::mint(json!({ "sub": "x", "role": "channel", "workspace": "other" })),
    );
    other
        .ingest(&crate::desk::message("o", "o", "Hello?"))
        .await
        .unwrap();
    let last = write(&here.channel(), "m2", "c", "Are you there?").await.seq;
    let all = log(&there, c).await;
    assert_eq!(
        told(&bob, c, last).await,
        super::site::above(&all, since),
        "once, and in order"
    );
    // What says that it comes from an instance itself, that one passes over: the other one counts it.
    let counted = async || metric(&here, REJECTED).await.unwrap() + metric(&there, REJECTED).await.unwrap();
    let all_counted = async {
        while counted().await < f64::from(forged) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let in_time = tokio::time::timeout(super::site::THROUGH, all_counted).await;
    assert!(in_time.is_ok(), "{forged} forged, {} counted", counted().await);
}
