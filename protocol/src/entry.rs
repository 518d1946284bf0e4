//! Events as timelines list them: with their place in the feed, and whatever is left of those that were erased.

use crate::event::{Actor, Event};
use crate::ids::ConversationId;
use crate::time::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// An event with its place in the feed, as timelines list it: an `event` frame without `type`.
///
/// A redacted entry has `{"kind":…,"redacted":true}` for its event; a client may also meet kinds that it does not know,
/// so the event stays JSON here: [`EventEntry::known`] reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct EventEntry {
    /// Its number in the feed.
    #[ts(type = "number")]
    pub seq: u64,
    /// Which conversation it belongs to, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub conversation: Option<ConversationId>,
    /// When it was stored.
    pub at: Time,
    /// Who caused it.
    pub actor: Actor,
    /// What happened: an [`Event`], or the remains of a redacted one.
    #[schemars(with = "EventOrRedacted")]
    #[ts(type = "Event | RedactedEvent")]
    pub event: serde_json::Value,
}

impl EventEntry {
    /// The event, when it is of a known kind and not redacted.
    #[must_use]
    pub fn known(&self) -> Option<Event> {
        Event::deserialize(&self.event).ok()
    }

    /// The event's kind.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.event
            .get("kind")
            .and_then(serde_json::Value::as_str)
            .unwrap_or("")
    }
}

/// What is left of an erased event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct RedactedEvent {
    /// Its kind.
    pub kind: String,
    /// Always true.
    pub redacted: bool,
}

/// An event, or what is left of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum EventOrRedacted {
    /// What is left of it.
    Redacted(RedactedEvent),
    /// All of it.
    Event(Event),
}
