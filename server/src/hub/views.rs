//! Live views: each distinct (filter, sort) is kept sorted once, each distinct window of it is compared and encoded
//! once for all who have it open. No sockets, no clock: the caller says when to flush.

use super::delta::{Delta, UPSERT_BYTES, push_json};
use super::outbox::Frame;
use super::ranked::Ranked;
use crate::maps::{Map, Set};
use bytes::Bytes;
use dibs_protocol::ids::{AgentId, ConversationId, TeamId};
use dibs_protocol::summary::Offer;
use dibs_protocol::terms::Sort;
use dibs_protocol::time::Time;
use dibs_rules::Conversation;
use dibs_rules::filter::{Relevance, ViewFilter};
use dibs_rules::order::{OrderKey, order_key};
use slab::Slab;
use std::collections::{BTreeMap, BTreeSet};

use std::hash::Hash;
use std::sync::Arc;

/// Most distinct windows a workspace keeps.
pub(crate) const VIEWS_PER_WORKSPACE: usize = 10_000;
/// Most distinct text filters a workspace keeps: each change costs a search in each of them.
pub(crate) const TEXT_VIEWS_PER_WORKSPACE: usize = 500;
/// A window is sent at most this often, in milliseconds.
pub(crate) const GATHER_MS: u64 = 100;

/// A session as the hub numbers them.
pub(crate) type SessionKey = usize;
type CoreId = usize;
/// A window as the hub numbers them.
pub(crate) type WindowId = usize;

/// What the views need of the hub's state.
pub(crate) trait Rows {
    /// An unclosed conversation.
    fn conversation(&self, id: ConversationId) -> Option<&Arc<Conversation>>;
    /// Its summary as JSON.
    fn summary(&mut self, id: ConversationId) -> Option<Bytes>;
    /// Whether the agent has unread mentions there.
    fn unread(&self, agent: &AgentId, id: ConversationId) -> bool;
    /// Who has unread mentions there.
    fn mentioned(&self, id: ConversationId) -> Vec<AgentId>;
    /// All unclosed conversations.
    fn all(&self) -> Box<dyn Iterator<Item = &Arc<Conversation>> + '_>;
}

/// One filter in one order, sorted.
struct Core {
    filter: Arc<ViewFilter>,
    sort: Sort,
    ranked: Ranked,
    windows: Vec<WindowId>,
}

/// What a subscriber was shown when it joined between two flushes.
pub(crate) struct Joined {
    seq: u64,
    rows: Vec<ConversationId>,
    total: usize,
}

struct Subscriber {
    session: SessionKey,
    name: Arc<str>,
    joined: Option<Arc<Joined>>,
}

/// Rows `offset … offset+limit` of a core, as they were last sent.
struct Window {
    core: CoreId,
    offset: usize,
    limit: usize,
    rows: Vec<ConversationId>,
    total: usize,
    changed: Map<ConversationId, u64>,
    dirty: bool,
    sent_ms: u64,
    subscribers: Vec<Subscriber>,
    fresh: Option<(Arc<Joined>, Arc<str>)>,
}

/// A view as it is asked for.
pub(crate) struct Asked {
    pub(crate) filter: ViewFilter,
    pub(crate) sort: Sort,
    pub(crate) offset: usize,
    pub(crate) limit: usize,
}

/// All live views of a workspace.
#[derive(Default)]
pub(crate) struct Views {
    cores: Slab<Core>,
    by_filter: Map<(Arc<ViewFilter>, Sort), CoreId>,
    windows: Slab<Window>,
    by_window: Map<(CoreId, usize, usize), WindowId>,
    everything: Vec<CoreId>,
    by_holder: Map<AgentId, Vec<CoreId>>,
    by_assignee: Map<AgentId, Vec<CoreId>>,
    by_mention: Map<AgentId, Vec<CoreId>>,
    by_offer: Map<AgentId, Vec<CoreId>>,
    by_team_offer: Map<TeamId, Vec<CoreId>>,
    showing: Map<ConversationId, Vec<WindowId>>,
    crossings: BTreeSet<(Time, CoreId, ConversationId)>,
    dirty: Vec<WindowId>,
    texts: usize,
    /// Most distinct windows, where it is not [`VIEWS_PER_WORKSPACE`].
    most: Option<usize>,
}

/// What a flush has for one session.
pub(crate) type Delivery = (SessionKey, Frame);

impl Views {
    /// No views yet, and never more distinct ones than this.
    pub(crate) fn at_most(windows: usize) -> Self {
        let most = Some(windows);
        Self {
            most,
            ..Self::default()
        }
    }

    /// Opens a window for a session. The answer's fields, from `"seq"` on, and the window's number; or `None` when the
    /// workspace has too many distinct views.
    pub(crate) fn open(
        &mut self,
        session: SessionKey,
        name: &str,
        asked: Asked,
        now: Time,
        seq: u64,
        rows: &mut dyn Rows,
    ) -> Option<(WindowId, Arc<str>)> {
        let Asked {
            filter,
            sort,
            offset,
            limit,
        } = asked;
        let core = self.core(filter, sort, now, rows)?;
        let id = match self.by_window.get(&(core, offset, limit)) {
            Some(id) => *id,
            None if self.windows.len() >= self.most.unwrap_or(VIEWS_PER_WORKSPACE) => {
                self.drop_core_if_unused(core);
                return None;
            }
            None => self.new_window(core, offset, limit),
        };
        let (joined, body) = self.fresh(id, seq, rows);
        let window = &mut self.windows[id];
        let joined = window.dirty.then_some(joined);
        window.subscribers.push(Subscriber {
            session,
            name: Arc::from(name),
            joined,
        });
        Some((id, body))
    }

    /// Closes a session's window of this name.
    pub(crate) fn close(&mut self, id: WindowId, session: SessionKey, name: &str) {
        let Some(window) = self.windows.get_mut(id) else {
            return;
        };
        if let Some(at) = window
            .subscribers
            .iter()
            .position(|it| it.session == session && &*it.name == name)
        {
            window.subscribers.swap_remove(at);
        }
        if window.subscribers.is_empty() {
            self.drop_window(id);
        }
    }

    pub(crate) fn core(
        &mut self,
        filter: ViewFilter,
        sort: Sort,
        now: Time,
        rows: &dyn Rows,
    ) -> Option<CoreId> {
        let filter = Arc::new(filter);
        if let Some(id) = self.by_filter.get(&(filter.clone(), sort)) {
            return Some(*id);
        }
        if filter.is_text() {
            if self.texts >= TEXT_VIEWS_PER_WORKSPACE {
                return None;
            }
            self.texts += 1;
        }
        let mut keys = Vec::new();
        let mut crossings = Vec::new();
        for conversation in rows.all() {
            if matches(&filter, conversation, now, rows) {
                keys.push(order_key(sort, conversation));
            } else if let Some(at) = filter.crossing(conversation) {
                crossings.push((at, conversation.id));
            }
        }
        let core = Core {
            filter: filter.clone(),
            sort,
            ranked: Ranked::from_keys(keys),
            windows: Vec::new(),
        };
        let id = self.cores.insert(core);
        self.crossings.extend(
            crossings
                .into_iter()
                .map(|(at, conversation)| (at, id, conversation)),
        );
        self.with_buckets(&filter.relevance(), |list| list.push(id));
        self.by_filter.insert((filter, sort), id);
        Some(id)
    }

    /// Changes the lists of cores that changes of this relevance touch; a list that is empty then is dropped.
    fn with_buckets(&mut self, relevance: &Relevance, change: impl Fn(&mut Vec<CoreId>)) {
        match relevance {
            Relevance::Everything => change(&mut self.everything),
            Relevance::Holder(agent) => with_bucket(&mut self.by_holder, agent, &change),
            Relevance::Assignee(agent) => with_bucket(&mut self.by_assignee, agent, &change),
            Relevance::Mentions(agent) => with_bucket(&mut self.by_mention, agent, &change),
            Relevance::OfferedTo(agent, teams) => {
                with_bucket(&mut self.by_offer, agent, &change);
                for team in teams {
                    with_bucket(&mut self.by_team_offer, team, &change);
                }
            }
        }
    }

    pub(crate) fn new_window(&mut self, core: CoreId, offset: usize, limit: usize) -> WindowId {
        let ranked = &self.cores[core].ranked;
        let rows: Vec<_> = ranked
            .at_rank(offset)
            .take(limit)
            .map(OrderKey::conversation)
            .collect();
        let total = ranked.len();
        let id = self.windows.insert(Window {
            core,
            offset,
            limit,
            rows: rows.clone(),
            total,
            changed: Map::default(),
            dirty: false,
            sent_ms: 0,
            subscribers: Vec::new(),
            fresh: None,
        });
        for row in rows {
            self.showing.entry(row).or_default().push(id);
        }
        self.cores[core].windows.push(id);
        self.by_window.insert((core, offset, limit), id);
        id
    }

    pub(crate) fn drop_window(&mut self, id: WindowId) {
        let window = self.windows.remove(id);
        self.by_window.remove(&(window.core, window.offset, window.limit));
        for row in &window.rows {
            self.hide(*row, id);
        }
        if window.dirty {
            self.dirty.retain(|it| *it != id);
        }
        self.cores[window.core].windows.retain(|it| *it != id);
        self.drop_core_if_unused(window.core);
    }

    pub(crate) fn drop_core_if_unused(&mut self, id: CoreId) {
        if !self.cores[id].windows.is_empty() {
            return;
        }
        let core = self.cores.remove(id);
        self.with_buckets(&core.filter.relevance(), |list| list.retain(|it| *it != id));
        self.crossings.retain(|(_, it, _)| *it != id);
        self.texts -= usize::from(core.filter.is_text());
        self.by_filter.remove(&(core.filter, core.sort));
    }

    pub(crate) fn hide(&mut self, row: ConversationId, window: WindowId) {
        if let Some(list) = self.showing.get_mut(&row) {
            list.retain(|it| *it != window);
            if list.is_empty() {
                self.showing.remove(&row);
            }
        }
    }

    /// The window as it is now, made once for all who ask at this head before it changes.
    pub(crate) fn fresh(&mut self, id: WindowId, seq: u64, rows: &mut dyn Rows) -> (Arc<Joined>, Arc<str>) {
        let made = self.windows[id].fresh.as_ref();
        if let Some((joined, body)) = made.filter(|(joined, _)| joined.seq == seq) {
            return (joined.clone(), body.clone());
        }
        let window = &self.windows[id];
        let ranked = &self.cores[window.core].ranked;
        let ids: Vec<_> = ranked
            .at_rank(window.offset)
            .take(window.limit)
            .map(OrderKey::conversation)
            .collect();
        let total = ranked.len();
        let mut body = format!("\"seq\":{seq},\"total\":{total},\"conversations\":[");
        let mut shown = Vec::with_capacity(ids.len());
        let mut more = false;
        for row in ids {
            let Some(summary) = rows.summary(row) else {
                continue;
            };
            if body.len() + summary.len() > UPSERT_BYTES {
                more = true;
                break;
            }
            push_json(&mut body, &summary, shown.is_empty());
            shown.push(row);
        }
        body.push(']');
        if more {
            body.push_str(",\"more\":true");
        }
        let joined = Arc::new(Joined {
            seq,
            rows: shown,
            total,
        });
        let body: Arc<str> = Arc::from(body);
        if more {
            self.mark(id);
        }
        self.windows[id].fresh = Some((joined.clone(), body.clone()));
        (joined, body)
    }

    pub(crate) fn mark(&mut self, id: WindowId) {
        let window = &mut self.windows[id];
        window.fresh = None;
        if !window.dirty {
            window.dirty = true;
            self.dirty.push(id);
        }
    }

    /// A conversation changed: `before` and `after` are its unclosed states.
    pub(crate) fn changed(
        &mut self,
        before: Option<&Conversation>,
        after: Option<&Conversation>,
        now: Time,
        rows: &dyn Rows,
    ) {
        let Some(id) = before.or(after).map(|it| it.id) else {
            return;
        };
        let mut cores = self.everything.clone();
        for state in [before, after].into_iter().flatten() {
            self.relevant(state, &mut cores);
        }
        for agent in rows.mentioned(id) {
            cores.extend(self.by_mention.get(&agent).into_iter().flatten());
        }
        cores.sort_unstable();
        cores.dedup();
        for core in cores {
            self.reconsider(core, before, after, now, rows);
        }
        if let Some(after) = after {
            for window in self.showing.get(&id).cloned().unwrap_or_default() {
                self.windows[window].changed.insert(id, after.version);
                self.mark(window);
            }
        }
    }

    /// What an agent has not read changed: their mention views look at the conversation again.
    pub(crate) fn mentions_changed(
        &mut self,
        agent: &AgentId,
        state: &Conversation,
        now: Time,
        rows: &dyn Rows,
    ) {
        for core in self.by_mention.get(agent).cloned().unwrap_or_default() {
            self.reconsider(core, Some(state), Some(state), now, rows);
        }
    }

    pub(crate) fn relevant(&self, state: &Conversation, cores: &mut Vec<CoreId>) {
        if let Some(holder) = state.holder() {
            cores.extend(self.by_holder.get(holder).into_iter().flatten());
        }
        if let Some(assignee) = &state.assignee {
            cores.extend(self.by_assignee.get(assignee).into_iter().flatten());
        }
        if let Some(Offer { to, .. }) = &state.offer {
            use dibs_protocol::event::TransferTo;
            match to {
                TransferTo::Agent(agent) => cores.extend(self.by_offer.get(agent).into_iter().flatten()),
                TransferTo::Team(team) => cores.extend(self.by_team_offer.get(team).into_iter().flatten()),
            }
        }
    }

    pub(crate) fn reconsider(
        &mut self,
        id: CoreId,
        before: Option<&Conversation>,
        after: Option<&Conversation>,
        now: Time,
        rows: &dyn Rows,
    ) {
        let core = &mut self.cores[id];
        let old = before.map(|it| order_key(core.sort, it));
        let fits = after.filter(|it| matches(&core.filter, it, now, rows));
        let new = fits.map(|it| order_key(core.sort, it));
        let was = old.is_some_and(|key| core.ranked.remove(&key));
        if let Some(key) = new {
            core.ranked.insert(key);
        } else if let Some((at, it)) = after.and_then(|it| core.filter.crossing(it).map(|at| (at, it.id))) {
            // What has waited long enough and does not fit all the same is kept out by another key: time changes nothing.
            if at > now {
                self.crossings.insert((at, id, it));
            }
        }
        // A window that waits to be sent may have shown the row to somebody who joined meanwhile.
        if let Some(state) = after.filter(|_| new.is_some()) {
            for window in self.cores[id].windows.clone() {
                let window = &mut self.windows[window];
                if window.dirty {
                    window.changed.insert(state.id, state.version);
                    window.fresh = None;
                }
            }
        }
        if was != new.is_some() || (was && old != new) {
            for window in self.cores[id].windows.clone() {
                self.mark(window);
            }
        }
    }

    /// Lets conversations in that have now waited long enough. When the next one will have.
    pub(crate) fn cross(&mut self, now: Time, rows: &dyn Rows) -> Option<Time> {
        while let Some((at, core, id)) = self.crossings.first().copied() {
            if at > now {
                return Some(at);
            }
            self.crossings.pop_first();
            if let Some(state) = rows.conversation(id).cloned() {
                self.reconsider(core, Some(&state), Some(&state), now, rows);
            }
        }
        None
    }

    /// Sends what changed in windows that were quiet for long enough. When to come back, if others wait.
    pub(crate) fn flush(
        &mut self,
        now_ms: u64,
        seq: u64,
        rows: &mut dyn Rows,
        out: &mut Vec<Delivery>,
    ) -> Option<u64> {
        let mut next: Option<u64> = None;
        for id in std::mem::take(&mut self.dirty) {
            let due = self.windows[id].sent_ms + GATHER_MS;
            if self.windows[id].sent_ms != 0 && due > now_ms {
                next = Some(next.map_or(due, |it| it.min(due)));
                self.dirty.push(id);
            } else if self.flush_window(id, seq, rows, out) {
                self.windows[id].sent_ms = now_ms.max(1);
            }
        }
        next
    }

    pub(crate) fn flush_window(
        &mut self,
        id: WindowId,
        seq: u64,
        rows: &mut dyn Rows,
        out: &mut Vec<Delivery>,
    ) -> bool {
        let window = &mut self.windows[id];
        let ranked = &self.cores[window.core].ranked;
        let new: Vec<_> = ranked
            .at_rank(window.offset)
            .take(window.limit)
            .map(OrderKey::conversation)
            .collect();
        let total = ranked.len();
        window.dirty = false;
        window.fresh = None;
        let changed = std::mem::take(&mut window.changed);
        let old = std::mem::replace(&mut window.rows, new.clone());
        let old_total = std::mem::replace(&mut window.total, total);
        let subscribers = std::mem::take(&mut window.subscribers);
        let mut encoded: BTreeMap<(usize, Arc<str>), Vec<Frame>> = BTreeMap::new();
        let mut kept = Vec::with_capacity(subscribers.len());
        for mut subscriber in subscribers {
            let joined = subscriber.joined.take();
            let group = joined
                .as_ref()
                .map_or(0, |it| Arc::as_ptr(it).cast::<u8>() as usize);
            let frames = encoded
                .entry((group, subscriber.name.clone()))
                .or_insert_with(|| {
                    let (from, from_total, above) = match &joined {
                        Some(joined) => (&joined.rows, joined.total, joined.seq),
                        None => (&old, old_total, 0),
                    };
                    let delta = Delta {
                        old: from,
                        new: &new,
                        old_total: from_total,
                        total,
                        changed: &changed,
                        above,
                    };
                    delta.frames(&subscriber.name, seq, rows)
                });
            out.extend(frames.iter().map(|frame| (subscriber.session, frame.clone())));
            kept.push(subscriber);
        }
        self.windows[id].subscribers = kept;
        self.show(id, &old, &new);
        !encoded.values().all(Vec::is_empty)
    }

    pub(crate) fn show(&mut self, id: WindowId, old: &[ConversationId], new: &[ConversationId]) {
        if old == new {
            return;
        }
        let before: Set<_> = old.iter().collect();
        let after: Set<_> = new.iter().collect();
        for row in old.iter().filter(|it| !after.contains(it)) {
            self.hide(*row, id);
        }
        for row in new.iter().filter(|it| !before.contains(it)) {
            self.showing.entry(*row).or_default().push(id);
        }
    }

    /// The windows that show any of these conversations, with those of them that they show.
    pub(crate) fn windows_showing<'a>(
        &self,
        rows: impl Iterator<Item = &'a ConversationId>,
    ) -> BTreeMap<WindowId, Vec<ConversationId>> {
        let mut found: BTreeMap<WindowId, Vec<ConversationId>> = BTreeMap::new();
        for row in rows {
            for window in self.showing.get(row).into_iter().flatten() {
                found.entry(*window).or_default().push(*row);
            }
        }
        found
    }

    /// Who has the window open, and under which name.
    pub(crate) fn subscribers(&self, id: WindowId) -> impl Iterator<Item = (SessionKey, &Arc<str>)> {
        self.windows[id]
            .subscribers
            .iter()
            .map(|it| (it.session, &it.name))
    }

    /// The rows that the window shows.
    pub(crate) fn rows(&self, id: WindowId) -> &[ConversationId] {
        &self.windows[id].rows
    }

    /// The window as a snapshot: the fields of an `open_view` answer. The subscriber is level with it afterwards.
    pub(crate) fn snapshot(
        &mut self,
        id: WindowId,
        session: SessionKey,
        seq: u64,
        rows: &mut dyn Rows,
    ) -> Arc<str> {
        let (joined, body) = self.fresh(id, seq, rows);
        let window = &mut self.windows[id];
        let dirty = window.dirty;
        for subscriber in window.subscribers.iter_mut().filter(|it| it.session == session) {
            subscriber.joined = dirty.then(|| joined.clone());
        }
        body
    }

    /// How many distinct windows there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.windows.len()
    }

    /// The sorted keys of this filter and order, if somebody has it open.
    pub(crate) fn ranked(&self, filter: &ViewFilter, sort: Sort) -> Option<&Ranked> {
        let key = (Arc::new(filter.clone()), sort);
        self.by_filter.get(&key).map(|id| &self.cores[*id].ranked)
    }
}

pub(crate) fn with_bucket<K: Clone + Eq + Hash>(
    buckets: &mut Map<K, Vec<CoreId>>,
    key: &K,
    change: impl Fn(&mut Vec<CoreId>),
) {
    let list = buckets.entry(key.clone()).or_default();
    change(list);
    if list.is_empty() {
        buckets.remove(key);
    }
}

fn matches(filter: &ViewFilter, state: &Conversation, now: Time, rows: &dyn Rows) -> bool {
    filter.matches(state, now, &|agent, id| rows.unread(agent, id))
}
