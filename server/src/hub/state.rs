//! What a workspace's actor keeps in memory, and the vocabulary of its work: jobs, flights, callers, inputs.
//! No behaviour beyond small look-ups.

use super::disconnect::Disconnecting;
use super::outbox::{Behind, Frame, Outbox};
use super::people::{Known, People};
use super::refused::TokenMark;
use super::settings::SetFlight;
use super::stats::WatchesStats;
use super::views::{Rows, SessionKey, WindowId};
use crate::log::{Aggregate, LogError, NewEvent, StoredEvent, StoredKey, StoredState};
use crate::maps::Map;
use bytes::Bytes;
use dibs_protocol::command::Command;
use dibs_protocol::frame::{Resume, TypingSignal};
use dibs_protocol::http::{Delivery, Ingest, PutSettings, RatingBody};
use dibs_protocol::ids::{AgentId, ChannelId, ConversationId, CustomerId};
use dibs_protocol::refusal::Refusal;
use dibs_protocol::terms::{Status, Typing};
use dibs_protocol::time::Time;
use dibs_rules::contents::Contents;
use dibs_rules::context::Agent;
use dibs_rules::decision::KeyRef;
use dibs_rules::{Action, Conversation, Decision, Sender};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::oneshot;
use uuid::Uuid;

/// A session as hub and socket share it.
#[derive(Debug)]
pub struct Link {
    /// The session's id.
    pub id: Uuid,
    /// What the hub has for the socket.
    pub outbox: Outbox,
    key: AtomicUsize,
}

impl Link {
    /// A session that has not joined yet.
    #[must_use]
    pub fn new(id: Uuid, outbox: Outbox) -> Self {
        Self {
            id,
            outbox,
            key: AtomicUsize::new(usize::MAX),
        }
    }

    /// Whether the hub has welcomed the session: before, it must not send commands.
    #[must_use]
    pub fn joined(&self) -> bool {
        self.key.load(Ordering::Acquire) != usize::MAX
    }

    pub(crate) fn key(&self) -> SessionKey {
        self.key.load(Ordering::Acquire)
    }

    pub(crate) fn set_key(&self, key: SessionKey) {
        self.key.store(key, Ordering::Release);
    }
}

/// A session that wants to come in.
#[derive(Debug)]
pub struct Join {
    /// The session.
    pub link: Arc<Link>,
    /// Who it is, from the verified token.
    pub agent: Arc<Agent>,
    /// When the token ends, seconds since the Unix epoch.
    pub expires_s: i64,
    /// Which token it is.
    pub token: TokenMark,
    /// The hello's `id`.
    pub hello: i64,
    /// Where it left off.
    pub resume: Option<Resume>,
    /// A mobile or background client: it is quiet by nature, which says nothing about its agent.
    pub quiet: bool,
}

/// The answer to an HTTP request: status and JSON body, or a refusal.
pub type HttpReply = Result<(u16, String), Refusal>;

/// What HTTP asks of a workspace.
#[derive(Debug)]
pub enum HttpAsk {
    /// The customer wrote.
    Ingest(Box<Ingest>),
    /// A channel says what became of a message of this conversation.
    Delivery(ConversationId, Delivery),
    /// The customer rates a conversation.
    Rate(RatingBody),
    /// A list, closed conversations included.
    List(Box<dibs_protocol::command::List>),
    /// One conversation's summary.
    Conversation(ConversationId),
    /// What the workspace has set.
    Settings,
    /// Setting it.
    SetSettings(Box<PutSettings>),
    /// A conversation's entries above `after`.
    Events {
        /// Which.
        conversation: ConversationId,
        /// Above which `seq`.
        after: u64,
        /// At most so many.
        limit: usize,
    },
    /// An admin sends an agent away, for this reason.
    Disconnect(AgentId, Option<String>),
}

/// What a workspace's actor receives.
#[derive(Debug)]
pub enum Input {
    /// A session wants to come in.
    Join(Box<Join>),
    /// A session asks for something.
    Command(Arc<Link>, i64, Box<Command>),
    /// Somebody types.
    Typing(Arc<Link>, TypingSignal),
    /// A session brought a new, verified token.
    Refresh(Arc<Link>, i64, Arc<Agent>, i64, TokenMark),
    /// A session is gone.
    Leave(Arc<Link>),
    /// A session's socket has drained after something was dropped.
    Behind(Arc<Link>, Behind),
    /// An HTTP request.
    Http(Arc<Sender>, Box<HttpAsk>, oneshot::Sender<HttpReply>),
    /// A timer is due, since this time, in milliseconds since the Unix epoch.
    Due(Aggregate, i64),
    /// This instance was stopped for a while; `lapsed`: its seats were given up, and must be written again.
    Woken {
        /// Whether they were.
        lapsed: bool,
    },
    /// Where the log's feed ends, or ended a moment ago.
    Stored(crate::log::Head),
    /// Tell everybody to come back later, spread over so many milliseconds.
    Drain(u64),
    /// End all sessions.
    CloseAll,
}

/// Results of slow work, on their way back to the actor.
#[derive(Debug)]
pub(crate) enum Internal {
    State(Lane, ConversationId, Result<StoredState, LogError>),
    Key(Lane, KeyRef, Result<Option<StoredKey>, LogError>),
    /// Keys of what a conversation absorbed.
    Keys(Lane, Result<Vec<StoredKey>, LogError>),
    /// The messages that a conversation has at a version.
    Contents(Lane, u64, Result<Box<Contents>, LogError>),
    Watched {
        link: Arc<Link>,
        id: i64,
        watch: WatchRead,
        entries: Result<Vec<StoredEvent>, LogError>,
    },
    Replay {
        link: Arc<Link>,
        replay: ReplayRead,
        found: Result<Option<Vec<StoredEvent>>, LogError>,
    },
    Snapshot {
        link: Arc<Link>,
        up_to: u64,
        conversation: ConversationId,
        summary: Option<Bytes>,
        entries: Result<Vec<StoredEvent>, LogError>,
    },
    Followed(Result<Followed, LogError>),
    Head(Result<crate::log::Head, LogError>),
    Heard(crate::bus::Heard),
    /// The entries of a conversation whose time is over, as of a version.
    Outdated(ConversationId, u64, Result<Vec<u64>, LogError>),
    Collided(Result<StoredState, LogError>),
}

/// What was read to catch up with the log.
#[derive(Debug)]
pub(crate) struct Followed {
    pub(crate) head: crate::log::Head,
    pub(crate) events: Vec<StoredEvent>,
    pub(crate) states: Vec<StoredState>,
}

/// A `watch` whose entries are being read.
#[derive(Debug)]
pub(crate) struct WatchRead {
    /// What the answer contains: everything up to there.
    pub(crate) up_to: u64,
    pub(crate) conversation: ConversationId,
    pub(crate) summary: Bytes,
    pub(crate) limit: usize,
    /// Whether the session watched it already.
    pub(crate) again: bool,
}

/// A resume whose missed events are being read.
#[derive(Debug)]
pub(crate) struct ReplayRead {
    pub(crate) hello: i64,
    pub(crate) watching: Vec<ConversationId>,
}

/// Jobs of one lane are decided in the order in which they came.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Lane {
    Conversation(ConversationId),
    Customer(ChannelId, CustomerId),
    /// A job on several conversations, while it has its turn in the lanes of all of them.
    Several(u64),
}

/// Who waits for an answer.
#[derive(Debug)]
pub(crate) enum Caller {
    Session(Arc<Link>, i64),
    /// A session that watches a conversation as soon as it has been read.
    Watch(Arc<Link>, i64, Box<dibs_protocol::command::Watch>),
    Http(oneshot::Sender<HttpReply>),
    Bulk(u64, usize),
    /// Routing, for this conversation.
    Router(ConversationId),
    Nobody,
}

/// Something to decide.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) caller: Caller,
    pub(crate) sender: Arc<Sender>,
    /// The conversation that it names, if it names one.
    pub(crate) conversation: Option<ConversationId>,
    pub(crate) action: Action,
    pub(crate) lane: Lane,
    /// Whether the log was asked about the key.
    pub(crate) key_read: bool,
    /// Whether the log was asked about its key in the conversations that its own one absorbed.
    pub(crate) merged_keys_read: bool,
    /// How often it lost against somebody faster.
    pub(crate) conflicts: u32,
    /// A head that was read after it came: what was decided upon that, or later, is the truth.
    pub(crate) fresh_at: Option<u64>,
}

/// What became of a job when nothing had to be stored for it.
pub(crate) type Concluded = (Job, Option<ConversationId>, Result<Decision, Refusal>);

/// Something on its way to the log.
#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) commit: Uuid,
    pub(crate) what: What,
    /// Its events, where other instances are to be told of them.
    pub(crate) events: Vec<NewEvent>,
    /// Answers that hold if this commit does.
    pub(crate) after: Vec<Concluded>,
}

/// What is on its way.
#[derive(Debug)]
pub(crate) enum What {
    Decided(Box<Decided>),
    /// Who, what of them is new, and the `seq` of the event that says so.
    Seen(AgentId, Option<Known>, Option<u64>),
    Left(AgentId),
    /// The log is asked whether they have been gone for the whole grace.
    Gone(AgentId),
    Marked(Box<Marked>),
    Disconnected(Box<Disconnecting>),
    Settings(Box<SetFlight>),
    Nothing,
}

/// A decision on its way.
#[derive(Debug)]
pub(crate) struct Decided {
    pub(crate) job: Job,
    pub(crate) decision: Decision,
    pub(crate) at: Time,
    /// The `seq` of its first event.
    pub(crate) first: u64,
    /// What it changes: other conversations, in the decision's order, then the one that it is about.
    pub(crate) changes: Vec<Change>,
}

impl Decided {
    /// The `seq` of the event that the answer means.
    pub(crate) fn answered(&self) -> Option<u64> {
        let first = self.changes.last().map(|it| it.first)?;
        self.decision.answers_event.map(|at| first + at as u64)
    }
}

/// What a decision makes of a conversation.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) id: ConversationId,
    /// As it is afterwards.
    pub(crate) state: Arc<Conversation>,
    /// The `seq` of its first event.
    pub(crate) first: u64,
    /// Its events.
    pub(crate) frames: Vec<Frame>,
}

/// A value outside the feed on its way.
#[derive(Debug)]
pub(crate) struct Marked {
    pub(crate) caller: Caller,
    pub(crate) agent: AgentId,
    pub(crate) mark: MarkKind,
}

/// Which value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum MarkKind {
    Read(ConversationId, u64),
    Inbox(u64),
}

/// A conversation in memory.
#[derive(Debug, Default)]
pub(crate) struct Entry {
    /// As stored.
    pub(crate) committed: Option<Arc<Conversation>>,
    /// As it will be when everything on its way has been stored.
    pub(crate) latest: Option<Arc<Conversation>>,
    pub(crate) flights: u32,
    pub(crate) last_commit: Uuid,
    pub(crate) summary: Option<Bytes>,
    pub(crate) marks: Vec<(AgentId, u64)>,
}

impl Entry {
    pub(crate) fn newest(&self) -> Option<&Arc<Conversation>> {
        self.latest.as_ref().or(self.committed.as_ref())
    }

    pub(crate) fn unclosed(&self) -> Option<&Arc<Conversation>> {
        self.committed.as_ref().filter(|it| it.status != Status::Closed)
    }

    pub(crate) fn summary(&mut self) -> Option<Bytes> {
        if self.summary.is_none() {
            let state = self.committed.as_ref()?;
            self.summary = serde_json::to_vec(&state.summary()).ok().map(Bytes::from);
        }
        self.summary.clone()
    }
}

/// A customer's unclosed conversations on a channel, as the latest decisions leave them.
#[derive(Debug, Default)]
pub(crate) struct CustomerEntry {
    pub(crate) unclosed: Vec<ConversationId>,
    pub(crate) version: u64,
    pub(crate) flights: u32,
    pub(crate) last_commit: Uuid,
}

/// A session as the hub keeps it.
#[derive(Debug)]
pub(crate) struct SessionState {
    pub(crate) link: Arc<Link>,
    pub(crate) agent: Arc<Agent>,
    pub(crate) sender: Arc<Sender>,
    pub(crate) expires_s: i64,
    pub(crate) token: TokenMark,
    pub(crate) warned: bool,
    /// Watches whose answers, and what comes after them, are still to be sent.
    pub(crate) answering: u32,
    /// Events, with their `seq`, that wait for those answers, so that all events ascend.
    pub(crate) late: Vec<(u64, ConversationId, Frame)>,
    pub(crate) watches: Vec<ConversationId>,
    pub(crate) views: Vec<(Box<str>, WindowId)>,
    pub(crate) watches_agents: bool,
    pub(crate) watches_stats: WatchesStats,
    /// A mobile or background client.
    pub(crate) quiet: bool,
    /// When it last asked for something, in milliseconds of uptime.
    pub(crate) asked_ms: u64,
    /// Events that wait for the replay to be sent.
    pub(crate) hold: Option<Vec<(ConversationId, Frame)>>,
    /// What is left of the replay: a part of it each time the socket has drained.
    pub(crate) replay: VecDeque<Frame>,
    /// What is still to be sent again after the session fell behind.
    pub(crate) resync: Option<Resync>,
}

impl SessionState {
    /// Whether everything that was told was told to this session, too, so that a position is true of it.
    pub(crate) fn is_complete(&self) -> bool {
        let behind = self.resync.is_some() || self.link.outbox.is_lagging();
        self.hold.is_none() && self.answering == 0 && !behind
    }
}

/// Snapshots that are still owed to a session, one at a time.
#[derive(Debug, Default)]
pub(crate) struct Resync {
    pub(crate) watches: Vec<ConversationId>,
    pub(crate) views: Vec<Box<str>>,
}

/// Somebody's session on a conversation.
#[derive(Debug)]
pub(crate) struct Watcher {
    pub(crate) session: SessionKey,
    pub(crate) agent: AgentId,
    pub(crate) silent: bool,
    pub(crate) since_ms: i64,
    pub(crate) typing: Option<(Typing, u64)>,
    /// Events that wait for the answer to `watch`, with their `seq`.
    pub(crate) hold: Option<Vec<(u64, Frame)>>,
}

/// A conversation that somebody watches.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    pub(crate) watchers: Vec<Watcher>,
    pub(crate) summary: Gathered,
    pub(crate) viewers: Gathered,
}

/// Something that is told at once after a quiet spell, and gathered when busy.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Gathered {
    pub(crate) dirty: bool,
    /// It changed in this turn: what is told of it now leaves together with what changed it.
    pub(crate) fresh: bool,
    pub(crate) sent_ms: u64,
}

/// A `bulk` of which some results are still missing.
#[derive(Debug)]
pub(crate) struct BulkState {
    pub(crate) link: Arc<Link>,
    pub(crate) id: i64,
    pub(crate) conversations: Vec<ConversationId>,
    pub(crate) results: Vec<Option<String>>,
    pub(crate) missing: usize,
}

/// The conversations and people as live views read them.
pub(crate) struct RowsOf<'a> {
    pub(crate) conversations: &'a mut Map<ConversationId, Entry>,
    pub(crate) people: &'a People,
}

impl Rows for RowsOf<'_> {
    fn conversation(&self, id: ConversationId) -> Option<&Arc<Conversation>> {
        self.conversations.get(&id).and_then(Entry::unclosed)
    }

    fn summary(&mut self, id: ConversationId) -> Option<Bytes> {
        self.conversations.get_mut(&id).and_then(Entry::summary)
    }

    fn unread(&self, agent: &AgentId, id: ConversationId) -> bool {
        self.people.is_mentioned(agent, id)
    }

    fn mentioned(&self, id: ConversationId) -> Vec<AgentId> {
        self.people.mentioned(id).cloned().collect()
    }

    fn all(&self) -> Box<dyn Iterator<Item = &Arc<Conversation>> + '_> {
        Box::new(self.conversations.values().filter_map(Entry::unclosed))
    }
}
