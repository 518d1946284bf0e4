//! What became of a message on its channel. That the message is of this conversation is known by whoever looked it up.

use crate::context::Context;
use crate::conversation::Conversation;
use crate::decision::{Answer, Decision};
use dibs_protocol::event::Event;
use dibs_protocol::http::Delivery;
use dibs_protocol::terms::{DeliveryState, Status};

/// Stores what the channel says. A failure opens the conversation again, unless it was absorbed by another. Never refused
/// here; a repetition is known by its key.
pub(crate) fn delivery(state: &Conversation, body: &Delivery, ctx: &Context<'_>) -> Decision {
    let actor = ctx.sender.actor();
    let told = Event::MessageDelivery {
        message: body.message,
        state: body.state,
        reason: body.reason.clone(),
    };
    let mut events = vec![(actor.clone(), told)];
    let waits = !matches!(state.status, Status::New | Status::Open) && state.merged_into.is_none();
    if body.state == DeliveryState::Failed && waits {
        let reopened = Event::StatusChanged {
            from: state.status,
            to: Status::Open,
            snoozed_until: None,
        };
        events.push((actor, reopened));
    }
    Decision {
        answers_event: Some(0),
        ..Decision::with(Answer::Done, events)
    }
}
