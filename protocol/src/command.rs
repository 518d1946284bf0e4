//! Commands: what a client may ask for, imperative mood. Each is answered exactly once.

use crate::event::{Attachment, Customer, TransferTo};
use crate::filter::Filter;
use crate::ids::{AgentId, ChannelId, ConversationId, MessageId, QueueId, TeamId};
use crate::refusal::Refusal;
use crate::settings::WorkspaceSettings;
use crate::strict::{nullable, object, present, present_objects};
use crate::terms::{Presence, Priority, Sort, Status, Then};
use crate::time::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Fields of the summary (or `version`) as the client saw them, as JSON.
pub type Expect = serde_json::Map<String, serde_json::Value>;

/// Reads `expect` and refuses a field that stands twice: one of the two preconditions would be dropped silently.
fn expectations<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Option<Expect>, D::Error> {
    struct Once;
    impl<'de> serde::de::Visitor<'de> for Once {
        type Value = Expect;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Expect, A::Error> {
            use serde::de::Error;
            let mut expect = Expect::new();
            while let Some((name, value)) = map.next_entry::<String, serde_json::Value>()? {
                if expect.insert(name.clone(), value).is_some() {
                    return Err(A::Error::custom(format_args!("duplicate field `{name}`")));
                }
            }
            Ok(expect)
        }
    }
    input.deserialize_map(Once).map(Some)
}

macro_rules! command_struct {
    ($(#[$doc:meta])* $name:ident { $($body:tt)* }) => {
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
        $(#[$doc])*
        #[serde(deny_unknown_fields)]
        pub struct $name { $($body)* }
    };
}

macro_rules! commands {
    ($($(#[$doc:meta])* $name:ident = $text:literal),+ $(,)?) => {
        /// A command, without its `id`.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
        #[serde(tag = "type")]
        pub enum Command {
            $($(#[$doc])* #[serde(rename = $text)] $name($name)),+
        }

        impl Command {
            /// All commands' names, as the wire writes them.
            pub const NAMES: &'static [&'static str] = &[$($text),+];

            /// The command's name, as the wire writes it.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self { $(Self::$name(_) => $text),+ }
            }

            /// Reads a command by its name from the other fields of its frame; `None` when there is no such command.
            pub(crate) fn from_fields(
                name: &str,
                fields: crate::parse::Fields<'_>,
            ) -> Option<Result<Self, Refusal>> {
                match name {
                    $($text => Some(fields.read().map(Self::$name)),)+
                    _ => None,
                }
            }
        }

        $(impl From<$name> for Command {
            fn from(command: $name) -> Self {
                Self::$name(command)
            }
        })+
    };
}

commands! {
    /// Follow a conversation.
    Watch = "watch",
    /// Follow it no longer.
    Unwatch = "unwatch",
    /// Read further back.
    History = "history",
    /// Open a live list.
    OpenView = "open_view",
    /// Close a live list.
    CloseView = "close_view",
    /// Read a list once.
    List = "list",
    /// Begin a conversation and hold it.
    Open = "open",
    /// Call dibs.
    Claim = "claim",
    /// Let go.
    Release = "release",
    /// Offer one's conversation to somebody.
    Transfer = "transfer",
    /// Withdraw that offer.
    CancelTransfer = "cancel_transfer",
    /// Accept or decline an offer.
    AnswerTransfer = "answer_transfer",
    /// Take a conversation from its holder.
    TakeOver = "take_over",
    /// Answer the customer.
    Reply = "reply",
    /// Answer the customer later.
    ScheduleReply = "schedule_reply",
    /// Do not, after all.
    CancelScheduled = "cancel_scheduled",
    /// Write to colleagues.
    Note = "note",
    /// Change a conversation.
    Update = "update",
    /// Do one thing to many conversations.
    Bulk = "bulk",
    /// Make one conversation of several.
    Merge = "merge",
    /// Make two conversations of one.
    Split = "split",
    /// Say how present one is.
    SetPresence = "set_presence",
    /// Say how far one has read.
    MarkRead = "mark_read",
    /// Ask how far one has read.
    ReadMarks = "read_marks",
    /// Ask who mentioned one.
    Mentions = "mentions",
    /// Say which mentions one has read.
    ReadMentions = "read_mentions",
    /// Follow the agents.
    WatchAgents = "watch_agents",
    /// Follow them no longer.
    UnwatchAgents = "unwatch_agents",
    /// Follow the statistics.
    WatchStats = "watch_stats",
    /// Follow them no longer.
    UnwatchStats = "unwatch_stats",
    /// Ask what the workspace has set.
    Settings = "settings",
    /// Set it.
    SetSettings = "set_settings",
    /// Bring a new token.
    Refresh = "refresh",
    /// Ask for a sign of life.
    Ping = "ping",
}

command_struct!(
    /// Follow a conversation.
    Watch {
        /// Which.
        pub conversation: ConversationId,
        /// How many of its latest entries to send; 50 by default.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional, type = "number")]
        pub limit: Option<u64>,
        /// Supervisors: not to be seen among the viewers.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional)]
        pub silent: Option<bool>,
    }
);

command_struct!(
    /// Follow a conversation no longer.
    Unwatch {
        /// Which.
        pub conversation: ConversationId,
    }
);

command_struct!(
    /// Read a conversation further back.
    History {
        /// Which.
        pub conversation: ConversationId,
        /// Only entries below this `seq`.
        #[ts(type = "number")]
        pub before: u64,
        /// At most so many; 50 by default.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional, type = "number")]
        pub limit: Option<u64>,
    }
);

command_struct!(
    /// Open a live list of unclosed conversations.
    OpenView {
        /// The client's name for it: 1 to 64 characters.
        pub view: String,
        /// What to show.
        #[serde(deserialize_with = "object")]
        pub filter: Filter,
        /// In which order.
        pub sort: Sort,
        /// The first row, a multiple of `limit`; 0 by default.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional, type = "number")]
        pub offset: Option<u64>,
        /// How many rows; 50 by default, 0 for the total only.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional, type = "number")]
        pub limit: Option<u64>,
    }
);

command_struct!(
    /// Close a live list.
    CloseView {
        /// The client's name for it.
        pub view: String,
    }
);

command_struct!(
    /// Read a list once, closed conversations included.
    List {
        /// What to show.
        #[serde(deserialize_with = "object")]
        pub filter: Filter,
        /// In which order.
        pub sort: Sort,
        /// The `cursor` of the page before.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional)]
        pub after: Option<String>,
        /// At most so many; 50 by default.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional, type = "number")]
        pub limit: Option<u64>,
    }
);

command_struct!(
    /// Begin a conversation with a customer, and hold it.
    Open {
        /// Makes the command repeatable.
        pub key: String,
        /// With whom.
        #[serde(deserialize_with = "object")]
        pub customer: Customer,
        /// Where.
        pub channel: ChannelId,
        /// Where it waits; the default queue otherwise.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional)]
        pub queue: Option<QueueId>,
        /// What about.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional)]
        pub subject: Option<String>,
    }
);

command_struct!(
    /// Call dibs.
    #[ts(rename = "ClaimCommand")]
    Claim {
        /// On which conversation.
        pub conversation: ConversationId,
        /// Makes the command repeatable.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional)]
        pub key: Option<String>,
    }
);

command_struct!(
    /// Let go.
    Release {
        /// Of which conversation.
        pub conversation: ConversationId,
        /// The claim's token.
        #[ts(type = "number")]
        pub token: u64,
        /// Makes the command repeatable.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional)]
        pub key: Option<String>,
    }
);

command_struct!(
    /// Offer one's conversation to somebody.
    Transfer {
        /// Which conversation.
        pub conversation: ConversationId,
        /// The claim's token.
        #[ts(type = "number")]
        pub token: u64,
        /// To whom.
        pub to: TransferTo,
        /// A word with it.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional)]
        pub note: Option<String>,
        /// Makes the command repeatable.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional)]
        pub key: Option<String>,
    }
);

command_struct!(
    /// Withdraw one's offer.
    CancelTransfer {
        /// Of which conversation.
        pub conversation: ConversationId,
        /// The claim's token.
        #[ts(type = "number")]
        pub token: u64,
        /// Makes the command repeatable.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional)]
        pub key: Option<String>,
    }
);

command_struct!(
    /// Accept or decline an offer.
    AnswerTransfer {
        /// Of which conversation.
        pub conversation: ConversationId,
        /// Whether to accept it.
        pub accept: bool,
        /// A word with it.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional)]
        pub note: Option<String>,
        /// Makes the command repeatable.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional)]
        pub key: Option<String>,
    }
);

command_struct!(
    /// Take a conversation from its holder.
    TakeOver {
        /// Which.
        pub conversation: ConversationId,
        /// Why; the loser reads it.
        pub reason: String,
        /// Makes the command repeatable.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional)]
        pub key: Option<String>,
    }
);

command_struct!(
    /// Answer the customer.
    Reply {
        /// In which conversation.
        pub conversation: ConversationId,
        /// The claim's token.
        #[ts(type = "number")]
        pub token: u64,
        /// Makes the command repeatable.
        pub key: String,
        /// The highest `seq` of this conversation that was shown to the sender.
        #[ts(type = "number")]
        pub seen: u64,
        /// What to say.
        pub text: String,
        /// Files with it.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present_objects")]
        #[ts(optional)]
        pub attachments: Option<Vec<Attachment>>,
        /// Where it leaves the conversation, when not `open`.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional)]
        pub then: Option<Then>,
    }
);

command_struct!(
    /// Answer the customer at a time to come, if one still holds the conversation then and nothing new was said.
    ScheduleReply {
        /// In which conversation.
        pub conversation: ConversationId,
        /// The claim's token.
        #[ts(type = "number")]
        pub token: u64,
        /// Makes the command repeatable.
        pub key: String,
        /// The highest `seq` of this conversation that was shown to the sender.
        #[ts(type = "number")]
        pub seen: u64,
        /// What to say.
        pub text: String,
        /// Files with it.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present_objects")]
        #[ts(optional)]
        pub attachments: Option<Vec<Attachment>>,
        /// Where it leaves the conversation, when not `open`.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional)]
        pub then: Option<Then>,
        /// When to send it.
        pub at: Time,
    }
);

command_struct!(
    /// Do not send the reply that waits.
    CancelScheduled {
        /// In which conversation.
        pub conversation: ConversationId,
        /// Makes the command repeatable.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional)]
        pub key: Option<String>,
    }
);

command_struct!(
    /// Write to colleagues.
    #[ts(rename = "NoteCommand")]
    Note {
        /// In which conversation.
        pub conversation: ConversationId,
        /// Makes the command repeatable.
        pub key: String,
        /// What to say; `@name` mentions.
        pub text: String,
    }
);

macro_rules! changes {
    ($(#[$doc:meta])* $name:ident { $($extra:tt)* }) => {
        command_struct!(
            $(#[$doc])*
            $name {
                $($extra)*
                /// Where it stands.
                #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
                #[ts(optional)]
                pub status: Option<Status>,
                /// When a pending one wakes; null wakes it no more.
                #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "nullable")]
                #[ts(optional, type = "string | null")]
                pub snoozed_until: Option<Option<Time>>,
                /// How urgent it is.
                #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
                #[ts(optional)]
                pub priority: Option<Priority>,
                /// Where it waits.
                #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
                #[ts(optional)]
                pub queue: Option<QueueId>,
                /// Who is responsible; null for nobody.
                #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "nullable")]
                #[ts(optional, type = "AgentId | null")]
                pub assignee: Option<Option<AgentId>>,
                /// Which team is responsible; null for none.
                #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "nullable")]
                #[ts(optional, type = "TeamId | null")]
                pub team: Option<Option<TeamId>>,
                /// What it is about; null for nothing.
                #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "nullable")]
                #[ts(optional, type = "string | null")]
                pub subject: Option<Option<String>>,
                /// Tags to add.
                #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
                #[ts(optional)]
                pub add_tags: Option<Vec<String>>,
                /// Tags to remove.
                #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
                #[ts(optional)]
                pub remove_tags: Option<Vec<String>>,
            }
        );
    };
}

changes!(
    /// Change a conversation, all of it in one commit.
    Update {
        /// Which.
        pub conversation: ConversationId,
        /// Makes the command repeatable.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional)]
        pub key: Option<String>,
        /// The state that the client saw; a difference is `conflict`.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "expectations")]
        #[ts(optional, type = "Partial<Summary>")]
        pub expect: Option<Expect>,
    }
);

changes!(
    /// The changes of an `update`, for each conversation of a `bulk`.
    BulkUpdate {}
);

impl BulkUpdate {
    /// The first field that is there, if any is.
    fn first_field(&self) -> Option<&'static str> {
        let there = [
            ("status", self.status.is_some()),
            ("snoozed_until", self.snoozed_until.is_some()),
            ("priority", self.priority.is_some()),
            ("queue", self.queue.is_some()),
            ("assignee", self.assignee.is_some()),
            ("team", self.team.is_some()),
            ("subject", self.subject.is_some()),
            ("add_tags", self.add_tags.is_some()),
            ("remove_tags", self.remove_tags.is_some()),
        ];
        there
            .into_iter()
            .find(|(_, there)| *there)
            .map(|(field, _)| field)
    }

    /// The same change of one conversation.
    #[must_use]
    pub fn of(&self, conversation: ConversationId, expect: Option<Expect>) -> Update {
        let it = self.clone();
        Update {
            conversation,
            key: None,
            expect,
            status: it.status,
            snoozed_until: it.snoozed_until,
            priority: it.priority,
            queue: it.queue,
            assignee: it.assignee,
            team: it.team,
            subject: it.subject,
            add_tags: it.add_tags,
            remove_tags: it.remove_tags,
        }
    }
}

command_struct!(
    /// `claim` for each conversation of a `bulk`: it has no fields.
    BulkClaim {}
);

command_struct!(
    /// `release` for each conversation of a `bulk`: whatever the sender holds, unless a token is named.
    BulkRelease {
        /// The claim's token.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional, type = "number")]
        pub token: Option<u64>,
    }
);

/// What a `bulk` does to each of its conversations.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum BulkAction {
    /// Change it.
    Update(BulkUpdate),
    /// Claim it.
    Claim(BulkClaim),
    /// Release it.
    Release(BulkRelease),
}

/// The names of a `bulk`'s actions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
enum BulkKind {
    Update,
    Claim,
    Release,
}

impl<'de> Deserialize<'de> for BulkAction {
    /// Reads all fields that any action has, so that a wrong one is named by its path, then those of the others are refused.
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let AnyBulk { kind, token, changes } = AnyBulk::read(input)?;
        let stray = |field: &str| D::Error::custom(format_args!("unknown field `{field}`"));
        if kind != BulkKind::Release && token.is_some() {
            return Err(stray("token"));
        }
        if kind != BulkKind::Update
            && let Some(field) = changes.first_field()
        {
            return Err(stray(field));
        }
        Ok(match kind {
            BulkKind::Update => Self::Update(changes),
            BulkKind::Claim => Self::Claim(BulkClaim {}),
            BulkKind::Release => Self::Release(BulkRelease { token }),
        })
    }
}

/// What any action of a `bulk` may have.
struct AnyBulk {
    kind: BulkKind,
    token: Option<u64>,
    changes: BulkUpdate,
}

changes!(
    /// The fields of [`AnyBulk`] as they stand side by side on the wire.
    BulkFields {
        /// Which action.
        #[serde(rename = "type")]
        kind: BulkKind,
        /// The token of a `release`.
        #[serde(default, deserialize_with = "present")]
        token: Option<u64>,
    }
);

impl AnyBulk {
    fn read<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let it = object::<D, BulkFields>(input)?;
        let changes = BulkUpdate {
            status: it.status,
            snoozed_until: it.snoozed_until,
            priority: it.priority,
            queue: it.queue,
            assignee: it.assignee,
            team: it.team,
            subject: it.subject,
            add_tags: it.add_tags,
            remove_tags: it.remove_tags,
        };
        Ok(Self {
            kind: it.kind,
            token: it.token,
            changes,
        })
    }
}

command_struct!(
    /// Do one thing to many conversations.
    Bulk {
        /// Which, at most 500.
        pub conversations: Vec<ConversationId>,
        /// What.
        pub action: BulkAction,
        /// Makes the command repeatable.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional)]
        pub key: Option<String>,
        /// The state that each is expected to have.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "expectations")]
        #[ts(optional, type = "Partial<Summary>")]
        pub expect: Option<Expect>,
    }
);

command_struct!(
    /// Make one conversation of several: the others close, and what was said in them is the survivor's.
    Merge {
        /// The survivor.
        pub into: ConversationId,
        /// Those that it absorbs: 1 to 100, each once, the survivor not among them.
        pub conversations: Vec<ConversationId>,
        /// The survivor's summary, or some of its fields, as the client saw it; a difference is `conflict`.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "expectations")]
        #[ts(optional, type = "Partial<Summary>")]
        pub expect: Option<Expect>,
        /// Makes the command repeatable.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional)]
        pub key: Option<String>,
    }
);

command_struct!(
    /// Make two conversations of one: messages of a conversation become a new one's, of the same customer.
    Split {
        /// The conversation.
        pub conversation: ConversationId,
        /// The messages that move: at least one, each once.
        pub messages: Vec<MessageId>,
        /// What the new conversation is about.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional)]
        pub subject: Option<String>,
        /// The conversation's summary, or some of its fields, as the client saw it; a difference is `conflict`.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "expectations")]
        #[ts(optional, type = "Partial<Summary>")]
        pub expect: Option<Expect>,
        /// Makes the command repeatable.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional)]
        pub key: Option<String>,
    }
);

command_struct!(
    /// Say how present one is. Belongs to the agent, not to the session.
    SetPresence {
        /// How present.
        pub status: Presence,
        /// Whose; supervisors may say it of somebody else. Absent: one's own.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional)]
        pub agent: Option<AgentId>,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional)]
        pub reason: Option<String>,
        /// Makes the command repeatable.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional)]
        pub key: Option<String>,
    }
);

command_struct!(
    /// Say how far one has read.
    MarkRead {
        /// In which conversation.
        pub conversation: ConversationId,
        /// The highest `seq` that was read.
        #[ts(type = "number")]
        pub up_to: u64,
        /// Makes the command repeatable.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional)]
        pub key: Option<String>,
    }
);

command_struct!(
    /// Ask how far one has read.
    #[ts(rename = "ReadMarksCommand")]
    ReadMarks {}
);

command_struct!(
    /// Ask who mentioned one, newest first.
    #[ts(rename = "MentionsCommand")]
    Mentions {
        /// Only mentions below this `seq`.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional, type = "number")]
        pub before: Option<u64>,
        /// At most so many; 50 by default.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional, type = "number")]
        pub limit: Option<u64>,
    }
);

command_struct!(
    /// Say which mentions one has read.
    ReadMentions {
        /// The highest `seq` that was read.
        #[ts(type = "number")]
        pub up_to: u64,
        /// Makes the command repeatable.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional)]
        pub key: Option<String>,
    }
);

command_struct!(
    /// Follow the agents.
    WatchAgents {}
);

command_struct!(
    /// Follow the agents no longer.
    UnwatchAgents {}
);

command_struct!(
    /// Follow the statistics: `stats` follows, at most once a second, only when something changed.
    WatchStats {}
);

command_struct!(
    /// Follow the statistics no longer.
    UnwatchStats {}
);

command_struct!(
    /// Ask what the workspace has set.
    #[ts(rename = "SettingsCommand")]
    Settings {}
);

command_struct!(
    /// Set all that a workspace can set. Setting what is set already changes nothing.
    SetSettings {
        /// All of it: what is left out has its default.
        #[serde(deserialize_with = "object")]
        pub settings: Box<WorkspaceSettings>,
        /// The version that the client saw; another one is `conflict`.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional, type = "number")]
        pub expect: Option<u64>,
        /// Makes the command repeatable.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional)]
        pub key: Option<String>,
    }
);

command_struct!(
    /// Bring a new token before the old one is over.
    Refresh {
        /// The new token, of the same subject and workspace.
        pub token: String,
    }
);

command_struct!(
    /// Ask for a sign of life.
    Ping {}
);

impl Command {
    /// The conversation that the command names, if it names one: of a `merge` the survivor.
    #[must_use]
    pub fn conversation(&self) -> Option<ConversationId> {
        match self {
            Self::Watch(Watch { conversation, .. })
            | Self::Unwatch(Unwatch { conversation })
            | Self::History(History { conversation, .. })
            | Self::Claim(Claim { conversation, .. })
            | Self::Release(Release { conversation, .. })
            | Self::Transfer(Transfer { conversation, .. })
            | Self::CancelTransfer(CancelTransfer { conversation, .. })
            | Self::AnswerTransfer(AnswerTransfer { conversation, .. })
            | Self::TakeOver(TakeOver { conversation, .. })
            | Self::Reply(Reply { conversation, .. })
            | Self::ScheduleReply(ScheduleReply { conversation, .. })
            | Self::CancelScheduled(CancelScheduled { conversation, .. })
            | Self::Note(Note { conversation, .. })
            | Self::Update(Update { conversation, .. })
            | Self::Merge(Merge {
                into: conversation, ..
            })
            | Self::Split(Split { conversation, .. })
            | Self::MarkRead(MarkRead { conversation, .. }) => Some(*conversation),
            Self::OpenView(_)
            | Self::CloseView(_)
            | Self::List(_)
            | Self::Open(_)
            | Self::Bulk(_)
            | Self::SetPresence(_)
            | Self::ReadMarks(_)
            | Self::Mentions(_)
            | Self::ReadMentions(_)
            | Self::WatchAgents(_)
            | Self::UnwatchAgents(_)
            | Self::WatchStats(_)
            | Self::UnwatchStats(_)
            | Self::Settings(_)
            | Self::SetSettings(_)
            | Self::Refresh(_)
            | Self::Ping(_) => None,
        }
    }

    /// The key that makes the command repeatable, if it has one.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Open(Open { key, .. })
            | Self::Reply(Reply { key, .. })
            | Self::ScheduleReply(ScheduleReply { key, .. })
            | Self::Note(Note { key, .. }) => Some(key),
            Self::Claim(Claim { key, .. })
            | Self::Release(Release { key, .. })
            | Self::Transfer(Transfer { key, .. })
            | Self::CancelTransfer(CancelTransfer { key, .. })
            | Self::AnswerTransfer(AnswerTransfer { key, .. })
            | Self::TakeOver(TakeOver { key, .. })
            | Self::CancelScheduled(CancelScheduled { key, .. })
            | Self::Update(Update { key, .. })
            | Self::Bulk(Bulk { key, .. })
            | Self::Merge(Merge { key, .. })
            | Self::Split(Split { key, .. })
            | Self::SetPresence(SetPresence { key, .. })
            | Self::MarkRead(MarkRead { key, .. })
            | Self::ReadMentions(ReadMentions { key, .. })
            | Self::SetSettings(SetSettings { key, .. }) => key.as_deref(),
            Self::Watch(_)
            | Self::Unwatch(_)
            | Self::History(_)
            | Self::OpenView(_)
            | Self::CloseView(_)
            | Self::List(_)
            | Self::ReadMarks(_)
            | Self::Mentions(_)
            | Self::WatchAgents(_)
            | Self::UnwatchAgents(_)
            | Self::WatchStats(_)
            | Self::UnwatchStats(_)
            | Self::Settings(_)
            | Self::Refresh(_)
            | Self::Ping(_) => None,
        }
    }
}
