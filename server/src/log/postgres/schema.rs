//! The tables and functions, by version, and what a server must be set to before anything is stored in it.
//!
//! A migration, once released, is never edited: the next one is added. An older program refuses a newer schema.

use super::OpenError;
use super::error::OLDEST;
use tokio_postgres::Client;

/// Migration number n leads to schema version n + 1.
const MIGRATIONS: &[&str] = &[concat!(include_str!("tables.sql"), include_str!("functions.sql"))];

/// Only one program migrates at a time: the number of its advisory lock, "Dibs" in ASCII.
const LOCK: i64 = 0x4469_6273;

/// What every connection is set to. A plan is made once, for tables that were empty then: it is told to use indexes.
/// A statement ends before its caller gives up, and a transaction whose client stopped does not keep its locks.
const SESSION: &str = "
    SET statement_timeout = '7s'; SET lock_timeout = '6s'; SET idle_in_transaction_session_timeout = '10s';
    SET client_connection_check_interval = '2s'; SET standard_conforming_strings = on; SET timezone = 'UTC';
    SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off;
    SET plan_cache_mode = force_generic_plan; SET default_transaction_isolation = 'read committed';
";

/// Settings without which an answered commit may be lost.
const DURABILITY: [&str; 3] = ["fsync", "full_page_writes", "synchronous_commit"];

/// Prepares a new connection, and refuses a server that would lose what it acknowledged.
pub(super) async fn prepare(client: &Client, schema: &str) -> Result<(), OpenError> {
    let path = format!("{SESSION} SET search_path = {};", quoted(schema));
    let version = client
        .query_one("SELECT current_setting('server_version')", &[])
        .await;
    let found: String = version.map_err(unusable)?.get(0);
    let major = found
        .split(['.', ' '])
        .next()
        .and_then(|it| it.parse::<u32>().ok());
    if major.is_none_or(|major| major < OLDEST) {
        return Err(OpenError::TooOld { found });
    }
    client.batch_execute(&path).await.map_err(unusable)?;
    for setting in DURABILITY {
        let row = client.query_one("SELECT current_setting($1)", &[&setting]).await;
        if row.map_err(unusable)?.get::<_, String>(0) == "off" {
            return Err(OpenError::Unsafe { setting });
        }
    }
    Ok(())
}

/// What an operator should know of a server that is safe by itself, but whose failover may not be.
pub(super) async fn notice(client: &Client) -> Result<Option<String>, tokio_postgres::Error> {
    let settings = "SELECT current_setting('synchronous_standby_names') <> ''
        AND current_setting('synchronous_commit') IN ('on', 'remote_apply')";
    let row = client.query_one(settings, &[]).await?;
    let alone = "PostgreSQL has no synchronous standby: what was acknowledged survives its restart and power loss, \
                 but a failover to another server may lose the last of it";
    Ok((!row.get::<_, bool>(0)).then(|| alone.to_owned()))
}

/// The database cannot be used: with what it said.
pub(super) fn unusable(error: tokio_postgres::Error) -> OpenError {
    OpenError::Unusable(super::error::describe(&error))
}

/// Brings the schema up to this program's version, while nobody else does.
pub(super) async fn migrate(client: &mut Client, schema: &str) -> Result<(), OpenError> {
    let change = client.transaction().await.map_err(unusable)?;
    let waits = "SET LOCAL statement_timeout = '10min'; SET LOCAL lock_timeout = '10min'";
    change.batch_execute(waits).await.map_err(unusable)?;
    let lock = "SELECT pg_advisory_xact_lock($1)";
    change.execute(lock, &[&LOCK]).await.map_err(unusable)?;
    let exists = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1),
        EXISTS (SELECT FROM pg_tables WHERE schemaname = $1 AND tablename = 'dibs_schema')";
    let row = change.query_one(exists, &[&schema]).await.map_err(unusable)?;
    if !row.get::<_, bool>(0) {
        let create = format!("CREATE SCHEMA {}", quoted(schema));
        change.batch_execute(&create).await.map_err(unusable)?;
    }
    if !row.get::<_, bool>(1) {
        let create = "CREATE TABLE dibs_schema (version BIGINT NOT NULL); INSERT INTO dibs_schema VALUES (0)";
        change.batch_execute(create).await.map_err(unusable)?;
    }
    let row = change.query_one("SELECT version FROM dibs_schema", &[]).await;
    let found: i64 = row.map_err(unusable)?.get(0);
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(OpenError::Newer { found, known });
    }
    for migration in MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or_default()) {
        change.batch_execute(migration).await.map_err(unusable)?;
    }
    if found < known {
        let reached = "UPDATE dibs_schema SET version = $1";
        change.execute(reached, &[&known]).await.map_err(unusable)?;
    }
    change.commit().await.map_err(unusable)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
