//! What came of the faults, as a table for people, and as sentences about what must not be.

use super::Chaos;
use super::fault::Fault;
use crate::engine::tally::Lag;
use crate::oracle::Promise;
use crate::report::Report;
use std::collections::BTreeMap;
use std::fmt::Write;

/// What came of one fault, over all its repetitions.
#[derive(Debug)]
pub(super) struct Row {
    fault: Fault,
    repetitions: u32,
    sent: u64,
    acknowledged: u64,
    unknown: u64,
    checks: u64,
    broken: BTreeMap<Promise, u64>,
    /// Sessions that complained, and faults that belong to no promise.
    troubles: u64,
    said: Vec<String>,
    /// In milliseconds: from when a change was due to the last screen that showed it, and from a lost line to being back.
    longest_ms: [f64; 3],
}

/// The latencies whose longest is told.
const GAPS: [Lag; 3] = [Lag::Delivery, Lag::Command, Lag::Back];

impl Row {
    pub(super) fn new(fault: Fault) -> Self {
        Self {
            fault,
            repetitions: 0,
            sent: 0,
            acknowledged: 0,
            unknown: 0,
            checks: 0,
            broken: BTreeMap::new(),
            troubles: 0,
            said: Vec::new(),
            longest_ms: [0.0; 3],
        }
    }

    /// Takes note of a repetition.
    pub(super) fn take(&mut self, report: &Report) {
        self.repetitions += 1;
        let Some(detail) = &report.detail else { return };
        self.sent += detail.calls.sent;
        self.acknowledged += detail.calls.acknowledged;
        self.unknown += detail.calls.unknown;
        for (longest, lag) in self.longest_ms.iter_mut().zip(GAPS) {
            let curve = detail.percentiles.get(lag.name());
            let last = curve.and_then(|it| it.last()).map_or(0.0, |it| it.1);
            *longest = longest.max(last);
        }
        let Some(verdict) = &detail.verdict else { return };
        self.checks += verdict.checked.values().sum::<u64>();
        for (promise, times) in &verdict.broken {
            *self.broken.entry(*promise).or_default() += times;
        }
        self.troubles += verdict.fault_count - verdict.broken.values().sum::<u64>();
        self.said.extend(verdict.faults.iter().take(5).cloned());
        for fault in &verdict.faults {
            eprintln!("fault: {fault}");
        }
    }

    fn of(&self, promise: Promise) -> u64 {
        self.broken.get(&promise).copied().unwrap_or_default()
    }

    fn others(&self) -> u64 {
        let all: u64 = self.broken.values().sum();
        all + self.troubles - self.of(Promise::Kept) - self.of(Promise::AnsweredOnce)
    }

    /// One line of the table.
    pub(super) fn line(&self) -> String {
        let [delivery, command, back] = self.longest_ms.map(|ms| format!("{:.1} s", ms / 1_000.0));
        format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} | {delivery} | {command} | {back} |",
            self.fault.words(),
            self.repetitions,
            self.sent,
            self.acknowledged,
            self.unknown,
            self.of(Promise::Kept),
            self.of(Promise::AnsweredOnce),
            self.others(),
        )
    }
}

/// The table.
#[derive(Debug)]
pub(super) struct Table {
    before: String,
    rows: Vec<Row>,
}

impl Table {
    pub(super) fn new(chaos: &Chaos) -> Self {
        Self {
            before: format!(
                "{} agents over {} instances, {} conversations, {} cases, {} notes and {} customers' messages a second.",
                chaos.agents,
                chaos.instances,
                chaos.conversations,
                chaos.rate,
                f64::from(chaos.rate) / 2.0,
                f64::from(chaos.rate) / 2.0
            ),
            rows: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// All of it, as Markdown.
    pub(super) fn text(&self) -> String {
        let mut text = format!("{}\n\n", self.before);
        text.push_str(
            "| fault | times | commands sent | acknowledged | without an answer | lost | doubled | other faults | \
             longest until seen by all | longest until answered | longest until back |\n",
        );
        text.push_str("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n");
        for row in &self.rows {
            text.push_str(&row.line());
            text.push('\n');
        }
        let checks: u64 = self.rows.iter().map(|it| it.checks).sum();
        let acknowledged: u64 = self.rows.iter().map(|it| it.acknowledged).sum();
        // Writing into a String does not fail.
        writeln!(
            text,
            "\n{acknowledged} acknowledged commands; {checks} checks of the oracle."
        )
        .ok();
        text
    }

    /// What must not be, in sentences.
    pub(super) fn wrong(&self) -> Vec<String> {
        let faulty = self
            .rows
            .iter()
            .filter(|it| it.of(Promise::Kept) + it.of(Promise::AnsweredOnce) + it.others() > 0);
        let sentence = |row: &Row| format!("{}: {}", row.fault.name(), row.said.join("; "));
        faulty.map(sentence).collect()
    }
}
