//! The recent end of the feed in memory, so that a herd that comes back is replayed without asking the log.

use super::outbox::Frame;
use dibs_protocol::ids::ConversationId;
use std::collections::VecDeque;

/// Most events kept.
const EVENTS: usize = 20_000;
/// Most bytes kept.
const BYTES: usize = 16 * 1024 * 1024;
/// Most heads kept, whose hashes clients may bring back.
const HEADS: usize = 20_000;

#[derive(Debug)]
struct Kept {
    seq: u64,
    conversation: Option<ConversationId>,
    frame: Frame,
    len: usize,
}

/// A gapless run of events that ends at the head.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    events: VecDeque<Kept>,
    bytes: usize,
    heads: VecDeque<(u64, [u8; 32])>,
}

impl Recent {
    /// Adds the next event.
    pub(crate) fn push(&mut self, seq: u64, conversation: Option<ConversationId>, frame: Frame) {
        if self.events.back().is_some_and(|last| last.seq + 1 != seq) {
            self.events.clear();
            self.bytes = 0;
        }
        let len = frame.clone().into_bytes().len();
        self.bytes += len;
        self.events.push_back(Kept {
            seq,
            conversation,
            frame,
            len,
        });
        while self.events.len() > EVENTS || self.bytes > BYTES {
            let Some(old) = self.events.pop_front() else { break };
            self.bytes -= old.len;
        }
    }

    /// Goes past an event that no session is ever told.
    pub(crate) fn pass(&mut self, seq: u64) {
        self.push(seq, None, Frame::ping());
    }

    /// Remembers the chain's hash at a head.
    pub(crate) fn head(&mut self, seq: u64, hash: [u8; 32]) {
        self.heads.push_back((seq, hash));
        if self.heads.len() > HEADS {
            self.heads.pop_front();
        }
    }

    /// The chain's hash at `seq`, if it was a head not long ago.
    pub(crate) fn hash_at(&self, seq: u64) -> Option<[u8; 32]> {
        let at = self.heads.binary_search_by_key(&seq, |(seq, _)| *seq).ok()?;
        Some(self.heads[at].1)
    }

    /// The events above `after`, or `None` when some of them are no longer here.
    pub(crate) fn since(&self, after: u64) -> Option<impl Iterator<Item = (u64, ConversationId, &Frame)>> {
        let first = self.events.front().map(|it| it.seq)?;
        if first > after + 1 {
            return None;
        }
        let skip = usize::try_from(after + 1 - first).unwrap_or(usize::MAX);
        let events = self.events.iter().skip(skip);
        Some(events.filter_map(|it| it.conversation.map(|id| (it.seq, id, &it.frame))))
    }
}
