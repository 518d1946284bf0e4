//! What time asks of a conversation: waking, offers and claims that end, replies that wait, closing, promises, forgetting.
//! When to ask is data, not a timer.

use crate::claims::superseded;
use crate::context::{Context, Settings};
use crate::conversation::Conversation;
use crate::decision::{Answer, Decision};
use crate::draft::Draft;
use crate::personal::redaction;
use crate::reply::index;
use crate::schedule;
use crate::sla::{escalate, promise};
use crate::transfers::declined;
use dibs_protocol::event::{Actor, Event};
use dibs_protocol::ids::AgentId;
use dibs_protocol::terms::{DeclineReason, ExpiryReason, RedactReason, Status};
use dibs_protocol::time::Time;

/// A day, in milliseconds.
const DAY_MS: i64 = 86_400_000;

/// When the conversation next asks for [`Action::Deadline`](crate::Action::Deadline); `None` when it waits for no time.
#[must_use]
pub fn next_deadline(state: &Conversation, settings: &Settings) -> Option<Time> {
    let promises = state.sla.iter().filter_map(promise::asks_at).min();
    [
        state.snoozed_until,
        offer_ends_at(state),
        idle_at(state, settings),
        retained_until(state, settings),
        state.scheduled.as_ref().map(|it| it.at),
        closes_at(state, settings),
        promises,
        escalate::acts_at(state, settings),
    ]
    .into_iter()
    .flatten()
    .min()
}

/// Fires every deadline that is due, in this order: a scheduled reply, waking, the end of an offer, the end of an idle
/// claim, which supersedes an offer that still stands, closing. What is due of promises and escalations follows by itself.
/// Nothing due: no events. Never refused. What is due to be forgotten must be read first: see [`is_to_be_forgotten`].
pub(crate) fn fire(state: &Conversation, ctx: &Context<'_>) -> Decision {
    let due = |at: Option<Time>| at.is_some_and(|at| at <= ctx.now);
    let Some(mut draft) = Draft::of(Some(state), Vec::new(), ctx) else {
        return Decision::nothing(Answer::Done);
    };
    let sent = schedule::send_due(&mut draft, ctx);
    if due(draft.state.snoozed_until) {
        let from = draft.state.status;
        draft.push(Event::StatusChanged {
            from,
            to: Status::Open,
            snoozed_until: None,
        });
    }
    if let Some(offer) = draft.state.offer.clone().filter(|it| it.expires_at <= ctx.now) {
        draft.push(declined(&offer, DeclineReason::Expired, None));
    }
    if due(idle_at(&draft.state, ctx.settings)) {
        let ends = superseded(&draft.state)
            .into_iter()
            .chain(expired(&draft.state, ExpiryReason::Idle));
        ends.collect::<Vec<_>>()
            .into_iter()
            .for_each(|event| draft.push(event));
    }
    if due(closes_at(&draft.state, ctx.settings)) {
        let from = draft.state.status;
        draft.push(Event::StatusChanged {
            from,
            to: Status::Closed,
            snoozed_until: None,
        });
    }
    Decision {
        index: sent.map(index),
        ..Decision::with(Answer::Done, draft.events)
    }
}

/// When a resolved conversation closes by itself.
fn closes_at(state: &Conversation, settings: &Settings) -> Option<Time> {
    let days = settings.workspace.auto_close_after_days?;
    Some(state.resolved_at?.plus_ms(i64::from(days) * DAY_MS))
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

/// Whether the conversation was closed so long ago that what is personal in it is to be forgotten, with
/// [`Action::Retain`](crate::Action::Retain).
#[must_use]
pub fn is_to_be_forgotten(state: &Conversation, settings: &Settings, now: Time) -> bool {
    retained_until(state, settings).is_some_and(|at| at <= now)
}

/// Forgets everything personal in a conversation that was closed long enough ago; nothing when it is no longer as it was
/// read, or not due. Never refused.
pub(crate) fn retain(state: &Conversation, entries: &[u64], version: u64, ctx: &Context<'_>) -> Decision {
    if state.version != version || !is_to_be_forgotten(state, ctx.settings, ctx.now) {
        return Decision::nothing(Answer::Done);
    }
    redaction(state, entries, RedactReason::Retention, ctx)
}

/// Until when a closed conversation keeps what is personal; `None` when that is for ever, or it has forgotten all of it.
fn retained_until(state: &Conversation, settings: &Settings) -> Option<Time> {
    let keep_ms = settings.retain_closed_ms?;
    if state.status != Status::Closed || state.redacted_seq == state.version {
        return None;
    }
    // A state that was stored before closing was noted down: its last event was about then.
    let closed_at = state.closed_at.unwrap_or(state.active_at);
    Some(closed_at.plus_ms(keep_ms))
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
