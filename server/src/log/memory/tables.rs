//! What the log in memory keeps, as the store of a batch. Nothing here fails, so nothing is ever rolled back.

use crate::log::batch::{self, Numbered, Past, Seats, Store, Turn};
use crate::log::chain::{GENESIS, Hash};
use crate::log::{
    Aggregate, AggregateKind, Head, LogError, Mark, NewEvent, NewKey, NewMention, NewState, SeatChange,
    StoredEvent, StoredKey, StoredMention, StoredState, Timer,
};
use crate::maps::Map;
use dibs_protocol::ids::{AgentId, ConversationId, WorkspaceId};
use std::collections::BTreeMap;
use uuid::Uuid;

type Result<T> = std::result::Result<T, LogError>;

/// An event as it is kept. An erased one has no body and a salt of zeros.
pub(super) struct Row {
    pub event: NewEvent,
    pub digest: Hash,
    pub hash: Hash,
    pub redacted: bool,
}

impl Row {
    pub(super) fn read(&self, seq: u64) -> StoredEvent {
        let event = &self.event;
        StoredEvent {
            seq,
            at_ms: event.at_ms,
            conversation: event.conversation,
            kind: event.kind.to_owned(),
            actor: event.actor.clone(),
            event: event.body.as_ref().unwrap_or(&event.skeleton).clone(),
            redacted: self.redacted,
        }
    }
}

pub(super) struct State {
    pub version: u64,
    pub active: bool,
    pub owner: Option<String>,
    pub body: Option<Vec<u8>>,
}

struct Key {
    stored: StoredKey,
    keep_until_ms: i64,
    /// Counts keys in the order in which they were stored.
    n: u64,
}

pub(super) struct Wake {
    pub due_ms: i64,
    /// When it may be taken: when it is due, or later when somebody has taken it.
    pub wake_ms: i64,
}

struct Seat {
    generation: u64,
    at_ms: i64,
    left_at_ms: Option<i64>,
}

/// The leases of all instances: until when their seats count, by instance.
pub(super) type Leases = BTreeMap<Uuid, i64>;

/// All of one workspace.
pub(super) struct Feed {
    pub head: Head,
    pub events: BTreeMap<u64, Row>,
    pub states: BTreeMap<Aggregate, State>,
    keys: Map<String, Map<String, Key>>,
    keys_count: u64,
    pub timers: BTreeMap<Aggregate, Wake>,
    pub mentions: BTreeMap<(AgentId, u64), StoredMention>,
    pub marks: BTreeMap<(AgentId, String), String>,
    seats: BTreeMap<(AgentId, Uuid), Seat>,
    commits: Map<Uuid, Past>,
    turn: Option<Turn>,
}

impl Feed {
    fn new(epoch: Uuid) -> Self {
        Self {
            head: Head {
                epoch,
                seq: 0,
                hash: GENESIS,
                at_ms: 0,
            },
            events: BTreeMap::new(),
            states: BTreeMap::new(),
            keys: Map::default(),
            keys_count: 0,
            timers: BTreeMap::new(),
            mentions: BTreeMap::new(),
            marks: BTreeMap::new(),
            seats: BTreeMap::new(),
            commits: Map::default(),
            turn: None,
        }
    }

    /// Forgets the events above `seq` and the states that they left.
    #[cfg(test)]
    pub(super) fn lose_above(&mut self, seq: u64) {
        self.events.split_off(&(seq + 1));
        self.states.retain(|_, state| state.version <= seq);
        self.commits.retain(|_, past| past.last_seq <= seq);
        for keys in self.keys.values_mut() {
            keys.retain(|_, key| key.stored.seq.is_none_or(|it| it <= seq));
        }
        let last = self.events.last_key_value();
        let (hash, at_ms) = last.map_or((GENESIS, 0), |(_, row)| (row.hash, row.event.at_ms));
        (self.head.seq, self.head.hash, self.head.at_ms) = (seq, hash, at_ms);
    }

    pub(super) fn key(&self, scope: &str, key: &str) -> Option<StoredKey> {
        self.keys.get(scope)?.get(key).map(|key| key.stored.clone())
    }

    pub(super) fn read_up_to(&self, agent: &AgentId) -> u64 {
        let mark = self.marks.get(&(agent.clone(), "inbox".to_owned()));
        mark.and_then(|value| value.parse().ok()).unwrap_or_default()
    }

    pub(super) fn forget_keys(&mut self, kept: usize, now_ms: i64) -> u64 {
        let mut gone = 0;
        for keys in self.keys.values_mut() {
            let mut order: Vec<u64> = keys.values().map(|key| key.n).collect();
            order.sort_unstable_by(|a, b| b.cmp(a));
            if let Some(&newest_gone) = order.get(kept) {
                let before = keys.len();
                keys.retain(|_, key| key.n > newest_gone || key.keep_until_ms > now_ms);
                gone += (before - keys.len()) as u64;
            }
        }
        gone
    }

    pub(super) fn begin(&mut self, instance: Uuid, now_ms: i64, kept_ms: i64) {
        self.leave(0, |_, _| Some(now_ms));
        let since = now_ms.saturating_sub(kept_ms);
        self.seats
            .retain(|(_, at), seat| *at == instance || seat.left_at_ms.is_none_or(|left| left > since));
    }

    /// Seats are left as of the time that `when` names, and their agents' timers are set.
    fn leave(&mut self, grace_ms: i64, when: impl Fn(Uuid, &Seat) -> Option<i64>) {
        for ((agent, at), seat) in &mut self.seats {
            let Some(left_ms) = when(*at, seat).filter(|_| seat.left_at_ms.is_none()) else {
                continue;
            };
            seat.left_at_ms = Some(left_ms);
            let due_ms = left_ms.saturating_add(grace_ms);
            let agent = Aggregate {
                kind: AggregateKind::Agent,
                id: agent.as_str().to_owned(),
            };
            let wake_ms = due_ms;
            self.timers.insert(agent, Wake { due_ms, wake_ms });
        }
    }
}

/// All workspaces.
#[derive(Default)]
pub(super) struct Tables {
    pub feeds: BTreeMap<WorkspaceId, Feed>,
    /// The clock at the beginning of the request, from which a new feed's epoch is made.
    pub now_ms: i64,
    /// Where several instances share the log.
    pub leases: Option<Leases>,
}

impl Tables {
    /// Renews an instance's lease and gives up the seats under all lapsed ones. Whether its own had been given up.
    pub(super) fn renew(&mut self, instance: Uuid, lease_ms: i64, grace_ms: i64) -> bool {
        let now_ms = self.now_ms;
        let Some(leases) = &mut self.leases else {
            return false;
        };
        let until_ms = now_ms.saturating_add(lease_ms);
        let own = leases.insert(instance, until_ms);
        if own.is_some_and(|own_ms| own_ms <= now_ms) {
            let lapsed = leases.values_mut().filter(|it| **it <= now_ms);
            lapsed.for_each(|it| *it = until_ms);
            return false;
        }
        let live = |id: &Uuid| leases.get(id).is_some_and(|until_ms| *until_ms > now_ms);
        for feed in self.feeds.values_mut() {
            feed.leave(grace_ms, |id, seat| {
                (!live(&id)).then(|| leases.get(&id).copied().unwrap_or(seat.at_ms))
            });
        }
        leases.retain(|_, until_ms| *until_ms > now_ms);
        own.is_none()
    }

    /// The workspace's feed, which begins here when there is none. Its epoch is the same in each run of a simulation.
    pub(super) fn feed(&mut self, workspace: &WorkspaceId) -> &mut Feed {
        let (now_ms, count) = (
            u64::try_from(self.now_ms).unwrap_or_default(),
            self.feeds.len() as u64,
        );
        self.feeds.entry(workspace.clone()).or_insert_with(|| {
            let mut random = [0; 10];
            random[2..].copy_from_slice(&count.to_be_bytes());
            Feed::new(uuid::Builder::from_unix_timestamp_millis(now_ms, &random).into_uuid())
        })
    }

    pub(super) fn stored(&self, workspace: &WorkspaceId, aggregate: &Aggregate) -> StoredState {
        let state = self
            .feeds
            .get(workspace)
            .and_then(|feed| feed.states.get(aggregate));
        StoredState {
            aggregate: aggregate.clone(),
            version: state.map_or(0, |state| state.version),
            body: state.and_then(|state| state.body.clone()),
        }
    }
}

impl Store for Tables {
    fn head(&mut self, workspace: &WorkspaceId) -> Result<Head> {
        Ok(self.feed(workspace).head.clone())
    }

    fn past(&mut self, workspace: &WorkspaceId, commit: Uuid) -> Result<Option<Past>> {
        Ok(self.feed(workspace).commits.get(&commit).copied())
    }

    fn version(&mut self, workspace: &WorkspaceId, aggregate: &Aggregate) -> Result<u64> {
        Ok(self
            .feed(workspace)
            .states
            .get(aggregate)
            .map_or(0, |state| state.version))
    }

    fn state(&mut self, workspace: &WorkspaceId, aggregate: &Aggregate) -> Result<StoredState> {
        Ok(self.stored(workspace, aggregate))
    }

    fn key(&mut self, workspace: &WorkspaceId, scope: &str, key: &str) -> Result<Option<StoredKey>> {
        Ok(self.feed(workspace).key(scope, key))
    }

    fn seats(&mut self, workspace: &WorkspaceId, agent: &AgentId) -> Result<Seats> {
        let mut all = Seats::default();
        let now_ms = self.now_ms;
        let leases = self.leases.clone();
        let seats = self
            .feed(workspace)
            .seats
            .range((agent.clone(), Uuid::nil())..=(agent.clone(), Uuid::max()));
        for ((_, instance), seat) in seats {
            // A seat under a lapsed lease was left when that lapsed; one without a lease never counted.
            let until_ms = leases
                .as_ref()
                .map(|it| it.get(instance).copied().unwrap_or(seat.at_ms));
            let lapsed = until_ms.filter(|it| *it <= now_ms && seat.left_at_ms.is_none());
            all.present |= seat.left_at_ms.is_none() && lapsed.is_none();
            all.left_at_ms = all.left_at_ms.max(seat.left_at_ms).max(lapsed);
        }
        Ok(all)
    }

    fn add_event(&mut self, workspace: &WorkspaceId, new: &Numbered<'_>) -> Result<()> {
        let row = Row {
            event: new.event.clone(),
            digest: new.digest,
            hash: new.hash,
            redacted: false,
        };
        self.feed(workspace).events.insert(new.seq, row);
        Ok(())
    }

    fn add_key(&mut self, workspace: &WorkspaceId, key: &NewKey, seq: Option<u64>) -> Result<()> {
        let feed = self.feed(workspace);
        feed.keys_count += 1;
        let n = feed.keys_count;
        feed.keys
            .entry(key.scope.clone())
            .or_default()
            .entry(key.key.clone())
            .or_insert_with(|| Key {
                stored: batch::stored_key(key, seq),
                keep_until_ms: key.keep_until_ms,
                n,
            });
        Ok(())
    }

    fn add_mention(
        &mut self,
        workspace: &WorkspaceId,
        (seq, conversation): (u64, ConversationId),
        mention: &NewMention,
    ) -> Result<()> {
        let NewMention { agent, body, .. } = mention.clone();
        let stored = StoredMention {
            agent,
            seq,
            conversation,
            body,
        };
        self.feed(workspace)
            .mentions
            .insert((stored.agent.clone(), seq), stored);
        Ok(())
    }

    fn add_commit(&mut self, workspace: &WorkspaceId, commit: Uuid, past: &Past) -> Result<()> {
        self.feed(workspace).commits.insert(commit, *past);
        Ok(())
    }

    fn change_seat(&mut self, workspace: &WorkspaceId, change: &SeatChange, now_ms: i64) -> Result<()> {
        let seats = &mut self.feed(workspace).seats;
        let place = (change.agent.clone(), change.instance);
        if seats
            .get(&place)
            .is_none_or(|seat| change.generation > seat.generation)
        {
            let left_at_ms = (!change.present).then_some(now_ms);
            seats.insert(
                place,
                Seat {
                    generation: change.generation,
                    at_ms: now_ms,
                    left_at_ms,
                },
            );
        }
        Ok(())
    }

    fn erase(&mut self, workspace: &WorkspaceId, seq: u64) -> Result<()> {
        let feed = self.feed(workspace);
        if let Some(row) = feed.events.get_mut(&seq) {
            (row.event.body, row.event.salt, row.redacted) = (None, [0; 16], true);
        }
        for mention in feed.mentions.values_mut().filter(|mention| mention.seq == seq) {
            mention.body = batch::without_excerpt(&mention.body);
        }
        Ok(())
    }

    fn put_state(&mut self, workspace: &WorkspaceId, state: &NewState, version: u64) -> Result<()> {
        let stored = State {
            version,
            active: state.active,
            owner: state.owner.clone(),
            body: state.body.as_ref().map(|body| body.encode()),
        };
        self.feed(workspace)
            .states
            .insert(state.aggregate.clone(), stored);
        Ok(())
    }

    fn put_timer(&mut self, workspace: &WorkspaceId, timer: &Timer) -> Result<()> {
        let timers = &mut self.feed(workspace).timers;
        match timer.due_ms {
            Some(due_ms) => timers.insert(
                timer.aggregate.clone(),
                Wake {
                    due_ms,
                    wake_ms: due_ms,
                },
            ),
            None => timers.remove(&timer.aggregate),
        };
        Ok(())
    }

    fn put_mark(&mut self, workspace: &WorkspaceId, mark: &Mark) -> Result<()> {
        let marks = &mut self.feed(workspace).marks;
        let place = (mark.agent.clone(), mark.name.clone());
        match &mark.value {
            Some(value) => marks.insert(place, value.clone()),
            None => marks.remove(&place),
        };
        Ok(())
    }

    fn put_head(&mut self, workspace: &WorkspaceId, head: &Head) -> Result<()> {
        self.feed(workspace).head = head.clone();
        Ok(())
    }

    fn turn(&mut self, workspace: &WorkspaceId) -> Result<Option<Turn>> {
        Ok(self.feed(workspace).turn)
    }

    fn put_turn(&mut self, workspace: &WorkspaceId, turn: Option<Turn>) -> Result<()> {
        self.feed(workspace).turn = turn;
        Ok(())
    }
}
