//! Resuming: what a session missed is replayed in order and exactly once, or it starts from snapshots.

use super::codec;
use super::fresh::Waiting;
use super::item::conversation_aggregate;
use super::outbox::{Class, Frame};
use super::state::{Internal, Link, ReplayRead, Watcher};
use super::views::SessionKey;
use super::workspace::{Workspace, server_frame};
use crate::log::{Log, LogError, Range, StoredEvent};
use dibs_protocol::close::CloseCode;
use dibs_protocol::frame::{Resume, ServerFrame};
use dibs_protocol::ids::{AgentId, ConversationId, WorkspaceId};
use dibs_protocol::limits::WATCHES;
use dibs_protocol::time::Time;
use std::sync::Arc;

impl Workspace {
    /// A session says where it left off.
    pub(crate) fn resume(&mut self, key: SessionKey, hello: i64, resume: Resume) {
        if resume.seq > self.head
            && self.must_ask()
            && resume.epoch == self.epoch.to_string()
            && let Some(link) = self.sessions.get(key).map(|it| it.link.clone())
        {
            // Where it was before, more was known already.
            return self.when_fresh(Waiting::Resume(link, hello, resume));
        }
        self.resume_at(key, hello, resume);
    }

    /// A session says where it left off, and this instance knows what there is.
    pub(crate) fn resume_at(&mut self, key: SessionKey, hello: i64, resume: Resume) {
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

    pub(crate) fn follow_again(&mut self, key: SessionKey, agent: &AgentId, id: ConversationId) {
        let since_ms = self.deps.clock.now_ms();
        let silent = self.people.get(agent).is_some_and(|it| it.silent.contains(&id));
        let watcher = Watcher {
            session: key,
            agent: agent.clone(),
            silent,
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

    pub(crate) fn replay_from_memory(&self, after: u64, missed: &[ConversationId]) -> Option<Vec<Frame>> {
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

    pub(crate) fn replay_frames(&mut self, link: &Arc<Link>, replay: &ReplayRead, frames: Vec<Frame>) {
        if self.session(link).is_none() {
            return;
        }
        let key = link.key();
        self.send_welcome(key, replay.hello, true);
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        session.replay = frames.into();
        for id in &replay.watching {
            if let Some(watched) = self.watched.get_mut(id) {
                watched.summary.dirty = true;
                self.untold.insert(*id);
            }
        }
        self.replay_more(key);
    }

    /// Sends the next part of a replay, then what happened meanwhile, then how far that goes.
    pub(crate) fn replay_more(&mut self, key: SessionKey) {
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        let Some(hold) = &mut session.hold else { return };
        if session.replay.is_empty() {
            session.replay.extend(hold.drain(..).map(|(_, frame)| frame));
        }
        let part = self.deps.options.outbox_bytes / 2;
        let outbox = &session.link.outbox;
        while let Some(frame) = session.replay.pop_front() {
            outbox.push(frame, Class::Durable);
            if outbox.waiting_bytes() >= part {
                break;
            }
        }
        if !session.replay.is_empty() || !hold.is_empty() {
            return outbox.expect_more();
        }
        session.hold = None;
        self.send_position(key);
    }

    /// Tells a session how far it has been told everything.
    pub(crate) fn send_position(&mut self, key: SessionKey) {
        let frame = self.position();
        let Some(session) = self.sessions.get(key) else {
            return;
        };
        if session.is_complete() {
            session.link.outbox.push(frame, Class::Durable);
        }
    }

    /// The position of the feed as this instance has told it.
    pub(crate) fn position(&mut self) -> Frame {
        server_frame(&ServerFrame::Position {
            seq: self.head,
            hash: codec::hash_text(&self.hash),
            time: Time(self.deps.clock.now_ms()),
        })
    }
}

/// The events above `seq` of these conversations, or `None` when they cannot be replayed: the hash differs, they are
/// too many, or the oldest of them is older than the window.
pub(crate) async fn missed_events(
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

/// A replay of more events than this is left to snapshots.
pub(crate) const REPLAY_BOUND: usize = 20_000;
