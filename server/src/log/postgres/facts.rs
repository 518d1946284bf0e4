//! What a batch is planned upon: assumed from what the items themselves say, or read in one snapshot.
//!
//! Neither is trusted: what a plan depends on is checked again where it is written. Deliberately absent: planning.

use super::error::Failure;
use super::read::ask;
use super::rows::{self, get};
use crate::log::batch::{Past, Seats, Turn};
use crate::log::{Aggregate, Committed, Expected, Guard, Head, Item, StoredKey, StoredMention, StoredState};
use deadpool_postgres::{Object, Transaction};
use dibs_protocol::ids::{AgentId, WorkspaceId};
use std::collections::{HashMap, HashSet};
use tokio_postgres::IsolationLevel;
use uuid::Uuid;

type Result<T> = std::result::Result<T, Failure>;

/// What is known of one workspace, as far as a batch asks.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// The workspace's row.
    pub id: i64,
    pub head: Head,
    /// Who has the turn, whether or not it is over.
    pub turn: Option<Turn>,
    /// The log's clock when this was read.
    pub now_ms: i64,
    /// Whether it was read, and not assumed.
    pub read: bool,
    pub pasts: HashMap<Uuid, Past>,
    pub versions: HashMap<Aggregate, u64>,
    pub states: HashMap<Aggregate, StoredState>,
    pub keys: HashMap<(String, String), StoredKey>,
    pub seats: HashMap<AgentId, Seats>,
    /// Mentions of events that are to be erased.
    pub mentions: Vec<StoredMention>,
}

impl Facts {
    /// A workspace of which only row and head are known.
    fn bare(id: i64, head: Head) -> Self {
        Self {
            id,
            head,
            turn: None,
            now_ms: 0,
            read: false,
            pasts: HashMap::new(),
            versions: HashMap::new(),
            states: HashMap::new(),
            keys: HashMap::new(),
            seats: HashMap::new(),
            mentions: Vec::new(),
        }
    }

    /// Everything as the items expect it, on a head as last seen; `None` when they do not say enough.
    pub(super) fn assumed(
        known: (i64, &Head),
        items: &[Item],
        recent: impl Fn(Uuid) -> Option<Past>,
    ) -> Option<Self> {
        let mut facts = Self::bare(known.0, known.1.clone());
        let own: HashSet<Uuid> = items.iter().map(|item| item.commit).collect();
        let mut exact = HashSet::new();
        for item in items {
            if !item.erase.is_empty() || item.instance != items[0].instance {
                return None;
            }
            for (aggregate, expected) in &item.expected {
                match expected {
                    Expected::Stored(version) => {
                        facts.versions.entry(aggregate.clone()).or_insert(*version);
                        exact.insert(aggregate);
                    }
                    Expected::After(commit) if own.contains(commit) => {}
                    Expected::After(commit) => {
                        let past = recent(*commit)?;
                        facts.pasts.insert(*commit, past);
                        facts.versions.entry(aggregate.clone()).or_insert(past.last_seq);
                    }
                }
            }
            let quiet = item.events.is_empty();
            if quiet && item.states.iter().any(|state| !exact.contains(&state.aggregate)) {
                return None;
            }
        }
        Some(facts)
    }
}

/// Reads what these items ask of their workspaces, all in one snapshot. Workspaces that are missing begin here.
pub(super) async fn read(
    client: &mut Object,
    now_ms: Option<i64>,
    groups: &[(&WorkspaceId, &[Item])],
) -> Result<HashMap<WorkspaceId, Facts>> {
    let names: Vec<&str> = groups.iter().map(|(workspace, _)| workspace.as_str()).collect();
    begin(client, &names).await?;
    let builder = client
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead);
    let snapshot = builder.read_only(true).start().await?;
    let mut found = HashMap::new();
    let sql = "SELECT *, coalesce($2, dibs_now()) AS now FROM workspaces WHERE name = ANY ($1)";
    for row in ask(&snapshot, sql, &[&names, &now_ms]).await? {
        let (id, head) = rows::workspace(&row)?;
        let (holder, until_ms): (Option<Uuid>, Option<i64>) =
            (get(&row, "turn_holder")?, get(&row, "turn_until")?);
        let turn = holder
            .zip(until_ms)
            .map(|(instance, until_ms)| Turn { instance, until_ms });
        let now_ms = get(&row, "now")?;
        let read = true;
        let bare = Facts::bare(id, head);
        found.insert(
            rows::workspace_id(&row)?,
            Facts {
                turn,
                now_ms,
                read,
                ..bare
            },
        );
    }
    for (workspace, items) in groups {
        if let Some(facts) = found.get_mut(*workspace) {
            fill(&snapshot, facts, items).await?;
        }
    }
    snapshot.commit().await?;
    Ok(found)
}

/// Makes the rows of workspaces that have none.
pub(super) async fn begin(client: &Object, names: &[&str]) -> Result<()> {
    let sql = "SELECT n.name FROM unnest($1::text[]) AS n (name)
        WHERE NOT EXISTS (SELECT FROM workspaces w WHERE w.name = n.name COLLATE \"C\")";
    let missing = ask(client, sql, &[&names]).await?;
    for row in missing {
        let (name, epoch, genesis): (&str, _, _) = (get(&row, "name")?, Uuid::new_v4(), [0_u8; 32]);
        let insert = "INSERT INTO workspaces (name, epoch, seq, hash, at) VALUES ($1, $2, 0, $3, 0)
            ON CONFLICT DO NOTHING";
        ask(client, insert, &[&name, &epoch, &genesis.as_slice()]).await?;
    }
    Ok(())
}

async fn fill(snapshot: &Transaction<'_>, facts: &mut Facts, items: &[Item]) -> Result<()> {
    pasts(snapshot, facts, items).await?;
    states(snapshot, facts, items).await?;
    keys(snapshot, facts, items).await?;
    seats(snapshot, facts, items).await?;
    mentions(snapshot, facts, items).await
}

async fn pasts(snapshot: &Transaction<'_>, facts: &mut Facts, items: &[Item]) -> Result<()> {
    let mut ids: Vec<Uuid> = items.iter().map(|item| item.commit).collect();
    let expected = items.iter().flat_map(|item| &item.expected);
    ids.extend(expected.filter_map(|(_, expected)| match expected {
        Expected::After(commit) => Some(*commit),
        Expected::Stored(_) => None,
    }));
    let sql = "SELECT id, first_seq, last_seq, hash FROM commits WHERE workspace = $1 AND id = ANY ($2)";
    for row in ask(snapshot, sql, &[&facts.id, &ids]).await? {
        let first_seq = rows::number(&row, "first_seq")?;
        let hash = rows::bytes(&row, "hash")?;
        let committed = Committed { first_seq, hash };
        let last_seq = rows::number(&row, "last_seq")?;
        facts.pasts.insert(get(&row, "id")?, Past { committed, last_seq });
    }
    Ok(())
}

/// The states that the items read, and those that they replace without an event.
async fn states(snapshot: &Transaction<'_>, facts: &mut Facts, items: &[Item]) -> Result<()> {
    for item in items {
        let read = item.expected.iter().map(|(aggregate, _)| aggregate);
        let quiet = item.states.iter().filter(|_| item.events.is_empty());
        for aggregate in read.chain(quiet.map(|state| &state.aggregate)) {
            facts.versions.insert(aggregate.clone(), 0);
        }
    }
    if facts.versions.is_empty() {
        return Ok(());
    }
    let kinds: Vec<i64> = facts.versions.keys().map(|it| rows::kind_code(it.kind)).collect();
    let ids: Vec<&str> = facts.versions.keys().map(|it| it.id.as_str()).collect();
    let sql = "SELECT s.* FROM unnest($2::bigint[], $3::text[]) AS n (kind, id)
        JOIN states s ON s.workspace = $1 AND s.kind = n.kind AND s.id = n.id COLLATE \"C\"";
    for row in ask(snapshot, sql, &[&facts.id, &kinds, &ids]).await? {
        let state = rows::state(&row)?;
        facts.versions.insert(state.aggregate.clone(), state.version);
        facts.states.insert(state.aggregate.clone(), state);
    }
    Ok(())
}

async fn keys(snapshot: &Transaction<'_>, facts: &mut Facts, items: &[Item]) -> Result<()> {
    let keys = || items.iter().flat_map(|item| &item.keys);
    let scopes: Vec<&str> = keys().map(|key| key.scope.as_str()).collect();
    let names: Vec<&str> = keys().map(|key| key.key.as_str()).collect();
    if scopes.is_empty() {
        return Ok(());
    }
    let sql = "SELECT k.* FROM unnest($2::text[], $3::text[]) AS n (scope, key) JOIN keys k
        ON k.workspace = $1 AND k.scope = n.scope COLLATE \"C\" AND k.key = n.key COLLATE \"C\"";
    for row in ask(snapshot, sql, &[&facts.id, &scopes, &names]).await? {
        let key = rows::key(&row)?;
        facts.keys.insert((key.scope.clone(), key.key.clone()), key);
    }
    Ok(())
}

/// The seats of agents who must be absent. One under a lapsed lease was left when that lapsed; one without a lease
/// never counted.
async fn seats(snapshot: &Transaction<'_>, facts: &mut Facts, items: &[Item]) -> Result<()> {
    let guards = items.iter().flat_map(|item| &item.guards);
    let agents: Vec<&str> = guards
        .map(|Guard::AbsentFor { agent, .. }| agent.as_str())
        .collect();
    if agents.is_empty() {
        return Ok(());
    }
    let sql = "SELECT a.agent, bool_or(a.left_at IS NULL AND coalesce(l.until > $3, false)) AS present,
            max(CASE WHEN a.left_at IS NOT NULL THEN a.left_at WHEN coalesce(l.until > $3, false) THEN NULL
                ELSE coalesce(l.until, a.at) END) AS left_at
        FROM seats a LEFT JOIN leases l ON l.instance = a.instance
        WHERE a.workspace = $1 AND a.agent = ANY ($2) GROUP BY a.agent";
    for row in ask(snapshot, sql, &[&facts.id, &agents, &facts.now_ms]).await? {
        let present = get(&row, "present")?;
        let left_at_ms = get(&row, "left_at")?;
        facts
            .seats
            .insert(rows::agent_id(&row)?, Seats { present, left_at_ms });
    }
    Ok(())
}

async fn mentions(snapshot: &Transaction<'_>, facts: &mut Facts, items: &[Item]) -> Result<()> {
    let erased: Vec<i64> = items
        .iter()
        .flat_map(|item| &item.erase)
        .map(|seq| rows::int(*seq))
        .collect();
    if erased.is_empty() {
        return Ok(());
    }
    let sql = "SELECT agent, seq, conversation, body FROM mentions WHERE workspace = $1 AND seq = ANY ($2)";
    for row in ask(snapshot, sql, &[&facts.id, &erased]).await? {
        facts.mentions.push(rows::mention(&row)?);
    }
    Ok(())
}
