//! Promise 4, first half: whatever was acknowledged is in the log, where it was said to be, with what was asked, by who asked.

use super::Court;
use crate::oracle::call::{Ask, Call, Outcome, Yes};
use crate::oracle::digest;
use crate::oracle::feed::Stored;
use crate::oracle::verdict::Promise;
use crate::oracle::witness::Witness;
use dibs_protocol::event::Event;
use dibs_protocol::http::IngestAnswer;
use dibs_protocol::ids::{AgentId, ChannelId, ConversationId, CustomerId, MessageId};
use dibs_protocol::terms::{DeclineReason, DeliveryState, ReleaseVia};
use std::collections::{HashMap, HashSet};

pub(super) fn check(court: &mut Court<'_>) {
    let facts = Facts::of(court);
    for witness in court.all() {
        if !court.one_epoch(witness) {
            court
                .verdict
                .unchecked("commands in another epoch", witness.calls.len() as u64);
            continue;
        }
        for call in &witness.calls {
            court.verdict.checked("commands");
            let Outcome::Yes(yes) = &call.outcome else {
                continue;
            };
            court.verdict.checked("acknowledgements");
            if let Err(said) = acknowledged(court, &facts, witness, call, yes) {
                let said = format!("its {} was acknowledged, {said}", call.ask.name());
                let moment = call.answered.unwrap_or(call.sent);
                court.blame(Promise::Kept, witness, moment, call.ask.conversation(), said);
            }
        }
    }
}

/// What is looked up by something else than its number.
struct Facts {
    deliveries: HashSet<(MessageId, DeliveryState)>,
    ratings: HashSet<(ConversationId, u8)>,
    /// Conversations of a customer on a channel.
    customers: HashMap<(ChannelId, CustomerId), Vec<ConversationId>>,
    /// Which conversation absorbed which.
    survivors: HashMap<ConversationId, ConversationId>,
}

impl Facts {
    fn of(court: &Court<'_>) -> Self {
        let mut facts = Self {
            deliveries: HashSet::new(),
            ratings: HashSet::new(),
            customers: HashMap::new(),
            survivors: HashMap::new(),
        };
        for stored in &court.lines.entries {
            let Some(id) = stored.conversation else { continue };
            match &stored.event {
                Some(Event::MessageDelivery { message, state, .. }) => {
                    facts.deliveries.insert((*message, *state));
                }
                Some(Event::Rated { score, .. }) => {
                    facts.ratings.insert((id, *score));
                }
                Some(Event::ConversationOpened {
                    channel, customer, ..
                }) => {
                    let place = (channel.clone(), customer.id.clone());
                    facts.customers.entry(place).or_default().push(id);
                }
                Some(Event::Merged { into: Some(into), .. }) => drop(facts.survivors.insert(id, *into)),
                _ => {}
            }
        }
        facts
    }
}

type Told = Result<(), String>;

fn acknowledged(court: &Court<'_>, facts: &Facts, witness: &Witness, call: &Call, yes: &Yes) -> Told {
    let me = witness.who();
    match (&call.ask, yes) {
        (Ask::Reply { .. } | Ask::Note(..), _) => said_by(court, facts, me, call, yes),
        (
            Ask::Open(channel, customer),
            Yes::Opened {
                conversation,
                token,
                duplicate,
            },
        ) => {
            granted(court, *conversation, *token, me)?;
            if !duplicate {
                fresh(court, call, *token)?;
            }
            if facts.belongs(channel, customer, *conversation) || court.blurred(*conversation) {
                return Ok(());
            }
            Err(format!(
                "but conversation {conversation} is not of that customer on that channel"
            ))
        }
        (Ask::Claim(id) | Ask::TakeOver(id) | Ask::AnswerTransfer(id, true), Yes::Held(token, _)) => {
            granted(court, *id, *token, me)
        }
        (Ask::Release(id, token), Yes::Seq(seq)) => {
            fresh_without_key(court, call, *seq)?;
            // A repeated key answers what the first did, whatever token comes with it.
            let token = token.filter(|_| call.key.is_none());
            released(court, *id, token, *seq, me)
        }
        (Ask::Transfer(id, _), Yes::Seq(seq)) => {
            fresh_without_key(court, call, *seq)?;
            let offered =
                |event: &Event| matches!(event, Event::TransferOffered { from, .. } if Some(from) == me);
            is(court, *id, *seq, "the offer", offered)
        }
        (Ask::CancelTransfer(id, _), Yes::Seq(seq)) => {
            let withdrawn = |event: &Event| {
                matches!(event, Event::TransferDeclined { from, reason: DeclineReason::Withdrawn, .. }
                    if Some(from) == me)
            };
            // Without a standing offer its answer is the version.
            is(court, *id, *seq, "the withdrawal", withdrawn).or_else(|_| stored(court, *id, *seq).map(drop))
        }
        (
            Ask::Ingest {
                text,
                channel,
                customer,
                directed,
            },
            Yes::Ingested { answer, fresh: new },
        ) => {
            if *new {
                fresh(court, call, answer.seq)?;
            }
            ingested(court, facts, (channel, customer, *text, *directed), answer)
        }
        (Ask::Delivery(message, state), Yes::Done) if !facts.deliveries.contains(&(*message, *state)) => {
            Err(format!("but the log has no {state} of message {message}"))
        }
        (Ask::Rating(id, score), Yes::Done)
            if !facts
                .leads_to(*id)
                .any(|id| facts.ratings.contains(&(id, *score)) || court.blurred(id)) =>
        {
            Err(format!("but the log has no rating {score}"))
        }
        _ => Ok(()),
    }
}

fn said_by(court: &Court<'_>, facts: &Facts, me: Option<&AgentId>, call: &Call, yes: &Yes) -> Told {
    match (&call.ask, yes) {
        (
            Ask::Reply {
                conversation,
                token: mine,
                text,
                ..
            },
            Yes::Replied {
                seq,
                message: id,
                duplicate,
            },
        ) => {
            if !duplicate {
                fresh(court, call, *seq)?;
            }
            let place = facts.said_in(court, *conversation, *seq, *duplicate);
            is(court, place, *seq, "this reply", |event| {
                matches!(event, Event::MessageSent { message, agent, token, key }
                    if message.id == *id && digest::text(&message.text) == *text && Some(agent) == me
                    && Some(key) == call.key.as_ref() && (*duplicate || token == mine))
            })
        }
        (
            Ask::Note(conversation, text),
            Yes::Noted {
                seq,
                mentions: whom,
                duplicate,
            },
        ) => {
            if !duplicate {
                fresh(court, call, *seq)?;
            }
            let place = facts.said_in(court, *conversation, *seq, *duplicate);
            is(court, place, *seq, "this note", |event| {
                matches!(event, Event::NoteAdded { note, agent, mentions }
                    if digest::text(&note.text) == *text && Some(agent) == me && digest::typed(mentions) == *whom)
            })
        }
        _ => Ok(()),
    }
}

/// What is new has a number above all that was told before it was asked for.
fn fresh(court: &Court<'_>, call: &Call, seq: u64) -> Told {
    let before = court.when.stored_before(call.sent);
    if seq > before {
        return Ok(());
    }
    Err(format!(
        "as new, with event {seq}, but somebody knew event {before} before it was asked for"
    ))
}

/// Without a key nothing is a repetition.
fn fresh_without_key(court: &Court<'_>, call: &Call, seq: u64) -> Told {
    if call.key.is_some() {
        Ok(())
    } else {
        fresh(court, call, seq)
    }
}

impl Facts {
    /// A conversation, the one that absorbed it, and so on.
    fn leads_to(&self, id: ConversationId) -> impl Iterator<Item = ConversationId> + '_ {
        std::iter::successors(Some(id), |id| self.survivors.get(id).copied())
    }

    /// Where something was said, that was addressed to a conversation: a repetition may have been said in what it absorbed.
    fn said_in(&self, court: &Court<'_>, id: ConversationId, seq: u64, repeated: bool) -> ConversationId {
        let place = court.lines.at(seq).and_then(|it| it.conversation);
        let absorbed = place.filter(|place| repeated && self.leads_to(*place).any(|it| it == id));
        absorbed.unwrap_or(id)
    }

    fn belongs(&self, channel: &ChannelId, customer: &CustomerId, id: ConversationId) -> bool {
        let place = (channel.clone(), customer.clone());
        let theirs = self.customers.get(&place).into_iter().flatten();
        theirs.flat_map(|it| self.leads_to(*it)).any(|it| it == id)
    }
}

impl Court<'_> {
    /// Whether part of a conversation was erased, so that less can be said about it.
    pub(super) fn blurred(&self, id: ConversationId) -> bool {
        let timeline = self.lines.all.get(&id);
        timeline.is_some_and(|it| it.blurred || !it.erased.is_empty())
    }
}

/// The event with this number, which must be of this conversation.
pub(super) fn stored<'a>(court: &Court<'a>, id: ConversationId, seq: u64) -> Result<&'a Stored, String> {
    match court.lines.at(seq) {
        Some(stored) if stored.conversation == Some(id) => Ok(stored),
        Some(stored) => Err(format!(
            "but event {seq} is a {} of conversation {:?}",
            stored.kind, stored.conversation
        )),
        None => Err(format!("but the log has no event {seq}: it is lost")),
    }
}

fn is(court: &Court<'_>, id: ConversationId, seq: u64, what: &str, test: impl Fn(&Event) -> bool) -> Told {
    let stored = stored(court, id, seq)?;
    let erased = court
        .lines
        .all
        .get(&id)
        .is_some_and(|it| it.erased.contains(&seq));
    match &stored.event {
        Some(event) if !erased && !test(event) => Err(format!(
            "but event {seq} is not {what}: it is a {} by {:?}",
            stored.kind, stored.actor
        )),
        _ => Ok(()),
    }
}

fn granted(court: &Court<'_>, id: ConversationId, token: u64, me: Option<&AgentId>) -> Told {
    let to_me = |event: &Event| matches!(event, Event::ClaimGranted { agent, .. } if Some(agent) == me);
    is(court, id, token, "a grant to who claimed", to_me)
}

fn released(
    court: &Court<'_>,
    id: ConversationId,
    token: Option<u64>,
    seq: u64,
    me: Option<&AgentId>,
) -> Told {
    is(court, id, seq, "the release", |event| {
        matches!(event, Event::ClaimReleased { agent, token: ended, via: ReleaseVia::Release }
            if Some(agent) == me && token.is_none_or(|it| it == *ended))
    })
}

fn ingested(
    court: &Court<'_>,
    facts: &Facts,
    (channel, customer, text, directed): (&ChannelId, &CustomerId, u64, bool),
    answer: &IngestAnswer,
) -> Told {
    let (id, seq) = (answer.conversation, answer.seq);
    is(court, id, seq, "this message", |event| {
        matches!(event, Event::MessageReceived { message }
            if message.id == answer.message && digest::text(&message.text) == text)
    })?;
    let Some(timeline) = court.lines.all.get(&id).filter(|_| !court.blurred(id)) else {
        return Ok(());
    };
    if !facts.belongs(channel, customer, id) {
        return Err(format!(
            "but conversation {id} is not of that customer on that channel"
        ));
    }
    let opened = timeline.seqs.first().copied().unwrap_or(0);
    if answer.opened != (opened + 1 == seq) {
        return Err(format!(
            "with opened = {}, but conversation {id} was opened by event {opened}, and the message is event {seq}",
            answer.opened
        ));
    }
    let before = opened.saturating_sub(1);
    let theirs = facts
        .customers
        .get(&(channel.clone(), customer.clone()))
        .into_iter()
        .flatten();
    let mut others = theirs.filter(|it| **it != id && answer.opened && !directed);
    let open = others.find(|it| {
        let other = court.lines.all.get(*it).filter(|_| !court.blurred(**it));
        other.is_some_and(|it| it.version_at(before) > 0 && !it.closed_during(before, before))
    });
    open.map_or(Ok(()), |other| {
        Err(format!(
            "but it opened conversation {id} while {other} of the same customer was open: two agents may answer"
        ))
    })
}
