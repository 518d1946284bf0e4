//! What becomes of decisions that were not stored: somebody was faster, a guard did not hold, or the log could not.

use super::execute::log_refusal;
use super::item::parse_state;
use super::state::{Change, Decided, Flight, What};
use super::workspace::Workspace;
use crate::log::{AggregateKind, LogError, StoredKey, StoredState};
use dibs_protocol::refusal::Refusal;
use dibs_protocol::terms::Status;
use dibs_rules::decision::{KeyRecord, KeyRef};
use std::sync::Arc;

impl Workspace {
    /// Somebody was faster: takes over what is true now.
    pub(crate) fn learn(&mut self, stale: Vec<StoredState>, used: Vec<StoredKey>) {
        for state in stale {
            match state.aggregate.kind {
                AggregateKind::Conversation => {
                    let Ok(Some(fresh)) = parse_state(&state) else {
                        continue;
                    };
                    let head = self.head;
                    let entry = self.conversations.entry(fresh.id).or_default();
                    // What is above the head is still to be followed: its events must be told.
                    let known = entry.committed.as_ref().map(|it| it.version);
                    if fresh.version <= head && known.is_none_or(|it| it < fresh.version) {
                        let (id, fresh) = (fresh.id, Arc::new(fresh));
                        let before = entry.committed.replace(fresh.clone());
                        entry.summary = None;
                        self.stats.tally.observe(before.as_deref(), Some(&fresh), &[]);
                        self.moved(id);
                    }
                }
                AggregateKind::CustomerChannel => {
                    self.customer_versions.insert(state.aggregate.id, state.version);
                }
                AggregateKind::Agent | AggregateKind::Settings => {}
            }
        }
        for key in used {
            let at = KeyRef {
                scope: key.scope,
                key: key.key,
            };
            if let Ok(answer) = serde_json::from_str(&key.answer) {
                self.remember_key(
                    at,
                    KeyRecord {
                        fingerprint: key.fingerprint,
                        answer,
                        seq: key.seq,
                    },
                );
            }
        }
    }

    /// Forgets what was decided but did not happen: everything still unstored of these conversations.
    pub(crate) fn unwind(&mut self, decided: &Decided, keep_key: bool) {
        if let Some(key) = decided.decision.key.as_ref().filter(|_| !keep_key) {
            self.keys.remove(&key.at);
        }
        for change in &decided.changes {
            self.unwind_change(change);
        }
    }

    fn unwind_change(&mut self, change: &Change) {
        let entry = self.conversations.entry(change.id).or_default();
        entry.flights = entry.flights.saturating_sub(1);
        if entry.flights == 0 {
            entry.latest = None;
        }
        let is_open = entry
            .committed
            .as_ref()
            .is_some_and(|it| it.status != Status::Closed);
        if entry.committed.is_none() && entry.flights == 0 {
            self.conversations.remove(&change.id);
        }
        let place = (change.state.channel.clone(), change.state.customer.id.clone());
        if let Some(customer) = self.customers.get_mut(&place) {
            customer.flights = 0;
            customer.unclosed.retain(|id| *id != change.id);
            if is_open {
                customer.unclosed.push(change.id);
            }
        }
        self.moved(change.id);
    }

    /// Items that lost, and everything that was decided upon them, is decided again in the same order. `outrun`: because
    /// somebody was faster.
    pub(crate) fn decide_again(&mut self, mut lost: Vec<Flight>, outrun: bool) {
        // What waits in the next batch counted on the same states and numbers: it is taken back, too.
        for (item, flight) in std::mem::take(&mut self.batch) {
            match flight.what {
                What::Decided(_) | What::Seen(..) | What::Disconnected(_) | What::Settings(_) => {
                    lost.push(flight)
                }
                What::Left(_) | What::Gone(_) | What::Marked(_) | What::Nothing => {
                    self.batch.push_back((item, flight));
                }
            }
        }
        self.next_seq = self.head + 1;
        let mut again = Vec::new();
        let (mut arrivals, mut sent_away, mut settings) = (Vec::new(), Vec::new(), Vec::new());
        for flight in lost {
            match flight.what {
                What::Decided(decided) => {
                    let known = decided
                        .decision
                        .key
                        .as_ref()
                        .and_then(|key| self.keys.get(&key.at));
                    let ours = decided.answered();
                    let keep = known.is_some_and(|record| record.seq != ours);
                    self.unwind(&decided, keep);
                    again.push(decided.job);
                }
                What::Seen(agent, known, _) => arrivals.push((agent, known)),
                What::Disconnected(it) => sent_away.push(*it),
                What::Settings(flight) => settings.push(*flight),
                What::Left(agent) => self.owe_seat(&agent),
                What::Marked(marked) => {
                    self.refuse(
                        marked.caller,
                        Refusal::unavailable("too many changes at once", 1_000),
                    );
                }
                // Their timer comes again.
                What::Gone(_) | What::Nothing => {}
            }
            again.extend(flight.after.into_iter().map(|(job, _, _)| job));
        }
        for it in sent_away {
            self.disconnect_lost(it);
        }
        for (agent, known) in arrivals {
            self.arrival_lost(&agent, known);
        }
        for flight in settings {
            self.settings_lost(flight, outrun);
        }
        for job in again {
            self.again(job, outrun);
        }
    }

    pub(crate) fn guarded(&mut self, flight: Flight) {
        let Flight { what, after, .. } = flight;
        match what {
            What::Decided(decided) => {
                self.unwind(&decided, false);
                self.decide_again(Vec::new(), false);
                self.refuse(decided.job.caller, Refusal::not_claimed());
            }
            What::Gone(agent) => self.not_gone_long_enough(&agent),
            _ => {}
        }
        for (job, _, _) in after {
            self.again(job, false);
        }
    }

    /// The log could not do it: nothing of this happened, and nothing that was decided upon it will.
    pub(crate) fn failed(&mut self, flights: Vec<Flight>, error: &LogError) {
        tracing::warn!(workspace = %self.id, %error, items = flights.len(), "nothing could be stored");
        self.deps.metrics.log_failed();
        let batch = std::mem::take(&mut self.batch);
        let batch = batch.into_iter().map(|(_, flight)| flight);
        self.give_up_flights(flights.into_iter().chain(batch), error);
        // Whether something was stored after all is not known until the head has been read.
        self.catch_up();
    }

    /// Nothing of these will be stored: whoever waits for them is told.
    pub(crate) fn give_up_flights(&mut self, flights: impl IntoIterator<Item = Flight>, error: &LogError) {
        let refusal = log_refusal(error);
        self.next_seq = self.head + 1;
        for flight in flights {
            match flight.what {
                What::Decided(decided) => {
                    self.unwind(&decided, false);
                    self.refuse(decided.job.caller, refusal.clone());
                }
                What::Seen(agent, known, _) => self.arrival_failed(&agent, known),
                What::Left(agent) => self.owe_seat(&agent),
                What::Marked(marked) => self.refuse(marked.caller, refusal.clone()),
                What::Disconnected(it) => self.refuse(it.caller, refusal.clone()),
                What::Settings(flight) => self.settings_failed(*flight, &refusal),
                What::Gone(_) | What::Nothing => {}
            }
            for (job, _, _) in flight.after {
                self.refuse(job.caller, refusal.clone());
            }
        }
    }
}
