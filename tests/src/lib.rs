//! What stands around instances of Dibs, as real processes for tests: a private PostgreSQL server, and processes that end
//! with this one. Nothing of the server is compiled in here, so that tests know the wire only.

#![allow(
    clippy::unwrap_used,
    reason = "a fixture that cannot be set up ends what needs it, with its reason"
)]

pub mod postgres;
pub mod process;
