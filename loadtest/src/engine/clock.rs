//! One clock for all processes of a run: the system's monotonic one, which they share. No calendar time.

use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;
use tokio::time::Instant;

/// Nanoseconds since the machine started: the same for all processes.
#[must_use]
pub fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    seconds * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or_default()
}

/// [`now_ns`] in microseconds.
#[must_use]
pub fn now_us() -> u64 {
    now_ns() / 1_000
}

/// Seconds in microseconds; what is below nothing is nothing.
#[must_use]
pub fn micros(seconds: f64) -> u64 {
    let length = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    u64::try_from(length.as_micros()).unwrap_or(u64::MAX)
}

/// That moment for the runtime's timers; what is past is now.
#[must_use]
pub fn instant(at_us: u64) -> Instant {
    Instant::now() + Duration::from_micros(at_us.saturating_sub(now_us()))
}
