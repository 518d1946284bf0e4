//! Bodies of HTTP requests and answers.

use crate::check::{attachments, customer};
use crate::event::{Attachment, Customer, EventEntry};
use crate::ids::{ChannelId, ConversationId, MessageId, QueueId, ThreadId};
use crate::limits;
use crate::refusal::Refusal;
use crate::settings::WorkspaceSettings;
use crate::strict::{object, present, present_objects};
use crate::terms::{DeliveryState, Priority};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// `POST /messages`: the customer wrote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct Ingest {
    /// Makes the request repeatable; per channel, for 7 days.
    pub key: String,
    /// Where.
    pub channel: ChannelId,
    /// Who.
    #[serde(deserialize_with = "object")]
    pub customer: Customer,
    /// The channel's thread.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    #[ts(optional)]
    pub thread: Option<ThreadId>,
    /// Into which conversation, where the channel knows it.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    #[ts(optional)]
    pub conversation: Option<ConversationId>,
    /// What.
    pub text: String,
    /// What about.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    #[ts(optional)]
    pub subject: Option<String>,
    /// Where a new conversation waits.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    #[ts(optional)]
    pub queue: Option<QueueId>,
    /// How urgent a new conversation is.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    #[ts(optional)]
    pub priority: Option<Priority>,
    /// A new conversation's tags.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    #[ts(optional)]
    pub tags: Option<Vec<String>>,
    /// Files with it.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present_objects"
    )]
    #[ts(optional)]
    pub attachments: Option<Vec<Attachment>>,
}

impl Ingest {
    /// Checks the contract's limits.
    ///
    /// # Errors
    /// `too_large` or `invalid`, naming the field.
    pub fn check(&self) -> Result<(), Refusal> {
        limits::key(&self.key)?;
        customer(&self.customer)?;
        limits::text("text", &self.text, limits::INGEST_TEXT_BYTES)?;
        self.subject
            .as_deref()
            .map_or(Ok(()), |subject| limits::line("subject", subject))?;
        limits::tags("tags", self.tags.as_deref().unwrap_or_default())?;
        attachments(self.attachments.as_deref().unwrap_or_default())
    }
}

/// The answer to an ingested message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
pub struct IngestAnswer {
    /// Where it went.
    pub conversation: ConversationId,
    /// The message's id.
    pub message: MessageId,
    /// The message's `seq`.
    #[ts(type = "number")]
    pub seq: u64,
    /// Whether it opened the conversation.
    pub opened: bool,
}

/// `POST /deliveries`: what became of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// Which message.
    pub message: MessageId,
    /// What became of it.
    pub state: DeliveryState,
    /// Why it failed.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    #[ts(optional)]
    pub reason: Option<String>,
}

impl Delivery {
    /// Checks the contract's limits.
    ///
    /// # Errors
    /// `invalid`, naming the field.
    pub fn check(&self) -> Result<(), Refusal> {
        self.reason
            .as_deref()
            .map_or(Ok(()), |reason| limits::line("reason", reason))
    }
}

/// `POST /ratings`: what the customer thinks of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct RatingBody {
    /// Of which conversation.
    pub conversation: ConversationId,
    /// 1 to 5.
    pub score: u8,
    /// In their words.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    #[ts(optional)]
    pub comment: Option<String>,
}

impl RatingBody {
    /// Checks the contract's limits.
    ///
    /// # Errors
    /// `invalid`, naming the field.
    pub fn check(&self) -> Result<(), Refusal> {
        if !(1..=5).contains(&self.score) {
            return Err(Refusal::invalid("score", "score must be 1 to 5"));
        }
        self.comment
            .as_deref()
            .map_or(Ok(()), |comment| limits::line("comment", comment))
    }
}

/// `POST /agents/{agent}/disconnect`: an admin sends an agent away.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct Disconnect {
    /// Why, for those who read the feed.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    #[ts(optional)]
    pub reason: Option<String>,
}

impl Disconnect {
    /// Checks the contract's limits.
    ///
    /// # Errors
    /// `invalid`, naming the field.
    pub fn check(&self) -> Result<(), Refusal> {
        self.reason
            .as_deref()
            .map_or(Ok(()), |reason| limits::line("reason", reason))
    }
}

/// The answer to `GET /outbox`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
pub struct OutboxAnswer {
    /// That channel's `message_sent` events, ascending.
    pub events: Vec<EventEntry>,
    /// `after` of the next request.
    #[ts(type = "number")]
    pub next: u64,
}

/// `PUT /settings`: all that the workspace sets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct PutSettings {
    /// All of it: what is left out has its default.
    #[serde(deserialize_with = "object")]
    pub settings: Box<WorkspaceSettings>,
    /// The version that the client saw; another one is `conflict`.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    #[ts(optional, type = "number")]
    pub expect: Option<u64>,
}

/// RFC 9457 problem details.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Problem {
    /// Always `about:blank`: the code says it.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status' name.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// One sentence for a person.
    pub detail: String,
    /// The refusal: its stable code, message and details.
    #[serde(flatten)]
    pub refusal: Refusal,
}
