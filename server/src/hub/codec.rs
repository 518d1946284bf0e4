//! Events between their three forms: decided, stored, on the wire. An event is encoded once.

use super::outbox::Frame;
use crate::log::{LogError, NewEvent, StoredEvent};
use dibs_protocol::event::{Actor, Event};
use dibs_protocol::frame::HASH_CHARS;
use dibs_protocol::ids::ConversationId;
use dibs_protocol::time::Time;
use dibs_rules::personal;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

#[derive(Serialize)]
struct Written<'a> {
    actor: &'a Actor,
    event: &'a Event,
}

#[derive(Deserialize)]
struct Read {
    actor: Actor,
    event: Event,
}

/// The kind whose `token` is its own `seq`, filled in when it is read.
const TOKEN_IS_SEQ: &str = "claim_granted";

/// Most events are shorter: their text grows into no second allocation, in bytes.
const EVENT_BYTES: usize = 512;
/// What an entry has besides actor and event, in bytes.
const FIELDS_BYTES: usize = 192;

fn write(actor: &Actor, event: &Event) -> String {
    let mut text = Vec::with_capacity(EVENT_BYTES);
    match serde_json::to_writer(&mut text, &Written { actor, event }) {
        Ok(()) => String::from_utf8(text).unwrap_or_default(),
        Err(_) => String::new(),
    }
}

/// Makes a new event of a decided one.
pub(crate) fn encode(
    conversation: Option<ConversationId>,
    at: Time,
    actor: &Actor,
    event: &Event,
    salt: [u8; 16],
) -> NewEvent {
    let whole = write(actor, event);
    let bare_actor = personal::skeleton_actor(actor);
    let bare = match personal::skeleton(event, conversation) {
        Some(bare) => Some(write(&bare_actor, &bare)),
        None if bare_actor != *actor => Some(write(&bare_actor, event)),
        None => None,
    };
    let (skeleton, body) = match bare {
        Some(bare) => (bare, Some(whole)),
        None => (whole, None),
    };
    let actor = actor_column(&bare_actor);
    NewEvent {
        at_ms: at.0,
        conversation,
        kind: event.kind(),
        actor,
        skeleton,
        body,
        salt,
    }
}

fn actor_column(actor: &Actor) -> String {
    serde_json::to_string(actor).unwrap_or_default()
}

/// Reads a stored event.
///
/// # Errors
/// `Corrupt` when it is not an event of a known kind.
pub(crate) fn decode(stored: &StoredEvent) -> Result<(Actor, Event), LogError> {
    let mut read: Read = serde_json::from_str(&stored.event)
        .map_err(|_| LogError::Corrupt(format!("event {} cannot be read", stored.seq)))?;
    if let Event::ClaimGranted { token, .. } = &mut read.event {
        *token = stored.seq;
    }
    Ok((read.actor, read.event))
}

/// What the wire shows of an event.
struct Shown<'a> {
    seq: u64,
    conversation: Option<ConversationId>,
    at_ms: i64,
    kind: &'a str,
    content: &'a str,
    redacted: bool,
}

impl<'a> Shown<'a> {
    fn stored(stored: &'a StoredEvent) -> Self {
        Self {
            seq: stored.seq,
            conversation: stored.conversation,
            at_ms: stored.at_ms,
            kind: &stored.kind,
            content: &stored.event,
            redacted: stored.redacted,
        }
    }

    /// An object that begins with `begin`, a brace and perhaps fields.
    fn text(&self, begin: &str) -> String {
        let mut text = String::with_capacity(self.content.len() + FIELDS_BYTES);
        // Writing into a String does not fail.
        self.write(begin, &mut text).ok();
        text
    }

    fn write(&self, begin: &str, text: &mut String) -> std::fmt::Result {
        write!(text, "{begin}\"seq\":{},", self.seq)?;
        if let Some(id) = self.conversation {
            write!(text, "\"conversation\":\"{id}\",")?;
        }
        write!(text, "\"at\":\"{}\",", Time(self.at_ms))?;
        if self.redacted {
            let actor = self.content.split(",\"event\":").next();
            let actor = actor.unwrap_or("{\"actor\":{\"kind\":\"system\"}");
            let (actor, kind) = (actor.trim_start_matches('{'), self.kind);
            return write!(
                text,
                "{actor},\"event\":{{\"kind\":\"{kind}\",\"redacted\":true}}}}"
            );
        }
        let content = self.content.strip_prefix('{').unwrap_or(self.content);
        match content.strip_suffix("}}") {
            Some(open) if self.kind == TOKEN_IS_SEQ => {
                text.push_str(open);
                write!(text, ",\"token\":{}}}}}", self.seq)
            }
            _ => text.write_str(content),
        }
    }
}

/// How an `event` frame begins.
const EVENT: &str = "{\"type\":\"event\",";

/// The event as an entry of a timeline: an `event` frame without `type`.
pub(crate) fn entry(stored: &StoredEvent) -> String {
    Shown::stored(stored).text("{")
}

/// The event as an `event` frame, from its parts as they were decided.
pub(crate) fn event_frame(seq: u64, event: &NewEvent) -> Frame {
    let shown = Shown {
        seq,
        conversation: event.conversation,
        at_ms: event.at_ms,
        kind: event.kind,
        content: event.body.as_ref().unwrap_or(&event.skeleton),
        redacted: false,
    };
    Frame::text(&shown.text(EVENT))
}

/// The event as an `event` frame, as it was read from the log.
pub(crate) fn stored_frame(stored: &StoredEvent) -> Frame {
    Frame::text(&Shown::stored(stored).text(EVENT))
}

/// How the wire shows the chain's hash.
pub(crate) fn hash_text(hash: &[u8; 32]) -> String {
    let mut text = hex::encode(hash);
    text.truncate(HASH_CHARS);
    text
}
