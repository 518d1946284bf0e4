//! Due timers go to their workspaces. The log keeps them sorted; here is only when to look next.

use super::{Hub, Input};
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::sync::Notify;
use tokio::time::{Duration, sleep};

/// The log is asked at least so often, in milliseconds: another instance may have set a timer.
const LOOK_MS: i64 = 1_000;
/// A taken timer that was not replaced is taken again after so long, in milliseconds.
pub(crate) const VISIBILITY_MS: i64 = 5_000;
/// An instance that was stopped asks again so often whether it has looked around.
const UNSTEADY: Duration = Duration::from_millis(100);
/// Timers taken at once.
const TAKEN_AT_ONCE: usize = 1_000;

/// When the next timer is expected.
#[derive(Debug)]
pub struct Timers {
    planned_ms: AtomicI64,
    sooner: Notify,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            planned_ms: AtomicI64::new(0),
            sooner: Notify::new(),
        }
    }
}

impl Timers {
    /// A timer was stored that is due then.
    pub fn expect(&self, due_ms: i64) {
        if due_ms < self.planned_ms.load(Ordering::Acquire) {
            self.sooner.notify_one();
        }
    }
}

pub(super) async fn run(hub: &Hub) {
    let timers = &hub.deps.timers;
    loop {
        if !hub.deps.pulse.is_steady() {
            sleep(UNSTEADY).await;
            continue;
        }
        let now_ms = hub.deps.clock.now_ms();
        let due = hub.deps.log.take_due(now_ms, VISIBILITY_MS, TAKEN_AT_ONCE).await;
        if !hub.deps.pulse.is_steady() {
            // It was stopped meanwhile: what was taken comes again.
            continue;
        }
        let mut next_ms = now_ms + LOOK_MS;
        if let Ok(due) = due {
            if due.timers.len() == TAKEN_AT_ONCE {
                next_ms = now_ms;
            } else if let Some(at) = due.next_ms {
                next_ms = next_ms.min(at);
            }
            for timer in due.timers {
                match hub.workspace(&timer.workspace).await {
                    // A workspace that has stopped leaves its timers to the next start.
                    Ok(handle) => {
                        let due = Input::Due(timer.aggregate, timer.due_ms);
                        handle.send(due).unwrap_or_default();
                    }
                    Err(error) => tracing::warn!(workspace = %timer.workspace, %error, "a timer has to wait"),
                }
            }
        }
        timers.planned_ms.store(next_ms, Ordering::Release);
        let wait = u64::try_from(next_ms - hub.deps.clock.now_ms())
            .unwrap_or(0)
            .max(1);
        tokio::select! {
            biased;
            () = sleep(Duration::from_millis(wait)) => {}
            () = timers.sooner.notified() => {}
        }
    }
}
