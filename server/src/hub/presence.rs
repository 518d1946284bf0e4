//! What is never stored: who looks, who types, who is here. And the clockwork that tells it: at once after a quiet
//! spell, gathered when busy.

use super::outbox::{Class, Frame};
use super::state::{Entry, Gathered, Link, Watched};
use super::views::{GATHER_MS, SessionKey, WindowId};
use super::workspace::{Workspace, server_frame};
use dibs_protocol::answer::{AgentRow, TeamRow};
use dibs_protocol::close::CloseCode;
use dibs_protocol::frame::{ActivityRow, ServerFrame, TypingSignal, Viewer};
use dibs_protocol::ids::{AgentId, ConversationId};
use dibs_protocol::terms::Typing;
use dibs_protocol::time::Time;
use dibs_rules::routing::Limits;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Typing ends by itself so long after the last sign, in milliseconds.
const TYPING_MS: u64 = 6_000;
/// A summary that is due waits so much longer for another event to leave with: two frames in one write cost little more
/// than one, in milliseconds.
const RIDE_MS: u64 = GATHER_MS / 2;
/// Most viewers that a frame lists.
const VIEWERS: usize = 50;
/// Agents of one answer; the rest follows in `presence`.
const AGENTS_PER_FRAME: usize = 4_000;
/// A token's end is announced so long before, in seconds.
const EXPIRY_NOTICE_S: i64 = 60;

impl Workspace {
    /// Somebody types, or stops.
    pub(crate) fn typing(&mut self, link: &Arc<Link>, signal: &TypingSignal) {
        let (key, now_ms) = (link.key(), self.uptime_ms());
        let Some(watched) = self.watched.get_mut(&signal.conversation) else {
            return;
        };
        let Some(watcher) = watched
            .watchers
            .iter_mut()
            .find(|it| it.session == key && !it.silent)
        else {
            return;
        };
        let before = watcher.typing.map(|(what, _)| what);
        watcher.typing = signal.on.then_some((signal.into, now_ms + TYPING_MS));
        if before != watcher.typing.map(|(what, _)| what) {
            self.viewers_changed(signal.conversation);
        }
    }

    /// Who looks here, or types, has changed.
    pub(crate) fn viewers_changed(&mut self, id: ConversationId) {
        self.looks_changed(id);
        self.show_viewers(id);
    }

    /// Who looks, here or elsewhere, has changed: those who watch are told.
    pub(crate) fn show_viewers(&mut self, id: ConversationId) {
        if let Some(watched) = self.watched.get_mut(&id) {
            watched.viewers.dirty = true;
            self.untold.insert(id);
        }
        self.active.insert(id);
    }

    fn viewers(&self, id: ConversationId) -> BTreeMap<AgentId, Viewer> {
        let mut viewers = self.local_viewers(id);
        for viewer in self.remote.viewers(id) {
            look(&mut viewers, viewer.clone());
        }
        viewers
    }

    /// Who looks at a conversation on this instance.
    pub(crate) fn local_viewers(&self, id: ConversationId) -> BTreeMap<AgentId, Viewer> {
        let mut viewers = BTreeMap::new();
        let watchers = self.watched.get(&id).into_iter().flat_map(|it| &it.watchers);
        for watcher in watchers.filter(|it| !it.silent) {
            let viewer = Viewer {
                agent: watcher.agent.clone(),
                since: Time(watcher.since_ms),
                typing: watcher.typing.map(|(what, _)| what),
            };
            look(&mut viewers, viewer);
        }
        viewers
    }

    pub(crate) fn viewers_json(&self, id: ConversationId) -> String {
        let viewers = self.shown_viewers(id);
        serde_json::to_string(&viewers.1).unwrap_or_default()
    }

    /// How many look, and the fifty that a frame lists: those who type first.
    fn shown_viewers(&self, id: ConversationId) -> (usize, Vec<Viewer>) {
        let mut viewers: Vec<_> = self.viewers(id).into_values().collect();
        let count = viewers.len();
        if count > VIEWERS {
            viewers.sort_by_key(|it| (it.typing.is_none(), it.since));
            viewers.truncate(VIEWERS);
        }
        (count, viewers)
    }

    /// The `watch_agents` answer's fields.
    pub(crate) fn agents_fields(&mut self, now: Time) -> String {
        let mut agents: Vec<AgentRow> = Vec::new();
        let mut rest: Vec<AgentId> = Vec::new();
        for (id, person) in &self.people.all {
            let Some(known) = &person.known else { continue };
            if agents.len() >= AGENTS_PER_FRAME {
                rest.push(id.clone());
                continue;
            }
            let connected = person.connected() || self.remote.has(id);
            agents.push(AgentRow {
                id: id.clone(),
                name: known.name.clone(),
                kind: known.kind,
                role: known.role,
                teams: self.people.teams_of(id),
                status: person.said.status,
                connected,
                last_seen_at: if connected { Some(now) } else { person.last_seen },
                claims: person.claims.len(),
                capacity: Limits::of(id, &self.settings.rules).total,
                reason: person.said.reason.clone(),
                since: person.said.since,
            });
        }
        let teams: Vec<TeamRow> = self
            .people
            .teams()
            .map(|(id, members)| TeamRow {
                id: id.clone(),
                members: members.into_iter().collect(),
            })
            .collect();
        let more = if rest.is_empty() { "" } else { ",\"more\":true" };
        self.people.changed.extend(rest);
        let agents = serde_json::to_string(&agents).unwrap_or_default();
        let teams = serde_json::to_string(&teams).unwrap_or_default();
        format!("\"agents\":{agents},\"teams\":{teams}{more}")
    }

    /// Tells what changed: lists, summaries, viewers. Sets when to come back for what must wait.
    pub(crate) fn flush(&mut self) {
        let now_ms = self.uptime_ms();
        let head = self.head;
        let now = Time(self.deps.clock.now_ms());
        let mut out = Vec::new();
        let (views, mut rows) = self.views_and_rows();
        let crossing = views.cross(now, &rows);
        let mut next = views.flush(now_ms, head, &mut rows, &mut out);
        if let Some(at) = crossing {
            let wait = u64::try_from(at.0 - now.0).unwrap_or(0).max(1);
            next = earlier(next, now_ms + wait);
        }
        for (session, frame) in out {
            self.push(session, frame, Class::Durable);
        }
        for id in std::mem::take(&mut self.untold) {
            if let Some(at) = self.flush_watched(id, now_ms) {
                next = earlier(next, at);
                self.untold.insert(id);
            }
        }
        self.next_flush_ms = next;
    }

    fn flush_watched(&mut self, id: ConversationId, now_ms: u64) -> Option<u64> {
        let watched = self.watched.get_mut(&id)?;
        let (summary_due, mut next) = take_due(&mut watched.summary, now_ms, RIDE_MS);
        let (viewers_due, later) = take_due(&mut watched.viewers, now_ms, 0);
        if let Some(at) = later {
            next = earlier(next, at);
        }
        if summary_due && let Some(json) = self.conversations.get_mut(&id).and_then(Entry::summary) {
            let json = String::from_utf8_lossy(&json);
            let frame = Frame::text(&format!("{{\"type\":\"summary\",\"summary\":{json}}}"));
            self.push_to_watchers(id, &frame, Class::Durable);
        }
        if viewers_due {
            let (count, viewers) = self.shown_viewers(id);
            let frame = server_frame(&ServerFrame::Viewers {
                conversation: id,
                count,
                viewers,
            });
            self.push_to_watchers(id, &frame, Class::Ephemeral);
        }
        next
    }

    fn push_to_watchers(&mut self, id: ConversationId, frame: &Frame, class: Class) {
        let state = self.conversations.get(&id).and_then(|it| it.committed.as_ref());
        // A summary follows the events that made it.
        let version = state.map_or(0, |it| it.version);
        let Some(Watched { watchers, .. }) = self.watched.get_mut(&id) else {
            return;
        };
        for watcher in watchers {
            let Some(session) = self.sessions.get_mut(watcher.session) else {
                continue;
            };
            match (&mut session.hold, &mut watcher.hold) {
                // The answer that is still to come shows the viewers; the summary follows it.
                (Some(_), _) | (_, Some(_)) if class == Class::Ephemeral => {}
                (Some(hold), _) => hold.push((id, frame.clone())),
                (None, Some(hold)) => hold.push((version, frame.clone())),
                (None, None) if class == Class::Durable && session.answering > 0 => {
                    session.late.push((version, id, frame.clone()));
                }
                (None, None) => {
                    session.link.outbox.push(frame.clone(), class);
                }
            }
        }
    }

    /// Once a second: heartbeats, ends of typing, tokens, presence, activity.
    pub(crate) fn on_second(&mut self) {
        let now_ms = self.uptime_ms();
        if now_ms / 1_000 <= self.second {
            return;
        }
        self.second = now_ms / 1_000;
        self.end_typing(now_ms);
        self.tell_activity();
        self.tell_presence();
        self.notice_idle(now_ms);
        self.routing_second();
        self.tell_stats();
        self.keep_stats(false);
        self.tend_sessions();
        self.retry_seats();
        if self.catching_up {
            self.follow();
        }
    }

    fn end_typing(&mut self, now_ms: u64) {
        let mut ended = Vec::new();
        for (id, watched) in &mut self.watched {
            for watcher in &mut watched.watchers {
                if watcher.typing.is_some_and(|(_, until)| until <= now_ms) {
                    watcher.typing = None;
                    ended.push(*id);
                }
            }
        }
        for id in ended {
            self.viewers_changed(id);
        }
    }

    fn activity_of(&self, id: ConversationId) -> ActivityRow {
        let viewers = self.viewers(id);
        let typing = viewers
            .values()
            .filter(|it| it.typing.is_some())
            .map(|it| it.agent.clone())
            .collect();
        let viewers = viewers.into_keys().take(VIEWERS).collect();
        ActivityRow { id, viewers, typing }
    }

    fn tell_activity(&mut self) {
        let active: BTreeSet<_> = std::mem::take(&mut self.active).into_iter().collect();
        for (window, ids) in self.views.windows_showing(active.iter()) {
            let rows: Vec<_> = ids.into_iter().map(|id| self.activity_of(id)).collect();
            let mut frames: BTreeMap<Arc<str>, Frame> = BTreeMap::new();
            for (session, name) in self.views.subscribers(window) {
                let frame = frames
                    .entry(name.clone())
                    .or_insert_with(|| activity_frame(name, &rows));
                self.push(session, frame.clone(), Class::Ephemeral);
            }
        }
    }

    /// Shows a session who looks at the rows of a view that it has just opened.
    pub(crate) fn show_activity(&self, session: SessionKey, window: WindowId, name: &str) {
        let watched = self
            .views
            .rows(window)
            .iter()
            .filter(|id| self.watched.contains_key(id));
        let rows: Vec<_> = watched
            .map(|id| self.activity_of(*id))
            .filter(|row| !row.viewers.is_empty())
            .collect();
        if !rows.is_empty() {
            self.push(session, activity_frame(name, &rows), Class::Ephemeral);
        }
    }

    fn tell_presence(&mut self) {
        if self.people.changed.is_empty() {
            return;
        }
        let changed = std::mem::take(&mut self.people.changed);
        let listeners: Vec<_> = self
            .sessions
            .iter()
            .filter(|(_, it)| it.watches_agents)
            .map(|(key, _)| key)
            .collect();
        if listeners.is_empty() {
            return;
        }
        let known = changed
            .iter()
            .filter_map(|id| self.people.get(id).map(|it| (id, it)));
        let rows: Vec<_> = known
            .filter(|(_, it)| it.known.is_some())
            .map(|(id, it)| it.presence(id, self.remote.has(id)))
            .collect();
        for chunk in rows.chunks(AGENTS_PER_FRAME) {
            let frame = server_frame(&ServerFrame::Presence {
                agents: chunk.to_vec(),
            });
            for session in &listeners {
                self.push(*session, frame.clone(), Class::Durable);
            }
        }
    }

    /// Pings and positions, spread over the heartbeat; silent, stalled and expired sessions end.
    fn tend_sessions(&mut self) {
        let heartbeat_s = self.deps.options.heartbeat_s.max(1);
        let slot = usize::try_from(self.second % heartbeat_s).unwrap_or(0);
        let slots = usize::try_from(heartbeat_s).unwrap_or(1);
        let position = self.position();
        let expiring = server_frame(&ServerFrame::TokenExpiring {});
        let now_s = u32::try_from(self.second).unwrap_or(u32::MAX);
        let wall_s = self.deps.clock.now_ms() / 1_000;
        // Who was stopped has not heard what waits in its sockets.
        let steady = self.deps.pulse.is_steady();
        let (silence_s, stall_s) = (self.deps.options.silence_s, self.deps.options.write_timeout_s);
        for (key, session) in &mut self.sessions {
            let outbox = &session.link.outbox;
            if key % slots == slot {
                outbox.push(Frame::ping(), Class::Ephemeral);
                if session.is_complete() {
                    outbox.push(position.clone(), Class::Durable);
                }
            }
            let stalled = outbox.stalled_s.load(Ordering::Relaxed);
            if steady && stalled != 0 && now_s.saturating_sub(stalled) > stall_s {
                outbox.kill();
            } else if steady && now_s.saturating_sub(outbox.heard_s.load(Ordering::Relaxed)) > silence_s {
                outbox.close(CloseCode::Slow);
            } else if session.expires_s <= wall_s {
                outbox.close(CloseCode::TokenExpired);
            } else if session.expires_s - EXPIRY_NOTICE_S <= wall_s && !session.warned {
                session.warned = true;
                outbox.push(expiring.clone(), Class::Kept);
            }
        }
    }
}

/// One entry an agent, however many sessions they have.
fn look(viewers: &mut BTreeMap<AgentId, Viewer>, other: Viewer) {
    let Some(viewer) = viewers.get_mut(&other.agent) else {
        viewers.insert(other.agent.clone(), other);
        return;
    };
    viewer.since = viewer.since.min(other.since);
    viewer.typing = match (viewer.typing, other.typing) {
        (Some(Typing::Reply), _) | (_, Some(Typing::Reply)) => Some(Typing::Reply),
        (before, now) => before.or(now),
    };
}

fn activity_frame(name: &str, rows: &[ActivityRow]) -> Frame {
    server_frame(&ServerFrame::Activity {
        view: name.to_owned(),
        rows: rows.to_vec(),
    })
}

fn earlier(one: Option<u64>, other: u64) -> Option<u64> {
    Some(one.map_or(other, |it| it.min(other)))
}

/// Whether it is to be told now, or when: once it is due with the next change, and `ride_ms` later in any case.
fn take_due(gathered: &mut Gathered, now_ms: u64, ride_ms: u64) -> (bool, Option<u64>) {
    let fresh = std::mem::take(&mut gathered.fresh);
    if !gathered.dirty {
        return (false, None);
    }
    let due = gathered.sent_ms + GATHER_MS;
    let latest = due + ride_ms;
    if gathered.sent_ms == 0 || now_ms >= latest || (fresh && now_ms >= due) {
        gathered.dirty = false;
        gathered.sent_ms = now_ms.max(1);
        return (true, None);
    }
    (false, Some(latest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gathered_leaves_at_once_when_quiet_and_with_a_change_when_busy() {
        let changed = |it: &mut Gathered| (it.dirty, it.fresh) = (true, true);
        let mut it = Gathered::default();
        changed(&mut it);
        assert_eq!(take_due(&mut it, 1_000, RIDE_MS), (true, None));
        assert_eq!(take_due(&mut it, 1_000, RIDE_MS), (false, None));
        changed(&mut it);
        let latest = 1_000 + GATHER_MS + RIDE_MS;
        assert_eq!(take_due(&mut it, 1_050, RIDE_MS), (false, Some(latest)));
        assert_eq!(
            take_due(&mut it, 1_000 + GATHER_MS, RIDE_MS),
            (false, Some(latest))
        );
        assert_eq!(take_due(&mut it, latest, RIDE_MS), (true, None));
        changed(&mut it);
        assert_eq!(take_due(&mut it, latest + GATHER_MS, RIDE_MS), (true, None));
    }
}
