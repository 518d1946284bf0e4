//! `dibs backup`: one file with everything that is stored, made while the hub runs.

use super::{Outcome, load, say};
use crate::config::SettingsArgs;
use crate::log::sqlite::SqliteLog;
use clap::Args;
use std::path::PathBuf;

/// Writes everything that is stored to one new file, as of one moment. The hub may run on meanwhile. The secret that
/// signs tokens and the list of erasures are not in it.
#[derive(Args, Debug)]
pub(super) struct Backup {
    /// The file to write; there must be none of that name.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    settings: SettingsArgs,
}

impl Backup {
    pub(super) fn run(self) -> Outcome {
        let config = load(self.settings)?.config;
        SqliteLog::back_up(&config.data, &self.out)?;
        let bytes = std::fs::metadata(&self.out)?.len();
        say(&format!("{} holds {bytes} bytes\n", self.out.display()))
    }
}
