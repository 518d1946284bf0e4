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
//! | `floor` | a bare epoll loop that only sends, to hold a hub against |
//! | `measure` | CPU and memory from /proc, latencies, the disk's flush time |
//! | `report` | figures, medians of several runs, table and JSON |
//! | `scenario` | one file per scenario |
//!
//! A new scenario is a file in `scenario/` and a line in `scenario/mod.rs`. Every loop is bounded in count and in time.
//! Deliberately absent: any rule of Dibs, and any judgement of a figure: targets stand in docs/benchmarks.md.

pub mod failure;
pub mod fleet;
pub mod floor;
pub mod hub;
pub mod lean;
pub mod measure;
pub mod options;
pub mod process;
pub mod report;
pub mod scenario;
pub mod token;

pub use failure::Failure;
