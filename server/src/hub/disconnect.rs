//! An admin sends an agent away: their sessions end on every instance, and the tokens that they had are refused.
//!
//! It is an event of the feed, so every instance learns of it with or without the bus, and after a restart. Each lists the
//! tokens of its own sessions that cannot be told by when they were issued: the first instance with the event itself, the
//! others with a further one as soon as they have followed. Claims end as if the agent had left.

use super::codec;
use super::item::agent_aggregate;
use super::refused::{Refused, TokenMark};
use super::state::{Caller, What};
use super::workspace::Workspace;
use crate::log::{Aggregate, AggregateKind, Committed, Item, LogError, NewState, StoredEvent, StoredState};
use dibs_protocol::close::CloseCode;
use dibs_protocol::event::{Actor, Event, RefusedToken};
use dibs_protocol::ids::AgentId;
use dibs_protocol::refusal::{Code, Refusal};
use dibs_protocol::time::Time;
use std::sync::Arc;

/// What the aggregates begin with that say which tokens are refused; no agent's id has a `/`.
const PREFIX: &str = "refused/";

/// Somebody is being sent away: on its way to the log.
#[derive(Debug)]
pub(crate) struct Disconnecting {
    pub(crate) caller: Caller,
    actor: Actor,
    agent: AgentId,
    reason: Option<String>,
    before: Time,
    tokens: Vec<RefusedToken>,
}

/// What somebody is told whose token is refused.
pub(crate) fn token_refused() -> Refusal {
    Refusal::new(
        Code::Unauthenticated,
        "An admin ended your sessions, and this token with them.",
    )
}

/// Which tokens of an agent are refused, as stored: the agent and that; `None` for any other aggregate.
pub(crate) fn stored_refusals(stored: &StoredState) -> Option<Result<(AgentId, Refused), LogError>> {
    let agent = stored.aggregate.id.strip_prefix(PREFIX)?;
    let body = stored.body.as_deref().unwrap_or_default();
    let parsed = agent.parse().ok().zip(serde_json::from_slice(body).ok());
    Some(parsed.ok_or_else(|| LogError::Corrupt(format!("what is refused of {agent} cannot be read"))))
}

fn aggregate(agent: &AgentId) -> Aggregate {
    let id = format!("{PREFIX}{}", agent_aggregate(agent).id);
    Aggregate {
        kind: AggregateKind::Agent,
        id,
    }
}

impl Workspace {
    /// An admin sends an agent away, known here or not.
    pub(crate) fn disconnect(
        &mut self,
        caller: Caller,
        actor: Actor,
        agent: AgentId,
        reason: Option<String>,
    ) {
        let before = self.now();
        let tokens = self.unlisted(&agent, before);
        self.write_disconnect(Disconnecting {
            caller,
            actor,
            agent,
            reason,
            before,
            tokens,
        });
    }

    /// Whether a token may no longer be used.
    pub(crate) fn refuses(&self, agent: &AgentId, token: &TokenMark) -> bool {
        self.refusals.refuses(agent, token)
    }

    /// The tokens in use here that will not be refused by what is known and by when they were issued.
    fn unlisted(&self, agent: &AgentId, before: Time) -> Vec<RefusedToken> {
        let sessions = self.people.sessions(agent).iter();
        let sessions = sessions.filter_map(|key| self.sessions.get(*key));
        let welcome = sessions.map(|it| (it.token, it.expires_s));
        let joining = self.joining.get(agent).into_iter().flatten();
        let all = welcome.chain(joining.map(|it| (it.token, it.expires_s)));
        let mut known = self.refusals.of(agent);
        known.add(before, &[], before.0);
        let mut tokens: Vec<_> = all
            .filter(|(token, _)| !known.refuses(token))
            .map(|(token, exp)| RefusedToken {
                digest: hex::encode(token.digest),
                exp,
            })
            .collect();
        tokens.sort_by(|a, b| a.digest.cmp(&b.digest));
        tokens.dedup_by(|a, b| a.digest == b.digest);
        tokens
    }

    /// Submits it. An item with events is stored only upon the feed that is known here, so that the state that it leaves
    /// contains whatever others said before.
    fn write_disconnect(&mut self, it: Disconnecting) {
        let now = self.now();
        let mut refused = self.refusals.of(&it.agent);
        refused.add(it.before, &it.tokens, now.0);
        let event = Event::AgentDisconnected {
            agent: it.agent.clone(),
            reason: it.reason.clone(),
            before: it.before,
            tokens: it.tokens.clone(),
        };
        let mut item = Item::new(self.id.clone(), self.deps.entropy.uuid(now.0));
        let salt = self.deps.entropy.salt();
        item.events
            .push(codec::encode(None, now, &it.actor, &event, salt));
        item.states.push(NewState {
            aggregate: aggregate(&it.agent),
            body: Some(Arc::new(refused)),
            active: true,
            owner: None,
            last_event: None,
        });
        self.enqueue(item, What::Disconnected(Box::new(it)));
    }

    /// It is stored.
    pub(crate) fn disconnect_stored(&mut self, it: Disconnecting, at: Committed) {
        let seq = at.first_seq;
        self.recent.pass(seq);
        self.advance(seq, at);
        self.send_away(&it.agent, it.before, &it.tokens);
        self.ok(it.caller, &format!("\"seq\":{seq}"));
    }

    /// Somebody was faster: it is written anew.
    pub(crate) fn disconnect_lost(&mut self, it: Disconnecting) {
        self.write_disconnect(it);
    }

    /// An event that belongs to no conversation was stored elsewhere.
    pub(crate) fn heard_of_agent(&mut self, stored: &StoredEvent) {
        if let Ok((
            _,
            Event::AgentDisconnected {
                agent,
                before,
                tokens,
                ..
            },
        )) = codec::decode(stored)
        {
            self.send_away(&agent, before, &tokens);
        }
    }

    /// Ends the agent's sessions here. A further event of the same order, which only lists more tokens, ends only theirs.
    fn send_away(&mut self, agent: &AgentId, before: Time, tokens: &[RefusedToken]) {
        let mut refused = self.refusals.of(agent);
        let is_new = before.0 > refused.before_ms;
        refused.add(before, tokens, self.deps.clock.now_ms());
        self.refusals.set(agent.clone(), refused);
        let unlisted = if is_new {
            self.unlisted(agent, before)
        } else {
            Vec::new()
        };
        let here: Vec<_> = self.people.sessions(agent).to_vec();
        let mut ended = 0;
        for session in here.iter().filter_map(|key| self.sessions.get(*key)) {
            if is_new || self.refuses(agent, &session.token) {
                session.link.outbox.close(CloseCode::Ended);
                ended += 1;
            }
        }
        tracing::info!(workspace = %self.id, %agent, sessions = ended, "an admin sent an agent away");
        if !unlisted.is_empty() {
            self.write_disconnect(Disconnecting {
                caller: Caller::Nobody,
                actor: Actor::System,
                agent: agent.clone(),
                reason: None,
                before,
                tokens: unlisted,
            });
        }
    }
}
