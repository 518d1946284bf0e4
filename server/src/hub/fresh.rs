//! Fresh reads: where other instances write to the log, too, nothing without a commit is answered from memory alone.
//! What waits is taken up again once this instance has followed the feed to a head that was read after it came.
//!
//! One read of the head serves all that waited before it began. Deliberately absent: deciding, following.

use super::execute::log_refusal;
use super::settings::SetJob;
use super::state::{Caller, Concluded, Internal, Job, Join, Lane, Link};
use super::workspace::{Workspace, refuse};
use crate::log::{Aggregate, Head, LogError};
use crate::seeded::{Bug, seeded};
use dibs_protocol::close::CloseCode;
use dibs_protocol::frame::Resume;
use dibs_protocol::ids::AgentId;
use std::sync::Arc;

/// What waits until memory is as fresh as it must be.
#[derive(Debug)]
pub(crate) enum Waiting {
    /// A job whose answer stores nothing: it is decided again.
    Job(Box<Job>),
    /// Jobs of a lane whose conversation was read as it will be only when the feed has been followed further.
    Lane(Lane),
    /// A change of the settings that stores nothing: it is decided again.
    Settings(Box<SetJob>),
    /// A timer that is due.
    Due(Aggregate, i64),
    /// A session that comes back with a cursor that is ahead of this instance.
    Resume(Arc<Link>, i64, Resume),
    /// A session whose agent's seat was stored beyond the head.
    Welcome(Box<Join>),
    /// A session that watches a conversation whose state is ahead of the head.
    Watch(Arc<Link>, i64, Box<dibs_protocol::command::Watch>),
}

/// What waits, and for what.
#[derive(Debug, Default)]
pub(crate) struct Fresh {
    /// Came after the read of the head began that is under way, if one is.
    asked: Vec<Waiting>,
    /// Waits for that read.
    reading: Option<Vec<Waiting>>,
    /// Waits until the feed has been followed so far.
    parked: Vec<(u64, Waiting)>,
}

impl Fresh {
    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.asked.is_empty() && self.reading.is_none() && self.parked.is_empty()
    }

    /// Whether a session of this agent waits to be welcomed.
    pub(crate) fn welcomes(&self, agent: &AgentId) -> bool {
        let waits = |it: &Waiting| matches!(it, Waiting::Welcome(join) if join.agent.id == *agent);
        self.parked.iter().any(|(_, it)| waits(it))
    }

    /// A session that waits to be welcomed is gone. Whose it was, if it did.
    pub(crate) fn leave(&mut self, link: &Link) -> Option<AgentId> {
        let waits = |it: &Waiting| matches!(it, Waiting::Welcome(join) if join.link.id == link.id);
        let at = self.parked.iter().position(|(_, it)| waits(it))?;
        match self.parked.remove(at).1 {
            Waiting::Welcome(join) => Some(join.agent.id.clone()),
            _ => None,
        }
    }
}

impl Workspace {
    /// Gives an answer that stores nothing, unless another instance may have outrun what it was decided upon.
    pub(crate) fn answer(&mut self, concluded: Concluded) {
        let (mut job, id, decided) = concluded;
        let proven = job.fresh_at.is_some_and(|head| head <= self.head);
        if proven || !self.must_ask() || matches!(job.caller, Caller::Nobody | Caller::Router(_)) {
            return self.deliver((job, id, decided));
        }
        // The key, too, may have been used elsewhere.
        job.key_read = false;
        job.merged_keys_read = false;
        self.when_fresh(Waiting::Job(Box::new(job)));
    }

    /// Whether memory alone proves nothing.
    pub(crate) fn must_ask(&self) -> bool {
        self.deps.log.is_shared() && !seeded(Bug::StaleCache)
    }

    /// Goes on with something once memory has everything that is stored now.
    pub(crate) fn when_fresh(&mut self, waiting: Waiting) {
        if !self.must_ask() {
            return self.go_on_with(waiting, self.head);
        }
        self.fresh.asked.push(waiting);
    }

    /// Goes on with something once memory has everything up to `seq`.
    pub(crate) fn when_at(&mut self, seq: u64, waiting: Waiting) {
        if seq <= self.head {
            return self.go_on_with(waiting, seq);
        }
        self.fresh.parked.push((seq, waiting));
        self.follow();
    }

    /// Begins the next read of the head if somebody waits for one; lets go on who has waited long enough.
    pub(crate) fn freshen(&mut self) {
        if self.fresh.is_empty() {
            return;
        }
        let head = self.head;
        let parked = std::mem::take(&mut self.fresh.parked);
        let (ready, parked) = parked.into_iter().partition(|(seq, _)| *seq <= head);
        self.fresh.parked = parked;
        for (seq, waiting) in ready {
            self.go_on_with(waiting, seq);
        }
        if self.fresh.reading.is_some() || self.fresh.asked.is_empty() {
            return;
        }
        self.fresh.reading = Some(std::mem::take(&mut self.fresh.asked));
        let (log, workspace) = (self.deps.log.clone(), self.id.clone());
        self.spawn(async move { Internal::Head(log.head(&workspace).await) });
    }

    /// The head has been read.
    pub(crate) fn head_read(&mut self, head: Result<Head, LogError>) {
        let waiting = self.fresh.reading.take().unwrap_or_default();
        match head {
            Ok(head) => {
                for it in waiting {
                    self.when_at(head.seq, it);
                }
            }
            Err(error) => waiting.into_iter().for_each(|it| self.give_up_on(it, &error)),
        }
    }

    /// The log cannot be followed: what waits for that is answered so.
    pub(crate) fn give_up_waiting(&mut self, error: &LogError) {
        for (_, waiting) in std::mem::take(&mut self.fresh.parked) {
            self.give_up_on(waiting, error);
        }
        if self.catching_up && !self.batch.is_empty() {
            // What was decided before the head could be read again would wait as long as the log is away.
            let decided = std::mem::take(&mut self.batch);
            self.give_up_flights(decided.into_iter().map(|(_, flight)| flight), error);
        }
    }

    fn go_on_with(&mut self, waiting: Waiting, seq: u64) {
        match waiting {
            Waiting::Job(mut job) => {
                job.fresh_at = Some(seq);
                self.run_job(*job);
            }
            Waiting::Lane(lane) => self.unpark(&lane),
            Waiting::Settings(job) => self.decide_settings(*job),
            Waiting::Due(aggregate, due_ms) => self.fire(&aggregate, due_ms),
            Waiting::Resume(link, hello, resume) => {
                if self.session(&link).is_some() {
                    self.resume_at(link.key(), hello, resume);
                }
            }
            Waiting::Welcome(join) => self.welcome(*join),
            Waiting::Watch(link, id, it) => self.watch(&link, id, &it),
        }
    }

    fn give_up_on(&mut self, waiting: Waiting, error: &LogError) {
        match waiting {
            Waiting::Job(job) => self.refuse(job.caller, log_refusal(error)),
            Waiting::Lane(lane) => self.refuse_lane(&lane, &log_refusal(error)),
            Waiting::Settings(job) => self.refuse(job.caller, log_refusal(error)),
            Waiting::Watch(link, id, _) => refuse(&link, id, log_refusal(error)),
            // It is taken again when nobody has dealt with it.
            Waiting::Due(..) => {}
            Waiting::Resume(link, ..) => link.outbox.close(CloseCode::Internal),
            // Reading goes on while the log does not answer.
            Waiting::Welcome(join) => self.welcome(*join),
        }
    }
}
