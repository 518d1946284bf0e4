//! When: what was certainly stored before a command left, and what was certainly stored after an answer had come.

use super::call::{Outcome, Yes};
use super::witness::Witness;

/// The order of a run, as far as its witnesses prove it.
#[derive(Debug, Default)]
pub(crate) struct When {
    /// Moments, each with the highest `seq` that anybody knew then.
    known: Vec<(u64, u64)>,
    /// Moments at which commands left that stored something new, each with the lowest `seq` of those from then on.
    begun: Vec<(u64, u64)>,
}

impl When {
    pub(crate) fn of(witnesses: &[&Witness]) -> Self {
        let mut known: Vec<(u64, u64)> = witnesses
            .iter()
            .flat_map(|it| it.told.points().iter().copied())
            .collect();
        known.sort_unstable();
        let mut highest = 0;
        for (_, seq) in &mut known {
            highest = highest.max(*seq);
            *seq = highest;
        }
        let calls = witnesses.iter().flat_map(|it| &it.calls);
        let mut begun: Vec<(u64, u64)> = calls
            .filter_map(|call| Some((call.sent, new_event(&call.outcome)?)))
            .collect();
        begun.sort_unstable();
        let mut lowest = u64::MAX;
        for (_, seq) in begun.iter_mut().rev() {
            lowest = lowest.min(*seq);
            *seq = lowest;
        }
        Self { known, begun }
    }

    /// Everything up to this `seq` was stored before the moment, because somebody had been told.
    pub(crate) fn stored_before(&self, moment: u64) -> u64 {
        let place = self.known.partition_point(|(at, _)| *at < moment);
        place.checked_sub(1).map_or(0, |place| self.known[place].1)
    }

    /// Nothing beyond this `seq` was stored before the moment, because it was asked for later.
    pub(crate) fn stored_at_most(&self, moment: u64) -> u64 {
        let place = self.begun.partition_point(|(at, _)| *at <= moment);
        self.begun
            .get(place)
            .map_or(u64::MAX, |(_, seq)| seq.saturating_sub(1))
    }
}

/// The number of an event that this very command stored. A claim may be one that was held already: it proves nothing here.
fn new_event(outcome: &Outcome) -> Option<u64> {
    match outcome {
        Outcome::Yes(
            Yes::Replied {
                seq,
                duplicate: false,
                ..
            }
            | Yes::Noted {
                seq,
                duplicate: false,
                ..
            },
        ) => Some(*seq),
        Outcome::Yes(Yes::Opened {
            token,
            duplicate: false,
            ..
        }) => Some(*token),
        Outcome::Yes(Yes::Ingested { answer, fresh: true }) => Some(answer.seq),
        Outcome::Yes(_) | Outcome::No(_) | Outcome::Unknown => None,
    }
}
