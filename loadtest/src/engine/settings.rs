//! What a scenario is, as data: how many take part, what they do, how often and for how long. Flags and TOML files name
//! the same fields. Nothing is done here.

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A length of time as flags and files write it: `500ms`, `30s`, `5m`, `2h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(pub Duration);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unit_at = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(unit_at);
        let seconds = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3_600.0,
            "" if number == "0" => 0.0,
            _ => return Err("a time is written as 500ms, 30s, 5m or 2h".to_owned()),
        };
        let number: f64 = number
            .parse()
            .map_err(|_| "a time is written as 500ms, 30s, 5m or 2h".to_owned())?;
        Duration::try_from_secs_f64(number * seconds)
            .ok()
            .filter(|it| *it <= Duration::from_secs(7 * 24 * 3_600))
            .map(Self)
            .ok_or_else(|| "a time is at most a week".to_owned())
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_millis() {
            ms if ms % 1_000 != 0 => write!(f, "{ms}ms"),
            ms if ms > 0 && ms % 3_600_000 == 0 => write!(f, "{}h", ms / 3_600_000),
            ms if ms > 0 && ms % 60_000 == 0 => write!(f, "{}m", ms / 60_000),
            ms => write!(f, "{}s", ms / 1_000),
        }
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

/// What a scenario's rate counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// Nothing: sessions are there.
    None,
    /// Agents open a conversation, read, claim, type, note, reply, and let go, at the pace of people.
    Cases,
    /// All agents claim the same conversation at the same moment.
    Races,
    /// Writers add notes, which watchers of the conversation see.
    Notes,
    /// Writers change conversations, which lists show.
    Updates,
    /// Agents type in the conversations that they watch.
    Typing,
}

/// A scenario. Its name's own defaults stand in `loadtest/scenarios/`.
#[derive(Debug, Clone, PartialEq, Args, Serialize, Deserialize)]
#[command(next_help_heading = "The scenario")]
pub struct Settings {
    /// Agents, each with one session.
    #[arg(long, alias = "sessions", value_name = "N", default_value = "100", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub agents: u32,
    /// Conversations to open before it begins.
    #[arg(long, value_name = "N", default_value = "100", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub conversations: u32,
    /// What the rate counts.
    #[arg(long, value_enum, default_value = "none")]
    pub work: Work,
    /// How much of the work a second, over all; 0: as much as --in-flight allows.
    #[arg(long, value_name = "PER_SECOND", default_value = "0", value_parser = rate)]
    pub rate: f64,
    /// How many commands a writer may have under way.
    #[arg(long, value_name = "N", default_value = "256", value_parser = clap::value_parser!(u16).range(1..=4_096))]
    pub in_flight: u16,
    /// How long to work, once everybody is connected.
    #[arg(long, alias = "settle", value_name = "TIME", default_value = "30s")]
    pub duration: Span,
    /// How long connecting everybody takes; 0s: as fast as it goes.
    #[arg(long, value_name = "TIME", default_value = "0s")]
    pub ramp: Span,
    /// The same seed makes the same plan of actions.
    #[arg(long, default_value = "1")]
    pub seed: u64,
    /// Processes among which the sessions are shared.
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub processes: u16,
    /// Each agent has the list of all that wait open.
    #[arg(long, value_name = "BOOL", default_value = "false", num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub list: bool,
    /// Conversations that each agent watches all the time.
    #[arg(long, value_name = "N", default_value = "0", value_parser = clap::value_parser!(u32).range(0..=200))]
    pub watches: u32,
    /// Notes a second besides the work.
    #[arg(long, value_name = "PER_SECOND", default_value = "0", value_parser = rate)]
    pub notes: f64,
    /// Customers' messages a second, over HTTP.
    #[arg(long, value_name = "PER_SECOND", default_value = "0", value_parser = rate)]
    pub messages: f64,
    /// An adapter reads the outbox and reports each reply as delivered.
    #[arg(long, value_name = "BOOL", default_value = "false", num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub adapter: bool,
    /// How many of the agents hardly read while there is work.
    #[arg(long, value_name = "N", default_value = "0")]
    pub slow: u32,
    /// How often agents lose their connection and come back; 0s: never.
    #[arg(long, value_name = "TIME", default_value = "0s")]
    pub drop_every: Span,
    /// They lose it all at once, and not one by one.
    #[arg(long, value_name = "BOOL", default_value = "false", num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub herd: bool,
    /// How long a person reads before the next step of a case.
    #[arg(long, value_name = "TIME", default_value = "3s")]
    pub think: Span,
    /// The length of texts, in bytes.
    #[arg(long, value_name = "BYTES", default_value = "200", value_parser = clap::value_parser!(u32).range(64..=32_768))]
    pub text_bytes: u32,
}

fn rate(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|rate| (0.0..=1e6).contains(rate))
        .ok_or_else(|| "a rate is a number from 0 to 1000000".to_owned())
}

/// What a scenario is judged by: the latency that `--max-p99` means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Headline {
    /// From an action's due time to its answer.
    Command,
    /// From an event's due time to its arrival at a watcher.
    Delivery,
    /// From a change's due time to the list on a screen.
    List,
    /// From the loss of a connection to being back and complete.
    Back,
    /// From dialling to the welcome.
    Welcome,
}

impl Settings {
    /// Which latency the scenario is about.
    #[must_use]
    pub fn headline(&self) -> Headline {
        if self.herd {
            return Headline::Back;
        }
        match self.work {
            Work::Cases | Work::Races => Headline::Command,
            Work::Updates if self.list => Headline::List,
            Work::Updates => Headline::Command,
            Work::Notes | Work::Typing => Headline::Delivery,
            Work::None => Headline::Welcome,
        }
    }

    /// How many sessions write, besides the agents.
    #[must_use]
    pub fn writers(&self) -> u32 {
        let rate = match self.work {
            Work::Notes | Work::Updates => self.rate,
            _ => 0.0,
        };
        let any = matches!(self.work, Work::Notes | Work::Updates) || self.notes > 0.0;
        // A writer of its own for each 500 commands a second.
        u32::from(any)
            + (1..64)
                .map(|more| u32::from(rate + self.notes >= 500.0 * f64::from(more)))
                .sum::<u32>()
    }

    /// What in it cannot be.
    ///
    /// # Errors
    /// One sentence.
    pub fn check(&self) -> Result<(), String> {
        if self.watches > self.conversations {
            return Err(format!(
                "--watches {} is more than there are conversations ({}): give --conversations {} or fewer watches",
                self.watches, self.conversations, self.watches
            ));
        }
        if self.slow >= self.agents && self.slow > 0 {
            return Err(format!(
                "--slow {} leaves no agent of {} who reads",
                self.slow, self.agents
            ));
        }
        if self.duration.0.is_zero() {
            return Err("--duration must be more than nothing".to_owned());
        }
        if matches!(self.work, Work::Cases | Work::Races | Work::Typing) && self.rate <= 0.0 {
            return Err("this work needs --rate: how much of it a second".to_owned());
        }
        if self.work == Work::Typing && self.watches == 0 {
            return Err("agents type where they watch: give --watches".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_as_it_is_written() {
        for text in ["500ms", "30s", "5m", "2h", "0s", "90s"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
        assert_eq!("1.5s".parse::<Span>().unwrap().0, Duration::from_millis(1_500));
        for wrong in ["", "5", "s", "5 s", "-1s", "8d", "9000h"] {
            assert!(wrong.parse::<Span>().is_err(), "{wrong}");
        }
    }
}
