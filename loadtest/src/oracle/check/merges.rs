//! Promises 2 and 4 for merges and splits: both sides tell the same, in one commit; nothing goes on where all is over; each message
//! is in exactly one conversation that goes on; what was acknowledged is so, and nobody's merge is there who asked for none.

use super::Court;
use super::calls::stored;
use crate::oracle::call::{Ask, Call, Outcome, Yes};
use crate::oracle::feed::Stored;
use crate::oracle::verdict::{Promise, Verdict};
use crate::oracle::witness::Witness;
use dibs_protocol::event::Event;
use dibs_protocol::ids::{AgentId, ConversationId, MessageId};
use dibs_protocol::refusal::Code;
use dibs_rules::Fact;
use dibs_rules::contents::Library;
use std::collections::{HashMap, HashSet};

/// A split as its new conversation tells it.
struct Came {
    from: ConversationId,
    messages: Vec<MessageId>,
    /// The event of the old one that tells it, too.
    told: Option<u64>,
    seq: u64,
}

/// What the log tells of merges and splits.
#[derive(Default)]
struct Told {
    /// By absorbed conversation: its survivor, and the number of its last event.
    absorbed: HashMap<ConversationId, (ConversationId, u64)>,
    /// Absorbed conversations of which their survivor has not told yet, by survivor.
    untold: HashMap<ConversationId, Vec<ConversationId>>,
    /// By new conversation.
    splits: HashMap<ConversationId, Came>,
    /// How often somebody did it: the agent, the survivor or the old conversation, and whether it is a merge.
    done: HashMap<(AgentId, ConversationId, bool), u64>,
    /// Under which keys replies were stored in what a conversation absorbed.
    keys: HashMap<ConversationId, HashSet<(AgentId, String)>>,
    /// Under which keys replies were stored, by conversation.
    replies: HashMap<ConversationId, HashSet<(AgentId, String)>>,
    /// Something of it was erased: what is missing is not a fault.
    blurred: bool,
}

pub(super) fn check(court: &mut Court<'_>) {
    let mut told = Told::default();
    for stored in &court.lines.entries {
        told.take(stored, &mut court.verdict);
    }
    told.close(&mut court.verdict);
    if told.blurred {
        court.verdict.unchecked("contents, where messages were erased", 1);
    } else {
        contents(court, &told);
    }
    for witness in court.all() {
        if !court.one_epoch(witness) {
            continue;
        }
        for call in &witness.calls {
            if let Err(said) = answered(court, &told, witness, call) {
                let moment = call.answered.unwrap_or(call.sent);
                let said = format!("its {} {said}", call.ask.name());
                court.blame(Promise::Kept, witness, moment, call.ask.conversation(), said);
            }
        }
    }
    if court.feed.everybody {
        asked_for(court, &told);
    }
}

impl Told {
    fn take(&mut self, stored: &Stored, verdict: &mut Verdict) {
        let Some(id) = stored.conversation else { return };
        let Some(event) = &stored.event else {
            self.blurred = true;
            return;
        };
        let seq = stored.seq;
        let goes_on = matches!(
            event,
            Event::MessageReceived { .. }
                | Event::MessageSent { .. }
                | Event::ClaimGranted { .. }
                | Event::TransferOffered { .. }
                | Event::StatusChanged { .. }
                | Event::Merged { .. }
                | Event::Split { .. }
        );
        if let Some((into, at)) = self.absorbed.get(&id).filter(|_| goes_on) {
            let said = format!(
                "event {seq} is a {}, but event {at} merged it into {into}",
                stored.kind
            );
            verdict.log_fault(Promise::Kept, id, said);
        }
        match event {
            Event::Merged { into: Some(into), .. } => {
                self.absorbed.insert(id, (*into, seq));
                self.untold.entry(*into).or_default().push(id);
            }
            Event::Merged { conversations, .. } => self.survives(stored, id, conversations.as_ref(), verdict),
            Event::MessageSent { agent, key, .. } => self.said(stored, id, (agent, key), verdict),
            Event::Split {
                from: Some(from),
                messages,
                ..
            } => {
                let came = Came {
                    from: *from,
                    messages: messages.clone(),
                    told: None,
                    seq,
                };
                self.splits.insert(id, came);
            }
            Event::Split { into, messages, .. } => {
                verdict.checked("splits in the log");
                let came = into.and_then(|into| self.splits.get_mut(&into));
                match came.filter(|it| it.from == id && it.messages == *messages && it.told.is_none()) {
                    Some(came) => came.told = Some(seq),
                    None if self.blurred => {}
                    None => {
                        let said = format!("event {seq} splits it into {into:?}, which does not say so");
                        verdict.log_fault(Promise::Kept, id, said);
                    }
                }
                self.by(stored, id, false);
            }
            _ => {}
        }
    }

    /// A survivor tells what it absorbs.
    fn survives(
        &mut self,
        stored: &Stored,
        id: ConversationId,
        told: Option<&Vec<ConversationId>>,
        verdict: &mut Verdict,
    ) {
        verdict.checked("merges in the log");
        let absorbed = self.untold.remove(&id).unwrap_or_default();
        if Some(&absorbed) != told && !self.blurred {
            let said = format!("event {} absorbs {told:?}, but {absorbed:?} say so", stored.seq);
            verdict.log_fault(Promise::Kept, id, said);
        }
        self.by(stored, id, true);
        for absorbed in absorbed {
            let own = self.replies.get(&absorbed).cloned().unwrap_or_default();
            let before = self.keys.get(&absorbed).cloned().unwrap_or_default();
            self.keys
                .entry(id)
                .or_default()
                .extend(own.into_iter().chain(before));
        }
    }

    /// A reply has no key under which one was stored in what its conversation absorbed.
    fn said(
        &mut self,
        stored: &Stored,
        id: ConversationId,
        (agent, key): (&AgentId, &str),
        verdict: &mut Verdict,
    ) {
        let place = (agent.clone(), key.to_owned());
        if self.keys.get(&id).is_some_and(|it| it.contains(&place)) {
            let said = format!(
                "event {} is a reply of {agent} with the key {key:?}, which is that of a reply in a conversation that this one absorbed",
                stored.seq
            );
            verdict.log_fault(Promise::AnsweredOnce, id, said);
        }
        self.replies.entry(id).or_default().insert(place);
    }

    fn by(&mut self, stored: &Stored, id: ConversationId, merges: bool) {
        if let Some(agent) = stored.actor.agent() {
            *self.done.entry((agent.clone(), id, merges)).or_default() += 1;
        }
    }

    /// Nothing may be half told.
    fn close(&mut self, verdict: &mut Verdict) {
        if self.blurred {
            return;
        }
        for (into, absorbed) in &self.untold {
            let said =
                format!("{absorbed:?} were merged into it, and it never says so: half a commit is lost");
            verdict.log_fault(Promise::Kept, *into, said);
        }
        for (id, came) in self.splits.iter().filter(|(_, it)| it.told.is_none()) {
            let said = format!(
                "event {} brings it messages of {}, which never says so: half a commit is lost",
                came.seq, came.from
            );
            verdict.log_fault(Promise::Kept, *id, said);
        }
    }
}

/// Each message is in exactly one conversation that goes on, and whoever waits there is known to wait.
fn contents(court: &mut Court<'_>, told: &Told) {
    let mut library = Library::default();
    let mut messages: HashMap<MessageId, u64> = HashMap::new();
    for stored in &court.lines.entries {
        let (Some(conversation), Some(event)) = (stored.conversation, &stored.event) else {
            continue;
        };
        if let Event::MessageReceived { message } | Event::MessageSent { message, .. } = event {
            messages.insert(message.id, 0);
        }
        library.fold(&Fact {
            seq: stored.seq,
            at: stored.at,
            conversation,
            actor: &stored.actor,
            event,
        });
    }
    for (id, timeline) in &court.lines.all {
        let Some(contents) = library.get(*id).filter(|_| !told.absorbed.contains_key(id)) else {
            continue;
        };
        for message in contents.messages() {
            *messages.entry(message).or_default() += 1;
        }
        let Some(state) = timeline.state.as_ref().filter(|_| timeline.erased.is_empty()) else {
            continue;
        };
        court.verdict.checked("contents of conversations");
        let carried = contents.carried();
        if (carried.unanswered, carried.waiting_since) != (state.unanswered, state.waiting_since) {
            let said = format!(
                "by its messages {} wait since {:?}, but it says {} since {:?}",
                carried.unanswered, carried.waiting_since, state.unanswered, state.waiting_since
            );
            court.verdict.log_fault(Promise::SameState, *id, said);
        }
    }
    for (message, places) in messages.iter().filter(|(_, places)| **places != 1) {
        let said = format!("the message {message} is in {places} conversations that go on");
        court.verdict.log_fault(Promise::Kept, None, said);
    }
}

fn answered(court: &Court<'_>, told: &Told, witness: &Witness, call: &Call) -> Result<(), String> {
    match (&call.ask, &call.outcome) {
        (Ask::Merge(into, conversations), Outcome::Yes(Yes::Seq(seq))) => {
            stored(court, *into, *seq).map_err(|said| format!("was acknowledged, {said}"))?;
            let absorbed = |id: &&ConversationId| {
                let into = told.absorbed.get(*id).filter(|it| it.0 == *into);
                into.is_some_and(|it| it.1 < *seq)
            };
            match conversations.iter().find(|id| !absorbed(id)) {
                Some(other) if !told.blurred => Err(format!(
                    "was acknowledged with event {seq}, but {other} was not merged by then"
                )),
                _ => Ok(()),
            }
        }
        (Ask::Split(from, messages), Outcome::Yes(Yes::Split(new))) => match told.splits.get(new) {
            Some(it) if it.from == *from && it.messages == *messages => Ok(()),
            _ if told.blurred => Ok(()),
            _ => Err(format!(
                "was acknowledged, but the log brings no such messages to {new}"
            )),
        },
        (Ask::Merge(into, conversations), Outcome::No(no)) if no.code == Code::Forbidden => {
            let low = court.when.stored_before(call.sent);
            let high = court.when.stored_at_most(call.answered.unwrap_or(u64::MAX));
            let Some(holder) = &no.holder else { return Ok(()) };
            let mut named = std::iter::once(into).chain(conversations);
            let held = named.any(|id| {
                let timeline = court.lines.all.get(id);
                timeline
                    .is_some_and(|it| it.blurred || it.held_during(low, high).any(|it| it.agent == *holder))
            });
            if held && Some(holder) != witness.who() {
                return Ok(());
            }
            Err(format!("was refused because of {holder}, who held none of them"))
        }
        _ => Ok(()),
    }
}

/// Nobody merged or split more often than they asked for.
fn asked_for(court: &mut Court<'_>, told: &Told) {
    let mut asked: HashMap<(AgentId, ConversationId, bool), HashSet<String>> = HashMap::new();
    for witness in court.all() {
        let Some(me) = witness.who() else { continue };
        for (place, call) in witness.calls.iter().enumerate() {
            let (id, merges) = match &call.ask {
                Ask::Merge(into, _) => (*into, true),
                Ask::Split(id, _) => (*id, false),
                _ => continue,
            };
            if matches!(call.outcome, Outcome::No(_)) {
                continue;
            }
            let once = match &call.key {
                Some(key) => format!("key {key}"),
                None => format!("{} {place}", witness.name),
            };
            asked.entry((me.clone(), id, merges)).or_default().insert(once);
        }
    }
    for (who, times) in &told.done {
        let most = asked.get(who).map_or(0, HashSet::len) as u64;
        if *times > most {
            let what = if who.2 { "merges into it" } else { "splits of it" };
            let said = format!(
                "the log has {times} {what} by {}, who asked for at most {most}",
                who.0
            );
            court.verdict.log_fault(Promise::Kept, who.1, said);
        }
    }
}
