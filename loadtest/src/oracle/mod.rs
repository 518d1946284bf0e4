//! The oracle: from the histories of clients and the log it proves that the promises were kept, or names who saw what broken.
//!
//! A [`Witness`] records what one client sends and receives, in digests, so that a million deliveries cost it no more than ten.
//! A [`Feed`] is the log. [`check()`] replays the log with the rules and holds every history against it. Deliberately absent: any
//! knowledge of the server beyond the wire, and any I/O but reading the log over HTTP and histories from files.
//!
//! | file | job |
//! |---|---|
//! | `witness`, `line` | one client's history: commands and answers; pushes |
//! | `span`, `call`, `quiet`, `record` | what is kept of deliveries, commands, lists, and everything else |
//! | `journal` | frames in a few words, for diagnosis |
//! | `file` | histories of several processes in files |
//! | `feed` | the log, handed over or read over HTTP |
//! | `timeline` | the log replayed: holders, replies, states by conversation |
//! | `when` | what was certainly stored before a command, and what certainly after |
//! | `digest` | digests of stretches, texts and summaries |
//! | `check/` | the judgement, one file a promise |
//! | `verdict` | what it found |

pub mod call;
mod check;
pub mod digest;
pub mod feed;
pub mod file;
mod journal;
mod line;
pub mod quiet;
pub mod record;
pub mod span;
mod timeline;
pub mod verdict;
mod when;
pub mod witness;

pub use check::check;
pub use feed::Feed;
pub use quiet::{ListAsked, QuietView};
pub use record::Detail;
pub use verdict::{Fault, Promise, Verdict};
pub use witness::{CallId, Witness};
