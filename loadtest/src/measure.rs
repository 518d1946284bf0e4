//! What is measured: CPU and memory of a process from /proc, latencies, and how long the disk takes to flush.

use crate::failure::Failure;
use crate::report::Report;
use hdrhistogram::Histogram;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// Clock ticks a second in /proc/<pid>/stat: `USER_HZ`, 100 on every Linux that Dibs runs on.
const TICKS_PER_S: f64 = 100.0;
/// The longest latency that is told apart: a minute in microseconds.
const LONGEST_US: u64 = 60_000_000;
/// How often the disk is flushed to time it, and how many bytes each time.
const FLUSHES: usize = 200;
const FLUSH_BYTES: usize = 4_096;

/// What a process has used so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usage {
    /// User and system time, all threads, in seconds.
    pub cpu_s: f64,
    /// Resident memory in KiB.
    pub rss_kib: f64,
    /// The part of it that is no file's.
    pub anon_kib: f64,
}

/// Reads what a process has used; nothing where there is no such process or no /proc.
#[must_use]
pub fn usage(pid: u32) -> Option<Usage> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    parse_usage(&stat, &status)
}

/// What several processes have used together; nothing where one of them, or all, are not known.
#[must_use]
pub fn usage_of(pids: &[u32]) -> Option<Usage> {
    let each: Option<Vec<_>> = pids.iter().map(|pid| usage(*pid)).collect();
    each?.into_iter().reduce(|a, b| Usage {
        cpu_s: a.cpu_s + b.cpu_s,
        rss_kib: a.rss_kib + b.rss_kib,
        anon_kib: a.anon_kib + b.anon_kib,
    })
}

fn parse_usage(stat: &str, status: &str) -> Option<Usage> {
    // The program's name stands in parentheses and may hold anything; utime and stime are fields 14 and 15.
    let after_name = stat.get(stat.rfind(')')? + 1..)?;
    let mut fields = after_name.split_whitespace().skip(11);
    let ticks: f64 = fields.next()?.parse::<f64>().ok()? + fields.next()?.parse::<f64>().ok()?;
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<f64>().ok()
    };
    Some(Usage {
        cpu_s: ticks / TICKS_PER_S,
        rss_kib: kib("VmRSS:")?,
        anon_kib: kib("RssAnon:")?,
    })
}

/// Latencies, to a thousandth.
#[derive(Debug, Clone)]
pub struct Latencies(Histogram<u64>);

impl Latencies {
    /// None yet.
    ///
    /// # Errors
    /// None in practice: the bounds are constants.
    pub fn new() -> Result<Self, Failure> {
        Histogram::new_with_bounds(1, LONGEST_US, 3)
            .map(Self)
            .map_err(|error| Failure::wrong(error.to_string()))
    }

    /// Takes note of a latency of a closed loop.
    pub fn note(&mut self, took: Duration) {
        self.0.saturating_record(micros(took));
    }

    /// Takes note of a latency of an open loop with one request each `pace`. What would have been sent while this one
    /// was waited for counts as having waited as well, so that a stall is not one slow request (coordinated omission).
    pub fn note_paced(&mut self, took: Duration, pace: Duration) {
        // Values beyond the bounds are cut off in `micros`.
        self.0.record_correct(micros(took), micros(pace)).ok();
    }

    /// All of it: microseconds and how often, for another process to take note of.
    #[must_use]
    pub fn sparse(&self) -> Vec<(u64, u64)> {
        let recorded = self.0.iter_recorded();
        recorded
            .map(|it| (it.value_iterated_to(), it.count_since_last_iteration()))
            .collect()
    }

    /// Takes note of what [`Latencies::sparse`] gave.
    pub fn note_sparse(&mut self, values: &[(u64, u64)]) {
        for (value, count) in values {
            self.0.saturating_record_n(*value, *count);
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.0.reset();
    }

    /// The same, as if each value had been waited for by requests that come every `pace` (coordinated omission).
    #[must_use]
    pub fn corrected(&self, pace: Duration) -> Self {
        Self(self.0.clone_correct(micros(pace)))
    }

    /// How many.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The latency that the part `quantile` stays within, in milliseconds.
    #[must_use]
    pub fn ms(&self, quantile: f64) -> f64 {
        self.0.value_at_quantile(quantile) as f64 / 1_000.0
    }

    /// Writes median, 99th hundredth and longest into a report.
    pub fn report(&self, what: &str, report: &mut Report) {
        report.figure(&format!("{what} p50"), self.ms(0.5), "ms");
        report.figure(&format!("{what} p99"), self.ms(0.99), "ms");
        report.figure(&format!("{what} max"), self.ms(1.0), "ms");
    }
}

fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros())
        .unwrap_or(LONGEST_US)
        .clamp(1, LONGEST_US)
}

/// How long a write of 4 KiB and its flush (fdatasync) take on the disk of `folder`.
///
/// # Errors
/// [`Failure::Io`].
pub async fn flushes(folder: &Path) -> Result<Latencies, Failure> {
    let mut file = tempfile::tempfile_in(folder).map_err(Failure::io("cannot write beside the data"))?;
    let work = move || {
        let mut latencies = Latencies::new()?;
        for _ in 0..FLUSHES {
            let begun = Instant::now();
            file.write_all(&[0x5a; FLUSH_BYTES])
                .map_err(Failure::io("cannot write"))?;
            file.sync_data().map_err(Failure::io("cannot flush"))?;
            latencies.note(begun.elapsed());
        }
        Ok(latencies)
    };
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(Failure::wrong(error.to_string())))
}

/// A stretch of time and what hub and load used in it.
#[derive(Debug, Clone, Copy)]
pub struct Stretch {
    begun: Instant,
    hub: Option<Usage>,
    load: Option<Usage>,
}

/// What was used in a stretch.
#[derive(Debug, Clone, Copy)]
pub struct Used {
    /// How long it took, in seconds.
    pub seconds: f64,
    /// The hub's CPU seconds, where its process is known.
    pub hub_cpu_s: Option<f64>,
    /// This program's CPU seconds.
    pub load_cpu_s: Option<f64>,
}

impl Stretch {
    /// Begins now; `hub` is what the hub has used so far.
    #[must_use]
    pub fn begin(hub: Option<Usage>) -> Self {
        Self {
            begun: Instant::now(),
            hub,
            load: usage(std::process::id()),
        }
    }

    /// Ends now.
    #[must_use]
    pub fn end(self, hub: Option<Usage>) -> Used {
        let cpu = |before: Option<Usage>, after: Option<Usage>| Some(after?.cpu_s - before?.cpu_s);
        Used {
            seconds: self.begun.elapsed().as_secs_f64(),
            hub_cpu_s: cpu(self.hub, hub),
            load_cpu_s: cpu(self.load, usage(std::process::id())),
        }
    }
}

impl Used {
    /// Writes how busy both sides were into a report: 100 % is one core.
    pub fn report(&self, what: &str, report: &mut Report) {
        for (side, cpu) in [("hub", self.hub_cpu_s), ("load", self.load_cpu_s)] {
            if let Some(cpu) = cpu {
                report.figure(&format!("{what} {side} CPU"), 100.0 * cpu / self.seconds, "%");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_and_memory_are_read_behind_a_name_with_spaces() {
        let stat = "7 (a (b) c) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 4 0 100 1 1";
        let status = "Name:\ta\nVmRSS:\t    2048 kB\nRssAnon:\t     512 kB\n";
        let usage = parse_usage(stat, status).unwrap();
        assert_eq!(
            usage,
            Usage {
                cpu_s: 3.0,
                rss_kib: 2048.0,
                anon_kib: 512.0
            }
        );
    }

    #[test]
    fn a_stall_counts_for_what_would_have_been_sent_meanwhile() {
        let pace = Duration::from_millis(10);
        let mut closed = Latencies::new().unwrap();
        let mut paced = Latencies::new().unwrap();
        for took in [1, 100] {
            closed.note(Duration::from_millis(took));
            paced.note_paced(Duration::from_millis(took), pace);
        }
        assert_eq!(closed.count(), 2);
        assert_eq!(paced.count(), 11, "100, 90 and so on down to 10, and the first");
        assert!(paced.ms(0.5) > closed.ms(0.5));
    }
}
