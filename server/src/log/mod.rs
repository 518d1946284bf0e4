//! The log: the truth of every workspace, one ordered gapless feed each, behind one trait.
//!
//! Deliberately absent: rules. A log compares versions, keys and guards, numbers events, chains and stores them;
//! it never knows what an event means.

mod aside;
mod batch;
pub mod chain;
#[cfg(test)]
pub(crate) mod conformance;
pub mod group;
pub mod memory;
pub mod postgres;
pub mod sqlite;
mod stored;

pub use aside::{Due, DueTimer, Guard, Mark, NewMention, Renewed, SeatChange, StoredMention, Timer};
use dibs_protocol::ids::{AgentId, ConversationId, WorkspaceId};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use std::fmt::Debug;
use std::sync::Arc;
use uuid::Uuid;

/// One thing whose version a decision may depend on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Aggregate {
    /// What kind of thing.
    pub kind: AggregateKind,
    /// Its id within workspace and kind.
    pub id: String,
}

/// The kinds of aggregates. The log treats them alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AggregateKind {
    /// A conversation.
    Conversation,
    /// A customer on a channel: which conversations are unclosed there.
    CustomerChannel,
    /// An agent: identity, status, what was read.
    Agent,
    /// The workspace's settings.
    Settings,
}

/// What a decision saw of an aggregate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// The stored version: the `seq` of the last event that advanced the aggregate; 0 when it never was.
    Stored(u64),
    /// The version that another commit, still on its way to the log, leaves behind.
    After(Uuid),
}

/// Something that can write itself down when its turn comes: only the last snapshot of a batch is encoded.
pub trait Snapshot: Send + Sync + Debug {
    /// The snapshot's bytes (UTF-8 JSON).
    fn encode(&self) -> Vec<u8>;
}

/// The new state of an aggregate.
#[derive(Debug, Clone)]
pub struct NewState {
    /// Whose state.
    pub aggregate: Aggregate,
    /// The state; `None` stores no body (an aggregate that has only a version).
    pub body: Option<Arc<dyn Snapshot>>,
    /// Whether a workspace's load wants it (an unclosed conversation, a known agent).
    pub active: bool,
    /// An indexed name under which it can be found again, such as the customer's id.
    pub owner: Option<String>,
    /// Which event of the item is the last one that advances it; `None`: the item's last.
    pub last_event: Option<usize>,
}

/// An event on its way into the feed. `seq` and hash are given by the log.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// When it happened, milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// The conversation it belongs to, if any.
    pub conversation: Option<ConversationId>,
    /// The event's kind, as on the wire.
    pub kind: &'static str,
    /// Who caused it, as JSON (`{"kind":"agent","id":"priya"}`).
    pub actor: String,
    /// The event as JSON with everything personal blanked: what remains after an erasure.
    pub skeleton: String,
    /// The whole event as JSON when it differs from `skeleton`.
    pub body: Option<String>,
    /// Random bytes that keep the body's digest from being guessed.
    pub salt: [u8; 16],
}

impl NewEvent {
    /// The event as it is stored under this number.
    #[must_use]
    pub fn stored(self, seq: u64) -> StoredEvent {
        StoredEvent {
            seq,
            at_ms: self.at_ms,
            conversation: self.conversation,
            kind: self.kind.to_owned(),
            actor: self.actor,
            event: self.body.unwrap_or(self.skeleton),
            redacted: false,
        }
    }
}

/// A stored event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its number in the feed.
    pub seq: u64,
    /// When it happened, milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// The conversation it belongs to, if any.
    pub conversation: Option<ConversationId>,
    /// The event's kind, as on the wire.
    pub kind: String,
    /// Who caused it, as JSON.
    pub actor: String,
    /// The event as JSON: the body, or the skeleton when there is no body.
    pub event: String,
    /// Whether the body was erased.
    pub redacted: bool,
}

/// A key that makes a command repeatable. Unique by workspace, scope and key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// Sender, command, and conversation where one is named.
    pub scope: String,
    /// The client's key.
    pub key: String,
    /// Digest of the command's content, to tell a repetition from a reuse.
    pub fingerprint: [u8; 32],
    /// The first answer, as JSON, without numbers that only the log knows.
    pub answer: String,
    /// Which event of the item the answer's `seq` means; `None` when the item has no events.
    pub answers_event: Option<usize>,
    /// When it was stored, milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// Until when it must be kept, milliseconds since the Unix epoch.
    pub keep_until_ms: i64,
}

/// A stored key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// Sender, command, and conversation where one is named.
    pub scope: String,
    /// The client's key.
    pub key: String,
    /// Digest of the command's content.
    pub fingerprint: [u8; 32],
    /// The first answer, as JSON, without numbers that only the log knows.
    pub answer: String,
    /// The `seq` that the answer means.
    pub seq: Option<u64>,
    /// When it was stored, milliseconds since the Unix epoch.
    pub at_ms: i64,
}

/// One commit: all of it happens, or nothing.
#[derive(Debug, Clone)]
pub struct Item {
    /// In which workspace.
    pub workspace: WorkspaceId,
    /// The commit's id, by which a lost answer is recognised.
    pub commit: Uuid,
    /// Which instance asks. Events of others wait while one has the workspace's turn.
    pub instance: Uuid,
    /// Asks for the workspace's turn for this long, in milliseconds: until then, or until the instance has appended
    /// events, no other instance appends any. Does nothing while another instance has it.
    pub turn_ms: Option<i64>,
    /// The `seq` that its first event must get, because the decision counted on it; `None`: any. When an earlier item
    /// of the batch fails, or somebody else's events came between, the item is a conflict (`dependent`).
    pub first_seq: Option<u64>,
    /// What the decision read.
    pub expected: Vec<(Aggregate, Expected)>,
    /// Keys that must be unused.
    pub keys: Vec<NewKey>,
    /// Events to append, in order.
    pub events: Vec<NewEvent>,
    /// States to replace. When the item has events, each of these aggregates' versions becomes its last `seq`, or that of
    /// the state's own last event.
    pub states: Vec<NewState>,
    /// Timers to replace.
    pub timers: Vec<Timer>,
    /// Mentions to add.
    pub mentions: Vec<NewMention>,
    /// Values to replace.
    pub marks: Vec<Mark>,
    /// Seats to change.
    pub seats: Vec<SeatChange>,
    /// Conditions to check.
    pub guards: Vec<Guard>,
    /// Earlier events whose bodies (and salts, and inbox rows' bodies) are deleted.
    pub erase: Vec<u64>,
}

impl Item {
    /// An item that changes nothing yet.
    #[must_use]
    pub fn new(workspace: WorkspaceId, commit: Uuid) -> Self {
        Self {
            workspace,
            commit,
            instance: Uuid::nil(),
            turn_ms: None,
            first_seq: None,
            expected: Vec::new(),
            keys: Vec::new(),
            events: Vec::new(),
            states: Vec::new(),
            timers: Vec::new(),
            mentions: Vec::new(),
            marks: Vec::new(),
            seats: Vec::new(),
            guards: Vec::new(),
            erase: Vec::new(),
        }
    }
}

/// What became of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is stored.
    Committed(Committed),
    /// This commit id was stored before; this is what it did then.
    Repeated(Committed),
    /// Somebody was faster. Nothing of the item happened.
    Conflict {
        /// Expected aggregates whose version differs, as they now are.
        stale: Vec<StoredState>,
        /// Keys that were already used.
        used: Vec<StoredKey>,
        /// Whether it failed only because an item that it comes after failed.
        dependent: bool,
    },
    /// A guard did not hold (index into `guards`). Nothing of the item happened.
    Guarded(usize),
    /// Another instance has the workspace's turn, so many milliseconds more at most. Nothing of the item happened.
    NotNow(i64),
}

/// Where a commit stands in the feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// The `seq` of its first event; with no events, the head's.
    pub first_seq: u64,
    /// The chain's hash at its last event; with no events, the head's.
    pub hash: [u8; 32],
}

/// A stored state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredState {
    /// Whose state.
    pub aggregate: Aggregate,
    /// The `seq` of the last event that advanced it; 0 when it never was.
    pub version: u64,
    /// Its body, if it has one.
    pub body: Option<Vec<u8>>,
}

/// The end of a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Names the feed's history.
    pub epoch: Uuid,
    /// The last `seq`; 0 when empty.
    pub seq: u64,
    /// The chain's hash there; zeros when empty.
    pub hash: [u8; 32],
    /// The last event's time, milliseconds since the Unix epoch; 0 when empty.
    pub at_ms: i64,
}

/// Which entries of a conversation (or, without one, of the feed) to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// Only events above this `seq`.
    pub after: u64,
    /// Only events up to this `seq`.
    pub up_to: u64,
    /// At most so many.
    pub limit: usize,
    /// Which end to keep when there are more: the newest or the oldest.
    pub newest: bool,
}

/// Why the log could not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// It cannot be reached or is full. Nothing was changed, or it is not known; the same commit id is safe.
    #[error("the log is unavailable: {0}")]
    Unavailable(String),
    /// What is stored contradicts its checksum, chain or head. Never served silently.
    #[error("the log is damaged: {0}")]
    Corrupt(String),
}

/// What `verify` found in one workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Which workspace.
    pub workspace: WorkspaceId,
    /// Its head.
    pub head: Head,
    /// How many events were checked.
    pub events: u64,
    /// How many of them have been erased.
    pub redacted: u64,
    /// What is wrong, in whole sentences; empty when all is well.
    pub faults: Vec<String>,
}

/// The answer of a log, later.
pub type Reply<'a, T> = BoxFuture<'a, Result<T, LogError>>;

/// An ordered, gapless, durable feed per workspace with compare-and-append.
///
/// Items of one batch are checked and applied in order; one that fails does not stop the others, except those that
/// expect [`Expected::After`] it. An answered commit survives the death of the process and of the machine.
pub trait Log: Send + Sync + 'static {
    /// Stores what can be stored and says what became of each item, in order.
    ///
    /// # Errors
    /// `Unavailable` when nothing was stored or it is not known; `Corrupt` when the log found itself damaged.
    fn commit(&self, items: Vec<Item>) -> Reply<'_, Vec<Outcome>>;
    /// Names the workspaces that have a feed.
    fn workspaces(&self) -> Reply<'_, Vec<WorkspaceId>>;
    /// The end of a workspace's feed, which begins to exist when it is first asked for. Checks the head.
    fn head<'a>(&'a self, workspace: &'a WorkspaceId) -> Reply<'a, Head>;
    /// The ends of several feeds at once, as they were last written: cheaper than asking one by one, and not checked. Feeds
    /// that do not exist are left out.
    fn heads(&self, workspaces: Vec<WorkspaceId>) -> Reply<'_, Vec<(WorkspaceId, Head)>> {
        async move {
            let mut heads = Vec::with_capacity(workspaces.len());
            for workspace in workspaces {
                let head = self.head(&workspace).await?;
                heads.push((workspace, head));
            }
            Ok(heads)
        }
        .boxed()
    }
    /// The log's clock, milliseconds since the Unix epoch, where it has one of its own.
    fn now(&self) -> Reply<'_, Option<i64>> {
        ready(Ok(None)).boxed()
    }
    /// What an operator should know although nothing is wrong, in a sentence.
    fn notice(&self) -> Option<String> {
        None
    }
    /// Gives the workspace's feed a new epoch, unless it no longer has the `old` one: its history is another than the one
    /// that was told (a failover that lost commits, a restored backup).
    fn fork<'a>(&'a self, _workspace: &'a WorkspaceId, _old: Uuid) -> Reply<'a, Head> {
        let never = "this log belongs to one instance: its history does not change under it";
        ready(Err(LogError::Unavailable(never.to_owned()))).boxed()
    }
    /// The chain's hash at `seq`, if there is such an event.
    fn hash_at<'a>(&'a self, workspace: &'a WorkspaceId, seq: u64) -> Reply<'a, Option<[u8; 32]>>;
    /// Events of the feed, or of one conversation, ascending.
    fn read<'a>(
        &'a self,
        workspace: &'a WorkspaceId,
        conversation: Option<ConversationId>,
        range: Range,
    ) -> Reply<'a, Vec<StoredEvent>>;
    /// The `kind` events of the feed above `after`, ascending, at most `limit`: for readers who want only those.
    fn read_kind<'a>(
        &'a self,
        workspace: &'a WorkspaceId,
        kind: &'a str,
        after: u64,
        limit: usize,
    ) -> Reply<'a, Vec<StoredEvent>>;
    /// The states of a kind, checked against their checksums: all active ones, or with `active: false` the inactive
    /// ones after `after` in the order of their ids, at most `limit`.
    fn states<'a>(
        &'a self,
        workspace: &'a WorkspaceId,
        kind: AggregateKind,
        active: bool,
        after: Option<String>,
        limit: usize,
    ) -> Reply<'a, Vec<StoredState>>;
    /// One state; version 0 when there is none.
    fn state<'a>(&'a self, workspace: &'a WorkspaceId, aggregate: &'a Aggregate) -> Reply<'a, StoredState>;
    /// The states of a kind with this `owner`.
    fn owned<'a>(
        &'a self,
        workspace: &'a WorkspaceId,
        kind: AggregateKind,
        owner: &'a str,
    ) -> Reply<'a, Vec<StoredState>>;
    /// A stored key.
    fn key<'a>(
        &'a self,
        workspace: &'a WorkspaceId,
        scope: &'a str,
        key: &'a str,
    ) -> Reply<'a, Option<StoredKey>>;
    /// Deletes keys whose time is over, but for the last 1,000 of each scope. Returns how many went.
    fn forget_keys(&self, now_ms: i64) -> Reply<'_, u64>;
    /// An agent's mentions below `before` (exclusive), newest first.
    fn mentions<'a>(
        &'a self,
        workspace: &'a WorkspaceId,
        agent: &'a AgentId,
        before: u64,
        limit: usize,
    ) -> Reply<'a, Vec<StoredMention>>;
    /// All mentions above each agent's `inbox` mark: what is unread, for a workspace's load.
    fn unread_mentions<'a>(&'a self, workspace: &'a WorkspaceId) -> Reply<'a, Vec<StoredMention>>;
    /// All marks of a workspace.
    fn marks<'a>(&'a self, workspace: &'a WorkspaceId) -> Reply<'a, Vec<Mark>>;
    /// Takes timers due at `now_ms` so that nobody else takes them before `now_ms + visibility_ms`.
    fn take_due(&self, now_ms: i64, visibility_ms: i64, limit: usize) -> Reply<'_, Due>;
    /// An instance begins. A log that belongs to one instance alone counts every seat as just left and sets each such
    /// agent's timer to `now_ms`: how long a workspace lets them be gone no log knows. A shared one leaves the seats to
    /// the leases. Seats that were left `kept_ms` ago or longer are forgotten, which says the same as having none.
    fn begin(&self, instance: Uuid, now_ms: i64, kept_ms: i64) -> Reply<'_, ()>;
    /// Random bytes that all who share the log know, and nobody else: made when they are first asked for. A log of one
    /// instance has none.
    fn secret(&self) -> Reply<'_, Option<[u8; 32]>> {
        ready(Ok(None)).boxed()
    }
    /// Whether other instances write to this log, too: then nothing is answered from memory without asking it.
    fn is_shared(&self) -> bool {
        false
    }
    /// Renews the lease under which the instance's seats count, for `lease_ms` from now on the log's clock. Seats under
    /// any other instance's lapsed lease count as left when it lapsed, and each such agent's timer is set to `grace_ms`
    /// later. Who renews a lease of its own that has lapsed gives nobody up, for others may have been kept from the log
    /// as well: their lapsed leases are renewed with it. Does nothing where the log is not shared.
    fn renew(&self, _instance: Uuid, _lease_ms: i64, _grace_ms: i64) -> Reply<'_, Renewed> {
        ready(Ok(Renewed { lapsed: false })).boxed()
    }
    /// Checks everything that is stored of a workspace: chain, bodies, states, keys, head.
    fn verify<'a>(&'a self, workspace: &'a WorkspaceId) -> Reply<'a, Verified>;
    /// Why writes are refused at present, if they are: for health and metrics.
    fn trouble(&self) -> Option<String>;
}
