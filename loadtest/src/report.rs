//! Figures: one report a run, medians of several, a table for people and JSON for programs.

use crate::detail::Detail;
use crate::failure::Failure;
use serde::Serialize;
use std::fmt::Write;
use std::path::Path;

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// What it is.
    pub name: String,
    /// How much.
    pub value: f64,
    /// Of what; empty for a mere number.
    pub unit: String,
}

/// The figures of one run, in the order measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// The figures.
    pub figures: Vec<Figure>,
    /// Settings, courses over time and the verdict, of a scenario that is data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<Box<Detail>>,
}

impl Report {
    /// Adds a figure.
    pub fn figure(&mut self, name: &str, value: f64, unit: &str) {
        self.figures.push(Figure {
            name: name.to_owned(),
            value,
            unit: unit.to_owned(),
        });
    }

    /// Adds a figure where there is one.
    pub fn figure_if(&mut self, name: &str, value: Option<f64>, unit: &str) {
        if let Some(value) = value {
            self.figure(name, value, unit);
        }
    }

    /// The figure of this name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<f64> {
        self.figures.iter().find(|it| it.name == name).map(|it| it.value)
    }
}

/// All runs of a scenario.
#[derive(Debug, Clone, Serialize)]
pub struct Runs {
    /// The scenario's name.
    pub scenario: String,
    /// The command line.
    pub command: Vec<String>,
    /// The runs.
    pub runs: Vec<Report>,
    /// Each figure's median.
    pub medians: Report,
}

impl Runs {
    /// Takes the medians of `runs`.
    #[must_use]
    pub fn new(scenario: &str, command: Vec<String>, runs: Vec<Report>) -> Self {
        let mut medians = Report::default();
        for figure in runs.iter().flat_map(|run| &run.figures) {
            if medians.value(&figure.name).is_none() {
                let values = runs.iter().filter_map(|run| run.value(&figure.name)).collect();
                medians.figure(&figure.name, median(values), &figure.unit);
            }
        }
        Self {
            scenario: scenario.to_owned(),
            command,
            runs,
            medians,
        }
    }

    /// A table: medians, and lowest and highest of several runs.
    #[must_use]
    pub fn table(&self) -> String {
        let rows: Vec<[String; 3]> = self
            .medians
            .figures
            .iter()
            .map(|it| {
                let mut all: Vec<f64> = self.runs.iter().filter_map(|run| run.value(&it.name)).collect();
                all.sort_by(f64::total_cmp);
                let span = match (all.first(), all.last()) {
                    (Some(low), Some(high)) if all.len() > 1 => {
                        format!("{} – {}", number(*low), number(*high))
                    }
                    _ => String::new(),
                };
                [
                    it.name.clone(),
                    format!("{} {}", number(it.value), it.unit).trim_end().to_owned(),
                    span,
                ]
            })
            .collect();
        let width = |column: usize| {
            rows.iter()
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or(0)
        };
        let (first, second) = (width(0), width(1));
        let mut table = format!("{}, {} run(s)\n", self.scenario, self.runs.len());
        for [name, value, span] in &rows {
            // Writing into a String does not fail.
            writeln!(table, "  {name:<first$}  {value:>second$}  {span}").ok();
        }
        table
    }

    /// Writes all of it as JSON.
    ///
    /// # Errors
    /// [`Failure::Io`].
    pub fn write_json(&self, file: &Path) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(self).map_err(|error| Failure::wrong(error.to_string()))?;
        std::fs::write(file, text).map_err(Failure::io(format!("cannot write {}", file.display())))
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (values.get(middle), values.len() % 2) {
        (Some(upper), 0) => f64::midpoint(values[middle - 1], *upper),
        (Some(middle), _) => *middle,
        (None, _) => f64::NAN,
    }
}

/// A number with four meaningful digits and commas.
fn number(value: f64) -> String {
    let decimals = match value.abs() {
        0.0 => 0,
        size if size < 1.0 => 4,
        size if size < 10.0 => 2,
        size if size < 1_000.0 => 1,
        _ => 0,
    };
    let text = format!("{value:.decimals$}");
    let (sign, digits) = text
        .strip_prefix('-')
        .map_or(("", text.as_str()), |rest| ("-", rest));
    let (whole, part) = digits
        .split_once('.')
        .map_or((digits, None), |(whole, part)| (whole, Some(part)));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let part = part.map(|part| format!(".{part}")).unwrap_or_default();
    format!("{sign}{grouped}{part}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(value: f64) -> Report {
        let mut report = Report::default();
        report.figure("claims", value, "/s");
        report
    }

    #[test]
    fn a_stray_run_does_not_move_the_median() {
        let runs = Runs::new("claims", vec![], vec![run(1.0), run(9_000.0), run(3.0)]);
        assert_eq!(runs.medians.figures[0].value, 3.0);
        assert!(runs.table().contains("1.00 – 9,000"), "{}", runs.table());
        assert_eq!(median(vec![1.0, 2.0]), 1.5);
    }

    #[test]
    fn numbers_are_written_for_people() {
        for (value, text) in [
            (0.0, "0"),
            (0.01234, "0.0123"),
            (6.5, "6.50"),
            (123.45, "123.5"),
            (1_234_567.8, "1,234,568"),
            (-1_000.0, "-1,000"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}
