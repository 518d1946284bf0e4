//! What comes of commands and requests, as histories keep it: refusals with what they name, acknowledgements with what they promise.

use super::feed;
use dibs_protocol::http::IngestAnswer;
use dibs_protocol::ids::{AgentId, ConversationId, MessageId};
use dibs_protocol::refusal::{Code, Refusal};
use dibs_protocol::time::Time;
use serde::{Deserialize, Serialize};

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// No answer, or `unavailable`, or `internal`: it was done once or not at all.
    Unknown,
    /// It was refused.
    No(No),
    /// It was done, or nothing had to be done.
    Yes(Yes),
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct No {
    /// The code.
    pub code: Code,
    /// Who holds the claim, if it says so.
    pub holder: Option<AgentId>,
    /// Since when, if it says so.
    pub since: Option<Time>,
    /// The version of the conversation that it shows.
    pub current: Option<u64>,
    /// The number and content of the entries that it shows.
    pub missed: Vec<(u64, u64)>,
}

/// A yes, with what it promises.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Yes {
    /// Done.
    Done,
    /// One holds the conversation with this token; the version shown.
    Held(u64, Option<u64>),
    /// An event with this number.
    Seq(u64),
    /// A reply.
    Replied {
        /// Its number.
        seq: u64,
        /// Its message.
        message: MessageId,
        /// Whether the key was known.
        duplicate: bool,
    },
    /// A note.
    Noted {
        /// Its number.
        seq: u64,
        /// The digest of whom it mentions.
        mentions: u64,
        /// Whether the key was known.
        duplicate: bool,
    },
    /// A conversation that one holds.
    Opened {
        /// Which.
        conversation: ConversationId,
        /// The claim's token.
        token: u64,
        /// Whether the key was known.
        duplicate: bool,
    },
    /// A conversation that was split off.
    Split(ConversationId),
    /// An update; without a number nothing changed.
    Updated(Option<u64>),
    /// An ingested message.
    Ingested {
        /// The answer.
        answer: IngestAnswer,
        /// Whether it is new (201).
        fresh: bool,
    },
    /// A conversation's version.
    Version(u64),
    /// Some rows of a list, with their versions; the head that it shows, if it says so.
    Rows(Vec<(ConversationId, u64)>, Option<u64>),
}

impl Yes {
    /// The highest number that it names; 0 for none.
    #[must_use]
    pub fn seq(&self) -> u64 {
        match self {
            Self::Done | Self::Split(_) => 0,
            Self::Held(token, version) => version.unwrap_or(0).max(*token),
            Self::Seq(seq) | Self::Replied { seq, .. } | Self::Noted { seq, .. } | Self::Version(seq) => *seq,
            Self::Opened { token, .. } => *token,
            Self::Updated(seq) => seq.unwrap_or(0),
            Self::Ingested { answer, .. } => answer.seq,
            Self::Rows(rows, seq) => {
                let versions = rows.iter().map(|row| row.1);
                versions.chain(*seq).max().unwrap_or(0)
            }
        }
    }
}

impl Yes {
    /// The number of the event that it names; 0 for none.
    pub(crate) fn seq_of_event(&self) -> u64 {
        match self {
            Self::Held(token, _) => *token,
            other => other.seq(),
        }
    }
}

impl Outcome {
    /// What a refusal means.
    #[must_use]
    pub fn refused(refusal: &Refusal) -> Self {
        if matches!(refusal.code, Code::Unavailable | Code::Internal) {
            return Self::Unknown;
        }
        let details = &refusal.details;
        let missed = details.missed.iter().flatten();
        Self::No(No {
            code: refusal.code,
            holder: details.holder.clone(),
            since: details.since,
            current: details
                .current
                .as_ref()
                .and_then(|it| it.conversation())
                .map(|it| it.version),
            missed: missed.map(|it| (it.seq, feed::content(it))).collect(),
        })
    }
}
