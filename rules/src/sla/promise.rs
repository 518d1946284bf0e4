//! Promises about time: which are made, when they are due, and whether they were kept.
//!
//! The first response runs from the customer's first message to the first reply, the next response from each message that
//! waits to the next reply, the resolution from the opening, or the reopening, until it is resolved or closed. All of them
//! stand still while the conversation is pending, and outside the level's hours. What the running ones are is told by
//! `sla_planned`, so that whoever folds the feed needs no settings.

use super::Calendar;
use crate::conversation::{Conversation, Running};
use crate::draft::Draft;
use crate::settings::{Matched, Settings, matches};
use dibs_protocol::event::Event;
use dibs_protocol::settings::ServiceLevel;
use dibs_protocol::sla::Promise;
use dibs_protocol::terms::{SlaTarget, Status};
use dibs_protocol::time::Time;
use jiff::SignedDuration;

impl Conversation {
    /// What rules of the settings look at.
    #[must_use]
    pub fn matched(&self) -> Matched<'_> {
        Matched {
            queue: &self.queue,
            customer: &self.customer,
            priority: self.priority,
            channel: &self.channel,
        }
    }

    /// Whether somebody is to work on it: neither resolved nor closed.
    #[must_use]
    pub fn is_unresolved(&self) -> bool {
        !matches!(self.status, Status::Resolved | Status::Closed)
    }

    pub(crate) fn running(&self, target: SlaTarget) -> Option<&Running> {
        self.sla.iter().find(|it| it.promise.target == target)
    }
}

/// When a promise next asks for something: a warning, or that it is broken.
pub(crate) fn asks_at(running: &Running) -> Option<Time> {
    let warn_at = running.promise.warn_at.filter(|_| !running.warned);
    let due_at = running.promise.due_at;
    [warn_at, due_at]
        .into_iter()
        .flatten()
        .min()
        .filter(|_| !running.breached)
}

/// Says what became of the promises that ran before the draft's events: broken when their time is over, whatever has just
/// happened; kept by a reply or a resolution before that; at risk.
pub(crate) fn judge(before: &Conversation, draft: &mut Draft, settings: &Settings, now: Time) {
    let answered = draft
        .events
        .iter()
        .any(|(_, event)| matches!(event, Event::MessageSent { .. }));
    let due = |at: Option<Time>| at.is_some_and(|at| at <= now);
    for running in before.sla.iter().filter(|it| !it.breached) {
        let Promise { target, due_at, .. } = running.promise;
        let runs_on = draft.state.running(target).is_some();
        let kept = match target {
            SlaTarget::FirstResponse | SlaTarget::NextResponse => answered,
            SlaTarget::Resolution => !draft.state.is_unresolved() && draft.state.merged_into.is_none(),
        };
        if let Some(due_at) = due_at.filter(|it| *it <= now) {
            draft.push(Event::SlaBreached { target, due_at });
        } else if kept && !runs_on {
            let due_at = due_at.unwrap_or_else(|| due_if_resumed(before, running, settings, now));
            draft.push(Event::SlaMet { target, due_at });
        } else if runs_on && !running.warned && due(running.promise.warn_at) {
            let due_at = due_at.unwrap_or(now);
            draft.push(Event::SlaWarned { target, due_at });
        }
    }
}

/// Tells which promises run from now on, if that changes.
pub(crate) fn replan(before: Option<&Conversation>, draft: &mut Draft, settings: &Settings, now: Time) {
    let planned = plan(before, &draft.state, settings, now);
    if !draft.state.sla.iter().map(|it| &it.promise).eq(&planned) {
        draft.push(Event::SlaPlanned { promises: planned });
    }
}

/// The promises that hold for the conversation: those of the first level that matches.
fn plan(before: Option<&Conversation>, state: &Conversation, settings: &Settings, now: Time) -> Vec<Promise> {
    let Some(level) = level(state, settings).filter(|_| state.is_unresolved()) else {
        return Vec::new();
    };
    let calendar = calendar(level, settings);
    let reopened = before.is_some_and(|it| !it.is_unresolved());
    let promise = |target: &SlaTarget| {
        let within_s = within_s(level, *target)?;
        let began = began(state, *target)?;
        let began = if reopened { now } else { began };
        let running = state.running(*target).map(|it| &it.promise);
        let (mut since, mut spent_ms) = running.map_or((Some(began), 0), |it| (it.since, it.spent_ms));
        match since {
            Some(at) if state.status == Status::Pending => {
                spent_ms += between(calendar, at, now);
                since = None;
            }
            None if state.status != Status::Pending => since = Some(now),
            Some(_) | None => {}
        }
        let left = |share: f64| since.map(|at| after(calendar, at, part_ms(within_s, share) - spent_ms));
        Some(Promise {
            target: *target,
            within_ms: part_ms(within_s, 1.0),
            spent_ms,
            since,
            warn_at: left(level.warn_at.0),
            due_at: left(1.0),
        })
    };
    SlaTarget::ALL.iter().filter_map(promise).collect()
}

fn level<'a>(state: &Conversation, settings: &'a Settings) -> Option<&'a ServiceLevel> {
    let levels = &settings.workspace.service_levels;
    levels.iter().find(|it| matches(&it.matches, state.matched()))
}

/// Whether the conversation's level promises this.
pub(crate) fn promises(state: &Conversation, settings: &Settings, target: SlaTarget) -> bool {
    level(state, settings).is_some_and(|level| within_s(level, target).is_some())
}

fn calendar<'a>(level: &ServiceLevel, settings: &'a Settings) -> Option<&'a Calendar> {
    settings.calendars.get(level.hours.as_ref()?)
}

/// What a level promises, in seconds; `None`: nothing.
pub(crate) fn within_s(level: &ServiceLevel, target: SlaTarget) -> Option<u64> {
    match target {
        SlaTarget::FirstResponse => level.first_response_s,
        SlaTarget::NextResponse => level.next_response_s,
        SlaTarget::Resolution => level.resolution_s,
    }
}

/// Since when what is promised is owed; `None` when it is not.
fn began(state: &Conversation, target: SlaTarget) -> Option<Time> {
    let answered = state.first_response_at.is_some();
    match target {
        SlaTarget::FirstResponse => state.waiting_since.filter(|_| !answered),
        SlaTarget::NextResponse => state.waiting_since.filter(|_| answered),
        SlaTarget::Resolution => Some(state.opened_at),
    }
}

/// When a paused promise would have been due, had it gone on now.
fn due_if_resumed(state: &Conversation, running: &Running, settings: &Settings, now: Time) -> Time {
    let calendar = level(state, settings).and_then(|level| calendar(level, settings));
    let left_ms = running.promise.within_ms - running.promise.spent_ms;
    // What did not run was not late, also where another level would have given it less time.
    after(calendar, now, left_ms.max(1))
}

/// A share of so many seconds, in milliseconds.
fn part_ms(seconds: u64, share: f64) -> i64 {
    #[allow(
        clippy::cast_precision_loss,
        reason = "settings are at most ten years long, which a float counts to the microsecond"
    )]
    let part = SignedDuration::try_from_secs_f64(seconds as f64 * share);
    part.ok()
        .and_then(|it| i64::try_from(it.as_millis()).ok())
        .unwrap_or(i64::MAX)
}

fn after(calendar: Option<&Calendar>, start: Time, open_ms: i64) -> Time {
    match calendar {
        Some(calendar) => calendar.after(start, open_ms),
        None => start.plus_ms(open_ms.max(0)),
    }
}

fn between(calendar: Option<&Calendar>, start: Time, end: Time) -> i64 {
    match calendar {
        Some(calendar) => calendar.between(start, end),
        None => (end.0 - start.0).max(0),
    }
}
