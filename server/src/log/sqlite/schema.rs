//! The tables, by version. A migration, once released, is never edited: the next one is added.
//!
//! Deliberately absent: what the rows mean. An older program refuses a newer schema instead of guessing.

use super::OpenError;
use rusqlite::{Connection, OptionalExtension};
use std::path::Path;

/// Names the file as ours (`PRAGMA application_id`): "Dibs" in ASCII.
const APPLICATION_ID: i64 = 0x4469_6273;

/// Migration number n leads to schema version n + 1 (`PRAGMA user_version`).
const MIGRATIONS: &[&str] = &[FIRST];

const FIRST: &str = "
CREATE TABLE workspaces (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, epoch BLOB NOT NULL,
    seq INTEGER NOT NULL, hash BLOB NOT NULL, at INTEGER NOT NULL
) STRICT;

-- salt is NULL once the event is erased; body is NULL also when the skeleton says all.
CREATE TABLE events (
    workspace INTEGER NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, conversation BLOB, kind TEXT NOT NULL,
    actor TEXT NOT NULL, skeleton TEXT NOT NULL, salt BLOB, body TEXT, digest BLOB NOT NULL, hash BLOB NOT NULL,
    PRIMARY KEY (workspace, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX events_by_conversation ON events (workspace, conversation, seq) WHERE conversation IS NOT NULL;
CREATE INDEX events_by_kind ON events (workspace, kind, seq) WHERE kind IN ('message_sent', 'redacted');

CREATE TABLE states (
    workspace INTEGER NOT NULL, kind INTEGER NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL,
    active INTEGER NOT NULL, owner TEXT, body BLOB, checksum BLOB NOT NULL,
    PRIMARY KEY (workspace, kind, id)
) STRICT;
CREATE INDEX states_active ON states (workspace, kind, id) WHERE active = 1;
CREATE INDEX states_by_owner ON states (workspace, kind, owner, id) WHERE owner IS NOT NULL;

-- n counts keys in the order in which they were stored.
CREATE TABLE keys (
    n INTEGER PRIMARY KEY, workspace INTEGER NOT NULL, scope TEXT NOT NULL, key TEXT NOT NULL,
    fingerprint BLOB NOT NULL, answer TEXT NOT NULL, seq INTEGER, at INTEGER NOT NULL, keep_until INTEGER NOT NULL,
    checksum BLOB NOT NULL,
    UNIQUE (workspace, scope, key)
) STRICT;

-- wake is when the timer may be taken: when it is due, or later when somebody has taken it.
CREATE TABLE timers (
    workspace INTEGER NOT NULL, kind INTEGER NOT NULL, id TEXT NOT NULL, due INTEGER NOT NULL, wake INTEGER NOT NULL,
    checksum BLOB NOT NULL,
    PRIMARY KEY (workspace, kind, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX timers_by_wake ON timers (wake);

CREATE TABLE mentions (
    workspace INTEGER NOT NULL, agent TEXT NOT NULL, seq INTEGER NOT NULL, conversation BLOB NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (workspace, agent, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX mentions_by_seq ON mentions (workspace, seq);

CREATE TABLE marks (
    workspace INTEGER NOT NULL, agent TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (workspace, agent, name)
) STRICT, WITHOUT ROWID;

-- left_at is NULL while the agent is there.
CREATE TABLE seats (
    workspace INTEGER NOT NULL, agent TEXT NOT NULL, instance BLOB NOT NULL, generation INTEGER NOT NULL,
    left_at INTEGER,
    PRIMARY KEY (workspace, agent, instance)
) STRICT, WITHOUT ROWID;

CREATE TABLE commits (
    n INTEGER PRIMARY KEY, workspace INTEGER NOT NULL, id BLOB NOT NULL, first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL, hash BLOB NOT NULL,
    UNIQUE (workspace, id)
) STRICT;
";

/// Brings the file's schema up to this program's version.
pub(super) fn migrate(conn: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let wrap = |error| OpenError::of(path, error);
    let known = MIGRATIONS.len();
    let version: i64 = conn
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(wrap)?;
    let application: i64 = conn
        .query_row("PRAGMA application_id", [], |row| row.get(0))
        .map_err(wrap)?;
    let tables: Option<i64> = conn
        .query_row("SELECT 1 FROM sqlite_schema LIMIT 1", [], |row| row.get(0))
        .optional()
        .map_err(wrap)?;
    let fresh = version == 0 && application == 0 && tables.is_none();
    if !fresh && application != APPLICATION_ID {
        return Err(OpenError::damaged(path, "it is a database, but not one of dibs"));
    }
    let done =
        usize::try_from(version).map_err(|_| OpenError::damaged(path, "its version makes no sense"))?;
    if done > known {
        return Err(OpenError::Newer {
            path: path.to_owned(),
            found: done,
            known,
        });
    }
    if done == known {
        return Ok(());
    }
    let change = conn.transaction().map_err(wrap)?;
    for (number, migration) in MIGRATIONS.iter().enumerate().skip(done) {
        change.execute_batch(migration).map_err(wrap)?;
        let reached = i64::try_from(number + 1).unwrap_or(i64::MAX);
        change
            .pragma_update(None, "user_version", reached)
            .map_err(wrap)?;
    }
    change
        .pragma_update(None, "application_id", APPLICATION_ID)
        .map_err(wrap)?;
    change.commit().map_err(wrap)
}
