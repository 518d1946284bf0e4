//! What both databases store alike: numbers that stand for kinds, an event's row with all that proves it, checksums.
//!
//! Deliberately absent: reading rows, statements, and whatever the two do differently.

use super::chain::{self, CHECKSUM_BYTES, GENESIS, Hash, Header};
use super::{Aggregate, AggregateKind, LogError, StoredEvent};
use std::fmt::Display;

type Result<T> = std::result::Result<T, LogError>;

/// An unsigned number as databases have it. No `seq` comes near the bound.
pub(super) fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A count as a `LIMIT`.
pub(super) fn limit(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// What is stored and cannot be right.
pub(super) fn corrupt(table: &str, id: impl Display, what: &str) -> LogError {
    LogError::Corrupt(format!("{table}: {id}: {what}"))
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

/// The kind that a number stands for.
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

/// An event's row with all that proves it.
pub(super) struct EventRow {
    pub event: StoredEvent,
    pub hash: Hash,
    pub salt: Option<[u8; 16]>,
    pub body: Option<String>,
    pub skeleton: String,
    pub digest: Hash,
}

impl EventRow {
    /// The row, if it follows the event with this hash; there is none before the first.
    pub(super) fn follows(self, previous: Option<Hash>) -> Result<Self> {
        let seq = self.event.seq;
        let previous = match previous {
            Some(hash) => hash,
            None if seq == 1 => GENESIS,
            None => return Err(corrupt("events", seq, "the event before it is missing")),
        };
        self.check(&previous)
            .map_err(|what| corrupt("events", seq, what))?;
        Ok(self)
    }

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

/// The checksum of a row of `timers`; `dibs_timer_checksum` is the same in SQL.
pub(super) fn timer_checksum(workspace: i64, aggregate: &Aggregate, due_ms: i64) -> [u8; CHECKSUM_BYTES] {
    chain::checksum(&[
        &workspace.to_be_bytes(),
        &kind_code(aggregate.kind).to_be_bytes(),
        aggregate.id.as_bytes(),
        &due_ms.to_be_bytes(),
    ])
}
