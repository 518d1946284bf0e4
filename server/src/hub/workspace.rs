//! The actor of one workspace: `next input, handle(input)`. One task owns all state; slow work comes back as input.
//! Deliberately absent: sockets, SQL, rules.

use super::Deps;
use super::budget::Budget;
use super::company::Company;
use super::fresh::{Fresh, Waiting};
use super::lanes::Lanes;
use super::outbox::{Class, Frame};
use super::people::People;
use super::recent::Recent;
use super::refused::Refusals;
use super::remote::Remote;
use super::routing::Routing;
use super::settings::InForce;
use super::state::{
    BulkState, Caller, CustomerEntry, Entry, Flight, Input, Internal, Join, Link, RowsOf, SessionState,
    Watched,
};
use super::stats::Stats;
use super::submit::{Settling, settled};
use super::views::{SessionKey, Views};
use crate::log::{Aggregate, Item, LogError, Outcome, StoredEvent};
use crate::maps::{Map, Set};
use dibs_protocol::frame::{ErrorFrame, ServerFrame};
use dibs_protocol::ids::{AgentId, ChannelId, ConversationId, CustomerId, WorkspaceId};
use dibs_protocol::refusal::{Code, Refusal};
use dibs_protocol::time::Time;
use dibs_rules::decision::{KeyRecord, KeyRef};
use slab::Slab;
use std::collections::{BTreeSet, VecDeque};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{mpsc, watch};
use tokio::time::{Duration, Instant};
use uuid::Uuid;

/// Commands that may wait for a workspace; beyond, sessions answer `unavailable`.
pub(crate) const INBOX_BOUND: usize = 50_000;
/// Inputs handled before results are looked at again.
const INPUTS_PER_TURN: usize = 256;
/// Keys remembered beside the log.
const KEYS_REMEMBERED: usize = 20_000;
/// Closed conversations kept in memory after somebody needed them.
const CLOSED_REMEMBERED: usize = 1_024;

/// The state of a workspace on this instance.
pub(crate) struct Workspace {
    pub(crate) id: WorkspaceId,
    pub(crate) deps: Arc<Deps>,
    pub(crate) epoch: Uuid,
    /// The last stored `seq` that was told.
    pub(crate) head: u64,
    pub(crate) hash: [u8; 32],
    pub(crate) last_at_ms: i64,
    /// The `seq` that the next decided event will have.
    pub(crate) next_seq: u64,
    pub(crate) conversations: Map<ConversationId, Entry>,
    pub(crate) closed: VecDeque<ConversationId>,
    pub(crate) customers: Map<(ChannelId, CustomerId), CustomerEntry>,
    /// Versions of customers' aggregates read at load, by aggregate id.
    pub(crate) customer_versions: Map<String, u64>,
    pub(crate) offers: BTreeSet<ConversationId>,
    pub(crate) people: People,
    /// Tokens that are refused; shared with those who ask without a session.
    pub(crate) refusals: Arc<Refusals>,
    pub(crate) settings: InForce,
    pub(crate) routing: Routing,
    pub(crate) stats: Stats,
    pub(crate) sessions: Slab<SessionState>,
    pub(crate) joining: Map<AgentId, Vec<Join>>,
    pub(crate) lanes: Lanes,
    pub(crate) keys: Map<KeyRef, KeyRecord>,
    pub(crate) key_order: VecDeque<KeyRef>,
    pub(crate) batch: VecDeque<(Item, Flight)>,
    /// The latest item with events that was put into a batch.
    pub(crate) last_item: Option<Uuid>,
    pub(super) settling: Option<(Settling, Vec<Flight>)>,
    /// Until then a small submission waits for company.
    pub(super) gather_until: Instant,
    /// Whether it is worth waiting for.
    pub(crate) company: Company,
    /// Items of the latest submission.
    pub(crate) submitted: usize,
    pub(crate) views: Views,
    /// What this workspace may have in memory.
    pub(crate) budget: Budget,
    /// In which second unclosed conversations were last counted, and how many there are since.
    pub(crate) unclosed: (u64, usize),
    pub(crate) watched: Map<ConversationId, Watched>,
    pub(crate) untold: Set<ConversationId>,
    pub(crate) active: Set<ConversationId>,
    pub(crate) recent: Recent,
    pub(crate) bulks: Map<u64, BulkState>,
    pub(crate) next_bulk: u64,
    pub(crate) started: Instant,
    pub(crate) second: u64,
    pub(crate) next_flush_ms: Option<u64>,
    pub(crate) draining: bool,
    /// Sessions end as soon as what they asked for has been answered.
    pub(crate) closing: bool,
    pub(crate) following: bool,
    /// There was a reason to follow while that was being done: once more, then.
    pub(crate) behind: bool,
    /// The log's head when it was last looked at and was behind what was told.
    pub(crate) short: Option<u64>,
    /// What was read to be able to follow.
    pub(crate) fetched: BTreeSet<Aggregate>,
    /// What waits until memory is as fresh as it must be.
    pub(crate) fresh: Fresh,
    /// The feed has another history: this actor ends, and the next one loads it.
    pub(crate) ended: bool,
    /// Who is on other instances, as far as those said.
    pub(crate) remote: Remote,
    /// What was stored and the other instances have not been told.
    pub(crate) unannounced: Vec<StoredEvent>,
    /// When a submission last lost against another instance, in milliseconds of uptime.
    pub(crate) outrun_ms: Option<u64>,
    /// Nothing is submitted before, for another instance has the turn; in milliseconds of uptime.
    pub(crate) not_before_ms: Option<u64>,
    /// The log has, or may have, more than was told: nothing is submitted before that has been read.
    pub(crate) catching_up: bool,
    pub(crate) generation: u64,
    pub(crate) internal: mpsc::UnboundedSender<Internal>,
    pub(crate) replies: watch::Sender<u64>,
}

impl Workspace {
    /// Runs until all handles are gone.
    pub(crate) async fn run(
        mut self,
        mut inputs: mpsc::UnboundedReceiver<Input>,
        mut results: mpsc::UnboundedReceiver<Internal>,
        waiting: Arc<AtomicUsize>,
    ) {
        let mut heard = self.deps.bus.subscribe(&self.id);
        loop {
            let wake = self.wake_at();
            tokio::select! {
                biased;
                outcome = settled(&mut self.settling) => self.on_settled(outcome),
                Some(result) = results.recv() => {
                    self.on_internal(result);
                    for _ in 0..INPUTS_PER_TURN {
                        let Ok(result) = results.try_recv() else { break };
                        self.on_internal(result);
                    }
                }
                Some(message) = heard.recv() => self.on_internal(Internal::Heard(message)),
                input = inputs.recv() => {
                    let Some(input) = input else { break };
                    waiting.fetch_sub(1, Ordering::Relaxed);
                    self.on_input(input);
                    for _ in 0..INPUTS_PER_TURN {
                        let Ok(input) = inputs.try_recv() else { break };
                        waiting.fetch_sub(1, Ordering::Relaxed);
                        self.on_input(input);
                    }
                }
                () = tokio::time::sleep_until(wake) => {}
            }
            self.after_turn();
            if self.ended {
                break;
            }
        }
    }

    fn on_settled(&mut self, outcome: Result<Vec<Outcome>, LogError>) {
        let Some((_, flights)) = self.settling.take() else {
            return;
        };
        self.settle(flights, outcome);
    }

    fn on_input(&mut self, input: Input) {
        match input {
            Input::Join(join) => self.join(*join),
            Input::Command(link, id, command) => self.command(&link, id, *command),
            Input::Typing(link, signal) => {
                self.active(&link);
                self.typing(&link, &signal);
            }
            Input::Refresh(link, id, agent, expires_s, token) => {
                self.refresh(&link, id, agent, (expires_s, token));
            }
            Input::Leave(link) => self.leave(&link),
            Input::Behind(link, what) => self.behind(&link, what),
            Input::Http(sender, ask, reply) => self.http(sender, *ask, reply),
            Input::Due(aggregate, due_ms) => self.when_fresh(Waiting::Due(aggregate, due_ms)),
            Input::Woken { lapsed } => self.woken(lapsed),
            Input::Stored(head) => self.look_at(&head),
            Input::Drain(spread_ms) => self.drain(spread_ms),
            Input::CloseAll => self.closing = true,
        }
    }

    fn on_internal(&mut self, result: Internal) {
        match result {
            Internal::State(lane, id, state) => self.state_read(&lane, id, state),
            Internal::Key(lane, at, key) => self.key_read(&lane, at, key),
            Internal::Keys(lane, keys) => self.merged_keys_read(&lane, keys),
            Internal::Contents(lane, version, found) => self.contents_read(&lane, version, found),
            Internal::Watched {
                link,
                id,
                watch,
                entries,
            } => self.watch_read(&link, id, watch, entries),
            Internal::Replay { link, replay, found } => self.replay_read(&link, replay, found),
            Internal::Snapshot {
                link,
                up_to,
                conversation,
                summary,
                entries,
            } => {
                self.snapshot_read(&link, (conversation, up_to), summary, entries);
            }
            Internal::Followed(found) => self.followed(found),
            Internal::Head(head) => self.head_read(head),
            Internal::Heard(message) => self.heard(&message),
            Internal::Outdated(id, version, entries) => self.outdated_read(id, version, entries),
            Internal::Collided(stored) => self.collisions_read(stored),
        }
    }

    fn after_turn(&mut self) {
        self.freshen();
        self.unpark_settled();
        self.route();
        self.submit();
        if self.closing && self.is_settled() && self.lanes.is_empty() {
            self.close_all();
        }
        self.on_second();
        self.flush();
        if let Some(at) = self.announce_presence() {
            self.next_flush_ms = Some(self.next_flush_ms.map_or(at, |it| it.min(at)));
        }
    }

    /// Does slow work elsewhere; its result comes back as an input.
    pub(crate) fn spawn(&self, work: impl Future<Output = Internal> + Send + 'static) {
        let results = self.internal.clone();
        tokio::spawn(async move {
            let result = work.await;
            // The workspace may be gone by now.
            results.send(result).ok();
        });
    }

    /// Milliseconds of uptime.
    pub(crate) fn uptime_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn wake_at(&self) -> Instant {
        let mut at = self.started + Duration::from_secs(self.second + 1);
        if self.routing.has_more() {
            return Instant::now();
        }
        if let Some(ms) = self.next_flush_ms {
            at = at.min(self.started + Duration::from_millis(ms));
        }
        if self.settling.is_none() && !self.batch.is_empty() && !self.catching_up {
            let now = Instant::now();
            let not_before = Duration::from_millis(self.not_before_ms.unwrap_or(0));
            let gather_until = if self.company.is_expected() {
                self.gather_until
            } else {
                now
            };
            at = at.min(gather_until.max(self.started + not_before));
        }
        at
    }

    /// The time of what is decided now: it never runs backwards within a feed.
    pub(crate) fn now(&mut self) -> Time {
        self.last_at_ms = self.last_at_ms.max(self.deps.clock.now_ms());
        Time(self.last_at_ms)
    }

    /// Views, and what they read.
    pub(crate) fn views_and_rows(&mut self) -> (&mut Views, RowsOf<'_>) {
        let rows = RowsOf {
            conversations: &mut self.conversations,
            people: &self.people,
        };
        (&mut self.views, rows)
    }

    pub(crate) fn remember_key(&mut self, at: KeyRef, record: KeyRecord) {
        if self.keys.insert(at.clone(), record).is_none() {
            self.key_order.push_back(at);
        }
        while self.key_order.len() > KEYS_REMEMBERED {
            if let Some(old) = self.key_order.pop_front() {
                self.keys.remove(&old);
            }
        }
    }

    /// Keeps a closed conversation in memory for a while.
    pub(crate) fn remember_closed(&mut self, id: ConversationId) {
        self.closed.push_back(id);
        let mut spared = Vec::new();
        while self.closed.len() > CLOSED_REMEMBERED {
            let Some(old) = self.closed.pop_front() else { break };
            let Some(entry) = self.conversations.get(&old) else {
                continue;
            };
            if entry.unclosed().is_some() {
                continue;
            }
            if entry.flights > 0 || self.watched.contains_key(&old) {
                spared.push(old);
            } else {
                self.conversations.remove(&old);
            }
        }
        self.closed.extend(spared);
    }

    pub(crate) fn session(&self, link: &Link) -> Option<&SessionState> {
        self.sessions
            .get(link.key())
            .filter(|session| session.link.id == link.id)
    }

    pub(crate) fn session_mut(&mut self, link: &Link) -> Option<&mut SessionState> {
        self.sessions
            .get_mut(link.key())
            .filter(|session| session.link.id == link.id)
    }

    /// Pushes a frame to one session.
    pub(crate) fn push(&self, session: SessionKey, frame: Frame, class: Class) {
        if let Some(session) = self.sessions.get(session) {
            session.link.outbox.push(frame, class);
        }
    }

    /// Pushes a frame to every session of an agent.
    pub(crate) fn push_to_agent(&self, agent: &AgentId, frame: &ServerFrame, class: Class) {
        let sessions = self.people.sessions(agent);
        if sessions.is_empty() {
            return;
        }
        let frame = server_frame(frame);
        for session in sessions {
            self.push(*session, frame.clone(), class);
        }
    }

    /// Answers `ok` with these fields (JSON without braces, possibly empty).
    pub(crate) fn ok(&mut self, caller: Caller, fields: &str) {
        match caller {
            Caller::Session(link, id) => {
                let comma = if fields.is_empty() { "" } else { "," };
                let text = format!("{{\"type\":\"ok\",\"id\":{id}{comma}{fields}}}");
                link.outbox.push(Frame::text(&text), Class::Kept);
            }
            Caller::Http(reply) => {
                // A client that went away misses its answer; what it asked for is done all the same.
                reply.send(Ok((200, format!("{{{fields}}}")))).ok();
            }
            Caller::Bulk(bulk, index) => self.bulk_result(bulk, index, &format!("\"ok\":{{{fields}}}")),
            Caller::Watch(link, id, it) => self.watch(&link, id, &it),
            Caller::Router(id) => self.routed(id, true),
            Caller::Nobody => {}
        }
    }

    /// Answers with a refusal.
    pub(crate) fn refuse(&mut self, caller: Caller, refusal: Refusal) {
        self.deps.metrics.refused(refusal.code);
        match caller {
            Caller::Session(link, id) | Caller::Watch(link, id, _) => refuse(&link, id, refusal),
            Caller::Http(reply) => {
                reply.send(Err(refusal)).ok();
            }
            Caller::Bulk(bulk, index) => {
                let error = serde_json::to_string(&refusal).unwrap_or_default();
                self.bulk_result(bulk, index, &format!("\"error\":{error}"));
            }
            Caller::Router(id) => self.routed(id, refusal.code != Code::Unavailable),
            Caller::Nobody => {}
        }
    }
}

/// Answers a session's command with a refusal.
pub(crate) fn refuse(link: &Link, id: i64, refusal: Refusal) {
    let frame = ServerFrame::Error(ErrorFrame {
        id: Some(id),
        refusal,
    });
    link.outbox.push(server_frame(&frame), Class::Kept);
}

/// Encodes a frame that is not shared by many.
pub(crate) fn server_frame(frame: &ServerFrame) -> Frame {
    Frame::text(&serde_json::to_string(frame).unwrap_or_default())
}
