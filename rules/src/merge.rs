//! `merge`: conversations become one. The others close, and whoever waits in them waits in the survivor. Messages stay where
//! they were stored.

use crate::claims::{actor, let_go};
use crate::context::{Agent, Context};
use crate::conversation::Conversation;
use crate::decision::{Answer, Decision, Part};
use crate::expect::check_expect;
use crate::permissions::may_change_held;
use crate::sla::carry;
use dibs_protocol::command;
use dibs_protocol::event::{Actor, Carried, Event};
use dibs_protocol::ids::ThreadId;
use dibs_protocol::refusal::Refusal;
use dibs_protocol::terms::{ReleaseVia, Status};
use std::sync::Arc;

/// A `merge`, and the conversations that it names as they are.
#[derive(Debug, Clone, PartialEq)]
pub struct Merge {
    /// What was asked.
    pub command: command::Merge,
    /// The conversations that are to be absorbed, as far as they exist, in the order asked.
    pub absorbed: Vec<Arc<Conversation>>,
}

/// Makes one conversation of several. On each absorbed one: the end of a standing offer and of the claim, and `merged`, which
/// closes it. Then on the survivor: `merged`, and `status_changed` when it was pending or resolved and somebody waits in
/// what it absorbs. What it has absorbed already is passed over; when that is all, nothing changes, and the answer's `seq`
/// is the version.
///
/// # Errors
/// In this order:
/// 1. `not_found`: one of them does not exist;
/// 2. `forbidden`, naming the holder: somebody else holds one of them, unless the sender supervises;
/// 3. `conflict`: the survivor is closed or was absorbed itself, or one of the others was absorbed by a third;
/// 4. `expect`: `invalid` for an unknown field, `conflict` for a difference of the survivor.
pub(crate) fn merge(
    state: &Conversation,
    it: &Merge,
    me: &Agent,
    ctx: &Context<'_>,
) -> Result<Decision, Refusal> {
    if it.absorbed.len() != it.command.conversations.len() {
        return Err(Refusal::not_found("conversation"));
    }
    let all = || std::iter::once(state).chain(it.absorbed.iter().map(|it| &**it));
    if let Some(held) = all().find(|it| !may_change_held(me, it)) {
        return Err(held.holder().map_or_else(Refusal::internal, Refusal::held));
    }
    refuse_over(state, it)?;
    if let Some(expect) = &it.command.expect {
        check_expect(state, expect)?;
    }
    let absorbed: Vec<&Conversation> = it.absorbed.iter().map(|it| &**it).collect();
    let absorbed: Vec<&Conversation> = absorbed
        .into_iter()
        .filter(|it| it.merged_into != Some(state.id))
        .collect();
    if absorbed.is_empty() {
        return Ok(Decision {
            known_seq: Some(state.version),
            ..Decision::nothing(Answer::Done)
        });
    }
    let by = actor(me);
    let others = absorbed.iter().map(|it| ends(it, state, &by)).collect();
    let mut events = survives(state, &absorbed, &by);
    let answers_event = events.len().checked_sub(1);
    let promise = carry::merged(state, &absorbed, ctx);
    events.extend(promise.map(|event| (Actor::System, event)));
    Ok(Decision {
        others,
        answers_event,
        ..Decision::with(Answer::Done, events)
    })
}

fn refuse_over(state: &Conversation, it: &Merge) -> Result<(), Refusal> {
    if state.is_closed() {
        let message = "The conversation that is to go on is closed: open it again first.";
        return Err(Refusal::conflict(message, state.summary()));
    }
    let elsewhere = |it: &&Arc<Conversation>| it.merged_into.is_some_and(|into| into != state.id);
    if let Some(other) = it.absorbed.iter().find(elsewhere) {
        let message = "This conversation was merged into another one already.";
        return Err(Refusal::conflict(message, other.summary()));
    }
    Ok(())
}

/// What happens to one that is absorbed.
fn ends(absorbed: &Conversation, survivor: &Conversation, by: &Actor) -> Part {
    let mut events = let_go(absorbed, ReleaseVia::Merged, by);
    let merged = Event::Merged {
        conversations: None,
        into: Some(survivor.id),
        through: Vec::new(),
        threads: Vec::new(),
        carried: None,
    };
    events.push((by.clone(), merged));
    Part::of(absorbed.id, events)
}

/// What happens to the one that goes on.
fn survives(state: &Conversation, absorbed: &[&Conversation], by: &Actor) -> Vec<(Actor, Event)> {
    // What is resolved or closed waits for nobody.
    let waiting = || {
        absorbed
            .iter()
            .filter(|it| it.is_unresolved() && it.unanswered > 0)
    };
    let since = waiting()
        .filter_map(|it| it.waiting_since)
        .chain(state.waiting_since);
    let last = absorbed.iter().filter_map(|it| it.last_message.as_ref());
    let carried = Carried {
        waiting_since: since.min(),
        unanswered: waiting()
            .map(|it| it.unanswered)
            .fold(state.unanswered, u32::saturating_add),
        last_message: last.chain(&state.last_message).max_by_key(|it| it.seq).cloned(),
        first_response_at: state.first_response_at,
    };
    let merged = Event::Merged {
        conversations: Some(absorbed.iter().map(|it| it.id).collect()),
        into: None,
        through: absorbed
            .iter()
            .flat_map(|it| it.absorbed.iter().copied())
            .collect(),
        threads: threads(state, absorbed),
        carried: Some(carried),
    };
    let mut events = vec![(by.clone(), merged)];
    if matches!(state.status, Status::Pending | Status::Resolved) && waiting().next().is_some() {
        let reopened = Event::StatusChanged {
            from: state.status,
            to: Status::Open,
            snoozed_until: None,
        };
        events.push((by.clone(), reopened));
    }
    events
}

/// The threads by which the same customer went on in what is absorbed.
fn threads(state: &Conversation, absorbed: &[&Conversation]) -> Vec<ThreadId> {
    let theirs = |it: &&&Conversation| it.channel == state.channel && it.customer.id == state.customer.id;
    let mut threads: Vec<ThreadId> = Vec::new();
    for thread in absorbed
        .iter()
        .filter(theirs)
        .flat_map(|it| it.thread.iter().chain(&it.threads))
    {
        if state.thread.as_ref() != Some(thread)
            && !state.threads.contains(thread)
            && !threads.contains(thread)
        {
            threads.push(thread.clone());
        }
    }
    threads
}
