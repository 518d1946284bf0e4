//! Clock and randomness as traits, so that everything above them runs in a simulator as well.

use parking_lot::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};
use uuid::Uuid;
use uuid::timestamp::Timestamp;
use uuid::timestamp::context::ContextV7;

/// Wall-clock time. Waiting is done with `tokio::time`, which a test can pause.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since the Unix epoch.
    fn now_ms(&self) -> i64;
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
