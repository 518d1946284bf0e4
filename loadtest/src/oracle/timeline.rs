//! The log replayed with the rules, conversation by conversation, in a shape that answers questions quickly: who held it when,
//! who had said what, how it looked at a version, and what a stretch of it digests to.

use super::digest::{self, Prefixes};
use super::feed::{Feed, Stored};
use dibs_protocol::event::Event;
use dibs_protocol::ids::{AgentId, ConversationId};
use dibs_protocol::time::Time;
use dibs_rules::{Conversation, Fact};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A time during which somebody held a conversation: from `from` up to before `to`.
#[derive(Debug, Clone)]
pub(crate) struct Tenure {
    pub(crate) agent: AgentId,
    pub(crate) from: u64,
    /// `None`: still.
    pub(crate) to: Option<u64>,
    pub(crate) since: Time,
}

/// A conversation's part of the log.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    /// The numbers of its events, ascending.
    pub(crate) seqs: Vec<u64>,
    pub(crate) numbers: Prefixes,
    pub(crate) contents: Prefixes,
    /// Events whose content was erased, now or before somebody read them.
    pub(crate) erased: BTreeSet<u64>,
    /// Who held it, in order.
    pub(crate) tenures: Vec<Tenure>,
    /// When it was closed: from, up to before.
    pub(crate) closed: Vec<(u64, Option<u64>)>,
    /// What a reply must have seen: number, and who said it, if it was an agent.
    pub(crate) sayings: Vec<(u64, Option<AgentId>)>,
    /// The digests of its summary at the versions that somebody saw.
    pub(crate) summaries: BTreeMap<u64, u64>,
    /// How it is now; `None` when it cannot be replayed.
    pub(crate) state: Option<Conversation>,
    /// Part of it was erased, or is of an unknown kind: from there on its states cannot be replayed.
    pub(crate) blurred: bool,
}

impl Timeline {
    /// How many of its events have numbers up to this.
    pub(crate) fn up_to(&self, seq: u64) -> usize {
        self.seqs.partition_point(|it| *it <= seq)
    }

    /// Its version when the log had reached this `seq`; 0 before it was opened.
    pub(crate) fn version_at(&self, seq: u64) -> u64 {
        self.up_to(seq).checked_sub(1).map_or(0, |at| self.seqs[at])
    }

    /// Whether an event from place `from` to before `to` was erased.
    pub(crate) fn erased_between(&self, from: usize, to: usize) -> bool {
        let (Some(first), Some(last)) = (
            self.seqs.get(from),
            to.checked_sub(1).and_then(|at| self.seqs.get(at)),
        ) else {
            return false;
        };
        first <= last && self.erased.range(first..=last).next().is_some()
    }

    /// Tenures during `low` to `high`.
    pub(crate) fn held_during(&self, low: u64, high: u64) -> impl Iterator<Item = &Tenure> {
        let begin = self
            .tenures
            .partition_point(|it| it.to.is_some_and(|to| to <= low));
        self.tenures[begin..].iter().take_while(move |it| it.from <= high)
    }

    /// Whether nobody held it at some point from `low` to `high`, once it was opened.
    pub(crate) fn free_during(&self, low: u64, high: u64) -> bool {
        let Some(opened) = self.seqs.first().filter(|it| **it <= high) else {
            return false;
        };
        let mut free_from = low.max(*opened);
        for tenure in self.held_during(low, high) {
            if tenure.from > free_from {
                return true;
            }
            match tenure.to {
                Some(to) => free_from = to,
                None => return false,
            }
        }
        free_from <= high
    }

    /// Whether it was closed at some point from `low` to `high`.
    pub(crate) fn closed_during(&self, low: u64, high: u64) -> bool {
        let begin = self
            .closed
            .partition_point(|(_, to)| to.is_some_and(|to| to <= low));
        self.closed.get(begin).is_some_and(|(from, _)| *from <= high)
    }

    /// The latest number up to `seq` that a reply by `agent` must have seen; 0 for none.
    pub(crate) fn must_have_seen(&self, agent: &AgentId, seq: u64) -> u64 {
        let end = self.sayings.partition_point(|(at, _)| *at <= seq);
        let foreign = self.sayings[..end]
            .iter()
            .rev()
            .find(|(_, by)| by.as_ref() != Some(agent));
        foreign.map_or(0, |(at, _)| *at)
    }

    fn take(&mut self, id: ConversationId, stored: &Stored, wanted: Option<&BTreeSet<u64>>) {
        self.seqs.push(stored.seq);
        self.numbers.push(stored.seq);
        self.contents.push(stored.content);
        let Some(event) = &stored.event else {
            self.erased.insert(stored.seq);
            self.blurred = true;
            self.state = None;
            return;
        };
        if let Event::Redacted { entries, .. } = event {
            self.erased.extend(entries.iter().copied());
        }
        if self.blurred {
            return;
        }
        let fact = Fact {
            seq: stored.seq,
            at: stored.at,
            conversation: id,
            actor: &stored.actor,
            event,
        };
        self.note(&fact);
        match &mut self.state {
            None => self.state = Conversation::opened(&fact),
            Some(state) => state.apply(&fact),
        }
        self.note_closing(stored.seq);
        if wanted.is_some_and(|it| it.contains(&stored.seq))
            && let Some(state) = &self.state
        {
            self.summaries.insert(stored.seq, digest::typed(&state.summary()));
        }
    }

    fn note(&mut self, fact: &Fact<'_>) {
        match fact.event {
            Event::ClaimGranted { agent, .. } => {
                self.end_tenure(fact.seq);
                self.tenures.push(Tenure {
                    agent: agent.clone(),
                    from: fact.seq,
                    to: None,
                    since: fact.at,
                });
            }
            Event::ClaimReleased { .. } | Event::ClaimExpired { .. } => self.end_tenure(fact.seq),
            Event::Merged { into, .. } => {
                if into.is_some() {
                    self.end_tenure(fact.seq);
                } else {
                    self.sayings.push((fact.seq, None));
                }
            }
            Event::MessageReceived { .. } => self.sayings.push((fact.seq, None)),
            Event::MessageSent { agent, .. } => self.sayings.push((fact.seq, Some(agent.clone()))),
            _ => {}
        }
    }

    fn end_tenure(&mut self, seq: u64) {
        if let Some(last) = self.tenures.last_mut().filter(|it| it.to.is_none()) {
            last.to = Some(seq);
        }
    }

    fn note_closing(&mut self, seq: u64) {
        let closed = self.state.as_ref().is_some_and(Conversation::is_closed);
        match (closed, self.closed.last_mut().filter(|it| it.1.is_none())) {
            (true, None) => self.closed.push((seq, None)),
            (false, Some(last)) => last.1 = Some(seq),
            _ => {}
        }
    }
}

/// The versions of summaries that somebody saw, by conversation.
pub(crate) type Wanted = HashMap<ConversationId, BTreeSet<u64>>;

/// The whole log, replayed.
#[derive(Debug)]
pub(crate) struct Timelines<'a> {
    /// Every event by number.
    pub(crate) entries: Vec<&'a Stored>,
    /// Every conversation.
    pub(crate) all: HashMap<ConversationId, Timeline>,
}

impl<'a> Timelines<'a> {
    pub(crate) fn of(feed: &'a Feed, wanted: &Wanted) -> Self {
        let mut entries: Vec<&Stored> = feed.entries.iter().collect();
        entries.sort_by_key(|it| it.seq);
        let mut all: HashMap<ConversationId, Timeline> = HashMap::new();
        for stored in &entries {
            if let Some(id) = stored.conversation {
                all.entry(id).or_default().take(id, stored, wanted.get(&id));
            }
        }
        Self { entries, all }
    }

    /// The event with this number.
    pub(crate) fn at(&self, seq: u64) -> Option<&'a Stored> {
        let place = self.entries.partition_point(|it| it.seq < seq);
        self.entries.get(place).copied().filter(|it| it.seq == seq)
    }

    pub(crate) fn head(&self) -> u64 {
        self.entries.last().map_or(0, |it| it.seq)
    }
}
