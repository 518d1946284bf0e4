//! What a report has beside figures: settings, courses over time, percentiles, the oracle's verdict. Data only.

use crate::oracle::Promise;
use serde::Serialize;
use std::collections::BTreeMap;

/// What a report has beside figures.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Detail {
    /// The headline's name.
    pub headline: String,
    /// The scenario's settings.
    pub settings: serde_json::Value,
    /// What happened over time.
    pub course: Course,
    /// By latency's name: percentiles in percent and milliseconds.
    pub percentiles: BTreeMap<String, Vec<(f64, f64)>>,
    /// What the oracle says; nothing when it was not asked.
    pub verdict: Option<Judgement>,
    /// What became of all that was asked and changes something, as the oracle was shown it.
    pub calls: Calls,
    /// Limits that were passed, in sentences.
    pub limits_passed: Vec<String>,
}

/// What became of all that was asked and changes something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Calls {
    /// Asked, each time that it was.
    pub sent: u64,
    /// Of them, acknowledged.
    pub acknowledged: u64,
    /// Refused by a rule.
    pub refused: u64,
    /// Not known: no answer, or `unavailable`.
    pub unknown: u64,
}

/// What happened over time, in columns of equal length.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Course {
    /// Seconds since the beginning, at the end of each slice.
    pub seconds: Vec<f64>,
    /// Frames delivered a second.
    pub deliveries: Vec<f64>,
    /// Commands answered a second.
    pub commands: Vec<f64>,
    /// Sessions connected.
    pub connected: Vec<f64>,
    /// The headline's median, in milliseconds; null where there was none.
    pub p50_ms: Vec<Option<f64>>,
    /// Its 99th hundredth.
    pub p99_ms: Vec<Option<f64>>,
    /// The longest.
    pub max_ms: Vec<Option<f64>>,
    /// The hub's CPU in percent of a core; null where its process is not known.
    pub hub_cpu: Vec<Option<f64>>,
    /// The hub's resident memory in MiB.
    pub hub_rss: Vec<Option<f64>>,
}

impl Judgement {
    /// One line for a person.
    #[must_use]
    pub fn line(&self) -> String {
        let sum = |map: &BTreeMap<String, u64>| map.values().sum::<u64>();
        let not = match sum(&self.unchecked) {
            0 => String::new(),
            unchecked => format!(", {unchecked} could not be checked"),
        };
        format!(
            "the oracle: {} checks{not}, {} fault(s)",
            sum(&self.checked),
            self.fault_count
        )
    }
}

/// What the oracle says.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Judgement {
    /// What was checked, and how often.
    pub checked: BTreeMap<String, u64>,
    /// What could not be checked, how often, and why.
    pub unchecked: BTreeMap<String, u64>,
    /// How many faults there are.
    pub fault_count: u64,
    /// How often each promise was broken.
    pub broken: BTreeMap<Promise, u64>,
    /// The first of them, in words.
    pub faults: Vec<String>,
}
