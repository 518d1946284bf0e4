//! In which order waiting conversations are given out. The order does not change as time passes, so it can be kept.

use crate::conversation::Conversation;
use dibs_protocol::ids::ConversationId;
use dibs_protocol::settings::QueueSettings;
use dibs_protocol::terms::{Priority, Status};

/// An urgent conversation comes before a normal one that has waited up to so much longer, in milliseconds. After that
/// the older one comes first: so nobody waits for ever behind what is more urgent (priority ageing).
const URGENT_MS: i64 = 30 * 60_000;
/// As [`URGENT_MS`], of high priority.
const HIGH_MS: i64 = 10 * 60_000;
/// A conversation of low priority lets the normal ones of so much later pass, in milliseconds.
const LOW_MS: i64 = -20 * 60_000;

/// A waiting conversation's place in its queue: smaller places come first.
///
/// First whoever was given up by an agent who left or fell asleep; then the tiers that come first, in their order; then by
/// waiting time, to which the priority adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    newcomer: bool,
    tier: usize,
    since_ms: i64,
    id: ConversationId,
}

impl Place {
    /// Whose place it is.
    #[must_use]
    pub fn conversation(&self) -> ConversationId {
        self.id
    }
}

/// Whether the conversation waits to be given to somebody: its customer waits, and nobody holds it or is asked to.
#[must_use]
pub fn routable(state: &Conversation) -> bool {
    matches!(state.status, Status::New | Status::Open)
        && state.waiting_since.is_some()
        && state.claim.is_none()
        && state.offer.is_none()
        && state.merged_into.is_none()
}

/// The conversation's place in its queue.
#[must_use]
pub fn place(state: &Conversation, queue: &QueueSettings) -> Place {
    let tier = state.customer.tier.as_ref();
    let rank = tier.and_then(|tier| queue.tiers_first.iter().position(|it| it == tier));
    let older_ms = match state.priority {
        Priority::Urgent => URGENT_MS,
        Priority::High => HIGH_MS,
        Priority::Normal => 0,
        Priority::Low => LOW_MS,
    };
    let since = state.waiting_since.unwrap_or(state.opened_at);
    Place {
        newcomer: !state.returned,
        tier: rank.unwrap_or(queue.tiers_first.len()),
        since_ms: since.0.saturating_sub(older_ms),
        id: state.id,
    }
}
