//! What waits to be sent over one connection: a bounded queue that never makes its writers wait.
//!
//! At the bound, the oldest goes: the newest is what says how far the feed is. Deliberately absent: the connection.

use bytes::Bytes;
use dibs_protocol::ids::WorkspaceId;
use parking_lot::Mutex;
use std::collections::VecDeque;
use tokio::sync::Notify;

/// How many messages may wait.
pub(super) const MESSAGES_BOUND: usize = 16_384;
/// How many bytes may wait.
const BYTES_BOUND: usize = 64 * 1024 * 1024;
/// Messages that are sent at once, before their answers are awaited.
const BATCH: usize = 512;
/// Bytes above which no more are added to what is sent at once.
const BATCH_BYTES: usize = 1024 * 1024;

/// A message and the workspace it is for.
pub(super) type Message = (WorkspaceId, Bytes);

/// The queue. It begins closed, as nothing is connected.
#[derive(Default)]
pub(super) struct Outgoing {
    queue: Mutex<Queue>,
    ready: Notify,
}

#[derive(Default)]
struct Queue {
    open: bool,
    waiting: VecDeque<Message>,
    bytes: usize,
}

impl Queue {
    fn pop(&mut self) -> Option<Message> {
        let message = self.waiting.pop_front()?;
        self.bytes -= message.1.len();
        Some(message)
    }
}

impl Outgoing {
    /// Queues a message. Returns how many were dropped for it: itself when nothing is connected.
    pub(super) fn push(&self, workspace: WorkspaceId, message: Bytes) -> usize {
        let mut queue = self.queue.lock();
        if !queue.open {
            return 1;
        }
        queue.bytes += message.len();
        queue.waiting.push_back((workspace, message));
        let mut dropped = 0;
        while queue.waiting.len() > MESSAGES_BOUND || queue.bytes > BYTES_BOUND {
            dropped += usize::from(queue.pop().is_some());
        }
        drop(queue);
        self.ready.notify_one();
        dropped
    }

    /// The next messages to send together; waits until there is one. Nothing is lost when it is not awaited to its end.
    pub(super) async fn next(&self) -> Vec<Message> {
        loop {
            let batch = self.take();
            if !batch.is_empty() {
                return batch;
            }
            self.ready.notified().await;
        }
    }

    fn take(&self) -> Vec<Message> {
        let mut queue = self.queue.lock();
        let mut batch = Vec::with_capacity(queue.waiting.len().min(BATCH));
        let mut bytes = 0;
        while batch.len() < BATCH && bytes < BATCH_BYTES {
            let Some(message) = queue.pop() else { break };
            bytes += message.1.len();
            batch.push(message);
        }
        batch
    }

    /// From now on messages are taken.
    pub(super) fn open(&self) {
        self.queue.lock().open = true;
    }

    /// From now on messages are dropped. Returns how many were waiting, which are dropped as well.
    pub(super) fn close(&self) -> usize {
        let queue = std::mem::take(&mut *self.queue.lock());
        queue.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace() -> WorkspaceId {
        WorkspaceId::new("acme").unwrap()
    }

    fn numbered(number: usize) -> Bytes {
        Bytes::from(number.to_string())
    }

    #[tokio::test]
    async fn at_the_bound_the_oldest_is_dropped_and_counted() {
        let queue = Outgoing::default();
        queue.open();
        let dropped: usize = (0..MESSAGES_BOUND + 3)
            .map(|number| queue.push(workspace(), numbered(number)))
            .sum();
        assert_eq!(dropped, 3);
        assert_eq!(queue.next().await[0].1, numbered(3));
    }

    #[tokio::test]
    async fn bytes_are_bounded_as_well_as_messages() {
        let queue = Outgoing::default();
        queue.open();
        let large = Bytes::from(vec![0; BYTES_BOUND / 4]);
        let dropped: usize = (0..6).map(|_| queue.push(workspace(), large.clone())).sum();
        assert_eq!(dropped, 2);
        // One alone is more than what is sent at once, and is sent alone.
        assert_eq!(queue.next().await.len(), 1);
        assert_eq!(queue.close(), 3);
    }

    #[tokio::test]
    async fn while_nothing_is_connected_messages_are_dropped() {
        let queue = Outgoing::default();
        assert_eq!(queue.push(workspace(), numbered(1)), 1);
        queue.open();
        assert_eq!(queue.push(workspace(), numbered(2)), 0);
        assert_eq!(queue.close(), 1);
        assert_eq!(queue.push(workspace(), numbered(3)), 1);
        queue.open();
        assert_eq!(queue.push(workspace(), numbered(4)), 0);
        assert_eq!(queue.next().await, [(workspace(), numbered(4))]);
    }
}
