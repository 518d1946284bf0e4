//! `dibs config check` and `dibs config default`.

use super::{Outcome, complain, load, say};
use crate::auth::Keyring;
use crate::config::{SettingsArgs, default_toml};
use clap::{Args, Subcommand};

/// The commands about the configuration.
#[derive(Debug, Subcommand)]
pub(super) enum Config {
    /// Says whether `serve` would accept this configuration, keys included; changes nothing.
    Check(Check),
    /// Prints a configuration file with every setting, its documentation and its default.
    Default,
}

/// The flags of `dibs config check`.
#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    settings: SettingsArgs,
}

impl Config {
    pub(super) fn run(self) -> Outcome {
        match self {
            Self::Check(check) => check.run(),
            Self::Default => say(&default_toml()),
        }
    }
}

impl Check {
    fn run(self) -> Outcome {
        let loaded = load(self.settings)?;
        Keyring::read(&loaded.config.auth)?;
        for warning in &loaded.warnings {
            complain(warning);
        }
        say("the configuration is good\n")
    }
}
