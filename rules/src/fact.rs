//! A stored event with its place in the feed, as folding reads it. Encoding and storing are done elsewhere.

use dibs_protocol::event::{Actor, Event};
use dibs_protocol::ids::ConversationId;
use dibs_protocol::time::Time;

/// An event of a conversation, with what the log added to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fact<'a> {
    /// Its number in the feed.
    pub seq: u64,
    /// When it was stored.
    pub at: Time,
    /// Which conversation it belongs to.
    pub conversation: ConversationId,
    /// Who caused it.
    pub actor: &'a Actor,
    /// What happened.
    pub event: &'a Event,
}
