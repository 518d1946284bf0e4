//! A value that some change and others wait for, in the order in which they began to wait: tokio's own `watch` wakes in a
//! random one, which no seed would replay.

use parking_lot::Mutex;
use std::pin::pin;
use tokio::sync::Notify;

/// The value.
pub(super) struct Signal<T> {
    value: Mutex<T>,
    changed: Notify,
}

impl<T: Copy + PartialEq> Signal<T> {
    pub(super) fn new(value: T) -> Self {
        Self {
            value: Mutex::new(value),
            changed: Notify::new(),
        }
    }

    pub(super) fn get(&self) -> T {
        *self.value.lock()
    }

    pub(super) fn set(&self, value: T) {
        *self.value.lock() = value;
        self.changed.notify_waiters();
    }

    /// Sets it if it is `from`. Whether it was.
    pub(super) fn change(&self, from: T, to: T) -> bool {
        let is = self.get() == from;
        if is {
            self.set(to);
        }
        is
    }

    /// Waits until it is as wanted.
    pub(super) async fn until(&self, wanted: impl Fn(T) -> bool) -> T {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            let value = self.get();
            if wanted(value) {
                return value;
            }
            changed.await;
        }
    }
}
