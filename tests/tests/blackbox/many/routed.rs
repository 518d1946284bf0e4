//! Routing over instances: what arrives anywhere is given once, to whoever has the most room anywhere, never above what
//! they take; what the people of a dead instance held comes before all that waits, to people elsewhere.

use super::site::{Site, THROUGH, log, stored};
use crate::desk::{message_with, set};
use crate::hub::Hub;
use dibs_client::Client;
use dibs_protocol::answer::WatchAgentsAnswer;
use dibs_protocol::event::EventEntry;
use dibs_protocol::frame::ServerFrame;
use dibs_protocol::ids::ConversationId;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::task::JoinSet;

/// How many conversations each agent takes.
const CAPACITY: usize = 20;
/// Agents of each instance.
const AGENTS: usize = 3;
/// Customers who come at first, and in all.
const FIRST: usize = 60;
const ARRIVALS: usize = 200;

async fn routed(hub: &Hub) {
    let queue = json!({ "id": "inbox", "routing": "least_loaded", "delivery": "push" });
    let settings = json!({ "queues": [queue], "capacity": { "default": CAPACITY } });
    set(hub, settings).await;
}

/// These customers write to both instances at once.
async fn arrive(hubs: [&Hub; 2], numbers: std::ops::Range<usize>) -> Vec<ConversationId> {
    let mut asked = JoinSet::new();
    for number in numbers {
        let channel = hubs[number % 2].channel();
        asked.spawn(async move {
            let customer = format!("c{number}");
            let message = message_with(&customer, &customer, "Hello?", json!({ "queue": "inbox" }));
            channel.ingest(&message).await.unwrap().1.conversation
        });
    }
    asked.join_all().await
}

/// Waits until this agent's instance knows that so many are connected.
async fn knows(agent: &Client, count: usize) {
    let all = async {
        loop {
            let known: WatchAgentsAnswer = agent.call_as(cmd!("watch_agents")).await.unwrap();
            if known.agents.iter().filter(|it| it.connected).count() >= count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let all = tokio::time::timeout(THROUGH, all).await;
    all.unwrap_or_else(|_| panic!("there are not {count} connected"));
}

/// Waits until an agent was given so many conversations more.
async fn gains(agent: &Client, count: usize) -> BTreeSet<ConversationId> {
    let mut gained = BTreeSet::new();
    while gained.len() < count {
        let next = agent.wait_within(THROUGH, |push| match push {
            ServerFrame::ClaimGained { conversation, .. } => Some(*conversation),
            _ => None,
        });
        gained.insert(
            next.await
                .unwrap_or_else(|error| panic!("{} of {count}: {error}", gained.len())),
        );
    }
    gained
}

/// Everything that happened in these conversations, in order.
async fn feed(hub: &Hub, all: &[ConversationId]) -> Vec<EventEntry> {
    let mut feed = Vec::new();
    for c in all {
        feed.extend(log(hub, *c).await);
    }
    feed.sort_by_key(|it| it.seq);
    feed
}

/// Who holds what in the end; nobody ever held more than they take, and nothing was given that somebody held.
fn held(feed: &[EventEntry]) -> BTreeMap<ConversationId, String> {
    let mut held: BTreeMap<ConversationId, String> = BTreeMap::new();
    for entry in feed {
        let c = entry.conversation.unwrap();
        match entry.kind() {
            "claim_granted" => {
                let agent = entry.event["agent"].as_str().unwrap().to_owned();
                let before = held.values().filter(|it| **it == agent).count();
                assert!(before < CAPACITY, "{agent} is given one more than {before}");
                assert_eq!(held.insert(c, agent), None, "{c} was held");
            }
            "claim_expired" | "claim_released" => {
                held.remove(&c);
            }
            _ => {}
        }
    }
    held
}

fn load(held: &BTreeMap<ConversationId, String>) -> BTreeMap<&str, usize> {
    let mut load = BTreeMap::new();
    for agent in held.values() {
        *load.entry(agent.as_str()).or_default() += 1;
    }
    load
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_arrival_is_given_once_by_room_and_what_the_dead_held_comes_first() {
    let site = Site::new();
    let (mut here, there) = site.two();
    routed(&here).await;
    let (mut of_here, mut of_there) = (Vec::new(), Vec::new());
    for number in 0..AGENTS {
        of_here.push(here.agent(&format!("h{number}")).await);
        of_there.push(there.agent(&format!("t{number}")).await);
    }
    for agent in [&of_here[0], &of_there[0]] {
        knows(agent, 2 * AGENTS).await;
    }
    let mut all = arrive([&here, &there], 0..FIRST).await;
    for c in &all {
        stored(&there, *c, "claim_granted", 1).await;
    }
    let shared = held(&feed(&there, &all).await);
    let fair = FIRST / (2 * AGENTS);
    let spread = load(&shared);
    assert_eq!(spread.len(), 2 * AGENTS);
    assert!(spread.values().all(|it| it.abs_diff(fair) <= 1), "{spread:?}");

    all.extend(arrive([&here, &there], FIRST..ARRIVALS).await);
    let mut of_the_dead = BTreeSet::new();
    for agent in &of_here {
        of_the_dead.extend(gains(agent, CAPACITY).await);
    }
    for agent in &of_there {
        gains(agent, CAPACITY).await;
    }
    let full = held(&feed(&there, &all).await);
    assert!(
        load(&full).values().all(|it| *it == CAPACITY),
        "{:?}",
        load(&full)
    );
    assert_eq!(full.len(), 2 * AGENTS * CAPACITY);

    here.kill9();
    for c in &of_the_dead {
        stored(&there, *c, "claim_expired", 1).await;
    }
    // Whoever comes now is given what was held already, before those who only waited.
    let zoe = there.agent("zoe").await;
    let given = gains(&zoe, CAPACITY).await;
    let waited: Vec<_> = given.difference(&of_the_dead).collect();
    assert!(waited.is_empty(), "before them came {waited:?}");
    let now = held(&feed(&there, &all).await);
    assert_eq!(load(&now).len(), AGENTS + 1, "{:?}", load(&now));
    assert!(load(&now).values().all(|it| *it == CAPACITY), "{:?}", load(&now));
}
