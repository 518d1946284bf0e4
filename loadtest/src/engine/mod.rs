//! The engine behind all scenarios that are data: thousands of sessions in few processes, each with a script.
//!
//! | file | job |
//! |---|---|
//! | `settings` | what a scenario is, as data |
//! | `script` | who does what and when, from the seed alone |
//! | `clock` | one clock for all processes |
//! | `wire` | frames as bytes |
//! | `screens` | lists, computed once for all who have them open |
//! | `tally` | latencies, counters, slices of time |
//! | `stage` | what all members of a process share |
//! | `desk`, `member`, `reading` | one session: what it knows, its life, what it makes of frames |
//! | `customers` | messages over HTTP, and the adapter |
//! | `recorder` | what the oracle is shown |
//! | `share` | one process's part of a run |
//! | `crew` | all shares: in this process, or as workers by pipe |
//! | `judge` | fresh reads, and the oracle's verdict |
//! | `director` | a run from the first conversation to the report |

pub mod clock;
pub mod crew;
pub mod customers;
pub mod desk;
pub mod director;
pub mod judge;
pub mod member;
mod reading;
pub mod recorder;
pub mod screens;
pub mod script;
pub mod settings;
pub mod share;
pub mod stage;
pub mod tally;
pub mod wire;
