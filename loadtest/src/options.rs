//! The flags that all scenarios share.

use clap::Args;
use std::path::PathBuf;

/// The flags that all scenarios share.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "The hub, and what is written")]
pub struct Shared {
    /// The program to start, on a free port and with an empty data folder.
    #[arg(long, global = true, value_name = "PROGRAM")]
    pub server: Option<PathBuf>,
    /// A hub that runs already, such as http://127.0.0.1:7070, instead of --server. Several, by repeating it, are
    /// instances of one hub: sessions spread over them. Give it a workspace of its own.
    #[arg(long, global = true, value_name = "URL", conflicts_with = "server")]
    pub target: Vec<String>,
    /// The file with the target's HS256 secret.
    #[arg(long, global = true, value_name = "FILE")]
    pub secret_file: Option<PathBuf>,
    /// The target's process, to measure its CPU and memory; several, by repeating it, are added up.
    #[arg(long, global = true, value_name = "PID", conflicts_with = "server")]
    pub pid: Vec<u32>,
    /// Where to make data folders; its disk is the one that is measured.
    #[arg(long, global = true, value_name = "FOLDER")]
    pub data_root: Option<PathBuf>,
    /// The workspace to load.
    #[arg(long, global = true, default_value = "load")]
    pub workspace: String,
    /// A further argument for the program; repeat it for several.
    #[arg(long, global = true, value_name = "ARG", allow_hyphen_values = true)]
    pub server_arg: Vec<String>,
    /// The cores of the program, as taskset writes them.
    #[arg(long, global = true, default_value = "0")]
    pub server_cores: String,
    /// The cores of this program.
    #[arg(long, global = true, default_value = "1")]
    pub load_cores: String,
    /// Do not pin anything to a core.
    #[arg(long, global = true)]
    pub no_pin: bool,
    /// How many times to run the scenario, each time afresh; the table shows medians.
    #[arg(long, global = true, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=20))]
    pub runs: u32,
    /// Also write the figures of all runs as JSON.
    #[arg(long, global = true, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Also write a report for people: one HTML file that needs no network.
    #[arg(long, global = true, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Do not check what sessions saw: for measuring alone.
    #[arg(long, global = true)]
    pub no_oracle: bool,
}
