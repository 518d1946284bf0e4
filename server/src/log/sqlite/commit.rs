//! The tables as the store of a batch: what [`crate::log::batch`] reads and writes within the writer's transaction.
//!
//! The folder is locked, so what was once read stays true until this writer changes it: heads and versions are kept
//! in memory. Deliberately absent: decisions, and the transaction itself.

use super::rows::{self, all, first, int, kind_code};
use crate::log::batch::{Numbered, Past, Seats, Store, stored_key, without_excerpt};
use crate::log::{
    Aggregate, Committed, Head, LogError, Mark, NewKey, NewMention, NewState, SeatChange, StoredKey,
    StoredState, Timer,
};
use dibs_protocol::ids::{AgentId, ConversationId, WorkspaceId};
use rusqlite::{Connection, params};
use std::collections::HashMap;
use uuid::Uuid;

type Result<T> = std::result::Result<T, LogError>;

/// How many versions are kept in memory. Above it all are forgotten and read again.
const VERSIONS_BOUND: usize = 200_000;

/// How many workspaces' heads are kept in memory. Above it all are forgotten and read again.
const WORKSPACES_BOUND: usize = 50_000;

/// How many commits are remembered at least.
const COMMITS_KEPT: i64 = 100_000;

/// Older commits are forgotten whenever so many were added.
const PRUNE_EVERY: i64 = 1_000;

/// What the writer knows without asking. Forgotten whenever a transaction is rolled back.
#[derive(Default)]
pub(super) struct Known {
    workspaces: HashMap<WorkspaceId, (i64, Head)>,
    versions: HashMap<i64, HashMap<Aggregate, u64>>,
    versions_count: usize,
}

impl Known {
    /// Keeps within the bounds; never within a transaction.
    pub(super) fn trim(&mut self) {
        if self.versions_count > VERSIONS_BOUND || self.workspaces.len() > WORKSPACES_BOUND {
            *self = Self::default();
        }
    }

    /// Whether the aggregate is stored, as far as is remembered.
    fn contains(&self, workspace: i64, aggregate: &Aggregate) -> bool {
        let versions = self.versions.get(&workspace);
        versions.is_some_and(|it| it.get(aggregate).is_some_and(|version| *version > 0))
    }

    fn remember(&mut self, workspace: i64, aggregate: &Aggregate, version: u64) {
        let versions = self.versions.entry(workspace).or_default();
        if let Some(known) = versions.get_mut(aggregate) {
            *known = version;
        } else {
            versions.insert(aggregate.clone(), version);
            self.versions_count += 1;
        }
    }
}

/// The tables within a transaction.
pub(super) struct Tables<'a> {
    pub conn: &'a Connection,
    pub known: &'a mut Known,
    /// Whether something was erased that may still stand in the write-ahead log.
    pub erased: &'a mut bool,
}

impl Tables<'_> {
    fn workspace(&mut self, workspace: &WorkspaceId) -> Result<&(i64, Head)> {
        if !self.known.workspaces.contains_key(workspace) {
            let found = match super::read::workspace(self.conn, workspace)? {
                Some(found) => found,
                None => self.begin_workspace(workspace)?,
            };
            self.known.workspaces.insert(workspace.clone(), found);
        }
        let lost = || rows::corrupt("workspaces", workspace, "it is missing");
        self.known.workspaces.get(workspace).ok_or_else(lost)
    }

    fn begin_workspace(&mut self, workspace: &WorkspaceId) -> Result<(i64, Head)> {
        let head = Head {
            epoch: Uuid::new_v4(),
            seq: 0,
            hash: crate::log::chain::GENESIS,
            at_ms: 0,
        };
        self.conn
            .prepare_cached("INSERT INTO workspaces (name, epoch, seq, hash, at) VALUES (?, ?, 0, ?, 0)")?
            .execute(params![workspace.as_str(), head.epoch.as_bytes(), head.hash])?;
        Ok((self.conn.last_insert_rowid(), head))
    }

    /// Gives the workspace's feed a new epoch, unless it has another than `old` already.
    pub(super) fn fork(&mut self, workspace: &WorkspaceId, old: Uuid) -> Result<Head> {
        let (id, mut head) = self.workspace(workspace)?.clone();
        if head.epoch == old {
            head.epoch = Uuid::new_v4();
            self.conn
                .prepare_cached("UPDATE workspaces SET epoch = ? WHERE id = ?")?
                .execute(params![head.epoch.as_bytes(), id])?;
            self.known
                .workspaces
                .insert(workspace.clone(), (id, head.clone()));
        }
        Ok(head)
    }

    fn id(&mut self, workspace: &WorkspaceId) -> Result<i64> {
        Ok(self.workspace(workspace)?.0)
    }

    /// Sets or clears a timer of the workspace with this row.
    pub(super) fn set_timer(
        &mut self,
        workspace: i64,
        aggregate: &Aggregate,
        due_ms: Option<i64>,
    ) -> Result<()> {
        let kind = kind_code(aggregate.kind);
        let Some(due_ms) = due_ms else {
            self.conn
                .prepare_cached("DELETE FROM timers WHERE workspace = ? AND kind = ? AND id = ?")?
                .execute(params![workspace, kind, aggregate.id])?;
            return Ok(());
        };
        let checksum = rows::timer_checksum(workspace, aggregate, due_ms);
        self.conn
            .prepare_cached(
                "INSERT INTO timers (workspace, kind, id, due, wake, checksum) VALUES (?1, ?2, ?3, ?4, ?4, ?5)
                 ON CONFLICT DO UPDATE SET due = excluded.due, wake = excluded.wake, checksum = excluded.checksum",
            )?
            .execute(params![workspace, kind, aggregate.id, due_ms, checksum])?;
        Ok(())
    }
}

impl Store for Tables<'_> {
    fn head(&mut self, workspace: &WorkspaceId) -> Result<Head> {
        Ok(self.workspace(workspace)?.1.clone())
    }

    fn past(&mut self, workspace: &WorkspaceId, commit: Uuid) -> Result<Option<Past>> {
        let id = self.id(workspace)?;
        let mut query = self
            .conn
            .prepare_cached("SELECT first_seq, last_seq, hash FROM commits WHERE workspace = ? AND id = ?")?;
        first(&mut query, params![id, commit.as_bytes()], |row| {
            let committed = Committed {
                first_seq: rows::number(row, "first_seq")?,
                hash: row.get("hash")?,
            };
            Ok(Past {
                committed,
                last_seq: rows::number(row, "last_seq")?,
            })
        })
    }

    fn version(&mut self, workspace: &WorkspaceId, aggregate: &Aggregate) -> Result<u64> {
        let id = self.id(workspace)?;
        if let Some(version) = self.known.versions.get(&id).and_then(|it| it.get(aggregate)) {
            return Ok(*version);
        }
        Ok(self.state(workspace, aggregate)?.version)
    }

    fn state(&mut self, workspace: &WorkspaceId, aggregate: &Aggregate) -> Result<StoredState> {
        let id = self.id(workspace)?;
        let state = super::read::state(self.conn, id, aggregate)?;
        self.known.remember(id, aggregate, state.version);
        Ok(state)
    }

    fn key(&mut self, workspace: &WorkspaceId, scope: &str, key: &str) -> Result<Option<StoredKey>> {
        let id = self.id(workspace)?;
        super::read::key(self.conn, id, scope, key)
    }

    fn seats(&mut self, workspace: &WorkspaceId, agent: &AgentId) -> Result<Seats> {
        let id = self.id(workspace)?;
        let mut query = self.conn.prepare_cached(
            "SELECT count(*) - count(left_at) AS present, max(left_at) AS left_at FROM seats
             WHERE workspace = ? AND agent = ?",
        )?;
        let seats = first(&mut query, params![id, agent.as_str()], |row| {
            let present: i64 = row.get("present")?;
            Ok(Seats {
                present: present > 0,
                left_at_ms: row.get("left_at")?,
            })
        })?;
        Ok(seats.unwrap_or_default())
    }

    fn add_event(&mut self, workspace: &WorkspaceId, new: &Numbered<'_>) -> Result<()> {
        let id = self.id(workspace)?;
        let event = new.event;
        let conversation = event.conversation.as_ref().map(|id| id.0.as_bytes());
        self.conn
            .prepare_cached(
                "INSERT INTO events
                 (workspace, seq, at, conversation, kind, actor, skeleton, salt, body, digest, hash)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                id,
                int(new.seq),
                event.at_ms,
                conversation,
                event.kind,
                event.actor,
                event.skeleton,
                event.salt,
                event.body,
                new.digest,
                new.hash
            ])?;
        Ok(())
    }

    fn add_key(&mut self, workspace: &WorkspaceId, key: &NewKey, seq: Option<u64>) -> Result<()> {
        let id = self.id(workspace)?;
        let stored = stored_key(key, seq);
        let checksum = rows::key_checksum(id, &stored, key.keep_until_ms);
        self.conn
            .prepare_cached(
                "INSERT INTO keys (workspace, scope, key, fingerprint, answer, seq, at, keep_until, checksum)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            )?
            .execute(params![
                id,
                key.scope,
                key.key,
                key.fingerprint,
                key.answer,
                seq.map(int),
                key.at_ms,
                key.keep_until_ms,
                checksum
            ])?;
        Ok(())
    }

    fn add_mention(
        &mut self,
        workspace: &WorkspaceId,
        (seq, conversation): (u64, ConversationId),
        mention: &NewMention,
    ) -> Result<()> {
        let id = self.id(workspace)?;
        self.conn
            .prepare_cached(
                "INSERT OR REPLACE INTO mentions (workspace, agent, seq, conversation, body)
                 VALUES (?, ?, ?, ?, ?)",
            )?
            .execute(params![
                id,
                mention.agent.as_str(),
                int(seq),
                conversation.0.as_bytes(),
                mention.body
            ])?;
        Ok(())
    }

    fn add_commit(&mut self, workspace: &WorkspaceId, commit: Uuid, past: &Past) -> Result<()> {
        let id = self.id(workspace)?;
        self.conn
            .prepare_cached(
                "INSERT INTO commits (workspace, id, first_seq, last_seq, hash) VALUES (?, ?, ?, ?, ?)",
            )?
            .execute(params![
                id,
                commit.as_bytes(),
                int(past.committed.first_seq),
                int(past.last_seq),
                past.committed.hash
            ])?;
        let count = self.conn.last_insert_rowid();
        if count % PRUNE_EVERY == 0 {
            self.conn
                .prepare_cached("DELETE FROM commits WHERE n <= ?")?
                .execute([count - COMMITS_KEPT])?;
        }
        Ok(())
    }

    fn change_seat(&mut self, workspace: &WorkspaceId, seat: &SeatChange, now_ms: i64) -> Result<()> {
        let id = self.id(workspace)?;
        let left_at_ms = (!seat.present).then_some(now_ms);
        self.conn
            .prepare_cached(
                "INSERT INTO seats (workspace, agent, instance, generation, left_at) VALUES (?, ?, ?, ?, ?)
                 ON CONFLICT DO UPDATE SET generation = excluded.generation, left_at = excluded.left_at
                 WHERE excluded.generation > generation",
            )?
            .execute(params![
                id,
                seat.agent.as_str(),
                seat.instance.as_bytes(),
                int(seat.generation),
                left_at_ms
            ])?;
        Ok(())
    }

    fn erase(&mut self, workspace: &WorkspaceId, seq: u64) -> Result<()> {
        let id = self.id(workspace)?;
        self.conn
            .prepare_cached("UPDATE events SET salt = NULL, body = NULL WHERE workspace = ? AND seq = ?")?
            .execute(params![id, int(seq)])?;
        let mut query = self
            .conn
            .prepare_cached("SELECT agent, body FROM mentions WHERE workspace = ? AND seq = ?")?;
        let mentions: Vec<(String, String)> = all(&mut query, params![id, int(seq)], |row| {
            Ok((row.get("agent")?, row.get("body")?))
        })?;
        for (agent, body) in mentions {
            self.conn
                .prepare_cached("UPDATE mentions SET body = ? WHERE workspace = ? AND agent = ? AND seq = ?")?
                .execute(params![without_excerpt(&body), id, agent, int(seq)])?;
        }
        *self.erased = true;
        Ok(())
    }

    fn put_state(&mut self, workspace: &WorkspaceId, state: &NewState, version: u64) -> Result<()> {
        let id = self.id(workspace)?;
        let body = state.body.as_ref().map(|body| body.encode());
        let (aggregate, owner) = (&state.aggregate, state.owner.as_deref());
        let checksum = rows::state_checksum((id, aggregate), version, state.active, owner, body.as_deref());
        let values = params![
            id,
            kind_code(aggregate.kind),
            aggregate.id,
            int(version),
            i64::from(state.active),
            owner,
            body,
            checksum
        ];
        // Naming an indexed column rewrites its index even where nothing changes, and mostly nothing does.
        let known = self.known.contains(id, aggregate);
        let mut done = 0;
        if known {
            let update = "UPDATE states SET version = ?4, body = ?7, checksum = ?8
                 WHERE workspace = ?1 AND kind = ?2 AND id = ?3 AND active = ?5 AND owner IS ?6";
            done = self.conn.prepare_cached(update)?.execute(values)?;
        }
        if done == 0 {
            let upsert = "INSERT INTO states (workspace, kind, id, version, active, owner, body, checksum)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                 ON CONFLICT DO UPDATE SET version = excluded.version, active = excluded.active,
                 owner = excluded.owner, body = excluded.body, checksum = excluded.checksum";
            self.conn.prepare_cached(upsert)?.execute(values)?;
        }
        self.known.remember(id, aggregate, version);
        Ok(())
    }

    fn put_timer(&mut self, workspace: &WorkspaceId, timer: &Timer) -> Result<()> {
        let id = self.id(workspace)?;
        self.set_timer(id, &timer.aggregate, timer.due_ms)
    }

    fn put_mark(&mut self, workspace: &WorkspaceId, mark: &Mark) -> Result<()> {
        let id = self.id(workspace)?;
        let (agent, name) = (mark.agent.as_str(), &mark.name);
        match &mark.value {
            Some(value) => self
                .conn
                .prepare_cached(
                    "INSERT OR REPLACE INTO marks (workspace, agent, name, value) VALUES (?, ?, ?, ?)",
                )?
                .execute(params![id, agent, name, value])?,
            None => self
                .conn
                .prepare_cached("DELETE FROM marks WHERE workspace = ? AND agent = ? AND name = ?")?
                .execute(params![id, agent, name])?,
        };
        Ok(())
    }

    fn put_head(&mut self, workspace: &WorkspaceId, head: &Head) -> Result<()> {
        let id = self.id(workspace)?;
        self.conn
            .prepare_cached("UPDATE workspaces SET seq = ?, hash = ?, at = ? WHERE id = ?")?
            .execute(params![int(head.seq), head.hash, head.at_ms, id])?;
        self.known
            .workspaces
            .insert(workspace.clone(), (id, head.clone()));
        Ok(())
    }
}
