//! Slow readers: they cost themselves, not the hub and not their neighbours.

use crate::desk::{conversation, event, message, watch};
use crate::hub::{Hub, PATIENCE};
use crate::raw::Raw;
use futures_util::StreamExt;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

const STALLED: usize = 20;
const ROUNDS: usize = 250;
const TEXT: usize = 60_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stalled_readers_are_let_go_and_a_healthy_one_misses_nothing() {
    let hub = Hub::start(&["--write-timeout", "2s", "--outbox-bytes", "262144"]);
    let c = conversation(&hub, "c").await;
    let healthy = hub.agent("healthy").await;
    watch(&healthy, c).await;
    let mut stalled = Vec::new();
    for i in 0..STALLED {
        let mut raw = Raw::welcomed(&hub, &format!("stalled-{i}")).await;
        raw.text(&json!({ "type": "watch", "id": 2, "conversation": c }).to_string())
            .await;
        assert_eq!(raw.answer().await["type"], "ok");
        stalled.push(raw);
    }
    let before = hub.rss_kib();
    let channel = hub.channel();
    let text = "x".repeat(TEXT);
    for i in 0..ROUNDS {
        let (_, sent) = channel
            .ingest(&message(&format!("m{i}"), "c", &text))
            .await
            .unwrap();
        assert_eq!(
            event(&healthy, c, "message_received").await.seq,
            sent.seq,
            "nothing is missed"
        );
    }
    // 15 MB went by; a hub that kept them for each stalled reader would have grown by 300 MB.
    let grown = hub.rss_kib().saturating_sub(before);
    assert!(grown < 120 * 1024, "grown by {grown} KiB");
    for raw in stalled {
        ends_or_resyncs(raw).await;
    }
    healthy.call(cmd!("ping")).await.unwrap();
}

/// A reader that wakes up finds its connection ended, or what it missed replaced by snapshots.
async fn ends_or_resyncs(mut raw: Raw) {
    loop {
        match tokio::time::timeout(PATIENCE, raw.0.next())
            .await
            .expect("neither an end nor a resync")
        {
            Some(Ok(Message::Close(Some(frame)))) => return assert_eq!(u16::from(frame.code), 4009),
            Some(Ok(Message::Text(text))) if text.contains(r#""type":"resync""#) => return,
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return,
        }
    }
}

#[tokio::test]
async fn who_fell_behind_gets_snapshots_and_then_a_position() {
    let hub = Hub::start(&["--write-timeout", "30s", "--outbox-bytes", "65536"]);
    let c = conversation(&hub, "c").await;
    let mut raw = Raw::welcomed(&hub, "slow").await;
    raw.text(&json!({ "type": "watch", "id": 2, "conversation": c, "limit": 1 }).to_string())
        .await;
    assert_eq!(raw.answer().await["type"], "ok");
    let channel = hub.channel();
    let text = "x".repeat(TEXT);
    let mut last = 0;
    for i in 0..ROUNDS {
        last = channel
            .ingest(&message(&format!("m{i}"), "c", &text))
            .await
            .unwrap()
            .1
            .seq;
    }
    let (mut resynced, mut version) = (false, 0);
    loop {
        let frame = raw.frame().await;
        match frame["type"].as_str().unwrap() {
            "event" => {
                let seq = frame["seq"].as_u64().unwrap();
                assert!(seq > version, "an event that a snapshot already contains");
                version = seq;
            }
            "resync" => resynced = true,
            "snapshot" => version = frame["summary"]["version"].as_u64().unwrap(),
            "position" if resynced && frame["seq"].as_u64() >= Some(last) => break,
            _ => {}
        }
    }
    assert!(version >= last, "nothing is lost silently");
}
