//! Lanes: jobs on one conversation are decided in the order in which they came, also while one of them waits for a read.
//! A job on several conversations has its turn in the lanes of all of them.
//!
//! Deadlock is impossible: it takes its place in all lanes at once, so that of two such jobs the same one is first in every
//! lane that they share.

use super::state::{Job, Lane};
use super::workspace::Workspace;
use crate::maps::Map;
use dibs_protocol::ids::ConversationId;
use dibs_protocol::refusal::Refusal;
use dibs_rules::Action;
use std::collections::VecDeque;

/// A place in a lane.
#[derive(Debug)]
enum Turn {
    Job(Box<Job>),
    /// The turn of a job on several conversations.
    Several(u64),
}

/// A job on several conversations, from when it came until it is decided.
#[derive(Debug)]
struct Several {
    /// Until its turn has come.
    job: Option<Box<Job>>,
    lanes: Vec<Lane>,
    /// In so many of them it is not first yet.
    behind: usize,
}

/// What waits, lane by lane. A lane in which nothing waits does not exist, and what comes is decided at once.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    waiting: Map<Lane, VecDeque<Turn>>,
    several: Map<u64, Several>,
    next: u64,
    /// Jobs on several conversations whose turn has come in all lanes.
    ready: VecDeque<u64>,
    /// Lanes that wait until nothing of a conversation is on its way to the log.
    unsettled: Vec<(ConversationId, Lane)>,
}

impl Lanes {
    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The job for which a lane was stopped.
    pub(crate) fn parked(&mut self, lane: &Lane) -> Option<&mut Job> {
        match self.waiting.get_mut(lane)?.front_mut()? {
            Turn::Job(job) => Some(job),
            Turn::Several(_) => None,
        }
    }
}

impl Workspace {
    /// Decides a job, or puts it behind those that wait in its lane.
    pub(crate) fn run_job(&mut self, job: Job) {
        let lanes = lanes_of(&job.action);
        if !lanes.is_empty() {
            self.run_several(job, lanes);
        } else if let Some(waiting) = self.lanes.waiting.get_mut(&job.lane) {
            waiting.push_back(Turn::Job(Box::new(job)));
        } else {
            self.attempt(job);
        }
        self.run_ready();
    }

    /// Stops a job's lane until something has been read.
    pub(crate) fn park(&mut self, job: Job) {
        let waiting = self.lanes.waiting.entry(job.lane.clone()).or_default();
        waiting.push_front(Turn::Job(Box::new(job)));
    }

    /// Stops a job's lane until everything of a conversation that is on its way to the log has been stored, or has not.
    pub(crate) fn park_until_settled(&mut self, job: Job, id: ConversationId) {
        self.lanes.unsettled.push((id, job.lane.clone()));
        self.park(job);
    }

    /// Goes on with the lanes that waited for the log.
    pub(crate) fn unpark_settled(&mut self) {
        if self.lanes.unsettled.is_empty() {
            return;
        }
        let waiting = std::mem::take(&mut self.lanes.unsettled);
        let flies = |id: &ConversationId| self.conversations.get(id).is_some_and(|it| it.flights > 0);
        let (waiting, settled): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|(id, _)| flies(id));
        self.lanes.unsettled = waiting;
        for (_, lane) in settled {
            self.unpark(&lane);
        }
    }

    /// Goes on with a lane that was stopped.
    pub(crate) fn unpark(&mut self, lane: &Lane) {
        self.run_lane(lane);
        self.run_ready();
    }

    /// Refuses what a lane was stopped for, and what waits behind it.
    pub(crate) fn refuse_lane(&mut self, lane: &Lane, refusal: &Refusal) {
        let mut waiting = self.lanes.waiting.remove(lane).unwrap_or_default();
        while let Some(turn) = waiting.pop_front() {
            match turn {
                Turn::Job(job) => self.refuse(job.caller, refusal.clone()),
                // It is about other conversations, too: it finds out for itself.
                Turn::Several(_) => {
                    waiting.push_front(turn);
                    self.lanes.waiting.insert(lane.clone(), waiting);
                    self.run_lane(lane);
                    return self.run_ready();
                }
            }
        }
        self.leave_several(lane);
        self.run_ready();
    }

    fn run_lane(&mut self, lane: &Lane) {
        let mut waiting = self.lanes.waiting.remove(lane).unwrap_or_default();
        while let Some(turn) = waiting.pop_front() {
            match turn {
                Turn::Job(job) => self.attempt(*job),
                Turn::Several(ticket) => {
                    waiting.push_front(turn);
                    self.lanes.waiting.insert(lane.clone(), waiting);
                    return self.is_first(ticket);
                }
            }
            if let Some(parked) = self.lanes.waiting.get_mut(lane) {
                parked.extend(waiting);
                return;
            }
        }
        self.leave_several(lane);
    }

    /// A job takes its place in all these lanes.
    fn run_several(&mut self, mut job: Job, lanes: Vec<Lane>) {
        let ticket = self.lanes.next;
        self.lanes.next += 1;
        let mut behind = 0;
        for lane in &lanes {
            let waiting = self.lanes.waiting.entry(lane.clone()).or_default();
            behind += usize::from(!waiting.is_empty());
            waiting.push_back(Turn::Several(ticket));
        }
        job.lane = Lane::Several(ticket);
        let several = Several {
            job: Some(Box::new(job)),
            lanes,
            behind,
        };
        self.lanes.several.insert(ticket, several);
        if behind == 0 {
            self.lanes.ready.push_back(ticket);
        }
    }

    /// A job on several conversations is the first in one more lane.
    fn is_first(&mut self, ticket: u64) {
        if let Some(several) = self.lanes.several.get_mut(&ticket) {
            several.behind = several.behind.saturating_sub(1);
            if several.behind == 0 && several.job.is_some() {
                self.lanes.ready.push_back(ticket);
            }
        }
    }

    /// Decides the jobs whose turn has come everywhere, one after the other.
    fn run_ready(&mut self) {
        while let Some(ticket) = self.lanes.ready.pop_front() {
            let several = self.lanes.several.get_mut(&ticket);
            let Some(job) = several.and_then(|it| it.job.take()) else {
                continue;
            };
            self.attempt(*job);
            let own = Lane::Several(ticket);
            if !self.lanes.waiting.contains_key(&own) {
                self.leave_several(&own);
            }
        }
    }

    /// A job on several conversations has been decided: their lanes go on. Does nothing for any other lane.
    fn leave_several(&mut self, own: &Lane) {
        let Lane::Several(ticket) = own else { return };
        let Some(several) = self.lanes.several.remove(ticket) else {
            return;
        };
        for lane in several.lanes {
            if let Some(waiting) = self.lanes.waiting.get_mut(&lane) {
                waiting.retain(|turn| !matches!(turn, Turn::Several(it) if it == ticket));
            }
            self.run_lane(&lane);
        }
    }
}

/// The lanes of a job that is about several conversations; none for any other.
fn lanes_of(action: &Action) -> Vec<Lane> {
    match action {
        Action::Merge(it) => {
            let named = std::iter::once(&it.command.into).chain(&it.command.conversations);
            named.map(|id| Lane::Conversation(*id)).collect()
        }
        _ => Vec::new(),
    }
}
