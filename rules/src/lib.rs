//! The rules of Dibs, pure: no I/O, no clocks, no randomness, no locks. Every decision stands here once.

pub mod action;
pub mod context;
pub mod conversation;
pub mod decision;

pub use action::Action;
pub use context::{Context, Directory, Sender, Settings};
pub use conversation::Conversation;
pub use decision::{Answer, Decision};
