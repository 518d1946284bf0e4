//! Routing on this instance: tells the board what has changed, and gives what it finds to the rules as an action like any
//! other. Each item names its first number, so a decision is always against the complete feed: who lost a race decides
//! again, and no claim is ever overwritten. Deliberately absent: whom to pick, which is in the rules.

use super::pulse::LEASE_MS;
use super::state::{Caller, Entry};
use super::workspace::Workspace;
use crate::seeded::{Bug, seeded};
use dibs_protocol::ids::{AgentId, ConversationId};
use dibs_protocol::time::Time;
use dibs_rules::routing::{Board, Candidate, Limits, Route, Standing};
use dibs_rules::{Action, Conversation, Sender};
use std::sync::Arc;

/// Conversations routed in one turn; the rest follows in the next, so that nobody else waits for long.
const ROUTES_PER_TURN: usize = 64;

/// What routing knows on this instance.
#[derive(Debug, Default)]
pub(crate) struct Routing {
    pub(crate) board: Board,
    /// There may be more to do than one turn took.
    more: bool,
}

impl Routing {
    /// Whether the next turn is wanted at once.
    pub(crate) fn has_more(&self) -> bool {
        self.more
    }
}

impl Workspace {
    /// Begins anew, from what is set and from every state: after loading, and when the settings have changed.
    pub(crate) fn set_out_board(&mut self) {
        let now = Time(self.last_at_ms);
        self.routing.board.configure(&self.settings.rules);
        let agents: Vec<AgentId> = self.people.all.keys().cloned().collect();
        for id in &agents {
            let candidate = self.candidate(id);
            self.routing.board.set_agent(candidate);
        }
        for (id, entry) in &self.conversations {
            if let Some(state) = entry.newest() {
                self.routing.board.set_conversation(*id, Some(state), now);
                if let Some(claim) = &state.claim {
                    self.routing.board.given(&claim.agent, claim.since, None);
                }
            }
        }
    }

    /// A conversation is another one than before, in memory if not yet in the log.
    pub(crate) fn moved(&mut self, id: ConversationId) {
        let now = Time(self.last_at_ms);
        let state = self.conversations.get(&id).and_then(Entry::newest);
        let state = state.map(|it| &**it);
        self.routing.board.set_conversation(id, state, now);
    }

    /// An agent as routing sees them now.
    pub(crate) fn candidate(&self, id: &AgentId) -> Candidate {
        let mut it = Candidate::new(id.clone());
        let Some(person) = self.people.get(id) else {
            return it;
        };
        let Some(known) = &person.known else { return it };
        let set = self
            .settings
            .rules
            .workspace
            .agents
            .iter()
            .find(|it| it.id == *id);
        it.standing = Standing::of(person.said.status, person.connected() || self.remote.has(id));
        it.teams = self.people.teams_of(id);
        it.skills.clone_from(&known.skills);
        if let Some(set) = set {
            it.skills.extend(set.skills.iter().cloned());
            it.senior_for.clone_from(&set.senior_for);
        }
        it.limits = Limits::of(id, &self.settings.rules);
        it
    }

    /// Gives out what can be given out now.
    pub(crate) fn route(&mut self) {
        self.restate();
        self.routing.more = false;
        if !self.routing.board.is_routing() || !self.routes() {
            return;
        }
        let now = self.now();
        let system = Arc::new(Sender::System);
        for _ in 0..ROUTES_PER_TURN {
            let conversations = &self.conversations;
            let state = |id: ConversationId| newest(conversations.get(&id));
            let Some(found) = self.routing.board.next(now, state) else {
                return;
            };
            let id = found.conversation;
            let state = newest(self.conversations.get(&id));
            self.routing.board.begin(&found, state, now);
            let route = Route {
                agent: found.pick.agent,
                queue: found.queue,
                reason: found.pick.why,
                offer_ms: found.offer_ms,
            };
            self.stats.restate(&route.agent);
            let action = Action::Route(Box::new(route));
            self.execute(Caller::Router(id), system.clone(), Some(id), action);
        }
        self.routing.more = true;
    }

    /// Whether this instance routes: of those that are heard, the one whose id is lowest. Two would not be wrong, only in
    /// vain half of the time.
    fn routes(&self) -> bool {
        let leaving = self.draining || self.closing || self.catching_up;
        !leaving && self.is_foremost()
    }

    /// Whether no instance that is heard comes before this one.
    pub(crate) fn is_foremost(&self) -> bool {
        !self.remote.precedes(self.deps.instance)
    }

    /// Tells the board, and the statistics, what is new about people.
    fn restate(&mut self) {
        for id in std::mem::take(&mut self.people.restated) {
            let candidate = self.candidate(&id);
            self.routing.board.set_agent(candidate);
            self.stats.restate(&id);
        }
    }

    /// Whether what routing found still holds, now that it is decided.
    pub(crate) fn may_route(&self, id: ConversationId, route: &Route) -> bool {
        let state = newest(self.conversations.get(&id));
        seeded(Bug::RouteWithoutRoom)
            || state.is_some_and(|it| self.routing.board.may_take(&route.agent, &it.channel))
    }

    /// What routing found has been done, or could not be; `again`: somebody else may be found at once.
    pub(crate) fn routed(&mut self, id: ConversationId, again: bool) {
        let now = Time(self.last_at_ms);
        let state = newest(self.conversations.get(&id));
        self.routing.board.done(id, state, again, now);
        self.routing.more |= again;
    }

    /// What time alone changes.
    pub(crate) fn routing_second(&mut self) {
        let now = self.now();
        for id in self.routing.board.tick(now) {
            self.moved(id);
        }
    }

    /// Whether the log will notice by itself when an agent is gone who holds something: their session is elsewhere, and
    /// leaving it, or losing it, sets the timer of their grace period. With a short grace that may be over before it is
    /// heard here that they left.
    pub(crate) fn is_minded_elsewhere(&self, agent: &AgentId) -> bool {
        self.remote.has(agent) && self.settings.rules.claim_grace_ms > 2 * LEASE_MS
    }
}

fn newest(entry: Option<&Entry>) -> Option<&Conversation> {
    entry?.newest().map(|it| &**it)
}
