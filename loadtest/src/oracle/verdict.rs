//! What the oracle says: how much it checked, and every promise that was broken, as a person can read it.

use dibs_protocol::ids::ConversationId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// How many faults are kept whole; the others are counted.
pub const FAULTS_KEPT: usize = 200;

/// The promises of the architecture, by their numbers there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Promise {
    /// 1: at most one holder per conversation at any `seq`; tokens only grow.
    OneHolder,
    /// 2: every accepted reply carried the current token and had seen everything; no key is stored twice.
    AnsweredOnce,
    /// 3: every watcher sees each event exactly once, in order, or a snapshot that contains it.
    SeenOnce,
    /// 4: what was acknowledged is in the log; what was refused is not.
    Kept,
    /// 5: state and views by events equal state and views by snapshots.
    SameState,
    /// 6: nothing reaches a session that may not see it.
    Walls,
    /// 9: a promise about time is kept or broken in the log exactly once, and at its time.
    InTime,
    /// An answer was true at some point between question and answer.
    TrueAnswers,
    /// 8: routing gives nobody more than the settings of that time allow.
    Routing,
}

impl Promise {
    /// The promise in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::OneHolder => "1, at most one holder, and tokens only grow",
            Self::AnsweredOnce => "2, a customer is answered once, by the holder who has seen everything",
            Self::SeenOnce => "3, a watcher sees every event exactly once and in order",
            Self::Kept => "4, what was acknowledged is stored, and what was refused is not",
            Self::SameState => "5, snapshots and views equal what the events say",
            Self::Walls => "6, nothing reaches a session that may not see it",
            Self::Routing => "8, routing gives nobody more than they may hold",
            Self::InTime => "9, a promise about time is kept or broken exactly once, and at its time",
            Self::TrueAnswers => "7, an answer was true at some point between question and answer",
        }
    }
}

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// Which promise.
    pub promise: Promise,
    /// Whose history shows it; `the log` for what the log alone shows.
    pub who: String,
    /// When, on the clock of the histories.
    pub moment: Option<u64>,
    /// Where.
    pub conversation: Option<ConversationId>,
    /// What should have been, and what was seen.
    pub said: String,
    /// The end of the witness's journal before it, if one was kept.
    pub journal: Vec<String>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Promise {} is broken. {}", self.promise.words(), self.who)?;
        if let Some(moment) = self.moment {
            write!(f, ", at {moment}")?;
        }
        if let Some(conversation) = self.conversation {
            write!(f, ", conversation {conversation}")?;
        }
        write!(f, ": {}", self.said)?;
        for line in &self.journal {
            write!(f, "\n    {line}")?;
        }
        Ok(())
    }
}

/// What the oracle found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Verdict {
    /// How many things of each kind were checked.
    pub checked: BTreeMap<&'static str, u64>,
    /// How many things of each kind could not be checked, and why.
    pub unchecked: BTreeMap<&'static str, u64>,
    /// The first [`FAULTS_KEPT`] faults.
    pub faults: Vec<Fault>,
    /// How often each promise was broken.
    pub broken: BTreeMap<Promise, u64>,
}

impl Verdict {
    /// Whether every promise was kept, as far as it was checked.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.broken.is_empty()
    }

    /// How many faults there are, kept or not.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.broken.values().sum()
    }

    pub(crate) fn checked(&mut self, what: &'static str) {
        *self.checked.entry(what).or_default() += 1;
    }

    pub(crate) fn checked_many(&mut self, what: &'static str, number: u64) {
        *self.checked.entry(what).or_default() += number;
    }

    pub(crate) fn unchecked(&mut self, why: &'static str, number: u64) {
        if number > 0 {
            *self.unchecked.entry(why).or_default() += number;
        }
    }

    pub(crate) fn fault(&mut self, fault: Fault) {
        *self.broken.entry(fault.promise).or_default() += 1;
        if self.faults.len() < FAULTS_KEPT {
            self.faults.push(fault);
        }
    }

    /// A fault that the log alone shows.
    pub(crate) fn log_fault(
        &mut self,
        promise: Promise,
        conversation: impl Into<Option<ConversationId>>,
        said: String,
    ) {
        self.fault(Fault {
            promise,
            who: "the log".to_owned(),
            moment: None,
            conversation: conversation.into(),
            said,
            journal: Vec::new(),
        });
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |map: &BTreeMap<&'static str, u64>| {
            let items: Vec<String> = map
                .iter()
                .map(|(what, number)| format!("{number} {what}"))
                .collect();
            items.join(", ")
        };
        writeln!(f, "checked: {}", list(&self.checked))?;
        if !self.unchecked.is_empty() {
            writeln!(f, "not checked: {}", list(&self.unchecked))?;
        }
        for fault in &self.faults {
            writeln!(f, "{fault}")?;
        }
        let kept = self.faults.len() as u64;
        if self.count() > kept {
            writeln!(f, "and {} more faults", self.count() - kept)?;
        }
        write!(f, "{} faults", self.count())
    }
}
