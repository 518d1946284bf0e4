//! Loads a hub, measures it, and proves that it kept its promises: real sockets, the real program.
//!
//! | file | job |
//! |---|---|
//! | `program` | from the command line to an exit status |
//! | `scenarios` | scenario files and flags |
//! | `engine` | scenarios that are data: thousands of sessions, each with a script |
//! | `chaos` | faults under load, over instances, a database and a Redis of its own |
//! | `oracle` | proves the promises from what was seen and the log |
//! | `limits` | what a run must stay within |
//! | `report`, `detail` | figures, medians of several runs, courses over time, the verdict |
//! | `page` | all of it as one HTML file |
//! | `progress` | what a person sees meanwhile |
//! | `descriptors` | how many are needed, before it begins |
//! | `failure` | why a run ended without figures |
//! | `options` | the flags that all scenarios share |
//! | `hub` | the hub under load: one's own process, or somebody else's by URL |
//! | `process` | starting, stopping and restarting the program, and reading its log |
//! | `token` | tokens as an identity provider would make them |
//! | `floor` | a bare epoll loop that only sends, to hold a hub against |
//! | `measure` | CPU and memory from /proc, latencies, the disk's flush time |
//! | `scenario` | measurements of one thing, one file each |
//! | `fleet`, `lean` | a bounded closed loop, and a socket that does not decode, for those |
//!
//! A new scenario is a file in `loadtest/scenarios/` and a name in `scenarios`. Every loop is bounded in count or in
//! time. Deliberately absent: any judgement of a figure but by limits that are given. Only the oracle knows the rules.

pub mod chaos;
pub mod descriptors;
pub mod detail;
pub mod engine;
pub mod failure;
pub mod fleet;
pub mod floor;
pub mod hub;
pub mod lean;
pub mod limits;
pub mod measure;
pub mod options;
pub mod oracle;
pub mod page;
pub mod process;
pub mod program;
pub mod progress;
pub mod report;
pub mod scenario;
pub mod scenarios;
pub mod token;

pub use failure::Failure;
