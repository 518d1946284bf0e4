//! `dibs-loadtest`: runs one scenario, so many times, and prints its figures.

use clap::{Parser, Subcommand};
use dibs_loadtest::Failure;
use dibs_loadtest::floor::Serve;
use dibs_loadtest::options::Shared;
use dibs_loadtest::process::pin_myself;
use dibs_loadtest::report::{Report, Runs};
use dibs_loadtest::scenario::Scenario;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// Loads a hub and measures it.
#[derive(Debug, Parser)]
#[command(name = "dibs-loadtest", version)]
struct Cli {
    #[command(flatten)]
    shared: Shared,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    #[command(flatten)]
    Scenario(Scenario),
    /// A bare loop that only sends ready-made frames; `watchers --floor` starts it by itself.
    Floor(Serve),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match &cli.what {
        What::Scenario(scenario) => run(&cli.shared, scenario),
        What::Floor(floor) => floor.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(shared: &Shared, scenario: &Scenario) -> Result<(), Failure> {
    if !shared.no_pin && !pin_myself(&shared.load_cores) {
        eprintln!(
            "warning: taskset cannot pin this program to core {}",
            shared.load_cores
        );
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::io("cannot start a runtime"))?;
    let mut reports = Vec::new();
    for run in 1..=shared.runs {
        eprintln!("{}: run {run} of {}", scenario.name(), shared.runs);
        reports.push(runtime.block_on(run_once(shared, scenario))?);
    }
    let runs = Runs::new(scenario.name(), std::env::args().collect(), reports);
    print!("{}", runs.table());
    shared
        .json
        .as_deref()
        .map_or(Ok(()), |file| runs.write_json(file))
}

/// One run. A signal ends it as a failure does, so that the hub and its data never outlive this program.
async fn run_once(shared: &Shared, scenario: &Scenario) -> Result<Report, Failure> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::io("cannot hear signals"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::io("cannot hear signals"))?;
    let scenario = Box::pin(scenario.run(shared));
    tokio::select! {
        report = scenario => report,
        _ = terminate.recv() => Err(Failure::wrong("told to end")),
        _ = interrupt.recv() => Err(Failure::wrong("told to end")),
    }
}
