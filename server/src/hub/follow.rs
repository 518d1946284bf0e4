//! Following the log: what was stored without this instance knowing is read and taken over. The bus only wakes.

use super::codec;
use super::item::{conversation_aggregate, parse_state};
use super::state::{Followed, Internal};
use super::workspace::Workspace;
use crate::log::{LogError, Range, StoredEvent};
use crate::seeded::{Bug, seeded};
use dibs_protocol::event::{Actor, Event};
use dibs_protocol::ids::ConversationId;
use dibs_protocol::time::Time;
use dibs_rules::fact::Fact;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Events taken over at once.
const EVENTS: usize = 5_000;

impl Workspace {
    /// Reads what the log has above the head, unless that is being done.
    pub(crate) fn follow(&mut self) {
        if self.following {
            return;
        }
        self.following = true;
        let (log, workspace, after) = (self.deps.log.clone(), self.id.clone(), self.head);
        self.spawn(async move {
            let found = async {
                let head = log.head(&workspace).await?;
                if head.seq == after {
                    return Ok(Followed {
                        head,
                        events: Vec::new(),
                        states: Vec::new(),
                    });
                }
                let range = Range {
                    after,
                    up_to: head.seq,
                    limit: EVENTS,
                    newest: false,
                };
                let events = log.read(&workspace, None, range).await?;
                let mut ids: Vec<_> = events.iter().filter_map(|it| it.conversation).collect();
                ids.sort_unstable();
                ids.dedup();
                let mut states = Vec::with_capacity(ids.len());
                for id in ids {
                    states.push(log.state(&workspace, &conversation_aggregate(id)).await?);
                }
                Ok(Followed { head, events, states })
            };
            Internal::Followed(found.await)
        });
    }

    /// Reads what the log has above the head, and submits nothing before that has been taken over.
    pub(crate) fn catch_up(&mut self) {
        self.catching_up = true;
        self.follow();
    }

    /// Takes over what was read, unless something of this instance's own is on its way: then it is read again later.
    pub(crate) fn followed(&mut self, found: Result<Followed, LogError>) {
        self.following = false;
        let Ok(Followed {
            head,
            mut events,
            states,
        }) = found
        else {
            return;
        };
        if self.is_submitted() {
            return;
        }
        if head.seq <= self.head {
            self.catching_up = false;
        }
        if events.first().is_none_or(|it| it.seq != self.head + 1) {
            return;
        }
        let events = if seeded(Bug::GapNotFilled) {
            events.split_off(events.len() - 1)
        } else {
            events
        };
        let mut by_conversation: BTreeMap<ConversationId, Vec<(StoredEvent, Actor, Event)>> = BTreeMap::new();
        let mut last = self.head;
        for stored in events {
            last = stored.seq;
            let frame = codec::stored_frame(&stored);
            self.recent.push(stored.seq, stored.conversation, frame.clone());
            let Some(id) = stored.conversation else { continue };
            self.tell_watchers(id, std::slice::from_ref(&frame));
            match codec::decode(&stored) {
                Ok((actor, event)) => by_conversation
                    .entry(id)
                    .or_default()
                    .push((stored, actor, event)),
                Err(error) => tracing::error!(%error, "an event of the log cannot be read"),
            }
        }
        for state in states {
            let Ok(Some(state)) = parse_state(&state) else {
                continue;
            };
            let id = state.id;
            let state = Arc::new(state);
            let entry = self.conversations.entry(id).or_default();
            let before = entry.committed.replace(state.clone());
            entry.latest = None;
            entry.summary = None;
            let events = by_conversation.remove(&id).unwrap_or_default();
            let facts: Vec<_> = events
                .iter()
                .map(|(it, actor, event)| Fact {
                    seq: it.seq,
                    at: Time(it.at_ms),
                    conversation: id,
                    actor,
                    event,
                })
                .collect();
            self.index_customer(&state);
            self.tell_consequences(before.as_deref(), &state, &facts);
        }
        self.head = last;
        self.next_seq = last + 1;
        if last == head.seq {
            self.hash = head.hash;
            self.recent.head(last, head.hash);
            self.last_at_ms = self.last_at_ms.max(head.at_ms);
            self.catching_up = false;
        } else {
            self.catch_up();
        }
        // What waits was decided before this was known.
        self.lost(Vec::new());
    }
}
