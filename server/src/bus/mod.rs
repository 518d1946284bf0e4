//! The bus: a wake-up between instances, never the truth. What it loses is read from the log.
//!
//! Deliberately absent: rules, the log, ordering guarantees beyond one publisher's own.

#[cfg(test)]
mod conformance;
pub mod local;
pub mod redis;

use bytes::Bytes;
use dibs_protocol::ids::WorkspaceId;
use tokio::sync::mpsc;

/// How many messages a subscriber may lag behind before the bus drops them for it.
pub const SUBSCRIBER_BOUND: usize = 4_096;

/// What a subscriber hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A message as it was published.
    Message(Bytes),
    /// Messages may have been lost here: read the heads and the gaps.
    Doubt,
}

/// Publish and subscribe by workspace.
pub trait Bus: Send + Sync + 'static {
    /// Tells all subscribers of the workspace, also this instance's own. Never waits; may lose the message.
    fn publish(&self, workspace: &WorkspaceId, message: Bytes);
    /// Begins to hear the workspace's messages. The subscription ends when the receiver is dropped.
    fn subscribe(&self, workspace: &WorkspaceId) -> mpsc::Receiver<Heard>;
    /// Why messages are not getting through at present, if they are not: for health and metrics.
    fn trouble(&self) -> Option<String>;
    /// What has gone over it since it was opened, for metrics.
    fn traffic(&self) -> Traffic {
        Traffic::default()
    }
}

/// Counts of messages since a bus was opened. Each is exact; two of them may not fit together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Messages of this instance that were taken.
    pub published: u64,
    /// Messages of other instances that were handed on here.
    pub delivered: u64,
    /// Messages of this instance that never went out.
    pub dropped: u64,
    /// What arrived and was not believed: forged, torn or too large.
    pub rejected: u64,
    /// Connections that were lost after they had worked.
    pub reconnects: u64,
    /// How often subscribers were told that messages may have been lost.
    pub doubts: u64,
}
