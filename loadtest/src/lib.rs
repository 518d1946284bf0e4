//! Loads a hub and measures it: real sockets, the real program, figures that can be compared.
//!
//! | file | job |
//! |---|---|
//! | `failure` | why a scenario ended without figures |
//! | `options` | the flags that all scenarios share |
//! | `hub` | the hub under load: one's own process, or somebody else's by URL |
//! | `process` | starting, stopping and restarting the program, and reading its log |
//! | `token` | tokens as an identity provider would make them |
//! | `fleet` | many agents, many conversations, a bounded closed loop |
//! | `lean` | a socket that does not decode what it reads, for thousands of them |
//! | `measure` | CPU and memory from /proc, latencies, the disk's flush time |
//! | `report` | figures, medians of several runs, table and JSON |
//! | `oracle` | checks histories of clients against the log: what no scenario can see by itself |
//! | `scenario` | one file per scenario |
//!
//! A new scenario is a file in `scenario/` and a line in `scenario/mod.rs`. Every loop is bounded in count and in time.
//! Deliberately absent: any judgement of a figure: targets stand in docs/benchmarks.md. Only the oracle knows the rules.

pub mod failure;
pub mod fleet;
pub mod hub;
pub mod lean;
pub mod measure;
pub mod options;
pub mod oracle;
pub mod process;
pub mod report;
pub mod scenario;
pub mod token;

pub use failure::Failure;
