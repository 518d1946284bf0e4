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
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::TargetSessionAttrs;
use uuid::Uuid;

/// The schema in which everything is kept.
pub const SCHEMA: &str = "dibs";

/// How many keys of each scope are kept, however old.
const KEYS_KEPT: i64 = 1_000;

/// Commits are remembered for so long, in milliseconds: a lost answer is asked for again long before.
const COMMITS_KEPT_MS: i64 = 3_600_000;

/// Seats left longer ago, in milliseconds, say no more than none at all.
const SEATS_KEPT_MS: i64 = 86_400_000;

/// A dead way to the server is noticed within this time.
const TCP_DEAD: Duration = Duration::from_secs(10);

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
    notice: Option<String>,
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
        let config = config(options.url)?;
        let tls = tls::connector(options.ca)?;
        let mut client = link::connect(&config, &tls, options.schema).await?;
        schema::migrate(&mut client, options.schema).await?;
        let notice = schema::notice(&client).await?;
        Ok(Self {
            link: Link::new(&config, &tls, options.schema, options.readers.max(1))?,
            known: Mutex::default(),
            refused: Mutex::default(),
            notice,
            commit_sql: commit::commit_sql(),
            clock,
        })
    }

    /// The log's clock where it is not the database's.
    fn now_ms(&self) -> Option<i64> {
        self.clock.as_ref().map(|clock| clock.now_ms())
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

/// The URL as a configuration that finds a server which takes writes, and notices when that is gone.
fn config(url: &str) -> Result<Config, OpenError> {
    let mut config = Config::from_str(url.trim()).map_err(|_| OpenError::Url)?;
    if config.get_hosts().is_empty() {
        return Err(OpenError::Url);
    }
    if config.get_application_name().is_none() {
        config.application_name("dibs");
    }
    config
        .target_session_attrs(TargetSessionAttrs::ReadWrite)
        .connect_timeout(link::CONNECT)
        .keepalives_idle(TCP_DEAD)
        .tcp_user_timeout(TCP_DEAD);
    Ok(config)
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
        self.link
            .call(Lane::Write, async |client| read::now_ms(client).await.map(Some))
            .boxed()
    }

    fn notice(&self) -> Option<String> {
        self.notice.clone()
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
