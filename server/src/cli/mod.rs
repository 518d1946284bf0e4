//! The command line: which commands there are, and what becomes of their outcome. One file per command.
//!
//! A command returns nothing or a [`Failure`]; exit codes are 0 for success, 1 for a failure with one line on
//! stderr, 2 for a wrong use of the command line.

mod backup;
mod call;
mod config;
mod demo;
mod disconnect;
mod erase;
mod erasures;
mod export;
mod following;
mod healthcheck;
mod logging;
mod remote;
mod restore;
mod serve;
mod settings;
mod tail;
mod telling;
mod token;
mod unverified;
mod verify;

use crate::config::{Loaded, SettingsArgs};
use clap::{Parser, Subcommand};
use std::error::Error;
use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

/// The hub where a customer is answered once, by the person who called dibs.
#[derive(Debug, Parser)]
#[command(name = "dibs", version, max_term_width = 110, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the server until it is told to stop (SIGTERM or Ctrl-C).
    Serve(serve::Serve),
    /// Makes a token for an agent, a bot or a channel, and prints nothing else.
    Token(token::Token),
    /// Checks or prints the configuration.
    #[command(subcommand)]
    Config(config::Config),
    /// Checks everything that is stored in a data folder.
    Verify(verify::Verify),
    /// Writes everything that is stored to one file, while the hub runs.
    Backup(backup::Backup),
    /// Makes a data folder of a backup, or lets a database go on that was put back to an earlier moment.
    Restore(restore::Restore),
    /// Forgets a customer.
    Erase(erase::Erase),
    /// Writes a list of all that was erased on request, for a restore.
    Erasures(erasures::Export),
    /// Writes everything that is stored about a customer.
    Export(export::Export),
    /// Ends an agent's sessions on a running server, and refuses the tokens that they had.
    Disconnect(disconnect::Disconnect),
    /// Asks a running server whether it is ready; exits with 0 if it is.
    Healthcheck(healthcheck::Healthcheck),
    /// Follows a conversation or a live list in the terminal, through restarts of the server.
    Tail(tail::Tail),
    /// Sends one command to a running server and prints its answer; exits with 1 when it is refused.
    Call(call::Call),
    /// Writes a workspace's settings to a file, or sets them from one.
    #[command(subcommand)]
    Settings(settings::Settings),
    /// Runs a hub with simulated customers and agents, to look at and to join.
    Demo(demo::Demo),
}

/// Why a command failed, as one line for a person.
#[derive(Debug)]
pub struct Failure(String);

impl Failure {
    /// A failure that says this.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.lines().collect::<Vec<_>>().join(" "))
    }
}

impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// What a command returns.
type Outcome = Result<(), Failure>;

/// Reads the command line, runs the command, and returns the program's exit code.
#[must_use]
pub fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Serve(command) => command.run(),
        Command::Token(command) => command.run(),
        Command::Config(command) => command.run(),
        Command::Verify(command) => command.run(),
        Command::Backup(command) => command.run(),
        Command::Restore(command) => command.run(),
        Command::Erase(command) => command.run(),
        Command::Erasures(command) => command.run(),
        Command::Export(command) => command.run(),
        Command::Disconnect(command) => command.run(),
        Command::Healthcheck(command) => command.run(),
        Command::Tail(command) => command.run(),
        Command::Call(command) => command.run(),
        Command::Settings(command) => command.run(),
        Command::Demo(command) => command.run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain(&failure);
            ExitCode::FAILURE
        }
    }
}

/// Loads the configuration with this process's environment.
fn load(args: SettingsArgs) -> Result<Loaded, Failure> {
    Ok(crate::config::load(args, std::env::vars_os())?)
}

/// Writes to stdout. A reader that has seen enough (`| head`) is no failure.
fn say(text: &str) -> Outcome {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Writes a line to stderr.
fn complain(line: &dyn fmt::Display) {
    // Without a stderr there is nobody to tell.
    writeln!(io::stderr(), "dibs: {line}").ok();
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn wrong_use_exits_with_2() {
        for line in [
            &["dibs", "dance"][..],
            &["dibs", "serve", "--claim-grace", "3"],
            &["dibs", "token"],
        ] {
            assert_eq!(Cli::try_parse_from(line).unwrap_err().exit_code(), 2, "{line:?}");
        }
    }

    #[test]
    fn help_names_every_setting_with_its_default() {
        let mut command = Cli::command();
        let help = command
            .find_subcommand_mut("serve")
            .unwrap()
            .render_help()
            .to_string();
        for text in [
            "--claim-grace <DURATION>",
            "[default: 30s]",
            "--allow-origin <ORIGIN>",
            "DIBS_CLAIM_GRACE",
        ] {
            assert!(help.contains(text), "{text} in {help}");
        }
    }

    #[test]
    fn a_failure_is_one_line() {
        assert_eq!(Failure::new("a\nb").to_string(), "a b");
    }
}
