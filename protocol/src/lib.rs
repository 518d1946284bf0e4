//! The Dibs protocol v1 as types: ids, commands, events, frames, refusals and close codes. No I/O, no rules.

pub mod answer;
pub mod check;
pub mod close;
pub mod command;
pub mod entry;
pub mod event;
pub mod filter;
pub mod frame;
pub mod http;
pub mod ids;
pub mod limits;
pub mod parse;
pub mod parts;
pub mod refusal;
pub mod settings;
pub mod sla;
pub mod stats;
mod strict;
pub mod summary;
pub mod terms;
pub mod time;
