//! The log in PostgreSQL, which several instances share: commits, reads, leases and timers on the database's clock.
//!
//! Deliberately absent: rules, group commit (`log::group`), waking others (that is the bus's). While the database is
//! away everything is answered `Unavailable` at once, and it goes on by itself when it is back.

#[cfg(test)]
mod bench;
mod commit;
mod error;
mod facts;
mod link;
mod plan;
mod reach;
mod read;
mod rows;
mod schema;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod tls;
mod verify;
mod write;

pub use error::{OLDEST, OpenError};

use super::{
    Aggregate, AggregateKind, Due, Head, Item, Log, LogError, Mark, Outcome, Range, Renewed, Reply,
    StoredEvent, StoredKey, StoredMention, StoredState, Verified,
};
use crate::ports::Clock;
use commit::Known;
use dibs_protocol::ids::{AgentId, ConversationId, WorkspaceId};
use futures_util::FutureExt;
use futures_util::future::ready;
use link::{Lane, Link};
use parking_lot::Mutex;
use reach::Reach;
use std::path::Path;
use std::sync::Arc;
use uuid::Uuid;

/// The schema in which everything is kept.
pub const SCHEMA: &str = "dibs";

/// How many keys of each scope are kept, however old.
const KEYS_KEPT: i64 = 1_000;

/// Commits are remembered for so long, in milliseconds: a lost answer is asked for again long before.
const COMMITS_KEPT_MS: i64 = 3_600_000;

/// Seats left longer ago, in milliseconds, say no more than none at all.
const SEATS_KEPT_MS: i64 = 86_400_000;

/// How to reach the database.
#[derive(Clone, Copy)]
pub struct PostgresOptions<'a> {
    /// `postgres://user:password@host/database?sslmode=require`. Never logged.
    pub url: &'a str,
    /// A PEM file of the certificates to trust; `None`: the system's.
    pub ca: Option<&'a Path>,
    /// How many connections read at most.
    pub readers: usize,
    /// The schema in which everything is kept, usually [`SCHEMA`].
    pub schema: &'a str,
}

/// A log in PostgreSQL.
pub struct PostgresLog {
    link: Link,
    known: Mutex<Known>,
    /// Why the last commit was refused.
    refused: Mutex<Option<String>>,
    /// What an operator should know of the server, as of the last look at it.
    notice: Mutex<Option<String>>,
    commit_sql: String,
    /// In tests the log's clock; otherwise the database's is.
    clock: Option<Arc<dyn Clock>>,
}

impl std::fmt::Debug for PostgresLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresLog")
            .field("trouble", &self.trouble())
            .finish_non_exhaustive()
    }
}

impl PostgresLog {
    /// Connects, brings the schema up to date, and refuses a server that would lose what it acknowledged.
    ///
    /// # Errors
    /// [`OpenError`] when the server cannot be reached or used, or the schema is of a newer program.
    pub async fn open(options: PostgresOptions<'_>) -> Result<Self, OpenError> {
        Self::on_clock(options, None).await
    }

    /// The same, with another clock than the database's.
    pub(super) async fn on_clock(
        options: PostgresOptions<'_>,
        clock: Option<Arc<dyn Clock>>,
    ) -> Result<Self, OpenError> {
        let reach = Reach::new(options.url, options.ca)?;
        let mut client = link::connect(&reach, options.schema).await?;
        schema::migrate(&mut client, options.schema).await?;
        Ok(Self {
            link: Link::new(&reach, options.schema, options.readers.max(1))?,
            known: Mutex::default(),
            refused: Mutex::default(),
            notice: Mutex::new(schema::notice(&client).await.map_err(schema::unusable)?),
            commit_sql: commit::commit_sql(),
            clock,
        })
    }

    /// How many instances hold a lease now: they run, or did so a moment ago.
    ///
    /// # Errors
    /// [`LogError`] when the database cannot be asked.
    pub async fn instances(&self) -> Result<u64, LogError> {
        let now_ms = self.now_ms();
        self.link
            .call(Lane::Read, async |client| read::instances(client, now_ms).await)
            .await
    }

    /// The log's clock where it is not the database's.
    fn now_ms(&self) -> Option<i64> {
        self.clock.as_ref().map(|clock| clock.now_ms())
    }

    /// Remembers what an operator should know of the server, which may be another one than a moment ago.
    fn note(&self, notice: Option<String>) {
        let mut known = self.notice.lock();
        if let Some(news) = notice.as_ref().filter(|_| *known != notice) {
            tracing::warn!("{news}");
        }
        *known = notice;
    }

    async fn begin_feed(&self, workspace: &WorkspaceId) -> Result<Head, LogError> {
        let begun = self.link.call(Lane::Write, async |client| {
            facts::begin(client, &[workspace.as_str()]).await?;
            read::head(client, workspace).await
        });
        let missing = || rows::corrupt("workspaces", workspace, "it is missing");
        begun.await?.map(|(_, head)| head).ok_or_else(missing)
    }

    async fn forget(&self, now_ms: i64) -> Result<u64, LogError> {
        let before_ms = now_ms.saturating_sub(COMMITS_KEPT_MS);
        let scopes = self
            .link
            .call(Lane::Read, async |client| {
                read::forget_commits(client, before_ms).await?;
                read::crowded_scopes(client, KEYS_KEPT).await
            })
            .await?;
        let mut gone = 0;
        for scope in &scopes {
            let forget = self.link.call(Lane::Read, async |client| {
                read::forget_keys(client, scope, KEYS_KEPT, now_ms).await
            });
            gone += forget.await?;
        }
        Ok(gone)
    }

    async fn check(&self, workspace: &WorkspaceId) -> Result<Verified, LogError> {
        let begin = async || {
            self.link
                .call(Lane::Read, async |client| verify::begin(client, workspace).await)
                .await
        };
        let mut check = begin().await?;
        if check.is_none() {
            self.begin_feed(workspace).await?;
            check = begin().await?;
        }
        let missing = || rows::corrupt("workspaces", workspace, "it is missing");
        let mut check = check.ok_or_else(missing)?;
        while self
            .link
            .call(Lane::Read, async |client| check.events(client).await)
            .await?
        {}
        self.link
            .call(Lane::Read, async |client| check.end(client, workspace).await)
            .await
    }
}

impl Log for PostgresLog {
    fn commit(&self, items: Vec<Item>) -> Reply<'_, Vec<Outcome>> {
        self.commit_all(items).boxed()
    }

    fn workspaces(&self) -> Reply<'_, Vec<WorkspaceId>> {
        self.link
            .call(Lane::Read, async |client| read::workspaces(client).await)
            .boxed()
    }

    fn head<'a>(&'a self, workspace: &'a WorkspaceId) -> Reply<'a, Head> {
        async move {
            let found = self
                .link
                .call(Lane::Read, async |client| read::head(client, workspace).await)
                .await?;
            match found {
                Some((_, head)) => Ok(head),
                None => self.begin_feed(workspace).await,
            }
        }
        .boxed()
    }

    fn heads(&self, workspaces: Vec<WorkspaceId>) -> Reply<'_, Vec<(WorkspaceId, Head)>> {
        self.link
            .call(Lane::Read, async move |client| {
                read::heads(client, &workspaces).await
            })
            .boxed()
    }

    fn now(&self) -> Reply<'_, Option<i64>> {
        if let Some(now_ms) = self.now_ms() {
            return ready(Ok(Some(now_ms))).boxed();
        }
        async move {
            let asked = self.link.call(Lane::Write, async |client| {
                let now_ms = read::now_ms(client).await?;
                Ok((now_ms, schema::notice(client).await?))
            });
            let (now_ms, notice) = asked.await?;
            self.note(notice);
            Ok(Some(now_ms))
        }
        .boxed()
    }

    fn notice(&self) -> Option<String> {
        self.notice.lock().clone()
    }

    fn fork<'a>(&'a self, workspace: &'a WorkspaceId, old: Uuid) -> Reply<'a, Head> {
        async move {
            let forked = self.link.call(Lane::Write, async |client| {
                read::fork(client, workspace, old).await
            });
            forked.await?;
            self.head(workspace).await
        }
        .boxed()
    }

    fn hash_at<'a>(&'a self, workspace: &'a WorkspaceId, seq: u64) -> Reply<'a, Option<[u8; 32]>> {
        self.link
            .call(Lane::Read, async move |client| {
                read::hash_at(client, workspace, seq).await
            })
            .boxed()
    }

    fn read<'a>(
        &'a self,
        workspace: &'a WorkspaceId,
        conversation: Option<ConversationId>,
        range: Range,
    ) -> Reply<'a, Vec<StoredEvent>> {
        self.link
            .call(Lane::Read, async move |client| {
                read::events(client, workspace, conversation, &range).await
            })
            .boxed()
    }

    fn read_kind<'a>(
        &'a self,
        workspace: &'a WorkspaceId,
        kind: &'a str,
        after: u64,
        limit: usize,
    ) -> Reply<'a, Vec<StoredEvent>> {
        self.link
            .call(Lane::Read, async move |client| {
                read::events_of_kind(client, workspace, kind, after, limit).await
            })
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
        self.link
            .call(Lane::Read, async move |client| match active {
                true => read::active_states(client, workspace, kind).await,
                false => read::inactive_states(client, workspace, kind, after.as_deref(), limit).await,
            })
            .boxed()
    }

    fn state<'a>(&'a self, workspace: &'a WorkspaceId, aggregate: &'a Aggregate) -> Reply<'a, StoredState> {
        self.link
            .call(Lane::Read, async move |client| {
                read::state(client, workspace, aggregate).await
            })
            .boxed()
    }

    fn owned<'a>(
        &'a self,
        workspace: &'a WorkspaceId,
        kind: AggregateKind,
        owner: &'a str,
    ) -> Reply<'a, Vec<StoredState>> {
        self.link
            .call(Lane::Read, async move |client| {
                read::owned_states(client, workspace, kind, owner).await
            })
            .boxed()
    }

    fn key<'a>(
        &'a self,
        workspace: &'a WorkspaceId,
        scope: &'a str,
        key: &'a str,
    ) -> Reply<'a, Option<StoredKey>> {
        self.link
            .call(Lane::Read, async move |client| {
                read::key(client, workspace, scope, key).await
            })
            .boxed()
    }

    fn forget_keys(&self, now_ms: i64) -> Reply<'_, u64> {
        self.forget(now_ms).boxed()
    }

    fn mentions<'a>(
        &'a self,
        workspace: &'a WorkspaceId,
        agent: &'a AgentId,
        before: u64,
        limit: usize,
    ) -> Reply<'a, Vec<StoredMention>> {
        self.link
            .call(Lane::Read, async move |client| {
                read::mentions(client, workspace, agent, before, limit).await
            })
            .boxed()
    }

    fn unread_mentions<'a>(&'a self, workspace: &'a WorkspaceId) -> Reply<'a, Vec<StoredMention>> {
        self.link
            .call(Lane::Read, async move |client| {
                read::unread_mentions(client, workspace).await
            })
            .boxed()
    }

    fn marks<'a>(&'a self, workspace: &'a WorkspaceId) -> Reply<'a, Vec<Mark>> {
        self.link
            .call(Lane::Read, async move |client| {
                read::marks(client, workspace).await
            })
            .boxed()
    }

    fn take_due(&self, now_ms: i64, visibility_ms: i64, limit: usize) -> Reply<'_, Due> {
        self.link
            .call(Lane::Write, async move |client| {
                read::take_due(client, now_ms, visibility_ms, limit).await
            })
            .boxed()
    }

    fn begin(&self, _instance: Uuid, now_ms: i64, kept_ms: i64) -> Reply<'_, ()> {
        let before_ms = now_ms.saturating_sub(kept_ms.max(SEATS_KEPT_MS));
        self.link
            .call(Lane::Write, async move |client| {
                read::forget_seats(client, before_ms).await
            })
            .boxed()
    }

    fn secret(&self) -> Reply<'_, Option<[u8; 32]>> {
        let fresh: [u8; 32] = rand::random();
        self.link
            .call(Lane::Write, async move |client| {
                read::secret(client, &fresh).await.map(Some)
            })
            .boxed()
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn renew(&self, instance: Uuid, lease_ms: i64, grace_ms: i64) -> Reply<'_, Renewed> {
        let now_ms = self.now_ms();
        self.link
            .call(Lane::Write, async move |client| {
                let lapsed = read::renew(client, now_ms, instance, lease_ms, grace_ms).await?;
                Ok(Renewed { lapsed })
            })
            .boxed()
    }

    fn verify<'a>(&'a self, workspace: &'a WorkspaceId) -> Reply<'a, Verified> {
        self.check(workspace).boxed()
    }

    fn trouble(&self) -> Option<String> {
        self.link.trouble().or_else(|| self.refused.lock().clone())
    }
}
