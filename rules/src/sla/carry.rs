//! Promises through merges and splits: whoever waits keeps what was promised, and what was broken is not broken twice.

use super::promise::promises;
use crate::context::Context;
use crate::conversation::{Conversation, Running};
use dibs_protocol::event::{Carried, Event};
use dibs_protocol::sla::Promise;
use dibs_protocol::terms::SlaTarget;

/// The promises of a survivor: with the open one to whoever waited longest in what it absorbs, unless it has an earlier one
/// itself. Where all of those are broken, and it has none, a new one begins. `None`: they are as they were. What its level
/// makes of them is planned afterwards.
pub(crate) fn merged(state: &Conversation, absorbed: &[&Conversation], ctx: &Context<'_>) -> Option<Event> {
    let target = owed(state.first_response_at.is_some());
    if !promises(state, ctx.settings, target) {
        return None;
    }
    let began = |it: &Promise| it.since.map_or(ctx.now.0, |at| at.0) - it.spent_ms;
    let waiting = absorbed.iter().filter(|it| it.waiting_since.is_some());
    let (broken, open): (Vec<&Running>, Vec<&Running>) = waiting
        .filter_map(|it| response(it))
        .partition(|it| is_broken(it, ctx));
    let earliest = open.iter().map(|it| &it.promise).min_by_key(|it| began(it));
    let promise = match (state.running(target), earliest) {
        (Some(own), _) if is_broken(own, ctx) => return None,
        (Some(own), Some(earliest)) if began(earliest) < began(&own.promise) => earliest.clone(),
        (Some(_), _) => return None,
        (None, Some(earliest)) => earliest.clone(),
        (None, None) => anew(&broken.first()?.promise, ctx),
    };
    let others = state.sla.iter().map(|it| &it.promise);
    let mut all: Vec<Promise> = others.filter(|it| it.target != target).cloned().collect();
    all.push(Promise { target, ..promise });
    all.sort_by_key(|it| SlaTarget::ALL.iter().position(|target| *target == it.target));
    Some(Event::SlaPlanned { promises: all })
}

/// The promise with which a conversation begins that was split off with somebody who waits: that of the old one when it was
/// made to them, a new one when it is broken. `None`: it begins with their message.
pub(crate) fn split(state: &Conversation, moved: &Carried, ctx: &Context<'_>) -> Option<Event> {
    let target = owed(moved.first_response_at.is_some());
    let running = response(state).filter(|_| moved.waiting_since.is_some())?;
    if !promises(state, ctx.settings, target) {
        return None;
    }
    let promise = if is_broken(running, ctx) {
        anew(&running.promise, ctx)
    } else if moved.waiting_since == state.waiting_since {
        running.promise.clone()
    } else {
        return None;
    };
    let promises = vec![Promise { target, ..promise }];
    Some(Event::SlaPlanned { promises })
}

/// Which response is owed.
fn owed(answered: bool) -> SlaTarget {
    if answered {
        SlaTarget::NextResponse
    } else {
        SlaTarget::FirstResponse
    }
}

/// The promised response that runs.
fn response(state: &Conversation) -> Option<&Running> {
    let mut all = state.sla.iter();
    all.find(|it| it.promise.target != SlaTarget::Resolution)
}

/// Whether it is broken, also where that is said only now.
fn is_broken(running: &Running, ctx: &Context<'_>) -> bool {
    running.breached || running.promise.due_at.is_some_and(|at| at <= ctx.now)
}

/// The promise as if it began now.
fn anew(promise: &Promise, ctx: &Context<'_>) -> Promise {
    Promise {
        spent_ms: 0,
        since: Some(ctx.now),
        warn_at: None,
        due_at: None,
        ..promise.clone()
    }
}
