//! The Dibs protocol v1 as types: ids, commands, events, frames, refusals and close codes. No I/O, no rules.

pub mod ids;
