//! Seats: who is here, as the log knows it. Absence is decided there; the grace period of those who left ends here.

use super::people::{Known, Seat};
use super::state::{Caller, What};
use super::workspace::Workspace;
use crate::log::{AggregateKind, Item, SeatChange};
use dibs_protocol::ids::AgentId;
use dibs_rules::{Action, Sender};
use std::sync::Arc;

impl Workspace {
    pub(crate) fn seat(&mut self, agent: &AgentId, present: bool) -> SeatChange {
        self.generation += 1;
        SeatChange {
            agent: agent.clone(),
            instance: self.deps.instance,
            generation: self.generation,
            present,
        }
    }

    /// The log knows that the agent is here, or could not be told: those who wait come in either way, for reading
    /// and presence go on while nothing can be stored.
    pub(crate) fn seen(&mut self, agent: &AgentId, known: Option<Known>) {
        if let Some(known) = known {
            self.people.learn(known);
        }
        let person = self.people.entry(agent);
        if person.seat == Seat::Writing {
            person.seat = Seat::Settled;
        }
        for join in self.joining.remove(agent).into_iter().flatten() {
            self.welcome(join);
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
        let due = now.plus_ms(self.deps.options.settings.claim_grace_ms);
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
        let grace_ms = self.deps.options.settings.claim_grace_ms;
        self.deps.timers.expect(self.deps.clock.now_ms() + grace_ms);
    }

    /// A claim was granted to somebody who has already gone: the grace period begins now.
    pub(crate) fn claimed_in_absence(&mut self, agent: &AgentId) {
        let person = self.people.entry(agent);
        if !person.connected() && person.seat == Seat::Settled && !self.joining.contains_key(agent) {
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
            let now = self.now();
            let mut item = Item::new(self.id.clone(), self.deps.entropy.uuid(now.0));
            item.seats.push(self.seat(&id, true));
            item.timers.push(Self::agent_timer(&id, None));
            let person = self.people.entry(&id);
            person.seat = Seat::Writing;
            person.seated = true;
            self.enqueue(item, What::Seen(id, None));
        }
    }

    /// A timer is due: a conversation's deadline, or the end of somebody's grace period.
    pub(crate) fn due(&mut self, aggregate: &crate::log::Aggregate) {
        let system = Arc::new(Sender::System);
        match aggregate.kind {
            AggregateKind::Conversation => {
                if let Ok(id) = aggregate.id.parse() {
                    self.execute(Caller::Nobody, system, Some(id), Action::Deadline);
                }
            }
            AggregateKind::Agent => {
                let Ok(id) = aggregate.id.parse::<AgentId>() else {
                    return;
                };
                let person = self.people.entry(&id);
                if !person.connected() {
                    let claims: Vec<_> = person.claims.keys().copied().collect();
                    for conversation in claims {
                        let action = Action::HolderGone(id.clone());
                        self.execute(Caller::Nobody, system.clone(), Some(conversation), action);
                    }
                }
                let now = self.now();
                let mut item = Item::new(self.id.clone(), self.deps.entropy.uuid(now.0));
                item.timers.push(Self::agent_timer(&id, None));
                self.enqueue(item, What::Nothing);
            }
            AggregateKind::CustomerChannel | AggregateKind::Settings => {}
        }
    }
}
