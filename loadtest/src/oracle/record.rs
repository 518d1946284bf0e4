//! The parts of a witness that stay small however much it sees: what it was told and when, which summaries it saw, and
//! what it noticed by itself.

use super::verdict::Promise;
use dibs_protocol::ids::{AgentId, ConversationId, NoteId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// How many of what it noticed by itself a witness keeps; the others are counted.
const SLIPS: usize = 16;
/// How many lines a journal keeps.
const JOURNAL: usize = 4_096;

/// How much a witness keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Detail {
    /// Spans and commands: for one of thousands of watchers.
    Lean,
    /// Summaries and times as well: for those who command.
    Usual,
    /// A journal as well, and every event's number: for diagnosis in small runs.
    Full,
}

impl Detail {
    fn moments(self) -> usize {
        match self {
            Self::Lean => 64,
            Self::Usual => 4_096,
            Self::Full => usize::MAX,
        }
    }

    fn summaries(self) -> usize {
        match self {
            Self::Lean => 256,
            Self::Usual => 65_536,
            Self::Full => usize::MAX,
        }
    }
}

/// The highest `seq` that a client was told, over time. At the bound every other point goes: what is left is still true.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Told {
    points: Vec<(u64, u64)>,
    stride: u64,
    skipped: u64,
}

impl Told {
    pub(crate) fn note(&mut self, moment: u64, seq: u64, detail: Detail) {
        if self.points.last().is_some_and(|last| last.1 >= seq) {
            return;
        }
        self.skipped += 1;
        if self.skipped < self.stride {
            return;
        }
        self.skipped = 0;
        self.points.push((moment, seq));
        if self.points.len() >= detail.moments() {
            let mut odd = false;
            self.points.retain(|_| {
                odd = !odd;
                odd
            });
            self.stride = self.stride.max(1) * 2;
        }
    }

    /// Moments, each with the highest `seq` known then, both ascending.
    #[must_use]
    pub fn points(&self) -> &[(u64, u64)] {
        &self.points
    }
}

/// Digests of the summaries that a client saw, by conversation and version. At the bound a share is kept that is the same for
/// every witness.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Glimpses {
    seen: BTreeMap<ConversationId, BTreeMap<u64, u64>>,
    number: usize,
    share: u32,
    /// How many were left out.
    pub left_out: u64,
}

impl Glimpses {
    /// Takes note of a summary; false when another was seen with the same version.
    pub(crate) fn note(&mut self, id: ConversationId, version: u64, digest: u64, detail: Detail) -> bool {
        if !self.keeps(id, version) {
            self.left_out += 1;
            return true;
        }
        match self.seen.entry(id).or_default().entry(version) {
            std::collections::btree_map::Entry::Occupied(known) => *known.get() == digest,
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(digest);
                self.number += 1;
                if self.number >= detail.summaries() {
                    self.halve();
                }
                true
            }
        }
    }

    fn keeps(&self, id: ConversationId, version: u64) -> bool {
        let (high, low) = id.0.as_u64_pair();
        super::digest::mix(high ^ low ^ version).trailing_zeros() >= self.share
    }

    fn halve(&mut self) {
        self.share += 1;
        let before = self.number;
        let mut seen = std::mem::take(&mut self.seen);
        for (id, versions) in &mut seen {
            versions.retain(|version, _| self.keeps(*id, *version));
        }
        seen.retain(|_, versions| !versions.is_empty());
        self.number = seen.values().map(BTreeMap::len).sum();
        self.left_out += (before - self.number) as u64;
        self.seen = seen;
    }

    /// Every summary kept: conversation, version, digest.
    pub fn iter(&self) -> impl Iterator<Item = (ConversationId, u64, u64)> + '_ {
        self.seen
            .iter()
            .flat_map(|(id, versions)| versions.iter().map(|(version, digest)| (*id, *version, *digest)))
    }
}

/// Something that a history shows to be wrong without the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Slip {
    /// Which promise it breaks.
    pub promise: Promise,
    /// When.
    pub moment: u64,
    /// Where.
    pub conversation: Option<ConversationId>,
    /// What should have been, and what was seen.
    pub said: String,
}

/// The first slips, and how many there are in all.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Slips {
    /// The first ones.
    pub kept: Vec<Slip>,
    /// Those beyond, by promise.
    pub others: BTreeMap<Promise, u64>,
}

impl Slips {
    pub(crate) fn note(&mut self, slip: Slip) {
        if self.kept.len() < SLIPS {
            self.kept.push(slip);
        } else {
            *self.others.entry(slip.promise).or_default() += 1;
        }
    }
}

/// A push that names an event of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Push {
    /// `claim_gained`, and a claim in a welcome.
    Gained(ConversationId, u64),
    /// `claim_lost`.
    Lost(ConversationId, u64),
    /// `mention`: where, `seq`, note, author, the digest of its excerpt.
    Mention(ConversationId, u64, NoteId, AgentId, u64),
}

/// What an outbox showed: a stretch of one channel's replies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outboxed {
    /// The channel.
    pub channel: String,
    /// Events above this.
    pub after: u64,
    /// Up to this.
    pub next: u64,
    /// Their numbers.
    pub numbers: Vec<u64>,
}

/// The latest lines of a journal.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Journal(VecDeque<(u64, String)>);

impl Journal {
    pub(crate) fn note(&mut self, moment: u64, line: String) {
        if self.0.len() >= JOURNAL {
            self.0.pop_front();
        }
        self.0.push_back((moment, line));
    }

    /// The lines up to a moment, at most `number`, oldest first.
    #[must_use]
    pub fn before(&self, moment: u64, number: usize) -> Vec<String> {
        let end = self.0.partition_point(|(at, _)| *at <= moment);
        let lines = self.0.iter().take(end).skip(end.saturating_sub(number));
        lines.map(|(at, line)| format!("{at}: {line}")).collect()
    }
}
