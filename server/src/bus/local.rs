//! The bus within one process: subscribers of a workspace, each with a bounded queue.
//!
//! A full queue loses messages; its subscriber hears `Doubt` as soon as there is room for it. Deliberately absent: other
//! processes.

use super::{Bus, Heard, SUBSCRIBER_BOUND};
use bytes::Bytes;
use dashmap::DashMap;
use dibs_protocol::ids::WorkspaceId;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

/// A subscriber's end of the queue.
struct Subscriber {
    sender: mpsc::Sender<Heard>,
    /// Whether messages were lost of which the subscriber has not heard yet.
    doubtful: bool,
}

/// A bus that reaches this process only.
#[derive(Default)]
pub struct LocalBus {
    subscribers: DashMap<WorkspaceId, Vec<Subscriber>>,
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

impl Subscriber {
    /// Returns whether the subscriber is still there.
    fn tell(&mut self, message: &Bytes) -> bool {
        if self.doubtful {
            match self.sender.try_send(Heard::Doubt) {
                Ok(()) => self.doubtful = false,
                Err(TrySendError::Full(_)) => return true,
                Err(TrySendError::Closed(_)) => return false,
            }
        }
        match self.sender.try_send(Heard::Message(message.clone())) {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => {
                self.doubtful = true;
                true
            }
            Err(TrySendError::Closed(_)) => false,
        }
    }
}

impl Bus for LocalBus {
    fn publish(&self, workspace: &WorkspaceId, message: Bytes) {
        let Some(mut subscribers) = self.subscribers.get_mut(workspace) else {
            return;
        };
        subscribers.retain_mut(|it| it.tell(&message));
        if subscribers.is_empty() {
            drop(subscribers);
            self.subscribers
                .remove_if(workspace, |_, subscribers| subscribers.is_empty());
        }
    }

    fn subscribe(&self, workspace: &WorkspaceId) -> mpsc::Receiver<Heard> {
        let (sender, receiver) = mpsc::channel(SUBSCRIBER_BOUND);
        let mut subscribers = self.subscribers.entry(workspace.clone()).or_default();
        // Where nothing is published, those that left go now.
        subscribers.retain(|it| !it.sender.is_closed());
        subscribers.push(Subscriber {
            sender,
            doubtful: false,
        });
        receiver
    }

    fn trouble(&self) -> Option<String> {
        None
    }
}
