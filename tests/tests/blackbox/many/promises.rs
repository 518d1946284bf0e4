//! Promises about time over instances: broken exactly once and in time, with nobody connected, and when the instance that
//! knew of them is killed, before they are due or in that very moment.

use super::site::{Site, stored};
use crate::desk::{conversation, count, set};
use crate::hub::Hub;
use dibs_protocol::event::EventEntry;
use dibs_protocol::ids::ConversationId;
use dibs_protocol::time::Time;
use serde_json::json;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A breach is stored so soon after it is due: a lease, and two seconds.
const LATEST_MS: i64 = 9_000;
/// Conversations whose promises are broken together.
const CASES: usize = 6;

async fn promise(hub: &Hub, first_response_s: u64) {
    let levels = json!([{ "name": "all", "first_response_s": first_response_s }]);
    set(hub, json!({ "service_levels": levels })).await;
}

fn due(breach: &EventEntry) -> Time {
    serde_json::from_value(breach.event["due_at"].clone()).unwrap()
}

async fn opened(hub: &Hub) -> Vec<ConversationId> {
    let mut all = Vec::new();
    for number in 0..CASES {
        all.push(conversation(hub, &format!("c{number}")).await);
    }
    all
}

/// Each is broken once, in time.
async fn broken_once(hub: &Hub, all: &[ConversationId]) {
    for c in all {
        let events = stored(hub, *c, "sla_breached", 1).await;
        let breach = events.iter().find(|it| it.kind() == "sla_breached").unwrap();
        let late_ms = breach.at.0 - due(breach).0;
        assert!((0..LATEST_MS).contains(&late_ms), "{late_ms} ms after it was due");
    }
    // What comes later is stored later: by then each would have been there twice.
    let last = conversation(hub, "last").await;
    stored(hub, last, "sla_breached", 1).await;
    for c in all {
        let events = super::site::log(hub, *c).await;
        assert_eq!(count(&events, "sla_breached"), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_breach_is_stored_once_and_in_time_when_who_planned_it_is_dead_and_nobody_is_there() {
    let site = Site::new();
    let (mut here, there) = site.two();
    promise(&here, 2).await;
    let all = opened(&here).await;
    here.kill9();
    broken_once(&there, &all).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_dies_in_the_moment_of_a_breach_takes_it_to_nobodys_grave() {
    let site = Site::new();
    let mut here = site.hub();
    promise(&here, 3).await;
    let all = opened(&here).await;
    let planned = super::site::log(&here, *all.last().unwrap()).await;
    let planned = planned.iter().find(|it| it.kind() == "sla_planned").unwrap();
    // Alone until then, it is the one that takes them.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let left_ms = planned.at.0 + 3_000 - i64::try_from(now.as_millis()).unwrap();
    tokio::time::sleep(Duration::from_millis(u64::try_from(left_ms).unwrap_or(0) + 5)).await;
    here.kill9();
    let there = site.hub();
    broken_once(&there, &all).await;
}
