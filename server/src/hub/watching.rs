//! Watching: conversations and live views that a session follows, their snapshots, and the way back for a session
//! that fell behind.

use super::budget::room;
use super::codec;
use super::execute::log_refusal;
use super::fresh::Waiting;
use super::outbox::{Behind, Class, Frame};
use super::state::{Caller, Entry, Internal, Link, Resync, WatchRead, Watcher};
use super::views::{Asked, SessionKey};
use super::workspace::{Workspace, refuse, server_frame};
use crate::log::{LogError, Range, StoredEvent};
use bytes::Bytes;
use dibs_protocol::close::CloseCode;
use dibs_protocol::command;
use dibs_protocol::frame::ServerFrame;
use dibs_protocol::ids::ConversationId;
use dibs_protocol::limits;
use dibs_protocol::refusal::Refusal;
use dibs_rules::filter::ViewFilter;
use dibs_rules::permissions::allowed;
use std::sync::Arc;

/// Events that may wait for a snapshot; beyond, the session is closed as slow.
const HOLD_BOUND: usize = 8_192;
/// Who found too many views should come back after so long, in milliseconds.
const VIEWS_RETRY_MS: u64 = 10_000;

impl Workspace {
    /// A session wants to follow a conversation.
    pub(crate) fn watch(&mut self, link: &Arc<Link>, id: i64, it: &command::Watch) {
        let caller = Caller::Session(link.clone(), id);
        let Some(session) = self.session(link) else { return };
        let silent = it.silent.unwrap_or(false);
        if silent && !allowed(session.agent.role, "watch_silently") {
            return self.refuse(caller, Refusal::forbidden("Only supervisors may watch silently."));
        }
        let again = session.watches.contains(&it.conversation);
        if !again && session.watches.len() >= limits::WATCHES {
            let message = format!("A session may watch at most {} conversations.", limits::WATCHES);
            return self.refuse(caller, Refusal::invalid("conversation", &message));
        }
        let (agent, key) = (session.agent.id.clone(), link.key());
        if !self.watched.contains_key(&it.conversation)
            && let Err(refusal) = room(self.budget.watched, self.watched.len(), "watched conversations")
        {
            return self.refuse(caller, refusal);
        }
        let entry = self.conversations.get(&it.conversation);
        let version = entry
            .and_then(|it| it.committed.as_ref())
            .map_or(0, |it| it.version);
        if version > self.head {
            // What was learnt from a conflict is ahead of what was told: its events come first.
            return self.when_at(version, Waiting::Watch(link.clone(), id, Box::new(it.clone())));
        }
        let limit = limits::list(it.limit, true).unwrap_or(limits::LIST_DEFAULT);
        let summary = self
            .conversations
            .get_mut(&it.conversation)
            .and_then(Entry::summary);
        let Some(summary) = summary else {
            return self.watch_unloaded(link.clone(), id, it.clone());
        };
        self.people.entry(&agent).looks_silently(it.conversation, silent);
        let since_ms = self.deps.clock.now_ms();
        let watcher = Watcher {
            session: key,
            agent,
            silent,
            since_ms,
            typing: None,
            hold: Some(Vec::new()),
        };
        let watched = self.watched.entry(it.conversation).or_default();
        match watched.watchers.iter_mut().find(|it| it.session == key) {
            Some(known) => {
                known.silent = silent;
                // What an earlier answer still holds back stays held.
                known.hold.get_or_insert_default();
                known.typing = known.typing.filter(|_| !silent);
            }
            None => watched.watchers.push(watcher),
        }
        if !again && let Some(session) = self.session_mut(link) {
            session.watches.push(it.conversation);
        }
        self.viewers_changed(it.conversation);
        if let Some(session) = self.session_mut(link) {
            session.answering += 1;
        }
        let watch = WatchRead {
            up_to: self.head,
            conversation: it.conversation,
            summary,
            limit,
            again,
        };
        self.read_watched(link.clone(), id, watch);
    }

    /// Reads the entries for the answer to `watch`.
    fn read_watched(&self, link: Arc<Link>, id: i64, watch: WatchRead) {
        let range = Range {
            after: 0,
            up_to: watch.up_to,
            limit: watch.limit + 1,
            newest: true,
        };
        let (log, workspace) = (self.deps.log.clone(), self.id.clone());
        self.spawn(async move {
            let entries = log.read(&workspace, Some(watch.conversation), range).await;
            Internal::Watched {
                link,
                id,
                watch,
                entries,
            }
        });
    }

    /// Reads a closed conversation first, then watches it.
    pub(crate) fn watch_unloaded(&mut self, link: Arc<Link>, id: i64, it: command::Watch) {
        if self.conversations.contains_key(&it.conversation) {
            let caller = Caller::Session(link, id);
            // It was read and does not exist, or it is being opened and is not stored yet.
            return self.refuse(caller, Refusal::not_found("conversation"));
        }
        let Some(session) = self.session(&link) else {
            return;
        };
        let sender = session.sender.clone();
        let conversation = it.conversation;
        let job = super::state::Job {
            caller: Caller::Watch(link, id, Box::new(it)),
            sender,
            conversation: Some(conversation),
            action: dibs_rules::Action::Look,
            lane: super::state::Lane::Conversation(conversation),
            key_read: true,
            merged_keys_read: true,
            conflicts: 0,
            fresh_at: None,
        };
        self.run_job(job);
    }

    /// The entries for the answer to `watch` have been read.
    pub(crate) fn watch_read(
        &mut self,
        link: &Arc<Link>,
        id: i64,
        watch: WatchRead,
        entries: Result<Vec<StoredEvent>, LogError>,
    ) {
        let key = link.key();
        let Some(session) = self.session_mut(link) else {
            return;
        };
        session.answering -= 1;
        let events = match entries {
            Ok(events) => events,
            Err(error) => {
                refuse(link, id, log_refusal(&error));
                // Whoever watched before goes on.
                if !watch.again {
                    self.stop_watching(key, watch.conversation);
                }
                return self.release_hold(key, watch.conversation, 0);
            }
        };
        let (entries, more) = cut(&events, watch.limit, true);
        let summary = String::from_utf8_lossy(&watch.summary);
        let viewers = self.viewers_json(watch.conversation);
        let text = format!(
            "{{\"type\":\"ok\",\"id\":{id},\"summary\":{summary},\"entries\":[{}],\"more\":{more},\"viewers\":{viewers}}}",
            entries.join(",")
        );
        link.outbox.push(Frame::text(&text), Class::Kept);
        self.release_hold(key, watch.conversation, watch.up_to);
    }

    /// Tells what was held back for an answer, but for what the answer contains.
    pub(crate) fn release_hold(&mut self, key: SessionKey, id: ConversationId, contained: u64) {
        let watched = self.watched.get_mut(&id);
        let watcher = watched.and_then(|it| it.watchers.iter_mut().find(|it| it.session == key));
        let mut held = watcher.and_then(|it| it.hold.take()).unwrap_or_default();
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        // An earlier answer may have held it back, or passed it on to wait for this one.
        held.retain(|(seq, _)| *seq > contained);
        session.late.retain(|(seq, of, _)| *of != id || *seq > contained);
        match &mut session.hold {
            Some(hold) => hold.extend(held.into_iter().map(|(_, frame)| (id, frame))),
            None => session
                .late
                .extend(held.into_iter().map(|(seq, frame)| (seq, id, frame))),
        }
        if session.late.len() > HOLD_BOUND {
            return session.link.outbox.close(CloseCode::Slow);
        }
        if session.answering > 0 || session.hold.is_some() {
            return;
        }
        let mut late = std::mem::take(&mut session.late);
        late.sort_by_key(|(seq, ..)| *seq);
        for (_, _, frame) in late {
            session.link.outbox.push(frame, Class::Durable);
        }
    }

    /// A session follows a conversation no longer.
    pub(crate) fn unwatch(&mut self, link: &Arc<Link>, caller: Caller, id: ConversationId) {
        self.stop_watching(link.key(), id);
        if let Some(agent) = self.session(link).map(|it| it.agent.id.clone()) {
            self.people.entry(&agent).looks_silently(id, false);
        }
        self.ok(caller, "");
    }

    pub(crate) fn stop_watching(&mut self, key: SessionKey, id: ConversationId) {
        if let Some(session) = self.sessions.get_mut(key) {
            session.watches.retain(|it| *it != id);
            // What waits to be told is of no interest any more.
            session.late.retain(|(_, of, _)| *of != id);
            session
                .hold
                .iter_mut()
                .for_each(|it| it.retain(|(of, _)| *of != id));
        }
        let Some(watched) = self.watched.get_mut(&id) else {
            return;
        };
        watched.watchers.retain(|it| it.session != key);
        if watched.watchers.is_empty() {
            self.watched.remove(&id);
            self.active.insert(id);
            // Those who look on other instances are told that nobody does here any more.
            self.looks_changed(id);
        } else {
            self.viewers_changed(id);
        }
    }

    /// A session opens a live view.
    pub(crate) fn open_view(&mut self, link: &Arc<Link>, id: i64, it: command::OpenView) {
        let caller = Caller::Session(link.clone(), id);
        let Some(session) = self.session(link) else { return };
        let replaced = session.views.iter().any(|(name, _)| **name == *it.view);
        if !replaced && session.views.len() >= limits::VIEWS {
            let message = format!("A session may have at most {} views open.", limits::VIEWS);
            return self.refuse(caller, Refusal::invalid("view", &message));
        }
        let filter = ViewFilter::resolve(&it.filter, &session.agent);
        let limit = limits::list(it.limit, true).unwrap_or(limits::LIST_DEFAULT);
        let offset = usize::try_from(it.offset.unwrap_or(0)).unwrap_or(usize::MAX);
        self.forget_view(link, &it.view);
        let (now, head, key) = (self.now(), self.head, link.key());
        let asked = Asked {
            filter,
            sort: it.sort,
            offset,
            limit,
        };
        let (views, mut rows) = self.views_and_rows();
        let Some((window, body)) = views.open(key, &it.view, asked, now, head, &mut rows) else {
            let message =
                "The workspace has too many different views open: close some, or use a common filter.";
            let refusal = Refusal::rate_limited(VIEWS_RETRY_MS);
            let message = message.to_owned();
            return self.refuse(caller, Refusal { message, ..refusal });
        };
        if let Some(session) = self.session_mut(link) {
            session.views.push((it.view.as_str().into(), window));
        }
        self.ok(caller, &body);
        self.show_activity(key, window, &it.view);
    }

    /// A session closes a live view.
    pub(crate) fn close_view(&mut self, link: &Arc<Link>, caller: Caller, name: &str) {
        self.forget_view(link, name);
        self.ok(caller, "");
    }

    pub(crate) fn forget_view(&mut self, link: &Arc<Link>, name: &str) {
        let key = link.key();
        let Some(session) = self.session_mut(link) else {
            return;
        };
        let Some(at) = session.views.iter().position(|(it, _)| **it == *name) else {
            return;
        };
        let (name, window) = session.views.swap_remove(at);
        self.views.close(window, key, &name);
    }

    /// A session's socket has drained after frames were dropped.
    pub(crate) fn behind(&mut self, link: &Arc<Link>, what: Behind) {
        let Some(session) = self.session_mut(link) else {
            return;
        };
        match what {
            Behind::Refresh => {
                for id in session.watches.clone() {
                    self.viewers_changed(id);
                }
            }
            Behind::Resync => self.begin_resync(link),
            Behind::More => self.go_on(link),
        }
    }

    /// A session fell behind: `resync`, then a snapshot of everything it follows, one each time its socket has drained.
    pub(crate) fn begin_resync(&mut self, link: &Arc<Link>) {
        let Some(session) = self.session_mut(link) else {
            return;
        };
        link.outbox.begin_resync();
        let reason = "this session fell behind".to_owned();
        let frame = ServerFrame::Resync {
            reason,
            epoch: None,
            seq: None,
        };
        link.outbox.push(server_frame(&frame), Class::Kept);
        let views = session.views.iter().map(|(name, _)| name.clone()).collect();
        session.resync = Some(Resync {
            watches: session.watches.clone(),
            views,
        });
        link.outbox.expect_more();
        self.deps.metrics.resynced();
    }

    /// A session's socket has drained: it gets the next part of what it is owed.
    pub(crate) fn go_on(&mut self, link: &Arc<Link>) {
        let key = link.key();
        let Some(session) = self.session_mut(link) else {
            return;
        };
        match session.resync.take() {
            Some(owed) => self.owe(key, owed),
            None => self.replay_more(key),
        }
    }

    pub(crate) fn owe(&mut self, key: SessionKey, mut owed: Resync) {
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        let link = session.link.clone();
        if let Some(name) = owed.views.pop() {
            let window = session
                .views
                .iter()
                .find(|(it, _)| *it == name)
                .map(|(_, window)| *window);
            session.resync = Some(owed);
            if let Some(window) = window {
                let head = self.head;
                let (views, mut rows) = self.views_and_rows();
                let body = views.snapshot(window, key, head, &mut rows);
                let name = serde_json::to_string(&*name).unwrap_or_default();
                let text = format!("{{\"type\":\"snapshot\",\"of\":\"view\",\"view\":{name},{body}}}");
                link.outbox.push(Frame::text(&text), Class::Kept);
            }
            return link.outbox.expect_more();
        }
        if let Some(conversation) = owed.watches.pop() {
            session.resync = Some(owed);
            // Meanwhile events of other conversations wait as well: events ascend.
            session.answering += 1;
            if let Some(watched) = self.watched.get_mut(&conversation)
                && let Some(watcher) = watched.watchers.iter_mut().find(|it| it.session == key)
            {
                watcher.hold.get_or_insert_default();
            }
            // The state of now, for what comes after now is held and follows.
            let entry = self.conversations.get_mut(&conversation);
            let summary = entry.and_then(Entry::summary);
            let (log, workspace, up_to) = (self.deps.log.clone(), self.id.clone(), self.head);
            return self.spawn(async move {
                let limit = limits::LIST_DEFAULT + 1;
                let range = Range {
                    after: 0,
                    up_to,
                    limit,
                    newest: true,
                };
                let entries = log.read(&workspace, Some(conversation), range).await;
                Internal::Snapshot {
                    link,
                    up_to,
                    conversation,
                    summary,
                    entries,
                }
            });
        }
        session.resync = None;
        self.send_position(key);
    }

    /// The entries of a snapshot have been read.
    pub(crate) fn snapshot_read(
        &mut self,
        link: &Arc<Link>,
        (conversation, up_to): (ConversationId, u64),
        summary: Option<Bytes>,
        entries: Result<Vec<StoredEvent>, LogError>,
    ) {
        let key = link.key();
        let Some(session) = self.session_mut(link) else {
            return;
        };
        session.answering -= 1;
        // Who has stopped watching meanwhile would take a snapshot for a watch that goes on.
        let watches = session.watches.contains(&conversation);
        let events = match entries {
            Ok(events) => events,
            // Without the log there is no way to be complete: the client comes back and resumes.
            Err(_) => return link.outbox.close(CloseCode::Slow),
        };
        let (entries, more) = cut(&events, limits::LIST_DEFAULT, true);
        if let Some(summary) = summary.filter(|_| watches) {
            let summary = String::from_utf8_lossy(&summary);
            let viewers = self.viewers_json(conversation);
            let text = format!(
                "{{\"type\":\"snapshot\",\"of\":\"watch\",\"conversation\":\"{conversation}\",\"summary\":{summary},\"entries\":[{}],\"more\":{more},\"viewers\":{viewers}}}",
                entries.join(",")
            );
            link.outbox.push(Frame::text(&text), Class::Kept);
        }
        self.release_hold(key, conversation, up_to);
        link.outbox.expect_more();
    }
}

/// At most `limit` entries as JSON, within the contract's 256 KiB, cut at the old end (`newest`) or at the new one.
/// Whether any were cut.
pub(crate) fn cut(events: &[StoredEvent], limit: usize, newest: bool) -> (Vec<String>, bool) {
    let mut bytes = 0;
    let fits = |entry: &String| {
        bytes += entry.len() + 1;
        bytes <= limits::ENTRIES_BYTES
    };
    let entries: Vec<String> = if newest {
        let mut entries: Vec<_> = events
            .iter()
            .rev()
            .take(limit)
            .map(codec::entry)
            .take_while(fits)
            .collect();
        entries.reverse();
        entries
    } else {
        events
            .iter()
            .take(limit)
            .map(codec::entry)
            .take_while(fits)
            .collect()
    };
    let more = entries.len() < events.len();
    (entries, more)
}
