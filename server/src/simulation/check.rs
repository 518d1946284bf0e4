//! What must hold of a schedule besides the oracle's promises: what only the simulator can know. Who was where when a
//! claim ended; that every instance's memory is the log; that the log itself is sound.

use super::client::Client;
use super::env::{Broken, Env};
use super::shared::Shared;
use crate::hub::entry_json;
use crate::log::{Log, Range, StoredEvent};
use dibs_loadtest::oracle::{Feed, Witness, check};
use dibs_protocol::command::Command;
use dibs_protocol::event::{Actor, Event, EventEntry};
use dibs_protocol::frame::HASH_CHARS;
use dibs_protocol::ids::{AgentId, ConversationId};
use dibs_protocol::summary::Summary;
use dibs_protocol::terms::{ExpiryReason, GrantVia, Status};
use dibs_rules::Conversation;
use dibs_rules::fact::Fact;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// A lease, as the hub has it, and what a stopped instance needs after it woke.
const LEASE: Duration = Duration::from_secs(7);
/// An instance that was stopped for less may not notice it.
const NOTICED: Duration = Duration::from_millis(4_500);
/// How long after its waking an instance may still not have heard a dial that waited for it.
const SETTLING: Duration = Duration::from_secs(1);

/// The feed and what it makes.
pub(super) struct Replay {
    pub(super) entries: Vec<EventEntry>,
    pub(super) states: BTreeMap<ConversationId, Conversation>,
}

/// Reads the whole feed as it is stored, and folds it.
pub(super) async fn replay(env: &Env) -> Replay {
    let range = Range {
        after: 0,
        up_to: u64::MAX >> 1,
        limit: usize::MAX >> 1,
        newest: false,
    };
    let stored = env.log.read(&env.workspace, None, range).await.unwrap();
    let mut replay = Replay {
        entries: stored.iter().map(entry).collect(),
        states: BTreeMap::new(),
    };
    for entry in &replay.entries {
        let (Some(conversation), Some(event)) = (entry.conversation, entry.known()) else {
            continue;
        };
        let fact = Fact {
            seq: entry.seq,
            at: entry.at,
            conversation,
            actor: &entry.actor,
            event: &event,
        };
        match replay.states.get_mut(&conversation) {
            Some(state) => state.apply(&fact),
            None => {
                let opened = Conversation::opened(&fact);
                replay.states.extend(opened.map(|it| (conversation, it)));
            }
        }
    }
    replay
}

fn entry(stored: &StoredEvent) -> EventEntry {
    serde_json::from_str(&entry_json(stored)).unwrap()
}

/// The log is sound by itself, and time never runs backwards in it.
pub(super) async fn log_is_sound(env: &Env, replay: &Replay) {
    let verified = env.log.verify(&env.workspace).await.unwrap();
    for fault in verified.faults {
        env.fault(Broken::Log, format!("The log: {fault}"));
    }
    for (before, after) in replay.entries.iter().zip(replay.entries.iter().skip(1)) {
        if after.at < before.at {
            let (seq, at, was) = (after.seq, after.at, before.at);
            env.fault(
                Broken::Log,
                format!("Event {seq} is of {at}, but the one before of {was}."),
            );
        }
    }
}

/// Nobody was given more than they may hold, and nothing that somebody held.
pub(super) fn routing_was_fair(env: &Env, replay: &Replay) {
    let Some(routed) = env.plan.routing else { return };
    let mut held: BTreeMap<ConversationId, AgentId> = BTreeMap::new();
    for entry in &replay.entries {
        let (Some(id), Some(event)) = (entry.conversation, entry.known()) else {
            continue;
        };
        match event {
            Event::ClaimGranted { agent, via, .. } => {
                let before = held.insert(id, agent.clone());
                let by_router = via == GrantVia::Routed && entry.actor == Actor::System;
                let load = held.values().filter(|it| **it == agent).count();
                let seq = entry.seq;
                if let Some(before) = before {
                    let text = format!("Event {seq} gives {agent} what {before} holds.");
                    env.fault(Broken::Routing, text);
                }
                if by_router && load > routed.capacity as usize {
                    let text = format!("Event {seq} gives {agent} the conversation number {load}.");
                    env.fault(Broken::Routing, text);
                }
                env.record.lock().routed += u64::from(via == GrantVia::Routed);
            }
            Event::ClaimReleased { .. } | Event::ClaimExpired { .. } => drop(held.remove(&id)),
            _ => {}
        }
    }
}

/// No claim ended as `holder_gone` while its holder was there, or waited for an instance that had just woken.
pub(super) fn holders_were_gone(env: &Env, shared: &Shared, replay: &Replay) {
    let grace = Duration::from_millis(u64::try_from(env.plan.grace_ms).unwrap_or(0));
    for entry in &replay.entries {
        let Some(Event::ClaimExpired { agent, reason, .. }) = entry.known() else {
            continue;
        };
        let stored = env.record.lock().stored.get(&entry.seq).copied();
        let (true, Some(stored)) = (reason == ExpiryReason::HolderGone, stored) else {
            continue;
        };
        let seq = entry.seq;
        if was_there(shared, &agent, stored.at, grace) {
            env.fault(Broken::Presence, format!(
                "Event {seq} ended a claim of {agent} as holder_gone, but {agent} had a session all the grace before it."
            ));
        }
        for (waiting, life, since) in shared.waited.lock().iter() {
            let noticed = |(stopped, woke): &(Instant, Option<Instant>)| {
                woke.filter(|woke| woke >= since && *woke >= *stopped + NOTICED)
            };
            let woke = life.stops.lock().iter().find_map(noticed);
            let Some(woke) = woke.filter(|_| *waiting == agent && life.place == stored.place) else {
                continue;
            };
            if (woke..woke + SETTLING).contains(&stored.at) {
                env.fault(Broken::Presence, format!(
                    "Event {seq} ended a claim of {agent} as holder_gone, but {agent} waited for that instance to wake."
                ));
            }
        }
    }
}

/// Whether an agent had a session at each moment of the time before, on instances that were well.
fn was_there(shared: &Shared, agent: &AgentId, at: Instant, grace: Duration) -> bool {
    let from = at - grace;
    let mut stays: Vec<_> = shared
        .stays
        .lock()
        .iter()
        .filter(|it| it.agent == *agent && !it.life.is_dead() && it.to.is_none_or(|to| to > from))
        .filter(|it| {
            let ill = |(stopped, woke): &(Instant, Option<Instant>)| {
                *stopped < at && woke.is_none_or(|woke| woke + LEASE > from)
            };
            !it.life.stops.lock().iter().any(ill)
        })
        .map(|it| (it.from, it.to.unwrap_or(at)))
        .collect();
    stays.sort();
    let mut covered = from;
    for (begin, end) in stays {
        if begin <= covered {
            covered = covered.max(end);
        }
    }
    covered >= at
}

/// What every client was shown when all was quiet is what the log has.
pub(super) fn memory_is_the_log(env: &Env, replay: &Replay, clients: &[Client]) {
    for client in clients {
        for (id, (command, fields)) in &client.looked {
            let Some(fields) = fields else {
                env.fault(
                    Broken::Answers,
                    format!("{} got no answer to {id} {command:?}", client.name),
                );
                continue;
            };
            match command {
                Command::List(_) => {
                    let rows = fields.get("conversations").cloned().unwrap_or_default();
                    let rows: Vec<Summary> = serde_json::from_value(rows).unwrap_or_default();
                    let told: BTreeMap<_, _> = rows.into_iter().map(|it| (it.id, it)).collect();
                    let stored: BTreeMap<_, _> =
                        replay.states.iter().map(|(id, it)| (*id, it.summary())).collect();
                    let who = format!("{}'s list", client.name);
                    same_rows(env, &who, &told, &stored);
                }
                Command::Watch(it) => same_timeline(env, replay, client, it.conversation, fields),
                _ => {}
            }
        }
    }
}

fn same_rows(
    env: &Env,
    who: &str,
    told: &BTreeMap<ConversationId, Summary>,
    stored: &BTreeMap<ConversationId, Summary>,
) {
    for (id, row) in stored {
        match told.get(id) {
            Some(it) if it == row => {}
            Some(it) => env.fault(
                Broken::Memory,
                format!(
                    "{who} shows {id} in version {} although it is {}: {it:?} is not {row:?}",
                    it.version, row.version
                ),
            ),
            None => env.fault(
                Broken::Memory,
                format!("{who} lacks {id}, version {}", row.version),
            ),
        }
    }
    for id in told.keys().filter(|id| !stored.contains_key(id)) {
        env.fault(Broken::Memory, format!("{who} shows {id}, which it should not"));
    }
}

fn same_timeline(
    env: &Env,
    replay: &Replay,
    client: &Client,
    id: ConversationId,
    fields: &BTreeMap<String, Value>,
) {
    let stored = replay.entries.iter().filter(|it| it.conversation == Some(id));
    let stored: Vec<_> = stored.map(|it| it.seq).collect();
    let told = fields.get("entries").and_then(Value::as_array);
    let seq = |it: &Value| it.get("seq").and_then(Value::as_u64);
    let told: Vec<_> = told.into_iter().flatten().filter_map(seq).collect();
    let more = fields.get("more") == Some(&Value::Bool(true));
    if told != stored && !(more && stored.ends_with(&told)) {
        let name = &client.name;
        env.fault(
            Broken::Memory,
            format!("{name} was shown {told:?} of {id}, which has {stored:?}"),
        );
    }
    let summary = fields.get("summary").cloned().unwrap_or_default();
    let told: Option<Summary> = serde_json::from_value(summary).ok();
    let stored = replay.states.get(&id).map(Conversation::summary);
    if told != stored {
        let name = &client.name;
        env.fault(
            Broken::Memory,
            format!("{name} was shown {told:?}, which is {stored:?}"),
        );
    }
}

/// A customer's message opens a conversation only where none was open.
pub(super) fn customers_have_one_conversation(env: &Env, replay: &Replay) {
    let mut states: BTreeMap<ConversationId, Conversation> = BTreeMap::new();
    for entry in &replay.entries {
        let (Some(id), Some(event)) = (entry.conversation, entry.known()) else {
            continue;
        };
        // A split opens one beside the other on purpose, in an agent's name.
        if let Event::ConversationOpened {
            channel, customer, ..
        } = &event
            && matches!(entry.actor, Actor::Customer { .. })
        {
            let open = states.values().find(|it| {
                it.status != Status::Closed && it.channel == *channel && it.customer.id == customer.id
            });
            if let Some(open) = open {
                let (seq, customer, other) = (entry.seq, &customer.id, open.id);
                env.fault(
                    Broken::OneConversation,
                    format!("Event {seq} opens {id} for {customer}, whose {other} was open."),
                );
            }
        }
        let fact = Fact {
            seq: entry.seq,
            at: entry.at,
            conversation: id,
            actor: &entry.actor,
            event: &event,
        };
        match states.get_mut(&id) {
            Some(state) => state.apply(&fact),
            None => states.extend(Conversation::opened(&fact).map(|it| (id, it))),
        }
    }
}

/// The oracle's promises, from all histories and the log.
pub(super) async fn promises(
    env: &Env,
    replay: &Replay,
    witnesses: &[Witness],
) -> BTreeMap<&'static str, u64> {
    let mut feed = Feed::new();
    feed.workspace = Some(env.workspace.clone());
    (feed.whole, feed.everybody) = (true, true);
    for entry in &replay.entries {
        feed.push_entry(entry);
        if let Ok(Some(hash)) = env.log.hash_at(&env.workspace, entry.seq).await {
            let mut hash = hex::encode(hash);
            hash.truncate(HASH_CHARS);
            feed.push_hash(entry.seq, &hash);
        }
    }
    let verdict = check(&feed, witnesses);
    for fault in &verdict.faults {
        env.fault(Broken::Promise(fault.promise), fault.to_string());
    }
    verdict.checked
}
