//! Deciding: a job meets the newest state of its conversation, the rules answer, and what must be stored goes on its
//! way to the log. A refusal, and a yes that stores nothing, wait for whatever they were decided upon.

use super::fresh::Waiting;
use super::item::{conversation_aggregate, parse_key, parse_state};
use super::state::{Caller, Concluded, Entry, Internal, Job, Lane};
use super::workspace::Workspace;
use crate::log::{LogError, StoredKey, StoredState};
use crate::seeded::{Bug, seeded};
use dibs_protocol::ids::ConversationId;
use dibs_protocol::refusal::{Code, Refusal};
use dibs_rules::decision::{Answer, KeyRef};
use dibs_rules::ingest::{Target, target};
use dibs_rules::{Action, Context, Conversation, Decision, Sender, decide::decide, keys};
use std::sync::Arc;
use uuid::Uuid;

/// When to try again while the log takes nothing, in milliseconds.
const UNAVAILABLE_RETRY_MS: u64 = 1_000;
/// After losing so often against somebody faster a job is refused.
const CONFLICTS: u32 = 100;

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
            merged_keys_read: false,
            conflicts: 0,
            fresh_at: None,
        });
    }

    pub(crate) fn attempt(&mut self, mut job: Job) {
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
        self.gather(&mut job);
        if let Some((id, version)) = self.unread(&job, about).filter(|_| first.is_none()) {
            return match key {
                Some(key) if !job.key_read => self.read_key(job, key),
                _ => self.read_contents(job, id, version),
            };
        }
        let merged = about
            .and_then(|id| self.merged_keys(&job, id))
            .filter(|_| first.is_none());
        if let Some(keys) = merged.as_ref().filter(|_| !job.merged_keys_read) {
            let places = keys.iter().map(|(at, _)| at.clone()).collect();
            return self.read_merged_keys(job, places);
        }
        let first = first.or_else(|| self.said_before_merge(&job, &merged.unwrap_or_default()));
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
        let opens = about.is_none() && first.is_none() || matches!(job.action, Action::Split(_));
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
            (Action::Merge(it), Some(id)) => {
                let mut all = std::iter::once(id).chain(it.command.conversations.iter().copied());
                let unread = all.find(|id| !self.conversations.contains_key(id));
                unread.map_or(About::Existing(id), About::Unread)
            }
            (Action::Delivery(_) | Action::Rate(_), Some(id)) => self.goes_on(id),
            (_, Some(id)) if self.conversations.contains_key(&id) => About::Existing(id),
            (_, Some(id)) => About::Unread(id),
        }
    }

    /// The conversation, or the one that absorbed it.
    fn goes_on(&self, id: ConversationId) -> About {
        let mut id = id;
        loop {
            let Some(entry) = self.conversations.get(&id) else {
                return About::Unread(id);
            };
            match entry.newest().and_then(|state| state.merged_into) {
                Some(into) => id = into,
                None => return About::Existing(id),
            }
        }
    }

    /// Gives a job the other conversations that it names, as they are.
    fn gather(&self, job: &mut Job) {
        if let Action::Merge(it) = &mut job.action {
            let newest = |id| self.conversations.get(id).and_then(Entry::newest).cloned();
            it.absorbed = it.command.conversations.iter().filter_map(newest).collect();
        }
    }

    /// The conversation, and its version, whose messages must be read before the job can be decided.
    fn unread(&self, job: &Job, about: Option<ConversationId>) -> Option<(ConversationId, u64)> {
        let Action::Split(it) = &job.action else {
            return None;
        };
        let state = self.conversations.get(&about?).and_then(Entry::newest)?;
        (!it.has_read(state)).then_some((state.id, state.version))
    }

    pub(crate) fn ingest_about(&self, ingest: &dibs_protocol::http::Ingest) -> About {
        let state = |id| {
            self.conversations
                .get(&id)
                .and_then(Entry::newest)
                .map(|it| &**it)
        };
        let named = match ingest.conversation.map(|id| (id, self.goes_on(id))) {
            Some((id, About::Existing(survivor))) => state(id).zip(state(survivor)),
            Some((_, about)) => return about,
            None => None,
        };
        let place = (ingest.channel.clone(), ingest.customer.id.clone());
        let unclosed = self.customers.get(&place).map_or(&[][..], |it| &it.unclosed);
        let states = unclosed
            .iter()
            .filter_map(|id| self.conversations.get(id)?.newest())
            .map(|it| &**it);
        match target(ingest, named, states) {
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
                if let Some(job) = self.lanes.parked(lane) {
                    job.key_read = true;
                }
                self.unpark(lane);
            }
            Err(error) => self.refuse_lane(lane, &log_refusal(&error)),
        }
    }

    /// Answers a job for which nothing is stored, once everything it was decided upon has been.
    pub(crate) fn conclude(&mut self, concluded: Concluded) {
        // What a known key answers names no conversation to look at, and yet may still be on its way to the log.
        let repeated = || concluded.2.as_ref().ok().map(opened_id);
        let upon = concluded.1.or_else(repeated).into_iter();
        let others = match &concluded.0.action {
            Action::Merge(it) => &it.command.conversations[..],
            _ => &[],
        };
        let flies = |id| self.conversations.get(&id).filter(|it| it.flights > 0);
        let commits: Vec<Uuid> = upon
            .chain(others.iter().copied())
            .filter_map(|id| flies(id).map(|it| it.last_commit))
            .collect();
        let commit = match commits.as_slice() {
            [] => self.customer_flight(&concluded.0),
            [one] => Some(*one),
            // They are stored in their order: with the last one all of them are.
            several => self.last_of(several),
        };
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
