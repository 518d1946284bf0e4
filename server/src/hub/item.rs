//! What a decision asks of the log: versions it expects, states, timers, keys, inbox rows.

use super::workspace::Workspace;
use crate::log::{
    Aggregate, AggregateKind, Expected, Item, LogError, NewKey, NewMention, NewState, StoredKey, StoredState,
    Timer,
};
use crate::seeded::{Bug, seeded};
use dibs_protocol::event::{Actor, Event};
use dibs_protocol::ids::{AgentId, ChannelId, ConversationId, CustomerId, NoteId};
use dibs_protocol::terms::Status;
use dibs_protocol::time::Time;
use dibs_rules::decision::{KeyRecord, KeyToStore, Mentioned};
use dibs_rules::excerpt::excerpt;
use dibs_rules::{Conversation, Decision, deadlines::next_deadline};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use uuid::Uuid;

impl Workspace {
    pub(crate) fn expect_conversation(
        &mut self,
        item: &mut Item,
        before: Option<&Conversation>,
        after: &Arc<Conversation>,
        last_event: usize,
    ) {
        let aggregate = conversation_aggregate(after.id);
        let expected = match self.conversations.get(&after.id) {
            Some(entry) if entry.flights > 0 => Expected::After(entry.last_commit),
            _ => Expected::Stored(before.map_or(0, |it| it.version)),
        };
        item.expected.push((aggregate.clone(), expected));
        item.states.push(NewState {
            aggregate: aggregate.clone(),
            body: Some(after.clone()),
            active: after.status != Status::Closed,
            owner: Some(after.customer.id.to_string()),
            last_event: Some(last_event),
        });
        let settings = &self.settings.rules;
        let due = next_deadline(after, settings);
        if due != before.and_then(|it| next_deadline(it, settings)) {
            item.timers.push(Timer {
                aggregate,
                due_ms: due.map(|it| it.0),
            });
        }
    }

    /// Opening, closing and reopening expect, and advance, the customer's aggregate.
    pub(crate) fn expect_customer(
        &mut self,
        item: &mut Item,
        before: Option<&Conversation>,
        after: &Conversation,
    ) {
        let was_open = before.is_some_and(|it| it.status != Status::Closed);
        let is_open = after.status != Status::Closed;
        if was_open == is_open && before.is_none_or(|it| it.customer.id == after.customer.id) {
            return;
        }
        if seeded(Bug::IngestWithoutCustomer) && before.is_none() {
            return self.open_unnamed(after);
        }
        let aggregate = customer_aggregate(self.epoch, &after.channel, &after.customer.id);
        let place = (after.channel.clone(), after.customer.id.clone());
        let stored = self.customer_versions.remove(&aggregate.id);
        let customer = self.customers.entry(place).or_default();
        customer.version = stored.unwrap_or(customer.version);
        let expected = match customer.flights {
            0 => Some(Expected::Stored(customer.version)),
            // Another conversation of theirs changes with this one.
            _ if customer.last_commit == item.commit => None,
            _ => Some(Expected::After(customer.last_commit)),
        };
        customer.unclosed.retain(|id| *id != after.id);
        if is_open {
            customer.unclosed.push(after.id);
        }
        customer.flights += 1;
        customer.last_commit = item.commit;
        let active = !customer.unclosed.is_empty();
        item.states.retain(|it| it.aggregate != aggregate);
        item.expected
            .extend(expected.map(|expected| (aggregate.clone(), expected)));
        item.states.push(NewState {
            aggregate,
            body: None,
            active,
            owner: None,
            last_event: None,
        });
        if !is_open {
            let marks = self
                .conversations
                .get(&after.id)
                .map(|it| it.marks.clone())
                .unwrap_or_default();
            let name = after.id.to_string();
            item.marks
                .extend(marks.into_iter().map(|(agent, _)| crate::log::Mark {
                    agent,
                    name: name.clone(),
                    value: None,
                }));
        }
    }

    /// A conversation is opened, and the log is not asked whether the customer has one ([`Bug::IngestWithoutCustomer`]).
    fn open_unnamed(&mut self, after: &Conversation) {
        let place = (after.channel.clone(), after.customer.id.clone());
        let customer = self.customers.entry(place).or_default();
        customer.unclosed.push(after.id);
    }

    pub(crate) fn add_keys(
        &mut self,
        item: &mut Item,
        decision: &Decision,
        id: ConversationId,
        (first, offset): (u64, usize),
        now: Time,
    ) {
        // Among the item's events, those of other conversations come first.
        let answers_event = decision.answers_event.map(|at| offset + at);
        if let Some(key) = &decision.key {
            let answer = serde_json::to_string(&decision.answer).unwrap_or_default();
            if !seeded(Bug::NoDeduplication) {
                item.keys.push(new_key(key, answer, answers_event, now));
            }
            let seq = answers_event.map(|at| first + at as u64);
            let record = KeyRecord {
                fingerprint: key.fingerprint,
                answer: decision.answer.clone(),
                seq,
            };
            self.remember_key(key.at.clone(), record);
        }
        if let Some(index) = &decision.index {
            item.keys
                .push(new_key(index, format!("\"{id}\""), answers_event, now));
        }
    }
}

/// Nothing ever advances it: it only carries that one item of an instance comes after another.
pub(crate) fn feed_aggregate() -> Aggregate {
    Aggregate {
        kind: AggregateKind::Settings,
        id: "feed".to_owned(),
    }
}

/// The aggregate of a conversation.
pub(crate) fn conversation_aggregate(id: ConversationId) -> Aggregate {
    Aggregate {
        kind: AggregateKind::Conversation,
        id: id.to_string(),
    }
}

/// The aggregate of an agent.
pub(crate) fn agent_aggregate(id: &AgentId) -> Aggregate {
    Aggregate {
        kind: AggregateKind::Agent,
        id: id.to_string(),
    }
}

/// The aggregate of a customer on a channel. Its id is a digest, so that no customer's name stays behind in it.
pub(crate) fn customer_aggregate(epoch: Uuid, channel: &ChannelId, customer: &CustomerId) -> Aggregate {
    let mut digest = Sha256::new();
    digest.update(epoch.as_bytes());
    digest.update(channel.as_str());
    digest.update([0]);
    digest.update(customer.as_str());
    Aggregate {
        kind: AggregateKind::CustomerChannel,
        id: hex::encode(&digest.finalize()[..16]),
    }
}

pub(crate) fn new_key(key: &KeyToStore, answer: String, answers_event: Option<usize>, now: Time) -> NewKey {
    NewKey {
        scope: key.at.scope.clone(),
        key: key.at.key.clone(),
        fingerprint: key.fingerprint,
        answer,
        answers_event,
        at_ms: now.0,
        keep_until_ms: now.0.saturating_add(key.keep_ms),
    }
}

pub(crate) fn parse_key(stored: &StoredKey) -> Result<KeyRecord, LogError> {
    let answer = serde_json::from_str(&stored.answer)
        .map_err(|_| LogError::Corrupt(format!("the key of scope {} cannot be read", stored.scope)))?;
    Ok(KeyRecord {
        fingerprint: stored.fingerprint,
        answer,
        seq: stored.seq,
    })
}

/// Reads a conversation's stored state; `None` when there is none.
pub(crate) fn parse_state(stored: &StoredState) -> Result<Option<Conversation>, LogError> {
    let Some(body) = &stored.body else { return Ok(None) };
    let state = serde_json::from_slice(body).map_err(|_| {
        LogError::Corrupt(format!(
            "the state of conversation {} cannot be read",
            stored.aggregate.id
        ))
    })?;
    Ok(Some(state))
}

/// The inbox rows of mentions in notes among these events of a conversation, without `seq` and `read`. `at` is the place of
/// the first event within its item.
pub(crate) fn mention_bodies(
    (events, at): (&[(Actor, Event)], usize),
    mentioned: &[Mentioned],
    conversation: ConversationId,
    now: Time,
) -> Vec<NewMention> {
    let row = |it: &Mentioned| {
        let Some((_, Event::NoteAdded { note, agent, .. })) = events.get(it.event) else {
            return None;
        };
        let body = MentionBody {
            conversation,
            note: note.id,
            by: agent.clone(),
            at: now,
            excerpt: excerpt(&note.text),
        };
        let body = serde_json::to_string(&body).ok()?;
        Some(NewMention {
            agent: it.agent.clone(),
            event: at + it.event,
            body,
        })
    };
    mentioned.iter().filter_map(row).collect()
}

/// A mention as the inbox keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct MentionBody {
    pub(crate) conversation: ConversationId,
    pub(crate) note: NoteId,
    pub(crate) by: AgentId,
    pub(crate) at: Time,
    pub(crate) excerpt: String,
}
