//! `open`: an agent begins a conversation with a customer and holds it.

use crate::context::{Agent, Context};
use crate::decision::{Answer, Decision};
use dibs_protocol::command::Open;
use dibs_protocol::event::Event;
use dibs_protocol::ids::ConversationId;
use dibs_protocol::terms::{GrantVia, Priority};

/// Opens the conversation and grants it to the sender. Never refused here.
pub(crate) fn open(command: &Open, me: &Agent, ctx: &Context<'_>) -> Decision {
    let actor = ctx.sender.actor();
    let opened = Event::ConversationOpened {
        channel: command.channel.clone(),
        thread: None,
        customer: command.customer.clone(),
        subject: command.subject.clone(),
        queue: command
            .queue
            .clone()
            .unwrap_or_else(|| ctx.settings.default_queue.clone()),
        priority: Priority::Normal,
        tags: Vec::new(),
    };
    let granted = Event::ClaimGranted {
        agent: me.id.clone(),
        token: 0,
        via: GrantVia::Claim,
        from: None,
        reason: None,
    };
    let conversation = ConversationId(ctx.ids.0);
    Decision::with(
        Answer::Opened { conversation },
        vec![(actor.clone(), opened), (actor, granted)],
    )
}
