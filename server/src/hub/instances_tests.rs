//! Two hubs over one log: whoever is outrun decides again, and a new customer has one conversation all the same.

use super::{Deps, HttpAsk, Hub, Options, Pulse, Timers};
use crate::bus::local::LocalBus;
use crate::log::group::GroupCommit;
use crate::log::memory::MemoryLog;
use crate::log::{Log, Range};
use crate::metrics::Metrics;
use crate::ports::{Clock, Entropy, SystemClock, SystemEntropy};
use dibs_protocol::http::{Ingest, IngestAnswer};
use dibs_protocol::ids::{AgentId, QueueId, WorkspaceId};
use dibs_protocol::refusal::Code;
use dibs_rules::{Sender, Settings};
use std::collections::BTreeSet;
use std::sync::Arc;

pub(super) fn hub(log: &Arc<dyn Log>, bus: &Arc<LocalBus>) -> Arc<Hub> {
    let settings = Settings {
        default_queue: QueueId::new("default").unwrap(),
        claim_grace_ms: 30_000,
        claim_idle_ms: None,
        offer_ttl_ms: 60_000,
        agents_take_over: false,
        ..Settings::default()
    };
    hub_with(log, bus, settings)
}

pub(super) fn hub_with(log: &Arc<dyn Log>, bus: &Arc<LocalBus>, settings: Settings) -> Arc<Hub> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    hub_of(log, bus, &clock, settings)
}

pub(super) fn hub_of(
    log: &Arc<dyn Log>,
    bus: &Arc<LocalBus>,
    clock: &Arc<dyn Clock>,
    settings: Settings,
) -> Arc<Hub> {
    let options = Options {
        settings,
        resume_window_ms: 86_400_000,
        heartbeat_s: 25,
        silence_s: 60,
        write_timeout_s: 30,
        outbox_bytes: 1 << 20,
        budgets: crate::hub::Budgets::default(),
    };
    let entropy = SystemEntropy::default();
    let instance = entropy.uuid(clock.now_ms());
    Hub::new(Arc::new(Deps {
        group: GroupCommit::new(log.clone()),
        log: log.clone(),
        bus: bus.clone(),
        clock: clock.clone(),
        entropy: Arc::new(entropy),
        options,
        instance,
        metrics: Arc::new(Metrics::new()),
        timers: Arc::new(Timers::default()),
        pulse: Arc::new(Pulse::default()),
    }))
}

pub(super) fn acme() -> WorkspaceId {
    WorkspaceId::new("acme").unwrap()
}

fn message(key: usize, customer: &str) -> Box<Ingest> {
    let text = format!(
        r#"{{"key":"k{key}","channel":"web","customer":{{"id":"{customer}","name":"A"}},"text":"hi"}}"#
    );
    Box::new(serde_json::from_str(&text).unwrap())
}

pub(super) async fn ingest(hub: Arc<Hub>, key: usize, customer: String) -> IngestAnswer {
    let workspace = WorkspaceId::new("acme").unwrap();
    let adapter = Arc::new(Sender::Channel {
        id: AgentId::new("web").unwrap(),
        channels: None,
    });
    let reply = hub
        .ask(&workspace, adapter, HttpAsk::Ingest(message(key, &customer)))
        .await;
    serde_json::from_str(&reply.unwrap().1).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_instances_open_one_conversation_for_a_customer_and_number_without_gaps() {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let log: Arc<dyn Log> = Arc::new(MemoryLog::shared(clock));
    let bus = Arc::new(LocalBus::new());
    let hubs = [hub(&log, &bus), hub(&log, &bus)];
    let mut asked = tokio::task::JoinSet::new();
    for key in 0..200 {
        asked.spawn(ingest(hubs[key % 2].clone(), key, format!("c{}", key % 10)));
    }
    let answers = asked.join_all().await;
    assert_eq!(answers.iter().filter(|it| it.opened).count(), 10);
    let conversations: BTreeSet<_> = answers.iter().map(|it| it.conversation).collect();
    assert_eq!(conversations.len(), 10);
    let range = Range {
        after: 0,
        up_to: u64::MAX >> 1,
        limit: 1_000,
        newest: false,
    };
    let events = log
        .read(&WorkspaceId::new("acme").unwrap(), None, range)
        .await
        .unwrap();
    assert_eq!(
        events.len(),
        210,
        "ten conversations were opened and 200 messages received"
    );
    assert!(events.iter().zip(1..).all(|(event, seq)| event.seq == seq));
    let told: BTreeSet<_> = answers.iter().map(|it| it.seq).collect();
    assert_eq!(
        told.len(),
        200,
        "every message was answered with a seq of its own"
    );
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_lost_what_was_told_gets_a_new_epoch_and_goes_on() {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let memory = MemoryLog::shared(clock);
    let log: Arc<dyn Log> = Arc::new(memory.clone());
    let bus = Arc::new(LocalBus::new());
    let hubs = [hub(&log, &bus), hub(&log, &bus)];
    for hub in &hubs {
        tokio::spawn(hub.clone().run_poll());
    }
    for key in 0..4 {
        ingest(hubs[key % 2].clone(), key, format!("c{key}")).await;
    }
    let before = log.head(&acme()).await.unwrap();
    // A replica that lagged behind takes over: the last conversation was never heard of.
    memory.lose_above(&acme(), before.seq - 2);
    // The head is looked at once a second; until then nothing can be stored, for the numbers are others.
    let mut heads = Vec::new();
    for _ in 0..5 {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        heads.push(log.head(&acme()).await.unwrap());
    }
    let after = heads.pop().unwrap();
    assert_ne!(after.epoch, before.epoch);
    assert_eq!(after.seq, before.seq - 2);
    let again = ingest(hubs[0].clone(), 3, "c3".to_owned()).await;
    assert!(
        again.opened,
        "it was lost, so the adapter's repetition stores it once more"
    );
    let seen = ingest(hubs[1].clone(), 3, "c3".to_owned()).await;
    assert_eq!(seen, again, "both instances follow the new history");
}

#[tokio::test]
async fn a_repetition_is_not_answered_before_what_it_repeats_is_stored() {
    let memory = MemoryLog::new(Arc::new(SystemClock));
    let log: Arc<dyn Log> = Arc::new(memory.clone());
    let hub = hub(&log, &Arc::new(LocalBus::new()));
    ingest(hub.clone(), 0, "c".to_owned()).await;
    memory.set_unavailable(Some("the disk is full".to_owned()));
    let adapter = Arc::new(Sender::Channel {
        id: AgentId::new("web").unwrap(),
        channels: None,
    });
    let ask = || HttpAsk::Ingest(message(1, "c"));
    let acme = acme();
    let (first, second) = tokio::join!(
        hub.ask(&acme, adapter.clone(), ask()),
        hub.ask(&acme, adapter.clone(), ask())
    );
    assert_eq!(first.unwrap_err().code, Code::Unavailable);
    assert_eq!(second.unwrap_err().code, Code::Unavailable);
}
