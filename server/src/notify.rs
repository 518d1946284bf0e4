//! What a service manager is told (systemd's sd_notify): ready, reloading, stopping, alive.
//!
//! Without a service manager that asks for it, and on systems that have none, nothing is done. Deliberately absent: what
//! any of it means.

use std::time::Duration;

/// The way to the service manager.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Notifier {
    /// How often it wants to hear that this process is alive, if it wants to.
    alive_every: Option<Duration>,
}

impl Notifier {
    /// What the environment asks for (`NOTIFY_SOCKET`, `WATCHDOG_USEC`).
    pub(crate) fn of_environment() -> Self {
        // Half of the time in which it must be heard, as sd_watchdog_enabled(3) advises.
        let alive_every = manager::watchdog().map(|within| within / 2);
        Self { alive_every }
    }

    /// Requests are taken, or taken again.
    pub(crate) fn ready(self) {
        manager::tell(manager::Word::Ready);
    }

    /// Files are being read anew.
    #[cfg(unix)]
    pub(crate) fn reloading(self) {
        manager::tell(manager::Word::Reloading);
    }

    /// Requests are no longer taken.
    pub(crate) fn stopping(self) {
        manager::tell(manager::Word::Stopping);
    }

    /// Says for ever that this process is alive: that its tasks are still scheduled.
    pub(crate) async fn keep_alive(self) {
        let Some(every) = self.alive_every else { return };
        loop {
            manager::tell(manager::Word::Alive);
            tokio::time::sleep(every).await;
        }
    }
}

#[cfg(unix)]
mod manager {
    //! The protocol of sd_notify(3).

    use sd_notify::NotifyState;
    use std::time::Duration;

    /// What can be told.
    #[derive(Clone, Copy)]
    pub(super) enum Word {
        Ready,
        Reloading,
        Stopping,
        Alive,
    }

    pub(super) fn watchdog() -> Option<Duration> {
        let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
        // Another process may have been meant; without a number of a process this one is.
        let is_meant = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let within = number("WATCHDOG_USEC").filter(|us| is_meant && *us > 1);
        within.map(Duration::from_micros)
    }

    pub(super) fn tell(word: Word) {
        let mut states = vec![match word {
            Word::Ready => NotifyState::Ready,
            Word::Reloading => NotifyState::Reloading,
            Word::Stopping => NotifyState::Stopping,
            Word::Alive => NotifyState::Watchdog,
        }];
        if matches!(word, Word::Reloading) {
            states.extend(NotifyState::monotonic_usec_now());
        }
        if let Err(error) = sd_notify::notify(false, &states) {
            tracing::warn!(%error, "the service manager cannot be told");
        }
    }
}

#[cfg(not(unix))]
mod manager {
    //! No service manager that speaks this protocol.

    use std::time::Duration;

    /// What could be told.
    #[derive(Clone, Copy)]
    pub(super) enum Word {
        Ready,
        Stopping,
        Alive,
    }

    pub(super) fn watchdog() -> Option<Duration> {
        None
    }

    pub(super) fn tell(_word: Word) {}
}
