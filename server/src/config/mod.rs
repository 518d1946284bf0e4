//! Configuration: one table of settings, four layers (flags, environment, file, defaults), one check.
//!
//! [`load`] merges the layers and validates them once, into a [`Config`] of plain typed values. Deliberately absent:
//! reading keys (that is `auth`'s), opening anything, and any setting that is looked up by name at run time.

mod budgets;
mod check;
mod layers;
mod print;
mod redis;
mod settings;
mod values;

pub use check::{
    AuthConfig, COMMAND_BURST, Config, KeyConfig, KeySource, PostgresConfig, TlsConfig, UrlSource,
};
pub use layers::{CONFIG_VARIABLE, ENVIRONMENT_PREFIX, Loaded, load};
pub use print::default_toml;
pub use redis::RedisConfig;
pub use settings::{KeySettings, Settings, SettingsArgs, WorkspaceSettings};
pub use values::{LogFormat, LogLevel, Origin, Period, Secret};

use std::path::PathBuf;

/// Why there is no configuration. Each variant prints as one line for a person, without any secret.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("cannot read the configuration file {}: {error}", path.display())]
    Read {
        /// The file that was named.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The file is not TOML, has an unknown key, or a value of the wrong type.
    #[error("{}:{line}:{column}: {message}", path.display())]
    File {
        /// The file that was read.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// A variable of the environment holds a bad value.
    #[error("the environment variable {name} is wrong: {message}")]
    Environment {
        /// The variable.
        name: String,
        /// What is wrong with it.
        message: String,
    },
    /// A setting has the right type and a value that cannot work.
    #[error("the setting {name} is wrong: {message}")]
    Setting {
        /// The setting.
        name: String,
        /// What is wrong with it.
        message: String,
    },
}

impl ConfigError {
    /// A [`ConfigError::Setting`].
    pub(crate) fn setting(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Setting {
            name: name.into(),
            message: message.into(),
        }
    }
}
