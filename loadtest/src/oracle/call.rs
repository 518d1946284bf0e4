//! Commands and requests as histories keep them: what was asked, when, and what came of it. Texts are kept as digests.

use super::digest;
pub use super::outcome::{No, Outcome, Yes};
use dibs_client::Fields;
use dibs_protocol::answer::{
    BulkAnswer, ClaimAnswer, EntriesAnswer, ListAnswer, NoteAnswer, OpenAnswer, OpenViewAnswer, ReplyAnswer,
    SeqAnswer, SplitAnswer, TokenAnswer, UpdateAnswer, WatchAnswer,
};
use dibs_protocol::command::{BulkAction, Command, Update};
use dibs_protocol::http::Ingest;
use dibs_protocol::ids::{ChannelId, ConversationId, CustomerId, MessageId};
use dibs_protocol::terms::DeliveryState;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A command or request of one client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// When it left.
    pub sent: u64,
    /// When its answer came.
    pub answered: Option<u64>,
    /// The highest `seq` that this session was told before it left.
    pub known: u64,
    /// The key that makes it repeatable.
    pub key: Option<String>,
    /// The digest of what counts when two commands with one key are compared.
    pub body: u64,
    /// What was asked.
    pub ask: Ask,
    /// What came of it.
    pub outcome: Outcome,
}

/// What was asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Ask {
    /// `hello`.
    Hello,
    /// `watch`, with the limit of its entries.
    Watch(ConversationId, u64),
    /// `unwatch`.
    Unwatch(ConversationId),
    /// `history`, below this `seq`, with the limit of its entries.
    History(ConversationId, u64, u64),
    /// `list` or `open_view`.
    List,
    /// `open`.
    Open(ChannelId, CustomerId),
    /// `claim`.
    Claim(ConversationId),
    /// `take_over`.
    TakeOver(ConversationId),
    /// `release`, with the token, if it names one.
    Release(ConversationId, Option<u64>),
    /// `transfer`.
    Transfer(ConversationId, u64),
    /// `cancel_transfer`.
    CancelTransfer(ConversationId, u64),
    /// `answer_transfer`.
    AnswerTransfer(ConversationId, bool),
    /// `reply`.
    Reply {
        /// Where.
        conversation: ConversationId,
        /// With which claim.
        token: u64,
        /// The highest `seq` that was shown.
        seen: u64,
        /// The text's digest.
        text: u64,
    },
    /// `note`, with its text's digest.
    Note(ConversationId, u64),
    /// `update`.
    Update(Box<Update>),
    /// `bulk`: each conversation's part is a call of its own once answered.
    Bulk(Vec<ConversationId>, BulkAction),
    /// `merge`: the survivor, and what it absorbs.
    Merge(ConversationId, Vec<ConversationId>),
    /// `split`: the conversation, and the messages that move.
    Split(ConversationId, Vec<MessageId>),
    /// `POST /messages`.
    Ingest {
        /// Where.
        channel: ChannelId,
        /// Who.
        customer: CustomerId,
        /// The text's digest.
        text: u64,
        /// Whether it names a thread or a conversation.
        directed: bool,
    },
    /// `POST /deliveries`.
    Delivery(MessageId, DeliveryState),
    /// `POST /ratings`.
    Rating(ConversationId, u8),
    /// `read_mentions`, up to this.
    ReadMentions(u64),
    /// What changes nothing in the log.
    Other(String),
}

/// How many rows of a list are kept for comparison.
const ROWS: usize = 8;

impl Ask {
    /// Whether it changes something in the log when it is done.
    #[must_use]
    pub fn changes(&self) -> bool {
        match self {
            Self::Open(..)
            | Self::Claim(_)
            | Self::TakeOver(_)
            | Self::Release(..)
            | Self::Transfer(..)
            | Self::CancelTransfer(..)
            | Self::AnswerTransfer(..)
            | Self::Reply { .. }
            | Self::Note(..)
            | Self::Update(_)
            | Self::Bulk(..)
            | Self::Merge(..)
            | Self::Split(..)
            | Self::Ingest { .. }
            | Self::Delivery(..)
            | Self::Rating(..) => true,
            Self::Hello
            | Self::Watch(..)
            | Self::Unwatch(_)
            | Self::History(..)
            | Self::List
            | Self::ReadMentions(_)
            | Self::Other(_) => false,
        }
    }

    /// What a command asks; texts become digests.
    #[must_use]
    pub fn of(command: &Command) -> Self {
        match command {
            Command::Watch(it) => Self::Watch(it.conversation, it.limit.unwrap_or(50)),
            Command::Unwatch(it) => Self::Unwatch(it.conversation),
            Command::History(it) => Self::History(it.conversation, it.before, it.limit.unwrap_or(50)),
            Command::OpenView(_) | Command::List(_) => Self::List,
            Command::Open(it) => Self::Open(it.channel.clone(), it.customer.id.clone()),
            Command::Claim(it) => Self::Claim(it.conversation),
            Command::TakeOver(it) => Self::TakeOver(it.conversation),
            Command::Release(it) => Self::Release(it.conversation, Some(it.token)),
            Command::Transfer(it) => Self::Transfer(it.conversation, it.token),
            Command::CancelTransfer(it) => Self::CancelTransfer(it.conversation, it.token),
            Command::AnswerTransfer(it) => Self::AnswerTransfer(it.conversation, it.accept),
            Command::Reply(it) => Self::Reply {
                conversation: it.conversation,
                token: it.token,
                seen: it.seen,
                text: digest::text(&it.text),
            },
            Command::Note(it) => Self::Note(it.conversation, digest::text(&it.text)),
            Command::Update(it) => Self::Update(Box::new(it.clone())),
            Command::Bulk(it) => Self::Bulk(it.conversations.clone(), it.action.clone()),
            Command::Merge(it) => Self::Merge(it.into, it.conversations.clone()),
            Command::Split(it) => Self::Split(it.conversation, it.messages.clone()),
            Command::ReadMentions(it) => Self::ReadMentions(it.up_to),
            // Reading, presence and marks; a command that changes the log belongs above.
            other => Self::Other(other.name().to_owned()),
        }
    }

    /// What an ingest asks.
    #[must_use]
    pub fn ingest(body: &Ingest) -> Self {
        Self::Ingest {
            channel: body.channel.clone(),
            customer: body.customer.id.clone(),
            text: digest::text(&body.text),
            directed: body.thread.is_some() || body.conversation.is_some(),
        }
    }

    /// The conversation that it names.
    #[must_use]
    pub fn conversation(&self) -> Option<ConversationId> {
        match self {
            Self::Watch(id, _)
            | Self::Unwatch(id)
            | Self::History(id, ..)
            | Self::Claim(id)
            | Self::TakeOver(id)
            | Self::Release(id, _)
            | Self::Transfer(id, _)
            | Self::CancelTransfer(id, _)
            | Self::AnswerTransfer(id, _)
            | Self::Note(id, _)
            | Self::Rating(id, _)
            | Self::Merge(id, _)
            | Self::Split(id, _)
            | Self::Reply { conversation: id, .. } => Some(*id),
            Self::Update(it) => Some(it.conversation),
            Self::Hello
            | Self::List
            | Self::Open(..)
            | Self::Bulk(..)
            | Self::Ingest { .. }
            | Self::Delivery(..)
            | Self::ReadMentions(_)
            | Self::Other(_) => None,
        }
    }

    /// The command's name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Hello => "hello",
            Self::Watch(..) => "watch",
            Self::Unwatch(_) => "unwatch",
            Self::History(..) => "history",
            Self::List => "list",
            Self::Open(..) => "open",
            Self::Claim(_) => "claim",
            Self::TakeOver(_) => "take_over",
            Self::Release(..) => "release",
            Self::Transfer(..) => "transfer",
            Self::CancelTransfer(..) => "cancel_transfer",
            Self::AnswerTransfer(..) => "answer_transfer",
            Self::Reply { .. } => "reply",
            Self::Note(..) => "note",
            Self::Update(_) => "update",
            Self::Bulk(..) => "bulk",
            Self::Merge(..) => "merge",
            Self::Split(..) => "split",
            Self::Ingest { .. } => "ingest",
            Self::Delivery(..) => "delivery",
            Self::Rating(..) => "rating",
            Self::ReadMentions(_) => "read_mentions",
            Self::Other(name) => name,
        }
    }

    /// What `ok` promises; `None` when it does not carry what it must.
    #[must_use]
    pub fn yes(&self, fields: &Fields) -> Option<Yes> {
        Some(match self {
            Self::Watch(..) => Yes::Version(read::<WatchAnswer>(fields)?.summary.version),
            Self::History(..) => {
                read::<EntriesAnswer>(fields)?;
                Yes::Done
            }
            Self::List if fields.contains_key("seq") => {
                let answer: OpenViewAnswer = read(fields)?;
                Yes::Rows(rows(&answer.conversations), Some(answer.seq))
            }
            Self::List => Yes::Rows(rows(&read::<ListAnswer>(fields)?.conversations), None),
            Self::Open(..) => {
                let answer: OpenAnswer = read(fields)?;
                Yes::Opened {
                    conversation: answer.conversation,
                    token: answer.token,
                    duplicate: answer.duplicate,
                }
            }
            Self::Claim(_) => {
                let answer: ClaimAnswer = read(fields)?;
                Yes::Held(answer.token, Some(answer.summary.version))
            }
            Self::TakeOver(_) | Self::AnswerTransfer(_, true) => {
                Yes::Held(read::<TokenAnswer>(fields)?.token?, None)
            }
            Self::Split(..) => Yes::Split(read::<SplitAnswer>(fields)?.conversation),
            Self::Release(..) | Self::Transfer(..) | Self::CancelTransfer(..) | Self::Merge(..) => {
                Yes::Seq(read::<SeqAnswer>(fields)?.seq)
            }
            Self::Reply { .. } => {
                let answer: ReplyAnswer = read(fields)?;
                Yes::Replied {
                    seq: answer.seq,
                    message: answer.message,
                    duplicate: answer.duplicate,
                }
            }
            Self::Note(..) => {
                let answer: NoteAnswer = read(fields)?;
                Yes::Noted {
                    seq: answer.seq,
                    mentions: digest::typed(&answer.mentions),
                    duplicate: answer.duplicate,
                }
            }
            Self::Update(_) => Yes::Updated(read::<UpdateAnswer>(fields)?.seq),
            Self::Hello
            | Self::Unwatch(_)
            | Self::AnswerTransfer(_, false)
            | Self::Bulk(..)
            | Self::Ingest { .. }
            | Self::Delivery(..)
            | Self::Rating(..)
            | Self::ReadMentions(_)
            | Self::Other(_) => Yes::Done,
        })
    }

    /// A `bulk`'s part for each conversation, with its outcome.
    pub(crate) fn parts(&self, answer: BulkAnswer) -> Vec<(Self, Outcome)> {
        let Self::Bulk(_, action) = self else {
            return Vec::new();
        };
        let part = |id| match action {
            BulkAction::Claim(_) => Self::Claim(id),
            BulkAction::Release(it) => Self::Release(id, it.token),
            BulkAction::Update(it) => Self::Update(Box::new(it.of(id, None))),
        };
        let parts = answer.results.into_iter().map(|result| {
            let ask = part(result.conversation);
            let outcome = match (result.ok, result.error) {
                (Some(ok), _) => ask
                    .yes(&ok.into_iter().collect())
                    .map_or(Outcome::Unknown, Outcome::Yes),
                (None, Some(error)) => Outcome::refused(&error),
                (None, None) => Outcome::Unknown,
            };
            (ask, outcome)
        });
        parts.collect()
    }
}

fn rows(rows: &[dibs_protocol::summary::Summary]) -> Vec<(ConversationId, u64)> {
    rows.iter().take(ROWS).map(|it| (it.id, it.version)).collect()
}

/// Reads an answer's fields as a type.
pub(crate) fn read<T: DeserializeOwned>(fields: &Fields) -> Option<T> {
    let object = fields
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    serde_json::from_value(serde_json::Value::Object(object)).ok()
}
