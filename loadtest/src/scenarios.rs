//! The command line, scenario files and their order of precedence: a name's own defaults, then the file, then flags. A
//! file's keys are the flags' names, so that there is one list of both, with one check. Nothing is run here.

use crate::engine::settings::Settings;
use crate::failure::Failure;
use crate::limits::Limits;
use crate::options::Shared;
use crate::scenario::Scenario;
use clap::{Args, Command, CommandFactory, FromArgMatches, Parser, Subcommand};
use std::ops::Range;
use std::path::Path;

/// The names of the scenarios that are data.
pub const NAMES: [&str; 9] = [
    "fleet",
    "claim-race",
    "busy-list",
    "hot-conversation",
    "typing-storm",
    "reconnect-herd",
    "idle",
    "slow-readers",
    "soak",
];

const FILES: [&str; 9] = [
    include_str!("../scenarios/fleet.toml"),
    include_str!("../scenarios/claim-race.toml"),
    include_str!("../scenarios/busy-list.toml"),
    include_str!("../scenarios/hot-conversation.toml"),
    include_str!("../scenarios/typing-storm.toml"),
    include_str!("../scenarios/reconnect-herd.toml"),
    include_str!("../scenarios/idle.toml"),
    include_str!("../scenarios/slow-readers.toml"),
    include_str!("../scenarios/soak.toml"),
];

/// Loads a hub, measures it, and proves that it kept its promises.
#[derive(Debug, Parser)]
#[command(name = "dibs-loadtest", version, args_override_self = true)]
#[command(
    after_help = "Exit status: 0 when all went well; 1 when a promise was broken, a limit passed, or the run failed; \
    2 when the command line or a scenario file is wrong."
)]
pub struct Cli {
    /// The flags of every scenario.
    #[command(flatten)]
    pub shared: Shared,
    /// What to run.
    #[command(subcommand)]
    pub what: What,
}

/// What to run.
#[derive(Debug, Subcommand)]
pub enum What {
    /// A team at work: lists, claims, notes, replies, customers over HTTP, an adapter.
    Fleet(Judged),
    /// Everybody claims the same conversation at once: one wins.
    ClaimRace(Judged),
    /// Thousands have the same list open while everything changes.
    BusyList(Judged),
    /// Thousands watch one conversation.
    HotConversation(Judged),
    /// Everybody types where many watch.
    TypingStorm(Judged),
    /// Everybody drops at once and resumes.
    ReconnectHerd(Judged),
    /// Sessions that do nothing: what each costs in memory.
    Idle(Judged),
    /// Some hardly read: they harm nobody and are complete in the end.
    SlowReaders(Judged),
    /// A team at work for hours.
    Soak(Judged),
    /// A scenario file (TOML), and flags that win over it.
    #[command(override_usage = "dibs-loadtest run <FILE> [OPTIONS]")]
    Run(RunFile),
    /// Kills, stops, cuts and moves instances, PostgreSQL and Redis under load, and proves that nothing was lost.
    Chaos(crate::chaos::Chaos),
    /// A process that a parent has started to share its sessions. Not for people.
    #[command(hide = true)]
    Worker,
    /// A bare loop that only sends ready-made frames; `watchers --floor` starts it by itself.
    Floor(crate::floor::Serve),
    /// A measurement of one thing, without the oracle.
    #[command(flatten)]
    Measure(Scenario),
}

/// A scenario and the limits that it is held against.
#[derive(Debug, Clone, Args)]
pub struct Judged {
    /// The scenario.
    #[command(flatten)]
    pub settings: Settings,
    /// The limits.
    #[command(flatten)]
    pub limits: Limits,
}

/// `run FILE` as clap sees it; it is replaced by what the file says.
#[derive(Debug, Clone, Args)]
pub struct RunFile {
    /// The file.
    pub file: std::path::PathBuf,
    /// Flags.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    pub flags: Vec<String>,
}

impl What {
    /// Name, settings and limits of a scenario that is data.
    #[must_use]
    pub fn judged(&self) -> Option<(&'static str, &Judged)> {
        Some(match self {
            Self::Fleet(it) => ("fleet", it),
            Self::ClaimRace(it) => ("claim-race", it),
            Self::BusyList(it) => ("busy-list", it),
            Self::HotConversation(it) => ("hot-conversation", it),
            Self::TypingStorm(it) => ("typing-storm", it),
            Self::ReconnectHerd(it) => ("reconnect-herd", it),
            Self::Idle(it) => ("idle", it),
            Self::SlowReaders(it) => ("slow-readers", it),
            Self::Soak(it) => ("soak", it),
            Self::Run(_) | Self::Chaos(_) | Self::Worker | Self::Floor(_) | Self::Measure(_) => return None,
        })
    }
}

/// The command with each scenario's defaults from its file.
fn command() -> Command {
    NAMES
        .iter()
        .zip(FILES)
        .fold(Cli::command(), |command, (name, file)| {
            command.mut_subcommand(name, |mut sub| {
                for (key, value) in toml::from_str::<toml::Table>(file).unwrap_or_default() {
                    if key != "scenario" {
                        sub = sub.mut_arg(key, |arg| arg.default_value(text(&value)));
                    }
                }
                sub
            })
        })
}

/// Reads a command line.
///
/// # Errors
/// [`Failure::Usage`], or what clap says, help and version among it.
pub fn parse(args: Vec<String>) -> Result<Cli, Misuse> {
    let command = command();
    let args = match run_at(&command, &args) {
        Some(at) if at + 1 < args.len() && !args[at + 1].starts_with('-') => {
            let file = Path::new(&args[at + 1]);
            let text = std::fs::read_to_string(file)
                .map_err(|error| Failure::Usage(format!("cannot read {}: {error}", file.display())))?;
            let inserted = file_args(&command, &file.display().to_string(), &text)?;
            [&args[..at], &inserted, &args[at + 2..]].concat()
        }
        _ => args,
    };
    let matches = command.try_get_matches_from(args)?;
    Ok(Cli::from_arg_matches(&matches)?)
}

/// Why a command line cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum Misuse {
    /// What clap has to say; also help and version.
    #[error(transparent)]
    Clap(#[from] clap::Error),
    /// What a file has in it.
    #[error(transparent)]
    File(#[from] Failure),
}

/// Where `run` stands as the subcommand: not as a flag's value.
fn run_at(command: &Command, args: &[String]) -> Option<usize> {
    let takes_value = |flag: &str| {
        let name = flag.strip_prefix("--").filter(|it| !it.contains('='));
        name.and_then(|name| command.get_arguments().find(|it| it.get_long() == Some(name)))
            .is_some_and(|it| it.get_action().takes_values())
    };
    let mut at = 1;
    while at < args.len() && args[at].starts_with('-') {
        at += 1 + usize::from(takes_value(&args[at]));
    }
    (args.get(at)? == "run").then_some(at)
}

type Fields = std::collections::BTreeMap<toml::Spanned<String>, toml::Spanned<toml::Value>>;

/// The arguments that a file stands for: its scenario's name and a flag for each key.
fn file_args(command: &Command, file: &str, text: &str) -> Result<Vec<String>, Failure> {
    let at = |span: Range<usize>| {
        let line = text[..span.start.min(text.len())].matches('\n').count() + 1;
        format!("{file}, line {line}")
    };
    let wrong = |error: toml::de::Error| {
        let place = error.span().map_or_else(|| file.to_owned(), &at);
        Failure::Usage(format!("{place}: {}", error.message()))
    };
    let fields: Fields = toml::from_str(text).map_err(wrong)?;
    let known = || {
        command
            .get_subcommands()
            .map(Command::get_name)
            .filter(|it| !matches!(*it, "run" | "chaos" | "worker" | "help"))
    };
    let scenario = fields
        .iter()
        .find(|(key, _)| key.get_ref() == "scenario")
        .map(|(_, value)| value);
    let all = || known().collect::<Vec<_>>().join(", ");
    let Some(scenario) = scenario else {
        return Err(Failure::Usage(format!(
            "{file}: a line such as scenario = \"fleet\" is missing; there are {}",
            all()
        )));
    };
    let name = text_of(scenario.get_ref());
    let Some(sub) = command
        .find_subcommand(&name)
        .filter(|it| known().any(|known| known == it.get_name()))
    else {
        return Err(Failure::Usage(format!(
            "{}: there is no scenario {name:?}; there are {}",
            at(scenario.span()),
            all()
        )));
    };
    let mut args = vec![name.clone()];
    for (key, value) in &fields {
        if key.get_ref() == "scenario" {
            continue;
        }
        let flag = key.get_ref().replace('_', "-");
        let mut both = sub.get_arguments().chain(command.get_arguments());
        let Some(arg) = both.find(|it| it.get_long() == Some(&flag)) else {
            let mut fields: Vec<String> = sub
                .get_arguments()
                .filter_map(|it| Some(it.get_long()?.replace('-', "_")))
                .collect();
            fields.sort();
            return Err(Failure::Usage(format!(
                "{}: unknown field `{}`; {name} knows {}",
                at(key.span()),
                key.get_ref(),
                fields.join(", ")
            )));
        };
        let written = flag_of(&flag, arg, value.get_ref());
        alone(command, &name, &written)
            .map_err(|said| Failure::Usage(format!("{}: {said}", at(value.span()))))?;
        args.extend(written);
    }
    Ok(args)
}

/// Whether a scenario takes this flag alone; what clap says otherwise.
fn alone(command: &Command, scenario: &str, flag: &[String]) -> Result<(), String> {
    let args = ["dibs-loadtest", scenario]
        .into_iter()
        .map(str::to_owned)
        .chain(flag.iter().cloned());
    let error = command.clone().try_get_matches_from(args).map(drop);
    error.map_err(|error| {
        let said = error.to_string();
        said.lines()
            .next()
            .unwrap_or_default()
            .trim_start_matches("error: ")
            .to_owned()
    })
}

fn flag_of(flag: &str, arg: &clap::Arg, value: &toml::Value) -> Vec<String> {
    match value {
        toml::Value::Boolean(on) if !arg.get_action().takes_values() => {
            if *on {
                vec![format!("--{flag}")]
            } else {
                Vec::new()
            }
        }
        toml::Value::Array(values) => values
            .iter()
            .map(|it| format!("--{flag}={}", text_of(it)))
            .collect(),
        value => vec![format!("--{flag}={}", text_of(value))],
    }
}

fn text(value: &toml::Value) -> String {
    text_of(value)
}

fn text_of(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The settings of a scenario by name, with flags.
///
/// # Errors
/// As [`parse`].
pub fn settings(name: &str, flags: &[&str]) -> Result<Settings, Misuse> {
    let args = [&["dibs-loadtest", name], flags].concat();
    let cli = parse(args.into_iter().map(str::to_owned).collect())?;
    cli.what
        .judged()
        .map(|(_, it)| it.settings.clone())
        .ok_or_else(|| Failure::Usage(format!("{name} is no scenario that is data")).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::settings::Work;

    fn run(text: &str, flags: &[&str]) -> Result<Settings, String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
        let path = file.path().display().to_string();
        let mut args = vec!["dibs-loadtest", "--workspace", "run", "run", path.as_str()];
        args.extend(flags);
        let cli = parse(args.into_iter().map(str::to_owned).collect())
            .map_err(|it| it.to_string().replace(&path, "FILE"))?;
        assert_eq!(cli.shared.workspace, "run");
        Ok(cli.what.judged().unwrap().1.settings.clone())
    }

    #[test]
    fn a_file_wins_over_the_names_defaults_and_a_flag_over_the_file() {
        let fleet = settings("fleet", &[]).unwrap();
        assert_eq!((fleet.agents, fleet.work), (200, Work::Cases));
        let text = "scenario = \"fleet\"\nagents = 30\nrate = 2.5\nlist = false\n";
        let by_file = run(text, &[]).unwrap();
        assert_eq!((by_file.agents, by_file.rate, by_file.list), (30, 2.5, false));
        assert_eq!(by_file.conversations, fleet.conversations);
        assert_eq!(run(text, &["--agents", "7"]).unwrap().agents, 7);
        assert!(run(text, &["--list"]).unwrap().list);
    }

    #[test]
    fn what_a_file_has_wrong_is_said_with_its_line() {
        for (text, said) in [
            (
                "scenario = \"fleet\"\n\nagnets = 3\n",
                "FILE, line 3: unknown field `agnets`; fleet knows adapter, agents,",
            ),
            (
                "scenario = \"fleet\"\nagents = 0\n",
                "FILE, line 2: invalid value '0' for '--agents <N>'",
            ),
            (
                "scenario = \"fleet\"\nduration = 3\n",
                "FILE, line 2: invalid value '3' for '--duration <TIME>'",
            ),
            (
                "scenario = \"float\"\n",
                "FILE, line 1: there is no scenario \"float\"; there are ",
            ),
            (
                "agents = 3\n",
                "FILE: a line such as scenario = \"fleet\" is missing",
            ),
            ("scenario = \"fleet\"\nagents =\n", "FILE, line 2: "),
            (
                "scenario = \"fleet\"\nagents = 1\nagents = 2\n",
                "FILE, line 3: duplicate key",
            ),
        ] {
            let error = run(text, &[]).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn every_scenario_of_the_box_can_be_run_and_names_itself() {
        for (name, file) in NAMES.iter().zip(FILES) {
            assert!(file.contains(&format!("scenario = \"{name}\"\n")), "{name}");
            settings(name, &[]).unwrap().check().unwrap();
            assert_eq!(run(file, &[]).unwrap(), settings(name, &[]).unwrap(), "{name}");
        }
    }
}
