//! The server of Dibs, floor by floor: `log` and `bus` at the bottom, `hub` above them, `session` and `http` on top.

pub mod bus;
pub mod log;
pub mod ports;
