//! The bus within one process: subscribers of a workspace, each with a bounded queue.
//!
//! The last place of a queue is kept for `Doubt`: what finds only that place, or none, is lost, and the subscriber hears
//! of it after what was queued before. Deliberately absent: other processes.

use super::{Bus, Heard, SUBSCRIBER_BOUND};
use bytes::Bytes;
use dashmap::DashMap;
use dibs_protocol::ids::WorkspaceId;
use tokio::sync::mpsc;

/// A bus that reaches this process only.
#[derive(Default)]
pub struct LocalBus {
    subscribers: DashMap<WorkspaceId, Vec<mpsc::Sender<Heard>>>,
}

impl std::fmt::Debug for LocalBus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalBus")
            .field("workspaces", &self.subscribers.len())
            .finish()
    }
}

impl LocalBus {
    /// A bus without subscribers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells all subscribers of the workspace that messages may have been lost. Returns whether there are any.
    pub(super) fn doubt(&self, workspace: &WorkspaceId) -> bool {
        let Some(subscribers) = self.subscribers.get(workspace) else {
            return false;
        };
        for subscriber in subscribers.iter() {
            // A full queue ends with a doubt already.
            subscriber.try_send(Heard::Doubt).ok();
        }
        !subscribers.is_empty()
    }

    /// Whether somebody subscribed to the workspace, and was not found to have left.
    pub(super) fn is_heard(&self, workspace: &WorkspaceId) -> bool {
        self.subscribers.contains_key(workspace)
    }

    /// The workspaces with subscribers.
    pub(super) fn heard(&self) -> Vec<WorkspaceId> {
        self.subscribers.iter().map(|it| it.key().clone()).collect()
    }

    /// Forgets who has left, also where nothing is published. Returns the workspaces that nobody hears any more.
    pub(super) fn forget_left(&self) -> Vec<WorkspaceId> {
        let mut left = Vec::new();
        self.subscribers.retain(|workspace, subscribers| {
            subscribers.retain(|it| !it.is_closed());
            if subscribers.is_empty() {
                left.push(workspace.clone());
            }
            !subscribers.is_empty()
        });
        left
    }
}

/// Queues a message, or a doubt in the last place. Only doubts take that place, so that a full queue ends with one,
/// which covers everything that is lost until it is heard. Returns whether the subscriber is still there.
fn tell(subscriber: &mpsc::Sender<Heard>, message: &Bytes) -> bool {
    let heard = match subscriber.capacity() {
        0 => return !subscriber.is_closed(),
        1 => Heard::Doubt,
        _ => Heard::Message(message.clone()),
    };
    // Only this workspace's publishers queue here, and they come one at a time: the place is still free.
    subscriber.try_send(heard).is_ok()
}

impl Bus for LocalBus {
    fn publish(&self, workspace: &WorkspaceId, message: Bytes) {
        let Some(mut subscribers) = self.subscribers.get_mut(workspace) else {
            return;
        };
        subscribers.retain(|subscriber| tell(subscriber, &message));
        if subscribers.is_empty() {
            drop(subscribers);
            self.subscribers
                .remove_if(workspace, |_, subscribers| subscribers.is_empty());
        }
    }

    fn subscribe(&self, workspace: &WorkspaceId) -> mpsc::Receiver<Heard> {
        let (sender, receiver) = mpsc::channel(SUBSCRIBER_BOUND + 1);
        let mut subscribers = self.subscribers.entry(workspace.clone()).or_default();
        // Where nothing is published, those that left go now.
        subscribers.retain(|it| !it.is_closed());
        subscribers.push(sender);
        receiver
    }

    fn trouble(&self) -> Option<String> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::conformance::{Buses, promises};
    use std::sync::Arc;

    fn workspace(name: &str) -> WorkspaceId {
        WorkspaceId::new(name).unwrap()
    }

    async fn one_process() -> Buses {
        let bus: Arc<dyn Bus> = Arc::new(LocalBus::new());
        Buses {
            here: bus.clone(),
            there: bus,
            announced: false,
            behind: Box::new(()),
        }
    }

    promises!(one_process);

    #[tokio::test]
    async fn who_has_left_is_forgotten() {
        let bus = LocalBus::new();
        drop(bus.subscribe(&workspace("a")));
        bus.publish(&workspace("a"), Bytes::new());
        assert!(bus.subscribers.is_empty());
        drop(bus.subscribe(&workspace("b")));
        assert_eq!(bus.forget_left(), [workspace("b")]);
        assert!(bus.subscribers.is_empty());
    }
}
