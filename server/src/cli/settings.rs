//! `dibs settings`: a workspace's settings as one file, TOML or JSON; from a running server, to it, or only checked.

use super::remote::Remote;
use super::{Failure, Outcome, complain, say};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::{Args, Subcommand, ValueEnum};
use dibs_client::http::{Http, HttpError};
use dibs_protocol::http::PutSettings;
use dibs_protocol::settings::{Fault, WorkspaceSettings};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// What to do with the settings.
#[derive(Debug, Subcommand)]
pub(super) enum Settings {
    /// Writes the settings of the token's workspace to a file, or to the terminal.
    Export(Export),
    /// Sets the settings of the token's workspace from a file; the token must be an admin's. Either all of it is set, or
    /// nothing: everything that is wrong with it is listed.
    Import(Import),
    /// Says what is wrong with a file of settings, without a server.
    Check(Check),
}

/// How settings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Json,
    Toml,
}

/// The flags of `dibs settings export`.
#[derive(Debug, Args)]
pub(super) struct Export {
    /// Where to write: TOML if its name ends so, else JSON.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// How to write it where the name of the file does not say.
    #[arg(long, value_enum)]
    format: Option<Format>,
    #[command(flatten)]
    remote: Remote,
}

/// The flags of `dibs settings import`.
#[derive(Debug, Args)]
pub(super) struct Import {
    /// What to read: TOML if its name ends so, else JSON.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Only if this is the version that holds, as `dibs settings export` said it.
    #[arg(long, value_name = "VERSION")]
    expect: Option<u64>,
    #[command(flatten)]
    remote: Remote,
}

/// The flags of `dibs settings check`.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// What to read: TOML if its name ends so, else JSON.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Settings {
    pub(super) fn run(self) -> Outcome {
        match self {
            Self::Export(it) => Remote::runtime()?.block_on(it.run()),
            Self::Import(it) => Remote::runtime()?.block_on(it.run()),
            Self::Check(it) => listed(dibs_rules::settings::check(&read(&it.file)?)),
        }
    }
}

impl Export {
    async fn run(self) -> Outcome {
        let answer = http(&self.remote)?.settings().await.map_err(failure)?;
        let format = match &self.file {
            Some(file) if is_toml(file) => Format::Toml,
            _ => self.format.unwrap_or(Format::Json),
        };
        let text = match format {
            Format::Json => serde_json::to_string_pretty(&answer.settings)? + "\n",
            Format::Toml => toml::to_string_pretty(&answer.settings).map_err(|_| {
                Failure::new("a saved view asks for what has no value, which TOML cannot say: write JSON")
            })?,
        };
        match &self.file {
            None => say(&text)?,
            Some(file) => std::fs::write(file, text)
                .map_err(|error| Failure::new(format!("{}: {error}", file.display())))?,
        }
        complain(&format_args!("version {}", answer.version));
        Ok(())
    }
}

impl Import {
    async fn run(self) -> Outcome {
        let settings = Box::new(read(&self.file)?);
        let expect = self.expect;
        let put = PutSettings { settings, expect };
        match http(&self.remote)?.set_settings(&put).await {
            Ok(answer) => say(&format!("version {}\n", answer.version)),
            Err(HttpError::Problem(problem)) if problem.refusal.details.faults.is_some() => {
                listed(problem.refusal.details.faults.unwrap_or_default())
            }
            Err(error) => Err(failure(error)),
        }
    }
}

/// Lists what is wrong, one line each.
fn listed(faults: Vec<Fault>) -> Outcome {
    for fault in &faults {
        complain(fault);
    }
    match faults.len() {
        0 => Ok(()),
        1 => Err(Failure::new("nothing was set: correct this and try again")),
        many => Err(Failure::new(format!(
            "nothing was set: correct these {many} and try again"
        ))),
    }
}

fn failure(error: HttpError) -> Failure {
    match error {
        HttpError::Problem(problem) => Failure::new(problem.detail.clone()),
        error => error.into(),
    }
}

fn is_toml(file: &Path) -> bool {
    file.extension().is_some_and(|it| it.eq_ignore_ascii_case("toml"))
}

fn read(file: &Path) -> Result<WorkspaceSettings, Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::new(format!("{}: {error}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| wrong(&error))?;
    if is_toml(file) {
        return toml::from_str(&text).map_err(|error| wrong(&error));
    }
    dibs_protocol::parse::json(&text).map_err(|refusal| wrong(&refusal.message))
}

/// The server's HTTP for the token's workspace.
fn http(remote: &Remote) -> Result<Http, Failure> {
    let url = &remote.url;
    let base = url
        .strip_prefix("ws")
        .and_then(|rest| rest.strip_suffix("/v1/ws"))
        .map(|rest| format!("http{rest}"));
    let base = base.ok_or_else(|| {
        Failure::new(format!(
            "{url} is not the address of a server; it looks like ws://127.0.0.1:7070/v1/ws"
        ))
    })?;
    Ok(Http::new(&base, &workspace(&remote.token)?, &remote.token))
}

/// The workspace that a token names. Whether the token is good the server says.
fn workspace(token: &str) -> Result<String, Failure> {
    #[derive(Deserialize)]
    struct Claims {
        workspace: String,
    }
    let claims = token.split('.').nth(1);
    let claims = claims.and_then(|it| URL_SAFE_NO_PAD.decode(it).ok());
    let claims = claims.and_then(|it| serde_json::from_slice::<Claims>(&it).ok());
    claims
        .map(|it| it.workspace)
        .ok_or_else(|| Failure::new("this is no token of Dibs: dibs token makes one"))
}
