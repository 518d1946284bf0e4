//! `dibs erase`: forgets a customer, while no hub runs on the data folder.

use super::{Failure, Outcome, load, say};
use crate::config::SettingsArgs;
use crate::hub::erase_customer;
use crate::log::sqlite::SqliteLog;
use crate::ports::{SystemClock, SystemEntropy};
use clap::Args;
use dibs_protocol::ids::{CustomerId, WorkspaceId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Deletes all that is personal in a customer's conversations: texts, names, handles, subjects, attachments, notes.
/// The feed keeps its shape and its chain. Stop the hub first. May be repeated. `erasures.jsonl` in the data folder keeps
/// a digest of who was erased: keep it with your backups, for `dibs restore` applies it again.
#[derive(Args, Debug)]
pub(super) struct Erase {
    /// In which workspace.
    #[arg(long)]
    workspace: WorkspaceId,
    /// The customer's id, as the channel names it.
    #[arg(long)]
    customer: CustomerId,
    #[command(flatten)]
    settings: SettingsArgs,
}

impl Erase {
    pub(super) fn run(self) -> Outcome {
        let config = load(self.settings)?.config;
        let log = SqliteLog::open(&config.data, Arc::new(SystemClock))?;
        let (workspace, customer) = (self.workspace, self.customer);
        // Listed first: what is listed and not erased is erased again by whoever asks again.
        Erasures::add(&Erasures::beside(&config.data), &workspace, customer.as_str())?;
        let erased = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(erase_customer(
                &log,
                &SystemClock,
                &SystemEntropy::default(),
                &workspace,
                customer.as_str(),
            ))?;
        say(&format!(
            "erased {} entries in {} conversations\n",
            erased.entries, erased.conversations
        ))
    }
}

/// Who was erased, as digests, outside the database and its backups.
#[derive(Debug, Default)]
pub(super) struct Erasures(BTreeSet<(String, String)>);

#[derive(Serialize, Deserialize)]
struct Line {
    workspace: String,
    /// SHA-256 over workspace, a zero byte and the customer's id, in hexadecimal.
    customer_sha256: String,
}

impl Erasures {
    /// Where the list stands by default.
    pub(super) fn beside(data: &Path) -> PathBuf {
        data.join("erasures.jsonl")
    }

    fn digest(workspace: &WorkspaceId, customer: &str) -> String {
        let mut digest = Sha256::new();
        digest.update(workspace.as_str());
        digest.update([0]);
        digest.update(customer);
        hex::encode(digest.finalize())
    }

    /// Adds somebody to the list, on disk before this returns.
    fn add(path: &Path, workspace: &WorkspaceId, customer: &str) -> io::Result<()> {
        let line = Line {
            workspace: workspace.to_string(),
            customer_sha256: Self::digest(workspace, customer),
        };
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        let text = serde_json::to_string(&line).unwrap_or_default();
        file.write_all(format!("{text}\n").as_bytes())?;
        file.sync_all()
    }

    /// Reads a list; one that is not there is empty.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error.into()),
        };
        let line = |(number, line): (usize, &str)| {
            let line: Line = serde_json::from_str(line)
                .map_err(|error| Failure::new(format!("{}, line {}: {error}", path.display(), number + 1)))?;
            Ok((line.workspace, line.customer_sha256))
        };
        let lines = text.lines().enumerate().filter(|(_, it)| !it.trim().is_empty());
        lines.map(line).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a customer is on the list.
    pub(super) fn names(&self, workspace: &WorkspaceId, customer: &str) -> bool {
        let digest = Self::digest(workspace, customer);
        self.0.contains(&(workspace.to_string(), digest))
    }
}
