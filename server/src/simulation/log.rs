//! The log as one instance reaches it: the true one behind a network that delays, a store that sometimes cannot, and
//! crashes at the worst moments. Deliberately absent: storing anything.

use super::env::{Env, Stored};
use super::life::Life;
use crate::log::{
    Aggregate, AggregateKind, Due, Head, Item, Log, LogError, Mark, Outcome, Range, Renewed, Reply,
    StoredEvent, StoredKey, StoredMention, StoredState, Verified,
};
use dibs_protocol::ids::{AgentId, ConversationId, WorkspaceId};
use futures_util::FutureExt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::time::Instant;
use uuid::Uuid;

/// The log of one instance.
pub(super) struct SimLog {
    pub(super) env: Arc<Env>,
    pub(super) life: Arc<Life>,
}

impl SimLog {
    /// One request and its answer.
    async fn reach<T>(&self, ask: impl AsyncFnOnce() -> Result<T, LogError>) -> Result<T, LogError> {
        let Self { env, life } = self;
        life.goes_on().await;
        env.log_way().await;
        // What a crashed instance had on its way may still arrive, unless the log lived in the same process.
        if life.is_dead() && (!env.plan.shared || env.storage.chance(500)) {
            std::future::pending::<()>().await;
        }
        let faults = env.faults();
        let result = if env.outage.load(Ordering::Relaxed) {
            Err(unavailable("an outage"))
        } else if env.strikes(&env.storage, "log refuses", faults.log_refuses) {
            Err(unavailable("no room"))
        } else {
            ask().await
        };
        env.log_way().await;
        life.goes_on().await;
        if result.is_ok() && env.strikes(&env.storage, "log's answer lost", faults.log_answer_lost) {
            return Err(unavailable("the answer is lost"));
        }
        result
    }

    fn crash(&self) -> std::future::Pending<()> {
        self.life.crash();
        std::future::pending()
    }

    async fn store(&self, items: Vec<Item>) -> Result<Vec<Outcome>, LogError> {
        let Self { env, life } = self;
        let faults = env.faults();
        if env.strikes(&env.storage, "crash before commit", faults.crash_before_commit) {
            self.crash().await;
        }
        for item in &items {
            env.note(|| wish(life.place, item));
        }
        let sizes: Vec<_> = items.iter().map(|it| it.events.len() as u64).collect();
        let outcomes = env.log.commit(items).await?;
        let (place, at) = (life.place, Instant::now());
        for (outcome, size) in outcomes.iter().zip(sizes) {
            if let Outcome::Committed(committed) = outcome {
                let seqs = committed.first_seq..committed.first_seq + size;
                env.note(|| format!("log: instance {place} stored {seqs:?}"));
                let mut record = env.record.lock();
                record.stored.extend(seqs.map(|seq| (seq, Stored { place, at })));
            } else {
                env.note(|| format!("log: instance {place}: {}", brief(outcome)));
            }
        }
        if env.strikes(&env.storage, "crash after commit", faults.crash_after_commit) {
            self.crash().await;
        }
        Ok(outcomes)
    }
}

fn wish(place: usize, item: &Item) -> String {
    let kinds: Vec<_> = item.events.iter().map(|it| it.kind).collect();
    let seats = item.seats.iter().map(|it| format!("{} {}", it.agent, it.present));
    let seats: Vec<_> = seats.collect();
    let (first, guards) = (item.first_seq, &item.guards);
    format!("log: instance {place} wants {first:?} {kinds:?}, seats {seats:?}, guards {guards:?}")
}

fn brief(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Committed(it) => format!("committed {}", it.first_seq),
        Outcome::Repeated(it) => format!("repeated {}", it.first_seq),
        Outcome::Conflict {
            stale,
            used,
            dependent,
        } => {
            let stale: Vec<_> = stale
                .iter()
                .map(|it| format!("{:?} now {}", it.aggregate.kind, it.version))
                .collect();
            format!(
                "conflict: stale {stale:?}, used {}, dependent {dependent}",
                used.len()
            )
        }
        Outcome::Guarded(_) => "guarded".to_owned(),
        Outcome::NotNow(ms) => format!("not now, for {ms} ms"),
    }
}

fn unavailable(why: &str) -> LogError {
    LogError::Unavailable(why.to_owned())
}

impl Log for SimLog {
    fn commit(&self, items: Vec<Item>) -> Reply<'_, Vec<Outcome>> {
        self.reach(async || self.store(items).await).boxed()
    }

    fn workspaces(&self) -> Reply<'_, Vec<WorkspaceId>> {
        self.reach(async || self.env.log.workspaces().await).boxed()
    }

    fn head<'a>(&'a self, workspace: &'a WorkspaceId) -> Reply<'a, Head> {
        self.reach(async || self.env.log.head(workspace).await).boxed()
    }

    fn hash_at<'a>(&'a self, workspace: &'a WorkspaceId, seq: u64) -> Reply<'a, Option<[u8; 32]>> {
        self.reach(async move || self.env.log.hash_at(workspace, seq).await)
            .boxed()
    }

    fn read<'a>(
        &'a self,
        workspace: &'a WorkspaceId,
        conversation: Option<ConversationId>,
        range: Range,
    ) -> Reply<'a, Vec<StoredEvent>> {
        self.reach(async move || self.env.log.read(workspace, conversation, range).await)
            .boxed()
    }

    fn read_kind<'a>(
        &'a self,
        workspace: &'a WorkspaceId,
        kind: &'a str,
        after: u64,
        limit: usize,
    ) -> Reply<'a, Vec<StoredEvent>> {
        self.reach(async move || self.env.log.read_kind(workspace, kind, after, limit).await)
            .boxed()
    }

    fn states<'a>(
        &'a self,
        workspace: &'a WorkspaceId,
        kind: AggregateKind,
        active: bool,
        after: Option<String>,
        limit: usize,
    ) -> Reply<'a, Vec<StoredState>> {
        self.reach(async move || self.env.log.states(workspace, kind, active, after, limit).await)
            .boxed()
    }

    fn state<'a>(&'a self, workspace: &'a WorkspaceId, aggregate: &'a Aggregate) -> Reply<'a, StoredState> {
        self.reach(async || self.env.log.state(workspace, aggregate).await)
            .boxed()
    }

    fn owned<'a>(
        &'a self,
        workspace: &'a WorkspaceId,
        kind: AggregateKind,
        owner: &'a str,
    ) -> Reply<'a, Vec<StoredState>> {
        self.reach(async move || self.env.log.owned(workspace, kind, owner).await)
            .boxed()
    }

    fn key<'a>(
        &'a self,
        workspace: &'a WorkspaceId,
        scope: &'a str,
        key: &'a str,
    ) -> Reply<'a, Option<StoredKey>> {
        self.reach(async || self.env.log.key(workspace, scope, key).await)
            .boxed()
    }

    fn forget_keys(&self, now_ms: i64) -> Reply<'_, u64> {
        self.reach(async move || self.env.log.forget_keys(now_ms).await)
            .boxed()
    }

    fn mentions<'a>(
        &'a self,
        workspace: &'a WorkspaceId,
        agent: &'a AgentId,
        before: u64,
        limit: usize,
    ) -> Reply<'a, Vec<StoredMention>> {
        self.reach(async move || self.env.log.mentions(workspace, agent, before, limit).await)
            .boxed()
    }

    fn unread_mentions<'a>(&'a self, workspace: &'a WorkspaceId) -> Reply<'a, Vec<StoredMention>> {
        self.reach(async || self.env.log.unread_mentions(workspace).await)
            .boxed()
    }

    fn marks<'a>(&'a self, workspace: &'a WorkspaceId) -> Reply<'a, Vec<Mark>> {
        self.reach(async || self.env.log.marks(workspace).await).boxed()
    }

    fn take_due(&self, now_ms: i64, visibility_ms: i64, limit: usize) -> Reply<'_, Due> {
        self.reach(async move || self.env.log.take_due(now_ms, visibility_ms, limit).await)
            .boxed()
    }

    fn begin(&self, instance: Uuid, now_ms: i64, kept_ms: i64) -> Reply<'_, ()> {
        self.reach(async move || self.env.log.begin(instance, now_ms, kept_ms).await)
            .boxed()
    }

    fn is_shared(&self) -> bool {
        self.env.log.is_shared()
    }

    fn renew(&self, instance: Uuid, lease_ms: i64, grace_ms: i64) -> Reply<'_, Renewed> {
        self.reach(async move || {
            let renewed = self.env.log.renew(instance, lease_ms, grace_ms).await;
            self.env
                .note(|| format!("log: instance {} renews its lease: {renewed:?}", self.life.place));
            renewed
        })
        .boxed()
    }

    fn fork<'a>(&'a self, workspace: &'a WorkspaceId, old: Uuid) -> Reply<'a, Head> {
        self.reach(async move || self.env.log.fork(workspace, old).await)
            .boxed()
    }

    fn verify<'a>(&'a self, workspace: &'a WorkspaceId) -> Reply<'a, Verified> {
        self.reach(async || self.env.log.verify(workspace).await).boxed()
    }

    fn trouble(&self) -> Option<String> {
        None
    }
}
