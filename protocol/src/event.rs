//! Durable events: stored facts, past tense, numbered in one feed per workspace. What they are made of stands in `parts`,
//! how timelines list them in `entry`.

pub use crate::entry::{EventEntry, EventOrRedacted, RedactedEvent};
use crate::ids::{AgentId, ChannelId, ConversationId, MessageId, QueueId, TeamId, ThreadId};
pub use crate::parts::{
    Actor, Attachment, Carried, Customer, Mentions, Message, Note, RefusedToken, TransferTo,
};
use crate::settings::WorkspaceSettings;
use crate::sla::Promise;
use crate::terms::{
    DeclineReason, DeliveryState, DropReason, EscalationCause, ExpiryReason, GrantVia, Priority,
    RedactReason, ReleaseVia, Role, SlaTarget, Status, Then,
};
use crate::time::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

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
        /// On the survivor: what those had absorbed before.
        #[serde(default, skip_serializing_if = "Vec::is_empty")] #[ts(optional, as = "Option<Vec<ConversationId>>")] through: Vec<ConversationId>,
        /// On the survivor: the channel's threads that lead to it from now on, those of the absorbed ones.
        #[serde(default, skip_serializing_if = "Vec::is_empty")] #[ts(optional, as = "Option<Vec<ThreadId>>")] threads: Vec<ThreadId>,
        /// On the survivor: who waits and what was said last, now that it has their messages, too.
        #[serde(default, skip_serializing_if = "Option::is_none")] #[ts(optional)] carried: Option<Carried>,
    },
    /// A conversation became two: on the old one `into`, on the new one `from`. The messages stay where they were stored.
    Split = "split" {
        /// The new one.
        #[serde(default, skip_serializing_if = "Option::is_none")] #[ts(optional)] into: Option<ConversationId>,
        /// The old one.
        #[serde(default, skip_serializing_if = "Option::is_none")] #[ts(optional)] from: Option<ConversationId>,
        /// Which messages moved.
        messages: Vec<MessageId>,
        /// Who waits and what was said last, with these messages or without them.
        #[serde(default, skip_serializing_if = "Option::is_none")] #[ts(optional)] carried: Option<Carried>,
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
