//! The counters: gauges follow the states, flows the events. What is read of a scope costs nothing that depends on how many
//! conversations there are.

use super::facet::{Facet, scopes};
use super::sliding::{DAY, HOUR, MINUTE, Sliding};
use crate::conversation::Conversation;
use crate::fact::Fact;
use dibs_protocol::event::Event;
use dibs_protocol::ids::{AgentId, ConversationId, QueueId, TeamId};
use dibs_protocol::stats::{Durations, Live};
use dibs_protocol::time::Time;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Of what something is counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Scope {
    /// Of everything.
    Workspace,
    /// Of a queue.
    Queue(QueueId),
    /// Of a team.
    Team(TeamId),
    /// Of an agent.
    Agent(AgentId),
}

/// What is counted of a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Counters {
    waiting: BTreeSet<(Time, ConversationId)>,
    unclaimed: u32,
    claimed: u32,
    pending: u32,
    at_risk: u32,
    breached: u32,
    arrivals: Sliding,
    replies: Sliding,
    pub(super) first_response: [Sliding; 2],
    pub(super) handle_time: [Sliding; 2],
    rolls_at: Option<Time>,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            waiting: BTreeSet::new(),
            unclaimed: 0,
            claimed: 0,
            pending: 0,
            at_risk: 0,
            breached: 0,
            arrivals: Sliding::new(MINUTE),
            replies: Sliding::new(MINUTE),
            first_response: [Sliding::new(HOUR), Sliding::new(DAY)],
            handle_time: [Sliding::new(HOUR), Sliding::new(DAY)],
            rolls_at: None,
        }
    }
}

impl Counters {
    fn count(&mut self, facet: &Facet, add: bool) {
        if let Some(since) = facet.waiting_since {
            match add {
                true => self.waiting.insert((since, facet.id)),
                false => self.waiting.remove(&(since, facet.id)),
            };
        }
        let gauges = [
            (&mut self.unclaimed, facet.unclaimed),
            (&mut self.claimed, facet.claimed),
            (&mut self.pending, facet.pending),
            (&mut self.at_risk, facet.at_risk),
            (&mut self.breached, facet.breached),
        ];
        for (gauge, counts) in gauges {
            match add {
                true => *gauge += u32::from(counts),
                false => *gauge -= u32::from(counts),
            }
        }
    }

    fn flows(&mut self) -> [&mut Sliding; 6] {
        let [first_hour, first_day] = &mut self.first_response;
        let [handle_hour, handle_day] = &mut self.handle_time;
        [
            &mut self.arrivals,
            &mut self.replies,
            first_hour,
            first_day,
            handle_hour,
            handle_day,
        ]
    }

    fn is_empty(&mut self) -> bool {
        let quiet = self.flows().into_iter().all(|it| it.is_empty());
        let gauges = [
            self.unclaimed,
            self.claimed,
            self.pending,
            self.at_risk,
            self.breached,
        ];
        quiet && self.waiting.is_empty() && gauges.iter().all(|it| *it == 0)
    }

    fn live(&self) -> Live {
        let durations = |it: &[Sliding; 2]| Durations {
            hour: it[0].durations().quantiles(),
            day: it[1].durations().quantiles(),
        };
        Live {
            waiting: u32::try_from(self.waiting.len()).unwrap_or(u32::MAX),
            oldest_waiting_since: self.waiting.first().map(|(since, _)| *since),
            unclaimed: self.unclaimed,
            claimed: self.claimed,
            pending: self.pending,
            at_risk: self.at_risk,
            breached: self.breached,
            arrivals_per_minute: self.arrivals.count(),
            replies_per_minute: self.replies.count(),
            first_response: durations(&self.first_response),
            handle_time: durations(&self.handle_time),
        }
    }
}

/// All counters of a workspace.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    pub(super) scopes: BTreeMap<Scope, Counters>,
    rolling: BTreeSet<(Time, Scope)>,
    pub(super) changed: BTreeSet<Scope>,
    /// Slices with durations that nobody has written down yet.
    pub(super) unwritten: BTreeSet<i64>,
}

/// What is counted when it happens.
#[derive(Clone, Copy)]
enum Flow {
    Arrival,
    Reply,
    FirstResponse(u64),
    Handled(u64),
}

impl Tally {
    /// A conversation has changed. `before` and `after` are its states, the facts what happened to it in between; they
    /// may be missing where only the states are known.
    pub fn observe(
        &mut self,
        before: Option<&Conversation>,
        after: Option<&Conversation>,
        facts: &[Fact<'_>],
    ) {
        let (was, is) = (before.and_then(Facet::of), after.and_then(Facet::of));
        if was != is {
            for (facet, add) in [(was, false), (is, true)] {
                let Some(facet) = facet else { continue };
                for scope in &facet.scopes {
                    self.scopes.entry(scope.clone()).or_default().count(&facet, add);
                    self.changed.insert(scope.clone());
                }
            }
        }
        if let Some(after) = after {
            self.happened(before, after, facts);
        }
    }

    fn happened(&mut self, before: Option<&Conversation>, after: &Conversation, facts: &[Fact<'_>]) {
        let mut held_since = before.and_then(|it| it.claim.as_ref()).map(|it| it.since);
        let mut unanswered = before.is_none_or(|it| it.first_response_at.is_none()) && after.customer_seq > 0;
        for fact in facts {
            match fact.event {
                Event::MessageReceived { .. } => self.count(after, None, fact.at, Flow::Arrival),
                Event::MessageSent { agent, .. } => {
                    self.count(after, Some(agent), fact.at, Flow::Reply);
                    if std::mem::take(&mut unanswered) {
                        let flow = Flow::FirstResponse(seconds(after.opened_at, fact.at));
                        self.count(after, Some(agent), fact.at, flow);
                    }
                }
                Event::ClaimGranted { .. } => held_since = Some(fact.at),
                Event::ClaimReleased { agent, .. } | Event::ClaimExpired { agent, .. } => {
                    if let Some(since) = held_since.take() {
                        let flow = Flow::Handled(seconds(since, fact.at));
                        self.count(after, Some(agent), fact.at, flow);
                    }
                }
                _ => {}
            }
        }
    }

    fn count(&mut self, state: &Conversation, agent: Option<&AgentId>, at: Time, flow: Flow) {
        let place = scopes(state)
            .into_iter()
            .filter(|it| !matches!(it, Scope::Agent(_)));
        for scope in place.chain(agent.cloned().map(Scope::Agent)) {
            let counters = self.scopes.entry(scope.clone()).or_default();
            match flow {
                Flow::Arrival => counters.arrivals.add(at, 0),
                Flow::Reply => counters.replies.add(at, 0),
                Flow::FirstResponse(s) => counters.first_response.iter_mut().for_each(|it| it.add(at, s)),
                Flow::Handled(s) => counters.handle_time.iter_mut().for_each(|it| it.add(at, s)),
            }
            if let Flow::FirstResponse(_) | Flow::Handled(_) = flow {
                self.unwritten.insert(HOUR.slice(at));
            }
            self.plan(&scope);
            self.changed.insert(scope);
        }
    }

    /// When a scope's flows are next to be looked at.
    pub(super) fn plan(&mut self, scope: &Scope) {
        let Some(counters) = self.scopes.get_mut(scope) else {
            return;
        };
        let next = counters.flows().into_iter().filter_map(|it| it.rolls_at()).min();
        if next == counters.rolls_at {
            return;
        }
        if let Some(before) = std::mem::replace(&mut counters.rolls_at, next) {
            self.rolling.remove(&(before, scope.clone()));
        }
        if let Some(next) = next {
            self.rolling.insert((next, scope.clone()));
        }
    }

    /// Time has passed: forgets what is too old.
    pub fn roll(&mut self, now: Time) {
        while self.rolling.first().is_some_and(|(at, _)| *at <= now)
            && let Some((_, scope)) = self.rolling.pop_first()
        {
            if let Some(counters) = self.scopes.get_mut(&scope) {
                counters.rolls_at = None;
                for flow in counters.flows() {
                    flow.roll(now);
                }
            }
            self.plan(&scope);
            self.changed.insert(scope);
        }
    }

    /// What is counted of a scope now.
    #[must_use]
    pub fn live(&self, scope: &Scope) -> Live {
        self.scopes.get(scope).map_or_else(Live::default, Counters::live)
    }

    /// Of what anything is counted.
    pub fn scopes(&self) -> impl Iterator<Item = &Scope> {
        self.scopes.keys()
    }

    /// Of what something else is counted than when this was last asked. What is empty by now is forgotten.
    pub fn take_changed(&mut self) -> BTreeSet<Scope> {
        let changed = std::mem::take(&mut self.changed);
        for scope in &changed {
            if self.scopes.get_mut(scope).is_some_and(Counters::is_empty) {
                self.scopes.remove(scope);
            }
        }
        changed
    }
}

fn seconds(from: Time, to: Time) -> u64 {
    u64::try_from((to.0 - from.0) / 1_000).unwrap_or(0)
}
