//! Coming and going: seats in the log, the welcome, the replay of what was missed, and the grace period of those who
//! left. Absence is decided in the log; here is only who has a session on this instance.

use super::budget::room;
use super::codec;
use super::disconnect::token_refused;
use super::outbox::Class;
use super::people::Known;
use super::refused::TokenMark;
use super::state::{Caller, Join, Link, SessionState};
use super::stats::WatchesStats;
use super::views::SessionKey;
use super::workspace::{Workspace, refuse, server_frame};
use dibs_protocol::close::CloseCode;
use dibs_protocol::event::TransferTo;
use dibs_protocol::frame::{AgentInfo, HeldClaim, OfferInfo, ServerFrame, Welcome};
use dibs_protocol::limits::Limits;
use dibs_protocol::refusal::Refusal;
use dibs_protocol::time::Time;
use dibs_rules::Sender;
use dibs_rules::context::Agent;
use std::sync::Arc;

/// What the server knows beyond the contract.
const FEATURES: &[&str] = &["settings", "sla", "schedule_reply", "routing", "stats"];

impl Workspace {
    /// A session wants to come in: it is welcomed once the log knows that its agent is here.
    pub(crate) fn join(&mut self, join: Join) {
        if self.draining {
            return join.link.outbox.close(CloseCode::GoingAway);
        }
        if self.refuses(&join.agent.id, &join.token) {
            return turn_away(&join);
        }
        let here = self.sessions.len() + self.joining.values().map(Vec::len).sum::<usize>();
        if let Err(refusal) = room(self.budget.sessions, here, "sessions") {
            self.deps.metrics.refused(refusal.code);
            refuse(&join.link, join.hello, refusal);
            return join.link.outbox.close(CloseCode::Flooding);
        }
        let known = Known::of(&join.agent);
        let id = known.id.clone();
        let person = self.people.entry(&id);
        let changed = person.known.as_ref() != Some(&known);
        if person.seated && !changed && !self.joining.contains_key(&id) {
            return self.welcome(join);
        }
        let waiting = self.joining.entry(id.clone()).or_default();
        waiting.push(join);
        if waiting.len() == 1 {
            self.write_arrival(&id, changed.then_some(known));
        }
    }

    pub(crate) fn welcome(&mut self, join: Join) {
        let id = join.agent.id.clone();
        // It may have been sent away while its seat was being written.
        if self.refuses(&id, &join.token) {
            turn_away(&join);
            return self.claimed_in_absence(&id);
        }
        let link = join.link.clone();
        let sender = Arc::new(Sender::Agent(join.agent.clone()));
        let key = self.sessions.insert(SessionState {
            link: link.clone(),
            agent: join.agent.clone(),
            sender,
            expires_s: join.expires_s,
            token: join.token,
            warned: false,
            answering: 0,
            late: Vec::new(),
            watches: Vec::new(),
            views: Vec::new(),
            watches_agents: false,
            watches_stats: WatchesStats::No,
            quiet: join.quiet,
            asked_ms: self.uptime_ms(),
            hold: None,
            replay: std::collections::VecDeque::new(),
            resync: None,
        });
        link.set_key(key);
        let person = self.people.entry(&id);
        person.sessions.push(key);
        self.person_changed(&id);
        tracing::debug!(workspace = %self.id, agent = %join.agent.id, session = %link.id, "welcome");
        self.deps.metrics.session_joined();
        match join.resume {
            Some(resume) => self.resume(key, join.hello, resume),
            None => self.send_welcome(key, join.hello, false),
        }
    }

    pub(crate) fn send_welcome(&mut self, key: SessionKey, hello: i64, resumed: bool) {
        let Some(session) = self.sessions.get(key) else {
            return;
        };
        let Agent {
            id,
            name,
            kind,
            role,
            teams,
            skills,
        } = (*session.agent).clone();
        let person = self.people.get(&id);
        let claims = person.map(|it| it.claims.iter()).into_iter().flatten();
        let claims = claims.map(|(conversation, token)| HeldClaim {
            conversation: *conversation,
            token: *token,
        });
        let welcome = Welcome {
            id: hello,
            session: session.link.id,
            workspace: self.id.clone(),
            epoch: self.epoch.to_string(),
            seq: self.head,
            hash: codec::hash_text(&self.hash),
            resumed,
            time: Time(self.deps.clock.now_ms()),
            heartbeat_seconds: self.deps.options.heartbeat_s,
            limits: Limits::default(),
            features: FEATURES.iter().map(|it| (*it).to_owned()).collect(),
            unread_mentions: person.map_or(0, |it| it.unread.len()),
            claims: claims.collect(),
            offers: self.offers_to(&session.agent),
            agent: AgentInfo {
                id,
                name,
                kind,
                role,
                teams,
                skills,
            },
        };
        let frame = server_frame(&ServerFrame::Welcome(Box::new(welcome)));
        session.link.outbox.push(frame, Class::Kept);
    }

    pub(crate) fn offers_to(&self, agent: &Agent) -> Vec<OfferInfo> {
        let states = self
            .offers
            .iter()
            .filter_map(|id| self.conversations.get(id)?.committed.as_ref());
        let mine = |to: &TransferTo| match to {
            TransferTo::Agent(id) => *id == agent.id,
            TransferTo::Team(team) => agent.teams.contains(team),
        };
        let info = |state: &Arc<dibs_rules::Conversation>| {
            let offer = state
                .offer
                .as_ref()
                .filter(|it| mine(&it.to) && it.from != agent.id)?;
            Some(OfferInfo {
                conversation: state.id,
                from: offer.from.clone(),
                to: offer.to.clone(),
                note: offer.note.clone(),
                expires_at: offer.expires_at,
                summary: state.summary(),
            })
        };
        states.filter_map(info).collect()
    }

    /// A session brought a new token.
    pub(crate) fn refresh(
        &mut self,
        link: &Arc<Link>,
        id: i64,
        agent: Arc<Agent>,
        (expires_s, token): (i64, TokenMark),
    ) {
        let caller = Caller::Session(link.clone(), id);
        if self.refuses(&agent.id, &token) {
            return self.refuse(caller, token_refused());
        }
        let Some(session) = self.session_mut(link) else {
            return;
        };
        if session.agent.id != agent.id {
            return self.refuse(
                caller,
                Refusal::invalid("token", "The token is of somebody else."),
            );
        }
        session.expires_s = expires_s;
        session.token = token;
        session.warned = false;
        session.sender = Arc::new(Sender::Agent(agent.clone()));
        session.agent = agent.clone();
        self.ok(caller, "");
        let known = Known::of(&agent);
        if self.people.entry(&agent.id).known.as_ref() != Some(&known) {
            self.write_arrival(&agent.id, Some(known));
        }
    }

    /// A session is gone.
    pub(crate) fn leave(&mut self, link: &Arc<Link>) {
        if !link.joined() {
            for waiting in self.joining.values_mut() {
                waiting.retain(|it| it.link.id != link.id);
            }
            if let Some(agent) = self.fresh.leave(link) {
                self.claimed_in_absence(&agent);
            }
            return;
        }
        let key = link.key();
        if self.session(link).is_none() {
            return;
        }
        for id in self.sessions[key].watches.clone() {
            self.stop_watching(key, id);
        }
        let session = self.sessions.remove(key);
        for (name, window) in &session.views {
            self.views.close(*window, key, name);
        }
        tracing::debug!(workspace = %self.id, agent = %session.agent.id, session = %link.id, "gone");
        self.deps.metrics.session_left();
        let id = session.agent.id.clone();
        let now = self.now();
        let person = self.people.entry(&id);
        person.sessions.retain(|it| *it != key);
        self.person_changed(&id);
        if self.people.sessions(&id).is_empty() {
            self.people.entry(&id).last_seen = Some(now);
            self.write_absence(&id);
        }
    }

    /// Tells every session to come back later, spread over `spread_ms`.
    pub(crate) fn drain(&mut self, spread_ms: u64) {
        self.draining = true;
        self.keep_stats(true);
        for (_, session) in &self.sessions {
            let after_ms = 100
                + u64::from(u32::from_le_bytes(
                    self.deps.entropy.salt()[..4].try_into().unwrap_or_default(),
                )) % spread_ms.max(1);
            let reason = "the server is restarting".to_owned();
            session.link.outbox.push(
                server_frame(&ServerFrame::Reconnect { after_ms, reason }),
                Class::Kept,
            );
        }
    }

    /// Ends all sessions.
    pub(crate) fn close_all(&mut self) {
        for (_, session) in &self.sessions {
            session.link.outbox.close(CloseCode::GoingAway);
        }
        for join in std::mem::take(&mut self.joining).into_values().flatten() {
            refuse(
                &join.link,
                join.hello,
                Refusal::unavailable("the server is leaving", 1_000),
            );
            join.link.outbox.close(CloseCode::GoingAway);
        }
    }
}

/// Closes a session whose token is refused, as the first thing that it hears.
fn turn_away(join: &Join) {
    refuse(&join.link, join.hello, token_refused());
    join.link.outbox.close(CloseCode::TokenRefused);
}
