//! `dibs export`: everything that is stored about one customer, as one JSON document.
//!
//! A folder is read as of one moment also while a hub runs on it: then from a copy, which is gone afterwards. Deliberately
//! absent: files that attachments name (Dibs stores references only), and what other systems know.

use super::{Failure, Outcome, load, say};
use crate::config::{Config, SettingsArgs};
use crate::hub::export_customer;
use crate::log::Log;
use crate::log::sqlite::{FILE, OpenError, SqliteLog};
use crate::ports::{Clock, SystemClock};
use crate::serve::open_log;
use clap::Args;
use dibs_protocol::ids::{CustomerId, WorkspaceId};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// Writes everything that is stored about one customer: their conversations with all events, texts, notes (marked as
/// internal) and references to attachments. What was erased is shown as redacted. The hub may run meanwhile.
#[derive(Args, Debug)]
pub(super) struct Export {
    /// In which workspace.
    #[arg(long, value_name = "ID")]
    workspace: WorkspaceId,
    /// The customer's id, as the channel names it.
    #[arg(long, value_name = "ID")]
    customer: CustomerId,
    /// The file to write; there must be none of that name [default: standard output].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    settings: SettingsArgs,
}

impl Export {
    pub(super) fn run(self) -> Outcome {
        let config = load(self.settings)?.config;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (workspace, customer) = (self.workspace, self.customer);
        let document = runtime.block_on(async {
            let (log, copy) = readable(&config).await?;
            if !log.workspaces().await?.contains(&workspace) {
                return Err(Failure::new(format!(
                    "there is no workspace {workspace} in what is stored"
                )));
            }
            let now_ms = SystemClock.now_ms();
            let document = export_customer(log.as_ref(), &workspace, customer.as_str(), now_ms).await?;
            // The copy goes when nobody reads it any more.
            drop(log);
            drop(copy);
            Ok(document)
        })?;
        let mut text = serde_json::to_string_pretty(&document)?;
        text.push('\n');
        match self.out {
            None => say(&text),
            Some(path) => {
                write_new(&path, text.as_bytes())
                    .map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
                let count = document["conversations"].as_array().map_or(0, Vec::len);
                say(&format!("{} holds {count} conversations\n", path.display()))
            }
        }
    }
}

/// The log, and the folder of its copy where it had to be copied: that must outlive the log.
async fn readable(config: &Config) -> Result<(Arc<dyn Log>, Option<TempDir>), Failure> {
    if config.postgres.is_some() {
        return Ok((open_log(config).await?, None));
    }
    if !config.data.join(FILE).exists() {
        return Err(Failure::new(format!("{} holds no data", config.data.display())));
    }
    match SqliteLog::open(&config.data, Arc::new(SystemClock)) {
        Ok(log) => Ok((Arc::new(log), None)),
        // Beside the data, because it is as secret and as large.
        Err(OpenError::InUse(_)) => {
            let folder = tempfile::Builder::new()
                .prefix(".export-")
                .tempdir_in(&config.data)?;
            let file = folder.path().join("copy");
            SqliteLog::back_up(&config.data, &file)?;
            let log = SqliteLog::restore(&file, &folder.path().join("data"), Arc::new(SystemClock))?;
            std::fs::remove_file(&file)?;
            Ok((Arc::new(log), Some(folder)))
        }
        Err(error) => Err(error.into()),
    }
}

/// Writes a file that was not there, for its owner's eyes only.
fn write_new(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
