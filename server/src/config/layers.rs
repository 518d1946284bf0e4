//! The four layers and their order: flags over environment over file over defaults.
//!
//! The file is strict (an unknown key fails, with line and column); the environment is not, because others write
//! there too: a Kubernetes service named `dibs` sets `DIBS_PORT=tcp://…` for every pod beside it.

use super::ConfigError;
use super::check::Config;
use super::settings::{Settings, SettingsArgs, Shape, TABLE};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What every variable of ours begins with.
pub const ENVIRONMENT_PREFIX: &str = "DIBS_";
/// The variable that names the configuration file.
pub const CONFIG_VARIABLE: &str = "DIBS_CONFIG";

/// A configuration, and what its operator should hear.
#[derive(Debug)]
pub struct Loaded {
    /// The checked configuration.
    pub config: Config,
    /// Sentences for the log, once there is one.
    pub warnings: Vec<String>,
}

/// Merges the layers and checks the result. `environment` is usually `std::env::vars_os()`.
///
/// # Errors
/// [`ConfigError`] says where the mistake is, and never repeats a secret.
pub fn load(
    args: SettingsArgs,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Loaded, ConfigError> {
    let variables = read_environment(environment)?;
    let file = match args.config.or(variables.config) {
        Some(path) => read_file(&path)?,
        None => Settings::default(),
    };
    let defaults = Settings::defaults().map_err(|message| ConfigError::setting("default", message))?;
    let settings = (*args.flags).over(variables.settings).over(file).over(defaults);
    Ok(Loaded {
        config: Config::check(settings)?,
        warnings: variables.warnings,
    })
}

/// Variables of `tail`, `call` and `scripts/test`, which are no settings of a server.
const CLIENT_VARIABLES: [&str; 3] = ["DIBS_URL", "DIBS_TOKEN", "DIBS_LONG"];

/// What the environment says.
#[derive(Default)]
struct Variables {
    config: Option<PathBuf>,
    settings: Settings,
    warnings: Vec<String>,
}

fn read_environment(
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Variables, ConfigError> {
    let mut found = Variables::default();
    for (name, value) in environment {
        let Some(name) = name.to_str() else { continue };
        let Some(key) = name.strip_prefix(ENVIRONMENT_PREFIX) else {
            continue;
        };
        // A variable set to nothing is how compose files leave a setting alone.
        if value.is_empty() {
            continue;
        }
        if CLIENT_VARIABLES.contains(&name) {
            continue;
        }
        if name == CONFIG_VARIABLE {
            found.config = Some(PathBuf::from(value));
            continue;
        }
        let Some(entry) = TABLE.iter().find(|entry| variable(entry.name) == key) else {
            found.warnings.push(unknown(name, key));
            continue;
        };
        let wrong = |message: String| ConfigError::Environment {
            name: name.to_owned(),
            message,
        };
        let text = value
            .to_str()
            .ok_or_else(|| wrong("it is not UTF-8".to_owned()))?;
        let texts: Vec<&str> = match entry.shape {
            Shape::List => text
                .split(',')
                .map(str::trim)
                .filter(|text| !text.is_empty())
                .collect(),
            Shape::Text | Shape::Number | Shape::Switch => vec![text],
        };
        (entry.set)(&mut found.settings, &texts).map_err(wrong)?;
    }
    found.warnings.sort();
    Ok(found)
}

/// A setting's name as a variable has it: capitals, and `__` where the file nests (`.`).
fn variable(setting: &str) -> String {
    setting.to_ascii_uppercase().replace('.', "__")
}

fn unknown(name: &str, key: &str) -> String {
    if key.starts_with("WORKSPACE__") {
        format!("the environment variable {name} is ignored: workspaces are named in the configuration file")
    } else {
        format!("the environment variable {name} is ignored: there is no such setting")
    }
}

fn read_file(path: &Path) -> Result<Settings, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| ConfigError::Read {
        path: path.to_owned(),
        error,
    })?;
    toml::from_str(&text).map_err(|error| {
        let (line, column) = position(&text, error.span().map_or(0, |span| span.start));
        // The error's own display quotes the line, which may hold a secret; its message does not.
        let message = shorten(&error.message().lines().collect::<Vec<_>>().join("; "));
        ConfigError::File {
            path: path.to_owned(),
            line,
            column,
            message,
        }
    })
}

/// An error's message, without the list of everything that could have stood there when it is the whole table.
fn shorten(message: &str) -> String {
    match message.split_once(", expected one of ") {
        Some((what, rest)) if rest.matches('`').count() > 2 * 10 => {
            format!("{what}; `dibs config default` prints all that there are")
        }
        _ => message.to_owned(),
    }
}

/// Line and column, from 1, of the byte at `offset`.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset.min(text.len())).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before.get(line_start..).map_or(0, |line| line.chars().count());
    (before.matches('\n').count() + 1, column + 1)
}

#[cfg(test)]
#[path = "layers_tests.rs"]
mod tests;
