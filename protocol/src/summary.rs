//! The summary: a conversation as lists show it, the same for everybody who may see it.

use crate::event::{Customer, TransferTo};
use crate::ids::{AgentId, ChannelId, ConversationId, MessageId, QueueId, TeamId};
use crate::sla::SlaSummary;
use crate::terms::{From, Priority, Status};
use crate::time::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Who holds a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Claim {
    /// The holder.
    pub agent: AgentId,
    /// The fencing token: the `seq` of the grant.
    #[ts(type = "number")]
    pub token: u64,
    /// Since when.
    pub since: Time,
}

/// A transfer that waits for an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Offer {
    /// Who offers.
    pub from: AgentId,
    /// To whom.
    pub to: TransferTo,
    /// A word with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub note: Option<String>,
    /// When it ends by itself.
    pub expires_at: Time,
}

/// The last message, never a note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct LastMessage {
    /// Its number in the feed.
    #[ts(type = "number")]
    pub seq: u64,
    /// When it was stored.
    pub at: Time,
    /// Who said it.
    pub from: From,
    /// Its beginning, at most 140 characters.
    pub excerpt: String,
}

/// What the customer thought of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Rating {
    /// 1 to 5.
    pub score: u8,
    /// In the customer's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub comment: Option<String>,
    /// When.
    pub at: Time,
}

/// A reply that waits for its time. Its text stands in its event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct ScheduledReply {
    /// The message that it will be.
    pub message: MessageId,
    /// Whose.
    pub agent: AgentId,
    /// When it is sent.
    pub at: Time,
}

/// A conversation as lists show it. Unless it is said otherwise, every field is always present; null means none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Summary {
    /// Its id.
    pub id: ConversationId,
    /// The `seq` of its latest event.
    #[ts(type = "number")]
    pub version: u64,
    /// Where it stands.
    pub status: Status,
    /// When it wakes, while it is snoozed.
    pub snoozed_until: Option<Time>,
    /// Where it came from.
    pub channel: ChannelId,
    /// Who wrote.
    pub customer: Customer,
    /// What it is about.
    pub subject: Option<String>,
    /// Where it waits.
    pub queue: QueueId,
    /// How urgent it is.
    pub priority: Priority,
    /// Its tags, sorted.
    pub tags: Vec<String>,
    /// Who is responsible.
    pub assignee: Option<AgentId>,
    /// Which team is responsible.
    pub team: Option<TeamId>,
    /// Who holds it.
    pub claim: Option<Claim>,
    /// A transfer that waits for an answer.
    pub offer: Option<Offer>,
    /// The oldest customer message after the last reply.
    pub waiting_since: Option<Time>,
    /// How many customer messages came after the last reply.
    pub unanswered: u32,
    /// The last message.
    pub last_message: Option<LastMessage>,
    /// When the first reply was stored.
    pub first_response_at: Option<Time>,
    /// Promises about time.
    pub sla: Option<SlaSummary>,
    /// A reply that waits for its time; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub scheduled: Option<ScheduledReply>,
    /// What the customer thought of it.
    pub rating: Option<Rating>,
    /// When it was opened.
    pub opened_at: Time,
}
