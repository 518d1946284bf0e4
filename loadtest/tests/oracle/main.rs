//! Tests of the oracle: honest histories pass, and every kind of fault is found. No hub runs here: histories are made by the rules
//! and a few lines that stand for a server, then spoilt on purpose.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod answers;
mod deadlines;
mod desk;
mod hub;
mod merges;
mod mutations;
mod routing;
mod script;
mod story;
mod table;
mod volume;
