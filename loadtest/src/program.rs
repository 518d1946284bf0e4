//! The program: from the command line to figures, files and an exit status. No scenario's own work.

use crate::detail::Judgement;
use crate::engine::{crew, director};
use crate::failure::Failure;
use crate::page;
use crate::process::pin_myself;
use crate::report::{Report, Runs};
use crate::scenarios::{self, Cli, Misuse, What};
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::LocalSet;

/// What went wrong in a promise, a limit or a run.
const FAILED: u8 = 1;
/// What is wrong with the command line or a scenario file.
const MISUSED: u8 = 2;

/// Runs the program.
#[must_use]
pub fn main(args: Vec<String>) -> ExitCode {
    let cli = match scenarios::parse(args.clone()) {
        Ok(cli) => cli,
        Err(Misuse::Clap(error)) => {
            // Help and version end well; clap knows.
            error.print().ok();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(MISUSED));
        }
        Err(Misuse::File(failure)) => return told(&failure),
    };
    match run(&cli, args) {
        Ok(passed) if passed.is_empty() => ExitCode::SUCCESS,
        Ok(passed) => {
            for sentence in passed {
                eprintln!("failed: {sentence}");
            }
            ExitCode::from(FAILED)
        }
        Err(failure) => told(&failure),
    }
}

fn told(failure: &Failure) -> ExitCode {
    eprintln!("error: {failure}");
    ExitCode::from(if matches!(failure, Failure::Usage(_)) {
        MISUSED
    } else {
        FAILED
    })
}

/// Runs it all; gives the sentences of what must not be.
fn run(cli: &Cli, command: Vec<String>) -> Result<Vec<String>, Failure> {
    if let What::Floor(floor) = &cli.what {
        return floor.run().map(|()| Vec::new());
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::io("cannot start a runtime"))?;
    if matches!(cli.what, What::Worker) {
        let ended = LocalSet::new().block_on(&runtime, crew::work());
        // A thread that still reads stdin must not hold the process.
        runtime.shutdown_background();
        return ended.map(|()| Vec::new());
    }
    if !cli.shared.no_pin && !pin_myself(&cli.shared.load_cores) {
        eprintln!(
            "warning: taskset cannot pin this program to core {}",
            cli.shared.load_cores
        );
    }
    if let What::Chaos(chaos) = &cli.what {
        let done = unless_told(chaos.run(&cli.shared));
        return LocalSet::new().block_on(&runtime, done);
    }
    let name = match &cli.what {
        What::Measure(scenario) => scenario.name(),
        what => what.judged().map_or("", |(name, _)| name),
    };
    let (mut reports, mut passed) = (Vec::new(), Vec::new());
    for run in 1..=cli.shared.runs {
        if cli.shared.runs > 1 {
            eprintln!("{name}: run {run} of {}", cli.shared.runs);
        }
        let mut report = LocalSet::new().block_on(&runtime, run_once(cli))?;
        passed.extend(judge(cli, &mut report));
        reports.push(report);
    }
    let runs = Runs::new(name, command, reports);
    print!("{}", runs.table());
    if let Some(detail) = runs.runs.last().and_then(|it| it.detail.as_ref()) {
        println!("the headline: {}", detail.headline);
        println!(
            "{}",
            detail
                .verdict
                .as_ref()
                .map_or("the oracle was not asked".to_owned(), Judgement::line)
        );
    }
    if let Some(file) = cli.shared.json.as_deref() {
        runs.write_json(file)?;
    }
    if let Some(file) = cli.shared.report.as_deref() {
        page::write(&runs, file)?;
    }
    Ok(passed)
}

/// Holds a report against the limits, and tells the oracle's faults.
fn judge(cli: &Cli, report: &mut Report) -> Vec<String> {
    let Some((_, judged)) = cli.what.judged() else {
        return Vec::new();
    };
    let passed = judged.limits.passed(report);
    if let Some(detail) = &mut report.detail {
        detail.limits_passed.clone_from(&passed);
        for fault in detail.verdict.iter().flat_map(|it| &it.faults) {
            eprintln!("fault: {fault}");
        }
    }
    passed
}

/// One run. A signal ends it as a failure does, so that the hub and its data never outlive this program.
async fn run_once(cli: &Cli) -> Result<Report, Failure> {
    unless_told(async {
        match &cli.what {
            What::Measure(scenario) => Box::pin(scenario.run(&cli.shared)).await,
            what => match what.judged() {
                Some((name, judged)) => Box::pin(director::run(name, &judged.settings, &cli.shared)).await,
                None => Err(Failure::Usage(
                    "run needs a scenario file, such as loadtest/scenarios/fleet.toml".to_owned(),
                )),
            },
        }
    })
    .await
}

/// Works until it is told to end, which is a failure.
async fn unless_told<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::io("cannot hear signals"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::io("cannot hear signals"))?;
    tokio::select! {
        done = work => done,
        _ = terminate.recv() => Err(Failure::wrong("told to end")),
        _ = interrupt.recv() => Err(Failure::wrong("told to end")),
    }
}
