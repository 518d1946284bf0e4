//! `reply`: the customer is answered once, by the holder, who has seen everything.

use crate::claims::{actor, let_go};
use crate::context::{Agent, Context};
use crate::conversation::Conversation;
use crate::decision::{Answer, Decision, KeyToStore};
use crate::keys::{INDEX_KEEP_MS, message_ref};
use dibs_protocol::command::Reply;
use dibs_protocol::event::{Actor, Event, Message};
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
    check(state, command.token, command.seen, me)?;
    let by = actor(me);
    let id = MessageId(ctx.ids.1);
    let sending = Sending {
        message: Message {
            id,
            text: command.text.clone(),
            attachments: command.attachments.clone().unwrap_or_default(),
        },
        agent: me.id.clone(),
        token: command.token,
        key: command.key.clone(),
        then: command.then,
    };
    let events = sent(state, sending, &by);
    let decision = Decision::with(Answer::Replied { message: id }, events);
    Ok(Decision {
        answers_event: Some(0),
        index: Some(index(id)),
        ..decision
    })
}

/// Whether the sender may say something to the customer now.
///
/// # Errors
/// Those of [`reply`], in its order.
pub(crate) fn check(state: &Conversation, token: u64, seen: u64, me: &Agent) -> Result<(), Refusal> {
    let claim = state.claim.as_ref().filter(|_| !state.is_closed());
    if !claim.is_some_and(|claim| claim.agent == me.id && claim.token == token) {
        return Err(Refusal::claim_lost(claim.map(|claim| &claim.agent)));
    }
    if seen > state.version {
        return Err(Refusal::invalid(
            "seen",
            "seen is above the conversation's version: nobody can have seen that",
        ));
    }
    if seen < must_have_seen(state, &me.id) {
        return Err(Refusal::stale());
    }
    Ok(())
}

/// A message on its way to the customer.
pub(crate) struct Sending {
    pub(crate) message: Message,
    pub(crate) agent: AgentId,
    pub(crate) token: u64,
    pub(crate) key: String,
    pub(crate) then: Option<Then>,
}

/// What sending a message does.
pub(crate) fn sent(state: &Conversation, it: Sending, by: &Actor) -> Vec<(Actor, Event)> {
    let Sending {
        message,
        agent,
        token,
        key,
        then,
    } = it;
    let message_sent = Event::MessageSent {
        message,
        agent,
        token,
        key,
    };
    let mut events = vec![(by.clone(), message_sent)];
    let to = then.map_or(Status::Open, status_of);
    if state.status != to {
        let moved = Event::StatusChanged {
            from: state.status,
            to,
            snoozed_until: None,
        };
        events.push((by.clone(), moved));
    }
    if to == Status::Resolved {
        events.extend(let_go(state, ReleaseVia::Resolved, by));
    }
    events
}

/// Where deliveries find the conversation of a message that was sent.
pub(crate) fn index(message: MessageId) -> KeyToStore {
    KeyToStore {
        at: message_ref(message),
        fingerprint: [0; 32],
        keep_ms: INDEX_KEEP_MS,
    }
}

/// The `seq` below which a reply by `me` would be stale: the latest customer message, merge, or reply by somebody else.
pub(crate) fn must_have_seen(state: &Conversation, me: &AgentId) -> u64 {
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
