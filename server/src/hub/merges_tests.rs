//! Merges and splits where two hubs write to one log: of two that contradict one another exactly one is stored, whole, and
//! whoever follows has the same survivors.

use super::instances_tests::{acme, hub, ingest};
use super::routers_tests::come;
use super::{HttpAsk, Hub, Input, Link};
use crate::bus::local::LocalBus;
use crate::log::memory::MemoryLog;
use crate::log::{Log, Range, StoredEvent};
use crate::ports::{Clock, SystemClock};
use dibs_protocol::command::{Command, Merge, Note, Split};
use dibs_protocol::http::Ingest;
use dibs_protocol::ids::{AgentId, ConversationId};
use dibs_protocol::summary::Summary;
use dibs_protocol::terms::Status;
use dibs_rules::Sender;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const BOUND: Duration = Duration::from_secs(60);

struct Two {
    log: Arc<dyn Log>,
    hubs: [Arc<Hub>; 2],
    links: [Arc<Link>; 2],
    written: usize,
}

impl Two {
    async fn new() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let log: Arc<dyn Log> = Arc::new(MemoryLog::shared(clock));
        let bus = Arc::new(LocalBus::new());
        let hubs = [hub(&log, &bus), hub(&log, &bus)];
        let links = [come(&hubs[0], 0).await, come(&hubs[1], 1).await];
        Self {
            log,
            hubs,
            links,
            written: 0,
        }
    }

    async fn opened(&mut self) -> ConversationId {
        self.written += 1;
        let (hub, key) = (self.hubs[self.written % 2].clone(), self.written);
        ingest(hub, key, format!("c{key}")).await.conversation
    }

    async fn send(&self, at: usize, command: impl Into<Command>) {
        let handle = self.hubs[at].workspace(&acme()).await.unwrap();
        let command = Input::Command(self.links[at].clone(), 1, Box::new(command.into()));
        handle.send(command).unwrap();
    }

    async fn merge(&self, at: usize, into: ConversationId, conversation: ConversationId) {
        self.send(
            at,
            Merge {
                into,
                conversations: vec![conversation],
                expect: None,
                key: None,
            },
        )
        .await;
    }

    /// Comes after everything that this instance was asked of the conversation before.
    async fn mark(&self, at: usize, conversation: ConversationId) {
        let note = Note {
            conversation,
            key: format!("{at}"),
            text: "done".to_owned(),
        };
        self.send(at, note).await;
    }

    async fn events(&self) -> Vec<StoredEvent> {
        let range = Range {
            after: 0,
            up_to: u64::MAX >> 1,
            limit: usize::MAX >> 1,
            newest: false,
        };
        self.log.read(&acme(), None, range).await.unwrap()
    }

    async fn count(&self, kind: &str) -> usize {
        self.events().await.iter().filter(|it| it.kind == kind).count()
    }

    async fn until(&self, kind: &str, times: usize) {
        let until = Instant::now() + BOUND;
        while self.count(kind).await < times {
            assert!(Instant::now() < until, "no {times} {kind}");
            sleep(Duration::from_millis(2)).await;
        }
    }

    async fn summary(&self, at: usize, id: ConversationId, version: u64) -> Summary {
        let anybody = Arc::new(Sender::System);
        let until = Instant::now() + BOUND;
        loop {
            let ask = HttpAsk::Conversation(id);
            let reply = self.hubs[at].ask(&acme(), anybody.clone(), ask).await.unwrap();
            let summary: Summary = serde_json::from_str(&reply.1).unwrap();
            if summary.version >= version {
                return summary;
            }
            assert!(Instant::now() < until, "{id} stays behind");
            sleep(Duration::from_millis(2)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_merges_that_contradict_one_another_one_is_stored() {
    let mut two = Two::new().await;
    for round in 1..=20 {
        let (a, b) = (two.opened().await, two.opened().await);
        tokio::join!(two.merge(0, a, b), two.merge(1, b, a));
        tokio::join!(two.mark(0, a), two.mark(1, b));
        two.until("note_added", 2 * round).await;
        assert_eq!(
            two.count("merged").await,
            2 * round,
            "one merge, told on both sides"
        );
        let last = two.events().await.pop().unwrap().seq;
        let version = |id: ConversationId, all: &[StoredEvent]| {
            all.iter()
                .rev()
                .find(|it| it.conversation == Some(id))
                .unwrap()
                .seq
        };
        let all = two.events().await;
        for id in [a, b] {
            let (version, mut shown) = (version(id, &all), Vec::new());
            for at in 0..2 {
                shown.push(two.summary(at, id, version).await);
            }
            assert_eq!(shown[0], shown[1], "both instances show the same");
            assert!(version <= last);
        }
        let states = [two.summary(0, a, 0).await, two.summary(0, b, 0).await];
        assert_eq!(states.iter().filter(|it| it.status == Status::Closed).count(), 1);
        assert_eq!(states.iter().map(|it| it.unanswered).sum::<u32>(), 2);
    }
    assert!(two.log.verify(&acme()).await.unwrap().faults.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_followed_sends_messages_to_the_survivor_and_splits_them_off_again() {
    let mut two = Two::new().await;
    let (a, b) = (two.opened().await, two.opened().await);
    two.merge(0, b, a).await;
    two.until("merged", 2).await;
    let channel = Arc::new(Sender::Channel {
        id: AgentId::new("web").unwrap(),
        channels: None,
    });
    let more = json!({ "key": "more", "channel": "web", "customer": { "id": "c1", "name": "A" },
        "text": "And?", "conversation": a });
    let more: Box<Ingest> = serde_json::from_value(more).unwrap();
    let reply = two.hubs[1]
        .ask(&acme(), channel, HttpAsk::Ingest(more))
        .await
        .unwrap();
    let answer: dibs_protocol::http::IngestAnswer = serde_json::from_str(&reply.1).unwrap();
    assert_eq!((answer.conversation, answer.opened), (b, false));
    let split = Split {
        conversation: b,
        messages: vec![answer.message],
        subject: None,
        expect: None,
        key: None,
    };
    two.send(0, split).await;
    two.until("split", 2).await;
    let all = two.events().await;
    let version = all
        .iter()
        .rev()
        .find(|it| it.conversation == Some(b))
        .unwrap()
        .seq;
    for at in 0..2 {
        assert_eq!(two.summary(at, b, version).await.unanswered, 2);
    }
}
