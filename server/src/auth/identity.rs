//! The identity that a verified token proves, as typed values. What a role may do is said elsewhere.

use dibs_protocol::ids::{AgentId, ChannelId, TeamId, WorkspaceId};

pub use dibs_protocol::terms::{AgentKind as Kind, Role};

/// Who holds a verified token, and until when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The agent; for [`Role::Channel`] the adapter's own name.
    pub id: AgentId,
    /// The role.
    pub role: Role,
    /// Person or program.
    pub kind: Kind,
    /// The name that colleagues see, 1 to 500 characters.
    pub name: String,
    /// The agent's teams, at most 50, each once.
    pub teams: Vec<TeamId>,
    /// The agent's skills, at most 50, each once, in the alphabet of ids.
    pub skills: Vec<String>,
    /// For [`Role::Channel`]: the channels it may speak for, at most 50; `None` is any.
    pub channels: Option<Vec<ChannelId>>,
    /// When the token ends, in milliseconds since the Unix epoch.
    pub expires_at_ms: i64,
    /// When the token was issued (`iat`), in seconds since the Unix epoch, if it says so.
    pub issued_s: Option<i64>,
    /// The token's own id, if it has one.
    pub token_id: Option<String>,
    /// The first 16 bytes of a SHA-256 over the token's own id, or without one over all of it but its signature, of which
    /// there can be several.
    pub token_digest: [u8; 16],
}

impl Identity {
    /// Whether this is a channel's token that may speak for `channel`.
    #[must_use]
    pub fn speaks_for(&self, channel: &ChannelId) -> bool {
        self.role == Role::Channel && self.channels.as_ref().is_none_or(|all| all.contains(channel))
    }

    /// Whether `other` may replace this token on a living session: the same agent in the same workspace.
    #[must_use]
    pub fn is_same_agent(&self, other: &Self) -> bool {
        self.workspace == other.workspace && self.id == other.id
    }
}
