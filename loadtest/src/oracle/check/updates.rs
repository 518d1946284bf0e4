//! Promise 4 for `update`: what was acknowledged with a number is so after that event; what was acknowledged without one was so at
//! some point already.

use super::Court;
use super::calls::stored;
use crate::oracle::call::{Ask, Call, Outcome, Yes};
use crate::oracle::timeline::Timelines;
use crate::oracle::verdict::Promise;
use crate::oracle::witness::Witness;
use dibs_protocol::command::Update;
use dibs_protocol::ids::ConversationId;
use dibs_protocol::terms::Status;
use dibs_rules::{Conversation, Fact};
use std::collections::HashMap;

/// An update that must have been true at some point from `low` to `high`.
struct Claimed<'a> {
    witness: &'a Witness,
    call: &'a Call,
    update: &'a Update,
    low: u64,
    high: u64,
}

pub(super) fn check(court: &mut Court<'_>) {
    let mut of: HashMap<ConversationId, Vec<Claimed<'_>>> = HashMap::new();
    for witness in court.all() {
        if !court.one_epoch(witness) {
            continue;
        }
        for call in &witness.calls {
            let (Ask::Update(update), Outcome::Yes(Yes::Updated(seq))) = (&call.ask, &call.outcome) else {
                continue;
            };
            // A repeated key answers what was true the first time.
            if seq.is_none() && call.key.is_some() {
                court
                    .verdict
                    .unchecked("updates with a key that changed nothing", 1);
                continue;
            }
            let answered = call.answered.unwrap_or(u64::MAX);
            let during = (
                court.when.stored_before(call.sent),
                court.when.stored_at_most(answered),
            );
            let (low, high) = seq.map_or(during, |seq| (seq, seq));
            let claimed = Claimed {
                witness,
                call,
                update,
                low,
                high,
            };
            if let Some(seq) = seq
                && let Err(said) = by_me(court, &claimed, *seq)
            {
                blame(court, &claimed, said);
            }
            of.entry(update.conversation).or_default().push(claimed);
        }
    }
    for (id, mut all) in of {
        if court.blurred(id) {
            court
                .verdict
                .unchecked("updates of erased conversations", all.len() as u64);
            continue;
        }
        all.sort_by_key(|it| it.low);
        for (wrong, never) in never_true(&court.lines, id, &all) {
            blame(court, &all[wrong], never);
        }
    }
}

fn blame(court: &mut Court<'_>, claimed: &Claimed<'_>, said: String) {
    let moment = claimed.call.answered.unwrap_or(claimed.call.sent);
    let said = format!("its update was acknowledged, {said}");
    court.blame(
        Promise::Kept,
        claimed.witness,
        moment,
        claimed.update.conversation,
        said,
    );
}

fn by_me(court: &Court<'_>, claimed: &Claimed<'_>, seq: u64) -> Result<(), String> {
    let stored = stored(court, claimed.update.conversation, seq)?;
    if stored.actor.agent() == claimed.witness.who() {
        return Ok(());
    }
    Err(format!("but event {seq} is by {:?}", stored.actor))
}

/// Those that were true at no point of their time, by place: one replay of the conversation for all of them.
fn never_true(lines: &Timelines<'_>, id: ConversationId, all: &[Claimed<'_>]) -> Vec<(usize, String)> {
    let Some(timeline) = lines.all.get(&id) else {
        let said = "but the log has no such conversation".to_owned();
        return (0..all.len()).map(|place| (place, said.clone())).collect();
    };
    let (mut next, mut state, mut wrong) = (0, None::<Conversation>, Vec::new());
    let mut waiting: Vec<usize> = Vec::new();
    let ends = timeline.seqs.iter().skip(1).copied().chain([u64::MAX]);
    for (seq, until) in timeline.seqs.iter().copied().zip(ends) {
        let Some((stored, event)) = lines.at(seq).and_then(|it| Some((it, it.event.as_ref()?))) else {
            return wrong;
        };
        let fact = Fact {
            seq,
            at: stored.at,
            conversation: id,
            actor: &stored.actor,
            event,
        };
        match &mut state {
            None => state = Conversation::opened(&fact),
            Some(state) => state.apply(&fact),
        }
        // This state stands from `seq` to before `until`.
        while all.get(next).is_some_and(|it| it.low < until) {
            waiting.push(next);
            next += 1;
        }
        waiting.retain(|place| {
            let it = &all[*place];
            if it.high < seq {
                wrong.push((*place, said(it)));
                return false;
            }
            !state.as_ref().is_some_and(|state| is_so(it.update, state))
        });
    }
    wrong.extend(
        waiting
            .into_iter()
            .chain(next..all.len())
            .map(|place| (place, said(&all[place]))),
    );
    wrong
}

fn said(claimed: &Claimed<'_>) -> String {
    if claimed.low == claimed.high {
        return format!("but after event {} the conversation is not so", claimed.low);
    }
    format!(
        "as changing nothing, but from event {} to {} the conversation was never so",
        claimed.low, claimed.high
    )
}

/// Whether the conversation is as the update wants it.
fn is_so(update: &Update, state: &Conversation) -> bool {
    let added = update.add_tags.iter().flatten();
    let removed = |tag: &String| update.remove_tags.iter().flatten().any(|it| it == tag);
    let pending = update.status.unwrap_or(state.status) == Status::Pending;
    update.status.is_none_or(|it| it == state.status)
        && update
            .snoozed_until
            .is_none_or(|it| !pending || it == state.snoozed_until)
        && update.priority.is_none_or(|it| it == state.priority)
        && update.queue.as_ref().is_none_or(|it| *it == state.queue)
        && update.assignee.as_ref().is_none_or(|it| *it == state.assignee)
        && update.team.as_ref().is_none_or(|it| *it == state.team)
        && update.subject.as_ref().is_none_or(|it| *it == state.subject)
        && added.filter(|it| !removed(it)).all(|it| state.tags.contains(it))
        && !state.tags.iter().any(removed)
}
