//! Everything that is stored about one customer, as one JSON document.
//!
//! Its form is a promise: `format` names it, and whatever changes its meaning changes that. Deliberately absent: who may
//! ask, and where it goes.

use super::codec;
use super::item::parse_state;
use crate::log::{AggregateKind, Log, LogError, Range, StoredEvent};
use dibs_protocol::ids::WorkspaceId;
use dibs_protocol::time::Time;
use dibs_rules::Conversation;
use serde_json::{Value, json};

/// The name of the document's form.
const FORMAT: &str = "dibs-export/1";
/// Events that never reach a customer: what colleagues say to one another.
const INTERNAL: [&str; 4] = [
    "note_added",
    "transfer_offered",
    "transfer_declined",
    "claim_granted",
];

/// Reads a customer's conversations, closed ones included, oldest first, and all their events. Notes, and what else is
/// meant for colleagues only, have `"internal":true`; what was erased has `"redacted":true`.
///
/// # Errors
/// When the log cannot be reached or is damaged.
pub async fn export_customer(
    log: &dyn Log,
    workspace: &WorkspaceId,
    customer: &str,
    now_ms: i64,
) -> Result<Value, LogError> {
    let head = log.head(workspace).await?;
    let mut states = Vec::new();
    for stored in log
        .owned(workspace, AggregateKind::Conversation, customer)
        .await?
    {
        states.extend(parse_state(&stored)?);
    }
    states.sort_by_key(|it| (it.opened_at, it.id));
    let mut conversations = Vec::with_capacity(states.len());
    for state in &states {
        conversations.push(conversation(log, workspace, state).await?);
    }
    Ok(json!({
        "format": FORMAT,
        "made_at": Time(now_ms),
        "workspace": workspace,
        "customer": customer,
        "feed": { "epoch": head.epoch, "seq": head.seq, "hash": hex::encode(head.hash) },
        "conversations": conversations,
    }))
}

async fn conversation(
    log: &dyn Log,
    workspace: &WorkspaceId,
    state: &Conversation,
) -> Result<Value, LogError> {
    let range = Range {
        after: 0,
        up_to: u64::MAX >> 1,
        limit: usize::MAX >> 1,
        newest: false,
    };
    let events = log.read(workspace, Some(state.id), range).await?;
    let events: Result<Vec<Value>, LogError> = events.iter().map(entry).collect();
    Ok(json!({
        "id": state.id,
        "thread": state.thread,
        "summary": state.summary(),
        "events": events?,
    }))
}

/// The event as timelines list it, with a mark on what is meant for colleagues only.
fn entry(stored: &StoredEvent) -> Result<Value, LogError> {
    let damaged = |_| LogError::Corrupt(format!("event {} cannot be read", stored.seq));
    let mut entry: Value = serde_json::from_str(&codec::entry(stored)).map_err(damaged)?;
    if INTERNAL.contains(&stored.kind.as_str()) {
        entry["internal"] = json!(true);
    }
    Ok(entry)
}
