//! Timers in numbers: many promises that are due at about the same time are all broken, each once and in time.
//!
//! `DIBS_BENCH_TIMERS=100000 cargo test --release -p dibs --lib timers_tests -- --nocapture` says how late.

use super::instances_tests::{acme, hub_with};
use super::{HttpAsk, Hub};
use crate::bus::local::LocalBus;
use crate::log::Log;
use crate::log::sqlite::SqliteLog;
use crate::ports::{Clock, SystemClock};
use dibs_protocol::ids::AgentId;
use dibs_protocol::time::Time;
use dibs_rules::{Sender, Settings};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many promises without the flag.
const FEW: usize = 300;
/// How many customers write at a time.
const AT_ONCE: usize = 512;
/// How long the last of them may be missing after its time.
const PATIENCE: Duration = Duration::from_secs(60);

async fn hub(log: Arc<dyn Log>, within_s: u64) -> Arc<Hub> {
    let level = json!({ "name": "all", "first_response_s": within_s, "warn_at": 0.999 });
    let set = serde_json::from_value(json!({ "service_levels": [level] })).unwrap();
    let bus = Arc::new(LocalBus::new());
    let hub = hub_with(&log, &bus, Settings::default().with(set));
    log.begin(hub.deps.instance, SystemClock.now_ms(), 30_000)
        .await
        .unwrap();
    hub
}

async fn write(hub: Arc<Hub>, n: usize) {
    let adapter = Arc::new(Sender::Channel {
        id: AgentId::new("web").unwrap(),
        channels: None,
    });
    let message = json!({ "key": format!("k{n}"), "channel": "web", "customer": { "id": format!("c{n}"), "name": "A" },
        "text": "hi" });
    let ask = HttpAsk::Ingest(serde_json::from_value(message).unwrap());
    hub.ask(&acme(), adapter, ask).await.unwrap();
}

/// How late each breach was told, in milliseconds; each conversation has one.
async fn lateness(log: &dyn Log) -> Vec<i64> {
    let mut late = Vec::new();
    let mut of = BTreeSet::new();
    let mut after = 0;
    loop {
        let page = log
            .read_kind(&acme(), "sla_breached", after, 10_000)
            .await
            .unwrap();
        let Some(last) = page.last().map(|it| it.seq) else {
            return late;
        };
        for stored in page {
            let event: Value = serde_json::from_str(&stored.event).unwrap();
            let due: Time = serde_json::from_value(event["event"]["due_at"].clone()).unwrap();
            late.push(stored.at_ms - due.0);
            assert!(of.insert(stored.conversation), "a second breach of one promise");
        }
        after = last;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_promise_that_is_due_is_broken_once_and_in_time() {
    let flag = std::env::var("DIBS_BENCH_TIMERS").ok();
    let many = flag.as_ref().map_or(FEW, |it| it.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let log: Arc<dyn Log> = Arc::new(SqliteLog::open(folder.path(), Arc::new(SystemClock)).unwrap());
    let hub = hub(log.clone(), if flag.is_some() { 60 } else { 2 }).await;
    let timers = tokio::spawn(hub.clone().run_timers());
    let pulse = tokio::spawn(hub.clone().run_pulse());
    let begun = Instant::now();
    let mut writing = tokio::task::JoinSet::new();
    for n in 0..many {
        if writing.len() >= AT_ONCE {
            writing.join_next().await.unwrap().unwrap();
        }
        writing.spawn(write(hub.clone(), n));
    }
    writing.join_all().await;
    let written = begun.elapsed();
    let end = Instant::now() + PATIENCE + Duration::from_secs(60);
    let mut late = lateness(&*log).await;
    while late.len() < many {
        assert!(Instant::now() < end, "{} of {many} were broken", late.len());
        tokio::time::sleep(Duration::from_millis(500)).await;
        late = lateness(&*log).await;
    }
    timers.abort();
    pulse.abort();
    late.sort_unstable();
    let at = |share: usize| late[(late.len() - 1) * share / 100];
    assert!(late[0] >= 0, "none before its time");
    if flag.is_some() {
        println!(
            "{many} promises, made in {written:?}, twice a timer each; told late by {} ms (half), {} ms (99 of 100), {} ms (all)",
            at(50),
            at(99),
            at(100)
        );
    }
}
