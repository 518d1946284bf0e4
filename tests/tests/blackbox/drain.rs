//! Drain: a hub that is asked to go says so, closes its connections in order, and goes in time.

use crate::desk::{conversation, push, watch, write};
use crate::hub::{Hub, PATIENCE};
use crate::raw::Raw;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn clients_are_told_to_come_back_and_then_closed_with_1001() {
    let mut hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let priya = hub.agent("priya").await;
    watch(&priya, c).await;
    hub.term();
    let told = push(&priya, "reconnect").await;
    assert!(told["after_ms"].is_u64() && told["reason"].is_string());
    assert_eq!(
        tokio::time::timeout(PATIENCE, priya.closed()).await.unwrap().code,
        1001
    );
    assert!(hub.exited(PATIENCE).await.unwrap().success());
    let cursor = priya.cursor().await;
    hub.restart();
    let sent = write(&hub.channel(), "m", "c", "back?").await;
    let priya = hub.resume(json!({ "sub": "priya" }), cursor).await;
    assert!(priya.welcome().resumed);
    assert_eq!(
        crate::desk::event(&priya, c, "message_received").await.seq,
        sent.seq
    );
}

#[tokio::test]
async fn a_frozen_client_does_not_keep_it() {
    let mut hub = Hub::start(&[]);
    let frozen = Raw::welcomed(&hub, "frozen").await;
    let silent = crate::raw::tcp(&hub).await;
    hub.term();
    let status = hub.exited(Duration::from_secs(10)).await;
    assert!(
        status.is_some_and(|it| it.success()),
        "it exits within ten seconds"
    );
    drop((frozen, silent));
}

#[tokio::test]
async fn what_was_acknowledged_before_the_drain_is_there_after_it() {
    let mut hub = Hub::start(&[]);
    let channel = hub.channel();
    let mut acknowledged = Vec::new();
    for n in 0..20 {
        acknowledged.push(write(&channel, &format!("m{n}"), "c", "x").await);
    }
    hub.term();
    assert!(hub.exited(PATIENCE).await.is_some());
    hub.restart();
    let all = crate::desk::events(&hub.http(json!({ "sub": "priya" })), acknowledged[0].conversation).await;
    for answer in acknowledged {
        assert!(all.iter().any(|entry| entry.seq == answer.seq));
    }
}
