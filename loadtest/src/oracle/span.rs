//! A span: what one client was told of one conversation without a gap, from a snapshot on and through reconnections.
//! Its size does not depend on how much that was.

use super::digest::Roll;
use dibs_protocol::ids::ConversationId;
use serde::{Deserialize, Serialize};

/// What a client was told of a conversation it watches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// Which conversation.
    pub conversation: ConversationId,
    /// Which history of the log.
    pub epoch: Option<String>,
    /// When it began.
    pub begun: u64,
    /// The version of the snapshot that it begins with: its events are those above.
    pub from: u64,
    /// The last event; `from` without any.
    pub last: u64,
    /// Every event up to here must have been told.
    pub through: u64,
    /// How many events were told.
    pub count: u64,
    /// Their numbers, digested.
    pub numbers: Roll,
    /// Their contents, digested, as long as each was seen whole.
    pub contents: Option<Roll>,
    /// Their numbers one by one, when everything is kept.
    pub list: Option<Vec<u64>>,
    /// An end was asked for: more may come, and need not.
    pub(crate) ending: bool,
    /// What the client had when it resumed: a replay may bring that again.
    pub(crate) had: u64,
}

impl Span {
    pub(crate) fn new(conversation: ConversationId, from: u64, begun: u64, whole: bool) -> Self {
        Self {
            conversation,
            epoch: None,
            begun,
            from,
            last: from,
            through: from,
            count: 0,
            numbers: Roll::default(),
            contents: Some(Roll::default()),
            list: whole.then(Vec::new),
            ending: false,
            had: 0,
        }
    }

    /// Appends an event, `content` being its digest if it was seen whole.
    pub(crate) fn push(&mut self, seq: u64, content: Option<u64>) {
        self.last = seq;
        self.count += 1;
        self.numbers.push(seq);
        match (content, &mut self.contents) {
            (Some(content), Some(roll)) => roll.push(content),
            (None, contents) => *contents = None,
            (Some(_), None) => {}
        }
        if let Some(list) = &mut self.list {
            list.push(seq);
        }
    }

    /// The session has heard everything up to here.
    pub(crate) fn heard(&mut self, seq: u64) {
        if !self.ending {
            self.through = self.through.max(seq);
        }
    }
}

/// The end of a timeline, as `watch`, `history` or a snapshot show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tail {
    /// Which conversation.
    pub conversation: ConversationId,
    /// When it came.
    pub moment: u64,
    /// Up to which version it reaches; `None`: to before `before`.
    pub version: Option<u64>,
    /// Only events below this, if so asked.
    pub before: Option<u64>,
    /// How many were asked for; `None`: not known.
    pub limit: Option<u64>,
    /// How many there are.
    pub count: u64,
    /// The last one; 0 without any.
    pub last: u64,
    /// Their numbers.
    pub numbers: Roll,
    /// Their contents.
    pub contents: Roll,
    /// Whether there are older ones.
    pub more: bool,
}
