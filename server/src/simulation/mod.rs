//! The deterministic simulation: real hubs over a log in memory and a bus that loses, on one thread in virtual time,
//! everything drawn from one seed. A schedule that breaks a promise prints its seed, which replays it exactly.
//!
//! Deliberately absent: sockets, HTTP, SQL, and whatever is not under test. The promises themselves are judged by
//! `dibs_loadtest::oracle` and by `check`.

mod admin;
mod bugs;
mod bus;
mod check;
mod client;
mod clock;
mod cluster;
mod customers;
mod dice;
mod env;
mod life;
mod log;
mod network;
mod plan;
mod shared;
mod signal;
mod tests;
mod view;
mod workload;
mod world;
