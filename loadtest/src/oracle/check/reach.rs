//! Promise 6 and what else pushes, positions and outboxes say: each names an event of the log that is as it says, and concerns
//! whom it reached.

use super::{Court, named};
use crate::oracle::digest;
use crate::oracle::feed::Stored;
use crate::oracle::record::{Outboxed, Push};
use crate::oracle::verdict::Promise;
use crate::oracle::witness::Witness;
use dibs_protocol::event::Event;
use dibs_protocol::ids::ConversationId;
use dibs_rules::excerpt::excerpt;
use std::collections::HashMap;

pub(super) fn check(court: &mut Court<'_>) {
    let replies = replies(court);
    for witness in court.all() {
        if !court.one_epoch(witness) {
            continue;
        }
        for (moment, push) in &witness.pushes {
            court.verdict.checked("personal pushes");
            if let Err((promise, said)) = pushed(court, witness, push) {
                let (what, id, seq) = named(push);
                court.blame(
                    promise,
                    witness,
                    *moment,
                    id,
                    format!("a {what} names {seq}, {said}"),
                );
            }
        }
        for outboxed in &witness.outboxed {
            court.verdict.checked("outboxes read");
            if let Some(said) = wrong_outbox(outboxed, replies.get(&outboxed.channel)) {
                court.blame(Promise::SeenOnce, witness, None, None, said);
            }
        }
    }
    positions(court);
}

fn pushed(court: &Court<'_>, witness: &Witness, push: &Push) -> Result<(), (Promise, String)> {
    let (_, id, seq) = named(push);
    let Some(timeline) = court.lines.all.get(&id) else {
        let said = "of a conversation that the log of its workspace does not have".to_owned();
        return Err((Promise::Walls, said));
    };
    let stored = court.lines.at(seq).filter(|it| it.conversation == Some(id));
    let Some(stored) = stored else {
        return Err((
            Promise::Kept,
            "which is no event of its conversation in the log".to_owned(),
        ));
    };
    let Some(event) = &stored.event else {
        return Ok(());
    };
    match push {
        Push::Gained(..) | Push::Lost(..) => {
            if !matches!(event, Event::ClaimGranted { agent, .. } if Some(agent) == witness.who()) {
                return Err((
                    Promise::Walls,
                    format!("which is not a grant to this agent but a {}", stored.kind),
                ));
            }
            let ended = timeline
                .tenures
                .iter()
                .any(|it| it.from == seq && it.to.is_some());
            if matches!(push, Push::Lost(..)) && !ended && !timeline.blurred {
                return Err((Promise::TrueAnswers, "a claim that never ended".to_owned()));
            }
            Ok(())
        }
        Push::Mention(_, _, note, by, words) => {
            let erased = timeline.erased.contains(&seq);
            mentioned(witness, stored, (note, by, *words), erased)
        }
    }
}

fn mentioned(
    witness: &Witness,
    stored: &Stored,
    (id, by, words): (&dibs_protocol::ids::NoteId, &dibs_protocol::ids::AgentId, u64),
    erased: bool,
) -> Result<(), (Promise, String)> {
    let Some(Event::NoteAdded {
        note,
        agent,
        mentions,
    }) = &stored.event
    else {
        return Err((Promise::Kept, format!("which is a {}", stored.kind)));
    };
    let same = note.id == *id && agent == by && (erased || digest::text(&excerpt(&note.text)) == words);
    if !same {
        return Err((
            Promise::Kept,
            "which is another note, or by somebody else".to_owned(),
        ));
    }
    // The members of a team are those known when the note was stored: a team that is mentioned may mean anybody.
    let me = witness.who();
    if mentions.teams.is_empty() && !mentions.agents.iter().any(|it| Some(it) == me) {
        return Err((Promise::Walls, "which does not mention this agent".to_owned()));
    }
    Ok(())
}

/// The numbers of all replies by channel.
fn replies(court: &Court<'_>) -> HashMap<String, Vec<u64>> {
    let mut channels: HashMap<ConversationId, String> = HashMap::new();
    let mut replies: HashMap<String, Vec<u64>> = HashMap::new();
    for stored in &court.lines.entries {
        let Some(id) = stored.conversation else { continue };
        if let Some(Event::ConversationOpened { channel, .. }) = &stored.event {
            channels.insert(id, channel.to_string());
        }
        if stored.kind == "message_sent"
            && let Some(channel) = channels.get(&id)
        {
            replies.entry(channel.clone()).or_default().push(stored.seq);
        }
    }
    replies
}

fn wrong_outbox(outboxed: &Outboxed, replies: Option<&Vec<u64>>) -> Option<String> {
    let replies = replies.map(Vec::as_slice).unwrap_or_default();
    let last = outboxed.numbers.last().copied().unwrap_or(0).max(outboxed.next);
    let from = replies.partition_point(|it| *it <= outboxed.after);
    let to = replies.partition_point(|it| *it <= last).max(from);
    let expected = &replies[from..to];
    (expected != outboxed.numbers).then(|| {
        format!(
            "the outbox of {} from {} to {last} shows the events {:?} instead of {expected:?}",
            outboxed.channel, outboxed.after, outboxed.numbers
        )
    })
}

/// The chain has one hash at a number, whoever was told; nobody was told of a number that the log has not reached.
fn positions(court: &mut Court<'_>) {
    let mut hashes: HashMap<(String, u64), String> = HashMap::new();
    let head = court.lines.head();
    for witness in court.all() {
        for (epoch, seq, hash) in &witness.positions {
            if !court.same_epoch(Some(epoch)) {
                court.verdict.unchecked("positions of another epoch", 1);
                continue;
            }
            court.verdict.checked("positions");
            if court.feed.whole && *seq > head {
                let said = format!("it was told of position {seq}, but the log ends at {head}");
                court.blame(Promise::Kept, witness, None, None, said);
            }
            let known = hashes.entry((epoch.clone(), *seq)).or_insert_with(|| {
                let stored = court.feed.hashes.get(seq);
                stored.cloned().unwrap_or_else(|| hash.clone())
            });
            if !known.starts_with(hash.as_str()) && !hash.starts_with(known.as_str()) {
                let said = format!("the chain's hash at {seq} was {hash} for it, and {known} elsewhere");
                court.blame(Promise::Kept, witness, None, None, said);
            }
        }
    }
}
