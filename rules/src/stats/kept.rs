//! Durations of the last day as they are written down: a slice of five minutes at a time, so that each is written while it
//! is young and never again, and a day is at most as many as there are slices in it. Deliberately absent: where.

use super::durations::Counts;
use super::sliding::{HOUR, Sliding};
use super::tally::{Scope, Tally};
use dibs_protocol::time::Time;
use serde::{Deserialize, Serialize};

/// Slices of a day: those of the hour are five minutes long.
const DAY_SLICES: i64 = 288;

/// All durations of one slice.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct KeptSlice {
    /// Which: so many slices of five minutes after the Unix epoch.
    pub slice: i64,
    rows: Vec<(Scope, Counts, Counts)>,
}

impl KeptSlice {
    /// Its place among those of a day: the one of the day before has the same.
    #[must_use]
    pub fn place(&self) -> i64 {
        self.slice.rem_euclid(DAY_SLICES)
    }
}

impl Tally {
    /// What is to be written down: everything of each slice to which something was added since it was last taken.
    pub fn take_unwritten(&mut self) -> Vec<KeptSlice> {
        let slices = std::mem::take(&mut self.unwritten);
        let kept = slices.into_iter().map(|slice| {
            let rows = self.scopes.iter().filter_map(|(scope, it)| {
                let of = |flow: &[Sliding; 2]| flow[0].slice(slice).cloned().unwrap_or_default();
                let (first, handle) = (of(&it.first_response), of(&it.handle_time));
                let any = !(first.is_empty() && handle.is_empty());
                any.then(|| (scope.clone(), first, handle))
            });
            KeptSlice {
                slice,
                rows: rows.collect(),
            }
        });
        kept.filter(|it| !it.rows.is_empty()).collect()
    }

    /// Somebody else writes them down: of those that were not taken only the newest are kept in mind.
    pub fn keep_in_mind(&mut self, slices: usize) {
        while self.unwritten.len() > slices {
            self.unwritten.pop_first();
        }
    }

    /// Counts what was written down, before anything else is counted. What is too old is forgotten at once.
    pub fn restore(&mut self, mut kept: Vec<KeptSlice>, now: Time) {
        kept.sort_by_key(|it| it.slice);
        for it in kept {
            let at = HOUR.begin(it.slice);
            for (scope, first, handle) in it.rows {
                let counters = self.scopes.entry(scope.clone()).or_default();
                for (flows, counts) in [
                    (&mut counters.first_response, first),
                    (&mut counters.handle_time, handle),
                ] {
                    if !counts.is_empty() {
                        flows.iter_mut().for_each(|flow| flow.restore(at, &counts));
                    }
                }
                self.plan(&scope);
                self.changed.insert(scope);
            }
        }
        self.roll(now);
    }
}
