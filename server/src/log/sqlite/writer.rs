//! The one thread that writes: each request is a transaction, on disk before it is answered, or rolled back whole.
//!
//! Deliberately absent: what a batch means (`log::batch`) and the statements of its store (`commit`).

use super::commit::{Known, Tables};
use super::pool::Worker;
use super::rows::{self, all, first, limit};
use crate::log::batch::{self, Store};
use crate::log::{Aggregate, AggregateKind, Due, DueTimer, Head, Item, LogError, Outcome};
use crate::ports::Clock;
use dibs_protocol::ids::WorkspaceId;
use parking_lot::Mutex;
use rusqlite::{Connection, params};
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

type Result<T> = std::result::Result<T, LogError>;

/// Why writes fail, as long as they do.
pub(super) type Trouble = Arc<Mutex<Option<String>>>;

/// How long a statement waits for a lock that another connection of this process holds.
pub(super) const BUSY_WAIT: Duration = Duration::from_secs(5);

/// The writer's connection and what it knows.
pub(super) struct Writer {
    conn: Connection,
    known: Known,
    clock: Arc<dyn Clock>,
    trouble: Trouble,
    erased: bool,
    /// Held as long as anything may be written.
    _lock: Arc<File>,
}

impl Worker for Writer {
    fn rest(&mut self, panicked: bool) {
        if panicked {
            self.roll_back();
            self.fail("a write was abandoned");
        }
        self.known.trim();
        self.scrub();
    }
}

impl Writer {
    pub(super) fn new(conn: Connection, clock: Arc<dyn Clock>, trouble: Trouble, lock: Arc<File>) -> Self {
        Self {
            conn,
            known: Known::default(),
            clock,
            trouble,
            erased: true,
            _lock: lock,
        }
    }

    /// Runs `work` as one transaction.
    fn transaction<T>(&mut self, work: impl FnOnce(&mut Tables<'_>) -> Result<T>) -> Result<T> {
        let result = self.attempt(work);
        match &result {
            Ok(_) => *self.trouble.lock() = None,
            Err(error) => {
                self.roll_back();
                let (LogError::Unavailable(why) | LogError::Corrupt(why)) = error;
                self.fail(why);
            }
        }
        result
    }

    fn attempt<T>(&mut self, work: impl FnOnce(&mut Tables<'_>) -> Result<T>) -> Result<T> {
        self.conn.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let mut tables = Tables {
            conn: &self.conn,
            known: &mut self.known,
            erased: &mut self.erased,
        };
        let done = work(&mut tables)?;
        self.conn.prepare_cached("COMMIT")?.execute([])?;
        Ok(done)
    }

    fn roll_back(&mut self) {
        self.known = Known::default();
        // SQLite has rolled back by itself after some errors.
        if !self.conn.is_autocommit()
            && let Err(error) = self.conn.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "a failed transaction cannot be rolled back");
        }
    }

    fn fail(&self, why: &str) {
        let before = self.trouble.lock().replace(why.to_owned());
        if before.is_none() {
            tracing::error!(why, "the log refuses writes");
        }
    }

    /// Moves what was erased out of the write-ahead log, as soon as no reader needs it.
    fn scrub(&mut self) {
        if !self.erased {
            return;
        }
        let busy: rusqlite::Result<i64> = self.conn.busy_timeout(Duration::ZERO).and_then(|()| {
            self.conn
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
        });
        self.erased = !matches!(busy, Ok(0));
        if let Err(error) = self.conn.busy_timeout(BUSY_WAIT) {
            tracing::warn!(%error, "the wait for locks cannot be set");
        }
    }

    pub(super) fn commit(&mut self, items: Vec<Item>) -> Result<Vec<Outcome>> {
        let now_ms = self.clock.now_ms();
        self.transaction(|tables| batch::run(tables, items, now_ms))
    }

    /// The workspace's head, which begins here when there is none.
    pub(super) fn begin_feed(&mut self, workspace: &WorkspaceId) -> Result<Head> {
        self.transaction(|tables| tables.head(workspace))
    }

    /// Gives the workspace's feed a new epoch, unless it has another than `old` already.
    pub(super) fn fork(&mut self, workspace: &WorkspaceId, old: Uuid) -> Result<Head> {
        self.transaction(|tables| tables.fork(workspace, old))
    }

    pub(super) fn begin(&mut self, instance: Uuid, now_ms: i64, kept_ms: i64) -> Result<()> {
        self.transaction(|tables| {
            let mut query = tables
                .conn
                .prepare_cached("SELECT DISTINCT workspace, agent FROM seats WHERE left_at IS NULL")?;
            let present: Vec<(i64, String)> = all(&mut query, [], |row| {
                Ok((row.get("workspace")?, row.get("agent")?))
            })?;
            for (workspace, id) in present {
                let agent = Aggregate {
                    kind: AggregateKind::Agent,
                    id,
                };
                tables.set_timer(workspace, &agent, Some(now_ms))?;
            }
            let update = "UPDATE seats SET left_at = ? WHERE left_at IS NULL";
            tables.conn.prepare_cached(update)?.execute([now_ms])?;
            // A seat left longer ago says no more than none at all.
            tables
                .conn
                .prepare_cached("DELETE FROM seats WHERE left_at <= ? AND instance <> ?")?
                .execute(params![now_ms.saturating_sub(kept_ms), instance.as_bytes()])?;
            Ok(())
        })
    }

    pub(super) fn take_due(&mut self, now_ms: i64, visibility_ms: i64, count: usize) -> Result<Due> {
        self.transaction(|tables| {
            let mut query = tables.conn.prepare_cached(
                "SELECT t.*, w.name FROM timers t LEFT JOIN workspaces w ON w.id = t.workspace
                 WHERE wake <= ? ORDER BY wake, t.workspace, kind, t.id LIMIT ?",
            )?;
            let taken = all(&mut query, params![now_ms, limit(count)], |row| {
                let workspace = rows::workspace_id(&row.get::<_, String>("name")?)?;
                let (aggregate, due_ms) = rows::timer(row)?;
                Ok((
                    row.get::<_, i64>("workspace")?,
                    DueTimer {
                        workspace,
                        aggregate,
                        due_ms,
                    },
                ))
            })?;
            let mut query = tables
                .conn
                .prepare_cached("SELECT wake FROM timers ORDER BY wake LIMIT 1 OFFSET ?")?;
            let next_ms = first(&mut query, [limit(taken.len())], |row| Ok(row.get("wake")?))?;
            let mut update = tables
                .conn
                .prepare_cached("UPDATE timers SET wake = ? WHERE workspace = ? AND kind = ? AND id = ?")?;
            for (id, timer) in &taken {
                let kind = rows::kind_code(timer.aggregate.kind);
                update.execute(params![
                    now_ms.saturating_add(visibility_ms),
                    id,
                    kind,
                    timer.aggregate.id
                ])?;
            }
            let mut timers: Vec<_> = taken.into_iter().map(|(_, timer)| timer).collect();
            timers.sort_by_key(|timer| timer.due_ms);
            Ok(Due { timers, next_ms })
        })
    }

    /// Deletes these scopes' keys whose time is over, but for the last `kept` of each.
    pub(super) fn forget_keys(&mut self, scopes: &[(i64, String)], kept: i64, now_ms: i64) -> Result<u64> {
        self.transaction(|tables| {
            let mut delete = tables.conn.prepare_cached(
                "DELETE FROM keys WHERE workspace = ?1 AND scope = ?2 AND keep_until <= ?3 AND n <=
                 (SELECT n FROM keys WHERE workspace = ?1 AND scope = ?2 ORDER BY n DESC LIMIT 1 OFFSET ?4)",
            )?;
            let mut gone = 0;
            for (workspace, scope) in scopes {
                gone += delete.execute(params![workspace, scope, now_ms, kept])?;
            }
            Ok(gone as u64)
        })
    }

    /// Lets the file grow by at most so many pages, as a full disk would; `None` lifts the bound.
    #[cfg(test)]
    pub(super) fn bound_growth(&mut self, pages: Option<i64>) -> Result<()> {
        let count: i64 = self.conn.query_row("PRAGMA page_count", [], |row| row.get(0))?;
        let most = pages.map_or(i64::from(i32::MAX) - 1, |pages| count + pages);
        self.conn
            .query_row(&format!("PRAGMA max_page_count = {most}"), [], |_| Ok(()))?;
        Ok(())
    }
}
