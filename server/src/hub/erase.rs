//! Erasing a customer: everything personal in their conversations goes, the feed keeps its shape.

use super::item::{conversation_aggregate, customer_aggregate, parse_state};
use crate::hub::codec;
use crate::log::{AggregateKind, Expected, Item, Log, LogError, NewState, Outcome, Range};
use crate::ports::{Clock, Entropy};
use dibs_protocol::event::{Actor, Event};
use dibs_protocol::ids::{ConversationId, WorkspaceId};
use dibs_protocol::terms::{RedactReason, Status};
use dibs_protocol::time::Time;
use dibs_rules::Conversation;
use dibs_rules::fact::Fact;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What an erasure did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Erased {
    /// Conversations of the customer.
    pub conversations: usize,
    /// Entries whose content is gone.
    pub entries: usize,
}

/// Erases a customer from a workspace, one commit a conversation. It may be repeated: what is erased stays so.
///
/// What was merged is one matter: it reaches the conversations that absorbed the customer's, and all that those absorbed.
///
/// # Errors
/// When the log cannot be reached or is damaged; conversations erased before stay erased.
pub async fn erase_customer(
    log: &dyn Log,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    workspace: &WorkspaceId,
    customer: &str,
) -> Result<Erased, LogError> {
    let mut erased = Erased::default();
    let mut found = BTreeSet::new();
    let mut wanted = log
        .owned(workspace, AggregateKind::Conversation, customer)
        .await?;
    while let Some(stored) = wanted.pop() {
        let Some(state) = parse_state(&stored)?.filter(|it| found.insert(it.id)) else {
            continue;
        };
        for id in state.absorbed.iter().chain(&state.merged_into) {
            wanted.push(log.state(workspace, &conversation_aggregate(*id)).await?);
        }
        erased.entries += erase_conversation(log, clock, entropy, workspace, state).await?;
        erased.conversations += 1;
    }
    Ok(erased)
}

/// Erases one conversation, of whomever it is, and gives how many entries that were. It may be repeated.
///
/// # Errors
/// When the log cannot be reached or is damaged.
pub async fn erase_one(
    log: &dyn Log,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    workspace: &WorkspaceId,
    conversation: ConversationId,
) -> Result<usize, LogError> {
    let stored = log
        .state(workspace, &conversation_aggregate(conversation))
        .await?;
    match parse_state(&stored)? {
        Some(state) => erase_conversation(log, clock, entropy, workspace, state).await,
        None => Ok(0),
    }
}

async fn erase_conversation(
    log: &dyn Log,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    workspace: &WorkspaceId,
    mut state: Conversation,
) -> Result<usize, LogError> {
    let id: ConversationId = state.id;
    let head = log.head(workspace).await?;
    let range = Range {
        after: 0,
        up_to: head.seq,
        limit: usize::MAX >> 1,
        newest: false,
    };
    let events = log.read(workspace, Some(id), range).await?;
    let personal = |it: &&crate::log::StoredEvent| !it.redacted && !matches!(it.kind.as_str(), "redacted");
    let entries: Vec<u64> = events.iter().filter(personal).map(|it| it.seq).collect();
    if entries.is_empty() {
        return Ok(0);
    }
    let now = Time(clock.now_ms().max(head.at_ms));
    let before = state.version;
    let aggregate = customer_aggregate(head.epoch, &state.channel, &state.customer.id);
    let was_open = state.status != Status::Closed;
    let event = Event::Redacted {
        entries: entries.clone(),
        reason: RedactReason::Request,
    };
    let actor = Actor::System;
    let seq = head.seq + 1;
    state.apply(&Fact {
        seq,
        at: now,
        conversation: id,
        actor: &actor,
        event: &event,
    });
    let mut item = Item::new(workspace.clone(), entropy.uuid(now.0));
    item.first_seq = Some(seq);
    item.expected
        .push((conversation_aggregate(id), Expected::Stored(before)));
    item.events
        .push(codec::encode(Some(id), now, &actor, &event, entropy.salt()));
    item.erase.clone_from(&entries);
    let owner = Some(state.customer.id.to_string());
    item.states.push(NewState {
        aggregate: conversation_aggregate(id),
        body: Some(Arc::new(state)),
        active: was_open,
        owner,
        last_event: None,
    });
    item.states.push(NewState {
        aggregate,
        body: None,
        active: false,
        owner: None,
        last_event: None,
    });
    match log.commit(vec![item]).await?.pop() {
        Some(Outcome::Committed(_) | Outcome::Repeated(_)) => Ok(entries.len()),
        _ => Err(LogError::Unavailable(
            "somebody else wrote at the same time: try again".to_owned(),
        )),
    }
}
