//! What stands around instances of Dibs, as real processes for tests and for the load tool's faults: databases, buses in
//! their three forms, and lines that can be cut.
//!
//! | file | job |
//! |---|---|
//! | `process` | a process that ends with this one, however this one ends |
//! | `postgres` | a private PostgreSQL server with databases of their own |
//! | `redis` | a Redis server |
//! | `sentinel` | a primary, a replica and three sentinels |
//! | `cluster` | three primaries and three replicas |
//! | `cut` | a line over TCP that can be cut and held |
//!
//! Everything listens on 127.0.0.1 at free ports, in folders of its own, and is ended by its pid. The tests are in
//! `tests/blackbox/`. Nothing of the server is compiled in here, so that they know the wire only.

#![allow(
    clippy::unwrap_used,
    reason = "a fixture that cannot be set up ends what needs it, with its reason"
)]

pub mod cluster;
pub mod cut;
pub mod postgres;
pub mod process;
pub mod redis;
pub mod sentinel;
