//! Time and ids of a simulated instance: the runtime's paused clock plus an offset that jumps, and ids from the seed.

use super::dice::Dice;
use crate::ports::{Clock, Entropy};
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::time::Instant;
use uuid::Uuid;

/// When every schedule begins, milliseconds since the Unix epoch.
const BEGIN_MS: i64 = 1_795_255_200_000;

/// A clock that goes with virtual time, and wrong by an offset.
pub(super) struct SimClock {
    begin: Instant,
    offset_ms: AtomicI64,
}

impl SimClock {
    /// A clock that is right. `begin` is the schedule's first moment.
    pub(super) fn new(begin: Instant) -> Self {
        Self {
            begin,
            offset_ms: AtomicI64::new(0),
        }
    }

    /// From now on the clock is wrong by so much.
    pub(super) fn jump(&self, offset_ms: i64) {
        self.offset_ms.store(offset_ms, Ordering::Relaxed);
    }
}

impl Clock for SimClock {
    fn now_ms(&self) -> i64 {
        let since = i64::try_from(self.begin.elapsed().as_millis()).unwrap_or(i64::MAX);
        BEGIN_MS + since + self.offset_ms.load(Ordering::Relaxed)
    }
}

/// Ids and salts from the seed.
pub(super) struct SimEntropy(pub(super) Dice);

impl Entropy for SimEntropy {
    fn salt(&self) -> [u8; 16] {
        self.0.bytes()
    }

    fn uuid(&self, now_ms: i64) -> Uuid {
        let ms = u64::try_from(now_ms).unwrap_or_default();
        uuid::Builder::from_unix_timestamp_millis(ms, &self.0.bytes()).into_uuid()
    }
}
