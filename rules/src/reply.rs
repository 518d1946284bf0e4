//! `reply`: the customer is answered once, by the holder, who has seen everything.

use crate::claims::{actor, let_go};
use crate::context::{Agent, Context};
use crate::conversation::Conversation;
use crate::decision::{Answer, Decision, KeyToStore};
use crate::keys::{INDEX_KEEP_MS, message_ref};
use dibs_protocol::command::Reply;
use dibs_protocol::event::{Event, Message};
use dibs_protocol::ids::{AgentId, MessageId};
use dibs_protocol::refusal::Refusal;
use dibs_protocol::terms::{ReleaseVia, Status, Then};

/// Stores the message: `message_sent`; then `status_changed`, when the reply moves the status; then, when it resolves,
/// the end of a standing offer and of the claim.
///
/// # Errors
/// In this order, after a known key: `claim_lost` when the sender does not hold the conversation with this token, nobody
/// does, or it is closed; `invalid` (`seen`) above the version; `stale` when the customer, a merge or another agent has
/// said something above `seen`.
pub(crate) fn reply(
    state: &Conversation,
    command: &Reply,
    me: &Agent,
    ctx: &Context<'_>,
) -> Result<Decision, Refusal> {
    let claim = state.claim.as_ref().filter(|_| !state.is_closed());
    if !claim.is_some_and(|claim| claim.agent == me.id && claim.token == command.token) {
        return Err(Refusal::claim_lost(claim.map(|claim| &claim.agent)));
    }
    if command.seen > state.version {
        return Err(Refusal::invalid(
            "seen",
            "seen is above the conversation's version: nobody can have seen that",
        ));
    }
    if command.seen < must_have_seen(state, &me.id) {
        return Err(Refusal::stale());
    }
    let by = actor(me);
    let id = MessageId(ctx.ids.1);
    let sent = Event::MessageSent {
        message: Message {
            id,
            text: command.text.clone(),
            attachments: command.attachments.clone().unwrap_or_default(),
        },
        agent: me.id.clone(),
        token: command.token,
        key: command.key.clone(),
    };
    let mut events = vec![(by.clone(), sent)];
    let to = command.then.map_or(Status::Open, status_of);
    if state.status != to {
        let moved = Event::StatusChanged {
            from: state.status,
            to,
            snoozed_until: None,
        };
        events.push((by.clone(), moved));
    }
    if to == Status::Resolved {
        events.extend(let_go(state, ReleaseVia::Resolved, &by));
    }
    let index = KeyToStore {
        at: message_ref(id),
        fingerprint: [0; 32],
        keep_ms: INDEX_KEEP_MS,
    };
    let decision = Decision::with(Answer::Replied { message: id }, events);
    Ok(Decision {
        answers_event: Some(0),
        index: Some(index),
        ..decision
    })
}

/// The `seq` below which a reply by `me` would be stale: the latest customer message, merge, or reply by somebody else.
fn must_have_seen(state: &Conversation, me: &AgentId) -> u64 {
    let others = [&state.last_reply, &state.other_reply].into_iter().flatten();
    let others = others.filter(|reply| reply.agent != *me).map(|reply| reply.seq);
    others.fold(state.customer_seq.max(state.merged_seq), u64::max)
}

fn status_of(then: Then) -> Status {
    match then {
        Then::Pending => Status::Pending,
        Then::Resolved => Status::Resolved,
    }
}
