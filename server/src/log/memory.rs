//! The log in memory, for tests and the simulator: the same promises as on disk, until the process ends.
//!
//! Deliberately absent: checks of what was read. Memory is trusted. Clones share what is stored.

mod tables;

use super::chain::{self, GENESIS, Hash, Header};
use super::{
    Aggregate, AggregateKind, Due, DueTimer, Head, Item, Log, LogError, Mark, Outcome, Range, Renewed, Reply,
    StoredEvent, StoredKey, StoredMention, StoredState, Verified, batch,
};
use crate::ports::Clock;
use dibs_protocol::ids::{AgentId, ConversationId, WorkspaceId};
use futures_util::FutureExt;
use futures_util::future::ready;
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::sync::Arc;
use tables::{Feed, Row, State, Tables};
use uuid::Uuid;

/// How many keys of each scope are kept, however old.
const KEYS_KEPT: usize = 1_000;

/// A log in memory.
#[derive(Clone)]
pub struct MemoryLog {
    tables: Arc<Mutex<Tables>>,
    unavailable: Arc<Mutex<Option<String>>>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for MemoryLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryLog")
            .field("unavailable", &self.unavailable)
            .finish_non_exhaustive()
    }
}

impl MemoryLog {
    /// An empty log that checks its guards on this clock.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            tables: Arc::default(),
            unavailable: Arc::default(),
            clock,
        }
    }

    /// An empty log that several instances share.
    #[must_use]
    pub fn shared(clock: Arc<dyn Clock>) -> Self {
        let log = Self::new(clock);
        log.tables.lock().leases = Some(tables::Leases::new());
        log
    }

    /// Loses everything above `seq` of a feed, as a failover to a replica that lagged behind would.
    #[cfg(test)]
    pub(crate) fn lose_above(&self, workspace: &WorkspaceId, seq: u64) {
        self.tables.lock().feed(workspace).lose_above(seq);
    }

    /// From now on everything is answered `Unavailable` for this reason; `None`: no longer.
    pub fn set_unavailable(&self, reason: Option<String>) {
        *self.unavailable.lock() = reason;
    }

    fn with<'a, T: Send + 'a>(&self, job: impl FnOnce(&mut Tables) -> Result<T, LogError>) -> Reply<'a, T> {
        let result = match self.unavailable.lock().clone() {
            Some(reason) => Err(LogError::Unavailable(reason)),
            None => job(&mut self.tables.lock()),
        };
        ready(result).boxed()
    }

    fn feed<'a, T: Default + Send + 'a>(
        &self,
        workspace: &WorkspaceId,
        job: impl FnOnce(&Feed) -> T,
    ) -> Reply<'a, T> {
        self.with(|tables| Ok(tables.feeds.get(workspace).map(job).unwrap_or_default()))
    }
}

fn state_of((aggregate, state): (&Aggregate, &State)) -> StoredState {
    StoredState {
        aggregate: aggregate.clone(),
        version: state.version,
        body: state.body.clone(),
    }
}

impl Log for MemoryLog {
    fn commit(&self, items: Vec<Item>) -> Reply<'_, Vec<Outcome>> {
        let now_ms = self.clock.now_ms();
        self.with(|tables| {
            tables.now_ms = now_ms;
            batch::run(tables, items, now_ms)
        })
    }

    fn workspaces(&self) -> Reply<'_, Vec<WorkspaceId>> {
        self.with(|tables| Ok(tables.feeds.keys().cloned().collect()))
    }

    fn head<'a>(&'a self, workspace: &'a WorkspaceId) -> Reply<'a, Head> {
        let now_ms = self.clock.now_ms();
        self.with(|tables| {
            tables.now_ms = now_ms;
            Ok(tables.feed(workspace).head.clone())
        })
    }

    fn fork<'a>(&'a self, workspace: &'a WorkspaceId, old: Uuid) -> Reply<'a, Head> {
        let now_ms = self.clock.now_ms();
        self.with(|tables| {
            tables.now_ms = now_ms;
            let feed = tables.feed(workspace);
            if feed.head.epoch == old {
                feed.head.epoch = next_epoch(old);
            }
            Ok(feed.head.clone())
        })
    }

    fn hash_at<'a>(&'a self, workspace: &'a WorkspaceId, seq: u64) -> Reply<'a, Option<[u8; 32]>> {
        self.feed(workspace, |feed| feed.events.get(&seq).map(|row| row.hash))
    }

    fn read<'a>(
        &'a self,
        workspace: &'a WorkspaceId,
        conversation: Option<ConversationId>,
        range: Range,
    ) -> Reply<'a, Vec<StoredEvent>> {
        let Range {
            after,
            up_to,
            limit,
            newest,
        } = range;
        if after >= up_to {
            return ready(Ok(Vec::new())).boxed();
        }
        self.feed(workspace, |feed| {
            let wanted = |row: &Row| conversation.is_none() || row.event.conversation == conversation;
            let rows = feed
                .events
                .range(after + 1..=up_to)
                .filter(|(_, row)| wanted(row));
            let read = |(seq, row): (&u64, &Row)| row.read(*seq);
            if !newest {
                return rows.take(limit).map(read).collect();
            }
            let mut events: Vec<_> = rows.rev().take(limit).map(read).collect();
            events.reverse();
            events
        })
    }

    fn read_kind<'a>(
        &'a self,
        workspace: &'a WorkspaceId,
        kind: &'a str,
        after: u64,
        limit: usize,
    ) -> Reply<'a, Vec<StoredEvent>> {
        self.feed(workspace, |feed| {
            let rows = feed
                .events
                .range(after.saturating_add(1)..)
                .filter(|(_, row)| row.event.kind == kind);
            rows.take(limit).map(|(seq, row)| row.read(*seq)).collect()
        })
    }

    fn states<'a>(
        &'a self,
        workspace: &'a WorkspaceId,
        kind: AggregateKind,
        active: bool,
        after: Option<String>,
        limit: usize,
    ) -> Reply<'a, Vec<StoredState>> {
        self.feed(workspace, |feed| {
            let states = feed
                .states
                .iter()
                .filter(|(id, it)| id.kind == kind && it.active == active);
            if active {
                return states.map(state_of).collect();
            }
            let states = states.filter(|(id, _)| after.as_ref().is_none_or(|after| id.id > *after));
            states.take(limit).map(state_of).collect()
        })
    }

    fn state<'a>(&'a self, workspace: &'a WorkspaceId, aggregate: &'a Aggregate) -> Reply<'a, StoredState> {
        self.with(|tables| Ok(tables.stored(workspace, aggregate)))
    }

    fn owned<'a>(
        &'a self,
        workspace: &'a WorkspaceId,
        kind: AggregateKind,
        owner: &'a str,
    ) -> Reply<'a, Vec<StoredState>> {
        self.feed(workspace, |feed| {
            let owned =
                |(id, it): &(&Aggregate, &State)| id.kind == kind && it.owner.as_deref() == Some(owner);
            feed.states.iter().filter(owned).map(state_of).collect()
        })
    }

    fn key<'a>(
        &'a self,
        workspace: &'a WorkspaceId,
        scope: &'a str,
        key: &'a str,
    ) -> Reply<'a, Option<StoredKey>> {
        self.feed(workspace, |feed| feed.key(scope, key))
    }

    fn forget_keys(&self, now_ms: i64) -> Reply<'_, u64> {
        self.with(|tables| {
            Ok(tables
                .feeds
                .values_mut()
                .map(|feed| feed.forget_keys(KEYS_KEPT, now_ms))
                .sum())
        })
    }

    fn mentions<'a>(
        &'a self,
        workspace: &'a WorkspaceId,
        agent: &'a AgentId,
        before: u64,
        limit: usize,
    ) -> Reply<'a, Vec<StoredMention>> {
        self.feed(workspace, |feed| {
            let rows = feed.mentions.range((agent.clone(), 0)..(agent.clone(), before));
            rows.rev()
                .take(limit)
                .map(|(_, mention)| mention.clone())
                .collect()
        })
    }

    fn unread_mentions<'a>(&'a self, workspace: &'a WorkspaceId) -> Reply<'a, Vec<StoredMention>> {
        self.feed(workspace, |feed| {
            let unread = |it: &&StoredMention| it.seq > feed.read_up_to(&it.agent);
            feed.mentions.values().filter(unread).cloned().collect()
        })
    }

    fn marks<'a>(&'a self, workspace: &'a WorkspaceId) -> Reply<'a, Vec<Mark>> {
        self.feed(workspace, |feed| {
            let mark = |((agent, name), value): (&(AgentId, String), &String)| Mark {
                agent: agent.clone(),
                name: name.clone(),
                value: Some(value.clone()),
            };
            feed.marks.iter().map(mark).collect()
        })
    }

    fn take_due(&self, now_ms: i64, visibility_ms: i64, limit: usize) -> Reply<'_, Due> {
        self.with(|tables| {
            let mut order: Vec<(i64, WorkspaceId, Aggregate)> = Vec::new();
            for (workspace, feed) in &tables.feeds {
                order.extend(
                    feed.timers
                        .iter()
                        .map(|(id, it)| (it.wake_ms, workspace.clone(), id.clone())),
                );
            }
            order.sort();
            let count = order
                .iter()
                .take(limit)
                .take_while(|(wake_ms, ..)| *wake_ms <= now_ms)
                .count();
            let next_ms = order.get(count).map(|(wake_ms, ..)| *wake_ms);
            let mut timers = Vec::with_capacity(count);
            for (_, workspace, aggregate) in order.into_iter().take(count) {
                if let Some(timer) = tables.feed(&workspace).timers.get_mut(&aggregate) {
                    timer.wake_ms = now_ms.saturating_add(visibility_ms);
                    timers.push(DueTimer {
                        workspace,
                        aggregate,
                        due_ms: timer.due_ms,
                    });
                }
            }
            timers.sort_by_key(|timer| timer.due_ms);
            Ok(Due { timers, next_ms })
        })
    }

    fn is_shared(&self) -> bool {
        self.tables.lock().leases.is_some()
    }

    fn renew(&self, instance: Uuid, lease_ms: i64, grace_ms: i64) -> Reply<'_, Renewed> {
        let now_ms = self.clock.now_ms();
        self.with(|tables| {
            tables.now_ms = now_ms;
            let lapsed = tables.renew(instance, lease_ms, grace_ms);
            Ok(Renewed { lapsed })
        })
    }

    fn begin(&self, instance: Uuid, now_ms: i64, kept_ms: i64) -> Reply<'_, ()> {
        self.with(|tables| {
            if tables.leases.is_some() {
                return Ok(());
            }
            tables
                .feeds
                .values_mut()
                .for_each(|feed| feed.begin(instance, now_ms, kept_ms));
            Ok(())
        })
    }

    fn verify<'a>(&'a self, workspace: &'a WorkspaceId) -> Reply<'a, Verified> {
        let now_ms = self.clock.now_ms();
        self.with(|tables| {
            tables.now_ms = now_ms;
            Ok(verified(workspace, tables.feed(workspace)))
        })
    }

    fn trouble(&self) -> Option<String> {
        self.unavailable.lock().clone()
    }
}

/// The epoch that follows another: the same in each run of a simulation.
fn next_epoch(old: Uuid) -> Uuid {
    Uuid::from_u128(old.as_u128() + 1)
}

fn verified(workspace: &WorkspaceId, feed: &Feed) -> Verified {
    let mut faults = Vec::new();
    let (mut erased, mut named) = (BTreeSet::new(), BTreeSet::new());
    let mut last: (u64, Hash) = (0, GENESIS);
    for (seq, row) in &feed.events {
        let hash = chain::link(&last.1, &Header::of(*seq, &row.event), &row.digest);
        if *seq != last.0 + 1 || hash != row.hash {
            faults.push(format!("Event {seq} does not continue the chain."));
        }
        if row.redacted {
            erased.insert(*seq);
        }
        if row.event.kind == batch::REDACTED {
            named.extend(batch::erased_by(&row.read(*seq).event));
        }
        last = (*seq, row.hash);
    }
    if last != (feed.head.seq, feed.head.hash) {
        faults.push("The head is not the last event.".to_owned());
    }
    let unnamed = erased.difference(&named);
    faults
        .extend(unnamed.map(|seq| format!("The body of event {seq} is missing, but no redaction names it.")));
    Verified {
        workspace: workspace.clone(),
        head: feed.head.clone(),
        events: feed.events.len() as u64,
        redacted: erased.len() as u64,
        faults,
    }
}
