//! The list of faults while it is being made, and what is checked of every name, number and list alike.

use dibs_protocol::limits;
use dibs_protocol::settings::Fault;
use std::collections::BTreeSet;
use std::fmt::Display;

/// Longest name of anything in the settings, in characters.
const NAME_CHARS: usize = 100;
/// Most entries of any list in the settings.
const ENTRIES: usize = 1_000;
/// Longest time that can be set, in seconds: ten years.
const LONGEST_S: u64 = 10 * 366 * 86_400;

/// Faults found so far.
#[derive(Debug, Default)]
pub(super) struct Faults(pub(super) Vec<Fault>);

impl Faults {
    pub(super) fn add(&mut self, field: impl Display, message: impl Display) {
        self.0.push(Fault {
            field: field.to_string(),
            message: message.to_string(),
        });
    }

    /// A list is not longer than anybody needs.
    pub(super) fn count(&mut self, field: impl Display, len: usize) {
        if len > ENTRIES {
            self.add(field, format_args!("there may be at most {ENTRIES} entries"));
        }
    }

    /// Each value stands once.
    pub(super) fn once<T: Ord + Display>(
        &mut self,
        field: impl Fn(usize) -> String,
        values: impl IntoIterator<Item = T>,
    ) {
        let mut seen = BTreeSet::new();
        for (i, value) in values.into_iter().enumerate() {
            let text = value.to_string();
            if !seen.insert(value) {
                self.add(field(i), format_args!("{text} stands twice"));
            }
        }
    }

    /// A name that people read.
    pub(super) fn name(&mut self, field: impl Display, name: &str) {
        let len = name.chars().count();
        if !(1..=NAME_CHARS).contains(&len) || name.chars().any(char::is_control) {
            self.add(
                field,
                format_args!("a name has 1 to {NAME_CHARS} characters and no control characters"),
            );
        }
    }

    pub(super) fn names(&mut self, field: &str, names: &[String]) {
        self.count(field, names.len());
        for (i, name) in names.iter().enumerate() {
            self.name(format_args!("{field}[{i}]"), name);
        }
        self.once(|i| format!("{field}[{i}]"), names);
    }

    /// A time in seconds: 1 second to ten years.
    pub(super) fn seconds(&mut self, field: impl Display, seconds: Option<u64>) {
        match seconds {
            Some(0) => self.add(field, "must be at least 1 second"),
            Some(s) if s > LONGEST_S => self.add(field, "must be at most ten years"),
            _ => {}
        }
    }

    pub(super) fn tags(&mut self, field: &str, tags: &[String]) {
        if let Err(refusal) = limits::tags(field, tags) {
            let field = refusal.details.field.unwrap_or_else(|| field.to_owned());
            self.add(field, refusal.message);
        }
    }
}
