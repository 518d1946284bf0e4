//! The state of a conversation. Folding events into it is in `apply`, deciding is elsewhere.

use dibs_protocol::event::{Actor, Customer, Message};
use dibs_protocol::ids::{AgentId, ChannelId, ConversationId, QueueId, TeamId, ThreadId};
use dibs_protocol::sla::Promise;
use dibs_protocol::summary::{LastMessage, Offer, Rating};
use dibs_protocol::terms::{EscalationCause, Priority, Status, Then};
use dibs_protocol::time::Time;
use serde::{Deserialize, Serialize};

/// A claim as the state keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The holder.
    pub agent: AgentId,
    /// The fencing token: the `seq` of the grant.
    pub token: u64,
    /// Since when.
    pub since: Time,
    /// When the holder last did something here.
    pub active_at: Time,
}

/// A reply as the state keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replied {
    /// Who.
    pub agent: AgentId,
    /// Its `seq`.
    pub seq: u64,
    /// When; absent where the state was stored before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Time>,
}

/// A promise about time, and what became of it so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// What is promised.
    pub promise: Promise,
    /// Whether it was said to be at risk.
    pub warned: bool,
    /// Whether it is broken.
    pub breached: bool,
}

/// A rule that has acted in this waiting spell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escalated {
    /// Its name.
    pub rule: String,
    /// What gave it cause.
    pub on: EscalationCause,
}

/// A reply that waits for its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scheduled {
    /// The `seq` of its event: what came later its sender has not seen.
    pub seq: u64,
    /// Who stands as the actor when it is sent.
    pub by: Actor,
    /// Whose it is.
    pub agent: AgentId,
    /// With which claim.
    pub token: u64,
    /// The sender's key.
    pub key: String,
    /// What to say.
    pub message: Message,
    /// Where it leaves the conversation, when not `open`.
    pub then: Option<Then>,
    /// When it is sent.
    pub at: Time,
}

/// A conversation's state: all that decisions and lists need, never its timeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// The `seq` of its latest event.
    pub version: u64,
    /// Where it stands.
    pub status: Status,
    /// When it wakes, while it is snoozed.
    pub snoozed_until: Option<Time>,
    /// Where it came from.
    pub channel: ChannelId,
    /// The channel's thread.
    pub thread: Option<ThreadId>,
    /// Who wrote.
    pub customer: Customer,
    /// What it is about.
    pub subject: Option<String>,
    /// Where it waits.
    pub queue: QueueId,
    /// How urgent it is.
    pub priority: Priority,
    /// Its tags, sorted, each once.
    pub tags: Vec<String>,
    /// Who is responsible.
    pub assignee: Option<AgentId>,
    /// Which team is responsible.
    pub team: Option<TeamId>,
    /// Who holds it.
    pub claim: Option<Held>,
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
    /// What the customer thought of it.
    pub rating: Option<Rating>,
    /// When it was opened.
    pub opened_at: Time,
    /// When its latest event was stored.
    pub active_at: Time,
    /// The `seq` of the customer's latest message; 0 for none.
    pub customer_seq: u64,
    /// The latest reply.
    pub last_reply: Option<Replied>,
    /// The latest reply by somebody other than the sender of `last_reply`.
    pub other_reply: Option<Replied>,
    /// The `seq` of the latest `merged`; 0 for none.
    pub merged_seq: u64,
    /// The conversation that absorbed this one.
    pub merged_into: Option<ConversationId>,
    /// The conversations that this one absorbed, with those that they had absorbed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub absorbed: Vec<ConversationId>,
    /// The channel's threads of what it absorbed: they lead here as its own one does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub threads: Vec<ThreadId>,
    /// When it was closed, while it is.
    #[serde(default)]
    pub closed_at: Option<Time>,
    /// The `seq` of the latest `redacted`; 0 for none.
    #[serde(default)]
    pub redacted_seq: u64,
    /// Whether its last claim expired: it is given out before what has just begun to wait.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub returned: bool,
    /// Who declined it, let it go or did nothing with it since the customer began to wait: routing gives it to others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub declined: Vec<AgentId>,
    /// Promises that run, are paused or broken, in the order of their targets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sla: Vec<Running>,
    /// Rules that have acted in this waiting spell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub escalated: Vec<Escalated>,
    /// A reply that waits for its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled: Option<Scheduled>,
    /// When it was resolved, while it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_at: Option<Time>,
}
