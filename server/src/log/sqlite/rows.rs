//! Rows as the log's types, checked against checksums and chain. No statement is written here.

use crate::log::chain::{self, CHECKSUM_BYTES, GENESIS, Hash, Header};
use crate::log::{Aggregate, AggregateKind, Head, LogError, StoredEvent, StoredKey, StoredState};
use dibs_protocol::ids::{AgentId, ConversationId, WorkspaceId};
use rusqlite::{CachedStatement, Params, Row};
use std::fmt::Display;
use uuid::Uuid;

type Result<T> = std::result::Result<T, LogError>;

/// An unsigned number as SQLite has it. No `seq` comes near the bound.
pub(super) fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A count as a `LIMIT`.
pub(super) fn limit(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// An unsigned number from a column.
pub(super) fn number(row: &Row<'_>, column: &str) -> Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| LogError::Corrupt(format!("{column} is {value}")))
}

pub(super) fn corrupt(table: &str, id: impl Display, what: &str) -> LogError {
    LogError::Corrupt(format!("{table}: {id}: {what}"))
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

/// The number that stands for a kind. Never changed once released.
pub(super) fn kind_code(kind: AggregateKind) -> i64 {
    match kind {
        AggregateKind::Conversation => 1,
        AggregateKind::CustomerChannel => 2,
        AggregateKind::Agent => 3,
        AggregateKind::Settings => 4,
    }
}

pub(super) fn kind_of(code: i64) -> Result<AggregateKind> {
    match code {
        1 => Ok(AggregateKind::Conversation),
        2 => Ok(AggregateKind::CustomerChannel),
        3 => Ok(AggregateKind::Agent),
        4 => Ok(AggregateKind::Settings),
        _ => Err(LogError::Corrupt(format!(
            "there is no kind {code} of aggregates"
        ))),
    }
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

/// An event's row with all that proves it.
pub(super) struct EventRow {
    pub event: StoredEvent,
    pub hash: Hash,
}

/// `events` with the hash before it as `previous`: checks digest and chain.
pub(super) fn event(row: &Row<'_>) -> Result<EventRow> {
    let previous: Option<Hash> = row.get("previous")?;
    let row = raw_event(row)?;
    let seq = row.event.seq;
    let previous = match previous {
        Some(hash) => hash,
        None if seq == 1 => GENESIS,
        None => return Err(corrupt("events", seq, "the event before it is missing")),
    };
    row.check(&previous)
        .map_err(|what| corrupt("events", seq, what))?;
    Ok(EventRow {
        event: row.event,
        hash: row.hash,
    })
}

/// An event's row before it was checked.
pub(super) struct RawEvent {
    pub event: StoredEvent,
    pub hash: Hash,
    salt: Option<[u8; 16]>,
    body: Option<String>,
    skeleton: String,
    digest: Hash,
}

pub(super) fn raw_event(row: &Row<'_>) -> Result<RawEvent> {
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
    Ok(RawEvent {
        event,
        hash: row.get("hash")?,
        salt,
        body,
        skeleton,
        digest: row.get("digest")?,
    })
}

impl RawEvent {
    /// Whether body and header are what the chain says, given the hash before.
    pub(super) fn check(&self, previous: &Hash) -> std::result::Result<(), &'static str> {
        match &self.salt {
            Some(salt) if chain::digest(salt, self.body.as_deref()) != self.digest => {
                return Err("its body differs from its digest");
            }
            None if self.body.is_some() => return Err("it has a body without a salt"),
            _ => {}
        }
        let header = Header {
            seq: self.event.seq,
            at_ms: self.event.at_ms,
            conversation: self.event.conversation,
            kind: &self.event.kind,
            actor: &self.event.actor,
            skeleton: &self.skeleton,
        };
        let fits = chain::link(previous, &header, &self.digest) == self.hash;
        fits.then_some(()).ok_or("its hash does not continue the chain")
    }
}

/// The checksum of a row of `states`.
pub(super) fn state_checksum(
    place: (i64, &Aggregate),
    version: u64,
    active: bool,
    owner: Option<&str>,
    body: Option<&[u8]>,
) -> [u8; CHECKSUM_BYTES] {
    let (workspace, aggregate) = place;
    let flags = u8::from(active) | u8::from(owner.is_some()) << 1 | u8::from(body.is_some()) << 2;
    chain::checksum(&[
        &workspace.to_be_bytes(),
        &kind_code(aggregate.kind).to_be_bytes(),
        aggregate.id.as_bytes(),
        &version.to_be_bytes(),
        &[flags],
        owner.unwrap_or_default().as_bytes(),
        body.unwrap_or_default(),
    ])
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

/// The checksum of a row of `timers`.
pub(super) fn timer_checksum(workspace: i64, aggregate: &Aggregate, due_ms: i64) -> [u8; CHECKSUM_BYTES] {
    chain::checksum(&[
        &workspace.to_be_bytes(),
        &kind_code(aggregate.kind).to_be_bytes(),
        aggregate.id.as_bytes(),
        &due_ms.to_be_bytes(),
    ])
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
