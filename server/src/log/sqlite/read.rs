//! What readers ask: one function per question, on any connection. Everything served was checked in `rows`.

use super::rows::{self, all, first, int, kind_code, limit};
use crate::log::{
    Aggregate, AggregateKind, Head, LogError, Mark, Range, StoredEvent, StoredKey, StoredMention, StoredState,
};
use dibs_protocol::ids::{AgentId, ConversationId, WorkspaceId};
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

type Result<T> = std::result::Result<T, LogError>;

/// Kinds of events with an index of their own: see `events_by_kind` in the schema.
const INDEXED_KINDS: [&str; 2] = ["message_sent", "redacted"];

/// An event with the hash before it.
const EVENT: &str =
    "SELECT e.*, (SELECT p.hash FROM events p WHERE p.workspace = e.workspace AND p.seq = e.seq - 1)
     AS previous FROM events e";

pub(super) fn workspaces(conn: &Connection) -> Result<Vec<WorkspaceId>> {
    let mut query = conn.prepare_cached("SELECT name FROM workspaces ORDER BY name")?;
    all(&mut query, [], |row| {
        rows::workspace_id(&row.get::<_, String>("name")?)
    })
}

/// A workspace's row id and head, as they stand there.
pub(super) fn workspace(conn: &Connection, workspace: &WorkspaceId) -> Result<Option<(i64, Head)>> {
    let mut query = conn.prepare_cached("SELECT id, epoch, seq, hash, at FROM workspaces WHERE name = ?")?;
    first(&mut query, [workspace.as_str()], rows::workspace)
}

/// The head, checked against the last event: `None` when there is no such workspace.
pub(super) fn head(conn: &Connection, name: &WorkspaceId) -> Result<Option<Head>> {
    // Both are read in one transaction, so that a commit in between does no harm.
    let read = conn.unchecked_transaction()?;
    let Some((id, head)) = workspace(&read, name)? else {
        return Ok(None);
    };
    let sql = format!("{EVENT} WHERE e.workspace = ? ORDER BY e.seq DESC LIMIT 1");
    let last = first(&mut read.prepare_cached(&sql)?, [id], rows::event)?;
    let fits = match last {
        Some(last) => last.event.seq == head.seq && last.hash == head.hash && last.event.at_ms == head.at_ms,
        None => head.seq == 0 && head.hash == crate::log::chain::GENESIS,
    };
    if !fits {
        return Err(rows::corrupt(
            "workspaces",
            name,
            "its head is not its last event",
        ));
    }
    Ok(Some(head))
}

pub(super) fn hash_at(conn: &Connection, id: i64, seq: u64) -> Result<Option<[u8; 32]>> {
    let mut query = conn.prepare_cached("SELECT hash FROM events WHERE workspace = ? AND seq = ?")?;
    first(&mut query, params![id, int(seq)], |row| Ok(row.get("hash")?))
}

// The planner, which has no statistics, prefers the primary key to an index that narrows more: it is told.

pub(super) fn events_sql(one_conversation: bool, newest: bool) -> String {
    let (index, term) = match one_conversation {
        true => ("INDEXED BY events_by_conversation", "e.conversation = ?5"),
        false => ("", "?5 IS NULL"),
    };
    let order = if newest { "DESC" } else { "ASC" };
    format!(
        "{EVENT} {index} WHERE e.workspace = ?1 AND e.seq > ?2 AND e.seq <= ?3 AND {term}
         ORDER BY e.seq {order} LIMIT ?4"
    )
}

pub(super) fn events(
    conn: &Connection,
    id: i64,
    conversation: Option<ConversationId>,
    range: &Range,
) -> Result<Vec<StoredEvent>> {
    let sql = events_sql(conversation.is_some(), range.newest);
    let bytes = conversation.as_ref().map(|id| id.0.as_bytes());
    let params = params![id, int(range.after), int(range.up_to), limit(range.limit), bytes];
    let mut events = all(&mut conn.prepare_cached(&sql)?, params, |row| {
        Ok(rows::event(row)?.event)
    })?;
    if range.newest {
        events.reverse();
    }
    Ok(events)
}

pub(super) fn kind_sql(kind: &str) -> String {
    let (index, term) = match INDEXED_KINDS.contains(&kind) {
        true => (
            "INDEXED BY events_by_kind",
            "AND e.kind IN ('message_sent', 'redacted')",
        ),
        false => ("", ""),
    };
    format!(
        "{EVENT} {index} WHERE e.workspace = ? AND e.kind = ? AND e.seq > ? {term} ORDER BY e.seq LIMIT ?"
    )
}

pub(super) fn events_of_kind(
    conn: &Connection,
    id: i64,
    kind: &str,
    after: u64,
    count: usize,
) -> Result<Vec<StoredEvent>> {
    let params = params![id, kind, int(after), limit(count)];
    all(&mut conn.prepare_cached(&kind_sql(kind))?, params, |row| {
        Ok(rows::event(row)?.event)
    })
}

const STATE: &str = "SELECT workspace, kind, id, version, active, owner, body, checksum FROM states";

pub(super) fn state(conn: &Connection, id: i64, aggregate: &Aggregate) -> Result<StoredState> {
    let sql = format!("{STATE} WHERE workspace = ? AND kind = ? AND id = ?");
    let params = params![id, kind_code(aggregate.kind), aggregate.id];
    let state = first(&mut conn.prepare_cached(&sql)?, params, rows::state)?;
    Ok(state.unwrap_or_else(|| StoredState {
        aggregate: aggregate.clone(),
        version: 0,
        body: None,
    }))
}

pub(super) fn active_states(conn: &Connection, id: i64, kind: AggregateKind) -> Result<Vec<StoredState>> {
    let sql = format!("{STATE} WHERE workspace = ? AND kind = ? AND active = 1 ORDER BY id");
    all(
        &mut conn.prepare_cached(&sql)?,
        params![id, kind_code(kind)],
        rows::state,
    )
}

pub(super) fn inactive_states(
    conn: &Connection,
    id: i64,
    kind: AggregateKind,
    after: Option<&str>,
    count: usize,
) -> Result<Vec<StoredState>> {
    let above = if after.is_some() { ">" } else { ">=" };
    let sql = format!(
        "{STATE} WHERE workspace = ? AND kind = ? AND id {above} ? AND active = 0 ORDER BY id LIMIT ?"
    );
    let params = params![id, kind_code(kind), after.unwrap_or_default(), limit(count)];
    all(&mut conn.prepare_cached(&sql)?, params, rows::state)
}

pub(super) fn owned_states(
    conn: &Connection,
    id: i64,
    kind: AggregateKind,
    owner: &str,
) -> Result<Vec<StoredState>> {
    let sql = format!("{STATE} WHERE workspace = ? AND kind = ? AND owner = ? ORDER BY id");
    all(
        &mut conn.prepare_cached(&sql)?,
        params![id, kind_code(kind), owner],
        rows::state,
    )
}

pub(super) fn key(conn: &Connection, id: i64, scope: &str, key: &str) -> Result<Option<StoredKey>> {
    let mut query =
        conn.prepare_cached("SELECT * FROM keys WHERE workspace = ? AND scope = ? AND key = ?")?;
    first(&mut query, params![id, scope, key], rows::key)
}

fn mention(row: &Row<'_>) -> Result<StoredMention> {
    Ok(StoredMention {
        agent: rows::agent_id(&row.get::<_, String>("agent")?)?,
        seq: rows::number(row, "seq")?,
        conversation: ConversationId(Uuid::from_bytes(row.get("conversation")?)),
        body: row.get("body")?,
    })
}

pub(super) fn mentions(
    conn: &Connection,
    id: i64,
    agent: &AgentId,
    before: u64,
    count: usize,
) -> Result<Vec<StoredMention>> {
    let mut query = conn.prepare_cached(
        "SELECT agent, seq, conversation, body FROM mentions WHERE workspace = ? AND agent = ? AND seq < ?
         ORDER BY seq DESC LIMIT ?",
    )?;
    all(
        &mut query,
        params![id, agent.as_str(), int(before), limit(count)],
        mention,
    )
}

pub(super) fn unread_mentions(conn: &Connection, id: i64) -> Result<Vec<StoredMention>> {
    // Agent by agent, so that what was read long ago is not looked at.
    let mut query = conn.prepare_cached(
        "SELECT m.agent, m.seq, m.conversation, m.body
         FROM (SELECT DISTINCT agent FROM mentions WHERE workspace = ?1) a
         LEFT JOIN marks k ON k.workspace = ?1 AND k.agent = a.agent AND k.name = 'inbox'
         CROSS JOIN mentions m ON m.workspace = ?1 AND m.agent = a.agent
             AND m.seq > coalesce(CAST(k.value AS INTEGER), 0)
         ORDER BY m.agent, m.seq",
    )?;
    all(&mut query, [id], mention)
}

pub(super) fn marks(conn: &Connection, id: i64) -> Result<Vec<Mark>> {
    let mut query =
        conn.prepare_cached("SELECT agent, name, value FROM marks WHERE workspace = ? ORDER BY agent, name")?;
    all(&mut query, [id], |row| {
        let agent = rows::agent_id(&row.get::<_, String>("agent")?)?;
        Ok(Mark {
            agent,
            name: row.get("name")?,
            value: Some(row.get("value")?),
        })
    })
}

/// When the next timer may be taken.
pub(super) fn next_wake(conn: &Connection) -> Result<Option<i64>> {
    let mut query = conn.prepare_cached("SELECT wake FROM timers ORDER BY wake LIMIT 1")?;
    first(&mut query, [], |row| Ok(row.get("wake")?))
}

/// Scopes with more keys than `kept`, by workspace row.
pub(super) fn crowded_scopes(conn: &Connection, kept: i64) -> Result<Vec<(i64, String)>> {
    let mut query = conn
        .prepare_cached("SELECT workspace, scope FROM keys GROUP BY workspace, scope HAVING count(*) > ?")?;
    all(&mut query, [kept], |row| {
        Ok((row.get("workspace")?, row.get("scope")?))
    })
}
