//! Promises about time: as events carry them, and as summaries show them.

use crate::terms::SlaTarget;
use crate::time::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A promise about time that runs or is paused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Promise {
    /// What is promised.
    pub target: SlaTarget,
    /// Within how much open time, in milliseconds.
    #[ts(type = "number")]
    pub within_ms: i64,
    /// How much of that had passed when it last began to run, in milliseconds.
    #[ts(type = "number")]
    pub spent_ms: i64,
    /// Since when it runs; absent while it is paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub since: Option<Time>,
    /// When it is at risk; absent while it is paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub warn_at: Option<Time>,
    /// By when it must be kept; absent while it is paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub due_at: Option<Time>,
}

/// A promise as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct PromiseSummary {
    /// By when it must be kept; absent while it is paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub due_at: Option<Time>,
    /// Whether it was said to be at risk.
    pub warned: bool,
    /// Whether it is broken.
    pub breached: bool,
}

/// What is promised to the customer of a conversation at present.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema, TS)]
pub struct SlaSummary {
    /// The first reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub first_response: Option<PromiseSummary>,
    /// The next reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub next_response: Option<PromiseSummary>,
    /// The end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub resolution: Option<PromiseSummary>,
    /// The nearest of their times, also when it is over; absent while all are paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub due_at: Option<Time>,
}
