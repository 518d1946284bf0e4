//! Promises 2 and 4 by keys and by content: a repeated key answers what the first did, nothing is stored twice, nothing is stored that
//! was refused, and a reply had seen what it must.

use super::Court;
use crate::oracle::call::{Ask, Call, Outcome, Yes};
use crate::oracle::digest;
use crate::oracle::verdict::Promise;
use crate::oracle::witness::Witness;
use dibs_protocol::command::BulkAction;
use dibs_protocol::event::{Actor, Event};
use dibs_protocol::ids::{AgentId, ConversationId};
use dibs_protocol::refusal::Code;
use dibs_protocol::terms::{GrantVia, ReleaseVia};
use std::collections::{BTreeSet, HashMap};

/// A command with its witness.
type Heard<'a> = (&'a Witness, &'a Call);
/// A key's place: who, which command, where, and the key.
type Place<'a> = (String, &'a str, Option<ConversationId>, &'a str);

pub(super) fn check(court: &mut Court<'_>) {
    let mut groups: HashMap<Place<'_>, Vec<Heard<'_>>> = HashMap::new();
    for witness in court.all() {
        for call in witness.calls.iter().filter(|_| court.one_epoch(witness)) {
            if let Some(key) = &call.key {
                let place = (
                    sender(witness, call),
                    call.ask.name(),
                    call.ask.conversation(),
                    key.as_str(),
                );
                groups.entry(place).or_default().push((witness, call));
            }
        }
    }
    let stored = replies_by_key(court);
    for (place, mut group) in groups {
        group.sort_by_key(|(_, call)| call.sent);
        court.verdict.checked("keys");
        answered_alike(court, &place, &group);
        reused(court, &place, &group);
        if place.1 == "reply" {
            reply(court, &place, &group, &stored);
        }
    }
    if court.feed.everybody {
        explain(court);
    } else {
        court
            .verdict
            .unchecked("origins of events, where not everybody is a witness", 1);
    }
}

fn sender(witness: &Witness, call: &Call) -> String {
    match &call.ask {
        Ask::Ingest { channel, .. } => format!("channel {channel}"),
        _ => witness
            .who()
            .map_or_else(|| witness.name.clone(), ToString::to_string),
    }
}

/// What an acknowledgement says that a repetition must say again; nothing when it says nothing of the kind.
fn essence(yes: &Yes) -> Option<(u64, String)> {
    match yes {
        Yes::Held(token, _) => Some((*token, String::new())),
        Yes::Seq(seq) | Yes::Updated(Some(seq)) => Some((*seq, String::new())),
        Yes::Replied { seq, message, .. } => Some((*seq, message.to_string())),
        Yes::Noted { seq, mentions, .. } => Some((*seq, mentions.to_string())),
        Yes::Opened {
            conversation, token, ..
        } => Some((*token, conversation.to_string())),
        Yes::Ingested { answer, .. } => {
            let said = format!("{} {} {}", answer.conversation, answer.message, answer.opened);
            Some((answer.seq, said))
        }
        Yes::Split(conversation) => Some((0, conversation.to_string())),
        Yes::Done | Yes::Updated(None) | Yes::Version(_) | Yes::Rows(..) => None,
    }
}

fn is_new(yes: &Yes) -> bool {
    matches!(
        yes,
        Yes::Replied { duplicate: false, .. }
            | Yes::Noted { duplicate: false, .. }
            | Yes::Opened { duplicate: false, .. }
            | Yes::Ingested { fresh: true, .. }
    )
}

fn answered_alike(court: &mut Court<'_>, place: &Place<'_>, group: &[Heard<'_>]) {
    let mut first: Option<(&Call, &Yes)> = None;
    let mut new = 0;
    for (witness, call) in group {
        let Outcome::Yes(yes) = &call.outcome else {
            continue;
        };
        let moment = call.answered.unwrap_or(call.sent);
        new += u64::from(is_new(yes));
        if is_new(yes) && new == 2 {
            let said = format!(
                "its {} with the key {:?} was stored as new twice",
                place.1, place.3
            );
            court.blame(Promise::AnsweredOnce, witness, moment, place.2, said);
        }
        let Some((before, said)) = first else {
            first = Some((call, yes));
            continue;
        };
        if before.body != call.body {
            let said = format!(
                "two different {} with the key {:?} were both acknowledged",
                place.1, place.3
            );
            court.blame(Promise::AnsweredOnce, witness, moment, place.2, said);
        } else if essence(said) != essence(yes) {
            let said = format!(
                "the key {:?} of its {} was answered with {:?}, and before that with {:?}",
                place.3,
                place.1,
                essence(yes),
                essence(said)
            );
            court.blame(Promise::AnsweredOnce, witness, moment, place.2, said);
        }
    }
}

/// `key_reused` needs another command with the key.
fn reused(court: &mut Court<'_>, place: &Place<'_>, group: &[Heard<'_>]) {
    for (witness, call) in group {
        let refused = matches!(&call.outcome, Outcome::No(no) if no.code == Code::KeyReused);
        let answered = call.answered.unwrap_or(u64::MAX);
        let other = |it: &&Heard<'_>| it.1.body != call.body && it.1.sent < answered;
        if refused && court.feed.everybody && !group.iter().any(|it| other(&it)) {
            let said = format!(
                "its {} was refused as key_reused, but nothing else had its key",
                place.1
            );
            court.blame(Promise::TrueAnswers, witness, answered, place.2, said);
        }
    }
}

/// The number of each reply by sender, conversation and key.
fn replies_by_key(court: &Court<'_>) -> HashMap<(String, ConversationId, String), u64> {
    let mut replies = HashMap::new();
    for stored in &court.lines.entries {
        if let (Some(Event::MessageSent { agent, key, .. }), Some(id)) = (&stored.event, stored.conversation)
        {
            replies.insert((agent.to_string(), id, key.clone()), stored.seq);
        }
    }
    replies
}

fn reply(
    court: &mut Court<'_>,
    place: &Place<'_>,
    group: &[Heard<'_>],
    stored: &HashMap<(String, ConversationId, String), u64>,
) {
    let (Some(id), Some((witness, last))) = (place.2, group.last()) else {
        return;
    };
    let Some(seq) = stored.get(&(place.0.clone(), id, place.3.to_owned())) else {
        return;
    };
    if group
        .iter()
        .all(|(_, call)| matches!(call.outcome, Outcome::No(_)))
    {
        let said = format!(
            "its reply with the key {:?} was refused, but is stored as event {seq}",
            place.3
        );
        court.blame(Promise::Kept, witness, last.sent, id, said);
    }
    let Some(timeline) = court.lines.all.get(&id).filter(|it| !it.blurred) else {
        return;
    };
    let Some(me) = witness.who() else { return };
    let must = timeline.must_have_seen(me, seq - 1);
    let answered = group
        .iter()
        .filter(|(_, call)| matches!(call.outcome, Outcome::Yes(_)));
    let first = answered
        .filter_map(|(_, call)| call.answered)
        .min()
        .unwrap_or(u64::MAX);
    let tries = group.iter().filter(|(_, call)| call.sent <= first);
    let seen = tries.filter_map(|(_, call)| match call.ask {
        Ask::Reply { seen, .. } => Some(seen),
        _ => None,
    });
    let seen = seen.max().unwrap_or(0);
    if seen < must {
        let said = format!(
            "its reply, event {seq}, was stored although it had seen no more than {seen}, and event {must} was there: \
             the customer may be answered twice"
        );
        court.blame(Promise::AnsweredOnce, witness, last.sent, id, said);
    }
}

/// What may have been stored by whom: the keys or calls that may explain events of one kind.
#[derive(Default)]
struct Origin {
    /// Numbers that were acknowledged.
    known: BTreeSet<u64>,
    /// Keys of commands that were acknowledged.
    done: BTreeSet<String>,
    /// Keys of commands that may have been stored.
    perhaps: BTreeSet<String>,
    /// How often something without a key may have been stored, for all that is known.
    unknown: u64,
    stored: Vec<u64>,
}

/// Kind, who, where, and what: texts count for messages and notes.
type Kind = (&'static str, String, Option<ConversationId>, u64);

/// Every message, note, claim and release in the log was asked for, and no more often than it is there.
fn explain(court: &mut Court<'_>) {
    let mut origins: HashMap<Kind, Origin> = HashMap::new();
    for witness in court.all() {
        for call in &witness.calls {
            for kind in kinds(witness, call) {
                let origin = origins.entry(kind).or_default();
                let key = call.key.as_ref();
                let key = key.map(|key| format!("{} {} {key}", sender(witness, call), call.ask.name()));
                match (&call.outcome, key) {
                    (Outcome::No(_), _) => {}
                    (Outcome::Yes(yes), key) => {
                        origin.known.insert(yes.seq_of_event());
                        origin.done.extend(key);
                    }
                    (Outcome::Unknown, Some(key)) => drop(origin.perhaps.insert(key)),
                    (Outcome::Unknown, None) => origin.unknown += 1,
                }
            }
        }
    }
    for stored in &court.lines.entries {
        let (Some(event), Some(id)) = (&stored.event, stored.conversation) else {
            continue;
        };
        let opened = court.lines.all.get(&id).and_then(|it| it.seqs.first().copied());
        if let Some(kind) = kind_of(event, &stored.actor, id, opened == Some(stored.seq - 1)) {
            origins.entry(kind).or_default().stored.push(stored.seq);
        }
    }
    for ((what, who, id, _), origin) in origins {
        court.verdict.checked("origins of events");
        let unasked: Vec<u64> = origin
            .stored
            .iter()
            .copied()
            .filter(|it| !origin.known.contains(it))
            .collect();
        let most = origin.perhaps.difference(&origin.done).count() as u64 + origin.unknown;
        if unasked.len() as u64 > most && id.is_none_or(|id| !court.blurred(id)) {
            let said = format!(
                "{} {what} by {who} are stored that were not acknowledged, {unasked:?}, but at most {most} may be: \
                 something is stored twice, or was refused",
                unasked.len()
            );
            court.verdict.log_fault(Promise::Kept, id, said);
        }
    }
}

fn kinds(witness: &Witness, call: &Call) -> Vec<Kind> {
    let who = sender(witness, call);
    match &call.ask {
        Ask::Reply {
            conversation, text, ..
        } => vec![("replies", who, Some(*conversation), *text)],
        Ask::Note(id, text) => vec![("notes", who, Some(*id), *text)],
        Ask::Ingest { customer, text, .. } => vec![("messages", customer.to_string(), None, *text)],
        Ask::Claim(id) | Ask::TakeOver(id) | Ask::AnswerTransfer(id, true) => {
            vec![("claims", who, Some(*id), 0)]
        }
        Ask::Release(id, _) => vec![("releases", who, Some(*id), 0)],
        Ask::Open(..) => vec![("openings", who, None, 0)],
        // Once answered, each part is a call of its own.
        Ask::Bulk(ids, action) if call.outcome == Outcome::Unknown => {
            let what = match action {
                BulkAction::Claim(_) => "claims",
                BulkAction::Release(_) => "releases",
                BulkAction::Update(_) => return Vec::new(),
            };
            ids.iter().map(|id| (what, who.clone(), Some(*id), 0)).collect()
        }
        _ => Vec::new(),
    }
}

fn kind_of(event: &Event, actor: &Actor, id: ConversationId, first: bool) -> Option<Kind> {
    let by = |agent: &AgentId| agent.to_string();
    Some(match event {
        Event::MessageSent { agent, message, .. } => {
            ("replies", by(agent), Some(id), digest::text(&message.text))
        }
        Event::NoteAdded { agent, note, .. } => ("notes", by(agent), Some(id), digest::text(&note.text)),
        Event::MessageReceived { message } => {
            let Actor::Customer { id: Some(customer) } = actor else {
                return None;
            };
            (
                "messages",
                customer.to_string(),
                None,
                digest::text(&message.text),
            )
        }
        // An agent who opens a conversation holds it at once.
        Event::ClaimGranted { agent, .. } if first => ("openings", by(agent), None, 0),
        Event::ClaimGranted { agent, via, .. } if *via != GrantVia::Routed => {
            ("claims", by(agent), Some(id), 0)
        }
        Event::ClaimReleased {
            agent,
            via: ReleaseVia::Release,
            ..
        } => ("releases", by(agent), Some(id), 0),
        _ => return None,
    })
}
