//! The rules' promises: tables of commands whose last column is the answer, and properties of random histories.

#![allow(
    clippy::unwrap_used,
    reason = "tests may panic, and clippy takes only functions marked as tests for tests"
)]

mod board;
mod calendars;
mod claims;
mod collided;
mod deadlines;
mod filters;
mod ingest;
mod keys;
mod mentions;
mod merged;
mod merges;
mod notices;
mod orders;
mod permissions;
mod personal;
mod promises;
mod properties;
mod replies;
mod routing;
mod script;
mod settings;
mod stats;
mod town;
mod transfers;
mod updates;
mod world;
