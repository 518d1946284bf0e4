//! Coming and going: seats in the log, the welcome, the replay of what was missed, and the grace period of those who
//! left. Absence is decided in the log; here is only who has a session on this instance.

use super::codec;
use super::execute::conversation_aggregate;
use super::outbox::{Class, Frame};
use super::people::{Known, Seat};
use super::state::{Caller, Internal, Join, Link, ReplayRead, SessionState, Watcher, What};
use super::views::SessionKey;
use super::workspace::{Workspace, refuse, server_frame};
use crate::log::{AggregateKind, Item, Log, LogError, NewState, Range, SeatChange, StoredEvent};
use dibs_protocol::close::CloseCode;
use dibs_protocol::event::{Event, TransferTo};
use dibs_protocol::frame::{AgentInfo, HeldClaim, OfferInfo, Resume, ServerFrame, Welcome};
use dibs_protocol::ids::{AgentId, ConversationId, WorkspaceId};
use dibs_protocol::limits::{Limits, WATCHES};
use dibs_protocol::refusal::Refusal;
use dibs_protocol::time::Time;
use dibs_rules::context::Agent;
use dibs_rules::{Action, Sender};
use std::sync::Arc;

/// A replay of more events than this is left to snapshots.
const REPLAY_BOUND: usize = 20_000;

impl Workspace {
    /// A session wants to come in: it is welcomed once the log knows that its agent is here.
    pub(crate) fn join(&mut self, join: Join) {
        if self.draining {
            return join.link.outbox.close(CloseCode::GoingAway);
        }
        let known = Known::of(&join.agent);
        let id = known.id.clone();
        let person = self.people.entry(&id);
        let changed = person.known.as_ref() != Some(&known);
        let seen = person
            .known
            .as_ref()
            .is_none_or(|before| !before.looks_like(&known));
        let waits = self.joining.get(&id).is_some_and(|it| !it.is_empty());
        let seated = person.seated;
        if waits {
            self.joining.entry(id).or_default().push(join);
            return;
        }
        if seated && !changed {
            return self.welcome(join);
        }
        let person = self.people.entry(&id);
        person.seated = true;
        person.seat = Seat::Writing;
        let now = self.now();
        let mut item = Item::new(self.id.clone(), self.deps.entropy.uuid(now.0));
        if seen {
            let event = Event::AgentSeen {
                agent: id.clone(),
                name: known.name.clone(),
                role: known.role,
                teams: known.teams.clone(),
            };
            let actor = Sender::Agent(join.agent.clone()).actor();
            item.events
                .push(codec::encode(None, now, &actor, &event, self.deps.entropy.salt()));
        }
        if changed {
            let aggregate = super::execute::agent_aggregate(&id);
            let body: Arc<dyn crate::log::Snapshot> = Arc::new(known.clone());
            item.states.push(NewState {
                aggregate,
                body: Some(body),
                active: true,
                owner: None,
            });
        }
        item.seats.push(self.seat(&id, true));
        item.timers.push(Self::agent_timer(&id, None));
        self.joining.entry(id.clone()).or_default().push(join);
        self.enqueue(item, What::Seen(id, changed.then_some(known)));
    }

    fn seat(&mut self, agent: &AgentId, present: bool) -> SeatChange {
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

    fn welcome(&mut self, join: Join) {
        let id = join.agent.id.clone();
        let link = join.link.clone();
        let sender = Arc::new(Sender::Agent(join.agent.clone()));
        let key = self.sessions.insert(SessionState {
            link: link.clone(),
            agent: join.agent.clone(),
            sender,
            expires_s: join.expires_s,
            warned: false,
            watches: Vec::new(),
            views: Vec::new(),
            watches_agents: false,
            hold: None,
            resync: None,
        });
        link.set_key(key);
        let person = self.people.entry(&id);
        person.sessions.push(key);
        self.people.changed.insert(id);
        self.deps.metrics.session_joined();
        match join.resume {
            Some(resume) => self.resume(key, join.hello, resume),
            None => self.send_welcome(key, join.hello, false),
        }
    }

    fn send_welcome(&mut self, key: SessionKey, hello: i64, resumed: bool) {
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
            features: Vec::new(),
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
        if !resumed {
            self.recent.head(self.head, self.hash);
        }
    }

    fn offers_to(&self, agent: &Agent) -> Vec<OfferInfo> {
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

    /// A session says where it left off.
    fn resume(&mut self, key: SessionKey, hello: i64, resume: Resume) {
        let sound = resume.epoch == self.epoch.to_string()
            && resume.seq <= self.head
            && resume.watching.len() <= WATCHES;
        if !sound {
            return self.send_welcome(key, hello, false);
        }
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        session.hold = Some(Vec::new());
        let link = session.link.clone();
        let agent = session.agent.id.clone();
        let mut watching = resume.watching;
        watching.sort_unstable();
        watching.dedup();
        for id in &watching {
            self.follow_again(key, &agent, *id);
        }
        let known_hash = match &resume.hash {
            None => Some(true),
            Some(hash) => self
                .recent
                .hash_at(resume.seq)
                .map(|it| codec::hash_text(&it) == *hash),
        };
        let behind =
            |id: &ConversationId| match self.conversations.get(id).and_then(|it| it.committed.as_ref()) {
                Some(state) => state.version > resume.seq,
                None => true,
            };
        let missed: Vec<_> = watching.iter().filter(|id| behind(id)).copied().collect();
        let replay = ReplayRead { hello, watching };
        match (known_hash, missed.is_empty()) {
            (Some(false), _) => return self.replay_read(&link, replay, Ok(None)),
            (Some(true), true) => return self.replay_read(&link, replay, Ok(Some(Vec::new()))),
            (Some(true), false) => {
                if let Some(frames) = self.replay_from_memory(resume.seq, &missed) {
                    return self.replay_frames(&link, &replay, frames);
                }
            }
            (None, _) => {}
        }
        let (log, workspace, up_to) = (self.deps.log.clone(), self.id.clone(), self.head);
        let oldest_ms = self.deps.clock.now_ms() - self.deps.options.resume_window_ms;
        let hash = resume.hash.filter(|_| known_hash.is_none());
        let seq = resume.seq;
        self.spawn(async move {
            let found = missed_events(&*log, &workspace, seq, up_to, hash, missed, oldest_ms).await;
            Internal::Replay { link, replay, found }
        });
    }

    fn follow_again(&mut self, key: SessionKey, agent: &AgentId, id: ConversationId) {
        let since_ms = self.deps.clock.now_ms();
        let watcher = Watcher {
            session: key,
            agent: agent.clone(),
            silent: false,
            since_ms,
            typing: None,
            hold: None,
        };
        self.watched.entry(id).or_default().watchers.push(watcher);
        if let Some(session) = self.sessions.get_mut(key) {
            session.watches.push(id);
        }
        self.viewers_changed(id);
    }

    fn replay_from_memory(&self, after: u64, missed: &[ConversationId]) -> Option<Vec<Frame>> {
        let events = self.recent.since(after)?;
        Some(
            events
                .filter(|(_, id, _)| missed.contains(id))
                .map(|(_, _, frame)| frame.clone())
                .collect(),
        )
    }

    /// What a session missed has been read; `None` when it must start from snapshots.
    pub(crate) fn replay_read(
        &mut self,
        link: &Arc<Link>,
        replay: ReplayRead,
        found: Result<Option<Vec<StoredEvent>>, LogError>,
    ) {
        let key = link.key();
        match found {
            Ok(Some(events)) => {
                let frames = events.iter().map(codec::stored_frame).collect();
                self.replay_frames(link, &replay, frames);
            }
            Ok(None) => {
                for id in replay.watching {
                    self.stop_watching(key, id);
                }
                if let Some(session) = self.session_mut(link) {
                    session.hold = None;
                }
                self.send_welcome(key, replay.hello, false);
            }
            Err(_) => link.outbox.close(CloseCode::Internal),
        }
    }

    fn replay_frames(&mut self, link: &Arc<Link>, replay: &ReplayRead, frames: Vec<Frame>) {
        if self.session(link).is_none() {
            return;
        }
        let key = link.key();
        self.send_welcome(key, replay.hello, true);
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        let held = session.hold.take().unwrap_or_default();
        for frame in frames.into_iter().chain(held) {
            link.outbox.push(frame, Class::Durable);
        }
        for id in &replay.watching {
            if let Some(watched) = self.watched.get_mut(id) {
                watched.summary.dirty = true;
                self.untold.insert(*id);
            }
        }
        self.send_position(key);
    }

    /// Tells a session how far it has been told everything.
    pub(crate) fn send_position(&mut self, key: SessionKey) {
        let frame = self.position();
        let Some(session) = self.sessions.get(key) else {
            return;
        };
        if session.hold.is_none() && session.resync.is_none() && !session.link.outbox.is_lagging() {
            session.link.outbox.push(frame, Class::Durable);
        }
    }

    /// The position of the feed as this instance has told it.
    pub(crate) fn position(&mut self) -> Frame {
        self.recent.head(self.head, self.hash);
        server_frame(&ServerFrame::Position {
            seq: self.head,
            hash: codec::hash_text(&self.hash),
            time: Time(self.deps.clock.now_ms()),
        })
    }

    /// A session brought a new token.
    pub(crate) fn refresh(&mut self, link: &Arc<Link>, id: i64, agent: Arc<Agent>, expires_s: i64) {
        let caller = Caller::Session(link.clone(), id);
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
        session.warned = false;
        session.sender = Arc::new(Sender::Agent(agent.clone()));
        session.agent = agent.clone();
        self.ok(caller, "");
        let known = Known::of(&agent);
        if self.people.entry(&agent.id).known.as_ref() != Some(&known) {
            self.learn_anew(&agent, known);
        }
    }

    fn learn_anew(&mut self, agent: &Arc<Agent>, known: Known) {
        let now = self.now();
        let mut item = Item::new(self.id.clone(), self.deps.entropy.uuid(now.0));
        let event = Event::AgentSeen {
            agent: known.id.clone(),
            name: known.name.clone(),
            role: known.role,
            teams: known.teams.clone(),
        };
        let actor = Sender::Agent(agent.clone()).actor();
        item.events
            .push(codec::encode(None, now, &actor, &event, self.deps.entropy.salt()));
        let aggregate = super::execute::agent_aggregate(&known.id);
        let body: Arc<dyn crate::log::Snapshot> = Arc::new(known.clone());
        item.states.push(NewState {
            aggregate,
            body: Some(body),
            active: true,
            owner: None,
        });
        self.enqueue(item, What::Seen(known.id.clone(), Some(known)));
    }

    /// A session is gone.
    pub(crate) fn leave(&mut self, link: &Arc<Link>) {
        if !link.joined() {
            for waiting in self.joining.values_mut() {
                waiting.retain(|it| it.link.id != link.id);
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
        self.deps.metrics.session_left();
        let id = session.agent.id.clone();
        let now = self.now();
        let person = self.people.entry(&id);
        person.sessions.retain(|it| *it != key);
        self.people.changed.insert(id.clone());
        if self.people.sessions(&id).is_empty() {
            self.people.entry(&id).last_seen = Some(now);
            self.write_absence(&id);
        }
    }

    /// Tells the log that an agent has left; their claims have the grace period to live.
    fn write_absence(&mut self, id: &AgentId) {
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

    /// Tells every session to come back later, spread over `spread_ms`.
    pub(crate) fn drain(&mut self, spread_ms: u64) {
        self.draining = true;
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

/// The events above `seq` of these conversations, or `None` when they cannot be replayed: the hash differs, they are
/// too many, or the oldest of them is older than the window.
async fn missed_events(
    log: &dyn Log,
    workspace: &WorkspaceId,
    seq: u64,
    up_to: u64,
    hash: Option<String>,
    missed: Vec<ConversationId>,
    oldest_ms: i64,
) -> Result<Option<Vec<StoredEvent>>, LogError> {
    if let Some(hash) = hash {
        let stored = log.hash_at(workspace, seq).await?;
        if stored.is_none_or(|it| codec::hash_text(&it) != hash) {
            return Ok(None);
        }
    }
    let mut events = Vec::new();
    for id in missed {
        let range = Range {
            after: seq,
            up_to,
            limit: REPLAY_BOUND,
            newest: false,
        };
        let of_one = log.read(workspace, Some(id), range).await?;
        if of_one.is_empty() && log.state(workspace, &conversation_aggregate(id)).await?.version > seq {
            return Ok(None);
        }
        events.extend(of_one);
        if events.len() >= REPLAY_BOUND {
            return Ok(None);
        }
    }
    events.sort_unstable_by_key(|it| it.seq);
    if events.first().is_some_and(|it| it.at_ms < oldest_ms) {
        return Ok(None);
    }
    Ok(Some(events))
}
