//! What `ok` carries, command by command.

use crate::event::{EventEntry, Mentions};
use crate::frame::Viewer;
use crate::ids::{AgentId, ConversationId, MessageId, NoteId, TeamId};
use crate::refusal::Refusal;
use crate::settings::WorkspaceSettings;
use crate::summary::Summary;
use crate::terms::{AgentKind, Presence, Role};
use crate::time::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use ts_rs::TS;

macro_rules! answers {
    ($($(#[$doc:meta])* $name:ident { $($body:tt)* })+) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
            pub struct $name { $($body)* }
        )+
    };
}

answers! {
    /// To `watch`.
    WatchAnswer {
        /// The conversation.
        pub summary: Summary,
        /// Its latest entries, oldest first.
        pub entries: Vec<EventEntry>,
        /// Whether there are older ones.
        pub more: bool,
        /// Who looks at it.
        pub viewers: Vec<Viewer>,
    }
    /// To `history`, and over HTTP to `events`.
    EntriesAnswer {
        /// Entries, ascending.
        pub entries: Vec<EventEntry>,
        /// Whether there are more in the direction of reading.
        pub more: bool,
    }
    /// To `open_view`.
    OpenViewAnswer {
        /// The feed's head that it shows.
        #[ts(type = "number")]
        pub seq: u64,
        /// How many conversations match.
        pub total: usize,
        /// The rows of the window, in order.
        pub conversations: Vec<Summary>,
        /// The window was too large for one frame: the rest follows in `view_changed`.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        #[ts(optional, as = "Option<bool>")]
        pub more: bool,
    }
    /// To `list`.
    ListAnswer {
        /// The conversations, in order.
        pub conversations: Vec<Summary>,
        /// Where the next page begins; absent on the last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        pub cursor: Option<String>,
    }
    /// To `open`.
    OpenAnswer {
        /// The new conversation.
        pub conversation: ConversationId,
        /// The claim's token.
        #[ts(type = "number")]
        pub token: u64,
        /// Whether the key was known.
        #[serde(default)]
        pub duplicate: bool,
    }
    /// To `claim`.
    ClaimAnswer {
        /// The claim's token.
        #[ts(type = "number")]
        pub token: u64,
        /// The conversation.
        pub summary: Summary,
    }
    /// To `release`, `cancel_transfer`, `merge`.
    SeqAnswer {
        /// The event's `seq`.
        #[ts(type = "number")]
        pub seq: u64,
    }
    /// To `transfer`.
    TransferAnswer {
        /// The offer's `seq`.
        #[ts(type = "number")]
        pub seq: u64,
        /// When the offer ends by itself.
        pub expires_at: Time,
    }
    /// To `answer_transfer`, `take_over`.
    TokenAnswer {
        /// The claim's token; absent when declined.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional, type = "number")]
        pub token: Option<u64>,
    }
    /// To `reply`.
    ReplyAnswer {
        /// The message's `seq`.
        #[ts(type = "number")]
        pub seq: u64,
        /// The message's id.
        pub message: MessageId,
        /// Whether the key was known.
        pub duplicate: bool,
    }
    /// To `note`.
    NoteAnswer {
        /// The note's `seq`.
        #[ts(type = "number")]
        pub seq: u64,
        /// Whom it mentions.
        pub mentions: Mentions,
        /// Names in it that nobody has.
        pub unknown: Vec<String>,
        /// Whether the key was known.
        pub duplicate: bool,
    }
    /// To `update`.
    UpdateAnswer {
        /// The last event's `seq`; absent when nothing changed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional, type = "number")]
        pub seq: Option<u64>,
    }
    /// To `split`.
    SplitAnswer {
        /// The new conversation.
        pub conversation: ConversationId,
    }
    /// To `bulk`: one result a conversation, in the order asked.
    BulkAnswer {
        /// The results.
        pub results: Vec<BulkResult>,
    }
    /// What became of one conversation of a `bulk`.
    BulkResult {
        /// Which.
        pub conversation: ConversationId,
        /// What the command's own `ok` would carry.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional, type = "Record<string, unknown>")]
        pub ok: Option<serde_json::Map<String, serde_json::Value>>,
        /// Why it was not done.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        pub error: Option<Refusal>,
    }
    /// To `read_marks`.
    ReadMarksAnswer {
        /// How far one has read in unclosed conversations.
        #[ts(type = "Record<string, number>")]
        pub marks: BTreeMap<ConversationId, u64>,
    }
    /// A mention in one's inbox.
    MentionRow {
        /// The note's `seq`.
        #[ts(type = "number")]
        pub seq: u64,
        /// Where.
        pub conversation: ConversationId,
        /// Which note.
        pub note: NoteId,
        /// Who wrote it.
        pub by: AgentId,
        /// When.
        pub at: Time,
        /// Its beginning.
        pub excerpt: String,
        /// Whether one has read it.
        pub read: bool,
    }
    /// To `mentions`, newest first.
    MentionsAnswer {
        /// The mentions.
        pub mentions: Vec<MentionRow>,
        /// How many are unread in all.
        pub unread: usize,
    }
    /// To `read_mentions`.
    ReadMentionsAnswer {
        /// How many are left.
        pub unread: usize,
    }
    /// An agent as `watch_agents` shows them.
    AgentRow {
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
        /// Their own word.
        pub status: Presence,
        /// Whether they have a session.
        pub connected: bool,
        /// When their last session ended, or now while they have one; null when never seen connected.
        pub last_seen_at: Option<Time>,
        /// How many conversations they hold.
        pub claims: usize,
        /// How many they take at most; null: no limit.
        pub capacity: Option<u32>,
        /// Why they are as present as they are, if they said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        pub reason: Option<String>,
        /// Since when, if they said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        pub since: Option<Time>,
    }
    /// A team and who belongs to it.
    TeamRow {
        /// The id.
        pub id: TeamId,
        /// Its members.
        pub members: Vec<AgentId>,
    }
    /// To `watch_agents`.
    WatchAgentsAnswer {
        /// Every known agent.
        pub agents: Vec<AgentRow>,
        /// Every known team.
        pub teams: Vec<TeamRow>,
        /// There were too many agents for one frame: the rest follows in `presence`.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        #[ts(optional, as = "Option<bool>")]
        pub more: bool,
    }
    /// To `settings`, and over HTTP.
    SettingsAnswer {
        /// Which version of them it is: one more with every change; 0 while nothing was set.
        #[ts(type = "number")]
        pub version: u64,
        /// All that the workspace has set.
        pub settings: WorkspaceSettings,
    }
    /// To `set_settings`, and over HTTP.
    SetSettingsAnswer {
        /// Which version of the settings it is.
        #[ts(type = "number")]
        pub version: u64,
    }
    /// To `ping`.
    PingAnswer {
        /// The server's time.
        pub time: Time,
    }
}
