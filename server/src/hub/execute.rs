//! Deciding: a job meets the newest state of its conversation, the rules answer, and what must be stored goes on its
//! way to the log. A refusal, and a yes that stores nothing, wait for whatever they were decided upon.

use super::codec;
use super::state::{Caller, Concluded, Decided, Entry, Internal, Job, Lane, What};
use super::workspace::Workspace;
use crate::log::{
    Aggregate, AggregateKind, Expected, Guard, Item, LogError, NewKey, NewMention, NewState, StoredKey,
    StoredState, Timer,
};
use dibs_protocol::event::Event;
use dibs_protocol::ids::{AgentId, ChannelId, ConversationId, CustomerId, NoteId};
use dibs_protocol::refusal::{Code, Refusal};
use dibs_protocol::terms::Status;
use dibs_protocol::time::Time;
use dibs_rules::decision::{Answer, KeyRecord, KeyRef, KeyToStore, Mentioned};
use dibs_rules::excerpt::excerpt;
use dibs_rules::fact::Fact;
use dibs_rules::ingest::{Target, target};
use dibs_rules::{
    Action, Context, Conversation, Decision, Sender, deadlines::next_deadline, decide::decide, keys,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use uuid::Uuid;

/// When to try again while the log takes nothing, in milliseconds.
const UNAVAILABLE_RETRY_MS: u64 = 1_000;
/// After losing so often against somebody faster a job is refused.
const CONFLICTS: u32 = 100;

impl crate::log::Snapshot for Conversation {
    fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
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

/// Which conversation a job is about.
enum About {
    Existing(ConversationId),
    New,
    /// It must be read first.
    Unread(ConversationId),
    Nothing(Refusal),
}

impl Workspace {
    /// Decides a job, or puts it behind those that wait in its lane.
    pub(crate) fn execute(
        &mut self,
        caller: Caller,
        sender: Arc<Sender>,
        conversation: Option<ConversationId>,
        action: Action,
    ) {
        let lane = match (conversation, &action) {
            (Some(id), _) => Lane::Conversation(id),
            (None, Action::Open(it)) => Lane::Customer(it.channel.clone(), it.customer.id.clone()),
            (None, Action::Ingest(it)) => Lane::Customer(it.channel.clone(), it.customer.id.clone()),
            (None, _) => return self.refuse(caller, Refusal::internal()),
        };
        self.run_job(Job {
            caller,
            sender,
            conversation,
            action,
            lane,
            key_read: false,
            conflicts: 0,
        });
    }

    pub(crate) fn run_job(&mut self, job: Job) {
        match self.lanes.get_mut(&job.lane) {
            Some(waiting) => waiting.push_back(job),
            None => self.attempt(job),
        }
    }

    /// Stops a job's lane until something has been read.
    fn park(&mut self, job: Job) {
        self.lanes.entry(job.lane.clone()).or_default().push_front(job);
    }

    fn unpark(&mut self, lane: &Lane) {
        let Some(mut waiting) = self.lanes.remove(lane) else {
            return;
        };
        while let Some(job) = waiting.pop_front() {
            self.attempt(job);
            if let Some(parked) = self.lanes.get_mut(lane) {
                parked.extend(waiting);
                return;
            }
        }
    }

    fn refuse_lane(&mut self, lane: &Lane, refusal: &Refusal) {
        for job in self.lanes.remove(lane).into_iter().flatten() {
            self.refuse(job.caller, refusal.clone());
        }
    }

    fn attempt(&mut self, job: Job) {
        let key = keys::key_of(&job.action, &job.sender);
        let first = key.as_ref().and_then(|at| self.keys.get(at)).cloned();
        let about = match self.about(&job) {
            // A known key answers by itself, wherever the message would go now.
            _ if first.is_some() && job.conversation.is_none() => None,
            About::Existing(id) => Some(id),
            About::New => None,
            About::Unread(id) => return self.read_state(job, id),
            About::Nothing(refusal) => match key {
                Some(key) if !job.key_read => return self.read_key(job, key),
                _ => return self.conclude((job, None, Err(refusal))),
            },
        };
        let now = self.now();
        let ids = (self.deps.entropy.uuid(now.0), self.deps.entropy.uuid(now.0));
        let settings = self.deps.options.settings.clone();
        let context = Context {
            sender: &job.sender,
            now,
            ids,
            settings: &settings,
            people: &self.people,
            first: first.as_ref(),
        };
        let state = about
            .and_then(|id| self.conversations.get(&id))
            .and_then(Entry::newest)
            .cloned();
        let decided = decide(state.as_deref(), &job.action, &context);
        let stores = decided.as_ref().is_ok_and(|it| !it.events.is_empty());
        match (decided, key) {
            (Ok(decision), _) if stores => self.send(job, about, state, decision, now),
            (_, Some(key)) if first.is_none() && !job.key_read => self.read_key(job, key),
            (decided, _) => self.conclude((job, about, decided)),
        }
    }

    fn about(&self, job: &Job) -> About {
        match (&job.action, job.conversation) {
            (Action::Ingest(ingest), _) => self.ingest_about(ingest),
            (_, None) => About::New,
            (_, Some(id)) if self.conversations.contains_key(&id) => About::Existing(id),
            (_, Some(id)) => About::Unread(id),
        }
    }

    fn ingest_about(&self, ingest: &dibs_protocol::http::Ingest) -> About {
        let named = match ingest.conversation {
            None => None,
            Some(id) => match self.conversations.get(&id) {
                None => return About::Unread(id),
                Some(entry) => match entry.newest() {
                    Some(state)
                        if state
                            .merged_into
                            .is_some_and(|into| !self.conversations.contains_key(&into)) =>
                    {
                        return state.merged_into.map_or(About::New, About::Unread);
                    }
                    Some(state) => {
                        let survivor = state.merged_into.and_then(|into| self.conversations.get(&into));
                        survivor.and_then(Entry::newest).or(Some(state))
                    }
                    None => None,
                },
            },
        };
        let place = (ingest.channel.clone(), ingest.customer.id.clone());
        let unclosed = self.customers.get(&place).map_or(&[][..], |it| &it.unclosed);
        let states = unclosed
            .iter()
            .filter_map(|id| self.conversations.get(id)?.newest())
            .map(|it| &**it);
        match target(ingest, named.map(|it| &**it), states) {
            Ok(Target::Into(id)) => About::Existing(id),
            Ok(Target::Open) => About::New,
            Err(refusal) => About::Nothing(refusal),
        }
    }

    fn read_state(&mut self, job: Job, id: ConversationId) {
        let lane = job.lane.clone();
        self.park(job);
        let (log, workspace) = (self.deps.log.clone(), self.id.clone());
        self.spawn(async move {
            let aggregate = conversation_aggregate(id);
            let state = log.state(&workspace, &aggregate).await;
            Internal::State(lane, id, state)
        });
    }

    /// A conversation that was not in memory has been read.
    pub(crate) fn state_read(
        &mut self,
        lane: &Lane,
        id: ConversationId,
        state: Result<StoredState, LogError>,
    ) {
        match state.and_then(|stored| parse_state(&stored)) {
            Ok(found) => {
                let entry = self.conversations.entry(id).or_default();
                if entry.committed.is_none() && entry.flights == 0 {
                    entry.committed = found.map(Arc::new);
                }
                self.remember_closed(id);
                self.unpark(lane);
            }
            Err(error) => self.refuse_lane(lane, &log_refusal(&error)),
        }
    }

    fn read_key(&mut self, job: Job, at: KeyRef) {
        let lane = job.lane.clone();
        self.park(job);
        let (log, workspace) = (self.deps.log.clone(), self.id.clone());
        self.spawn(async move {
            let key = log.key(&workspace, &at.scope, &at.key).await;
            Internal::Key(lane, at, key)
        });
    }

    /// The log has said whether it knows a key.
    pub(crate) fn key_read(&mut self, lane: &Lane, at: KeyRef, key: Result<Option<StoredKey>, LogError>) {
        match key.and_then(|found| found.as_ref().map(parse_key).transpose()) {
            Ok(found) => {
                if let Some(record) = found {
                    self.remember_key(at, record);
                }
                if let Some(job) = self.lanes.get_mut(lane).and_then(|waiting| waiting.front_mut()) {
                    job.key_read = true;
                }
                self.unpark(lane);
            }
            Err(error) => self.refuse_lane(lane, &log_refusal(&error)),
        }
    }

    /// Sends a decision's events to the log.
    fn send(
        &mut self,
        job: Job,
        about: Option<ConversationId>,
        before: Option<Arc<Conversation>>,
        decision: Decision,
        now: Time,
    ) {
        let id = about.unwrap_or_else(|| opened_id(&decision));
        let mut item = Item::new(self.id.clone(), self.deps.entropy.uuid(now.0));
        let first = self.next_seq;
        let mut state = before.as_deref().cloned();
        let mut frames = Vec::with_capacity(decision.events.len());
        for ((actor, event), seq) in decision.events.iter().zip(first..) {
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
        let Some(state) = state.map(Arc::new) else {
            return self.refuse(job.caller, Refusal::internal());
        };
        self.expect_conversation(&mut item, id, before.as_deref(), &state);
        self.expect_customer(&mut item, before.as_deref(), &state);
        self.add_keys(&mut item, &decision, id, first, now);
        item.mentions = mention_bodies(&decision, id, now);
        if let Some(agent) = &decision.guard_absent {
            let grace_ms = self.deps.options.settings.claim_grace_ms;
            item.guards.push(Guard::AbsentFor {
                agent: agent.clone(),
                grace_ms,
            });
        }
        if let Action::Redact { entries, .. } = &job.action {
            item.erase.clone_from(entries);
        }
        let entry = self.conversations.entry(id).or_default();
        entry.latest = Some(state.clone());
        entry.flights += 1;
        entry.last_commit = item.commit;
        let decided = Decided {
            job,
            id,
            decision,
            state,
            at: now,
            first,
            frames,
        };
        self.enqueue(item, What::Decided(Box::new(decided)));
    }

    fn expect_conversation(
        &mut self,
        item: &mut Item,
        id: ConversationId,
        before: Option<&Conversation>,
        after: &Arc<Conversation>,
    ) {
        let aggregate = conversation_aggregate(id);
        let expected = match self.conversations.get(&id) {
            Some(entry) if entry.flights > 0 => Expected::After(entry.last_commit),
            _ => Expected::Stored(before.map_or(0, |it| it.version)),
        };
        item.expected.push((aggregate.clone(), expected));
        item.states.push(NewState {
            aggregate: aggregate.clone(),
            body: Some(after.clone()),
            active: after.status != Status::Closed,
            owner: Some(after.customer.id.to_string()),
        });
        let settings = &self.deps.options.settings;
        let due = next_deadline(after, settings);
        if due != before.and_then(|it| next_deadline(it, settings)) {
            item.timers.push(Timer {
                aggregate,
                due_ms: due.map(|it| it.0),
            });
        }
    }

    /// Opening, closing and reopening expect, and advance, the customer's aggregate.
    fn expect_customer(&mut self, item: &mut Item, before: Option<&Conversation>, after: &Conversation) {
        let was_open = before.is_some_and(|it| it.status != Status::Closed);
        let is_open = after.status != Status::Closed;
        if was_open == is_open && before.is_none_or(|it| it.customer.id == after.customer.id) {
            return;
        }
        let aggregate = customer_aggregate(self.epoch, &after.channel, &after.customer.id);
        let place = (after.channel.clone(), after.customer.id.clone());
        let stored = self.customer_versions.remove(&aggregate.id);
        let customer = self.customers.entry(place).or_default();
        customer.version = stored.unwrap_or(customer.version);
        let expected = match customer.flights {
            0 => Expected::Stored(customer.version),
            _ => Expected::After(customer.last_commit),
        };
        customer.unclosed.retain(|id| *id != after.id);
        if is_open {
            customer.unclosed.push(after.id);
        }
        customer.flights += 1;
        customer.last_commit = item.commit;
        let active = !customer.unclosed.is_empty();
        item.expected.push((aggregate.clone(), expected));
        item.states.push(NewState {
            aggregate,
            body: None,
            active,
            owner: None,
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

    fn add_keys(&mut self, item: &mut Item, decision: &Decision, id: ConversationId, first: u64, now: Time) {
        if let Some(key) = &decision.key {
            let answer = serde_json::to_string(&decision.answer).unwrap_or_default();
            item.keys.push(new_key(key, answer, decision.answers_event, now));
            let seq = decision.answers_event.map(|at| first + at as u64);
            let record = KeyRecord {
                fingerprint: key.fingerprint,
                answer: decision.answer.clone(),
                seq,
            };
            self.remember_key(key.at.clone(), record);
        }
        if let Some(index) = &decision.index {
            item.keys
                .push(new_key(index, format!("\"{id}\""), decision.answers_event, now));
        }
    }

    /// Answers a job for which nothing is stored, once everything it was decided upon has been.
    pub(crate) fn conclude(&mut self, concluded: Concluded) {
        let commit = concluded
            .1
            .and_then(|id| self.conversations.get(&id))
            .filter(|it| it.flights > 0);
        let commit = commit
            .map(|it| it.last_commit)
            .or_else(|| self.customer_flight(&concluded.0));
        match commit.and_then(|commit| self.flight(commit)) {
            Some(flight) => flight.after.push(concluded),
            None => self.deliver(concluded),
        }
    }

    fn customer_flight(&self, job: &Job) -> Option<Uuid> {
        let Lane::Customer(channel, customer) = &job.lane else {
            return None;
        };
        let entry = self.customers.get(&(channel.clone(), customer.clone()))?;
        (entry.flights > 0).then_some(entry.last_commit)
    }

    /// Decides again what was decided upon something that did not happen.
    pub(crate) fn again(&mut self, mut job: Job) {
        job.conflicts += 1;
        self.deps.metrics.conflict();
        if job.conflicts > CONFLICTS {
            return self.refuse(
                job.caller,
                Refusal::unavailable("too many changes at once", 1_000),
            );
        }
        self.run_job(job);
    }
}

fn opened_id(decision: &Decision) -> ConversationId {
    match &decision.answer {
        Answer::Opened { conversation } | Answer::Ingested { conversation, .. } => *conversation,
        _ => ConversationId(Uuid::nil()),
    }
}

fn new_key(key: &KeyToStore, answer: String, answers_event: Option<usize>, now: Time) -> NewKey {
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

fn parse_key(stored: &StoredKey) -> Result<KeyRecord, LogError> {
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

/// What a client is told when the log cannot do it.
pub(crate) fn log_refusal(error: &LogError) -> Refusal {
    match error {
        LogError::Unavailable(reason) => Refusal::unavailable(reason, UNAVAILABLE_RETRY_MS),
        LogError::Corrupt(what) => {
            tracing::error!(
                what,
                "the log is damaged: stop, run dibs verify, restore a backup"
            );
            Refusal::new(
                Code::Unavailable,
                "What is stored there is damaged: an operator must look at it.",
            )
        }
    }
}

/// The inbox rows of a note's mentions, without `seq` and `read`.
fn mention_bodies(decision: &Decision, conversation: ConversationId, now: Time) -> Vec<NewMention> {
    let row = |it: &Mentioned| {
        let Some((_, Event::NoteAdded { note, agent, .. })) = decision.events.get(it.event) else {
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
            event: it.event,
            body,
        })
    };
    decision.mentioned.iter().filter_map(row).collect()
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
