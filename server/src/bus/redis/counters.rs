//! What a bus between processes has done, for metrics. Deliberately absent: names and help texts of metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the bus was opened. Each is exact; two of them read one after the other may not fit together.
#[derive(Debug, Default)]
pub struct Counters {
    /// Messages that Redis took from this instance.
    pub published: AtomicU64,
    /// Messages of other instances that were handed to subscribers here.
    pub delivered: AtomicU64,
    /// Messages of this instance that never reached Redis: it was away, too slow, or refused them.
    pub dropped: AtomicU64,
    /// What arrived and was not believed: forged, torn or too large.
    pub rejected: AtomicU64,
    /// Connections that were lost after they had worked.
    pub reconnects: AtomicU64,
    /// How often subscribers were told that messages may have been lost, by workspace.
    pub doubts: AtomicU64,
}

/// Adds to a counter.
pub(super) fn add(counter: &AtomicU64, number: usize) {
    counter.fetch_add(number as u64, Ordering::Relaxed);
}
