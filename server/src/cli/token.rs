//! `dibs token`: a token for somebody, signed with the secret of this configuration or of the data folder.

use super::{Failure, Outcome, load, say};
use crate::auth::{Keyring, Kind, NewToken, Role};
use crate::config::{Period, SettingsArgs};
use crate::ports::{Clock, SystemClock};
use clap::Args;
use dibs_protocol::ids::{AgentId, ChannelId, TeamId, WorkspaceId};

/// The flags of `dibs token`.
#[derive(Debug, Args)]
pub(super) struct Token {
    /// The workspace that the token is for.
    #[arg(long, value_name = "ID")]
    workspace: WorkspaceId,
    /// The agent's id; for the role channel any name for the adapter.
    #[arg(long, value_name = "ID")]
    agent: AgentId,
    /// What the agent may do: agent, supervisor or admin; or channel, for adapters.
    #[arg(long, value_name = "ROLE", default_value_t = Role::Agent)]
    role: Role,
    /// human or bot.
    #[arg(long, value_name = "KIND", default_value_t = Kind::Human)]
    kind: Kind,
    /// The name that colleagues see [default: the agent's id].
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// A team of the agent's; may be repeated.
    #[arg(long = "team", value_name = "ID")]
    teams: Vec<TeamId>,
    /// A skill of the agent's; may be repeated.
    #[arg(long = "skill", value_name = "ID")]
    skills: Vec<String>,
    /// A channel that a channel's token may speak for; may be repeated [default: any].
    #[arg(long = "channel", value_name = "ID")]
    channels: Vec<ChannelId>,
    /// How long the token is good for.
    #[arg(long, value_name = "DURATION", default_value = "12h")]
    ttl: Period,
    #[command(flatten)]
    settings: SettingsArgs,
}

impl Token {
    pub(super) fn run(self) -> Outcome {
        let config = load(self.settings)?.config;
        let keys = Keyring::open_existing(&config.auth, &config.data).map_err(|error| {
            let hint = "; run `dibs serve` there once, or name a key or the right --data";
            Failure::new(format!(
                "{error}{}",
                if config.auth.keys.is_empty() { hint } else { "" }
            ))
        })?;
        let token = NewToken {
            workspace: self.workspace,
            id: self.agent,
            role: self.role,
            kind: self.kind,
            name: self.name,
            teams: self.teams,
            skills: self.skills,
            channels: (!self.channels.is_empty()).then_some(self.channels),
            ttl: self.ttl.0,
        };
        let token = keys.mint(&token, SystemClock.now_ms())?;
        say(&format!("{token}\n"))
    }
}
