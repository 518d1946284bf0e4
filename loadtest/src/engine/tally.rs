//! What a share of a run counts: latencies, counters, and one beat for each slice of time. Merged over processes.

use crate::engine::clock;
use crate::engine::settings::Headline;
use crate::failure::Failure;
use crate::measure::Latencies;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// What a report calls it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
    };
}

named!(
    /// Latencies, from the moment that the plan says.
    Lag {
        /// From an event's due time to its arrival at a watcher.
        Delivery = "delivery to a watcher",
        /// From a change's due time to the list on a screen.
        List = "change on a list",
        /// From being due to being answered: any command.
        Command = "command",
        /// A claim.
        Claim = "claim",
        /// A reply.
        Reply = "reply",
        /// A note.
        Note = "note",
        /// An update.
        Update = "update",
        /// A watch.
        Watch = "watch",
        /// A customer's message over HTTP.
        Message = "message over HTTP",
        /// From a reply's due time to the adapter.
        Outbox = "reply at the adapter",
        /// From dialling to the welcome.
        Welcome = "dial to welcome",
        /// From the loss of a connection to being back and complete.
        Back = "lost to back and complete",
    }
);

named!(
    /// Counters.
    Count {
        /// Event frames.
        Events = "events delivered",
        /// List frames.
        Lists = "list changes delivered",
        /// Other pushes.
        Others = "other frames delivered",
        /// Commands that were done.
        Done = "commands done",
        /// Claims that somebody else held.
        AlreadyClaimed = "claims refused, held by another",
        /// Replies for which something new had come: sent again.
        Stale = "replies sent again, something had come",
        /// Refusals of other kinds that the plan foresees.
        Refused = "other refusals",
        /// Answers that never came: the connection ended first.
        Unknown = "commands cut off from their answer",
        /// Snapshots instead of what was dropped.
        Resyncs = "resyncs",
        /// Connections that ended by themselves.
        Cuts = "connections ended by the hub",
        /// Connections that the plan ended.
        Drops = "connections dropped by plan",
        /// Of them, those after which the hub replayed what was missed.
        Resumed = "resumed",
        /// And those that began anew from snapshots.
        Anew = "begun anew from snapshots",
        /// Customers' messages.
        Messages = "messages over HTTP",
        /// Replies that the adapter read.
        Outbox = "replies at the adapter",
        /// Sent signs of typing.
        Typing = "signs of typing sent",
        /// Bytes of text frames.
        Bytes = "bytes received",
        /// Steps of the plan that could not be done in time.
        Late = "steps left over",
    }
);

/// A slice of time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Beat {
    /// Which slice, from 0.
    pub index: u64,
    /// Frames delivered in it.
    pub deliveries: u64,
    /// Commands answered in it.
    pub commands: u64,
    /// Sessions connected at its end.
    pub connected: u64,
    /// The headline's latencies in it: microseconds and how often.
    pub lags: Vec<(u64, u64)>,
}

/// A share's counts.
#[derive(Debug)]
pub struct Tally {
    lags: Vec<Latencies>,
    counts: Vec<u64>,
    headline: Lag,
    slice: Latencies,
    beat: Beat,
    /// Sessions that are connected.
    pub connected: u64,
    /// Whether what happens belongs to the run, and not to its preparation.
    pub working: bool,
    /// The first few things that must not be.
    pub troubles: Vec<String>,
    /// How many such things.
    pub trouble_count: u64,
}

/// What is left of a share in the end.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Totals {
    /// Microseconds and how often, by latency.
    pub lags: BTreeMap<Lag, Vec<(u64, u64)>>,
    /// Counters.
    pub counts: BTreeMap<Count, u64>,
    /// The first few things that must not be.
    pub troubles: Vec<String>,
    /// How many such things.
    pub trouble_count: u64,
}

/// How many troubles are told in words.
pub const TOLD: usize = 20;

impl From<Headline> for Lag {
    fn from(headline: Headline) -> Self {
        match headline {
            Headline::Command => Self::Command,
            Headline::Delivery => Self::Delivery,
            Headline::List => Self::List,
            Headline::Back => Self::Back,
            Headline::Welcome => Self::Welcome,
        }
    }
}

impl Tally {
    /// Nothing yet.
    ///
    /// # Errors
    /// None in practice.
    pub fn new(headline: Headline) -> Result<Self, Failure> {
        Ok(Self {
            lags: Lag::ALL
                .iter()
                .map(|_| Latencies::new())
                .collect::<Result<_, _>>()?,
            counts: vec![0; Count::ALL.len()],
            headline: headline.into(),
            slice: Latencies::new()?,
            beat: Beat::default(),
            connected: 0,
            working: false,
            troubles: Vec::new(),
            trouble_count: 0,
        })
    }

    /// Something took from `due_us` until now.
    pub fn lag(&mut self, lag: Lag, due_us: u64) {
        let took = Duration::from_micros(clock::now_us().saturating_sub(due_us));
        if !self.working && lag != Lag::Welcome {
            return;
        }
        self.lags[lag as usize].note(took);
        if lag == self.headline {
            self.slice.note(took);
        }
    }

    /// Counts one.
    pub fn count(&mut self, count: Count) {
        self.add(count, 1);
    }

    /// Counts several.
    pub fn add(&mut self, count: Count, more: u64) {
        if !self.working {
            return;
        }
        self.counts[count as usize] += more;
        match count {
            Count::Events | Count::Lists | Count::Others => self.beat.deliveries += more,
            Count::Done | Count::AlreadyClaimed | Count::Stale | Count::Refused | Count::Messages => {
                self.beat.commands += more;
            }
            _ => {}
        }
    }

    /// Something that must not be.
    pub fn trouble(&mut self, what: String) {
        self.trouble_count += 1;
        if self.troubles.len() < TOLD {
            self.troubles.push(what);
        }
    }

    /// Ends a slice of time.
    pub fn beat(&mut self) -> Beat {
        let next = Beat {
            index: self.beat.index + 1,
            ..Beat::default()
        };
        let mut beat = std::mem::replace(&mut self.beat, next);
        beat.connected = self.connected;
        beat.lags = self.slice.sparse();
        self.slice.clear();
        beat
    }

    /// Everything, at the end.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let lags = Lag::ALL
            .iter()
            .map(|lag| (*lag, self.lags[*lag as usize].sparse()));
        let counts = Count::ALL
            .iter()
            .map(|count| (*count, self.counts[*count as usize]));
        Totals {
            lags: lags.collect(),
            counts: counts.collect(),
            troubles: self.troubles.clone(),
            trouble_count: self.trouble_count,
        }
    }
}

impl Totals {
    /// Adds another share's.
    pub fn merge(&mut self, other: Self) {
        for (lag, values) in other.lags {
            self.lags.entry(lag).or_default().extend(values);
        }
        for (count, value) in other.counts {
            *self.counts.entry(count).or_default() += value;
        }
        self.trouble_count += other.trouble_count;
        self.troubles.extend(other.troubles);
        self.troubles.truncate(TOLD);
    }

    /// How many of these were counted.
    #[must_use]
    pub fn of(&self, count: Count) -> u64 {
        self.counts.get(&count).copied().unwrap_or_default()
    }

    /// The latencies of one kind.
    ///
    /// # Errors
    /// None in practice.
    pub fn latencies(&self, lag: Lag) -> Result<Latencies, Failure> {
        let mut all = Latencies::new()?;
        if let Some(values) = self.lags.get(&lag) {
            all.note_sparse(values);
        }
        Ok(all)
    }

    /// Frames that were delivered.
    #[must_use]
    pub fn deliveries(&self) -> u64 {
        [Count::Events, Count::Lists, Count::Others]
            .into_iter()
            .map(|it| self.of(it))
            .sum()
    }

    /// Commands that were answered.
    #[must_use]
    pub fn commands(&self) -> u64 {
        [
            Count::Done,
            Count::AlreadyClaimed,
            Count::Stale,
            Count::Refused,
            Count::Messages,
        ]
        .into_iter()
        .map(|it| self.of(it))
        .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_and_preparation_does_not_count() {
        let mut totals = Totals::default();
        for _ in 0..2 {
            let mut tally = Tally::new(Headline::Delivery).unwrap();
            tally.count(Count::Events);
            tally.working = true;
            tally.count(Count::Events);
            tally.lag(Lag::Delivery, clock::now_us() - 5_000);
            let beat = tally.beat();
            assert_eq!((beat.index, beat.deliveries, beat.lags.len()), (0, 1, 1));
            assert_eq!(tally.beat().lags, vec![]);
            totals.merge(tally.totals());
        }
        assert_eq!(totals.deliveries(), 2);
        let delivery = totals.latencies(Lag::Delivery).unwrap();
        assert_eq!(delivery.count(), 2);
        assert!((5.0..500.0).contains(&delivery.ms(0.5)));
    }
}
