//! What becomes of the items of a batch: the one place where versions, keys and guards are compared and numbers given,
//! for every log that applies items one by one.
//!
//! Each item is checked as a whole before anything of it is written. What only the last writer of a batch decides
//! (states, timers, marks, heads) is gathered and written once at the end. Deliberately absent: storage, transactions.

use super::chain::{self, Hash, Header};
use super::{
    Aggregate, Committed, Expected, Guard, Head, Item, LogError, Mark, NewEvent, NewKey, NewMention,
    NewState, Outcome, SeatChange, StoredKey, StoredState, Timer,
};
use crate::maps::Map;
use crate::seeded::{Bug, seeded};
use dibs_protocol::ids::{AgentId, ConversationId, WorkspaceId};
use std::collections::BTreeMap;
use uuid::Uuid;

/// A commit as it is remembered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Past {
    /// What it did.
    pub committed: Committed,
    /// Its last event's `seq`; with no events, the head's. What it left has no higher version.
    pub last_seq: u64,
}

/// An agent's seats, all together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Seats {
    /// Whether one is taken.
    pub present: bool,
    /// When the last of those that are not was left, milliseconds since the Unix epoch.
    pub left_at_ms: Option<i64>,
}

/// An event with what the log adds to it.
pub(super) struct Numbered<'a> {
    pub seq: u64,
    pub event: &'a NewEvent,
    pub digest: Hash,
    pub hash: Hash,
}

/// What items are checked against and written to, within one transaction. `head` is asked for first.
pub(super) trait Store {
    /// The workspace's head; begins its feed when there is none.
    fn head(&mut self, workspace: &WorkspaceId) -> Result<Head, LogError>;
    fn past(&mut self, workspace: &WorkspaceId, commit: Uuid) -> Result<Option<Past>, LogError>;
    fn version(&mut self, workspace: &WorkspaceId, aggregate: &Aggregate) -> Result<u64, LogError>;
    fn state(&mut self, workspace: &WorkspaceId, aggregate: &Aggregate) -> Result<StoredState, LogError>;
    fn key(&mut self, workspace: &WorkspaceId, scope: &str, key: &str)
    -> Result<Option<StoredKey>, LogError>;
    fn seats(&mut self, workspace: &WorkspaceId, agent: &AgentId) -> Result<Seats, LogError>;

    fn add_event(&mut self, workspace: &WorkspaceId, event: &Numbered<'_>) -> Result<(), LogError>;
    /// A key that the same item has already added is kept as it is.
    fn add_key(&mut self, workspace: &WorkspaceId, key: &NewKey, seq: Option<u64>) -> Result<(), LogError>;
    fn add_mention(
        &mut self,
        workspace: &WorkspaceId,
        place: (u64, ConversationId),
        mention: &NewMention,
    ) -> Result<(), LogError>;
    fn add_commit(&mut self, workspace: &WorkspaceId, commit: Uuid, past: &Past) -> Result<(), LogError>;
    fn change_seat(
        &mut self,
        workspace: &WorkspaceId,
        seat: &SeatChange,
        now_ms: i64,
    ) -> Result<(), LogError>;
    /// Deletes salt and body of an event, and the excerpts of its mentions. Does nothing when there is none.
    fn erase(&mut self, workspace: &WorkspaceId, seq: u64) -> Result<(), LogError>;

    fn put_state(&mut self, workspace: &WorkspaceId, state: &NewState, version: u64) -> Result<(), LogError>;
    fn put_timer(&mut self, workspace: &WorkspaceId, timer: &Timer) -> Result<(), LogError>;
    fn put_mark(&mut self, workspace: &WorkspaceId, mark: &Mark) -> Result<(), LogError>;
    fn put_head(&mut self, workspace: &WorkspaceId, head: &Head) -> Result<(), LogError>;

    /// Who has the workspace's turn. A log that is not shared has none.
    fn turn(&mut self, _workspace: &WorkspaceId) -> Result<Option<Turn>, LogError> {
        Ok(None)
    }
    /// Gives the workspace's turn to somebody, or to nobody.
    fn put_turn(&mut self, _workspace: &WorkspaceId, _turn: Option<Turn>) -> Result<(), LogError> {
        Ok(())
    }
}

/// The right to append to a workspace's feed, for a short while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn {
    pub instance: Uuid,
    pub until_ms: i64,
}

/// Checks and writes all items. The caller commits the transaction, or rolls it back when this fails.
pub(super) fn run(store: &mut dyn Store, items: Vec<Item>, now_ms: i64) -> Result<Vec<Outcome>, LogError> {
    let mut batch = Batch {
        store,
        now_ms,
        pending: BTreeMap::new(),
    };
    let mut outcomes = Vec::with_capacity(items.len());
    for item in items {
        outcomes.push(batch.item(item)?);
    }
    batch.flush()?;
    Ok(outcomes)
}

/// What a workspace's items of this batch have changed so far and is not written yet.
struct Pending {
    head: Head,
    advanced: bool,
    /// Whose turn it is, and whether that has changed.
    turn: (Option<Turn>, bool),
    states: Map<Aggregate, (u64, NewState)>,
    timers: Map<Aggregate, Timer>,
    marks: Map<(AgentId, String), Mark>,
}

struct Batch<'s> {
    store: &'s mut dyn Store,
    now_ms: i64,
    pending: BTreeMap<WorkspaceId, Pending>,
}

impl Batch<'_> {
    fn item(&mut self, item: Item) -> Result<Outcome, LogError> {
        if !self.pending.contains_key(&item.workspace) {
            let head = self.store.head(&item.workspace)?;
            let turn = self.store.turn(&item.workspace)?;
            let turn = turn.filter(|it| it.until_ms > self.now_ms);
            self.pending
                .insert(item.workspace.clone(), Pending::new(head, turn));
        }
        if let Some(past) = self.store.past(&item.workspace, item.commit)? {
            return Ok(Outcome::Repeated(past.committed));
        }
        if let Some(left_ms) = self.others_turn(&item)? {
            return Ok(Outcome::NotNow(left_ms));
        }
        if let Some(outcome) = self.conflict(&item)? {
            return Ok(outcome);
        }
        for (index, guard) in item.guards.iter().enumerate() {
            if !self.holds(&item.workspace, guard)? {
                return Ok(Outcome::Guarded(index));
            }
        }
        Ok(Outcome::Committed(self.write(item)?))
    }

    fn pending(&mut self, workspace: &WorkspaceId) -> Result<&mut Pending, LogError> {
        let missing = || LogError::Corrupt(format!("the workspace {workspace} has no head"));
        self.pending.get_mut(workspace).ok_or_else(missing)
    }

    /// How much longer another instance has the turn, if the item wants to append; takes the turn that the item asks for.
    fn others_turn(&mut self, item: &Item) -> Result<Option<i64>, LogError> {
        let now_ms = self.now_ms;
        let pending = self.pending(&item.workspace)?;
        let others = pending.turn.0.filter(|it| it.instance != item.instance);
        if let (Some(turn_ms), None) = (item.turn_ms, others) {
            let until_ms = now_ms.saturating_add(turn_ms);
            let instance = item.instance;
            pending.turn = (Some(Turn { instance, until_ms }), true);
        }
        Ok(others
            .filter(|_| !item.events.is_empty())
            .map(|it| it.until_ms - now_ms))
    }

    fn conflict(&mut self, item: &Item) -> Result<Option<Outcome>, LogError> {
        let workspace = &item.workspace;
        let next = self.pending(workspace)?.head.seq + 1;
        let careless = seeded(Bug::DependentsOfConflict);
        let mut dependent = item.first_seq.is_some_and(|seq| seq != next) && !careless;
        let mut stale = Vec::new();
        for (aggregate, expected) in &item.expected {
            let version = self.version(workspace, aggregate)?;
            let fresh = match expected {
                Expected::Stored(expected) => version == *expected,
                Expected::After(commit) => match self.store.past(workspace, *commit)? {
                    Some(past) => version <= past.last_seq,
                    None => {
                        dependent = !careless;
                        true
                    }
                },
            };
            if !fresh {
                stale.push(self.fresh(workspace, aggregate)?);
            }
        }
        let mut used = Vec::new();
        for key in &item.keys {
            used.extend(self.store.key(workspace, &key.scope, &key.key)?);
        }
        if stale.is_empty() && used.is_empty() && !dependent {
            return Ok(None);
        }
        let dependent = dependent && stale.is_empty() && used.is_empty();
        Ok(Some(Outcome::Conflict {
            stale,
            used,
            dependent,
        }))
    }

    fn version(&mut self, workspace: &WorkspaceId, aggregate: &Aggregate) -> Result<u64, LogError> {
        match self.pending(workspace)?.states.get(aggregate) {
            Some((version, _)) => Ok(*version),
            None => self.store.version(workspace, aggregate),
        }
    }

    fn fresh(&mut self, workspace: &WorkspaceId, aggregate: &Aggregate) -> Result<StoredState, LogError> {
        match self.pending(workspace)?.states.get(aggregate) {
            Some((version, state)) => Ok(StoredState {
                aggregate: aggregate.clone(),
                version: *version,
                body: state.body.as_ref().map(|body| body.encode()),
            }),
            None => self.store.state(workspace, aggregate),
        }
    }

    fn holds(&mut self, workspace: &WorkspaceId, guard: &Guard) -> Result<bool, LogError> {
        match guard {
            Guard::AbsentFor { agent, grace_ms } => {
                let seats = self.store.seats(workspace, agent)?;
                let since = self.now_ms.saturating_sub(*grace_ms);
                Ok(!seats.present && seats.left_at_ms.is_none_or(|left| left <= since))
            }
        }
    }

    fn write(&mut self, item: Item) -> Result<Committed, LogError> {
        let workspace = &item.workspace;
        for seq in &item.erase {
            self.store.erase(workspace, *seq)?;
        }
        let committed = self.append(workspace, &item.events)?;
        for key in &item.keys {
            let seq = key.answers_event.map(|event| committed.first_seq + event as u64);
            self.store.add_key(workspace, key, seq)?;
        }
        for mention in &item.mentions {
            // A mention of an event that the item does not have, or outside a conversation, has no row to be in.
            if let Some(conversation) = item.events.get(mention.event).and_then(|it| it.conversation) {
                let seq = committed.first_seq + mention.event as u64;
                self.store.add_mention(workspace, (seq, conversation), mention)?;
            }
        }
        for seat in &item.seats {
            self.store.change_seat(workspace, seat, self.now_ms)?;
        }
        let last_seq = self.pending(workspace)?.head.seq;
        self.store
            .add_commit(workspace, item.commit, &Past { committed, last_seq })?;
        for state in item.states {
            let own = state.last_event.filter(|at| *at < item.events.len());
            let version = match own {
                Some(at) => committed.first_seq + at as u64,
                None if !item.events.is_empty() => last_seq,
                None => self.version(workspace, &state.aggregate)?,
            };
            self.pending(workspace)?
                .states
                .insert(state.aggregate.clone(), (version, state));
        }
        let pending = self.pending(workspace)?;
        pending
            .timers
            .extend(item.timers.into_iter().map(|it| (it.aggregate.clone(), it)));
        pending.marks.extend(
            item.marks
                .into_iter()
                .map(|it| ((it.agent.clone(), it.name.clone()), it)),
        );
        Ok(committed)
    }

    fn append(&mut self, workspace: &WorkspaceId, events: &[NewEvent]) -> Result<Committed, LogError> {
        let mut head = self.pending(workspace)?.head.clone();
        let first_seq = if events.is_empty() { head.seq } else { head.seq + 1 };
        for event in events {
            let seq = head.seq + 1;
            let digest = chain::digest(&event.salt, event.body.as_deref());
            let hash = chain::link(&head.hash, &Header::of(seq, event), &digest);
            self.store.add_event(
                workspace,
                &Numbered {
                    seq,
                    event,
                    digest,
                    hash,
                },
            )?;
            (head.seq, head.hash, head.at_ms) = (seq, hash, event.at_ms);
        }
        let hash = head.hash;
        if !events.is_empty() {
            let pending = self.pending(workspace)?;
            (pending.head, pending.advanced) = (head, true);
        }
        Ok(Committed { first_seq, hash })
    }

    fn flush(self) -> Result<(), LogError> {
        for (workspace, pending) in &self.pending {
            for (version, state) in pending.states.values() {
                self.store.put_state(workspace, state, *version)?;
            }
            for timer in pending.timers.values() {
                self.store.put_timer(workspace, timer)?;
            }
            for mark in pending.marks.values() {
                self.store.put_mark(workspace, mark)?;
            }
            if pending.advanced {
                self.store.put_head(workspace, &pending.head)?;
            }
            match pending.turn {
                // Only who has the turn can have appended: it has had it.
                (Some(_), _) if pending.advanced => self.store.put_turn(workspace, None)?,
                (turn, true) => self.store.put_turn(workspace, turn)?,
                (_, false) => {}
            }
        }
        Ok(())
    }
}

impl Pending {
    fn new(head: Head, turn: Option<Turn>) -> Self {
        Self {
            head,
            advanced: false,
            turn: (turn, false),
            states: Map::default(),
            timers: Map::default(),
            marks: Map::default(),
        }
    }
}

/// The key as it is stored, once its `seq` is known.
pub(super) fn stored_key(key: &NewKey, seq: Option<u64>) -> StoredKey {
    StoredKey {
        scope: key.scope.clone(),
        key: key.key.clone(),
        fingerprint: key.fingerprint,
        answer: key.answer.clone(),
        seq,
        at_ms: key.at_ms,
    }
}

/// A mention's body without its excerpt. What is no JSON object cannot be cleaned, so nothing of it stays.
pub(super) fn without_excerpt(body: &str) -> String {
    let mut fields: serde_json::Map<_, _> = serde_json::from_str(body).unwrap_or_default();
    if let Some(excerpt) = fields.get_mut("excerpt") {
        *excerpt = serde_json::Value::String(String::new());
    }
    serde_json::Value::Object(fields).to_string()
}

/// The events that a `redacted` event names.
pub(super) fn erased_by(event: &str) -> Vec<u64> {
    let event: serde_json::Value = serde_json::from_str(event).unwrap_or_default();
    let entries = event
        .pointer("/event/entries")
        .and_then(serde_json::Value::as_array);
    entries
        .into_iter()
        .flatten()
        .filter_map(serde_json::Value::as_u64)
        .collect()
}

/// The kind of events that say what was erased.
pub(super) const REDACTED: &str = "redacted";
