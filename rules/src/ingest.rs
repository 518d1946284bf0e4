//! The customer wrote: where the message goes, and what it does there.

use crate::context::Context;
use crate::conversation::Conversation;
use crate::decision::{Answer, Decision};
use dibs_protocol::event::{Actor, Customer, Event, Message};
use dibs_protocol::http::Ingest;
use dibs_protocol::ids::{ConversationId, MessageId, ThreadId};
use dibs_protocol::refusal::Refusal;
use dibs_protocol::terms::{Priority, Status};

/// Where an ingested message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Into this conversation.
    Into(ConversationId),
    /// Into a new one.
    Open,
}

/// Finds where a message goes: the conversation that it names, unless that is closed; else, with a thread, the unclosed
/// one of that thread; else the most recently active unclosed one; else a new one.
///
/// `named` is the conversation that `ingest.conversation` names, and its survivor when it was merged, else itself; `None`
/// when there is none. The survivor may be of another customer, or channel: whoever merged them knew why. `unclosed` are this customer's unclosed conversations on this channel, in any order; others are passed over.
///
/// # Errors
/// `not_found` when the conversation named does not exist or belongs to another customer or channel.
pub fn target<'a>(
    ingest: &Ingest,
    named: Option<(&Conversation, &Conversation)>,
    unclosed: impl Iterator<Item = &'a Conversation>,
) -> Result<Target, Refusal> {
    if ingest.conversation.is_some() {
        let named = named.filter(|(named, _)| is_theirs(named, ingest));
        let (_, goes_on) = named.ok_or_else(|| Refusal::not_found("conversation"))?;
        return Ok(if goes_on.is_closed() {
            Target::Open
        } else {
            Target::Into(goes_on.id)
        });
    }
    let candidates = unclosed.filter(|it| is_theirs(it, ingest) && !it.is_closed());
    let fitting = candidates.filter(|it| is_of_thread(it, ingest.thread.as_ref()));
    let latest = fitting.max_by_key(|it| (it.active_at, it.id));
    Ok(latest.map_or(Target::Open, |it| Target::Into(it.id)))
}

/// Whether a message of this thread may go there: its own one, or one of what it absorbed. Without a thread any may.
fn is_of_thread(state: &Conversation, thread: Option<&ThreadId>) -> bool {
    thread.is_none_or(|thread| state.thread.as_ref() == Some(thread) || state.threads.contains(thread))
}

fn is_theirs(state: &Conversation, ingest: &Ingest) -> bool {
    state.customer.id == ingest.customer.id && state.channel == ingest.channel
}

/// Stores the message, in the conversation given or in a new one.
///
/// # Errors
/// `not_found` when the conversation belongs to another customer or channel, and is not the survivor of the one that the
/// message names; `conflict` when it is closed (it was not
/// when the target was looked up: look again).
pub(crate) fn ingest(
    state: Option<&Conversation>,
    body: &Ingest,
    ctx: &Context<'_>,
) -> Result<Decision, Refusal> {
    let Some(state) = state else {
        return Ok(open(body, ctx));
    };
    let survivor = body.conversation.is_some_and(|named| named != state.id);
    if !survivor && !is_theirs(state, body) {
        return Err(Refusal::not_found("conversation"));
    }
    if state.is_closed() {
        return Err(Refusal::conflict(
            "This conversation is closed: the message opens a new one.",
            state.summary(),
        ));
    }
    Ok(continued(state, body, ctx))
}

fn open(body: &Ingest, ctx: &Context<'_>) -> Decision {
    let customer = writer(body);
    let mut tags = body.tags.clone().unwrap_or_default();
    tags.sort_unstable();
    tags.dedup();
    let opened = Event::ConversationOpened {
        channel: body.channel.clone(),
        thread: body.thread.clone(),
        customer: body.customer.clone(),
        subject: body.subject.clone(),
        queue: body
            .queue
            .clone()
            .unwrap_or_else(|| ctx.settings.default_queue.clone()),
        priority: body.priority.unwrap_or(Priority::Normal),
        tags,
    };
    let (message, received) = received(body, ctx);
    let answer = Answer::Ingested {
        conversation: ConversationId(ctx.ids.0),
        message,
        opened: true,
    };
    Decision::with(answer, vec![(customer.clone(), opened), (customer, received)])
}

/// `customer_updated` by the channel, when it describes the customer anew; `message_received`; `status_changed`, when a
/// pending or resolved conversation opens again.
fn continued(state: &Conversation, body: &Ingest, ctx: &Context<'_>) -> Decision {
    let mut events = Vec::new();
    let customer = described_anew(&state.customer, &body.customer);
    if customer != state.customer && is_theirs(state, body) {
        events.push((ctx.sender.actor(), Event::CustomerUpdated { customer }));
    }
    let (message, received) = received(body, ctx);
    let answers_event = Some(events.len());
    events.push((writer(body), received));
    if matches!(state.status, Status::Pending | Status::Resolved) {
        let reopened = Event::StatusChanged {
            from: state.status,
            to: Status::Open,
            snoozed_until: None,
        };
        events.push((writer(body), reopened));
    }
    let answer = Answer::Ingested {
        conversation: state.id,
        message,
        opened: false,
    };
    Decision {
        answers_event,
        ..Decision::with(answer, events)
    }
}

/// What the channel says now, with what it leaves out as it was.
fn described_anew(was: &Customer, says: &Customer) -> Customer {
    Customer {
        id: was.id.clone(),
        name: says.name.clone(),
        handle: says.handle.clone().or_else(|| was.handle.clone()),
        tier: says.tier.clone().or_else(|| was.tier.clone()),
    }
}

fn received(body: &Ingest, ctx: &Context<'_>) -> (MessageId, Event) {
    let id = MessageId(ctx.ids.1);
    let attachments = body.attachments.clone().unwrap_or_default();
    (
        id,
        Event::MessageReceived {
            message: Message {
                id,
                text: body.text.clone(),
                attachments,
            },
        },
    )
}

fn writer(body: &Ingest) -> Actor {
    Actor::Customer {
        id: Some(body.customer.id.clone()),
    }
}
