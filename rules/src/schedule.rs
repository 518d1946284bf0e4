//! Replies that are sent later: stored in the state, sent at their time by the holder's claim, or dropped for all to see.

use crate::claims::actor;
use crate::context::{Agent, Context};
use crate::conversation::{Conversation, Scheduled};
use crate::decision::{Answer, Decision};
use crate::draft::Draft;
use crate::permissions::supervises;
use crate::reply::{Sending, check, must_have_seen, sent};
use dibs_protocol::command::{CancelScheduled, ScheduleReply};
use dibs_protocol::event::{Event, Message};
use dibs_protocol::ids::MessageId;
use dibs_protocol::refusal::Refusal;
use dibs_protocol::terms::DropReason;

/// How far ahead a reply may be scheduled, in milliseconds: a year.
const AHEAD_MS: i64 = 366 * 86_400_000;

/// Stores a reply to be sent later, in place of one that waits already.
///
/// # Errors
/// Those of `reply`, in its order; then `invalid` (`at`) when that is not in the future, or more than a year away.
pub(crate) fn schedule(
    state: &Conversation,
    command: &ScheduleReply,
    me: &Agent,
    ctx: &Context<'_>,
) -> Result<Decision, Refusal> {
    check(state, command.token, command.seen, me)?;
    if command.at <= ctx.now || command.at > ctx.now.plus_ms(AHEAD_MS) {
        return Err(Refusal::invalid(
            "at",
            "at must be in the future, and at most a year away",
        ));
    }
    let id = MessageId(ctx.ids.1);
    let scheduled = Event::ReplyScheduled {
        message: Message {
            id,
            text: command.text.clone(),
            attachments: command.attachments.clone().unwrap_or_default(),
        },
        agent: me.id.clone(),
        token: command.token,
        key: command.key.clone(),
        at: command.at,
        then: command.then,
    };
    let replaced = state
        .scheduled
        .as_ref()
        .map(|it| dropped(it, DropReason::Replaced));
    let events = replaced.into_iter().chain([scheduled]);
    let events = events.map(|event| (actor(me), event)).collect();
    Ok(Decision::with(Answer::Replied { message: id }, events))
}

/// Drops the reply that waits. Without one nothing changes, and the answer's `seq` is the version.
///
/// # Errors
/// `forbidden` when it is somebody else's, but for supervisors.
pub(crate) fn cancel(
    state: &Conversation,
    _command: &CancelScheduled,
    me: &Agent,
) -> Result<Decision, Refusal> {
    let Some(scheduled) = &state.scheduled else {
        return Ok(Decision {
            known_seq: Some(state.version),
            ..Decision::nothing(Answer::Done)
        });
    };
    if scheduled.agent != me.id && !supervises(me.role) {
        let message = "This is for whoever scheduled the reply, and for supervisors.";
        return Err(Refusal::forbidden(message));
    }
    let event = dropped(scheduled, DropReason::Cancelled);
    Ok(Decision::with(Answer::Done, vec![(actor(me), event)]))
}

/// Why a scheduled reply must not be sent any more; `None` when it may.
fn void(state: &Conversation, scheduled: &Scheduled) -> Option<DropReason> {
    let holds = |it: &&crate::conversation::Held| it.agent == scheduled.agent && it.token == scheduled.token;
    if state.is_closed() || state.claim.as_ref().filter(holds).is_none() {
        return Some(DropReason::ClaimLost);
    }
    if must_have_seen(state, &scheduled.agent) > scheduled.seq {
        return Some(DropReason::Stale);
    }
    scheduled.message.text.is_empty().then_some(DropReason::Erased)
}

/// Drops the reply that waits when it must not be sent any more.
pub(crate) fn drop_void(draft: &mut Draft) {
    let Some(scheduled) = &draft.state.scheduled else {
        return;
    };
    if let Some(reason) = void(&draft.state, scheduled) {
        let event = dropped(scheduled, reason);
        draft.push(event);
    }
}

/// Sends the reply that waits, if its time has come and it still may be. Which message was sent.
pub(crate) fn send_due(draft: &mut Draft, ctx: &Context<'_>) -> Option<MessageId> {
    drop_void(draft);
    let due = draft.state.scheduled.clone().filter(|it| it.at <= ctx.now)?;
    let id = due.message.id;
    let sending = Sending {
        message: due.message,
        agent: due.agent,
        token: due.token,
        key: due.key,
        then: due.then,
    };
    for (actor, event) in sent(&draft.state, sending, &due.by) {
        draft.push_by(actor, event);
    }
    Some(id)
}

fn dropped(scheduled: &Scheduled, reason: DropReason) -> Event {
    let message = scheduled.message.id;
    Event::ScheduleDropped { message, reason }
}
