//! What the log shows by itself: one holder, growing tokens, replies by holders, no gap. Deliberately without the rules, so that
//! a wrong rule does not acquit itself.

use super::Court;
use crate::oracle::feed::Stored;
use crate::oracle::verdict::{Promise, Verdict};
use dibs_protocol::event::Event;
use dibs_protocol::ids::{AgentId, ConversationId, MessageId};
use dibs_protocol::terms::Status;
use dibs_protocol::time::Time;
use std::collections::{BTreeSet, HashMap, HashSet};

/// How long a key must be known, in milliseconds: after that it may be used again.
const KEY_KEPT_MS: i64 = 24 * 3_600_000;

/// A conversation as far as this file needs it.
#[derive(Default)]
struct Room {
    opened: bool,
    closed: bool,
    blurred: bool,
    holder: Option<(AgentId, u64)>,
    last_token: u64,
    keys: HashMap<(AgentId, String), (u64, Time)>,
}

pub(super) fn check(court: &mut Court<'_>) {
    let mut rooms: HashMap<ConversationId, Room> = HashMap::new();
    let mut messages: HashSet<MessageId> = HashSet::new();
    let verdict = &mut court.verdict;
    let mut before: Option<&Stored> = None;
    for stored in &court.lines.entries {
        if let Some(before) = before {
            in_order(before, stored, verdict);
        }
        before = Some(stored);
        verdict.checked("events of the log");
        let Some(id) = stored.conversation else {
            if !["agent_seen", "settings_changed"].contains(&stored.kind.as_str()) {
                let said = format!("event {} of kind {} has no conversation", stored.seq, stored.kind);
                verdict.log_fault(Promise::Kept, None, said);
            }
            continue;
        };
        let room = rooms.entry(id).or_default();
        match &stored.event {
            Some(event) if !room.blurred => {
                room.take(id, stored, event, verdict);
                one_message(id, stored, event, &mut messages, verdict);
            }
            Some(_) => verdict.unchecked("events after erased ones", 1),
            None => {
                room.blurred = true;
                verdict.unchecked("erased or unknown events", 1);
            }
        }
    }
    gaps(court);
}

fn in_order(before: &Stored, stored: &Stored, verdict: &mut Verdict) {
    if before.seq == stored.seq {
        let said = format!("two events have the number {}", stored.seq);
        verdict.log_fault(Promise::Kept, stored.conversation, said);
    }
    if before.at > stored.at {
        let said = format!(
            "time runs backwards: event {} is of {}, and event {} of {}",
            before.seq, before.at, stored.seq, stored.at
        );
        verdict.log_fault(Promise::Kept, stored.conversation, said);
    }
}

fn one_message(
    id: ConversationId,
    stored: &Stored,
    event: &Event,
    messages: &mut HashSet<MessageId>,
    verdict: &mut Verdict,
) {
    let (Event::MessageReceived { message } | Event::MessageSent { message, .. }) = event else {
        return;
    };
    if !messages.insert(message.id) {
        let said = format!(
            "event {} stores the message {} a second time",
            stored.seq, message.id
        );
        verdict.log_fault(Promise::AnsweredOnce, id, said);
    }
}

impl Room {
    fn take(&mut self, id: ConversationId, stored: &Stored, event: &Event, verdict: &mut Verdict) {
        let seq = stored.seq;
        if self.opened == matches!(event, Event::ConversationOpened { .. }) {
            let said = if self.opened {
                format!("event {seq} opens it a second time")
            } else {
                format!(
                    "its first event in the log, {seq}, is a {}: the opening is lost",
                    stored.kind
                )
            };
            verdict.log_fault(Promise::Kept, id, said);
        }
        self.opened = true;
        match event {
            Event::ClaimGranted { agent, token, .. } => self.granted(id, seq, agent, *token, verdict),
            Event::ClaimReleased { agent, token, .. } | Event::ClaimExpired { agent, token, .. } => {
                self.ended(id, seq, agent, *token, verdict);
            }
            Event::MessageSent {
                agent, token, key, ..
            } => {
                verdict.checked("replies in the log");
                self.by_holder(id, stored, agent, *token, verdict);
                self.once(id, stored, agent, key, verdict);
            }
            Event::StatusChanged { to, .. } => self.closed = *to == Status::Closed,
            Event::Merged { into: Some(_), .. } => {
                self.closed = true;
                self.holder = None;
            }
            _ => {}
        }
    }

    fn granted(&mut self, id: ConversationId, seq: u64, agent: &AgentId, token: u64, verdict: &mut Verdict) {
        verdict.checked("grants in the log");
        if let Some((holder, held)) = &self.holder {
            let said =
                format!("event {seq} grants it to {agent}, but {holder} still holds it with token {held}");
            verdict.log_fault(Promise::OneHolder, id, said);
        }
        if token != seq {
            let said =
                format!("event {seq} grants it to {agent} with token {token} instead of its own number");
            verdict.log_fault(Promise::OneHolder, id, said);
        }
        if token <= self.last_token {
            let said = format!("event {seq} grants token {token} after token {}", self.last_token);
            verdict.log_fault(Promise::OneHolder, id, said);
        }
        self.last_token = token;
        self.holder = Some((agent.clone(), token));
    }

    fn ended(&mut self, id: ConversationId, seq: u64, agent: &AgentId, token: u64, verdict: &mut Verdict) {
        let ended = self.holder.take();
        if ended.as_ref() != Some(&(agent.clone(), token)) {
            let said = format!(
                "event {seq} ends the claim of {agent} with token {token}, but the claim was {}",
                of(ended.as_ref())
            );
            verdict.log_fault(Promise::OneHolder, id, said);
        }
    }

    fn by_holder(
        &mut self,
        id: ConversationId,
        stored: &Stored,
        agent: &AgentId,
        token: u64,
        verdict: &mut Verdict,
    ) {
        let seq = stored.seq;
        if self.closed || self.holder.as_ref() != Some(&(agent.clone(), token)) {
            let closed = if self.closed { ", and it was closed" } else { "" };
            let said = format!(
                "event {seq} is a reply of {agent} with token {token}, but the claim was {}{closed}",
                of(self.holder.as_ref())
            );
            verdict.log_fault(Promise::AnsweredOnce, id, said);
        }
        if stored.actor.agent() != Some(agent) {
            let said = format!(
                "event {seq} is a reply of {agent}, stored in the name of {:?}",
                stored.actor
            );
            verdict.log_fault(Promise::AnsweredOnce, id, said);
        }
    }

    fn once(
        &mut self,
        id: ConversationId,
        stored: &Stored,
        agent: &AgentId,
        key: &str,
        verdict: &mut Verdict,
    ) {
        let place = (agent.clone(), key.to_owned());
        let before = self.keys.insert(place, (stored.seq, stored.at));
        if let Some((seq, at)) = before
            && stored.at.0 - at.0 < KEY_KEPT_MS
        {
            let said = format!(
                "event {} is a reply of {agent} with the key {key:?}, which event {seq} has already: the customer is answered twice",
                stored.seq
            );
            verdict.log_fault(Promise::AnsweredOnce, id, said);
        }
    }
}

fn of(holder: Option<&(AgentId, u64)>) -> String {
    holder.map_or_else(
        || "nobody's".to_owned(),
        |(agent, token)| format!("{agent}'s, with token {token}"),
    )
}

/// No number is missing; where `agent_seen` cannot be read, no more are than agents came or changed.
fn gaps(court: &mut Court<'_>) {
    let head = court.lines.head();
    let numbers: BTreeSet<u64> = court.lines.entries.iter().map(|it| it.seq).collect();
    let missing = head - numbers.len() as u64;
    if court.feed.whole {
        let lost: Vec<u64> = (1..=head).filter(|seq| !numbers.contains(seq)).take(10).collect();
        if !lost.is_empty() || numbers.contains(&0) {
            let said =
                format!("of the numbers 1 to {head}, {missing} are missing, the first ones being {lost:?}");
            court.verdict.log_fault(Promise::Kept, None, said);
        }
    } else if court.feed.everybody {
        let most = arrivals(court);
        if missing > most {
            let said = format!(
                "of the numbers 1 to {head}, {missing} are missing, but agents came or changed at most {most} times"
            );
            court.verdict.log_fault(Promise::Kept, None, said);
        }
    } else {
        court.verdict.unchecked("numbers that may be agent_seen", missing);
    }
}

/// How many `agent_seen` there can be: one an agent that never changed, else one a hello.
fn arrivals(court: &Court<'_>) -> u64 {
    use crate::oracle::call::Ask;
    let mut of: HashMap<&str, (BTreeSet<u64>, u64)> = HashMap::new();
    for witness in &court.witnesses {
        let name = witness.who().map_or(witness.name.as_str(), AgentId::as_str);
        let place = of.entry(name).or_default();
        place.0.extend(&witness.profiles);
        place.1 += witness.calls.iter().filter(|it| it.ask == Ask::Hello).count() as u64;
    }
    let each = of.values().map(|(profiles, hellos)| match profiles.len() {
        0 => *hellos,
        1 => 1,
        _ => *hellos,
    });
    each.sum()
}
