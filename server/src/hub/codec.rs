//! Events between their three forms: decided, stored, on the wire. An event is encoded once.

use super::outbox::Frame;
use crate::log::{LogError, NewEvent, StoredEvent};
use dibs_protocol::event::{Actor, Event};
use dibs_protocol::frame::HASH_CHARS;
use dibs_protocol::ids::ConversationId;
use dibs_protocol::time::Time;
use dibs_rules::personal;
use serde::{Deserialize, Serialize};

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

fn write(actor: &Actor, event: &Event) -> String {
    serde_json::to_string(&Written { actor, event }).unwrap_or_default()
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

/// The fields of an entry after `"seq":…`, as the wire has them.
fn rest(
    conversation: Option<ConversationId>,
    at_ms: i64,
    kind: &str,
    seq: u64,
    content: &str,
    redacted: bool,
) -> String {
    let place = conversation.map_or_else(String::new, |id| format!("\"conversation\":\"{id}\","));
    let at = Time(at_ms);
    if redacted {
        let actor = content
            .split(",\"event\":")
            .next()
            .unwrap_or("{\"actor\":{\"kind\":\"system\"}");
        let actor = actor.trim_start_matches('{');
        return format!(
            "{place}\"at\":\"{at}\",{actor},\"event\":{{\"kind\":\"{kind}\",\"redacted\":true}}}}"
        );
    }
    let content = content.strip_prefix('{').unwrap_or(content);
    match content.strip_suffix("}}") {
        Some(open) if kind == TOKEN_IS_SEQ => format!("{place}\"at\":\"{at}\",{open},\"token\":{seq}}}}}"),
        _ => format!("{place}\"at\":\"{at}\",{content}"),
    }
}

/// The event as an entry of a timeline: an `event` frame without `type`.
pub(crate) fn entry(stored: &StoredEvent) -> String {
    let rest = rest(
        stored.conversation,
        stored.at_ms,
        &stored.kind,
        stored.seq,
        &stored.event,
        stored.redacted,
    );
    format!("{{\"seq\":{},{rest}", stored.seq)
}

/// The event as an `event` frame, from its parts as they were decided.
pub(crate) fn event_frame(seq: u64, event: &NewEvent) -> Frame {
    let content = event.body.as_ref().unwrap_or(&event.skeleton);
    let rest = rest(event.conversation, event.at_ms, event.kind, seq, content, false);
    Frame::text(&format!("{{\"type\":\"event\",\"seq\":{seq},{rest}"))
}

/// The event as an `event` frame, as it was read from the log.
pub(crate) fn stored_frame(stored: &StoredEvent) -> Frame {
    let rest = rest(
        stored.conversation,
        stored.at_ms,
        &stored.kind,
        stored.seq,
        &stored.event,
        stored.redacted,
    );
    Frame::text(&format!("{{\"type\":\"event\",\"seq\":{},{rest}", stored.seq))
}

/// How the wire shows the chain's hash.
pub(crate) fn hash_text(hash: &[u8; 32]) -> String {
    let mut text = hex::encode(hash);
    text.truncate(HASH_CHARS);
    text
}
