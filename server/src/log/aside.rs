//! What stands beside a feed: timers, mentions, marks, seats and the conditions on them. No behaviour.

use super::Aggregate;
use dibs_protocol::ids::{AgentId, ConversationId, WorkspaceId};
use uuid::Uuid;

/// When an aggregate wants to be looked at again. `due_ms: None` clears its timer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timer {
    /// Whose timer; each aggregate has at most one.
    pub aggregate: Aggregate,
    /// Milliseconds since the Unix epoch.
    pub due_ms: Option<i64>,
}

/// A timer that is due and was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueTimer {
    /// In which workspace.
    pub workspace: WorkspaceId,
    /// Whose timer.
    pub aggregate: Aggregate,
    /// When it was due, milliseconds since the Unix epoch.
    pub due_ms: i64,
}

/// What `take_due` found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Taken timers, earliest first.
    pub timers: Vec<DueTimer>,
    /// When the next one that was not taken is due, if any.
    pub next_ms: Option<i64>,
}

/// A row of an agent's mention inbox. `seq` is that of event number `event` of the item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMention {
    /// Whose inbox.
    pub agent: AgentId,
    /// Which event of the item mentions the agent.
    pub event: usize,
    /// The mention as JSON, without `seq` and `read`.
    pub body: String,
}

/// A row read from an inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMention {
    /// Whose inbox.
    pub agent: AgentId,
    /// The `seq` of the note.
    pub seq: u64,
    /// The conversation of the note.
    pub conversation: ConversationId,
    /// The mention as JSON, without `seq` and `read`.
    pub body: String,
}

/// A small last-writer-wins value outside the feed: read marks, status, how far an inbox was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Whose.
    pub agent: AgentId,
    /// What about: a conversation's id, `inbox` or `status`.
    pub name: String,
    /// The value as JSON; `None` removes it.
    pub value: Option<String>,
}

/// An agent arrives at, or leaves, an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatChange {
    /// Who.
    pub agent: AgentId,
    /// Where: the id of the running instance.
    pub instance: Uuid,
    /// Grows with each change by the same instance; an older change than the stored one is ignored.
    pub generation: u64,
    /// Whether the agent has sessions there now.
    pub present: bool,
}

/// A condition that is checked inside the transaction, on the log's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guard {
    /// The agent has had no seat under a live lease for this long, in milliseconds.
    AbsentFor {
        /// Who.
        agent: AgentId,
        /// How long.
        grace_ms: i64,
    },
}

/// What renewing a lease found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renewed {
    /// Whether the instance's seats had been given up meanwhile: they must be written again.
    pub lapsed: bool,
}
