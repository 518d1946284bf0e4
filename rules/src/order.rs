//! The orders of lists: total, ties by id, as keys that are cheap to compare and fit into a cursor.

use crate::conversation::Conversation;
use dibs_protocol::ids::ConversationId;
use dibs_protocol::terms::Sort;
use uuid::Uuid;

/// A conversation's place in a list: smaller keys come first. Keys of different sorts are not to be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderKey {
    first: i64,
    second: i64,
    id: Uuid,
}

const HEX: usize = 64;

/// Those who do not wait come after all who do.
const NOT_WAITING: i64 = i64::MAX;

/// The conversation's place in lists of this order.
#[must_use]
pub fn order_key(sort: Sort, state: &Conversation) -> OrderKey {
    let waiting = state.waiting_since.map_or(NOT_WAITING, |since| since.0);
    // `!` turns an order around without overflow.
    let (first, second) = match sort {
        Sort::Waiting => (waiting, 0),
        Sort::Newest => (!state.opened_at.0, 0),
        Sort::Oldest => (state.opened_at.0, 0),
        Sort::Priority => (!(state.priority as i64), waiting),
        Sort::LastActivity => (!state.active_at.0, 0),
        Sort::Due => (state.due_at().map_or(NOT_WAITING, |at| at.0), waiting),
    };
    OrderKey {
        first,
        second,
        id: state.id.0,
    }
}

impl OrderKey {
    /// Whose place it is.
    #[must_use]
    pub fn conversation(&self) -> ConversationId {
        ConversationId(self.id)
    }

    /// The key as an opaque text: a cursor.
    #[must_use]
    pub fn encode(&self) -> String {
        let (first, second) = (self.first.cast_unsigned(), self.second.cast_unsigned());
        format!("{first:016x}{second:016x}{:032x}", self.id.as_u128())
    }

    /// Reads a cursor; `None` when it is not one.
    #[must_use]
    pub fn decode(text: &str) -> Option<Self> {
        let plain = text.len() == HEX && text.bytes().all(|b| b.is_ascii_hexdigit());
        let part = |from: usize, to: usize| text.get(from..to).filter(|_| plain);
        Some(Self {
            first: u64::from_str_radix(part(0, 16)?, 16).ok()?.cast_signed(),
            second: u64::from_str_radix(part(16, 32)?, 16).ok()?.cast_signed(),
            id: Uuid::from_u128(u128::from_str_radix(part(32, HEX)?, 16).ok()?),
        })
    }
}
