//! Timers belong to the log: whichever instance takes one, it fires once, and again if who took it died.

use super::site::{Site, stored};
use crate::desk::{claim, conversation, count, watch};
use crate::hub::Hub;
use dibs_client::Client;
use dibs_protocol::ids::ConversationId;
use dibs_protocol::time::Time;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const SNOOZED: usize = 12;

/// So many conversations that all wake at the same moment, which is that far away.
async fn snoozed(hub: &Hub, agent: &Client, after: Duration) -> Vec<ConversationId> {
    let mut all = Vec::new();
    for number in 0..SNOOZED {
        all.push(conversation(hub, &format!("c{number}")).await);
    }
    let due = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + after;
    let due = Time(i64::try_from(due.as_millis()).unwrap());
    for c in &all {
        agent
            .call(cmd!("update", "conversation": c, "status": "pending", "snoozed_until": due))
            .await
            .unwrap();
    }
    all
}

/// Each of them woke once.
async fn woke_once(hub: &Hub, all: &[ConversationId]) {
    for c in all {
        // To `pending`, and to `open`.
        let events = stored(hub, *c, "status_changed", 2).await;
        assert_eq!(count(&events, "status_changed"), 2, "it woke once");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_due_fires_once_over_all_instances() {
    let site = Site::new();
    let (here, there) = site.two();
    let third = site.hub();
    let ann = here.agent("ann").await;
    let all = snoozed(&here, &ann, Duration::from_millis(1_500)).await;
    woke_once(&there, &all).await;
    // A later look finds no second time.
    let bob = third.agent("bob").await;
    let (c, token) = (all[0], claim(&bob, all[0]).await);
    bob.call(cmd!("release", "conversation": c, "token": token))
        .await
        .unwrap();
    woke_once(&third, &all).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_instance_took_and_died_with_fires_all_the_same() {
    let site = Site::new();
    let (mut here, there) = site.two();
    let ann = there.agent("ann").await;
    let due = Duration::from_millis(2_000);
    let begun = std::time::Instant::now();
    let all = snoozed(&there, &ann, due).await;
    watch(&ann, all[0]).await;
    // It dies in the moment in which it may just have taken them.
    tokio::time::sleep(due.saturating_sub(begun.elapsed()) + Duration::from_millis(5)).await;
    here.kill9();
    woke_once(&there, &all).await;
}
