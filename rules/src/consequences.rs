//! What follows by itself from whatever was decided: promises broken, kept or made, escalations, a scheduled reply dropped.
//! All of it is decided and stored together with its cause, after it: an answer's `seq` is that of what was asked for.

use crate::action::Action;
use crate::context::Context;
use crate::conversation::Conversation;
use crate::decision::{Decision, Mentioned};
use crate::draft::Draft;
use crate::schedule;
use crate::sla::{escalate, promise};
use dibs_protocol::event::{Actor, Event};
use dibs_protocol::ids::ConversationId;
use uuid::Uuid;

/// Escalations and new promises may follow from one another so often; what is left then has its own deadline.
const ROUNDS: usize = 16;

/// Where in an id the places of a decision's conversations begin: above all numbers of their events.
const PLACE_BITS: u32 = 32;

/// The decision with what follows from it. What stores nothing has no consequences, but for a deadline.
pub(crate) fn of(
    before: Option<&Conversation>,
    action: &Action,
    decision: Decision,
    ctx: &Context<'_>,
) -> Decision {
    let is_deadline = matches!(action, Action::Deadline);
    let stores = !decision.events.is_empty();
    if !(stores || is_deadline) || matches!(action, Action::Redact { .. }) {
        return decision;
    }
    let mut decision = decision;
    for (place, part) in (1_u128..).zip(&mut decision.others) {
        let before = other(action, part.conversation);
        // What is written by itself in each of them has an id of its own.
        let (conversation, said) = ctx.ids;
        let said = Uuid::from_u128(said.as_u128() ^ place << PLACE_BITS);
        let ctx = Context {
            ids: (conversation, said),
            ..*ctx
        };
        follow(before, &mut part.events, &mut part.mentioned, &ctx);
    }
    follow(before, &mut decision.events, &mut decision.mentioned, ctx);
    decision
}

/// Another conversation of an action, as it was; `None` for a new one.
fn other(action: &Action, id: ConversationId) -> Option<&Conversation> {
    match action {
        Action::Merge(it) => it.absorbed.iter().find(|it| it.id == id).map(|it| &**it),
        _ => None,
    }
}

/// Adds what follows from these events of a conversation.
fn follow(
    before: Option<&Conversation>,
    events: &mut Vec<(Actor, Event)>,
    mentioned: &mut Vec<Mentioned>,
    ctx: &Context<'_>,
) {
    if !concerns(before, ctx) {
        return;
    }
    let Some(mut draft) = Draft::of(before, std::mem::take(events), ctx) else {
        return;
    };
    if let Some(before) = before {
        promise::judge(before, &mut draft, ctx.settings, ctx.now);
    }
    for _ in 0..ROUNDS {
        escalate::escalate(&mut draft, mentioned, ctx);
        schedule::drop_void(&mut draft);
        promise::replan(before, &mut draft, ctx.settings, ctx.now);
        if !draft
            .state
            .sla
            .iter()
            .filter_map(promise::asks_at)
            .any(|at| at <= ctx.now)
        {
            break;
        }
        // What was promised only now, by another level, may be over already.
        let planned = draft.state.clone();
        promise::judge(&planned, &mut draft, ctx.settings, ctx.now);
    }
    *events = draft.events;
}

/// Whether anything can follow by itself: most workspaces promise nothing, and pay nothing for it.
fn concerns(before: Option<&Conversation>, ctx: &Context<'_>) -> bool {
    let set = &ctx.settings.workspace;
    let waits = |it: &Conversation| !it.sla.is_empty() || it.scheduled.is_some();
    !set.service_levels.is_empty() || !set.escalations.is_empty() || before.is_some_and(waits)
}
