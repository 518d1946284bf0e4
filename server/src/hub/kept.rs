//! What of the statistics outlives the instance: collisions, and durations of the last day, beside the feed. Everything else
//! that is counted follows from the states.
//!
//! Nothing is written per event. Collisions are one row that all instances share: each adds what it counted, looks whether
//! it stayed, and adds it again otherwise. Durations are a row for each five minutes, written by the instance that routes.
//! What an instance has not written when it is killed is lost, which is said where the intervals stand.

use super::state::{Internal, What};
use super::workspace::Workspace;
use crate::log::{Aggregate, AggregateKind, Item, Log, LogError, NewState, Snapshot, StoredState};
use dibs_protocol::ids::WorkspaceId;
use dibs_protocol::stats::Collisions;
use dibs_protocol::time::Time;
use dibs_rules::stats::{Collided, KeptSlice, Slices};
use serde::Serialize;
use std::sync::Arc;

/// Collisions are written at most so often, in seconds: so many seconds of them a killed instance loses, unless others heard.
const COLLISIONS_S: u64 = 10;
/// Durations are written at most so often, in seconds: so many seconds of them are lost with the last instance.
const DURATIONS_S: u64 = 60;
/// An instance that does not write durations keeps so many slices in mind, in case that the one who does is gone.
const IN_MIND: usize = 2;
/// An announcement says what was counted in so many milliseconds before it; a whole one says all.
const LATELY_MS: i64 = 300_000;

/// When what was last written.
#[derive(Debug, Default)]
pub(crate) struct Written {
    collisions_s: u64,
    durations_s: u64,
    /// The log may lack collisions of this instance.
    lacking: bool,
    /// The log is being asked.
    asking: bool,
}

/// Something as it is written down.
#[derive(Debug)]
struct Row<T>(T);

impl<T: Serialize + std::fmt::Debug + Send + Sync> Snapshot for Row<T> {
    fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(&self.0).unwrap_or_default()
    }
}

/// What the log keeps of a workspace's statistics.
#[derive(Debug, Default)]
pub(super) struct KeptStats {
    collided: Collided,
    durations: Vec<KeptSlice>,
}

/// Reads what the log keeps. Rows that cannot be read are left out: they are no reason not to answer customers.
///
/// # Errors
/// When the log cannot be reached, or is damaged.
pub(super) async fn read(log: &dyn Log, id: &WorkspaceId) -> Result<KeptStats, LogError> {
    let mut kept = KeptStats::default();
    let all = usize::MAX >> 1;
    for stored in log.states(id, AggregateKind::Settings, true, None, all).await? {
        if stored.aggregate == collisions_aggregate() {
            kept.collided = collided(id, &stored);
        } else if let Some(body) = stored.body.filter(|_| stored.aggregate.id.starts_with(DURATIONS)) {
            match serde_json::from_slice(&body) {
                Ok(slice) => kept.durations.push(slice),
                Err(error) => tracing::warn!(workspace = %id, %error, "durations cannot be read"),
            }
        }
    }
    Ok(kept)
}

fn collided(id: &WorkspaceId, stored: &StoredState) -> Collided {
    let Some(body) = &stored.body else {
        return Collided::default();
    };
    serde_json::from_slice(body).unwrap_or_else(|error| {
        tracing::warn!(workspace = %id, %error, "collisions cannot be read");
        Collided::default()
    })
}

/// How the rows of durations begin; their place in the day follows.
const DURATIONS: &str = "durations-";

fn collisions_aggregate() -> Aggregate {
    Aggregate {
        kind: AggregateKind::Settings,
        id: "collisions".to_owned(),
    }
}

fn durations_aggregate(slice: &KeptSlice) -> Aggregate {
    Aggregate {
        kind: AggregateKind::Settings,
        id: format!("{DURATIONS}{}", slice.place()),
    }
}

impl Workspace {
    /// Goes on from what the log keeps.
    pub(super) fn take_kept(&mut self, kept: KeptStats) {
        let now = Time(self.deps.clock.now_ms());
        self.stats.tally.restore(kept.durations, now);
        self.stats.collided.merge(&kept.collided);
        self.stats.collided.forget(now);
    }

    /// Two people were kept from doing the same.
    pub(crate) fn collide(&mut self, what: impl FnOnce(&mut Collisions)) {
        let now = self.now();
        self.stats.collided.count(self.deps.instance, now, what);
        self.stats.written.lacking = true;
    }

    /// What this instance says about its collisions: lately, or all of the last day.
    pub(crate) fn own_collisions(&self, whole: bool) -> Slices {
        let lately = if whole {
            i64::MIN
        } else {
            self.last_at_ms - LATELY_MS
        };
        self.stats.collided.of(self.deps.instance, Time(lately))
    }

    /// Once a second, and `at_once` when the instance is about to end: writes what is due to be written.
    pub(crate) fn keep_stats(&mut self, at_once: bool) {
        let second = self.second;
        if at_once || second >= self.stats.written.durations_s + DURATIONS_S {
            self.stats.written.durations_s = second;
            self.keep_durations();
        }
        // Who shows the sums looks what others wrote, whom it may not hear.
        let looks = self.deps.log.is_shared() && self.shows_stats();
        let written = &mut self.stats.written;
        if !(written.lacking || looks) || written.asking {
            return;
        }
        if at_once || second >= written.collisions_s + COLLISIONS_S {
            written.collisions_s = second;
            self.keep_collisions();
        }
    }

    fn keep_durations(&mut self) {
        if !self.is_foremost() {
            return self.stats.tally.keep_in_mind(IN_MIND);
        }
        for slice in self.stats.tally.take_unwritten() {
            self.write_down(durations_aggregate(&slice), slice);
        }
    }

    fn keep_collisions(&mut self) {
        if !self.deps.log.is_shared() {
            self.stats.written.lacking = false;
            return self.write_collisions(self.stats.collided.clone());
        }
        self.stats.written.asking = true;
        let (log, workspace) = (self.deps.log.clone(), self.id.clone());
        self.spawn(async move { Internal::Collided(log.state(&workspace, &collisions_aggregate()).await) });
    }

    /// The log has been asked which collisions it has.
    pub(crate) fn collisions_read(&mut self, stored: Result<StoredState, LogError>) {
        self.stats.written.asking = false;
        let mut theirs = match stored {
            Ok(stored) => collided(&self.id, &stored),
            // It is asked again.
            Err(_) => return,
        };
        self.stats.collided.merge(&theirs);
        // Two instances may write at the same time, and the later of them not have seen what the other wrote: who
        // wrote looks again, until nothing of its own is missing.
        let own = self.own_collisions(true);
        self.stats.written.lacking = theirs.hear(self.deps.instance, &own);
        if self.stats.written.lacking {
            theirs.merge(&self.stats.collided);
            self.write_collisions(theirs);
        }
    }

    fn write_collisions(&mut self, mut all: Collided) {
        let now = self.now();
        all.forget(now);
        self.stats.collided.forget(now);
        self.write_down(collisions_aggregate(), all);
    }

    fn write_down(
        &mut self,
        aggregate: Aggregate,
        row: impl Serialize + std::fmt::Debug + Send + Sync + 'static,
    ) {
        let now = self.now();
        let mut item = Item::new(self.id.clone(), self.deps.entropy.uuid(now.0));
        item.states.push(NewState {
            aggregate,
            body: Some(Arc::new(Row(row))),
            active: true,
            owner: None,
            last_event: None,
        });
        self.enqueue(item, What::Nothing);
    }
}
