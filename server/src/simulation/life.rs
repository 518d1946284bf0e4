//! Whether an instance runs, is stopped (not scheduled: everything stalls until it wakes) or has crashed.

use super::signal::Signal;
use tokio::time::Instant;

/// How an instance does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    /// It runs.
    Running,
    /// It is not scheduled; it does not know.
    Stopped,
    /// It is gone, and what it had in memory is.
    Dead,
}

/// The life of one instance, from its start to its crash.
pub(super) struct Life {
    /// The instance's place among all, the same after a restart.
    pub(super) place: usize,
    condition: Signal<Condition>,
    /// When it was stopped, and when it woke.
    pub(super) stops: parking_lot::Mutex<Vec<(Instant, Option<Instant>)>>,
}

/// The instance has crashed.
pub(super) struct Crashed;

impl Life {
    pub(super) fn new(place: usize) -> Self {
        Self {
            place,
            condition: Signal::new(Condition::Running),
            stops: parking_lot::Mutex::default(),
        }
    }

    pub(super) fn condition(&self) -> Condition {
        self.condition.get()
    }

    pub(super) fn is_dead(&self) -> bool {
        self.condition() == Condition::Dead
    }

    /// Stops it, unless it does not run. Whether it did.
    pub(super) fn stop(&self) -> bool {
        let stopped = self.condition.change(Condition::Running, Condition::Stopped);
        if stopped {
            self.stops.lock().push((Instant::now(), None));
        }
        stopped
    }

    /// Lets it go on.
    pub(super) fn wake(&self) -> bool {
        let woke = self.condition.change(Condition::Stopped, Condition::Running);
        if woke && let Some(last) = self.stops.lock().last_mut() {
            last.1 = Some(Instant::now());
        }
        woke
    }

    /// Ends it, whatever it was doing.
    pub(super) fn crash(&self) {
        self.condition.set(Condition::Dead);
    }

    /// Waits until the instance runs.
    pub(super) async fn runs(&self) -> Result<(), Crashed> {
        match self.condition.until(|it| it != Condition::Stopped).await {
            Condition::Running => Ok(()),
            _ => Err(Crashed),
        }
    }

    /// Waits until the instance runs, for ever when it has crashed: what a crashed program waits for never comes.
    pub(super) async fn goes_on(&self) {
        if self.runs().await.is_err() {
            std::future::pending().await
        }
    }

    /// Waits for its end.
    pub(super) async fn dies(&self) {
        self.condition.until(|it| it == Condition::Dead).await;
    }
}
