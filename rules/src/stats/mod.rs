//! Live statistics, pure: counters kept as events come, equal to a recount. Deliberately absent: clocks, people's presence,
//! frames.

mod collided;
mod durations;
mod facet;
mod kept;
mod sliding;
mod tally;

pub use collided::{Collided, Recent, Slices};
pub use kept::KeptSlice;
pub use tally::{Scope, Tally};
