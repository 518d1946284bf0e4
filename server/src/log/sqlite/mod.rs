//! The log in one SQLite file, for an instance that is alone with its folder: a thread that writes, three that read.
//!
//! Deliberately absent: rules, group commit (`log::group`), other instances. The folder is locked while it is open.

mod backup;
mod commit;
mod error;
mod pool;
mod read;
mod rows;
mod schema;
#[cfg(test)]
mod tests;
mod verify;
mod writer;

pub use error::OpenError;

use super::{
    Aggregate, AggregateKind, Due, Head, Item, Log, LogError, Mark, Outcome, Range, Reply, StoredEvent,
    StoredKey, StoredMention, StoredState, Verified,
};
use crate::ports::Clock;
use dibs_protocol::ids::{AgentId, ConversationId, WorkspaceId};
use futures_util::FutureExt;
use pool::{Pool, Worker};
use rusqlite::{Connection, OpenFlags};
use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;
use uuid::Uuid;
use writer::{BUSY_WAIT, Trouble, Writer};

/// The file's name within the data folder.
pub const FILE: &str = "dibs.sqlite3";

/// The lock's name within the data folder.
const LOCK: &str = "lock";

/// How many threads read.
const READERS: usize = 3;

/// How many prepared statements a connection keeps.
const STATEMENTS: usize = 64;

/// The writer's page cache in KiB. SQLite walks all of it at the end of most transactions (whenever a page was split), so
/// more is slower; what it lacks is in the system's cache.
const CACHE_KIB: u32 = 16_384;

/// How many scopes' keys are forgotten in one transaction, so that commits get between.
const SCOPES_AT_ONCE: usize = 64;

/// How many keys of each scope are kept, however old.
const KEYS_KEPT: i64 = 1_000;

/// A log in a folder that it holds alone. Dropping it waits until what was asked is done.
pub struct SqliteLog {
    // Dropped first: the last connection to close is the one that may tidy up.
    readers: Pool<Reader>,
    writer: Pool<Writer>,
    trouble: Trouble,
}

impl std::fmt::Debug for SqliteLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteLog")
            .field("trouble", &self.trouble)
            .finish_non_exhaustive()
    }
}

struct Reader {
    conn: Connection,
    _lock: Arc<File>,
}

impl Worker for Reader {
    fn rest(&mut self, _panicked: bool) {
        debug_assert!(
            self.conn.is_autocommit(),
            "a read transaction ends with its request"
        );
    }
}

impl SqliteLog {
    /// Opens the log in `folder`, which is made when there is none, and brings its schema up to date.
    ///
    /// # Errors
    /// [`OpenError`] when the folder is in use or the file is damaged, of a newer program or unusable.
    pub fn open(folder: &Path, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        std::fs::create_dir_all(folder).map_err(|error| OpenError::unusable(folder, &error))?;
        let lock = Arc::new(lock(folder)?);
        let path = folder.join(FILE);
        let wrap = |error| OpenError::of(&path, error);
        let mut conn = Connection::open(&path).map_err(wrap)?;
        prepare(&conn).map_err(wrap)?;
        let settings = format!(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;
             PRAGMA journal_size_limit = 134217728; PRAGMA wal_autocheckpoint = 16000;
             PRAGMA cache_size = -{CACHE_KIB};"
        );
        conn.execute_batch(&settings).map_err(wrap)?;
        schema::migrate(&mut conn, &path)?;
        let trouble = Trouble::default();
        let writer = Writer::new(conn, clock, Arc::clone(&trouble), Arc::clone(&lock));
        let read_only = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut readers = Vec::with_capacity(READERS);
        for _ in 0..READERS {
            let conn = Connection::open_with_flags(&path, read_only).map_err(wrap)?;
            prepare(&conn).map_err(wrap)?;
            readers.push(Reader {
                conn,
                _lock: Arc::clone(&lock),
            });
        }
        let unusable = |error| OpenError::unusable(&path, &error);
        Ok(Self {
            readers: Pool::start("log-read", readers).map_err(unusable)?,
            writer: Pool::start("log-write", vec![writer]).map_err(unusable)?,
            trouble,
        })
    }

    fn on_reader<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T, LogError> + Send + 'static,
    ) -> Reply<'_, T> {
        self.readers.call(move |reader| job(&reader.conn)).boxed()
    }

    /// Reads from a workspace by its row; answers with nothing when there is no such workspace.
    fn read_in<T: Default + Send + 'static>(
        &self,
        workspace: &WorkspaceId,
        job: impl FnOnce(&Connection, i64) -> Result<T, LogError> + Send + 'static,
    ) -> Reply<'_, T> {
        let workspace = workspace.clone();
        self.on_reader(move |conn| match read::workspace(conn, &workspace)? {
            Some((id, _)) => job(conn, id),
            None => Ok(T::default()),
        })
    }

    async fn take(&self, now_ms: i64, visibility_ms: i64, limit: usize) -> Result<Due, LogError> {
        let next_ms = self.on_reader(read::next_wake).await?;
        if limit == 0 || next_ms.is_none_or(|next| next > now_ms) {
            return Ok(Due {
                timers: Vec::new(),
                next_ms,
            });
        }
        self.writer
            .call(move |writer| writer.take_due(now_ms, visibility_ms, limit))
            .await
    }

    async fn forget(&self, now_ms: i64) -> Result<u64, LogError> {
        let scopes = self
            .on_reader(|conn| read::crowded_scopes(conn, KEYS_KEPT))
            .await?;
        let mut gone = 0;
        for some in scopes.chunks(SCOPES_AT_ONCE) {
            let some = some.to_vec();
            gone += self
                .writer
                .call(move |writer| writer.forget_keys(&some, KEYS_KEPT, now_ms))
                .await?;
        }
        Ok(gone)
    }

    /// Lets the file grow by at most so many pages, as a full disk would; `None` lifts the bound.
    #[cfg(test)]
    pub(crate) async fn bound_growth(&self, pages: Option<i64>) -> Result<(), LogError> {
        self.writer.call(move |writer| writer.bound_growth(pages)).await
    }
}

fn lock(folder: &Path) -> Result<File, OpenError> {
    let path = folder.join(LOCK);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path);
    let file = file.map_err(|error| OpenError::unusable(&path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(folder.to_owned())),
        Err(TryLockError::Error(error)) => Err(OpenError::unusable(&path, &error)),
    }
}

/// What every connection is set to.
fn prepare(conn: &Connection) -> rusqlite::Result<()> {
    conn.busy_timeout(BUSY_WAIT)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    conn.execute_batch(
        "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;",
    )
}

impl Log for SqliteLog {
    fn commit(&self, items: Vec<Item>) -> Reply<'_, Vec<Outcome>> {
        self.writer.call(move |writer| writer.commit(items)).boxed()
    }

    fn workspaces(&self) -> Reply<'_, Vec<WorkspaceId>> {
        self.on_reader(read::workspaces)
    }

    fn head<'a>(&'a self, workspace: &'a WorkspaceId) -> Reply<'a, Head> {
        async move {
            let id = workspace.clone();
            if let Some(head) = self.on_reader(move |conn| read::head(conn, &id)).await? {
                return Ok(head);
            }
            let id = workspace.clone();
            self.writer.call(move |writer| writer.begin_feed(&id)).await
        }
        .boxed()
    }

    fn hash_at<'a>(&'a self, workspace: &'a WorkspaceId, seq: u64) -> Reply<'a, Option<[u8; 32]>> {
        self.read_in(workspace, move |conn, id| read::hash_at(conn, id, seq))
    }

    fn read<'a>(
        &'a self,
        workspace: &'a WorkspaceId,
        conversation: Option<ConversationId>,
        range: Range,
    ) -> Reply<'a, Vec<StoredEvent>> {
        self.read_in(workspace, move |conn, id| {
            read::events(conn, id, conversation, &range)
        })
    }

    fn read_kind<'a>(
        &'a self,
        workspace: &'a WorkspaceId,
        kind: &'a str,
        after: u64,
        limit: usize,
    ) -> Reply<'a, Vec<StoredEvent>> {
        let kind = kind.to_owned();
        self.read_in(workspace, move |conn, id| {
            read::events_of_kind(conn, id, &kind, after, limit)
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
        self.read_in(workspace, move |conn, id| match active {
            true => read::active_states(conn, id, kind),
            false => read::inactive_states(conn, id, kind, after.as_deref(), limit),
        })
    }

    fn state<'a>(&'a self, workspace: &'a WorkspaceId, aggregate: &'a Aggregate) -> Reply<'a, StoredState> {
        async move {
            let wanted = aggregate.clone();
            let state = self.read_in(workspace, move |conn, id| {
                read::state(conn, id, &wanted).map(Some)
            });
            let none = || StoredState {
                aggregate: aggregate.clone(),
                version: 0,
                body: None,
            };
            Ok(state.await?.unwrap_or_else(none))
        }
        .boxed()
    }

    fn owned<'a>(
        &'a self,
        workspace: &'a WorkspaceId,
        kind: AggregateKind,
        owner: &'a str,
    ) -> Reply<'a, Vec<StoredState>> {
        let owner = owner.to_owned();
        self.read_in(workspace, move |conn, id| {
            read::owned_states(conn, id, kind, &owner)
        })
    }

    fn key<'a>(
        &'a self,
        workspace: &'a WorkspaceId,
        scope: &'a str,
        key: &'a str,
    ) -> Reply<'a, Option<StoredKey>> {
        let (scope, key) = (scope.to_owned(), key.to_owned());
        self.read_in(workspace, move |conn, id| read::key(conn, id, &scope, &key))
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
        let agent = agent.clone();
        self.read_in(workspace, move |conn, id| {
            read::mentions(conn, id, &agent, before, limit)
        })
    }

    fn unread_mentions<'a>(&'a self, workspace: &'a WorkspaceId) -> Reply<'a, Vec<StoredMention>> {
        self.read_in(workspace, read::unread_mentions)
    }

    fn marks<'a>(&'a self, workspace: &'a WorkspaceId) -> Reply<'a, Vec<Mark>> {
        self.read_in(workspace, read::marks)
    }

    fn take_due(&self, now_ms: i64, visibility_ms: i64, limit: usize) -> Reply<'_, Due> {
        self.take(now_ms, visibility_ms, limit).boxed()
    }

    fn begin(&self, instance: Uuid, now_ms: i64, kept_ms: i64) -> Reply<'_, ()> {
        self.writer
            .call(move |writer| writer.begin(instance, now_ms, kept_ms))
            .boxed()
    }

    fn fork<'a>(&'a self, workspace: &'a WorkspaceId, old: Uuid) -> Reply<'a, Head> {
        let id = workspace.clone();
        self.writer.call(move |writer| writer.fork(&id, old)).boxed()
    }

    fn verify<'a>(&'a self, workspace: &'a WorkspaceId) -> Reply<'a, Verified> {
        async move {
            let id = workspace.clone();
            if let Some(verified) = self.on_reader(move |conn| verify::verify(conn, &id)).await? {
                return Ok(verified);
            }
            let head = self.head(workspace).await?;
            let workspace = workspace.clone();
            Ok(Verified {
                workspace,
                head,
                events: 0,
                redacted: 0,
                faults: Vec::new(),
            })
        }
        .boxed()
    }

    fn trouble(&self) -> Option<String> {
        self.trouble.lock().clone()
    }
}
