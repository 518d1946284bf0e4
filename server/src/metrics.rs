//! Counters and gauges, with their names and help texts: all of them stand here. No labels of people or conversations.

use crate::bus::Traffic;
use dibs_protocol::refusal::Code;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::atomic::Ordering;

/// A command's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct CommandLabel {
    command: &'static str,
}

/// A refusal's code.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct CodeLabel {
    code: &'static str,
}

/// Everything that is counted.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    sessions: Gauge,
    sessions_total: Counter,
    commands: Family<CommandLabel, Counter>,
    refusals: Family<CodeLabel, Counter>,
    events: Counter,
    commits: Counter,
    conflicts: Counter,
    log_failures: Counter,
    resyncs: Counter,
    contested: Counter,
    ingested: Counter,
    log_up: Gauge,
    bus_up: Gauge,
    clock_off: Gauge,
    bus: [Counter; 6],
}

/// Names and help texts of what has gone over the bus, in the order of `Traffic`'s fields.
const BUS: [(&str, &str); 6] = [
    ("bus_published", "Messages to other instances that the bus took"),
    (
        "bus_delivered",
        "Messages of other instances that were handed on here",
    ),
    (
        "bus_dropped",
        "Messages to other instances that never went out: those read the log",
    ),
    (
        "bus_rejected",
        "Messages on the bus that were not believed: forged, torn or too large",
    ),
    (
        "bus_reconnects",
        "Connections to the bus that were lost after they had worked",
    ),
    (
        "bus_doubts",
        "How often a workspace read its head because the bus may have lost messages",
    ),
];

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All counters at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut it = Self::unregistered();
        let r = &mut it.registry;
        r.register("sessions", "Sessions that are welcome now", it.sessions.clone());
        r.register(
            "sessions_welcomed",
            "Sessions that were ever welcome",
            it.sessions_total.clone(),
        );
        r.register("commands", "Commands received, by name", it.commands.clone());
        r.register(
            "refusals",
            "Commands and requests refused, by code",
            it.refusals.clone(),
        );
        r.register("events", "Events stored", it.events.clone());
        r.register("commits", "Decisions stored", it.commits.clone());
        r.register(
            "conflicts",
            "Decisions made again because somebody was faster",
            it.conflicts.clone(),
        );
        r.register(
            "log_failures",
            "Submissions that the log could not store",
            it.log_failures.clone(),
        );
        r.register(
            "resyncs",
            "Snapshots begun for sessions that fell behind",
            it.resyncs.clone(),
        );
        r.register(
            "collisions",
            "Claims contested and replies refused as stale or fenced",
            it.contested.clone(),
        );
        r.register(
            "ingested",
            "Customers' messages that were taken in",
            it.ingested.clone(),
        );
        r.register(
            "log_up",
            "1 while the log takes what is decided",
            it.log_up.clone(),
        );
        r.register(
            "bus_up",
            "1 while messages get through to other instances",
            it.bus_up.clone(),
        );
        r.register(
            "clock_off_milliseconds",
            "How far this machine's clock is ahead of the log's",
            it.clock_off.clone(),
        );
        for ((name, help), counter) in BUS.into_iter().zip(&it.bus) {
            r.register(name, help, counter.clone());
        }
        it
    }

    fn unregistered() -> Self {
        Self {
            registry: Registry::with_prefix("dibs"),
            sessions: Gauge::default(),
            sessions_total: Counter::default(),
            commands: Family::default(),
            refusals: Family::default(),
            events: Counter::default(),
            commits: Counter::default(),
            conflicts: Counter::default(),
            log_failures: Counter::default(),
            resyncs: Counter::default(),
            contested: Counter::default(),
            ingested: Counter::default(),
            log_up: Gauge::default(),
            bus_up: Gauge::default(),
            clock_off: Gauge::default(),
            bus: Default::default(),
        }
    }

    /// How the instance is at this moment.
    pub fn health(&self, log_up: bool, bus_up: bool, clock_off_ms: i64) {
        self.log_up.set(i64::from(log_up));
        self.bus_up.set(i64::from(bus_up));
        self.clock_off.set(clock_off_ms);
    }

    /// What has gone over the bus so far.
    pub fn bus(&self, traffic: &Traffic) {
        let Traffic {
            published,
            delivered,
            dropped,
            rejected,
            reconnects,
            doubts,
        } = *traffic;
        let counts = [published, delivered, dropped, rejected, reconnects, doubts];
        for (counter, count) in self.bus.iter().zip(counts) {
            counter.inner().store(count, Ordering::Relaxed);
        }
    }

    /// Everything in the text format of OpenMetrics.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a String does not fail.
        encode(&mut text, &self.registry).unwrap_or_default();
        text
    }

    /// How many sessions are welcome now.
    #[must_use]
    pub fn sessions(&self) -> i64 {
        self.sessions.get()
    }

    pub(crate) fn session_joined(&self) {
        self.sessions.inc();
        self.sessions_total.inc();
    }

    pub(crate) fn session_left(&self) {
        self.sessions.dec();
    }

    pub(crate) fn command(&self, command: &'static str) {
        self.commands.get_or_create(&CommandLabel { command }).inc();
    }

    pub(crate) fn refused(&self, code: Code) {
        self.refusals
            .get_or_create(&CodeLabel { code: code.as_str() })
            .inc();
    }

    pub(crate) fn committed(&self, events: usize) {
        self.commits.inc();
        self.events.inc_by(events as u64);
    }

    pub(crate) fn conflict(&self) {
        self.conflicts.inc();
    }

    pub(crate) fn log_failed(&self) {
        self.log_failures.inc();
    }

    pub(crate) fn resynced(&self) {
        self.resyncs.inc();
    }

    pub(crate) fn contested(&self) {
        self.contested.inc();
    }

    pub(crate) fn ingested(&self) {
        self.ingested.inc();
    }
}
