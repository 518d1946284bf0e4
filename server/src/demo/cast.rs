//! Who takes part: agents, a bot, a supervisor, the person at the keyboard, and channels; and their tokens.

use crate::auth::{Keyring, Kind, MintError, NewToken, Role};
use crate::ports::{Clock, SystemClock};
use dibs_protocol::ids::{AgentId, BadId, ChannelId, TeamId, WorkspaceId};
use std::time::Duration;

/// The workspace of the demo.
pub(super) const WORKSPACE: &str = "demo";
/// The person at the keyboard.
pub(super) const YOU: &str = "you";
/// The supervisor.
pub(super) const SUPERVISOR: &str = "olivia";
/// The bot.
pub(super) const BOT: &str = "tracy-bot";
/// The teams, in turn.
pub(super) const TEAMS: [&str; 2] = ["care", "billing"];
/// The channels; the first has subjects, the second is for the command line.
pub(super) const CHANNELS: [&str; 4] = ["email", "chat", "whatsapp", "instagram"];

/// Longer than anybody leaves a demo running.
const TTL: Duration = Duration::from_secs(30 * 86_400);
const NAMES: &[&str] = &[
    "Priya", "Ben", "Sofia", "Mateo", "Lena", "Kofi", "Aiko", "Marek", "Nadia", "Hugo", "Ines", "Tariq",
];

/// Why nobody could be cast.
#[derive(Debug, thiserror::Error)]
pub enum CastError {
    /// A name is not an id.
    #[error(transparent)]
    Id(#[from] BadId),
    /// No token could be made.
    #[error(transparent)]
    Token(#[from] MintError),
}

/// A simulated agent.
#[derive(Debug, Clone)]
pub(super) struct Person {
    /// The id.
    pub id: AgentId,
    /// Whether it is the bot.
    pub bot: bool,
    /// The token.
    pub token: String,
}

/// The agents, and the bot when there is anybody at all.
pub(super) fn agents(keys: &Keyring, count: usize) -> Result<Vec<Person>, CastError> {
    let mut people = Vec::new();
    for n in 0..count {
        let name = NAMES
            .get(n)
            .map_or_else(|| format!("Agent {}", n + 1), |name| (*name).to_owned());
        let id = name.to_lowercase().replace(' ', "-");
        let team = TEAMS[n % TEAMS.len()];
        let token = token(keys, &id, &name, Role::Agent, Kind::Human, Some(team))?;
        people.push(Person {
            id: AgentId::new(&id)?,
            bot: false,
            token,
        });
    }
    if count > 0 {
        let token = token(keys, BOT, "Tracy (bot)", Role::Agent, Kind::Bot, None)?;
        people.push(Person {
            id: AgentId::new(BOT)?,
            bot: true,
            token,
        });
    }
    Ok(people)
}

/// The token of the person at the keyboard.
pub(super) fn you(keys: &Keyring) -> Result<String, CastError> {
    token(keys, YOU, "You", Role::Agent, Kind::Human, Some(TEAMS[0]))
}

/// The supervisor's token.
pub(super) fn supervisor(keys: &Keyring) -> Result<String, CastError> {
    token(keys, SUPERVISOR, "Olivia", Role::Supervisor, Kind::Human, None)
}

fn token(
    keys: &Keyring,
    id: &str,
    name: &str,
    role: Role,
    kind: Kind,
    team: Option<&str>,
) -> Result<String, CastError> {
    mint(keys, id, name, role, kind, team, None)
}

/// The token of one channel's adapter.
pub(super) fn channel(keys: &Keyring, channel: &str) -> Result<String, CastError> {
    let only = Some(vec![ChannelId::new(channel)?]);
    mint(
        keys,
        &format!("{channel}-adapter"),
        channel,
        Role::Channel,
        Kind::Human,
        None,
        only,
    )
}

fn mint(
    keys: &Keyring,
    id: &str,
    name: &str,
    role: Role,
    kind: Kind,
    team: Option<&str>,
    channels: Option<Vec<ChannelId>>,
) -> Result<String, CastError> {
    let token = NewToken {
        workspace: WorkspaceId::new(WORKSPACE)?,
        id: AgentId::new(id)?,
        role,
        kind,
        name: Some(name.to_owned()),
        teams: team.map(TeamId::new).transpose()?.into_iter().collect(),
        skills: Vec::new(),
        channels,
        ttl: TTL,
    };
    Ok(keys.mint(&token, SystemClock.now_ms())?)
}
