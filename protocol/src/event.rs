//! Durable events: stored facts, past tense, numbered in one feed per workspace.

use crate::ids::{
    AgentId, ChannelId, ConversationId, CustomerId, Handle, MessageId, NoteId, QueueId, TeamId, ThreadId,
};
use crate::settings::WorkspaceSettings;
use crate::sla::Promise;
use crate::strict::present;
use crate::terms::{
    DeclineReason, DeliveryState, DropReason, EscalationCause, ExpiryReason, GrantVia, Priority,
    RedactReason, ReleaseVia, Role, SlaTarget, Status, Then,
};
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

macro_rules! events {
    ($($(#[$doc:meta])* $variant:ident = $kind:literal { $($(#[$fdoc:meta])* $field:ident: $type:ty),* $(,)? }),+ $(,)?) => {
        /// A stored fact.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
        #[serde(tag = "kind")]
        pub enum Event {
            $($(#[$doc])* #[serde(rename = $kind)] $variant { $($(#[$fdoc])* $field: $type),* }),+
        }

        impl Event {
            /// All kinds, as the wire names them.
            pub const KINDS: &'static [&'static str] = &[$($kind),+];

            /// The kind, as the wire names it.
            #[must_use]
            pub fn kind(&self) -> &'static str {
                match self { $(Self::$variant { .. } => $kind),+ }
            }
        }
    };
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

fn is_zero(token: &u64) -> bool {
    *token == 0
}

events! {
    /// A conversation began.
    ConversationOpened = "conversation_opened" {
        /// Where.
        channel: ChannelId,
        /// The channel's thread.
        #[serde(default, skip_serializing_if = "Option::is_none")] #[ts(optional)] thread: Option<ThreadId>,
        /// With whom.
        customer: Customer,
        /// What about.
        #[serde(default, skip_serializing_if = "Option::is_none")] #[ts(optional)] subject: Option<String>,
        /// Where it waits.
        queue: QueueId,
        /// How urgent it is.
        priority: Priority,
        /// Its tags.
        tags: Vec<String>,
    },
    /// The customer wrote.
    MessageReceived = "message_received" {
        /// What.
        message: Message,
    },
    /// An agent answered.
    MessageSent = "message_sent" {
        /// What.
        message: Message,
        /// Who.
        agent: AgentId,
        /// With which claim.
        #[ts(type = "number")] token: u64,
        /// The sender's key.
        key: String,
    },
    /// The channel says what became of a message.
    MessageDelivery = "message_delivery" {
        /// Which message.
        message: MessageId,
        /// What became of it.
        state: DeliveryState,
        /// Why it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")] #[ts(optional)] reason: Option<String>,
    },
    /// A colleague wrote to colleagues.
    NoteAdded = "note_added" {
        /// What.
        note: Note,
        /// Who.
        agent: AgentId,
        /// To whom in particular.
        mentions: Mentions,
    },
    /// Somebody holds the conversation now.
    ClaimGranted = "claim_granted" {
        /// Who.
        agent: AgentId,
        /// The fencing token: this event's own `seq`, filled in when it is known.
        #[serde(default, skip_serializing_if = "is_zero")] #[ts(type = "number")] token: u64,
        /// How.
        via: GrantVia,
        /// From whom.
        #[serde(default, skip_serializing_if = "Option::is_none")] #[ts(optional)] from: Option<AgentId>,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")] #[ts(optional)] reason: Option<String>,
    },
    /// Somebody holds the conversation no longer.
    ClaimReleased = "claim_released" {
        /// Who.
        agent: AgentId,
        /// With which token.
        #[ts(type = "number")] token: u64,
        /// How.
        via: ReleaseVia,
    },
    /// A claim ended by itself.
    ClaimExpired = "claim_expired" {
        /// Whose.
        agent: AgentId,
        /// With which token.
        #[ts(type = "number")] token: u64,
        /// Why.
        reason: ExpiryReason,
    },
    /// A holder offers the conversation to somebody else.
    TransferOffered = "transfer_offered" {
        /// Who.
        from: AgentId,
        /// To whom.
        to: TransferTo,
        /// A word with it.
        #[serde(default, skip_serializing_if = "Option::is_none")] #[ts(optional)] note: Option<String>,
        /// When the offer ends by itself.
        expires_at: Time,
    },
    /// An offer ended without a transfer.
    TransferDeclined = "transfer_declined" {
        /// Who offered.
        from: AgentId,
        /// To whom.
        to: TransferTo,
        /// How it ended.
        reason: DeclineReason,
        /// A word with it.
        #[serde(default, skip_serializing_if = "Option::is_none")] #[ts(optional)] note: Option<String>,
    },
    /// Who is responsible, both as they now are; absent means none.
    Assigned = "assigned" {
        /// Which agent.
        #[serde(default, skip_serializing_if = "Option::is_none")] #[ts(optional)] agent: Option<AgentId>,
        /// Which team.
        #[serde(default, skip_serializing_if = "Option::is_none")] #[ts(optional)] team: Option<TeamId>,
    },
    /// The conversation stands elsewhere now.
    StatusChanged = "status_changed" {
        /// Where it stood.
        from: Status,
        /// Where it stands.
        to: Status,
        /// When it wakes by itself.
        #[serde(default, skip_serializing_if = "Option::is_none")] #[ts(optional)] snoozed_until: Option<Time>,
    },
    /// Tags came or went.
    Tagged = "tagged" {
        /// Which came.
        added: Vec<String>,
        /// Which went.
        removed: Vec<String>,
    },
    /// The priority changed.
    PriorityChanged = "priority_changed" {
        /// What it was.
        from: Priority,
        /// What it is.
        to: Priority,
    },
    /// The queue changed.
    QueueChanged = "queue_changed" {
        /// What it was.
        from: QueueId,
        /// What it is.
        to: QueueId,
    },
    /// The subject changed.
    SubjectChanged = "subject_changed" {
        /// What it was.
        #[serde(default, skip_serializing_if = "Option::is_none")] #[ts(optional)] from: Option<String>,
        /// What it is.
        #[serde(default, skip_serializing_if = "Option::is_none")] #[ts(optional)] to: Option<String>,
    },
    /// A promise about time is about to be broken.
    SlaWarned = "sla_warned" {
        /// Which.
        target: SlaTarget,
        /// By when it must be kept.
        due_at: Time,
    },
    /// A promise about time was broken.
    SlaBreached = "sla_breached" {
        /// Which.
        target: SlaTarget,
        /// By when it should have been kept.
        due_at: Time,
    },
    /// A promise about time was kept.
    SlaMet = "sla_met" {
        /// Which.
        target: SlaTarget,
        /// By when it had to be kept.
        due_at: Time,
    },
    /// Which promises about time run or are paused, all of them as they now are.
    SlaPlanned = "sla_planned" {
        /// All of them.
        promises: Vec<Promise>,
    },
    /// A rule of the settings acts; what it does follows.
    Escalated = "escalated" {
        /// Its name.
        rule: String,
        /// What gave it cause.
        on: EscalationCause,
    },
    /// A reply waits for its time.
    ReplyScheduled = "reply_scheduled" {
        /// What.
        message: Message,
        /// Whose.
        agent: AgentId,
        /// With which claim.
        #[ts(type = "number")] token: u64,
        /// The sender's key.
        key: String,
        /// When it is sent.
        at: Time,
        /// Where it will leave the conversation, when not `open`.
        #[serde(default, skip_serializing_if = "Option::is_none")] #[ts(optional)] then: Option<Then>,
    },
    /// A reply that waited will not be sent.
    ScheduleDropped = "schedule_dropped" {
        /// Which message.
        message: MessageId,
        /// Why.
        reason: DropReason,
    },
    /// The channel describes the customer anew.
    CustomerUpdated = "customer_updated" {
        /// How.
        customer: Customer,
    },
    /// Conversations became one: on the survivor `conversations`, on each absorbed one `into`.
    Merged = "merged" {
        /// Which were absorbed.
        #[serde(default, skip_serializing_if = "Option::is_none")] #[ts(optional)] conversations: Option<Vec<ConversationId>>,
        /// Which one goes on.
        #[serde(default, skip_serializing_if = "Option::is_none")] #[ts(optional)] into: Option<ConversationId>,
    },
    /// A conversation became two: on the old one `into`, on the new one `from`.
    Split = "split" {
        /// The new one.
        #[serde(default, skip_serializing_if = "Option::is_none")] #[ts(optional)] into: Option<ConversationId>,
        /// The old one.
        #[serde(default, skip_serializing_if = "Option::is_none")] #[ts(optional)] from: Option<ConversationId>,
        /// Which messages moved.
        messages: Vec<MessageId>,
    },
    /// The customer said what they think of it.
    Rated = "rated" {
        /// 1 to 5.
        score: u8,
        /// In their words.
        #[serde(default, skip_serializing_if = "Option::is_none")] #[ts(optional)] comment: Option<String>,
    },
    /// The content of earlier entries is gone.
    Redacted = "redacted" {
        /// Which, by `seq`.
        #[ts(type = "number[]")] entries: Vec<u64>,
        /// Why.
        reason: RedactReason,
    },
    /// An agent came for the first time or changed. Never sent to sessions.
    AgentSeen = "agent_seen" {
        /// Who.
        agent: AgentId,
        /// What to call them.
        name: String,
        /// What they may do.
        role: Role,
        /// Where they belong.
        teams: Vec<TeamId>,
    },
    /// An admin sent an agent away: their sessions end, and the tokens that they had are refused. Never sent to sessions.
    AgentDisconnected = "agent_disconnected" {
        /// Who.
        agent: AgentId,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")] #[ts(optional)] reason: Option<String>,
        /// Tokens that were issued (`iat`) until then are refused.
        before: Time,
        /// Tokens that are refused besides.
        tokens: Vec<RefusedToken>,
    },
    /// The workspace's settings changed. Of no conversation, and never sent to sessions.
    SettingsChanged = "settings_changed" {
        /// Which version of them it is: one more with every change.
        #[ts(type = "number")] version: u64,
        /// All of them, as they now are.
        settings: Box<WorkspaceSettings>,
    },
}

/// An event with its place in the feed, as timelines list it: an `event` frame without `type`.
///
/// A redacted entry has `{"kind":…,"redacted":true}` for its event; a client may also meet kinds that it does not know,
/// so the event stays JSON here: [`EventEntry::known`] reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct EventEntry {
    /// Its number in the feed.
    #[ts(type = "number")]
    pub seq: u64,
    /// Which conversation it belongs to, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub conversation: Option<ConversationId>,
    /// When it was stored.
    pub at: Time,
    /// Who caused it.
    pub actor: Actor,
    /// What happened: an [`Event`], or the remains of a redacted one.
    #[schemars(with = "EventOrRedacted")]
    #[ts(type = "Event | RedactedEvent")]
    pub event: serde_json::Value,
}

impl EventEntry {
    /// The event, when it is of a known kind and not redacted.
    #[must_use]
    pub fn known(&self) -> Option<Event> {
        Event::deserialize(&self.event).ok()
    }

    /// The event's kind.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.event
            .get("kind")
            .and_then(serde_json::Value::as_str)
            .unwrap_or("")
    }
}

/// What is left of an erased event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct RedactedEvent {
    /// Its kind.
    pub kind: String,
    /// Always true.
    pub redacted: bool,
}

/// An event, or what is left of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum EventOrRedacted {
    /// What is left of it.
    Redacted(RedactedEvent),
    /// All of it.
    Event(Event),
}
