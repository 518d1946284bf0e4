//! What one connection hears: messages, its own probe, and signs that it no longer hears everything.
//!
//! It runs where the connection reads, so that nothing is queued in between: who cannot follow is slowed down by TCP,
//! and is cut off by Redis in the end, which counts as a loss. Deliberately absent: sending.

use super::Shared;
use parking_lot::Mutex;
use redis::aio::{AsyncPushSender, SendError};
use redis::{PushInfo, PushKind, Value};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Notify;

/// The ears of one connection.
pub(super) struct Ears {
    shared: Arc<Shared>,
    /// The channel of the connection's own probe.
    probe: String,
    /// The highest probe that came back.
    heard: AtomicU64,
    probed: Notify,
    /// Channels whose subscription this side ends.
    leaving: Mutex<HashSet<String>>,
    lost: Mutex<Option<&'static str>>,
    woken: Notify,
}

impl Ears {
    pub(super) fn new(shared: Arc<Shared>, probe: String) -> Self {
        Self {
            shared,
            probe,
            heard: AtomicU64::new(0),
            probed: Notify::new(),
            leaving: Mutex::default(),
            lost: Mutex::default(),
            woken: Notify::new(),
        }
    }

    /// The channel of the probe.
    pub(super) fn probe_channel(&self) -> &str {
        &self.probe
    }

    /// The highest probe that came back.
    pub(super) fn heard(&self) -> u64 {
        self.heard.load(Ordering::Acquire)
    }

    /// Waits for a probe.
    pub(super) async fn hear(&self, number: u64) {
        while self.heard() < number {
            self.probed.notified().await;
        }
    }

    /// Says that this side ends a subscription: the server's word for it will be no sign of a loss.
    pub(super) fn leave(&self, channel: &str) {
        self.leaving.lock().insert(channel.to_owned());
    }

    /// Waits for a sign that messages may be lost.
    pub(super) async fn lost(&self) -> &'static str {
        loop {
            if let Some(reason) = *self.lost.lock() {
                return reason;
            }
            self.woken.notified().await;
        }
    }

    fn lose(&self, reason: &'static str) {
        self.lost.lock().get_or_insert(reason);
        self.woken.notify_one();
    }

    fn message(&self, data: Vec<Value>) {
        let mut data = data.into_iter();
        let (Some(Value::BulkString(channel)), Some(Value::BulkString(message))) = (data.next(), data.next())
        else {
            return;
        };
        if channel != self.probe.as_bytes() {
            return self.shared.arrived(&channel, message);
        }
        let number = self.shared.signer.open(&channel, message);
        if let Some(number) = number.and_then(|it| Some(u64::from_be_bytes(it[..].try_into().ok()?))) {
            self.heard.fetch_max(number, Ordering::Release);
            self.probed.notify_one();
        }
    }

    fn ended(&self, data: &[Value]) {
        let left = match data.first() {
            Some(Value::BulkString(channel)) => {
                std::str::from_utf8(channel).is_ok_and(|it| self.leaving.lock().remove(it))
            }
            _ => false,
        };
        if !left {
            // A slot moved, or somebody reset this client. The library takes this push for the answer to a command
            // that it is not the answer to: the connection is of no more use.
            self.lose("the server ended a subscription");
        }
    }
}

impl AsyncPushSender for Ears {
    fn send(&self, info: PushInfo) -> Result<(), SendError> {
        match info.kind {
            PushKind::Message | PushKind::SMessage => self.message(info.data),
            PushKind::Unsubscribe | PushKind::SUnsubscribe => self.ended(&info.data),
            PushKind::Disconnection => self.lose("the connection was closed"),
            _ => {}
        }
        Ok(())
    }
}
