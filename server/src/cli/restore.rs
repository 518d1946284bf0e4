//! `dibs restore`: a backup becomes a data folder again, checked, under a new epoch, with erasures applied once more.

use super::erase::Erasures;
use super::{Failure, Outcome, load, say};
use crate::config::SettingsArgs;
use crate::hub::erase_customer;
use crate::log::sqlite::SqliteLog;
use crate::log::{AggregateKind, Log, LogError};
use crate::ports::{SystemClock, SystemEntropy};
use clap::Args;
use dibs_protocol::ids::WorkspaceId;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

/// Closed conversations looked at together for customers that were erased.
const CLOSED_AT_ONCE: usize = 1_000;

/// Puts a backup into an empty data folder. Every feed gets a new epoch, so that no client takes it for the one that it
/// knew; customers who were erased since the backup are erased again.
#[derive(Args, Debug)]
pub(super) struct Restore {
    /// The backup.
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// The list of erasures that the hub kept outside the backup [default: erasures.jsonl in the data folder]
    #[arg(long, value_name = "FILE")]
    erasures: Option<PathBuf>,
    #[command(flatten)]
    settings: SettingsArgs,
}

impl Restore {
    pub(super) fn run(self) -> Outcome {
        let config = load(self.settings)?.config;
        let list = self.erasures.unwrap_or_else(|| Erasures::beside(&config.data));
        let erasures = Erasures::read(&list)?;
        let log = SqliteLog::restore(&self.from, &config.data, Arc::new(SystemClock))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            for workspace in log.workspaces().await? {
                let found = log.verify(&workspace).await?;
                if let Some(fault) = found.faults.first() {
                    let count = found.faults.len();
                    return Err(Failure::new(format!(
                        "the backup is damaged ({workspace}: {fault} {count} faults in all): take an earlier one, and remove {}",
                        config.data.display()
                    )));
                }
                let erased = erase_again(&log, &workspace, &erasures).await?;
                let epoch = log.fork(&workspace, found.head.epoch).await?.epoch;
                let events = found.events;
                say(&format!(
                    "{workspace}: {events} events, {erased} customers erased again, new epoch {epoch}\n"
                ))?;
            }
            Ok(())
        })
    }
}

/// Erases the customers of a workspace that the list names; how many the backup still had.
async fn erase_again(
    log: &SqliteLog,
    workspace: &WorkspaceId,
    erasures: &Erasures,
) -> Result<usize, LogError> {
    let mut gone = BTreeSet::new();
    let mut look = |customer: Option<String>| {
        gone.extend(customer.filter(|it| erasures.names(workspace, it)));
    };
    for owner in log.owners(workspace, true, None, usize::MAX >> 1).await? {
        look(owner.1);
    }
    let mut after = None;
    loop {
        let closed = log.owners(workspace, false, after.take(), CLOSED_AT_ONCE).await?;
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
    Ok(gone.len())
}

impl SqliteLog {
    /// Conversations' ids with their customers'.
    async fn owners(
        &self,
        workspace: &WorkspaceId,
        active: bool,
        after: Option<String>,
        limit: usize,
    ) -> Result<Vec<(String, Option<String>)>, LogError> {
        let states = self
            .states(workspace, AggregateKind::Conversation, active, after, limit)
            .await?;
        let owner = |body: &[u8]| {
            let state: serde_json::Value = serde_json::from_slice(body).ok()?;
            state.pointer("/customer/id")?.as_str().map(str::to_owned)
        };
        Ok(states
            .into_iter()
            .map(|it| {
                let customer = it.body.as_deref().and_then(owner);
                (it.aggregate.id, customer)
            })
            .collect())
    }
}
