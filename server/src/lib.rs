//! The server of Dibs, floor by floor: `log` and `bus` at the bottom, `hub` above them, `session` and `http` on top.

pub mod auth;
pub mod bus;
pub mod cli;
pub mod config;
pub mod demo;
pub mod http;
pub mod hub;
pub mod log;
mod maps;
pub mod metrics;
pub mod net;
mod notify;
pub mod ports;
mod reload;
mod seeded;
pub mod serve;
pub mod session;
pub mod shared;
#[cfg(test)]
mod simulation;
