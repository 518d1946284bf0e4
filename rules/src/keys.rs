//! Keys: what makes a command repeatable. Where a key is kept, what "the same command" means, and for how long.

use crate::action::Action;
use crate::context::{Context, Sender};
use crate::decision::{Decision, KeyRef, KeyToStore};
use dibs_protocol::ids::{ConversationId, MessageId};
use dibs_protocol::refusal::Refusal;
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

const HOUR_MS: i64 = 3_600_000;
/// How long agents' keys are kept.
pub const AGENT_KEEP_MS: i64 = 24 * HOUR_MS;
/// How long channels' keys for ingested messages are kept.
pub const INGEST_KEEP_MS: i64 = 7 * 24 * HOUR_MS;
/// How long a message's conversation can be found for deliveries, and a delivery's repetition is known.
pub const INDEX_KEEP_MS: i64 = 30 * 24 * HOUR_MS;

/// Fields that do not count when two commands are compared.
const NOT_COMPARED: [&str; 5] = ["id", "key", "token", "seen", "expect"];

/// Where the action's key is kept; `None` when it has none.
///
/// Agents' keys are per sender, command and conversation where one is named; channels' per channel, whoever speaks for it;
/// a delivery has an implied one: its state, under its message.
#[must_use]
pub fn key_of(action: &Action, sender: &Sender) -> Option<KeyRef> {
    let (conversation, key): (Option<ConversationId>, &str) = match action {
        Action::Open(it) => (None, &it.key),
        Action::Reply(it) => (Some(it.conversation), &it.key),
        Action::Note(it) => (Some(it.conversation), &it.key),
        Action::ScheduleReply(it) => (Some(it.conversation), &it.key),
        Action::CancelScheduled(it) => (Some(it.conversation), it.key.as_deref()?),
        Action::Claim(it) => (Some(it.conversation), it.key.as_deref()?),
        Action::Release(it) => (Some(it.conversation), it.key.as_deref()?),
        Action::Transfer(it) => (Some(it.conversation), it.key.as_deref()?),
        Action::CancelTransfer(it) => (Some(it.conversation), it.key.as_deref()?),
        Action::AnswerTransfer(it) => (Some(it.conversation), it.key.as_deref()?),
        Action::TakeOver(it) => (Some(it.conversation), it.key.as_deref()?),
        Action::Update(it) => (Some(it.conversation), it.key.as_deref()?),
        Action::Merge(it) => (Some(it.command.into), it.command.key.as_deref()?),
        Action::Split(it) => (Some(it.command.conversation), it.command.key.as_deref()?),
        Action::Ingest(it) => {
            return Some(KeyRef {
                scope: format!("ingest/{}", it.channel),
                key: it.key.clone(),
            });
        }
        Action::Delivery(it) => {
            return Some(KeyRef {
                scope: format!("delivery/{}", it.message),
                key: it.state.to_string(),
            });
        }
        Action::Expecting(inner, _) => return key_of(inner, sender),
        Action::ReleaseHeld
        | Action::Look
        | Action::Rate(_)
        | Action::Route(_)
        | Action::Deadline
        | Action::HolderGone(_)
        | Action::Retain { .. }
        | Action::Redact { .. } => return None,
    };
    let who = match sender {
        Sender::Agent(agent) => format!("agent/{}", agent.id),
        Sender::Channel { id, .. } => format!("channel/{id}"),
        Sender::System => "system".to_owned(),
    };
    let scope = match conversation {
        Some(conversation) => format!("{who}/{}/{conversation}", action.name()),
        None => format!("{who}/{}", action.name()),
    };
    Some(KeyRef {
        scope,
        key: key.to_owned(),
    })
}

/// The same words to a conversation that this one absorbed: where their key would be kept, and their digest. What was said
/// there is not said again here. Only what speaks has such a place; `None` for the rest.
#[must_use]
pub fn before_merge(
    action: &Action,
    sender: &Sender,
    absorbed: ConversationId,
) -> Option<(KeyRef, [u8; 32])> {
    let mut there = match action {
        Action::Reply(_) | Action::ScheduleReply(_) | Action::Note(_) => action.clone(),
        _ => return None,
    };
    match &mut there {
        Action::Reply(it) => it.conversation = absorbed,
        Action::ScheduleReply(it) => it.conversation = absorbed,
        Action::Note(it) => it.conversation = absorbed,
        _ => {}
    }
    Some((key_of(&there, sender)?, fingerprint(&there)))
}

/// Where a sent message's conversation is kept, so that deliveries find it.
#[must_use]
pub fn message_ref(message: MessageId) -> KeyRef {
    KeyRef {
        scope: "message".to_owned(),
        key: message.to_string(),
    }
}

/// What the action says, digested: SHA-256 of its canonical JSON (names sorted), without `id`, `key`, `token`, `seen` and
/// `expect`. A delivery's reason does not count either: its repetition is a repetition, whatever the words.
#[must_use]
pub fn fingerprint(action: &Action) -> [u8; 32] {
    let fields = match action {
        Action::Open(it) => json(it),
        Action::Claim(it) => json(it),
        Action::Release(it) => json(it),
        Action::Transfer(it) => json(it),
        Action::CancelTransfer(it) => json(it),
        Action::AnswerTransfer(it) => json(it),
        Action::TakeOver(it) => json(it),
        Action::Reply(it) => json(it),
        Action::Note(it) => json(it),
        Action::ScheduleReply(it) => json(it),
        Action::CancelScheduled(it) => json(it),
        Action::Update(it) => json(it),
        Action::Merge(it) => json(&it.command),
        Action::Split(it) => json(&it.command),
        Action::Ingest(it) => json(it),
        Action::Delivery(it) => json(&(it.message, it.state)),
        Action::Rate(it) => json(it),
        Action::HolderGone(agent) => json(agent),
        Action::Retain { entries, version } => json(&(entries, version)),
        Action::Redact { entries, reason } => json(&(entries, reason)),
        Action::Expecting(inner, _) => return fingerprint(inner),
        Action::ReleaseHeld | Action::Look | Action::Deadline | Action::Route(_) => Value::Null,
    };
    let mut text = String::from(action.name());
    let fields = match fields {
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .filter(|(name, _)| !NOT_COMPARED.contains(&name.as_str()))
                .collect(),
        ),
        other => other,
    };
    write_canonical(&fields, &mut text);
    Sha256::digest(text.as_bytes()).into()
}

/// The answer to an action whose key is known: the first one, marked as a duplicate. `None`: the key is new.
///
/// # Errors
/// `key_reused` when the key was used for something else.
pub(crate) fn repeated(action: &Action, ctx: &Context<'_>) -> Result<Option<Decision>, Refusal> {
    let Some(first) = ctx.first else {
        return Ok(None);
    };
    if first.fingerprint != fingerprint(action) {
        return Err(Refusal::key_reused());
    }
    let answer = Decision::nothing(first.answer.clone());
    Ok(Some(Decision {
        known_seq: first.seq,
        duplicate: true,
        ..answer
    }))
}

/// The key to store with the decision of the action, if it has one.
pub(crate) fn to_store(action: &Action, sender: &Sender) -> Option<KeyToStore> {
    let at = key_of(action, sender)?;
    let keep_ms = match action {
        Action::Ingest(_) => INGEST_KEEP_MS,
        Action::Delivery(_) => INDEX_KEEP_MS,
        Action::Open(_)
        | Action::Claim(_)
        | Action::Release(_)
        | Action::ReleaseHeld
        | Action::Transfer(_)
        | Action::CancelTransfer(_)
        | Action::AnswerTransfer(_)
        | Action::TakeOver(_)
        | Action::Reply(_)
        | Action::Note(_)
        | Action::ScheduleReply(_)
        | Action::CancelScheduled(_)
        | Action::Update(_)
        | Action::Merge(_)
        | Action::Split(_)
        | Action::Rate(_)
        | Action::Look
        | Action::Expecting(..)
        | Action::Route(_)
        | Action::Deadline
        | Action::HolderGone(_)
        | Action::Retain { .. }
        | Action::Redact { .. } => AGENT_KEEP_MS,
    };
    Some(KeyToStore {
        at,
        fingerprint: fingerprint(action),
        keep_ms,
    })
}

/// The value as JSON. Wire types always have one: their keys are text and their numbers finite.
fn json<T: Serialize>(it: &T) -> Value {
    serde_json::to_value(it).unwrap_or_default()
}

/// Writes JSON without white space and with names sorted, whatever order the map of this build keeps.
fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => write_object(map, out),
        Value::Array(list) => {
            out.push('[');
            for (i, item) in list.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            out.push_str(&value.to_string())
        }
    }
}

fn write_object(map: &Map<String, Value>, out: &mut String) {
    let mut names: Vec<&String> = map.keys().collect();
    names.sort_unstable();
    out.push('{');
    for (i, name) in names.into_iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        out.push_str(&Value::from(name.as_str()).to_string());
        out.push(':');
        if let Some(value) = map.get(name) {
            write_canonical(value, out);
        }
    }
    out.push('}');
}
