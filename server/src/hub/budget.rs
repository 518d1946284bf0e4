//! Budgets: what one workspace may use of this instance, so that it does not use what others need.
//!
//! Rates are taken before anything reaches the workspace's actor; what is in memory is counted by the actor itself. Shares
//! of the log need no budget: group commit draws them fairly. Deliberately absent: limits of single sessions and tokens.

use super::state::Entry;
use super::workspace::Workspace;
use dibs_protocol::ids::WorkspaceId;
use dibs_protocol::refusal::Refusal;
use dibs_protocol::terms::Status;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

/// Bursts may have so many times what a second may.
pub const BURST: NonZeroU32 = NonZeroU32::new(4).unwrap();
/// Who found no room should come back after so long, in milliseconds.
const ROOM_MS: u64 = 10_000;

/// What one workspace may use of one instance. `None` is no limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// Commands a second of all its sessions; a `bulk` counts as many as it names conversations.
    pub commands_per_second: Option<NonZeroU32>,
    /// HTTP requests a second that bring something in.
    pub ingest_per_second: Option<NonZeroU32>,
    /// Sessions at a time.
    pub sessions: Option<NonZeroU32>,
    /// Unclosed conversations: they are in memory.
    pub conversations: Option<NonZeroU32>,
    /// Conversations that somebody watches at a time.
    pub watched: Option<NonZeroU32>,
    /// Distinct live views.
    pub views: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            commands_per_second: None,
            ingest_per_second: None,
            sessions: None,
            conversations: None,
            watched: None,
            views: super::views::VIEWS_PER_WORKSPACE,
        }
    }
}

/// The budgets of all workspaces.
#[derive(Debug, Clone, Default)]
pub struct Budgets {
    /// Of those that have none of their own.
    pub common: Budget,
    /// Of those that have.
    pub own: BTreeMap<WorkspaceId, Budget>,
}

impl Budgets {
    /// A workspace's budget.
    #[must_use]
    pub fn of(&self, workspace: &WorkspaceId) -> &Budget {
        self.own.get(workspace).unwrap_or(&self.common)
    }
}

/// Counts what a workspace uses per second.
#[derive(Debug)]
pub(crate) struct Meter {
    commands: Option<Rate>,
    ingest: Option<Rate>,
}

#[derive(Debug)]
struct Rate {
    limiter: DefaultDirectRateLimiter,
    burst: NonZeroU32,
}

impl Rate {
    fn new(per_second: NonZeroU32) -> Self {
        let burst = per_second.saturating_mul(BURST);
        let limiter = RateLimiter::direct(Quota::per_second(per_second).allow_burst(burst));
        Self { limiter, burst }
    }

    /// Takes so many; what is more than a burst counts as one, or it could never pass. If there are not so many, when
    /// there will be, in milliseconds.
    fn take(&self, count: NonZeroU32) -> Result<(), u64> {
        let until = match self.limiter.check_n(count.min(self.burst)) {
            Ok(Err(until)) => until,
            Ok(Ok(())) | Err(_) => return Ok(()),
        };
        let wait = until.wait_time_from(DefaultClock::default().now());
        Err(u64::try_from(wait.as_nanos().div_ceil(1_000_000))
            .unwrap_or(u64::MAX)
            .max(1))
    }
}

impl Meter {
    pub(crate) fn new(budget: &Budget) -> Arc<Self> {
        Arc::new(Self {
            commands: budget.commands_per_second.map(Rate::new),
            ingest: budget.ingest_per_second.map(Rate::new),
        })
    }

    /// Takes a command that does so many things.
    ///
    /// # Errors
    /// `rate_limited` when the workspace has no more.
    pub(crate) fn command(&self, things: usize) -> Result<(), Refusal> {
        take(self.commands.as_ref(), things)
    }

    /// Takes something that is brought in over HTTP.
    ///
    /// # Errors
    /// `rate_limited` when the workspace has no more.
    pub(crate) fn ingest(&self) -> Result<(), Refusal> {
        take(self.ingest.as_ref(), 1)
    }
}

fn take(rate: Option<&Rate>, things: usize) -> Result<(), Refusal> {
    let Some(rate) = rate else { return Ok(()) };
    let things = u32::try_from(things).ok().and_then(NonZeroU32::new);
    rate.take(things.unwrap_or(NonZeroU32::MIN))
        .map_err(|wait_ms| Refusal {
            message: "All of this workspace together ask too much: slow down.".to_owned(),
            ..Refusal::rate_limited(wait_ms)
        })
}

/// Whether there is room for one more of what the workspace has in memory.
///
/// # Errors
/// `rate_limited` when there is none.
pub(crate) fn room(limit: Option<NonZeroU32>, used: usize, what: &str) -> Result<(), Refusal> {
    match limit {
        Some(limit) if used >= usize::try_from(limit.get()).unwrap_or(usize::MAX) => Err(Refusal {
            message: format!("This workspace has its {limit} {what}: it may have no more at a time."),
            ..Refusal::rate_limited(ROOM_MS)
        }),
        _ => Ok(()),
    }
}

impl Workspace {
    /// Whether one more conversation may be opened.
    pub(crate) fn room_to_open(&mut self) -> Result<(), Refusal> {
        if self.budget.conversations.is_none() {
            return Ok(());
        }
        let second = self.uptime_ms() / 1_000;
        if self.unclosed.0 != second {
            // Counted anew each second, and upwards between: exact enough, and it cannot drift.
            let unclosed = |it: &&Entry| it.newest().is_some_and(|it| it.status != Status::Closed);
            self.unclosed = (second, self.conversations.values().filter(unclosed).count());
        }
        room(
            self.budget.conversations,
            self.unclosed.1,
            "unclosed conversations",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(per_second: u32) -> Arc<Meter> {
        Meter::new(&Budget {
            commands_per_second: NonZeroU32::new(per_second),
            ..Budget::default()
        })
    }

    #[test]
    fn a_burst_passes_and_then_it_is_said_when_to_come_back() {
        let meter = meter(5);
        assert!((0..20).all(|_| meter.command(1).is_ok()));
        let refusal = meter.command(1).unwrap_err();
        let wait_ms = refusal.details.retry_after_ms.unwrap();
        assert!((1..=200).contains(&wait_ms), "{wait_ms}");
        assert!(meter.ingest().is_ok(), "that has a rate of its own");
    }

    #[test]
    fn many_things_at_once_count_as_many_and_can_pass_all_the_same() {
        let meter = meter(5);
        assert!(meter.command(15).is_ok());
        assert!(meter.command(15).is_err());
        assert!(meter.command(5).is_ok());
        assert!(self::meter(1).command(500).is_ok(), "more than a burst ever has");
    }

    #[test]
    fn room_is_there_up_to_the_limit_and_without_one_always() {
        let two = NonZeroU32::new(2);
        assert!(room(two, 1, "sessions").is_ok());
        let refusal = room(two, 2, "sessions").unwrap_err();
        assert!(refusal.message.contains("2 sessions"), "{}", refusal.message);
        assert!(room(None, usize::MAX, "sessions").is_ok());
    }

    #[test]
    fn a_workspace_with_a_budget_of_its_own_has_that() {
        let id: WorkspaceId = "acme".parse().unwrap();
        let mut budgets = Budgets::default();
        let own = Budget {
            sessions: NonZeroU32::new(3),
            ..Budget::default()
        };
        budgets.own.insert(id.clone(), own.clone());
        assert_eq!(*budgets.of(&id), own);
        assert_eq!(*budgets.of(&"other".parse().unwrap()), Budget::default());
    }
}
