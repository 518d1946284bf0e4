//! `update`: changes of a conversation, all of them in one commit.

use crate::claims::{actor, let_go};
use crate::context::{Agent, Context};
use crate::conversation::Conversation;
use crate::decision::{Answer, Decision};
use crate::expect::check_expect;
use crate::permissions::may_change_held;
use dibs_protocol::command::Update;
use dibs_protocol::event::Event;
use dibs_protocol::limits;
use dibs_protocol::refusal::Refusal;
use dibs_protocol::terms::{ReleaseVia, Status};
use dibs_protocol::time::Time;
use std::collections::BTreeSet;

/// Changes the conversation. What is already as asked yields no event; the others come in this order: `subject_changed`,
/// `priority_changed`, `queue_changed`, `tagged`, `assigned`, `status_changed`, and, when it is snoozed, resolved or closed,
/// the end of a standing offer and of the claim.
///
/// # Errors
/// In this order:
/// 1. `forbidden`, naming the holder: somebody else holds it, and status, snooze, queue, assignee or team is named;
/// 2. `invalid` (`status`): `new` cannot be set;
/// 3. `invalid` (`snoozed_until`): the result would not be pending, or the time is not in the future;
/// 4. `invalid` (`add_tags`): more than 50 tags;
/// 5. `not_found`: the assignee is not known (a team may be named before any of its members has come);
/// 6. `conflict`: it is closed (or absorbed), and more than its tags would change without opening it;
/// 7. `expect`: `invalid` for an unknown field, `conflict` for a difference.
pub(crate) fn update(
    state: &Conversation,
    command: &Update,
    me: &Agent,
    ctx: &Context<'_>,
) -> Result<Decision, Refusal> {
    if holders_own(command) && !may_change_held(me, state) {
        return Err(state.holder().map_or_else(Refusal::internal, Refusal::held));
    }
    let moved = status_change(state, command, ctx.now)?;
    let tagged = tag_change(state, command)?;
    let assigned = assignment(state, command, ctx)?;
    let mut events = plain_changes(state, command);
    events.extend(tagged);
    events.extend(assigned);
    let via = moved.as_ref().and_then(releases);
    events.extend(moved);
    refuse_closed(state, &events)?;
    if let Some(expect) = &command.expect {
        check_expect(state, expect)?;
    }
    let by = actor(me);
    let mut events: Vec<_> = events.into_iter().map(|event| (by.clone(), event)).collect();
    if let Some(via) = via {
        events.extend(let_go(state, via, &by));
    }
    Ok(Decision::with(Answer::Done, events))
}

/// Whether the command names what only the holder and supervisors may change.
fn holders_own(command: &Update) -> bool {
    command.status.is_some()
        || command.snoozed_until.is_some()
        || command.queue.is_some()
        || command.assignee.is_some()
        || command.team.is_some()
}

fn plain_changes(state: &Conversation, command: &Update) -> Vec<Event> {
    let mut events = Vec::new();
    if let Some(to) = command.subject.as_ref().filter(|to| **to != state.subject) {
        events.push(Event::SubjectChanged {
            from: state.subject.clone(),
            to: to.clone(),
        });
    }
    if let Some(to) = command.priority.filter(|to| *to != state.priority) {
        events.push(Event::PriorityChanged {
            from: state.priority,
            to,
        });
    }
    if let Some(to) = command.queue.as_ref().filter(|to| **to != state.queue) {
        events.push(Event::QueueChanged {
            from: state.queue.clone(),
            to: to.clone(),
        });
    }
    events
}

fn status_change(state: &Conversation, command: &Update, now: Time) -> Result<Option<Event>, Refusal> {
    if command.status == Some(Status::New) {
        return Err(Refusal::invalid("status", "status cannot be set to new"));
    }
    let to = command.status.unwrap_or(state.status);
    if let Some(Some(until)) = command.snoozed_until {
        if to != Status::Pending {
            return Err(Refusal::invalid(
                "snoozed_until",
                "only a pending conversation can be snoozed",
            ));
        }
        if until <= now {
            return Err(Refusal::invalid(
                "snoozed_until",
                "snoozed_until must be in the future",
            ));
        }
    }
    let asked = command.snoozed_until.unwrap_or(state.snoozed_until);
    let snoozed_until = asked.filter(|_| to == Status::Pending);
    if to == state.status && snoozed_until == state.snoozed_until {
        return Ok(None);
    }
    Ok(Some(Event::StatusChanged {
        from: state.status,
        to,
        snoozed_until,
    }))
}

/// How a change of status ends the claim, if it does.
fn releases(moved: &Event) -> Option<ReleaseVia> {
    match moved {
        Event::StatusChanged {
            to: Status::Resolved | Status::Closed,
            ..
        } => Some(ReleaseVia::Resolved),
        Event::StatusChanged {
            snoozed_until: Some(_),
            ..
        } => Some(ReleaseVia::Snoozed),
        _ => None,
    }
}

fn tag_change(state: &Conversation, command: &Update) -> Result<Option<Event>, Refusal> {
    let now: BTreeSet<&String> = state.tags.iter().collect();
    let add: BTreeSet<&String> = command.add_tags.iter().flatten().collect();
    let remove: BTreeSet<&String> = command.remove_tags.iter().flatten().collect();
    let added: Vec<String> = add
        .iter()
        .filter(|it| !now.contains(*it) && !remove.contains(*it))
        .map(|it| (*it).clone())
        .collect();
    let removed: Vec<String> = remove.intersection(&now).map(|it| (*it).clone()).collect();
    if now.len() - removed.len() + added.len() > limits::TAGS {
        let message = format!("a conversation may have at most {} tags", limits::TAGS);
        return Err(Refusal::invalid("add_tags", &message));
    }
    let changes = !added.is_empty() || !removed.is_empty();
    Ok(changes.then_some(Event::Tagged { added, removed }))
}

fn assignment(state: &Conversation, command: &Update, ctx: &Context<'_>) -> Result<Option<Event>, Refusal> {
    if matches!(&command.assignee, Some(Some(agent)) if !ctx.people.knows_agent(agent)) {
        return Err(Refusal::not_found("agent"));
    }
    let agent = command.assignee.clone().unwrap_or_else(|| state.assignee.clone());
    let team = command.team.clone().unwrap_or_else(|| state.team.clone());
    let changes = agent != state.assignee || team != state.team;
    Ok(changes.then_some(Event::Assigned { agent, team }))
}

fn refuse_closed(state: &Conversation, events: &[Event]) -> Result<(), Refusal> {
    let reopens = |it: &Event| matches!(it, Event::StatusChanged { to: Status::Open, .. });
    if !state.is_closed() || (state.merged_into.is_none() && events.iter().any(reopens)) {
        return Ok(());
    }
    if events.iter().all(|it| matches!(it, Event::Tagged { .. })) {
        return Ok(());
    }
    let message = if state.merged_into.is_some() {
        "This conversation was merged into another one."
    } else {
        "This conversation is closed: open it again first."
    };
    Err(Refusal::conflict(message, state.summary()))
}
