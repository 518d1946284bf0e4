//! Frames: what goes over the socket, one small type per direction.

use crate::answer::{OpenViewAnswer, WatchAnswer};
use crate::command::Command;
use crate::event::{EventEntry, TransferTo};
use crate::ids::{AgentId, ConversationId, NoteId, TeamId, WorkspaceId};
use crate::limits::{self, Limits};
use crate::refusal::Refusal;
use crate::stats::StatsFrame;
use crate::strict::{present, present_object};
use crate::summary::Summary;
use crate::terms::{AgentKind, GrantVia, Presence, Role, Typing};
use crate::time::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;
use uuid::Uuid;

/// The WebSocket subprotocol of this page.
pub const SUBPROTOCOL: &str = "dibs.v1";
/// How many characters of the chain's hash the wire shows.
pub const HASH_CHARS: usize = 16;

/// A frame of a client.
#[derive(Debug, Clone, PartialEq)]
pub enum ClientFrame {
    /// The first frame.
    Hello(i64, Box<Hello>),
    /// A command with its `id`.
    Command(i64, Box<Command>),
    /// A sign of typing, never answered.
    Typing(TypingSignal),
}

/// The first frame of a connection.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct Hello {
    /// The JWT.
    pub token: String,
    /// What the client is.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    #[ts(optional)]
    pub client: Option<String>,
    /// Where it left off.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present_object"
    )]
    #[ts(optional)]
    pub resume: Option<Resume>,
}

impl Hello {
    /// Checks the contract's limits, which need no state.
    ///
    /// # Errors
    /// `invalid`, naming the field.
    pub fn check(&self) -> Result<(), Refusal> {
        if let Some(client) = &self.client {
            limits::line("client", client)?;
        }
        if let Some(resume) = &self.resume {
            limits::integer("resume.seq", resume.seq)?;
            limits::count("resume.watching", resume.watching.len(), limits::WATCHES)?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Hello {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hello")
            .field("client", &self.client)
            .field("resume", &self.resume)
            .finish_non_exhaustive()
    }
}

/// Where a client left off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct Resume {
    /// The feed's history that it followed.
    pub epoch: String,
    /// Its cursor.
    #[ts(type = "number")]
    pub seq: u64,
    /// The chain's hash at that very `seq`, if it was told.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    #[ts(optional)]
    pub hash: Option<String>,
    /// The conversations whose `watch` was answered.
    pub watching: Vec<ConversationId>,
}

/// A sign of typing. It has no `id` and no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct TypingSignal {
    /// Where.
    pub conversation: ConversationId,
    /// What.
    #[serde(rename = "in")]
    pub into: Typing,
    /// Whether it goes on.
    pub on: bool,
}

/// Who the token says one is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct AgentInfo {
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

/// A conversation that one holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct HeldClaim {
    /// Which.
    pub conversation: ConversationId,
    /// The claim's token.
    #[ts(type = "number")]
    pub token: u64,
}

/// A transfer offered to one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
pub struct OfferInfo {
    /// Which conversation.
    pub conversation: ConversationId,
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
    /// The conversation.
    pub summary: Summary,
}

/// The answer to `hello`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Welcome {
    /// The hello's `id`.
    #[ts(type = "number")]
    pub id: i64,
    /// This session.
    pub session: Uuid,
    /// The workspace.
    pub workspace: WorkspaceId,
    /// Who one is.
    pub agent: AgentInfo,
    /// Names the feed's history.
    pub epoch: String,
    /// The feed's head.
    #[ts(type = "number")]
    pub seq: u64,
    /// The chain's hash there.
    pub hash: String,
    /// Whether the replay follows.
    pub resumed: bool,
    /// The server's time.
    pub time: Time,
    /// How often the server pings.
    pub heartbeat_seconds: u64,
    /// The contract's limits.
    pub limits: Limits,
    /// What the server knows beyond the contract.
    pub features: Vec<String>,
    /// How many mentions are unread.
    pub unread_mentions: usize,
    /// What one holds.
    pub claims: Vec<HeldClaim>,
    /// What one is offered.
    pub offers: Vec<OfferInfo>,
}

/// A person who looks at a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Viewer {
    /// Who.
    pub agent: AgentId,
    /// Since when.
    pub since: Time,
    /// What they are typing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub typing: Option<Typing>,
}

/// Who looks at a row of a view, and who types.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct ActivityRow {
    /// Which conversation.
    pub id: ConversationId,
    /// Who looks at it.
    pub viewers: Vec<AgentId>,
    /// Who types in it.
    pub typing: Vec<AgentId>,
}

/// How present an agent is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct PresenceRow {
    /// Who.
    pub id: AgentId,
    /// Their own word.
    pub status: Presence,
    /// Whether they have a session.
    pub connected: bool,
    /// How many conversations they hold.
    pub claims: usize,
    /// Why they are as present as they are, if they said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub reason: Option<String>,
    /// Since when, if they said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub since: Option<Time>,
}

/// How far somebody has read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct ReadMark {
    /// Who.
    pub agent: AgentId,
    /// The highest `seq` that was read.
    #[ts(type = "number")]
    pub up_to: u64,
}

/// An answer with the fields of its command; see `answer` for their types.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
pub struct OkFrame {
    /// The command's `id`.
    #[ts(type = "number")]
    pub id: i64,
    /// The command's own fields.
    #[serde(flatten)]
    pub fields: std::collections::BTreeMap<String, serde_json::Value>,
}

/// A refusal with the `id` of its command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
pub struct ErrorFrame {
    /// The command's `id`; null when the frame had none.
    #[ts(type = "number | null")]
    pub id: Option<i64>,
    /// Why.
    #[serde(flatten)]
    pub refusal: Refusal,
}

/// A snapshot that replaces what the client had.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(tag = "of", rename_all = "snake_case")]
#[allow(
    clippy::large_enum_variant,
    reason = "always boxed, in the one frame that has it"
)]
pub enum SnapshotFrame {
    /// Of a watched conversation.
    Watch {
        /// Which.
        conversation: ConversationId,
        /// As `watch` answers.
        #[serde(flatten)]
        content: Box<WatchAnswer>,
    },
    /// Of an open view.
    View {
        /// The client's name for it.
        view: String,
        /// As `open_view` answers.
        #[serde(flatten)]
        content: OpenViewAnswer,
    },
}

/// A frame of the server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerFrame {
    /// The answer to `hello`.
    Welcome(Box<Welcome>),
    /// The answer to a command that was done.
    Ok(OkFrame),
    /// The answer to a command that was not.
    Error(ErrorFrame),
    /// A durable event of a watched conversation.
    Event(EventEntry),
    /// Every event up to `seq` that this session follows was sent before this.
    Position {
        /// Up to where.
        #[ts(type = "number")]
        seq: u64,
        /// The chain's hash there.
        hash: String,
        /// The server's time.
        time: Time,
    },
    /// An open view changed.
    ViewChanged {
        /// The client's name for it.
        view: String,
        /// The feed's head that it shows.
        #[ts(type = "number")]
        seq: u64,
        /// How many conversations match.
        total: usize,
        /// New and changed rows of the window, whole.
        upserts: Vec<Summary>,
        /// Rows that left the window.
        removes: Vec<ConversationId>,
        /// Every row of the window in order, when membership or order changed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        order: Option<Vec<ConversationId>>,
    },
    /// A watched conversation changed.
    Summary {
        /// How it is.
        summary: Box<Summary>,
    },
    /// Who looks at a watched conversation.
    Viewers {
        /// Which.
        conversation: ConversationId,
        /// How many agents.
        count: usize,
        /// At most 50 of them.
        viewers: Vec<Viewer>,
    },
    /// Who looks at rows of an open view.
    Activity {
        /// The client's name for it.
        view: String,
        /// Rows whose activity changed.
        rows: Vec<ActivityRow>,
    },
    /// How present agents are.
    Presence {
        /// Those who changed.
        agents: Vec<PresenceRow>,
    },
    /// What is counted.
    Stats(Box<StatsFrame>),
    /// One's claim is gone.
    ClaimLost {
        /// Of which conversation.
        conversation: ConversationId,
        /// The dead token.
        #[ts(type = "number")]
        token: u64,
        /// Who holds it now or ended the claim.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        by: Option<AgentId>,
        /// Why, as the event says or as a person wrote.
        reason: String,
    },
    /// One holds a conversation now.
    ClaimGained {
        /// Which.
        conversation: ConversationId,
        /// The claim's token.
        #[ts(type = "number")]
        token: u64,
        /// How.
        via: GrantVia,
        /// From whom.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        from: Option<AgentId>,
    },
    /// A transfer is offered to one.
    Offer(Box<OfferInfo>),
    /// An offer is over.
    OfferGone {
        /// Of which conversation.
        conversation: ConversationId,
        /// Why: `accepted`, or how it was declined.
        reason: String,
    },
    /// A note mentions one.
    Mention {
        /// The note's `seq`.
        #[ts(type = "number")]
        seq: u64,
        /// Where.
        conversation: ConversationId,
        /// Which note.
        note: NoteId,
        /// Who wrote it.
        by: AgentId,
        /// Its beginning.
        excerpt: String,
        /// How many mentions are unread now.
        unread: usize,
    },
    /// One has read mentions, here or elsewhere.
    MentionsRead {
        /// Up to where.
        #[ts(type = "number")]
        up_to: u64,
        /// How many are left.
        unread: usize,
    },
    /// Somebody has read on.
    ReadMarks {
        /// In which conversation.
        conversation: ConversationId,
        /// Who, and how far.
        marks: Vec<ReadMark>,
    },
    /// The token ends in 60 s.
    TokenExpiring {},
    /// One may not see this conversation any longer.
    Revoked {
        /// Which.
        conversation: ConversationId,
    },
    /// This session fell behind, or the epoch changed; snapshots follow.
    Resync {
        /// Why.
        reason: String,
        /// The new epoch.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        epoch: Option<String>,
        /// The head in the new epoch.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional, type = "number")]
        seq: Option<u64>,
    },
    /// What the client had of a watch or view is replaced.
    Snapshot(Box<SnapshotFrame>),
    /// The server leaves; come back after a while.
    Reconnect {
        /// After so many milliseconds.
        #[ts(type = "number")]
        after_ms: u64,
        /// Why.
        reason: String,
    },
}
