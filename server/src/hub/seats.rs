//! Seats: who is here, as the log knows it. Absence is decided there; the grace period of those who left ends here.

use super::codec;
use super::fresh::Waiting;
use super::item::agent_aggregate;
use super::people::{Absence, Known, Seat};
use super::state::{Caller, What};
use super::timers::VISIBILITY_MS;
use super::workspace::Workspace;
use crate::log::{Aggregate, AggregateKind, Committed, Guard, Item, NewState, SeatChange};
use crate::seeded::{Bug, seeded};
use dibs_protocol::event::Event;
use dibs_protocol::ids::AgentId;
use dibs_rules::{Action, Sender};
use std::sync::Arc;

/// The log counts an absence from when it stores it, which is somewhat later than when it was noticed: a timer that fires
/// before the whole grace is over would be in vain, and come again much later only. In milliseconds.
const UNTIL_STORED_MS: i64 = 250;

impl Workspace {
    /// The aggregate of an agent's timer: looked at when the grace period is over.
    pub(crate) fn agent_timer(agent: &AgentId, due_ms: Option<i64>) -> crate::log::Timer {
        crate::log::Timer {
            aggregate: agent_aggregate(agent),
            due_ms,
        }
    }

    pub(crate) fn seat(&mut self, agent: &AgentId, present: bool) -> SeatChange {
        self.generation += 1;
        SeatChange {
            agent: agent.clone(),
            instance: self.deps.instance,
            generation: self.generation,
            present,
        }
    }

    /// The log knows that the agent is here; `first`: the `seq` of the event that says so, if there is one.
    pub(crate) fn arrived(
        &mut self,
        agent: &AgentId,
        known: Option<Known>,
        first: Option<u64>,
        at: Committed,
    ) {
        if let Some(seq) = first {
            self.recent.pass(seq);
            self.advance(seq, at);
        }
        // An arrival without an event was answered with the head: those who come in are shown nothing older.
        self.seen(agent, known, at.first_seq);
    }

    /// The log knows that the agent is here, or could not be told: those who wait come in either way, for reading
    /// and presence go on while nothing can be stored.
    pub(crate) fn seen(&mut self, agent: &AgentId, known: Option<Known>, head: u64) {
        if let Some(known) = known {
            self.people.learn(known);
        }
        let person = self.people.entry(agent);
        if person.seat == Seat::Writing {
            person.seat = Seat::Settled;
        }
        for join in self.joining.remove(agent).into_iter().flatten() {
            self.when_at(head, Waiting::Welcome(Box::new(join)));
        }
        let coming = self.fresh.welcomes(agent);
        let person = self.people.entry(agent);
        match (person.connected(), person.seated) {
            // Everybody who waited has gone meanwhile.
            (false, true) if person.seat == Seat::Settled && !coming => self.write_absence(agent),
            // Those who were here before have gone, and the log was told so.
            (true, false) => self.write_arrival(agent, None),
            _ => {}
        }
    }

    /// A seat could not be written: it is tried again.
    pub(crate) fn owe_seat(&mut self, agent: &AgentId) {
        self.people.entry(agent).seat = Seat::Owed;
    }

    /// Tells the log that an agent has left; their claims have the grace period to live.
    pub(crate) fn write_absence(&mut self, id: &AgentId) {
        let now = self.now();
        let person = self.people.entry(id);
        person.seated = false;
        person.seat = Seat::Writing;
        let grace_ms = self.settings.rules.claim_grace_ms;
        let due = now.plus_ms(grace_ms + UNTIL_STORED_MS);
        let mut item = Item::new(self.id.clone(), self.deps.entropy.uuid(now.0));
        item.seats.push(self.seat(id, false));
        item.timers.push(Self::agent_timer(id, Some(due.0)));
        self.enqueue(item, What::Left(id.clone()));
    }

    /// The log knows that an agent has left.
    pub(crate) fn left_stored(&mut self, agent: &AgentId) {
        let person = self.people.entry(agent);
        if person.seat == Seat::Writing {
            person.seat = Seat::Settled;
        }
        let grace_ms = self.settings.rules.claim_grace_ms;
        let due_ms = self.deps.clock.now_ms() + grace_ms + UNTIL_STORED_MS;
        self.deps.timers.expect(due_ms);
    }

    /// A claim was granted to somebody who has already gone: the grace period begins now.
    pub(crate) fn claimed_in_absence(&mut self, agent: &AgentId) {
        let coming = self.joining.contains_key(agent) || self.fresh.welcomes(agent);
        let elsewhere = self.is_minded_elsewhere(agent);
        let person = self.people.entry(agent);
        if !person.connected() && person.seat == Seat::Settled && !coming && !elsewhere {
            self.write_absence(agent);
        }
    }

    /// Seats that could not be written are tried again.
    pub(crate) fn retry_seats(&mut self) {
        if !self.is_settled() {
            return;
        }
        let owed = self
            .people
            .all
            .iter()
            .filter(|(_, person)| person.seat == Seat::Owed);
        let owed: Vec<_> = owed
            .map(|(id, person)| (id.clone(), person.connected()))
            .collect();
        for (id, connected) in owed {
            if !connected {
                self.write_absence(&id);
                continue;
            }
            let unstored = self.people.entry(&id).unstored.take();
            self.write_arrival(&id, unstored);
        }
    }

    /// Tells the log that an agent is here, and what is new about them.
    pub(crate) fn write_arrival(&mut self, id: &AgentId, known: Option<Known>) {
        let now = self.now();
        let mut item = Item::new(self.id.clone(), self.deps.entropy.uuid(now.0));
        let person = self.people.entry(id);
        person.seated = true;
        person.seat = Seat::Writing;
        person.absence = None;
        if let Some(known) = &known {
            let before = person.known.as_ref();
            if before.is_none_or(|before| before == known || !before.looks_like(known)) {
                let event = Event::AgentSeen {
                    agent: id.clone(),
                    name: known.name.clone(),
                    role: known.role,
                    teams: known.teams.clone(),
                };
                let actor = known.actor();
                item.events
                    .push(codec::encode(None, now, &actor, &event, self.deps.entropy.salt()));
            }
            let body: Arc<dyn crate::log::Snapshot> = Arc::new(known.clone());
            let aggregate = agent_aggregate(id);
            item.states.push(NewState {
                aggregate,
                body: Some(body),
                active: true,
                owner: None,
                last_event: None,
            });
        }
        item.seats.push(self.seat(id, true));
        item.timers.push(Self::agent_timer(id, None));
        let first = (!item.events.is_empty()).then_some(self.next_seq);
        self.enqueue(item, What::Seen(id.clone(), known, first));
    }

    /// The log could not be told: the agent is known here all the same, and it is tried again.
    pub(crate) fn arrival_failed(&mut self, agent: &AgentId, known: Option<Known>) {
        if let Some(known) = known {
            self.people.entry(agent).unstored = Some(known.clone());
            self.people.learn(known);
        }
        self.owe_seat(agent);
        self.seen(agent, None, self.head);
    }

    /// Somebody was faster, and the arrival was not stored: it is written anew for those who wait for it.
    pub(crate) fn arrival_lost(&mut self, agent: &AgentId, known: Option<Known>) {
        let waiting = self.joining.remove(agent).unwrap_or_default();
        if waiting.is_empty() {
            self.people.entry(agent).unstored = known;
            return self.owe_seat(agent);
        }
        self.people.entry(agent).seated = false;
        for join in waiting {
            self.join(join);
        }
    }

    /// This instance was stopped for a while: it reads what it missed, and takes its seats again if they were given up.
    pub(crate) fn woken(&mut self, lapsed: bool) {
        self.follow();
        if !lapsed {
            return;
        }
        let here = self.people.all.iter().filter(|(_, person)| person.connected());
        let here: Vec<_> = here.map(|(id, _)| id.clone()).collect();
        for id in here {
            self.write_arrival(&id, None);
        }
    }

    /// A timer is due: a conversation's deadline, or the end of somebody's grace period.
    pub(crate) fn fire(&mut self, aggregate: &Aggregate, due_ms: i64) {
        let system = Arc::new(Sender::System);
        match aggregate.kind {
            AggregateKind::Conversation => {
                if let Ok(id) = aggregate.id.parse() {
                    self.execute(Caller::Nobody, system, Some(id), Action::Deadline);
                }
            }
            AggregateKind::Agent => {
                if let Ok(id) = aggregate.id.parse::<AgentId>() {
                    self.grace_over(&id, due_ms);
                }
            }
            AggregateKind::Settings => self.reset_timers(),
            AggregateKind::CustomerChannel => {}
        }
    }

    /// Somebody may have been gone for the whole grace: the log is asked, once for all that they hold. Their timer stays,
    /// and comes again, until they hold nothing: who dies between two commits leaves the rest to others.
    fn grace_over(&mut self, id: &AgentId, due_ms: i64) {
        let person = self.people.entry(id);
        if person.connected() {
            return;
        }
        let holds = !person.claims.is_empty();
        if holds && person.absence.is_none_or(|it| it.next_ms != due_ms) {
            person.absence = Some(Absence {
                since_ms: due_ms,
                next_ms: due_ms,
            });
        }
        if holds && seeded(Bug::ExpiryOnMissingKnowledge) {
            return self.end_claims_of(id);
        }
        let now = self.now();
        let mut item = Item::new(self.id.clone(), self.deps.entropy.uuid(now.0));
        // Who came and went meanwhile has a timer again that must not be lost.
        item.guards.push(self.absent(id));
        if holds {
            return self.enqueue(item, What::Gone(id.clone()));
        }
        item.timers.push(Self::agent_timer(id, None));
        self.enqueue(item, What::Nothing);
    }

    /// The log says that somebody has been gone for the whole grace: what they hold ends, if that is so to the last.
    pub(crate) fn end_claims_of(&mut self, id: &AgentId) {
        let system = Arc::new(Sender::System);
        let person = self.people.entry(id);
        person.absence = None;
        let claims: Vec<_> = person.claims.keys().copied().collect();
        for conversation in claims {
            let action = Action::HolderGone(id.clone());
            self.execute(Caller::Nobody, system.clone(), Some(conversation), action);
        }
    }

    /// Somebody has not been gone for the whole grace. Whose instance died has a timer that was due at once: it is set to
    /// the end of the grace, unless they are back. After any other one it is tried again, as with every timer that did
    /// nothing.
    pub(crate) fn not_gone_long_enough(&mut self, id: &AgentId) {
        let now = self.now();
        let grace_ms = self.settings.rules.claim_grace_ms;
        let Some(absence) = &mut self.people.entry(id).absence else {
            return;
        };
        let over_ms = absence.since_ms.saturating_add(grace_ms + UNTIL_STORED_MS);
        if over_ms <= now.0 {
            return;
        }
        absence.next_ms = over_ms.min(now.0 + VISIBILITY_MS);
        let next_ms = absence.next_ms;
        let mut item = Item::new(self.id.clone(), self.deps.entropy.uuid(now.0));
        item.timers.push(Self::agent_timer(id, Some(next_ms)));
        item.guards.push(Guard::AbsentFor {
            agent: id.clone(),
            grace_ms: 0,
        });
        self.enqueue(item, What::Nothing);
        self.deps.timers.expect(next_ms);
    }

    /// The log checks that an agent has had no seat for the whole grace period.
    pub(crate) fn absent(&self, id: &AgentId) -> Guard {
        Guard::AbsentFor {
            agent: id.clone(),
            grace_ms: self.settings.rules.claim_grace_ms,
        }
    }
}
