//! What time asks of a conversation: waking, offers that end, claims that end. When to ask is data, not a timer.

use crate::claims::superseded;
use crate::context::{Context, Settings};
use crate::conversation::Conversation;
use crate::decision::{Answer, Decision};
use crate::transfers::declined;
use dibs_protocol::event::{Actor, Event};
use dibs_protocol::ids::AgentId;
use dibs_protocol::terms::{DeclineReason, ExpiryReason, Status};
use dibs_protocol::time::Time;

/// When the conversation next asks for [`Action::Deadline`](crate::Action::Deadline); `None` when it waits for no time.
#[must_use]
pub fn next_deadline(state: &Conversation, settings: &Settings) -> Option<Time> {
    [
        state.snoozed_until,
        offer_ends_at(state),
        idle_at(state, settings),
    ]
    .into_iter()
    .flatten()
    .min()
}

/// Fires every deadline that is due, in this order: waking, the end of an offer, the end of an idle claim, which
/// supersedes an offer that still stands. Nothing due: no events. Never refused.
pub(crate) fn fire(state: &Conversation, ctx: &Context<'_>) -> Decision {
    let due = |at: Option<Time>| at.is_some_and(|at| at <= ctx.now);
    let mut events = Vec::new();
    if due(state.snoozed_until) {
        events.push(Event::StatusChanged {
            from: state.status,
            to: Status::Open,
            snoozed_until: None,
        });
    }
    let offer_ends = due(offer_ends_at(state));
    if let Some(offer) = state.offer.as_ref().filter(|_| offer_ends) {
        events.push(declined(offer, DeclineReason::Expired, None));
    }
    if due(idle_at(state, ctx.settings)) {
        events.extend(superseded(state).filter(|_| !offer_ends));
        events.extend(expired(state, ExpiryReason::Idle));
    }
    Decision::with(Answer::Done, by_system(events))
}

/// Ends the claim of a holder who is gone, if they still hold it; an offer is superseded. The commit must prove their
/// absence. Never refused.
pub(crate) fn holder_gone(state: &Conversation, agent: &AgentId) -> Decision {
    if state.holder() != Some(agent) {
        return Decision::nothing(Answer::Done);
    }
    let events = superseded(state)
        .into_iter()
        .chain(expired(state, ExpiryReason::HolderGone))
        .collect();
    Decision {
        guard_absent: Some(agent.clone()),
        ..Decision::with(Answer::Done, by_system(events))
    }
}

fn offer_ends_at(state: &Conversation) -> Option<Time> {
    state.offer.as_ref().map(|offer| offer.expires_at)
}

fn idle_at(state: &Conversation, settings: &Settings) -> Option<Time> {
    let claim = state.claim.as_ref()?;
    settings
        .claim_idle_ms
        .map(|limit_ms| claim.active_at.plus_ms(limit_ms))
}

fn expired(state: &Conversation, reason: ExpiryReason) -> Option<Event> {
    let claim = state.claim.as_ref()?;
    Some(Event::ClaimExpired {
        agent: claim.agent.clone(),
        token: claim.token,
        reason,
    })
}

fn by_system(events: Vec<Event>) -> Vec<(Actor, Event)> {
    events.into_iter().map(|event| (Actor::System, event)).collect()
}
