//! The grammar of mentions, and whom they reach. Only what this finds is highlighted and notified.

use crate::context::Directory;
use dibs_protocol::event::Mentions;
use dibs_protocol::ids::{AgentId, TeamId, is_name_char};
use dibs_protocol::limits;
use dibs_protocol::refusal::Refusal;
use std::collections::BTreeSet;

/// What a note's text mentions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// Known names, each once, in the order of the text.
    pub mentions: Mentions,
    /// Names that nobody has, each once, in the order of the text, without trailing `.`, `_`, `-`.
    pub unknown: Vec<String>,
    /// Who gets the mention: agents by name and the known members of teams, the author left out, in the order of ids.
    pub notified: Vec<AgentId>,
}

/// Reads the mentions of a note by `author`.
///
/// A mention is `@` at the start or after a character that is not a letter, digit, `.`, `_` or `-`, followed by the
/// longest run of id characters, lower-cased; while nobody has that name, a trailing `.`, `_` or `-` is dropped. Agents
/// win over teams.
///
/// # Errors
/// `invalid` (`text`) when more than 20 agents and teams are mentioned.
pub fn read(text: &str, author: &AgentId, people: &dyn Directory) -> Result<Found, Refusal> {
    let mut found = Found::default();
    let mut unknown = BTreeSet::new();
    for run in runs(text) {
        match known(&run, people) {
            Some(Name::Agent(agent)) => push_once(&mut found.mentions.agents, agent),
            Some(Name::Team(team)) => push_once(&mut found.mentions.teams, team),
            None => {
                let name = run.trim_end_matches(['.', '_', '-']);
                if !name.is_empty() && unknown.insert(name.to_owned()) {
                    found.unknown.push(name.to_owned());
                }
            }
        }
        if found.mentions.agents.len() + found.mentions.teams.len() > limits::MENTIONS {
            let message = format!("a note may mention at most {} agents and teams", limits::MENTIONS);
            return Err(Refusal::invalid("text", &message));
        }
    }
    found.notified = notified(&found.mentions, author, people);
    Ok(found)
}

/// Who gets a mention: agents by name and the known members of teams, the author left out, in the order of ids.
#[must_use]
pub fn notified(mentions: &Mentions, author: &AgentId, people: &dyn Directory) -> Vec<AgentId> {
    let members = mentions.teams.iter().flat_map(|team| people.members(team));
    let mut notified: BTreeSet<AgentId> = members.chain(mentions.agents.iter().cloned()).collect();
    notified.remove(author);
    notified.into_iter().collect()
}

enum Name {
    Agent(AgentId),
    Team(TeamId),
}

/// The runs of id characters that follow a mention's `@`, lower-cased.
fn runs(text: &str) -> impl Iterator<Item = String> {
    let mut before = None;
    let starts = text.char_indices().filter_map(move |(i, c)| {
        let fresh = before.is_none_or(|it: char| !it.is_alphanumeric() && !matches!(it, '.' | '_' | '-'));
        before = Some(c);
        (c == '@' && fresh).then_some(i + 1)
    });
    starts.filter_map(|start| {
        let rest = text.get(start..)?;
        let run = rest
            .split(|c: char| !is_name_char(c.to_ascii_lowercase()))
            .next()?;
        (!run.is_empty()).then(|| run.to_ascii_lowercase())
    })
}

/// The longest beginning of the run that somebody is called, trailing punctuation dropped one by one.
fn known(run: &str, people: &dyn Directory) -> Option<Name> {
    let mut name = run;
    loop {
        if let Some(agent) = AgentId::new(name).ok().filter(|it| people.knows_agent(it)) {
            return Some(Name::Agent(agent));
        }
        if let Some(team) = TeamId::new(name).ok().filter(|it| people.knows_team(it)) {
            return Some(Name::Team(team));
        }
        name = name.strip_suffix(['.', '_', '-']).filter(|it| !it.is_empty())?;
    }
}

fn push_once<T: PartialEq>(list: &mut Vec<T>, value: T) {
    if !list.contains(&value) {
        list.push(value);
    }
}
