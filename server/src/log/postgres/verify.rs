//! Checks everything that is stored of a workspace: chain, bodies, states, keys, timers, head.
//!
//! Finds accidents. Whoever can write to the database can rewrite the chain too; only an exported head shows that.

use super::error::Failure;
use super::read::ask;
use super::rows::{self, EventRow, get, int};
use crate::log::chain::{GENESIS, Hash};
use crate::log::{Head, LogError, Verified, batch};
use deadpool_postgres::{Object, Transaction};
use dibs_protocol::ids::WorkspaceId;
use std::collections::BTreeSet;
use tokio_postgres::types::ToSql;
use tokio_postgres::{IsolationLevel, Row};

type Result<T> = std::result::Result<T, Failure>;

/// How many faults are listed. One fault often has many followers.
const FAULTS_BOUND: usize = 100;

/// How many rows are in memory at a time.
const PAGE: usize = 1_000;

/// What a workspace's check knows so far. It goes on page by page, so that each request is a short one.
pub(super) struct Check {
    id: i64,
    head: Head,
    /// The last event that belongs to this check: what is appended meanwhile does not.
    up_to: i64,
    faults: Vec<String>,
    events: u64,
    erased: BTreeSet<u64>,
    named: BTreeSet<u64>,
    /// The last event that was checked: number, hash and time.
    last: (u64, Hash, i64),
}

/// Begins a check on the head and the last event as they now are. `None` when there is no such workspace.
pub(super) async fn begin(client: &Object, workspace: &WorkspaceId) -> Result<Option<Check>> {
    let sql =
        "SELECT id, epoch, seq, hash, at, (SELECT max(e.seq) FROM events e WHERE e.workspace = w.id) AS last
        FROM workspaces w WHERE name = $1";
    let rows = ask(client, sql, &[&workspace.as_str()]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let (id, head) = rows::workspace(row)?;
    let last: Option<i64> = get(row, "last")?;
    Ok(Some(Check {
        id,
        up_to: int(head.seq).max(last.unwrap_or_default()),
        head,
        faults: Vec::new(),
        events: 0,
        erased: BTreeSet::new(),
        named: BTreeSet::new(),
        last: (0, GENESIS, 0),
    }))
}

impl Check {
    /// Checks the next page of events. Whether there may be more.
    pub(super) async fn events(&mut self, client: &Object) -> Result<bool> {
        let sql =
            "SELECT * FROM events WHERE workspace = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT $4";
        let params: [&(dyn ToSql + Sync); 4] = [&self.id, &int(self.last.0), &self.up_to, &rows::limit(PAGE)];
        let rows = ask(client, sql, &params).await?;
        for row in &rows {
            match rows::raw_event(row) {
                Ok(event) => self.event(event),
                Err(error) => {
                    let seq = rows::number(row, "seq")?;
                    self.fault(format!("Event {seq} cannot be read: {error}."));
                    self.last = (
                        seq,
                        rows::bytes(row, "hash").unwrap_or(self.last.1),
                        get(row, "at")?,
                    );
                }
            }
        }
        Ok(rows.len() == PAGE)
    }

    fn event(&mut self, event: EventRow) {
        let (seq, (before, previous, _)) = (event.event.seq, self.last);
        self.events += 1;
        if seq != before + 1 {
            self.fault(format!(
                "After event {before} comes {seq}: what was between is missing."
            ));
        }
        if let Err(what) = event.check(&previous) {
            self.fault(format!("Event {seq} is damaged: {what}."));
        }
        if event.event.redacted {
            self.erased.insert(seq);
        }
        if event.event.kind == batch::REDACTED {
            self.named.extend(batch::erased_by(&event.event.event));
        }
        self.last = (seq, event.hash, event.event.at_ms);
    }

    /// Checks what stands beside the events, in one snapshot, and sums up.
    pub(super) async fn end(mut self, client: &mut Object, workspace: &WorkspaceId) -> Result<Verified> {
        if self.last != (self.head.seq, self.head.hash, self.head.at_ms) {
            let (last, head) = (self.last.0, self.head.seq);
            self.fault(format!(
                "The head says {head}, the last event is {last}, or their hashes differ."
            ));
        }
        let builder = client
            .build_transaction()
            .isolation_level(IsolationLevel::RepeatableRead);
        let snapshot = builder.read_only(true).start().await?;
        self.late_redactions(&snapshot).await?;
        let unnamed: Vec<u64> = self.erased.difference(&self.named).copied().collect();
        for seq in unnamed {
            self.fault(format!(
                "The body of event {seq} is missing, but no redaction names it."
            ));
        }
        self.rows(&snapshot, "states", "kind, id", |row| rows::state(row).map(drop))
            .await?;
        self.rows(&snapshot, "keys", "scope, key", |row| rows::key(row).map(drop))
            .await?;
        self.rows(&snapshot, "timers", "kind, id", |row| rows::timer(row).map(drop))
            .await?;
        snapshot.commit().await?;
        Ok(Verified {
            workspace: workspace.clone(),
            head: self.head,
            events: self.events,
            redacted: self.erased.len() as u64,
            faults: self.faults,
        })
    }

    /// What was erased while the check ran is named by events after its head.
    async fn late_redactions(&mut self, snapshot: &Transaction<'_>) -> Result<()> {
        let sql = "SELECT * FROM events WHERE workspace = $1 AND seq > $2 AND kind = 'redacted'";
        for row in ask(snapshot, sql, &[&self.id, &self.up_to]).await? {
            self.named
                .extend(batch::erased_by(&rows::raw_event(&row)?.event.event));
        }
        Ok(())
    }

    async fn rows(
        &mut self,
        snapshot: &Transaction<'_>,
        table: &str,
        order: &str,
        check: impl Fn(&Row) -> std::result::Result<(), LogError>,
    ) -> Result<()> {
        let sql = format!("SELECT * FROM {table} WHERE workspace = $1 ORDER BY {order}");
        let statement = snapshot.prepare_cached(&sql).await?;
        let portal = snapshot.bind(&statement, &[&self.id]).await?;
        loop {
            let page = snapshot
                .query_portal(&portal, i32::try_from(PAGE).unwrap_or(i32::MAX))
                .await?;
            for row in &page {
                if let Err(error) = check(row) {
                    self.fault(format!("A row is damaged: {error}."));
                }
            }
            if page.len() < PAGE {
                return Ok(());
            }
        }
    }

    fn fault(&mut self, fault: String) {
        match self.faults.len() {
            count if count < FAULTS_BOUND => self.faults.push(fault),
            FAULTS_BOUND => self
                .faults
                .push("There are more faults than are listed here.".to_owned()),
            _ => {}
        }
    }
}
