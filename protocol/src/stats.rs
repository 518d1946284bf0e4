//! Live statistics as supervisors see them: of the workspace, its queues, teams and agents. How they are counted is decided
//! in `rules`.

use crate::ids::{AgentId, QueueId, TeamId};
use crate::terms::Presence;
use crate::time::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// `stats`: rows that changed since the last one, each replacing the one before. The first one after `watch_stats`, and
/// after a client took too little, says `whole`: it replaces everything, and more agents may follow in the next ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct StatsFrame {
    /// When it was counted.
    pub at: Time,
    /// Whether it replaces everything that the client had.
    pub whole: bool,
    /// The whole workspace; absent: as before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub workspace: Option<WorkspaceStats>,
    /// The queues that changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(optional, as = "Option<Vec<QueueStats>>")]
    pub queues: Vec<QueueStats>,
    /// The teams that changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(optional, as = "Option<Vec<TeamStats>>")]
    pub teams: Vec<TeamStats>,
    /// The agents that changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(optional, as = "Option<Vec<AgentStats>>")]
    pub agents: Vec<AgentStats>,
}

/// What is counted of conversations, whoever they are grouped by.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema, TS)]
pub struct Live {
    /// Their customer waits for an answer.
    pub waiting: u32,
    /// Since when the longest of them waits; null: none does.
    pub oldest_waiting_since: Option<Time>,
    /// New or open, and nobody holds them.
    pub unclaimed: u32,
    /// Somebody holds them.
    pub claimed: u32,
    /// Pending.
    pub pending: u32,
    /// A promise about time is at risk, none is broken.
    pub at_risk: u32,
    /// A promise about time is broken.
    pub breached: u32,
    /// Customers' messages in the last minute.
    pub arrivals_per_minute: u32,
    /// Replies in the last minute.
    pub replies_per_minute: u32,
    /// From the opening by a customer to the first reply.
    pub first_response: Durations,
    /// From a claim to its end.
    pub handle_time: Durations,
}

/// How long something took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema, TS)]
pub struct Durations {
    /// In the last hour; null: nothing was counted.
    pub hour: Option<Quantiles>,
    /// In the last day; null: nothing was counted.
    pub day: Option<Quantiles>,
}

/// Quantiles of durations, exact to 13 %, or to the second below 16 s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Quantiles {
    /// How many there were.
    pub count: u32,
    /// Half of them took at most so many seconds.
    #[ts(type = "number")]
    pub p50_s: u64,
    /// Nine of ten took at most so many seconds.
    #[ts(type = "number")]
    pub p90_s: u64,
}

/// How many agents are how present.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema, TS)]
pub struct Standings {
    /// Connected, and take work.
    pub online: u32,
    /// Connected, and away.
    pub away: u32,
    /// Connected, and take no more.
    pub busy: u32,
    /// Without a session.
    pub gone: u32,
    /// How many conversations they hold, or are asked to take.
    pub load: u32,
    /// How many those of them may hold who are online, away or busy; null: some of these have no limit.
    pub capacity: Option<u32>,
}

/// The whole workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct WorkspaceStats {
    /// Its conversations.
    #[serde(flatten)]
    pub live: Live,
    /// Its agents.
    pub agents: Standings,
    /// What customers never saw in the last day.
    pub collisions: Collisions,
    /// What they never saw in the last hour.
    #[serde(default)]
    pub collisions_hour: Collisions,
}

/// Collisions that came to nothing, on all instances, also on those that have ended since. What an instance counted in its
/// last seconds before it was killed may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema, TS)]
pub struct Collisions {
    /// Claims of what somebody else held.
    #[ts(type = "number")]
    pub claims_contested: u64,
    /// Replies that had not seen what came before them.
    #[ts(type = "number")]
    pub replies_stale: u64,
    /// Replies by somebody who no longer held the conversation.
    #[ts(type = "number")]
    pub replies_fenced: u64,
    /// Repeated commands that were done once.
    #[ts(type = "number")]
    pub repeats_absorbed: u64,
}

/// A queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct QueueStats {
    /// Which.
    pub id: QueueId,
    /// Its conversations.
    #[serde(flatten)]
    pub live: Live,
    /// Who works it, where it is routed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub routing: Option<QueueRouting>,
}

/// Who works a routed queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct QueueRouting {
    /// How many agents are known who work it: 0 means that nobody can.
    pub agents: usize,
    /// How many of them take work and have room.
    pub free: usize,
    /// Why conversations wait for which nobody was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub nobody: Option<String>,
}

/// A team: the conversations for which it is responsible, and its members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct TeamStats {
    /// Which.
    pub id: TeamId,
    /// Its conversations.
    #[serde(flatten)]
    pub live: Live,
    /// Its members.
    pub agents: Standings,
}

/// An agent: the conversations that they hold, or are responsible for while nobody does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct AgentStats {
    /// Who.
    pub id: AgentId,
    /// Their own word, or `away` when they did nothing for long.
    pub status: Presence,
    /// Whether they have a session.
    pub connected: bool,
    /// How many conversations they hold, or are asked to take.
    pub load: u32,
    /// How many they are given at most; null: no limit.
    pub capacity: Option<u32>,
    /// Their customer waits for an answer.
    pub waiting: u32,
    /// Since when the longest of them waits; null: none does.
    pub oldest_waiting_since: Option<Time>,
    /// A promise about time is at risk, none is broken.
    pub at_risk: u32,
    /// A promise about time is broken.
    pub breached: u32,
    /// Their replies in the last minute.
    pub replies_per_minute: u32,
    /// From the opening to the first reply, where it was theirs.
    pub first_response: Durations,
    /// From their claims to the ends of these.
    pub handle_time: Durations,
}
