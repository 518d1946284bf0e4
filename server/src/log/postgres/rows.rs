//! Rows as the log's types, checked against checksums and chain. No statement is written here.

use crate::log::chain::{self, CHECKSUM_BYTES};
use crate::log::stored::kind_of;
pub(super) use crate::log::stored::{
    EventRow, corrupt, int, kind_code, limit, state_checksum, timer_checksum,
};
use crate::log::{Aggregate, Head, LogError, Mark, StoredEvent, StoredKey, StoredMention, StoredState};
use dibs_protocol::ids::{AgentId, ConversationId, WorkspaceId};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;
use uuid::Uuid;

type Result<T> = std::result::Result<T, LogError>;

/// A column of a row.
pub(super) fn get<'a, T: FromSql<'a>>(row: &'a Row, column: &str) -> Result<T> {
    let bad = |error| LogError::Corrupt(format!("a column cannot be read: {error}"));
    row.try_get(column).map_err(bad)
}

fn unsigned(value: i64, column: &str) -> Result<u64> {
    u64::try_from(value).map_err(|_| LogError::Corrupt(format!("{column} is {value}")))
}

/// An unsigned number from a column.
pub(super) fn number(row: &Row, column: &str) -> Result<u64> {
    unsigned(get(row, column)?, column)
}

/// Bytes of a known length from a column.
pub(super) fn bytes<const N: usize>(row: &Row, column: &str) -> Result<[u8; N]> {
    let wrong = |_| LogError::Corrupt(format!("{column} has a wrong length"));
    get::<&[u8]>(row, column)?.try_into().map_err(wrong)
}

fn maybe_bytes<const N: usize>(row: &Row, column: &str) -> Result<Option<[u8; N]>> {
    match get::<Option<&[u8]>>(row, column)? {
        Some(_) => bytes(row, column).map(Some),
        None => Ok(None),
    }
}

fn aggregate(row: &Row) -> Result<Aggregate> {
    let kind = kind_of(get(row, "kind")?)?;
    let id = get(row, "id")?;
    Ok(Aggregate { kind, id })
}

pub(super) fn workspace_id(row: &Row) -> Result<WorkspaceId> {
    let name: &str = get(row, "name")?;
    WorkspaceId::new(name).map_err(|error| corrupt("workspaces", name, &error.to_string()))
}

pub(super) fn agent_id(row: &Row) -> Result<AgentId> {
    let name: &str = get(row, "agent")?;
    AgentId::new(name).map_err(|error| LogError::Corrupt(error.to_string()))
}

/// `workspaces`: id and head.
pub(super) fn workspace(row: &Row) -> Result<(i64, Head)> {
    let head = Head {
        epoch: get(row, "epoch")?,
        seq: number(row, "seq")?,
        hash: bytes(row, "hash")?,
        at_ms: get(row, "at")?,
    };
    Ok((get(row, "id")?, head))
}

/// `events`, before it was checked.
pub(super) fn raw_event(row: &Row) -> Result<EventRow> {
    let salt: Option<[u8; 16]> = maybe_bytes(row, "salt")?;
    let body: Option<String> = get(row, "body")?;
    let skeleton: String = get(row, "skeleton")?;
    let conversation: Option<Uuid> = get(row, "conversation")?;
    let event = StoredEvent {
        seq: number(row, "seq")?,
        at_ms: get(row, "at")?,
        conversation: conversation.map(ConversationId),
        kind: get(row, "kind")?,
        actor: get(row, "actor")?,
        event: body.as_ref().unwrap_or(&skeleton).clone(),
        redacted: salt.is_none(),
    };
    Ok(EventRow {
        event,
        hash: bytes(row, "hash")?,
        salt,
        body,
        skeleton,
        digest: bytes(row, "digest")?,
    })
}

/// `events` with the hash before it as `previous`: checks digest and chain.
pub(super) fn event(row: &Row) -> Result<EventRow> {
    raw_event(row)?.follows(maybe_bytes(row, "previous")?)
}

/// `states`: checks the checksum.
pub(super) fn state(row: &Row) -> Result<StoredState> {
    let aggregate = aggregate(row)?;
    let version = number(row, "version")?;
    let owner: Option<&str> = get(row, "owner")?;
    let body: Option<&[u8]> = get(row, "body")?;
    let place = (get(row, "workspace")?, &aggregate);
    let expected = state_checksum(place, version, get(row, "active")?, owner, body);
    if bytes::<CHECKSUM_BYTES>(row, "checksum")? != expected {
        return Err(corrupt("states", &aggregate.id, "its checksum is wrong"));
    }
    let body = body.map(<[u8]>::to_vec);
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
        &[u8::from(key.seq.is_some())],
        &key.seq.unwrap_or_default().to_be_bytes(),
        &key.at_ms.to_be_bytes(),
        &keep_until_ms.to_be_bytes(),
    ])
}

/// `keys`: checks the checksum.
pub(super) fn key(row: &Row) -> Result<StoredKey> {
    let seq: Option<i64> = get(row, "seq")?;
    let key = StoredKey {
        scope: get(row, "scope")?,
        key: get(row, "key")?,
        fingerprint: bytes(row, "fingerprint")?,
        answer: get(row, "answer")?,
        seq: seq.map(|seq| unsigned(seq, "a key's seq")).transpose()?,
        at_ms: get(row, "at")?,
    };
    let expected = key_checksum(get(row, "workspace")?, &key, get(row, "keep_until")?);
    if bytes::<CHECKSUM_BYTES>(row, "checksum")? != expected {
        return Err(corrupt("keys", &key.key, "its checksum is wrong"));
    }
    Ok(key)
}

/// `timers`: whose and when due; checks the checksum.
pub(super) fn timer(row: &Row) -> Result<(Aggregate, i64)> {
    let aggregate = aggregate(row)?;
    let due_ms: i64 = get(row, "due")?;
    let expected = timer_checksum(get(row, "workspace")?, &aggregate, due_ms);
    if bytes::<CHECKSUM_BYTES>(row, "checksum")? != expected {
        return Err(corrupt("timers", &aggregate.id, "its checksum is wrong"));
    }
    Ok((aggregate, due_ms))
}

/// `mentions`.
pub(super) fn mention(row: &Row) -> Result<StoredMention> {
    Ok(StoredMention {
        agent: agent_id(row)?,
        seq: number(row, "seq")?,
        conversation: ConversationId(get(row, "conversation")?),
        body: get(row, "body")?,
    })
}

/// `marks`.
pub(super) fn mark(row: &Row) -> Result<Mark> {
    Ok(Mark {
        agent: agent_id(row)?,
        name: get(row, "name")?,
        value: Some(get(row, "value")?),
    })
}
