//! Clock and randomness as traits, so that everything above them runs in a simulator as well.

use parking_lot::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use uuid::Uuid;
use uuid::timestamp::Timestamp;
use uuid::timestamp::context::ContextV7;

/// Wall-clock time. Waiting is done with `tokio::time`, which a test can pause.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since the Unix epoch.
    fn now_ms(&self) -> i64;
    /// Sets it right: it is this much too early (milliseconds; negative: too late). Does nothing where nobody knows better.
    fn adjust(&self, _by_ms: i64) {}
    /// By how much the machine's own clock is off the log's, in milliseconds, as far as is known.
    fn machine_off_ms(&self) -> i64 {
        0
    }
}

/// The source of ids and salts.
pub trait Entropy: Send + Sync + 'static {
    /// Sixteen random bytes.
    fn salt(&self) -> [u8; 16];
    /// A fresh UUID of version 7 for something made at `now_ms`.
    fn uuid(&self, now_ms: i64) -> Uuid;
}

/// The machine's own clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }
}

/// The machine's clock as the log sets it right: instances that share a log then agree on the time.
#[derive(Debug, Default)]
pub struct LogClock {
    offset_ms: AtomicI64,
}

impl Clock for LogClock {
    fn now_ms(&self) -> i64 {
        SystemClock.now_ms() + self.offset_ms.load(Ordering::Relaxed)
    }

    fn adjust(&self, by_ms: i64) {
        self.offset_ms.fetch_add(by_ms, Ordering::Relaxed);
    }

    fn machine_off_ms(&self) -> i64 {
        -self.offset_ms.load(Ordering::Relaxed)
    }
}

/// The machine's own randomness. Its UUIDs ascend also within a millisecond (RFC 9562, 6.2), so that what was made
/// first sorts first.
#[derive(Debug)]
pub struct SystemEntropy {
    context: Mutex<ContextV7>,
}

impl Default for SystemEntropy {
    fn default() -> Self {
        Self {
            context: Mutex::new(ContextV7::new()),
        }
    }
}

impl Entropy for SystemEntropy {
    fn salt(&self) -> [u8; 16] {
        rand::random()
    }

    fn uuid(&self, now_ms: i64) -> Uuid {
        let ms = u64::try_from(now_ms).unwrap_or(0);
        let nanos = u32::try_from(ms % 1_000).unwrap_or(0) * 1_000_000;
        let at = Timestamp::from_unix(&*self.context.lock(), ms / 1_000, nanos);
        Uuid::new_v7(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_one_millisecond_ascend() {
        let entropy = SystemEntropy::default();
        let ids: Vec<_> = (0..10_000).map(|_| entropy.uuid(1_795_255_200_123)).collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
        assert_eq!(
            ids[0].get_timestamp().map(|it| it.to_unix()),
            Some((1_795_255_200, 123_000_000))
        );
    }
}
