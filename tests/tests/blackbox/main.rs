//! Promises of Dibs, kept by the real program and judged over the wire alone.
//!
//! The program is taken from `DIBS_BIN`, or from the build folder beside this test's own executable
//! (`target/<profile>/dibs`): build it first, as `scripts/test` does. Every hub has a folder and a port of its own.
//! Tests wait for a frame, a position or an exit, ten seconds at most, and never for time to pass.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]
#![allow(clippy::too_many_lines, reason = "a promise reads from top to bottom")]

#[macro_use]
mod desk;
mod hub;
mod raw;
mod token;

mod bad_frames;
mod budgets;
mod claims;
mod cli;
mod crash;
mod disconnect;
mod drain;
mod export;
mod grace;
mod half_open;
mod hello;
mod http;
mod leftovers;
mod limits;
mod loadtest;
mod many;
mod merges;
mod notes;
mod operating;
mod presence;
mod proxy;
mod replies;
mod resume;
mod retention;
mod routing;
mod secrets;
mod settings;
mod sla;
mod slow_reader;
mod splits;
mod stats;
mod storage;
mod tls;
mod transfers;
mod updates;
mod views;
mod watching;
