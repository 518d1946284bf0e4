//! What a run must stay within: flags, and the sentences that say what was passed. Which figures a limit means is said
//! in the flags' help. Nothing is measured here.

use crate::report::Report;
use clap::Args;

/// The figure that `--max-p50` means.
pub const P50: &str = "headline p50";
/// The figure that `--max-p99` means.
pub const P99: &str = "headline p99";
/// The figure that `--min-rate` means.
pub const RATE: &str = "headline rate";
/// The figure that `--max-rss` means.
pub const RSS: &str = "hub RSS, highest";
/// The figure that `--max-cpu-per-million` means.
pub const CPU: &str = "hub CPU per million deliveries";
/// The figure that `--max-faults` means.
pub const FAULTS: &str = "faults";

/// What a run must stay within. The headline is the latency that the scenario is about; its report names it.
#[derive(Debug, Clone, Default, PartialEq, Args)]
#[command(next_help_heading = "Limits: exit status 1 when one is passed")]
pub struct Limits {
    /// The longest median of the headline's latency, in milliseconds.
    #[arg(long, value_name = "MS")]
    pub max_p50: Option<f64>,
    /// The longest 99th hundredth of the headline's latency, in milliseconds.
    #[arg(long, value_name = "MS")]
    pub max_p99: Option<f64>,
    /// The lowest rate: deliveries a second, or commands where the scenario is about commands.
    #[arg(long, value_name = "PER_SECOND")]
    pub min_rate: Option<f64>,
    /// The highest resident memory of the hub, in MiB.
    #[arg(long, value_name = "MIB")]
    pub max_rss: Option<f64>,
    /// The most CPU seconds of the hub for a million deliveries.
    #[arg(long, value_name = "SECONDS")]
    pub max_cpu_per_million: Option<f64>,
    /// How many faults the oracle may find.
    #[arg(long, value_name = "N", default_value = "0")]
    pub max_faults: u64,
}

impl Limits {
    /// One sentence for each limit that was passed. A figure that could not be measured does not pass silently.
    #[must_use]
    pub fn passed(&self, report: &Report) -> Vec<String> {
        let most = [
            ("--max-p50", self.max_p50, P50),
            ("--max-p99", self.max_p99, P99),
            ("--max-rss", self.max_rss, RSS),
            ("--max-cpu-per-million", self.max_cpu_per_million, CPU),
        ];
        let mut said: Vec<String> = most
            .into_iter()
            .filter_map(|(flag, limit, figure)| judge(report, flag, limit?, figure, false))
            .collect();
        said.extend(
            self.min_rate
                .and_then(|limit| judge(report, "--min-rate", limit, RATE, true)),
        );
        let faults = report.value(FAULTS).unwrap_or(0.0);
        if faults > self.max_faults as f64 {
            said.push(format!(
                "{faults} fault(s) were found, and --max-faults allows {}",
                self.max_faults
            ));
        }
        said
    }
}

fn judge(report: &Report, flag: &str, limit: f64, figure: &str, least: bool) -> Option<String> {
    let Some(found) = report.figures.iter().find(|it| it.name == figure) else {
        return Some(format!(
            "{flag} {limit} cannot be judged: {figure:?} was not measured (give --server or --pid for the hub's CPU and memory)"
        ));
    };
    let (value, unit) = (found.value, &found.unit);
    let passed = if least {
        value < limit
    } else {
        value > limit || value.is_nan()
    };
    let side = if least { "below" } else { "above" };
    passed.then(|| format!("{figure} is {value:.2} {unit}, {side} {flag} {limit}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passed_limit_is_said_in_one_sentence() {
        let mut report = Report::default();
        report.figure(P99, 12.5, "ms");
        report.figure(RATE, 900.0, "/s");
        report.figure(FAULTS, 1.0, "");
        let within = Limits {
            max_p99: Some(12.5),
            min_rate: Some(900.0),
            max_faults: 1,
            ..Limits::default()
        };
        assert_eq!(within.passed(&report), Vec::<String>::new());
        let tight = Limits {
            max_p99: Some(12.0),
            min_rate: Some(1_000.0),
            max_rss: Some(1.0),
            ..Limits::default()
        };
        let said = tight.passed(&report);
        assert_eq!(said.len(), 4);
        assert_eq!(said[0], "headline p99 is 12.50 ms, above --max-p99 12");
        assert!(said[1].starts_with("--max-rss 1 cannot be judged"));
        assert_eq!(said[2], "headline rate is 900.00 /s, below --min-rate 1000");
        assert!(said[3].contains("1 fault(s)"));
    }
}
