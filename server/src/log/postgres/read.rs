//! What readers ask: one function per question, one statement each. Everything served was checked in `rows`.

use super::error::Failure;
use super::rows::{self, get, int, kind_code, limit};
use crate::log::chain::GENESIS;
use crate::log::{
    Aggregate, AggregateKind, Due, DueTimer, Head, LogError, Mark, Range, StoredEvent, StoredKey,
    StoredMention, StoredState,
};
use deadpool_postgres::{GenericClient, Object};
use dibs_protocol::ids::{AgentId, ConversationId, WorkspaceId};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

type Result<T> = std::result::Result<T, Failure>;

/// Kinds of events with an index of their own: see `events_by_kind` in the schema.
const INDEXED_KINDS: [&str; 2] = ["message_sent", "redacted"];

/// The row id of the workspace whose name is the first parameter.
const HERE: &str = "(SELECT id FROM workspaces WHERE name = $1)";

/// An event with the hash before it.
const EVENT: &str =
    "SELECT e.*, (SELECT p.hash FROM events p WHERE p.workspace = e.workspace AND p.seq = e.seq - 1)
     AS previous FROM events e";

/// Asks a statement, which the connection prepares once.
pub(super) async fn ask(
    client: &impl GenericClient,
    sql: &str,
    params: &[&(dyn ToSql + Sync)],
) -> Result<Vec<Row>> {
    let statement = client.prepare_cached(sql).await?;
    Ok(client.query(&statement, params).await?)
}

/// Reads each row.
fn each<T>(rows: Vec<Row>, read: impl Fn(&Row) -> std::result::Result<T, LogError>) -> Result<Vec<T>> {
    let read: std::result::Result<_, _> = rows.iter().map(read).collect();
    Ok(read?)
}

pub(super) async fn workspaces(client: &Object) -> Result<Vec<WorkspaceId>> {
    let rows = ask(client, "SELECT name FROM workspaces ORDER BY name", &[]).await?;
    each(rows, rows::workspace_id)
}

/// Row and head, checked against the last event: `None` when there is no such workspace.
pub(super) async fn head(client: &Object, workspace: &WorkspaceId) -> Result<Option<(i64, Head)>> {
    let sql =
        "SELECT w.id, w.epoch, w.seq, w.hash, w.at, e.seq AS last_seq, e.hash AS last_hash, e.at AS last_at
        FROM workspaces w LEFT JOIN LATERAL
            (SELECT seq, hash, at FROM events WHERE workspace = w.id ORDER BY seq DESC LIMIT 1) e ON true
        WHERE w.name = $1";
    let rows = ask(client, sql, &[&workspace.as_str()]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let (id, head) = rows::workspace(row)?;
    let last: Option<i64> = get(row, "last_seq")?;
    let fits = match last {
        Some(seq) => {
            let (hash, at_ms): ([u8; 32], i64) = (rows::bytes(row, "last_hash")?, get(row, "last_at")?);
            (seq, hash, at_ms) == (int(head.seq), head.hash, head.at_ms)
        }
        None => head.seq == 0 && head.hash == GENESIS,
    };
    if !fits {
        return Err(rows::corrupt("workspaces", workspace, "its head is not its last event").into());
    }
    // The last event itself is checked like any that is read.
    if head.seq > 0 {
        let sql = format!("{EVENT} WHERE e.workspace = $1 AND e.seq = $2");
        each(ask(client, &sql, &[&id, &int(head.seq)]).await?, rows::event)?;
    }
    Ok(Some((id, head)))
}

/// The heads of several workspaces, unchecked.
pub(super) async fn heads(client: &Object, workspaces: &[WorkspaceId]) -> Result<Vec<(WorkspaceId, Head)>> {
    let names: Vec<&str> = workspaces.iter().map(WorkspaceId::as_str).collect();
    let sql = "SELECT name, id, epoch, seq, hash, at FROM workspaces WHERE name = ANY ($1)";
    each(ask(client, sql, &[&names]).await?, |row| {
        Ok((rows::workspace_id(row)?, rows::workspace(row)?.1))
    })
}

/// The server's clock, milliseconds since the Unix epoch.
pub(super) async fn now_ms(client: &Object) -> Result<i64> {
    let rows = ask(client, "SELECT dibs_now() AS now", &[]).await?;
    let row = rows
        .first()
        .ok_or_else(|| rows::corrupt("clock", "now", "it said nothing"))?;
    Ok(get(row, "now")?)
}

/// How many leases have not lapsed.
pub(super) async fn instances(client: &Object, now_ms: Option<i64>) -> Result<u64> {
    let sql = "SELECT count(*) AS alive FROM leases WHERE until > coalesce($1, dibs_now())";
    let rows = ask(client, sql, &[&now_ms]).await?;
    let row = rows
        .first()
        .ok_or_else(|| rows::corrupt("leases", "count", "it said nothing"))?;
    Ok(rows::number(row, "alive")?)
}

/// Gives the feed a new epoch, unless somebody else has done so.
pub(super) async fn fork(client: &Object, workspace: &WorkspaceId, old: Uuid) -> Result<()> {
    let sql = "UPDATE workspaces SET epoch = $3 WHERE name = $1 AND epoch = $2";
    ask(client, sql, &[&workspace.as_str(), &old, &Uuid::new_v4()])
        .await
        .map(drop)
}

/// The secret of all who share the log: the given bytes, unless there is one already.
pub(super) async fn secret(client: &Object, fresh: &[u8; 32]) -> Result<[u8; 32]> {
    let sql = "INSERT INTO secrets (name, value) VALUES ('bus', $1) ON CONFLICT (name) DO NOTHING";
    ask(client, sql, &[&&fresh[..]]).await?;
    let rows = ask(client, "SELECT value FROM secrets WHERE name = 'bus'", &[]).await?;
    let row = rows
        .first()
        .ok_or_else(|| rows::corrupt("secrets", "bus", "it is missing"))?;
    Ok(rows::bytes(row, "value")?)
}

pub(super) async fn hash_at(client: &Object, workspace: &WorkspaceId, seq: u64) -> Result<Option<[u8; 32]>> {
    let sql = format!("SELECT hash FROM events WHERE workspace = {HERE} AND seq = $2");
    let rows = ask(client, &sql, &[&workspace.as_str(), &int(seq)]).await?;
    Ok(rows.first().map(|row| rows::bytes(row, "hash")).transpose()?)
}

pub(super) async fn events(
    client: &Object,
    workspace: &WorkspaceId,
    conversation: Option<ConversationId>,
    range: &Range,
) -> Result<Vec<StoredEvent>> {
    let order = if range.newest { "DESC" } else { "ASC" };
    let sql = |term| {
        format!(
            "{EVENT} WHERE e.workspace = {HERE} AND e.seq > $2 AND e.seq <= $3 {term} ORDER BY e.seq {order} LIMIT $4"
        )
    };
    let (workspace, after, up_to) = (workspace.as_str(), int(range.after), int(range.up_to));
    let most = limit(range.limit);
    let rows = match conversation {
        Some(id) => {
            let sql = sql("AND e.conversation = $5");
            ask(client, &sql, &[&workspace, &after, &up_to, &most, &id.0]).await?
        }
        None => ask(client, &sql(""), &[&workspace, &after, &up_to, &most]).await?,
    };
    let mut events = each(rows, |row| Ok(rows::event(row)?.event))?;
    if range.newest {
        events.reverse();
    }
    Ok(events)
}

pub(super) async fn events_of_kind(
    client: &Object,
    workspace: &WorkspaceId,
    kind: &str,
    after: u64,
    count: usize,
) -> Result<Vec<StoredEvent>> {
    let indexed = match INDEXED_KINDS.contains(&kind) {
        true => "AND e.kind IN ('message_sent', 'redacted')",
        false => "",
    };
    let sql = format!(
        "{EVENT} WHERE e.workspace = {HERE} AND e.kind = $2 AND e.seq > $3 {indexed} ORDER BY e.seq LIMIT $4"
    );
    let params: [&(dyn ToSql + Sync); 4] = [&workspace.as_str(), &kind, &int(after), &limit(count)];
    each(ask(client, &sql, &params).await?, |row| {
        Ok(rows::event(row)?.event)
    })
}

pub(super) async fn state(
    client: &Object,
    workspace: &WorkspaceId,
    aggregate: &Aggregate,
) -> Result<StoredState> {
    let sql = format!("SELECT * FROM states WHERE workspace = {HERE} AND kind = $2 AND id = $3");
    let params: [&(dyn ToSql + Sync); 3] = [&workspace.as_str(), &kind_code(aggregate.kind), &aggregate.id];
    let mut states = each(ask(client, &sql, &params).await?, rows::state)?;
    let none = || StoredState {
        aggregate: aggregate.clone(),
        version: 0,
        body: None,
    };
    Ok(states.pop().unwrap_or_else(none))
}

pub(super) async fn active_states(
    client: &Object,
    workspace: &WorkspaceId,
    kind: AggregateKind,
) -> Result<Vec<StoredState>> {
    let sql = format!("SELECT * FROM states WHERE workspace = {HERE} AND kind = $2 AND active ORDER BY id");
    each(
        ask(client, &sql, &[&workspace.as_str(), &kind_code(kind)]).await?,
        rows::state,
    )
}

pub(super) async fn inactive_states(
    client: &Object,
    workspace: &WorkspaceId,
    kind: AggregateKind,
    after: Option<&str>,
    count: usize,
) -> Result<Vec<StoredState>> {
    let above = if after.is_some() { ">" } else { ">=" };
    let sql = format!(
        "SELECT * FROM states WHERE workspace = {HERE} AND kind = $2 AND id {above} $3 AND NOT active ORDER BY id LIMIT $4"
    );
    let after = after.unwrap_or_default();
    let params: [&(dyn ToSql + Sync); 4] = [&workspace.as_str(), &kind_code(kind), &after, &limit(count)];
    each(ask(client, &sql, &params).await?, rows::state)
}

pub(super) async fn owned_states(
    client: &Object,
    workspace: &WorkspaceId,
    kind: AggregateKind,
    owner: &str,
) -> Result<Vec<StoredState>> {
    let sql =
        format!("SELECT * FROM states WHERE workspace = {HERE} AND kind = $2 AND owner = $3 ORDER BY id");
    each(
        ask(client, &sql, &[&workspace.as_str(), &kind_code(kind), &owner]).await?,
        rows::state,
    )
}

pub(super) async fn key(
    client: &Object,
    workspace: &WorkspaceId,
    scope: &str,
    key: &str,
) -> Result<Option<StoredKey>> {
    let sql = format!("SELECT * FROM keys WHERE workspace = {HERE} AND scope = $2 AND key = $3");
    let mut keys = each(
        ask(client, &sql, &[&workspace.as_str(), &scope, &key]).await?,
        rows::key,
    )?;
    Ok(keys.pop())
}

pub(super) async fn mentions(
    client: &Object,
    workspace: &WorkspaceId,
    agent: &AgentId,
    before: u64,
    count: usize,
) -> Result<Vec<StoredMention>> {
    let sql = format!(
        "SELECT * FROM mentions WHERE workspace = {HERE} AND agent = $2 AND seq < $3 ORDER BY seq DESC LIMIT $4"
    );
    let params: [&(dyn ToSql + Sync); 4] =
        [&workspace.as_str(), &agent.as_str(), &int(before), &limit(count)];
    each(ask(client, &sql, &params).await?, rows::mention)
}

pub(super) async fn unread_mentions(client: &Object, workspace: &WorkspaceId) -> Result<Vec<StoredMention>> {
    // Agent by agent, so that what was read long ago is not looked at.
    let sql = format!(
        "SELECT m.* FROM (SELECT DISTINCT agent FROM mentions WHERE workspace = {HERE}) a
         LEFT JOIN marks k ON k.workspace = {HERE} AND k.agent = a.agent AND k.name = 'inbox'
         CROSS JOIN LATERAL (SELECT * FROM mentions m WHERE m.workspace = {HERE} AND m.agent = a.agent
             AND m.seq > CASE WHEN k.value ~ '^[0-9]{{1,18}}$' THEN k.value::bigint ELSE 0 END) m
         ORDER BY m.agent, m.seq"
    );
    each(ask(client, &sql, &[&workspace.as_str()]).await?, rows::mention)
}

pub(super) async fn marks(client: &Object, workspace: &WorkspaceId) -> Result<Vec<Mark>> {
    let sql = format!("SELECT * FROM marks WHERE workspace = {HERE} ORDER BY agent, name");
    each(ask(client, &sql, &[&workspace.as_str()]).await?, rows::mark)
}

/// Takes timers that are due; those that another instance takes at this moment are left to it.
pub(super) async fn take_due(client: &Object, now_ms: i64, visibility_ms: i64, count: usize) -> Result<Due> {
    let wake = ask(client, "SELECT wake FROM timers ORDER BY wake LIMIT 1", &[]).await?;
    let next_ms: Option<i64> = wake.first().map(|row| get(row, "wake")).transpose()?;
    if count == 0 || next_ms.is_none_or(|next| next > now_ms) {
        let timers = Vec::new();
        return Ok(Due { timers, next_ms });
    }
    let sql = "WITH due AS MATERIALIZED (
            SELECT workspace, kind, id FROM timers WHERE wake <= $1 ORDER BY wake, workspace, kind, id LIMIT $3
            FOR UPDATE SKIP LOCKED
        ), taken AS (
            UPDATE timers t SET wake = $2 FROM due d
            WHERE t.workspace = d.workspace AND t.kind = d.kind AND t.id = d.id RETURNING t.*
        )
        SELECT next.wake AS next, w.name, t.* FROM
            (SELECT (SELECT wake FROM timers ORDER BY wake OFFSET (SELECT count(*) FROM due) LIMIT 1) AS wake) next
        LEFT JOIN taken t ON true LEFT JOIN workspaces w ON w.id = t.workspace";
    let until_ms = now_ms.saturating_add(visibility_ms);
    let rows = ask(client, sql, &[&now_ms, &until_ms, &limit(count)]).await?;
    let next_ms = rows.first().map(|row| get(row, "next")).transpose()?.flatten();
    let mut timers = Vec::new();
    for row in &rows {
        if get::<Option<i64>>(row, "due")?.is_some() {
            let (aggregate, due_ms) = rows::timer(row)?;
            let workspace = rows::workspace_id(row)?;
            timers.push(DueTimer {
                workspace,
                aggregate,
                due_ms,
            });
        }
    }
    timers
        .sort_by(|a, b| (a.due_ms, &a.workspace, &a.aggregate).cmp(&(b.due_ms, &b.workspace, &b.aggregate)));
    Ok(Due { timers, next_ms })
}

/// Renews an instance's lease: whether it had been given up.
pub(super) async fn renew(
    client: &Object,
    now_ms: Option<i64>,
    instance: Uuid,
    lease_ms: i64,
    grace_ms: i64,
) -> Result<bool> {
    let sql = "SELECT dibs_renew($1, $2, $3, $4) AS lapsed";
    let rows = ask(client, sql, &[&now_ms, &instance, &lease_ms, &grace_ms]).await?;
    let lapsed = rows.first().map(|row| get(row, "lapsed")).transpose()?;
    Ok(lapsed.unwrap_or(true))
}

/// Deletes seats that were left before `before_ms`, unless somebody changes them at this moment.
pub(super) async fn forget_seats(client: &Object, before_ms: i64) -> Result<()> {
    let sql = "DELETE FROM seats WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM seats WHERE left_at <= $1 FOR UPDATE SKIP LOCKED))";
    ask(client, sql, &[&before_ms]).await.map(drop)
}

/// Scopes with more keys than `kept`, by workspace row.
pub(super) async fn crowded_scopes(client: &Object, kept: i64) -> Result<Vec<(i64, String)>> {
    let sql = "SELECT workspace, scope FROM keys GROUP BY workspace, scope HAVING count(*) > $1";
    each(ask(client, sql, &[&kept]).await?, |row| {
        Ok((get(row, "workspace")?, get(row, "scope")?))
    })
}

/// Deletes a scope's keys whose time is over, but for the last `kept`. Returns how many went.
pub(super) async fn forget_keys(
    client: &Object,
    (workspace, scope): &(i64, String),
    kept: i64,
    now_ms: i64,
) -> Result<u64> {
    let sql = "WITH gone AS (DELETE FROM keys WHERE workspace = $1 AND scope = $2 AND keep_until <= $3 AND n <=
            (SELECT n FROM keys WHERE workspace = $1 AND scope = $2 ORDER BY n DESC OFFSET $4 LIMIT 1) RETURNING 1)
        SELECT count(*) AS gone FROM gone";
    let rows = ask(client, sql, &[workspace, scope, &now_ms, &kept]).await?;
    let gone = rows.first().map(|row| rows::number(row, "gone")).transpose()?;
    Ok(gone.unwrap_or_default())
}

/// Forgets commits that are older than anybody still asks for. Their ids are then new again.
pub(super) async fn forget_commits(client: &Object, before_ms: i64) -> Result<()> {
    ask(client, "DELETE FROM commits WHERE at < $1", &[&before_ms])
        .await
        .map(drop)
}
