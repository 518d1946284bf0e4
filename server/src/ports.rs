//! Clock and randomness as traits, so that everything above them runs in a simulator as well.

use std::time::{SystemTime, UNIX_EPOCH};
use uuid::Uuid;

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

/// The machine's own randomness.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn salt(&self) -> [u8; 16] {
        rand::random()
    }

    fn uuid(&self, now_ms: i64) -> Uuid {
        let ms = u64::try_from(now_ms).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(ms, &rand::random()).into_uuid()
    }
}
