//! Many instances over one PostgreSQL and one Redis: real processes, real faults. What one promises, many promise.
//!
//! `site` is where they stand, `worker` an agent who works through faults and remembers what was acknowledged; each
//! other file is a fault, and what must hold through it. The long form, with a fleet and the oracle, is
//! `dibs-loadtest chaos`.

mod site;
mod worker;

mod bus;
mod chaos;
mod crossing;
mod failover;
mod forked;
mod killed;
mod postgres;
mod promises;
mod races;
mod redis;
mod restored;
mod rolling;
mod routed;
mod secure;
mod settings;
mod stopped;
mod timers;
