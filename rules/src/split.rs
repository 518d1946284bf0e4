//! `split`: messages of a conversation become a new one's, of the same customer. They stay where they were stored: both
//! timelines say which ones moved.

use crate::claims::actor;
use crate::contents::Contents;
use crate::context::{Agent, Context};
use crate::conversation::Conversation;
use crate::decision::{Answer, Decision, Part};
use crate::expect::check_expect;
use crate::permissions::may_change_held;
use crate::sla::carry;
use dibs_protocol::command;
use dibs_protocol::event::{Actor, Carried, Event};
use dibs_protocol::ids::ConversationId;
use dibs_protocol::refusal::Refusal;
use dibs_protocol::terms::Status;

/// A `split`, and the messages of the conversation as far as they were read.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    /// What was asked.
    pub command: command::Split,
    /// The conversation's messages, as of a version of it.
    pub contents: Option<(u64, Contents)>,
}

impl Split {
    /// Whether the messages of this state are known.
    #[must_use]
    pub fn has_read(&self, state: &Conversation) -> bool {
        self.contents.as_ref().is_some_and(|it| it.0 == state.version)
    }
}

/// Makes two conversations of one. The new one, in the same queue and with the same priority, begins with
/// `conversation_opened`, `split` and, when replies came along, `status_changed`; then the old one says `split`. Claim,
/// offer, tags and the channel's thread stay with the old one.
///
/// # Errors
/// In this order:
/// 1. `forbidden`, naming the holder: somebody else holds it, unless the sender supervises;
/// 2. `conflict`: it is closed, or was merged into another one;
/// 3. `not_found`: a message that it does not have (any more);
/// 4. `expect`: `invalid` for an unknown field, `conflict` for a difference.
pub(crate) fn split(
    state: &Conversation,
    it: &Split,
    me: &Agent,
    ctx: &Context<'_>,
) -> Result<Decision, Refusal> {
    check(state, me)?;
    let Some((_, contents)) = it.contents.as_ref().filter(|_| it.has_read(state)) else {
        return Err(Refusal::internal());
    };
    let messages = &it.command.messages;
    if !messages.iter().all(|id| contents.has(*id)) {
        return Err(Refusal::not_found("message"));
    }
    if let Some(expect) = &it.command.expect {
        check_expect(state, expect)?;
    }
    let by = actor(me);
    let id = ConversationId(ctx.ids.0);
    let moved = contents.only(messages).carried();
    let stays = Carried {
        first_response_at: state.first_response_at,
        ..contents.without(messages).carried()
    };
    let left = Event::Split {
        into: Some(id),
        from: None,
        messages: messages.clone(),
        carried: Some(stays),
    };
    let promise = carry::split(state, &moved, ctx);
    let mut begins = begins(state, &it.command, moved, &by);
    begins.extend(promise.map(|event| (Actor::System, event)));
    Ok(Decision {
        others: vec![Part::of(id, begins)],
        ..Decision::with(Answer::Split { conversation: id }, vec![(by, left)])
    })
}

/// Whether the sender may split it, as it is.
///
/// # Errors
/// `forbidden`, `conflict`: those of [`split`] for which its messages need not be known.
fn check(state: &Conversation, me: &Agent) -> Result<(), Refusal> {
    if !may_change_held(me, state) {
        return Err(state.holder().map_or_else(Refusal::internal, Refusal::held));
    }
    if state.is_closed() {
        let message = if state.merged_into.is_some() {
            "This conversation was merged into another one: its messages are there."
        } else {
            "This conversation is closed: open it again first."
        };
        return Err(Refusal::conflict(message, state.summary()));
    }
    Ok(())
}

/// The first events of the new conversation.
fn begins(state: &Conversation, command: &command::Split, moved: Carried, by: &Actor) -> Vec<(Actor, Event)> {
    let replied = moved.first_response_at.is_some();
    let opened = Event::ConversationOpened {
        channel: state.channel.clone(),
        thread: None,
        customer: state.customer.clone(),
        subject: command.subject.clone(),
        queue: state.queue.clone(),
        priority: state.priority,
        tags: Vec::new(),
    };
    let came = Event::Split {
        into: None,
        from: Some(state.id),
        messages: command.messages.clone(),
        carried: Some(moved),
    };
    let answered = replied.then_some(Event::StatusChanged {
        from: Status::New,
        to: Status::Open,
        snoozed_until: None,
    });
    [opened, came]
        .into_iter()
        .chain(answered)
        .map(|event| (by.clone(), event))
        .collect()
}
