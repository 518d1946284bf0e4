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

    fn workspace(name: &str) -> WorkspaceId {
        WorkspaceId::new(name).unwrap()
    }

    #[tokio::test]
    async fn all_subscribers_of_a_workspace_hear_a_message_in_order_and_no_others_do() {
        let bus = LocalBus::new();
        let (mut one, mut two) = (bus.subscribe(&workspace("a")), bus.subscribe(&workspace("a")));
        let mut other = bus.subscribe(&workspace("b"));
        for text in ["x", "y"] {
            bus.publish(&workspace("a"), Bytes::from_static(text.as_bytes()));
        }
        for receiver in [&mut one, &mut two] {
            assert_eq!(
                receiver.recv().await,
                Some(Heard::Message(Bytes::from_static(b"x")))
            );
            assert_eq!(
                receiver.recv().await,
                Some(Heard::Message(Bytes::from_static(b"y")))
            );
        }
        assert!(other.try_recv().is_err());
    }

    #[tokio::test]
    async fn a_full_queue_ends_with_a_doubt_and_then_goes_on() {
        let bus = LocalBus::new();
        let mut receiver = bus.subscribe(&workspace("a"));
        for _ in 0..SUBSCRIBER_BOUND + 10 {
            bus.publish(&workspace("a"), Bytes::from_static(b"x"));
        }
        for _ in 0..SUBSCRIBER_BOUND {
            assert!(matches!(receiver.recv().await, Some(Heard::Message(_))));
        }
        assert_eq!(receiver.recv().await, Some(Heard::Doubt));
        assert!(receiver.try_recv().is_err());
        bus.publish(&workspace("a"), Bytes::from_static(b"y"));
        assert_eq!(
            receiver.recv().await,
            Some(Heard::Message(Bytes::from_static(b"y")))
        );
    }

    #[tokio::test]
    async fn who_has_left_is_forgotten() {
        let bus = LocalBus::new();
        drop(bus.subscribe(&workspace("a")));
        bus.publish(&workspace("a"), Bytes::new());
        assert!(bus.subscribers.is_empty());
    }
}
