//! Deciding: a job meets the newest state of its conversation, the rules answer, and what must be stored goes on its
//! way to the log. A refusal, and a yes that stores nothing, wait for whatever they were decided upon.

use super::codec;
use super::fresh::Waiting;
use super::item::{conversation_aggregate, mention_bodies, parse_key, parse_state};
use super::state::{Caller, Concluded, Decided, Entry, Internal, Job, Lane, What};
use super::workspace::Workspace;
use crate::log::{Committed, Item, LogError, StoredKey, StoredState};
use crate::seeded::{Bug, seeded};
use dibs_protocol::event::Event;
use dibs_protocol::ids::ConversationId;
use dibs_protocol::refusal::{Code, Refusal};
use dibs_protocol::time::Time;
use dibs_rules::decision::{Answer, KeyRef};
use dibs_rules::fact::Fact;
use dibs_rules::ingest::{Target, target};
use dibs_rules::{Action, Context, Conversation, Decision, Sender, decide::decide, keys};
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

/// Which conversation a job is about.
pub(crate) enum About {
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
            fresh_at: None,
        });
    }

    pub(crate) fn run_job(&mut self, job: Job) {
        match self.lanes.get_mut(&job.lane) {
            Some(waiting) => waiting.push_back(job),
            None => self.attempt(job),
        }
    }

    /// Stops a job's lane until something has been read.
    pub(crate) fn park(&mut self, job: Job) {
        self.lanes.entry(job.lane.clone()).or_default().push_front(job);
    }

    pub(crate) fn unpark(&mut self, lane: &Lane) {
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

    pub(crate) fn refuse_lane(&mut self, lane: &Lane, refusal: &Refusal) {
        for job in self.lanes.remove(lane).into_iter().flatten() {
            self.refuse(job.caller, refusal.clone());
        }
    }

    pub(crate) fn attempt(&mut self, job: Job) {
        if let (Action::Route(route), Caller::Router(id)) = (&job.action, &job.caller)
            && !self.may_route(*id, route)
        {
            return self.routed(*id, true);
        }
        let key = keys::key_of(&job.action, &job.sender);
        let first = key.as_ref().and_then(|at| self.keys.get(at)).cloned();
        let first = first.filter(|_| !seeded(Bug::NoDeduplication));
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
        let settings = self.settings.rules.clone();
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
        let seen = if seeded(Bug::NoFencing) {
            unfenced(state.clone(), &job)
        } else {
            state.clone()
        };
        let opens = about.is_none() && first.is_none();
        let decided = decide(seen.as_deref(), &job.action, &context);
        let decided = match decided {
            Ok(decision) if opens && !decision.events.is_empty() => self.room_to_open().map(|()| decision),
            decided => decided,
        };
        let stores = decided.as_ref().is_ok_and(|it| !it.events.is_empty());
        match (decided, key) {
            (Ok(decision), _) if stores => self.send(job, about, state, decision, now),
            (_, Some(key)) if first.is_none() && !job.key_read => self.read_key(job, key),
            (decided, _) => {
                if let (Action::Deadline, Some(id)) = (&job.action, about) {
                    self.nothing_due(id);
                }
                self.conclude((job, about, decided));
            }
        }
    }

    pub(crate) fn about(&self, job: &Job) -> About {
        match (&job.action, job.conversation) {
            (Action::Ingest(ingest), _) => self.ingest_about(ingest),
            (_, None) => About::New,
            (_, Some(id)) if self.conversations.contains_key(&id) => About::Existing(id),
            (_, Some(id)) => About::Unread(id),
        }
    }

    pub(crate) fn ingest_about(&self, ingest: &dibs_protocol::http::Ingest) -> About {
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

    pub(crate) fn read_state(&mut self, job: Job, id: ConversationId) {
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
            Ok(Some(found)) if found.version > self.head && self.must_ask() => {
                // It is ahead of what was told here: nobody may see it before the feed has been followed so far.
                self.when_at(found.version, Waiting::Lane(lane.clone()));
            }
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

    pub(crate) fn read_key(&mut self, job: Job, at: KeyRef) {
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
        let unguarded = seeded(Bug::ExpiryOnMissingKnowledge);
        if let Some(agent) = decision.guard_absent.as_ref().filter(|_| !unguarded) {
            item.guards.push(self.absent(agent));
        }
        for (_, event) in &decision.events {
            if let Event::Redacted { entries, .. } = event {
                item.erase.extend(entries);
            }
        }
        self.unclosed.1 += usize::from(before.is_none());
        let entry = self.conversations.entry(id).or_default();
        entry.latest = Some(state.clone());
        entry.flights += 1;
        entry.last_commit = item.commit;
        self.moved(id);
        let decided = Decided {
            job,
            id,
            decision,
            state,
            at: now,
            first,
            frames,
        };
        if seeded(Bug::AnswerBeforeCommit) {
            let hash = self.hash;
            self.enqueue(item, What::Nothing);
            let first_seq = first;
            return self.decided(decided, Committed { first_seq, hash });
        }
        self.enqueue(item, What::Decided(Box::new(decided)));
    }

    /// Answers a job for which nothing is stored, once everything it was decided upon has been.
    pub(crate) fn conclude(&mut self, concluded: Concluded) {
        // What a known key answers names no conversation to look at, and yet may still be on its way to the log.
        let repeated = || concluded.2.as_ref().ok().map(opened_id);
        let commit = concluded
            .1
            .or_else(repeated)
            .and_then(|id| self.conversations.get(&id))
            .filter(|it| it.flights > 0);
        let commit = commit
            .map(|it| it.last_commit)
            .or_else(|| self.customer_flight(&concluded.0));
        match commit.and_then(|commit| self.flight(commit)) {
            Some(flight) => flight.after.push(concluded),
            None => self.answer(concluded),
        }
    }

    pub(crate) fn customer_flight(&self, job: &Job) -> Option<Uuid> {
        let Lane::Customer(channel, customer) = &job.lane else {
            return None;
        };
        let entry = self.customers.get(&(channel.clone(), customer.clone()))?;
        (entry.flights > 0).then_some(entry.last_commit)
    }

    /// Decides again what was decided upon something that did not happen.
    pub(crate) fn again(&mut self, mut job: Job, outrun: bool) {
        job.conflicts += u32::from(outrun);
        if outrun {
            self.deps.metrics.conflict();
        }
        if job.conflicts > CONFLICTS {
            return self.refuse(
                job.caller,
                Refusal::unavailable("too many changes at once", 1_000),
            );
        }
        self.run_job(job);
    }
}

/// The state as somebody would see it who takes every reply's sender for the holder ([`Bug::NoFencing`]).
fn unfenced(state: Option<Arc<Conversation>>, job: &Job) -> Option<Arc<Conversation>> {
    let (Action::Reply(reply), Sender::Agent(agent)) = (&job.action, &*job.sender) else {
        return state;
    };
    let mut state = (*state?).clone();
    if let Some(claim) = &mut state.claim {
        claim.agent = agent.id.clone();
        claim.token = reply.token;
    }
    Some(Arc::new(state))
}

pub(crate) fn opened_id(decision: &Decision) -> ConversationId {
    match &decision.answer {
        Answer::Opened { conversation } | Answer::Ingested { conversation, .. } => *conversation,
        _ => ConversationId(Uuid::nil()),
    }
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
