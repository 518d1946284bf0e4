//! What every log promises, one test body per promise, run against each of them with a fresh one per case.

mod aside;
mod commits;
mod reads;
mod shared;

use super::memory::MemoryLog;
use super::postgres::{self, PostgresLog};
use super::sqlite::SqliteLog;
use super::{
    Aggregate, AggregateKind, Committed, Expected, Item, Log, NewEvent, NewKey, NewState, Outcome, Range,
    Snapshot,
};
use crate::ports::Clock;
use dibs_protocol::ids::{AgentId, ConversationId, WorkspaceId};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use tempfile::TempDir;
use uuid::Uuid;

/// Runs each promise against each log.
macro_rules! promises {
    ($($name:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $name() {
                super::$name(crate::log::conformance::Lab::memory()).await;
            })*
        }
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                super::$name(crate::log::conformance::Lab::sqlite()).await;
            })*
        }
        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                super::$name(crate::log::conformance::Lab::postgres_with_leases().await).await;
            })*
        }
    };
}
pub(crate) use promises;

/// Runs each promise against each log that belongs to one instance alone.
macro_rules! lone_promises {
    ($($name:ident),* $(,)?) => {
        mod lone_memory {
            $(#[tokio::test]
            async fn $name() {
                super::$name(crate::log::conformance::Lab::memory()).await;
            })*
        }
        mod lone_sqlite {
            $(#[tokio::test]
            async fn $name() {
                super::$name(crate::log::conformance::Lab::sqlite()).await;
            })*
        }
    };
}
pub(crate) use lone_promises;

/// Runs each promise against each log that several instances share.
macro_rules! shared_promises {
    ($($name:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $name() {
                super::$name(crate::log::conformance::Lab::shared_memory()).await;
            })*
        }
        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                super::$name(crate::log::conformance::Lab::postgres().await).await;
            })*
        }
    };
}
pub(crate) use shared_promises;

/// A clock that a test sets.
#[derive(Default)]
pub(crate) struct TestClock(pub AtomicI64);

impl Clock for TestClock {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// A log with what a test needs around it.
pub(crate) struct Lab {
    pub log: Arc<dyn Log>,
    pub clock: Arc<TestClock>,
    _folder: Option<TempDir>,
}

impl Lab {
    pub(crate) fn memory() -> Self {
        let clock = Arc::new(TestClock::default());
        Self {
            log: Arc::new(MemoryLog::new(clock.clone())),
            clock,
            _folder: None,
        }
    }

    pub(crate) fn shared_memory() -> Self {
        let clock = Arc::new(TestClock::default());
        Self {
            log: Arc::new(MemoryLog::shared(clock.clone())),
            clock,
            _folder: None,
        }
    }

    pub(crate) fn sqlite() -> Self {
        let clock = Arc::new(TestClock::default());
        let folder = tempfile::tempdir().unwrap();
        let log = SqliteLog::open(folder.path(), clock.clone()).unwrap();
        Self {
            log: Arc::new(log),
            clock,
            _folder: Some(folder),
        }
    }

    /// A schema of its own in a server that this process's tests share, on the test's clock.
    pub(crate) async fn postgres() -> Self {
        let clock = Arc::new(TestClock::default());
        let (url, schema) = postgres::testing::fresh();
        let options = postgres::PostgresOptions {
            url: &url,
            ca: None,
            readers: 2,
            schema: &schema,
        };
        let log = PostgresLog::on_clock(options, Some(clock.clone())).await.unwrap();
        Self {
            log: Arc::new(log),
            clock,
            _folder: None,
        }
    }

    /// The same, with leases for instances 1 and 2 that never end: their seats count as those of a log without leases.
    pub(crate) async fn postgres_with_leases() -> Self {
        let lab = Self::postgres().await;
        for instance in [1, 2] {
            lab.log
                .renew(Uuid::from_u128(instance), i64::MAX / 4, 0)
                .await
                .unwrap();
        }
        lab
    }

    pub(crate) async fn commit(&self, items: Vec<Item>) -> Vec<Outcome> {
        self.log.commit(items).await.unwrap()
    }

    pub(crate) async fn one(&self, item: Item) -> Outcome {
        let mut outcomes = self.commit(vec![item]).await;
        assert_eq!(outcomes.len(), 1);
        outcomes.remove(0)
    }

    pub(crate) async fn done(&self, item: Item) -> Committed {
        committed(&self.one(item).await)
    }

    pub(crate) async fn version(&self, aggregate: &Aggregate) -> u64 {
        self.log.state(&acme(), aggregate).await.unwrap().version
    }

    pub(crate) async fn assert_sound(&self) {
        let verified = self.log.verify(&acme()).await.unwrap();
        assert_eq!(verified.faults, Vec::<String>::new());
        assert_eq!(verified.events, verified.head.seq);
    }
}

pub(crate) fn committed(outcome: &Outcome) -> Committed {
    match outcome {
        Outcome::Committed(committed) => *committed,
        other => panic!("not committed: {other:?}"),
    }
}

pub(crate) fn acme() -> WorkspaceId {
    WorkspaceId::new("acme").unwrap()
}

pub(crate) fn agent(name: &str) -> AgentId {
    AgentId::new(name).unwrap()
}

pub(crate) fn place(number: u128) -> ConversationId {
    ConversationId(Uuid::from_u128(number))
}

pub(crate) fn aggregate(id: &str) -> Aggregate {
    Aggregate {
        kind: AggregateKind::Conversation,
        id: id.to_owned(),
    }
}

pub(crate) fn agent_aggregate(id: &str) -> Aggregate {
    Aggregate {
        kind: AggregateKind::Agent,
        id: id.to_owned(),
    }
}

/// A text that counts how often it is written down.
#[derive(Debug)]
pub(crate) struct Text(pub &'static str, pub Arc<AtomicUsize>);

impl Snapshot for Text {
    fn encode(&self) -> Vec<u8> {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.as_bytes().to_vec()
    }
}

pub(crate) fn state(id: &str, body: &'static str) -> NewState {
    let body: Arc<dyn Snapshot> = Arc::new(Text(body, Arc::default()));
    NewState {
        aggregate: aggregate(id),
        body: Some(body),
        active: true,
        owner: None,
        last_event: None,
    }
}

pub(crate) fn event(kind: &'static str) -> NewEvent {
    NewEvent {
        at_ms: 1_000,
        conversation: Some(place(1)),
        kind,
        actor: r#"{"kind":"system"}"#.to_owned(),
        skeleton: format!(r#"{{"actor":{{"kind":"system"}},"event":{{"kind":"{kind}"}}}}"#),
        body: Some(format!(
            r#"{{"actor":{{"kind":"system"}},"event":{{"kind":"{kind}","text":"secret"}}}}"#
        )),
        salt: [7; 16],
    }
}

pub(crate) fn empty() -> Item {
    Item::new(acme(), Uuid::new_v4())
}

/// An item with so many events.
pub(crate) fn item(events: usize) -> Item {
    Item {
        events: (0..events).map(|_| event("noted")).collect(),
        ..empty()
    }
}

/// An item with an event that reads and replaces the state of an aggregate.
pub(crate) fn change(id: &str, expected: Expected, body: &'static str) -> Item {
    Item {
        expected: vec![(aggregate(id), expected)],
        states: vec![state(id, body)],
        ..item(1)
    }
}

pub(crate) fn new_key(key: &str, answers_event: Option<usize>) -> NewKey {
    NewKey {
        scope: "priya reply".to_owned(),
        key: key.to_owned(),
        fingerprint: [3; 32],
        answer: r#"{"done":true}"#.to_owned(),
        answers_event,
        at_ms: 1_000,
        keep_until_ms: 2_000,
    }
}

pub(crate) fn everything() -> Range {
    Range {
        after: 0,
        up_to: u64::MAX,
        limit: 1_000,
        newest: false,
    }
}
