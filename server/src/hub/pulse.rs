//! The pulse of an instance: it renews the lease under which its seats count, and notices when it was not scheduled.
//!
//! An instance that was stopped for longer than it should have been between two beats (a suspended machine, a debugger,
//! swapping) first renews its lease, reads the heads and hears its sockets; only then does it fire timers or close
//! sockets as silent, for what it missed may be waiting there. Deliberately absent: what a lease protects.

use super::{Deps, Hub, Input};
use crate::seeded::{Bug, seeded};
use parking_lot::Mutex;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// How long seats count without being renewed, in milliseconds: a dead instance is noticed within 10 s.
pub const LEASE_MS: i64 = 7_000;
/// Between two beats: a lease that lapsed is noticed so much later at most.
const BEAT: Duration = Duration::from_secs(2);
/// So long after its last beat an instance may not act as if it had heard everything.
const STEADY: Duration = Duration::from_millis(4_500);
/// An instance whose machine's clock is off the log's by more than this is not ready, in milliseconds.
pub const CLOCK_OFF_MS: i64 = 2_000;
/// An answer about the time that took longer says too little, in milliseconds.
const CLOCK_WAY_MS: i64 = 1_000;
/// Who lost a seat with their instance is looked at at once: how long they may be gone the workspace knows, not the log.
const AT_ONCE_MS: i64 = 0;
/// How long the sockets are given to say what they hold, after an instance woke.
const SETTLING: Duration = Duration::from_secs(1);

/// When the heart last beat, and since when everything has been heard again.
#[derive(Debug)]
pub struct Pulse {
    at: Mutex<(Instant, Instant)>,
}

impl Default for Pulse {
    fn default() -> Self {
        let now = Instant::now();
        Self {
            at: Mutex::new((now, now)),
        }
    }
}

impl Pulse {
    /// Whether this instance may judge by what it has not heard: it beats, and has not just been woken.
    #[must_use]
    pub fn is_steady(&self) -> bool {
        if seeded(Bug::TimersBeforeRenewal) {
            return true;
        }
        let (beat, settled) = *self.at.lock();
        let now = Instant::now();
        now < beat + STEADY && now >= settled
    }

    /// A beat is done that began `then`. Whether the one before was so long ago that the instance was stopped.
    fn beat(&self, then: Instant) -> bool {
        let mut at = self.at.lock();
        let stopped = Instant::now() >= at.0 + STEADY;
        at.0 = then;
        if stopped {
            at.1 = Instant::now() + SETTLING;
        }
        stopped
    }
}

/// Sets the clock by the log's, where it has one. An answer says what time it was somewhere between question and answer:
/// what is within that is left as it is (Cristian's algorithm).
pub(super) async fn set_clock(deps: &Deps) {
    let asked = Instant::now();
    let Ok(Some(log_ms)) = deps.log.now().await else {
        return;
    };
    let Ok(way_ms) = i64::try_from(asked.elapsed().as_millis()) else {
        return;
    };
    if way_ms > CLOCK_WAY_MS {
        return;
    }
    let off_ms = log_ms + way_ms / 2 - deps.clock.now_ms();
    if off_ms.abs() > way_ms / 2 + 1 {
        deps.clock.adjust(off_ms);
    }
    let machine_off_ms = deps.clock.machine_off_ms();
    if machine_off_ms.abs() > CLOCK_OFF_MS {
        tracing::error!(
            machine_off_ms,
            "this machine's clock is off the log's: it is not ready"
        );
    }
}

pub(super) async fn run(hub: &Hub) {
    let deps = &hub.deps;
    loop {
        let then = Instant::now();
        set_clock(deps).await;
        match deps.log.renew(deps.instance, LEASE_MS, AT_ONCE_MS).await {
            Ok(renewed) => {
                let stopped = deps.pulse.beat(then);
                if stopped {
                    tracing::warn!(
                        "this instance was stopped, or the log was away, for a while: it looks around first"
                    );
                }
                if stopped || renewed.lapsed {
                    let lapsed = renewed.lapsed;
                    hub.tell_all(|| Input::Woken { lapsed });
                }
            }
            Err(error) => tracing::warn!(%error, "the lease could not be renewed"),
        }
        sleep_until(then + BEAT).await;
    }
}
