//! Sending: a decision's events, with all that they were decided upon, become one item for the log. What a decision does to
//! several conversations is one item, too.

use super::codec;
use super::execute::opened_id;
use super::item::mention_bodies;
use super::state::{Change, Decided, Job, What};
use super::workspace::Workspace;
use crate::log::{Committed, Item};
use crate::seeded::{Bug, seeded};
use dibs_protocol::event::{Actor, Event};
use dibs_protocol::ids::ConversationId;
use dibs_protocol::refusal::Refusal;
use dibs_protocol::time::Time;
use dibs_rules::fact::Fact;
use dibs_rules::{Action, Conversation, Decision};
use std::sync::Arc;

impl crate::log::Snapshot for Conversation {
    fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// A change, and how the conversation was before; `None` for a new one.
type Changed = (Option<Arc<Conversation>>, Change);

impl Workspace {
    /// Sends a decision's events to the log.
    pub(crate) fn send(
        &mut self,
        job: Job,
        about: Option<ConversationId>,
        before: Option<Arc<Conversation>>,
        mut decision: Decision,
        now: Time,
    ) {
        if seeded(Bug::LateReplyInTime) && matches!(job.action, Action::Reply(_)) {
            let late = |event: &Event| matches!(event, Event::SlaBreached { .. });
            decision.events.retain(|(_, event)| !late(event));
        }
        let id = about.unwrap_or_else(|| opened_id(&decision));
        self.company.add(&job.sender);
        let mut item = Item::new(self.id.clone(), self.deps.entropy.uuid(now.0));
        let first = self.next_seq;
        let Some(changed) = self.changes(&mut item, (id, before), &decision, now) else {
            return self.refuse(job.caller, Refusal::internal());
        };
        for (before, change) in &changed {
            self.expect(&mut item, before.as_deref(), change, first);
        }
        let offset = decision.others.iter().map(|it| it.events.len()).sum();
        self.add_keys(&mut item, &decision, id, (first, offset), now);
        let unguarded = seeded(Bug::ExpiryOnMissingKnowledge);
        if let Some(agent) = decision.guard_absent.as_ref().filter(|_| !unguarded) {
            item.guards.push(self.absent(agent));
        }
        for (_, event) in &decision.events {
            if let Event::Redacted { entries, .. } = event {
                item.erase.extend(entries);
            }
        }
        let changes = changed.into_iter().map(|(_, change)| change).collect();
        let decided = Decided {
            job,
            decision,
            at: now,
            first,
            changes,
        };
        if seeded(Bug::AnswerBeforeCommit) {
            let hash = self.hash;
            self.enqueue(item, What::Nothing);
            let first_seq = first;
            return self.decided(decided, Committed { first_seq, hash });
        }
        self.enqueue(item, What::Decided(Box::new(decided)));
    }

    /// Adds all events of a decision to the item, and folds them. `None` when they do not begin with an opening.
    fn changes(
        &self,
        item: &mut Item,
        (id, before): (ConversationId, Option<Arc<Conversation>>),
        decision: &Decision,
        now: Time,
    ) -> Option<Vec<Changed>> {
        let mut changed = Vec::with_capacity(decision.others.len() + 1);
        for part in &decision.others {
            let entry = self.conversations.get(&part.conversation);
            let before = entry.and_then(|it| it.newest()).cloned();
            let place = (part.conversation, before.as_deref());
            let at = item.events.len();
            let change = self.fold_into(item, place, &part.events, now)?;
            item.mentions.extend(mention_bodies(
                (&part.events, at),
                &part.mentioned,
                change.id,
                now,
            ));
            changed.push((before, change));
        }
        let at = item.events.len();
        let change = self.fold_into(item, (id, before.as_deref()), &decision.events, now)?;
        item.mentions.extend(mention_bodies(
            (&decision.events, at),
            &decision.mentioned,
            id,
            now,
        ));
        changed.push((before, change));
        Some(changed)
    }

    /// Adds events of a conversation to the item, and folds them.
    fn fold_into(
        &self,
        item: &mut Item,
        (id, before): (ConversationId, Option<&Conversation>),
        events: &[(Actor, Event)],
        now: Time,
    ) -> Option<Change> {
        let first = self.next_seq + item.events.len() as u64;
        let mut state = before.cloned();
        let mut frames = Vec::with_capacity(events.len());
        for ((actor, event), seq) in events.iter().zip(first..) {
            let fact = Fact {
                seq,
                at: now,
                conversation: id,
                actor,
                event,
            };
            match &mut state {
                Some(state) => state.apply(&fact),
                None => state = Conversation::opened(&fact),
            }
            let salt = self.deps.entropy.salt();
            let new = codec::encode(Some(id), now, actor, event, salt);
            frames.push(codec::event_frame(seq, &new));
            item.events.push(new);
        }
        Some(Change {
            id,
            state: Arc::new(state?),
            first,
            frames,
        })
    }

    /// Adds to the item what a change was decided upon, and notes down that it is on its way.
    fn expect(&mut self, item: &mut Item, before: Option<&Conversation>, change: &Change, first: u64) {
        let (id, state) = (change.id, &change.state);
        let last = usize::try_from(state.version - first).unwrap_or_default();
        self.expect_conversation(item, before, state, last);
        self.expect_customer(item, before, state);
        self.unclosed.1 += usize::from(before.is_none());
        let entry = self.conversations.entry(id).or_default();
        entry.latest = Some(state.clone());
        entry.flights += 1;
        entry.last_commit = item.commit;
        self.moved(id);
    }
}
