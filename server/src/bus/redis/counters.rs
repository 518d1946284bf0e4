//! What a bus between processes has done, as its tasks count it. What each number means stands at [`Traffic`].
//! Deliberately absent: names and help texts of metrics.

use crate::bus::Traffic;
use std::sync::atomic::{AtomicU64, Ordering};

/// [`Traffic`] while it is counted.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) published: AtomicU64,
    pub(super) delivered: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) rejected: AtomicU64,
    pub(super) reconnects: AtomicU64,
    pub(super) doubts: AtomicU64,
}

impl Counters {
    /// The counts up to now.
    pub(super) fn traffic(&self) -> Traffic {
        let read = |it: &AtomicU64| it.load(Ordering::Relaxed);
        Traffic {
            published: read(&self.published),
            delivered: read(&self.delivered),
            dropped: read(&self.dropped),
            rejected: read(&self.rejected),
            reconnects: read(&self.reconnects),
            doubts: read(&self.doubts),
        }
    }
}

/// Adds to a counter.
pub(super) fn add(counter: &AtomicU64, number: usize) {
    counter.fetch_add(number as u64, Ordering::Relaxed);
}
