//! Settling: what happens once the log has answered. Only here do states become visible, and events go out.

use super::envelope::Envelope;
use super::outbox::{Class, Frame};
use super::state::{Caller, Change, Concluded, Decided, Entry, Flight, MarkKind, Marked, What};
use super::workspace::Workspace;
use crate::log::{Committed, Head, LogError, Outcome};
use dibs_protocol::event::{Event, TransferTo};
use dibs_protocol::frame::{OfferInfo, ServerFrame};
use dibs_protocol::ids::{AgentId, ConversationId};
use dibs_protocol::refusal::Code;
use dibs_protocol::terms::{GrantVia, Status};
use dibs_rules::decision::Answer;
use dibs_rules::fact::Fact;
use dibs_rules::notices::{Audience, Push, notices};
use dibs_rules::{Action, Conversation, Directory};
use std::sync::Arc;

/// An instance looks again after so long whether the other's turn is over, in milliseconds.
const NOT_NOW_MS: u64 = 20;

impl Workspace {
    /// The log has answered a submission.
    pub(crate) fn settle(&mut self, flights: Vec<Flight>, outcome: Result<Vec<Outcome>, LogError>) {
        match outcome {
            Ok(outcomes) => {
                let mut lost = Vec::new();
                let mut outrun = false;
                let head = self.head;
                for (flight, outcome) in flights.into_iter().zip(outcomes) {
                    match outcome {
                        Outcome::Committed(at) | Outcome::Repeated(at) => self.stored(flight, at),
                        Outcome::Conflict { stale, used, .. } => {
                            outrun = true;
                            self.learn(stale, used);
                            lost.push(flight);
                        }
                        Outcome::NotNow(left_ms) => {
                            self.not_now(left_ms);
                            lost.push(flight);
                        }
                        Outcome::Guarded(_) => self.guarded(flight),
                    }
                }
                if outrun {
                    // The log has, or may have, more than is known here.
                    self.outrun_ms = Some(self.uptime_ms());
                    self.catch_up();
                }
                if !lost.is_empty() {
                    self.decide_again(lost, outrun);
                }
                if self.head > head && self.deps.log.is_shared() {
                    self.announce();
                }
                if std::mem::take(&mut self.behind) {
                    self.follow();
                }
            }
            Err(error) => self.failed(flights, &error),
        }
    }

    /// Tells the other instances what was stored.
    pub(crate) fn announce(&mut self) {
        let head = Head {
            epoch: self.epoch,
            seq: self.head,
            hash: self.hash,
            at_ms: self.last_at_ms,
        };
        let (instance, events) = (self.deps.instance, std::mem::take(&mut self.unannounced));
        let envelope = Envelope {
            instance,
            head,
            events,
        };
        self.deps.bus.publish(&self.id, envelope.encode());
    }

    /// Another instance has the turn: nothing is submitted until it is over, or until it has been used.
    fn not_now(&mut self, left_ms: i64) {
        let left_ms = u64::try_from(left_ms).unwrap_or(0).min(NOT_NOW_MS);
        self.not_before_ms = Some(self.uptime_ms() + left_ms);
    }

    pub(crate) fn stored(&mut self, flight: Flight, at: Committed) {
        let events = flight.events.into_iter().zip(at.first_seq..);
        self.unannounced
            .extend(events.map(|(event, seq)| event.stored(seq)));
        match flight.what {
            What::Decided(decided) => self.decided(*decided, at),
            What::Seen(agent, known, first) => self.arrived(&agent, known, first, at),
            What::Left(agent) => self.left_stored(&agent),
            What::Gone(agent) => self.end_claims_of(&agent),
            What::Marked(marked) => self.marked(*marked),
            What::Disconnected(it) => self.disconnect_stored(*it, at),
            What::Settings(flight) => self.settings_stored(*flight, at),
            What::Nothing => {}
        }
        for concluded in flight.after {
            self.deliver(concluded);
        }
    }

    pub(crate) fn advance(&mut self, last: u64, at: Committed) {
        self.head = last;
        self.hash = at.hash;
        self.recent.head(last, at.hash);
    }

    pub(crate) fn decided(&mut self, decided: Decided, at: Committed) {
        let Decided {
            job,
            decision,
            at: time,
            first,
            changes,
        } = decided;
        debug_assert_eq!(
            first, at.first_seq,
            "an instance that is alone knows the next seq"
        );
        let count = changes.iter().map(|it| it.frames.len()).sum::<usize>();
        let last = at.first_seq + count as u64 - 1;
        // All states first: nobody is told of one that contradicts another.
        let befores: Vec<_> = changes
            .iter()
            .map(|change| self.state_stored(change, last))
            .collect();
        self.advance(last, at);
        let others = decision.others.iter().map(|it| (&it.events, &it.mentioned));
        let parts = others.chain([(&decision.events, &decision.mentioned)]);
        for ((change, before), (events, mentioned)) in changes.iter().zip(befores).zip(parts) {
            let facts: Vec<Fact<'_>> = events
                .iter()
                .zip(change.first..)
                .map(|((actor, event), seq)| Fact {
                    seq,
                    at: time,
                    conversation: change.id,
                    actor,
                    event,
                })
                .collect();
            self.tell_change(change, before.as_deref(), &facts);
            for mentioned in mentioned {
                if let Some(fact) = facts.get(mentioned.event) {
                    self.mention(&mentioned.agent, fact);
                }
            }
        }
        self.deps.metrics.committed(count);
        let id = changes.last().map(|it| it.id);
        self.deliver((job, id, Ok(decision)));
    }

    /// Makes a state the stored one; the one before is returned. `last` is the `seq` with which the commit ends.
    fn state_stored(&mut self, change: &Change, last: u64) -> Option<Arc<Conversation>> {
        let entry = self.conversations.entry(change.id).or_default();
        let before = entry.committed.replace(change.state.clone());
        entry.summary = None;
        entry.flights -= 1;
        if entry.flights == 0 {
            entry.latest = None;
        }
        self.customer_settled(before.as_deref(), &change.state, last);
        before
    }

    /// Tells everybody what follows from a change that is stored.
    fn tell_change(&mut self, change: &Change, before: Option<&Conversation>, facts: &[Fact<'_>]) {
        self.tell_events(change.id, change.first, &change.frames);
        self.tell_consequences(before, &change.state, facts);
        if let Some(due) = dibs_rules::deadlines::next_deadline(&change.state, &self.settings.rules) {
            self.deps.timers.expect(due.0);
        }
        for fact in facts {
            if let Event::ClaimGranted { agent, .. } = fact.event {
                self.claimed_in_absence(agent);
            }
        }
    }

    pub(crate) fn customer_settled(
        &mut self,
        before: Option<&Conversation>,
        after: &Conversation,
        last: u64,
    ) {
        let was_open = before.is_some_and(|it| it.status != Status::Closed);
        let is_open = after.status != Status::Closed;
        if was_open == is_open && before.is_none_or(|it| it.customer.id == after.customer.id) {
            return;
        }
        let place = (after.channel.clone(), after.customer.id.clone());
        if let Some(customer) = self.customers.get_mut(&place) {
            customer.flights = customer.flights.saturating_sub(1);
            customer.version = last;
            if customer.flights == 0 && customer.unclosed.is_empty() {
                self.customers.remove(&place);
            }
        }
        if !is_open {
            self.remember_closed(after.id);
        }
    }

    /// Sends a conversation's new events to those who watch it.
    pub(crate) fn tell_events(&mut self, id: ConversationId, first: u64, frames: &[Frame]) {
        for (frame, seq) in frames.iter().zip(first..) {
            self.recent.push(seq, Some(id), frame.clone());
        }
        self.tell_watchers(id, first, frames);
    }

    /// Sends events to those who watch a conversation, or keeps them for those who wait for a snapshot or a replay.
    pub(crate) fn tell_watchers(&mut self, id: ConversationId, first: u64, frames: &[Frame]) {
        let Some(watched) = self.watched.get_mut(&id) else {
            return;
        };
        watched.summary.dirty = true;
        watched.summary.fresh = true;
        self.untold.insert(id);
        for watcher in &mut watched.watchers {
            let Some(session) = self.sessions.get_mut(watcher.session) else {
                continue;
            };
            for (frame, seq) in frames.iter().zip(first..) {
                match (&mut session.hold, &mut watcher.hold) {
                    (Some(hold), _) => hold.push((id, frame.clone())),
                    (None, Some(hold)) => hold.push((seq, frame.clone())),
                    // What is held of another conversation comes first: events ascend.
                    (None, None) if session.answering > 0 => {
                        session.late.push((seq, id, frame.clone()));
                    }
                    (None, None) => {
                        session.link.outbox.push(frame.clone(), Class::Durable);
                    }
                }
            }
        }
    }

    /// Everything else that follows from a conversation's change: claims, offers, personal pushes, lists.
    pub(crate) fn tell_consequences(
        &mut self,
        before: Option<&Conversation>,
        after: &Arc<Conversation>,
        facts: &[Fact<'_>],
    ) {
        for fact in facts {
            self.note_claim(fact);
            if let Event::ClaimGranted { agent, via, .. } = fact.event {
                let turn = Some(&after.queue).filter(|_| *via == GrantVia::Routed);
                self.routing.board.given(agent, fact.at, turn);
            }
        }
        // Who was asked is asked no longer, which changes what they have to do.
        if let Some(TransferTo::Agent(asked)) = before.and_then(|it| it.offer.as_ref()).map(|it| &it.to) {
            self.stats.restate(asked);
        }
        self.stats.tally.observe(before, Some(after), facts);
        self.moved(after.id);
        if after.offer.is_some() {
            self.offers.insert(after.id);
        } else {
            self.offers.remove(&after.id);
        }
        for (audience, push) in notices(before, facts) {
            self.notify(&audience, &push, after);
        }
        let now = self.now();
        let (views, rows) = self.views_and_rows();
        let open = |it: &&Conversation| it.status != Status::Closed;
        views.changed(before.filter(open), Some(&**after).filter(open), now, &rows);
        if facts
            .iter()
            .any(|fact| matches!(fact.event, Event::MessageSent { .. }))
        {
            let head = self.head;
            self.replies.send_replace(head);
        }
    }

    pub(crate) fn note_claim(&mut self, fact: &Fact<'_>) {
        match fact.event {
            Event::ClaimGranted { agent, .. } => {
                self.people.granted(agent, fact.conversation, fact.seq);
            }
            Event::ClaimReleased { agent, .. } | Event::ClaimExpired { agent, .. } => {
                self.people.ended(agent, fact.conversation);
            }
            _ => {}
        }
    }

    pub(crate) fn notify(&mut self, audience: &Audience, push: &Push, state: &Conversation) {
        let conversation = state.id;
        let (frame, class) = match push {
            Push::ClaimLost { token, by, reason } => {
                let (token, by, reason) = (*token, by.clone(), reason.clone());
                (
                    ServerFrame::ClaimLost {
                        conversation,
                        token,
                        by,
                        reason,
                    },
                    Class::Kept,
                )
            }
            Push::ClaimGained { token, via, from } => {
                let (token, via, from) = (*token, *via, from.clone());
                (
                    ServerFrame::ClaimGained {
                        conversation,
                        token,
                        via,
                        from,
                    },
                    Class::Kept,
                )
            }
            Push::Offer(offer) => {
                let offer = OfferInfo {
                    conversation,
                    from: offer.from.clone(),
                    to: offer.to.clone(),
                    note: offer.note.clone(),
                    expires_at: offer.expires_at,
                    summary: state.summary(),
                };
                (ServerFrame::Offer(Box::new(offer)), Class::Kept)
            }
            Push::OfferGone { reason } => (
                ServerFrame::OfferGone {
                    conversation,
                    reason: reason.clone(),
                },
                Class::Kept,
            ),
        };
        match audience {
            Audience::Agent(agent) => self.push_to_agent(agent, &frame, class),
            Audience::Team(team) => {
                let maker = match push {
                    Push::Offer(offer) => Some(&offer.from),
                    _ => None,
                };
                for member in self.people.members(team).iter().filter(|it| Some(*it) != maker) {
                    self.push_to_agent(member, &frame, class);
                }
            }
        }
    }

    pub(crate) fn mention(&mut self, agent: &AgentId, fact: &Fact<'_>) {
        let Event::NoteAdded { note, agent: by, .. } = fact.event else {
            return;
        };
        let unread = self.people.mention(agent, fact.seq, fact.conversation);
        let frame = ServerFrame::Mention {
            seq: fact.seq,
            conversation: fact.conversation,
            note: note.id,
            by: by.clone(),
            excerpt: dibs_rules::excerpt::excerpt(&note.text),
            unread,
        };
        self.push_to_agent(agent, &frame, Class::Kept);
        self.mentions_touched(agent, fact.conversation);
    }

    /// An agent's mention views look at a conversation again.
    pub(crate) fn mentions_touched(&mut self, agent: &AgentId, id: ConversationId) {
        let now = self.now();
        if let Some(state) = self.conversations.get(&id).and_then(Entry::unclosed).cloned() {
            let (views, rows) = self.views_and_rows();
            views.mentions_changed(agent, &state, now, &rows);
        }
    }

    pub(crate) fn marked(&mut self, marked: Marked) {
        let Marked { caller, agent, mark } = marked;
        match mark {
            MarkKind::Read(id, up_to) => self.read_stored(caller, &agent, id, up_to),
            MarkKind::Inbox(up_to) => self.inbox_read(caller, &agent, up_to),
        }
    }

    /// Answers a job; what it was decided upon is stored.
    pub(crate) fn deliver(&mut self, concluded: Concluded) {
        let (job, id, decided) = concluded;
        let decision = match decided {
            Ok(decision) => decision,
            Err(refusal) if refusal.code == Code::Stale => return self.show_missed(job, id, refusal),
            Err(refusal) => {
                self.collided(refusal.code, &job.action);
                if matches!(refusal.code, Code::AlreadyClaimed | Code::ClaimLost) {
                    self.deps.metrics.contested();
                }
                return self.refuse(job.caller, refusal);
            }
        };
        if decision.duplicate {
            self.collide(|it| it.repeats_absorbed += 1);
        }
        let seq = match (decision.known_seq, decision.answers_event, id) {
            (Some(seq), _, _) => Some(seq),
            (None, Some(at), _) if !decision.events.is_empty() => self.event_seq(&decision, at, id),
            _ => None,
        };
        let summary = match (&job.action, &decision.answer, id) {
            (Action::Claim(_), Answer::Claimed | Answer::AlreadyHeld { .. }, Some(id)) => {
                self.conversations.get_mut(&id).and_then(Entry::summary)
            }
            _ => None,
        };
        let fields = answer_fields(&decision.answer, seq, decision.duplicate, summary.as_deref());
        match (job.caller, &decision.answer) {
            (Caller::Http(reply), Answer::Ingested { .. }) => {
                let status = if decision.duplicate { 200 } else { 201 };
                reply.send(Ok((status, format!("{{{fields}}}")))).ok();
            }
            (caller, _) => self.ok(caller, &fields),
        }
    }

    /// The `seq` of a decision's event: its events are the last ones of the conversation, when it is delivered.
    pub(crate) fn event_seq(
        &self,
        decision: &dibs_rules::Decision,
        at: usize,
        id: Option<ConversationId>,
    ) -> Option<u64> {
        let version = self.conversations.get(&id?)?.committed.as_ref()?.version;
        Some(version + 1 + at as u64 - decision.events.len() as u64)
    }
}

/// The fields of an `ok`, without braces.
pub(crate) fn answer_fields(
    answer: &Answer,
    seq: Option<u64>,
    duplicate: bool,
    summary: Option<&[u8]>,
) -> String {
    let mut fields: Vec<String> = Vec::new();
    let number = |name: &str, value: Option<u64>| value.map(|it| format!("\"{name}\":{it}"));
    match answer {
        Answer::Opened { conversation } => {
            fields.push(format!("\"conversation\":\"{conversation}\""));
            fields.extend(number("token", seq));
        }
        Answer::Split { conversation } => fields.push(format!("\"conversation\":\"{conversation}\"")),
        Answer::Claimed | Answer::Accepted => fields.extend(number("token", seq)),
        Answer::AlreadyHeld { token } => fields.push(format!("\"token\":{token}")),
        Answer::Done => fields.extend(number("seq", seq)),
        Answer::Offered { expires_at } => {
            fields.extend(number("seq", seq));
            fields.push(format!("\"expires_at\":\"{expires_at}\""));
        }
        Answer::Replied { message } => {
            fields.extend(number("seq", seq));
            fields.push(format!("\"message\":\"{message}\",\"duplicate\":{duplicate}"));
        }
        Answer::Noted { mentions, unknown } => {
            fields.extend(number("seq", seq));
            let mentions = serde_json::to_string(mentions).unwrap_or_default();
            let unknown = serde_json::to_string(unknown).unwrap_or_default();
            fields.push(format!(
                "\"mentions\":{mentions},\"unknown\":{unknown},\"duplicate\":{duplicate}"
            ));
        }
        Answer::Ingested {
            conversation,
            message,
            opened,
        } => {
            fields.push(format!(
                "\"conversation\":\"{conversation}\",\"message\":\"{message}\""
            ));
            fields.extend(number("seq", seq));
            fields.push(format!("\"opened\":{opened}"));
        }
    }
    let told = matches!(
        answer,
        Answer::Replied { .. } | Answer::Noted { .. } | Answer::Ingested { .. }
    );
    if duplicate && !told {
        fields.push("\"duplicate\":true".to_owned());
    }
    if let Some(summary) = summary.and_then(|it| std::str::from_utf8(it).ok()) {
        fields.push(format!("\"summary\":{summary}"));
    }
    fields.join(",")
}
