//! `dibs restore`: a backup becomes a data folder again, or a database that was put back goes on: checked, under a new
//! epoch, with erasures applied once more.

use super::erasures::Erasures;
use super::{Failure, Outcome, load, say};
use crate::config::{Config, PostgresConfig, SettingsArgs};
use crate::hub::{erase_customer, erase_one};
use crate::log::sqlite::SqliteLog;
use crate::log::{AggregateKind, Log, LogError};
use crate::ports::{SystemClock, SystemEntropy};
use crate::serve::open_database;
use clap::Args;
use dibs_protocol::ids::WorkspaceId;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

/// Closed conversations looked at together for customers that were erased.
const CLOSED_AT_ONCE: usize = 1_000;

/// Puts a backup into an empty data folder. With postgres set: after the database was put back to an earlier moment with its
/// own tools, and before any instance starts, makes it ready to go on. Every feed gets a new epoch, so that no client takes
/// it for the one that it knew; what was erased since is erased again.
#[derive(Args, Debug)]
pub(super) struct Restore {
    /// The backup of a data folder.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// A list of what was erased, as `dibs erasures` and `dibs erase` write it; repeat it for several [default:
    /// erasures.jsonl in the data folder; for a database it must be named]
    #[arg(long, value_name = "FILE")]
    erasures: Vec<PathBuf>,
    #[command(flatten)]
    settings: SettingsArgs,
}

impl Restore {
    pub(super) fn run(self) -> Outcome {
        let config = load(self.settings)?.config;
        let mut erasures = Erasures::default();
        for list in &self.erasures {
            erasures.read_named(list)?;
        }
        let unlisted = self.erasures.is_empty();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        match (&config.postgres, self.from) {
            (Some(_), Some(_)) => Err(Failure::new(
                "--from is for a data folder: put the database back with its own tools first",
            )),
            (Some(_), None) if unlisted => Err(Failure::new(
                "who was erased since that moment must be erased again: name a list with --erasures, such as dibs \
                 erasures wrote it, or an empty file if there is none",
            )),
            (Some(database), None) => runtime.block_on(database_goes_on(database, &erasures)),
            (None, None) => Err(Failure::new("name the backup with --from")),
            (None, Some(from)) => {
                if unlisted {
                    erasures.read(&Erasures::beside(&config.data))?;
                }
                runtime.block_on(folder_goes_on(&config, &from, &erasures))
            }
        }
    }
}

async fn folder_goes_on(config: &Config, from: &std::path::Path, erasures: &Erasures) -> Outcome {
    let log = SqliteLog::restore(from, &config.data, Arc::new(SystemClock))?;
    let otherwise = format!("take an earlier backup, and remove {}", config.data.display());
    goes_on(&log, erasures, &otherwise).await
}

async fn database_goes_on(config: &PostgresConfig, erasures: &Erasures) -> Outcome {
    let log = open_database(config).await?;
    match log.instances().await? {
        0 => goes_on(&log, erasures, "put it back to an earlier moment").await,
        count => Err(Failure::new(format!(
            "{count} instances work on this database, or did so ten seconds ago: stop them first"
        ))),
    }
}

/// Checks every feed, erases again, and begins a new epoch.
async fn goes_on(log: &dyn Log, erasures: &Erasures, otherwise: &str) -> Outcome {
    for workspace in log.workspaces().await? {
        let found = log.verify(&workspace).await?;
        if let Some(fault) = found.faults.first() {
            let count = found.faults.len();
            return Err(Failure::new(format!(
                "what was put back is damaged ({workspace}: {fault} {count} faults in all): {otherwise}"
            )));
        }
        let (customers, conversations) = erase_again(log, &workspace, erasures).await?;
        let epoch = log.fork(&workspace, found.head.epoch).await?.epoch;
        let events = found.events;
        say(&format!(
            "{workspace}: {events} events, {customers} customers and {conversations} conversations erased again, new \
             epoch {epoch}\n"
        ))?;
    }
    Ok(())
}

/// Erases the customers and the conversations of a workspace that the lists name; how many of each were still there.
async fn erase_again(
    log: &dyn Log,
    workspace: &WorkspaceId,
    erasures: &Erasures,
) -> Result<(usize, usize), LogError> {
    let mut gone = BTreeSet::new();
    let mut look = |customer: Option<String>| {
        gone.extend(customer.filter(|it| erasures.names(workspace, it)));
    };
    for owner in owners(log, workspace, true, None, usize::MAX >> 1).await? {
        look(owner.1);
    }
    let mut after = None;
    loop {
        let closed = owners(log, workspace, false, after.take(), CLOSED_AT_ONCE).await?;
        after = closed.last().map(|(id, _)| id.clone());
        closed.into_iter().for_each(|(_, owner)| look(owner));
        if after.is_none() {
            break;
        }
    }
    let entropy = SystemEntropy::default();
    for customer in &gone {
        erase_customer(log, &SystemClock, &entropy, workspace, customer).await?;
    }
    let mut conversations = 0;
    for conversation in erasures.conversations(workspace) {
        let entries = erase_one(log, &SystemClock, &entropy, workspace, conversation).await?;
        conversations += usize::from(entries > 0);
    }
    Ok((gone.len(), conversations))
}

/// Conversations' ids with their customers'.
async fn owners(
    log: &dyn Log,
    workspace: &WorkspaceId,
    active: bool,
    after: Option<String>,
    limit: usize,
) -> Result<Vec<(String, Option<String>)>, LogError> {
    let states = log
        .states(workspace, AggregateKind::Conversation, active, after, limit)
        .await?;
    let owner = |body: &[u8]| {
        let state: serde_json::Value = serde_json::from_slice(body).ok()?;
        state.pointer("/customer/id")?.as_str().map(str::to_owned)
    };
    let pairs = states.into_iter().map(|it| {
        let customer = it.body.as_deref().and_then(owner);
        (it.aggregate.id, customer)
    });
    Ok(pairs.collect())
}
