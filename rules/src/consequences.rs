//! What follows by itself from whatever was decided: promises broken, kept or made, escalations, a scheduled reply dropped.
//! All of it is decided and stored together with its cause, after it: an answer's `seq` is that of what was asked for.

use crate::action::Action;
use crate::context::Context;
use crate::conversation::Conversation;
use crate::decision::Decision;
use crate::draft::Draft;
use crate::schedule;
use crate::sla::{escalate, promise};

/// Escalations and new promises may follow from one another so often; what is left then has its own deadline.
const ROUNDS: usize = 16;

/// The decision with what follows from it. What stores nothing has no consequences, but for a deadline.
pub(crate) fn of(
    before: Option<&Conversation>,
    action: &Action,
    decision: Decision,
    ctx: &Context<'_>,
) -> Decision {
    let is_deadline = matches!(action, Action::Deadline);
    let stores = !decision.events.is_empty();
    if !(stores || is_deadline) || matches!(action, Action::Redact { .. }) || !concerns(before, ctx) {
        return decision;
    }
    let mut decision = decision;
    let events = std::mem::take(&mut decision.events);
    let Some(mut draft) = Draft::of(before, events, ctx) else {
        return decision;
    };
    if let Some(before) = before {
        promise::judge(before, &mut draft, ctx.settings, ctx.now);
    }
    for _ in 0..ROUNDS {
        escalate::escalate(&mut draft, &mut decision.mentioned, ctx);
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
    decision.events = draft.events;
    decision
}

/// Whether anything can follow by itself: most workspaces promise nothing, and pay nothing for it.
fn concerns(before: Option<&Conversation>, ctx: &Context<'_>) -> bool {
    let set = &ctx.settings.workspace;
    let waits = |it: &Conversation| !it.sla.is_empty() || it.scheduled.is_some();
    !set.service_levels.is_empty() || !set.escalations.is_empty() || before.is_some_and(waits)
}
