//! Rows as the log's types, checked against checksums and chain. No statement is written here.

use crate::log::chain::{self, CHECKSUM_BYTES, Hash};
pub(super) use crate::log::stored::{
    EventRow, corrupt, int, kind_code, kind_of, limit, state_checksum, timer_checksum,
};
use crate::log::{Aggregate, Head, LogError, StoredEvent, StoredKey, StoredState};
use dibs_protocol::ids::{AgentId, ConversationId, WorkspaceId};
use rusqlite::{CachedStatement, Params, Row};
use uuid::Uuid;

type Result<T> = std::result::Result<T, LogError>;

/// An unsigned number from a column.
pub(super) fn number(row: &Row<'_>, column: &str) -> Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| LogError::Corrupt(format!("{column} is {value}")))
}

/// All rows of a query.
pub(super) fn all<T>(
    statement: &mut CachedStatement<'_>,
    params: impl Params,
    mut read: impl FnMut(&Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let mut rows = statement.query(params)?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        out.push(read(row)?);
    }
    Ok(out)
}

/// The first row of a query.
pub(super) fn first<T>(
    statement: &mut CachedStatement<'_>,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> Result<T>,
) -> Result<Option<T>> {
    let mut rows = statement.query(params)?;
    rows.next()?.map(read).transpose()
}

pub(super) fn workspace_id(name: &str) -> Result<WorkspaceId> {
    WorkspaceId::new(name).map_err(|error| corrupt("workspaces", name, &error.to_string()))
}

pub(super) fn agent_id(name: &str) -> Result<AgentId> {
    AgentId::new(name).map_err(|error| LogError::Corrupt(error.to_string()))
}

pub(super) fn conversation(bytes: Option<[u8; 16]>) -> Option<ConversationId> {
    bytes.map(|bytes| ConversationId(Uuid::from_bytes(bytes)))
}

/// `workspaces`: id and head.
pub(super) fn workspace(row: &Row<'_>) -> Result<(i64, Head)> {
    let head = Head {
        epoch: Uuid::from_bytes(row.get("epoch")?),
        seq: number(row, "seq")?,
        hash: row.get("hash")?,
        at_ms: row.get("at")?,
    };
    Ok((row.get("id")?, head))
}

/// `events` with the hash before it as `previous`: checks digest and chain.
pub(super) fn event(row: &Row<'_>) -> Result<EventRow> {
    let previous: Option<Hash> = row.get("previous")?;
    raw_event(row)?.follows(previous)
}

/// `events`, before it was checked.
pub(super) fn raw_event(row: &Row<'_>) -> Result<EventRow> {
    let salt: Option<[u8; 16]> = row.get("salt")?;
    let body: Option<String> = row.get("body")?;
    let skeleton: String = row.get("skeleton")?;
    let event = StoredEvent {
        seq: number(row, "seq")?,
        at_ms: row.get("at")?,
        conversation: conversation(row.get("conversation")?),
        kind: row.get("kind")?,
        actor: row.get("actor")?,
        event: body.as_ref().unwrap_or(&skeleton).clone(),
        redacted: salt.is_none(),
    };
    Ok(EventRow {
        event,
        hash: row.get("hash")?,
        salt,
        body,
        skeleton,
        digest: row.get("digest")?,
    })
}

/// `states`: checks the checksum.
pub(super) fn state(row: &Row<'_>) -> Result<StoredState> {
    let aggregate = Aggregate {
        kind: kind_of(row.get("kind")?)?,
        id: row.get("id")?,
    };
    let version = number(row, "version")?;
    let owner: Option<String> = row.get("owner")?;
    let body: Option<Vec<u8>> = row.get("body")?;
    let active: i64 = row.get("active")?;
    let place = (row.get("workspace")?, &aggregate);
    let expected = state_checksum(place, version, active == 1, owner.as_deref(), body.as_deref());
    if row.get::<_, [u8; CHECKSUM_BYTES]>("checksum")? != expected {
        return Err(corrupt("states", &aggregate.id, "its checksum is wrong"));
    }
    Ok(StoredState {
        aggregate,
        version,
        body,
    })
}

/// The checksum of a row of `keys`.
pub(super) fn key_checksum(workspace: i64, key: &StoredKey, keep_until_ms: i64) -> [u8; CHECKSUM_BYTES] {
    chain::checksum(&[
        &workspace.to_be_bytes(),
        key.scope.as_bytes(),
        key.key.as_bytes(),
        &key.fingerprint,
        key.answer.as_bytes(),
        &key.seq.unwrap_or_default().to_be_bytes(),
        &key.at_ms.to_be_bytes(),
        &keep_until_ms.to_be_bytes(),
    ])
}

/// `keys`: checks the checksum.
pub(super) fn key(row: &Row<'_>) -> Result<StoredKey> {
    let seq: Option<i64> = row.get("seq")?;
    let key = StoredKey {
        scope: row.get("scope")?,
        key: row.get("key")?,
        fingerprint: row.get("fingerprint")?,
        answer: row.get("answer")?,
        seq: seq
            .map(u64::try_from)
            .transpose()
            .map_err(|_| LogError::Corrupt("a key's seq".to_owned()))?,
        at_ms: row.get("at")?,
    };
    let expected = key_checksum(row.get("workspace")?, &key, row.get("keep_until")?);
    if row.get::<_, [u8; CHECKSUM_BYTES]>("checksum")? != expected {
        return Err(corrupt("keys", &key.key, "its checksum is wrong"));
    }
    Ok(key)
}

/// `timers`: whose and when due; checks the checksum.
pub(super) fn timer(row: &Row<'_>) -> Result<(Aggregate, i64)> {
    let aggregate = Aggregate {
        kind: kind_of(row.get("kind")?)?,
        id: row.get("id")?,
    };
    let due_ms: i64 = row.get("due")?;
    let expected = timer_checksum(row.get("workspace")?, &aggregate, due_ms);
    if row.get::<_, [u8; CHECKSUM_BYTES]>("checksum")? != expected {
        return Err(corrupt("timers", &aggregate.id, "its checksum is wrong"));
    }
    Ok((aggregate, due_ms))
}
