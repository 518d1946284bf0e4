//! What a decision says: events to store, the answer, and the key under which a repetition finds it.

use dibs_protocol::event::{Actor, Event, Mentions};
use dibs_protocol::ids::{AgentId, ConversationId, MessageId};
use dibs_protocol::time::Time;
use serde::{Deserialize, Serialize};

/// The answer of an action, without numbers that only the log knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// `open`: `token` is the decision's `seq`.
    Opened {
        /// The new conversation.
        conversation: ConversationId,
    },
    /// `claim` and `take_over`: `token` is the decision's `seq`.
    Claimed,
    /// `claim` of what one holds: the token that one has.
    AlreadyHeld {
        /// The token.
        token: u64,
    },
    /// `answer_transfer` accepted: `token` is the decision's `seq`.
    Accepted,
    /// Whatever is answered by its `seq` alone, or by nothing when nothing changed.
    Done,
    /// `transfer`.
    Offered {
        /// When the offer ends by itself.
        expires_at: Time,
    },
    /// `reply`.
    Replied {
        /// The message.
        message: MessageId,
    },
    /// `note`.
    Noted {
        /// Whom it mentions.
        mentions: Mentions,
        /// Names in it that nobody has.
        unknown: Vec<String>,
    },
    /// `split`.
    Split {
        /// The new conversation.
        conversation: ConversationId,
    },
    /// `POST /messages`.
    Ingested {
        /// Where it went.
        conversation: ConversationId,
        /// The message.
        message: MessageId,
        /// Whether it opened the conversation.
        opened: bool,
    },
}

/// A key's place: sender, command, and conversation where one is named.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyRef {
    /// Sender, command and conversation, as one text.
    pub scope: String,
    /// The client's key.
    pub key: String,
}

/// A key to store with the decision's events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyToStore {
    /// Its place.
    pub at: KeyRef,
    /// Digest of the command's content.
    pub fingerprint: [u8; 32],
    /// How long it must be kept, in milliseconds.
    pub keep_ms: i64,
}

/// What a key was used for.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyRecord {
    /// Digest of the command's content then.
    pub fingerprint: [u8; 32],
    /// The first answer.
    pub answer: Answer,
    /// Its `seq`, if it had one.
    pub seq: Option<u64>,
}

/// An agent who is mentioned by the decision's note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mentioned {
    /// Who.
    pub agent: AgentId,
    /// Which event of the decision mentions them.
    pub event: usize,
}

/// What happens to another conversation than the one that the decision is about, in the same commit.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Which: one that is there already, or a new one.
    pub conversation: ConversationId,
    /// Who causes each event, and the event. Never empty.
    pub events: Vec<(Actor, Event)>,
    /// Whom a note of these events mentions.
    pub mentioned: Vec<Mentioned>,
}

impl Part {
    /// These events of this conversation.
    #[must_use]
    pub fn of(conversation: ConversationId, events: Vec<(Actor, Event)>) -> Self {
        Self {
            conversation,
            events,
            mentioned: Vec::new(),
        }
    }
}

/// What is to happen, if nobody was faster.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Who causes each event, and the event. Empty: nothing changes.
    pub events: Vec<(Actor, Event)>,
    /// What happens to other conversations, each of them once. Their events stand before `events` in the feed, in this
    /// order; there are none where `events` is empty.
    pub others: Vec<Part>,
    /// The answer.
    pub answer: Answer,
    /// Which of `events` the answer's `seq` means; `None` when it has none.
    pub answers_event: Option<usize>,
    /// A `seq` already known: that of the first answer, when `duplicate`.
    pub known_seq: Option<u64>,
    /// Whether this repeats an earlier answer.
    pub duplicate: bool,
    /// A key to store with the events.
    pub key: Option<KeyToStore>,
    /// More keys to store: the index by which deliveries find a message's conversation.
    pub index: Option<KeyToStore>,
    /// Whom the note mentions, teams resolved, the author left out.
    pub mentioned: Vec<Mentioned>,
    /// The commit must prove that this agent has been absent for the grace period.
    pub guard_absent: Option<AgentId>,
}

impl Decision {
    /// A decision without events.
    #[must_use]
    pub fn nothing(answer: Answer) -> Self {
        Self {
            events: Vec::new(),
            others: Vec::new(),
            answer,
            answers_event: None,
            known_seq: None,
            duplicate: false,
            key: None,
            index: None,
            mentioned: Vec::new(),
            guard_absent: None,
        }
    }

    /// A decision with these events, which answers with the last one's `seq`.
    #[must_use]
    pub fn with(answer: Answer, events: Vec<(Actor, Event)>) -> Self {
        let answers_event = events.len().checked_sub(1);
        Self {
            events,
            answers_event,
            ..Self::nothing(answer)
        }
    }
}
