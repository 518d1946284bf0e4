//! The one place where anything is decided: who may ask, whether the conversation exists, whether the key is known.
//! What an action then does stands in the file of its subject.

use crate::action::Action;
use crate::context::{Agent, Context, Sender};
use crate::conversation::Conversation;
use crate::decision::{Answer, Decision};
use crate::expect::check_expect;
use crate::{
    claims, consequences, deadlines, delivery, ingest, keys, merge, note, open, permissions, personal,
    rating, reply, routing, schedule, split, transfers, update,
};
use dibs_protocol::refusal::Refusal;

/// Decides an action against the state that the conversation has; `None` means that there is no such conversation.
///
/// `state` is not looked at for `Open`; for `Ingest`, `None` opens a conversation (see [`ingest::target`]).
///
/// # Errors
/// In this order:
/// 1. `forbidden`: the sender's role may not do this, nor speak for this channel, nor take over;
/// 2. `not_found`: no such conversation, or of a channel that the sender may not see;
/// 3. a known key: with the same content the first answer, marked as duplicate; else `key_reused`;
/// 4. the subject's own, documented at its function;
/// 5. `conflict`: the state is not as `expect` says.
pub fn decide(state: Option<&Conversation>, action: &Action, ctx: &Context<'_>) -> Result<Decision, Refusal> {
    if let Action::Expecting(inner, expect) = action {
        let decision = decide(state, inner, ctx)?;
        if let Some(state) = state.filter(|_| !decision.duplicate) {
            check_expect(state, expect)?;
        }
        return Ok(decision);
    }
    permissions::check(action, ctx)?;
    if needs_conversation(action) && visible(state, ctx).is_none() {
        return Err(Refusal::not_found("conversation"));
    }
    if let Some(answered) = keys::repeated(action, ctx)? {
        return Ok(answered);
    }
    let mut decision = consequences::of(state, action, dispatch(state, action, ctx)?, ctx);
    decision.key = keys::to_store(action, ctx.sender);
    Ok(decision)
}

fn dispatch(state: Option<&Conversation>, action: &Action, ctx: &Context<'_>) -> Result<Decision, Refusal> {
    let it = || state.ok_or_else(|| Refusal::not_found("conversation"));
    match action {
        Action::Open(command) => Ok(open::open(command, sender(ctx)?, ctx)),
        Action::Claim(_) => claims::claim(it()?, sender(ctx)?),
        Action::Release(command) => claims::release(it()?, command, sender(ctx)?),
        Action::ReleaseHeld => claims::release_held(it()?, sender(ctx)?),
        Action::TakeOver(command) => claims::take_over(it()?, command, sender(ctx)?),
        Action::Transfer(command) => transfers::transfer(it()?, command, sender(ctx)?, ctx),
        Action::CancelTransfer(command) => transfers::cancel(it()?, command, sender(ctx)?),
        Action::AnswerTransfer(command) => transfers::answer(it()?, command, sender(ctx)?, ctx),
        Action::Reply(command) => reply::reply(it()?, command, sender(ctx)?, ctx),
        Action::ScheduleReply(command) => schedule::schedule(it()?, command, sender(ctx)?, ctx),
        Action::CancelScheduled(command) => schedule::cancel(it()?, command, sender(ctx)?),
        Action::Note(command) => note::note(command, sender(ctx)?, ctx),
        Action::Update(command) => update::update(it()?, command, sender(ctx)?, ctx),
        Action::Merge(command) => merge::merge(it()?, command, sender(ctx)?, ctx),
        Action::Split(command) => split::split(it()?, command, sender(ctx)?, ctx),
        Action::Ingest(body) => ingest::ingest(state, body, ctx),
        Action::Delivery(body) => Ok(delivery::delivery(it()?, body, ctx)),
        Action::Rate(body) => Ok(rating::rate(it()?, body)),
        // `decide` has taken the expectation off already.
        Action::Expecting(inner, _) => dispatch(state, inner, ctx),
        Action::Look => Ok(Decision::nothing(Answer::Done)),
        Action::Route(it_is) => Ok(routing::route(it()?, it_is, ctx)),
        Action::Deadline => Ok(deadlines::fire(it()?, ctx)),
        Action::HolderGone(agent) => Ok(deadlines::holder_gone(it()?, agent)),
        Action::Retain { entries, version } => Ok(deadlines::retain(it()?, entries, *version, ctx)),
        Action::Redact { entries, reason } => Ok(personal::redaction(it()?, entries, *reason, ctx)),
    }
}

fn sender<'a>(ctx: &Context<'a>) -> Result<&'a Agent, Refusal> {
    ctx.sender
        .agent()
        .ok_or_else(|| Refusal::forbidden("This is for agents."))
}

fn needs_conversation(action: &Action) -> bool {
    !matches!(action, Action::Open(_) | Action::Ingest(_))
}

/// The conversation, unless it belongs to a channel that the sender does not speak for.
fn visible<'a>(state: Option<&'a Conversation>, ctx: &Context<'_>) -> Option<&'a Conversation> {
    state.filter(|it| match ctx.sender {
        Sender::Channel {
            channels: Some(channels),
            ..
        } => channels.contains(&it.channel),
        Sender::Channel { channels: None, .. } | Sender::Agent(_) | Sender::System => true,
    })
}
