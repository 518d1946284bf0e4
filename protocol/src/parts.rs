//! What events are made of: who caused them, customers, messages, notes. No kinds of events, and no behaviour.

use crate::ids::{AgentId, CustomerId, Handle, MessageId, NoteId, TeamId};
use crate::strict::present;
use crate::summary::LastMessage;
use crate::time::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Who caused an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    /// A person.
    Agent {
        /// Who.
        id: AgentId,
    },
    /// A program that answers like a person.
    Bot {
        /// Which.
        id: AgentId,
    },
    /// The customer.
    Customer {
        /// The channel's name for them; absent once erased.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        id: Option<CustomerId>,
    },
    /// A channel's adapter.
    Channel {
        /// The subject of its token.
        id: AgentId,
    },
    /// Dibs itself: a deadline, an erasure.
    System,
}

impl Actor {
    /// The agent or bot, if it is one.
    #[must_use]
    pub fn agent(&self) -> Option<&AgentId> {
        match self {
            Self::Agent { id } | Self::Bot { id } => Some(id),
            Self::Customer { .. } | Self::Channel { .. } | Self::System => None,
        }
    }
}

/// A customer, as a channel describes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct Customer {
    /// The channel's name for them.
    pub id: CustomerId,
    /// What to call them.
    pub name: String,
    /// How they appear on the channel.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    #[ts(optional)]
    pub handle: Option<Handle>,
    /// Which group of customers they belong to.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    #[ts(optional)]
    pub tier: Option<String>,
}

/// A file that goes with a message. Dibs stores the reference only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct Attachment {
    /// The file's name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its size in bytes.
    #[ts(type = "number")]
    pub size: u64,
    /// Where it is: an https URL.
    pub url: String,
}

/// What was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// Its text.
    pub text: String,
    /// Its files.
    pub attachments: Vec<Attachment>,
}

/// What was said among colleagues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Note {
    /// Its id.
    pub id: NoteId,
    /// Its text.
    pub text: String,
}

/// Whom a note mentions.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema, TS)]
pub struct Mentions {
    /// Agents by name.
    pub agents: Vec<AgentId>,
    /// Teams by name.
    pub teams: Vec<TeamId>,
}

/// To whom a transfer is offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
pub enum TransferTo {
    /// One agent.
    Agent(AgentId),
    /// Whoever of a team answers first.
    Team(TeamId),
}

/// Who waits and what was said last in a conversation whose messages came from, or went to, another one: all of it as it
/// now is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema, TS)]
pub struct Carried {
    /// The oldest message of the customer that no reply has followed; absent when none waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub waiting_since: Option<Time>,
    /// How many wait.
    pub unanswered: u32,
    /// The last message; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub last_message: Option<LastMessage>,
    /// When the first reply was stored; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub first_response_at: Option<Time>,
}

/// A token that is refused though it has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct RefusedToken {
    /// The first 16 bytes of a SHA-256 over its `jti`, or without one over all of it but its signature, in hexadecimal.
    pub digest: String,
    /// When it ends by itself (`exp`), in seconds since the Unix epoch.
    #[ts(type = "number")]
    pub exp: i64,
}
