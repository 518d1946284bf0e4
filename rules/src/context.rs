//! What a decision may know besides the conversation: who asks, when, the workspace's settings and people.

use crate::decision::KeyRecord;
pub use crate::settings::Settings;
use dibs_protocol::event::Actor;
use dibs_protocol::ids::{AgentId, ChannelId, TeamId};
use dibs_protocol::terms::{AgentKind, Role};
use dibs_protocol::time::Time;
use std::sync::Arc;
use uuid::Uuid;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sender {
    /// A person or bot with a session or an HTTP token of an agent's role.
    Agent(Arc<Agent>),
    /// A channel's adapter.
    Channel {
        /// The subject of its token.
        id: AgentId,
        /// The channels it may speak for; `None`: any.
        channels: Option<Vec<ChannelId>>,
    },
    /// Dibs itself.
    System,
}

/// An agent as known from their token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// The id.
    pub id: AgentId,
    /// What to call them.
    pub name: String,
    /// Person or program.
    pub kind: AgentKind,
    /// What they may do.
    pub role: Role,
    /// Where they belong.
    pub teams: Vec<TeamId>,
    /// What they can do.
    pub skills: Vec<String>,
}

impl Sender {
    /// The agent, if it is one.
    #[must_use]
    pub fn agent(&self) -> Option<&Agent> {
        match self {
            Self::Agent(agent) => Some(agent),
            Self::Channel { .. } | Self::System => None,
        }
    }

    /// Who stands as the actor of events that this sender causes (a customer's own words aside).
    #[must_use]
    pub fn actor(&self) -> Actor {
        match self {
            Self::Agent(agent) => match agent.kind {
                AgentKind::Human => Actor::Agent { id: agent.id.clone() },
                AgentKind::Bot => Actor::Bot { id: agent.id.clone() },
            },
            Self::Channel { id, .. } => Actor::Channel { id: id.clone() },
            Self::System => Actor::System,
        }
    }
}

/// The people of a workspace: everybody who ever said hello.
pub trait Directory {
    /// Whether the agent is known.
    fn knows_agent(&self, agent: &AgentId) -> bool;
    /// Whether the team is known: some known agent belongs to it.
    fn knows_team(&self, team: &TeamId) -> bool;
    /// The known members of a team, in the order of their ids.
    fn members(&self, team: &TeamId) -> Vec<AgentId>;
}

/// What a decision may know besides the conversation.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Who asks.
    pub sender: &'a Sender,
    /// When: the time of the events.
    pub now: Time,
    /// Fresh ids: of a new conversation, and of a new message or note.
    pub ids: (Uuid, Uuid),
    /// The workspace's settings.
    pub settings: &'a Settings,
    /// The workspace's people.
    pub people: &'a dyn Directory,
    /// What the command's key was used for before, if it was.
    pub first: Option<&'a KeyRecord>,
}
