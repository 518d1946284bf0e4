//! Checks everything that is stored of a workspace: chain, bodies, states, keys, timers, head.
//!
//! Finds accidents. Whoever can rewrite the file can rewrite the chain too; only an exported head shows that.

use super::rows;
use crate::log::chain::{GENESIS, Hash};
use crate::log::{Head, LogError, Verified, batch};
use dibs_protocol::ids::WorkspaceId;
use rusqlite::{Connection, Row};
use std::collections::BTreeSet;

type Result<T> = std::result::Result<T, LogError>;

/// How many faults are listed. One fault often has many followers.
const FAULTS_BOUND: usize = 100;

/// Checks a workspace, in one read transaction. `None` when there is no such workspace.
pub(super) fn verify(conn: &Connection, workspace: &WorkspaceId) -> Result<Option<Verified>> {
    let read = conn.unchecked_transaction()?;
    let Some((id, head)) = super::read::workspace(&read, workspace)? else {
        return Ok(None);
    };
    let mut check = Check {
        faults: Vec::new(),
        events: 0,
        erased: BTreeSet::new(),
        named: BTreeSet::new(),
    };
    check.events(&read, id, &head)?;
    let unnamed: Vec<u64> = check.erased.difference(&check.named).copied().collect();
    for seq in unnamed {
        check.fault(format!(
            "The body of event {seq} is missing, but no redaction names it."
        ));
    }
    check.rows(&read, id, "states", |row| rows::state(row).map(drop))?;
    check.rows(&read, id, "keys", |row| rows::key(row).map(drop))?;
    check.rows(&read, id, "timers", |row| rows::timer(row).map(drop))?;
    let redacted = check.erased.len() as u64;
    Ok(Some(Verified {
        workspace: workspace.clone(),
        head,
        events: check.events,
        redacted,
        faults: check.faults,
    }))
}

struct Check {
    faults: Vec<String>,
    events: u64,
    erased: BTreeSet<u64>,
    named: BTreeSet<u64>,
}

impl Check {
    fn fault(&mut self, fault: String) {
        match self.faults.len() {
            count if count < FAULTS_BOUND => self.faults.push(fault),
            FAULTS_BOUND => self
                .faults
                .push("There are more faults than are listed here.".to_owned()),
            _ => {}
        }
    }

    fn events(&mut self, conn: &Connection, id: i64, head: &Head) -> Result<()> {
        let mut query = conn.prepare("SELECT * FROM events WHERE workspace = ? ORDER BY seq")?;
        let mut rows = query.query([id])?;
        let (mut seq, mut hash, mut at_ms) = (0, GENESIS, 0);
        loop {
            let row = match rows.next() {
                Ok(Some(row)) => row,
                Ok(None) => break,
                Err(error) => {
                    let error = LogError::from(error);
                    self.fault(format!("The events after {seq} cannot be read: {error}."));
                    return Ok(());
                }
            };
            match self.event(row, seq, &hash) {
                Ok(read) => (seq, hash, at_ms) = read,
                Err(error) => {
                    self.fault(format!("An event after {seq} cannot be read: {error}."));
                    (seq, hash) = (rows::number(row, "seq")?, row.get("hash").unwrap_or(hash));
                }
            }
        }
        if (seq, hash, at_ms) != (head.seq, head.hash, head.at_ms) {
            self.fault(format!(
                "The head says {}, the last event is {seq}, or their hashes differ.",
                head.seq
            ));
        }
        Ok(())
    }

    fn event(&mut self, row: &Row<'_>, before: u64, previous: &Hash) -> Result<(u64, Hash, i64)> {
        let event = rows::raw_event(row)?;
        let seq = event.event.seq;
        self.events += 1;
        if seq != before + 1 {
            self.fault(format!(
                "After event {before} comes {seq}: what was between is missing."
            ));
        }
        if let Err(what) = event.check(previous) {
            self.fault(format!("Event {seq} is damaged: {what}."));
        }
        if event.event.redacted {
            self.erased.insert(seq);
        }
        if event.event.kind == batch::REDACTED {
            self.named.extend(batch::erased_by(&event.event.event));
        }
        Ok((seq, event.hash, event.event.at_ms))
    }

    fn rows(
        &mut self,
        conn: &Connection,
        id: i64,
        table: &str,
        check: impl Fn(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut query = conn.prepare(&format!("SELECT * FROM {table} WHERE workspace = ?"))?;
        let mut rows = query.query([id])?;
        loop {
            let checked = match rows.next() {
                Ok(Some(row)) => check(row),
                Ok(None) => return Ok(()),
                Err(error) => {
                    let error = LogError::from(error);
                    self.fault(format!("The rest of {table} cannot be read: {error}."));
                    return Ok(());
                }
            };
            if let Err(error) = checked {
                self.fault(format!("A row is damaged: {error}."));
            }
        }
    }
}
