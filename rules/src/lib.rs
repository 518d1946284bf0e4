//! The rules of Dibs, pure: no I/O, no clocks, no randomness, no locks. Every decision stands here once.
//!
//! [`decide()`] answers an action with events or a refusal; [`Conversation::apply`] folds events into the state. All else
//! reads: what a summary shows, which lists a conversation is in and where, whom a commit concerns, what is personal.

pub mod action;
pub mod apply;
mod carry;
mod claims;
mod consequences;
pub mod contents;
pub mod context;
pub mod conversation;
pub mod deadlines;
pub mod decide;
pub mod decision;
mod delivery;
mod draft;
pub mod excerpt;
pub mod expect;
pub mod fact;
pub mod filter;
pub mod ingest;
pub mod keys;
pub mod mention;
pub mod merge;
mod note;
pub mod notices;
mod open;
pub mod order;
pub mod permissions;
pub mod personal;
mod rating;
mod reply;
pub mod routing;
mod schedule;
pub mod settings;
pub mod sla;
mod spells;
pub mod split;
pub mod stats;
pub mod summary;
pub mod transfers;
mod update;

pub use action::Action;
pub use context::{Context, Directory, Sender};
pub use conversation::Conversation;
pub use decide::decide;
pub use decision::{Answer, Decision};
pub use fact::Fact;
pub use settings::Settings;
