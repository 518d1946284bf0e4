//! Two routers over one log that hear nothing of each other, so that both route: nobody is given more than they may hold, no
//! conversation is given twice, and what somebody took by hand stays theirs.

use super::instances_tests::{acme, hub_with, ingest};
use super::outbox::Outbox;
use super::{Hub, Input, Join, Link};
use crate::bus::local::LocalBus;
use crate::log::memory::MemoryLog;
use crate::log::{Log, Range};
use crate::ports::{Clock, SystemClock};
use dibs_protocol::command::{Claim, Command};
use dibs_protocol::event::{Actor, Event};
use dibs_protocol::ids::{AgentId, ConversationId, QueueId};
use dibs_protocol::terms::{AgentKind, GrantVia, Role};
use dibs_rules::Settings;
use dibs_rules::context::Agent;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

const CAPACITY: usize = 2;
const BOUND: Duration = Duration::from_secs(60);

fn settings(strategy: &str) -> Settings {
    let set = json!({
        "queues": [{"id": "default", "routing": strategy}],
        "capacity": {"default": CAPACITY},
    });
    let configured = Settings {
        default_queue: QueueId::new("default").unwrap(),
        ..Settings::default()
    };
    configured.with(serde_json::from_value(set).unwrap())
}

/// An agent comes to an instance.
pub(super) async fn come(hub: &Arc<Hub>, number: usize) -> Arc<Link> {
    let handle = hub.workspace(&acme()).await.unwrap();
    let link = Arc::new(Link::new(
        Uuid::from_u128(number as u128),
        Outbox::new(1 << 20, 0),
    ));
    let agent = Agent {
        id: AgentId::new(&format!("a{number}")).unwrap(),
        name: "A".to_owned(),
        kind: AgentKind::Human,
        role: Role::Agent,
        teams: Vec::new(),
        skills: Vec::new(),
    };
    let join = Join {
        link: link.clone(),
        agent: Arc::new(agent),
        expires_s: i64::MAX >> 12,
        hello: 1,
        resume: None,
        token: crate::hub::TokenMark::default(),
        quiet: false,
    };
    handle.send(Input::Join(Box::new(join))).unwrap();
    let until = Instant::now() + BOUND;
    while !link.joined() {
        assert!(Instant::now() < until, "a{number} was not welcomed");
        sleep(Duration::from_millis(5)).await;
    }
    link
}

/// The feed so far: who holds what, after every event within what is allowed.
struct Held {
    by: BTreeMap<ConversationId, AgentId>,
    routed: usize,
    head: u64,
}

async fn held(log: &Arc<dyn Log>) -> Held {
    let range = Range {
        after: 0,
        up_to: u64::MAX >> 1,
        limit: 100_000,
        newest: false,
    };
    let events = log.read(&acme(), None, range).await.unwrap();
    let mut held = Held {
        by: BTreeMap::new(),
        routed: 0,
        head: events.last().map_or(0, |it| it.seq),
    };
    for stored in &events {
        let (actor, event) = super::codec::decode(stored).unwrap();
        let Some(id) = stored.conversation else { continue };
        match event {
            Event::ClaimGranted { agent, via, .. } => {
                let before = held.by.insert(id, agent.clone());
                assert_eq!(before, None, "event {} grants what somebody holds", stored.seq);
                if via == GrantVia::Routed {
                    assert_eq!(actor, Actor::System);
                    held.routed += 1;
                    let load = held.by.values().filter(|it| **it == agent).count();
                    assert!(
                        load <= CAPACITY,
                        "event {} gives {agent} {load} conversations",
                        stored.seq
                    );
                }
            }
            Event::ClaimReleased { .. } | Event::ClaimExpired { .. } => drop(held.by.remove(&id)),
            _ => {}
        }
    }
    held
}

async fn race(strategy: &str) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let log: Arc<dyn Log> = Arc::new(MemoryLog::shared(clock));
    // A bus each: neither hears of the other's people, nor of who else routes.
    let hubs = [0, 1].map(|_| hub_with(&log, &Arc::new(LocalBus::new()), settings(strategy)));
    let mut links = Vec::new();
    for (hub, agents) in hubs.iter().zip([0..4, 2..6]) {
        for number in agents {
            links.push((hub.clone(), come(hub, number).await));
        }
    }
    let mut asked = tokio::task::JoinSet::new();
    for key in 0..60 {
        asked.spawn(ingest(hubs[key % 2].clone(), key, format!("c{key}")));
    }
    let answers = asked.join_all().await;
    // Everybody also calls dibs, on what is free or just being given to somebody else.
    for (n, (hub, link)) in links.iter().enumerate().take(6) {
        let handle = hub.workspace(&acme()).await.unwrap();
        let claim = Claim {
            conversation: answers[n * 7].conversation,
            key: None,
        };
        let command = Box::new(Command::Claim(claim));
        handle.send(Input::Command(link.clone(), 2, command)).unwrap();
    }
    let until = Instant::now() + BOUND;
    let full = |it: &Held| {
        let mut load: BTreeMap<&AgentId, usize> = BTreeMap::new();
        it.by
            .values()
            .for_each(|agent| *load.entry(agent).or_default() += 1);
        load.len() == 6 && load.values().all(|it| *it >= CAPACITY)
    };
    while !full(&held(&log).await) {
        assert!(Instant::now() < until, "everybody gets as much as they may hold");
        sleep(Duration::from_millis(20)).await;
    }
    // Two looks at the head by either: whoever thought that there was more to give has tried.
    sleep(Duration::from_millis(2_500)).await;
    let end = held(&log).await;
    assert!(end.routed > 0 && full(&end), "{} events", end.head);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_routers_never_give_too_much_nor_twice() {
    for strategy in ["round_robin", "least_loaded", "longest_idle"] {
        race(strategy).await;
    }
}
