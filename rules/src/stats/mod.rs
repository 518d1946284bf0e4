//! Live statistics, pure: counters kept as events come, equal to a recount. Deliberately absent: clocks, people's presence,
//! frames.

mod durations;
mod facet;
mod sliding;
mod tally;

pub use tally::{Scope, Tally};
