//! How long a holder may be gone is what the workspace says, also when it was not they who left but their instance that
//! died: neither as long, nor as short, as the configuration of whoever finds it dead.

use super::HttpAsk;
use super::instances_tests::{acme, ingest};
use super::pulse::LEASE_MS;
use super::virtual_desk::{Virtual, agent, ask, come, start};
use crate::log::memory::MemoryLog;
use crate::log::{Log, StoredEvent};
use dibs_protocol::terms::Role;
use dibs_rules::Sender;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// What may come on top of lease and grace, in milliseconds: a look at leases, one at timers, and what the log counts later.
const MORE_MS: i64 = 2_000 + 1_000 + 500;
/// After so long in virtual time nothing is waited for any more.
const BOUND: Duration = Duration::from_secs(200);

/// Waits for an event of this kind in the log.
async fn stored(log: &Arc<dyn Log>, kind: &str) -> StoredEvent {
    let until = Instant::now() + BOUND;
    loop {
        let mut found = log.read_kind(&acme(), kind, 0, 1).await.unwrap();
        if let Some(event) = found.pop() {
            return event;
        }
        assert!(Instant::now() < until, "no {kind} came");
        sleep(Duration::from_millis(10)).await;
    }
}

/// How long after the instance's death its agent's claim ended, in milliseconds, where the configuration says
/// `configured_s` and the workspace `set_s`.
async fn ended_after(shared: bool, configured_s: i64, set_s: i64) -> i64 {
    let clock = Virtual::begin();
    let log: Arc<dyn Log> = match shared {
        true => Arc::new(MemoryLog::shared(clock.clone())),
        false => Arc::new(MemoryLog::new(clock.clone())),
    };
    let first = start(&log, &clock, configured_s * 1_000).await;
    let put = json!({ "settings": { "claims": { "grace_s": set_s } } });
    let put = HttpAsk::SetSettings(Box::new(serde_json::from_value(put).unwrap()));
    let admin = Arc::new(Sender::Agent(Arc::new(agent("ada", Role::Admin))));
    first.hub.ask(&acme(), admin, put).await.unwrap();
    let opened = ingest(first.hub.clone(), 1, "c".to_owned()).await;
    let priya = come(&first.hub, "priya", Role::Agent).await;
    let claim = json!({ "type": "claim", "conversation": opened.conversation });
    ask(&first.hub, &priya, claim).await;
    stored(&log, "claim_granted").await;
    let died_ms = clock.now_ms();
    drop(first);
    let second = start(&log, &clock, configured_s * 1_000).await;
    let expired = stored(&log, "claim_expired").await;
    drop(second);
    expired.at_ms - died_ms
}

fn is_within(ms: i64, grace_s: i64, lease_ms: i64) {
    let least = grace_s * 1_000;
    let most = least + lease_ms + MORE_MS;
    assert!((least..most).contains(&ms), "{ms} ms are not {least} to {most}");
}

#[tokio::test(start_paused = true)]
async fn a_dead_instances_holders_have_the_workspaces_grace_and_not_the_configured_one() {
    for (configured_s, set_s) in [(60, 3), (1, 20), (60, 13)] {
        is_within(ended_after(true, configured_s, set_s).await, set_s, LEASE_MS);
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_holders_have_the_workspaces_grace_and_not_the_configured_one() {
    for (configured_s, set_s) in [(60, 3), (1, 20), (60, 13)] {
        is_within(ended_after(false, configured_s, set_s).await, set_s, 0);
    }
}
