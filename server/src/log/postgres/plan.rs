//! What becomes of a workspace's items upon certain facts, and what must be written and still be true for that.
//!
//! `batch` decides; this is its store. Nothing is read or written here: a plan is tried by `dibs_commit`.

use super::facts::Facts;
use crate::log::batch::{self, Numbered, Past, Seats, Store, Turn};
use crate::log::chain::Hash;
use crate::log::{
    Aggregate, Expected, Guard, Head, Item, LogError, Mark, NewEvent, NewKey, NewMention, NewState, Outcome,
    SeatChange, StoredKey, StoredMention, StoredState, Timer,
};
use dibs_protocol::ids::{AgentId, ConversationId, WorkspaceId};
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use uuid::Uuid;

type Result<T> = std::result::Result<T, LogError>;

/// An event to be written.
pub(super) struct PlannedEvent {
    pub seq: u64,
    pub event: NewEvent,
    pub digest: Hash,
    pub hash: Hash,
    /// Erased by the same batch that appends it.
    pub erased: bool,
}

/// A version that must still be within bounds when the plan is written.
pub(super) struct Bounds {
    pub aggregate: Aggregate,
    pub least: u64,
    pub most: u64,
}

/// What becomes of a workspace's items.
pub(super) struct Plan {
    pub outcomes: Vec<Outcome>,
    pub writes: Writes,
    pub bounds: Vec<Bounds>,
    /// Agents who must have been absent for so long, in milliseconds.
    pub absent: Vec<(AgentId, i64)>,
    /// Who asks for the turn, and for how long, in milliseconds.
    pub turn: Option<(Uuid, i64)>,
    /// Whether numbers depend on the head.
    pub on_head: bool,
    /// Which instances append events: nobody else may have the turn.
    pub appending: HashSet<Uuid>,
}

/// What is to be written.
#[derive(Default)]
pub(super) struct Writes {
    pub events: Vec<PlannedEvent>,
    pub commits: Vec<(Uuid, Past)>,
    pub keys: Vec<(StoredKey, i64)>,
    pub mentions: BTreeMap<(AgentId, u64), (ConversationId, String)>,
    pub seats: BTreeMap<(AgentId, Uuid), SeatChange>,
    pub states: Vec<(u64, NewState)>,
    pub timers: Vec<Timer>,
    pub marks: Vec<Mark>,
    pub erased: Vec<u64>,
    pub head: Option<Head>,
}

/// Plans the items upon these facts. `None` when the facts were assumed and do not suffice, or not all goes well:
/// what is refused is refused upon what was read.
pub(super) fn plan(facts: &Facts, items: &[Item]) -> Result<Option<Plan>> {
    let mut planner = Planner {
        facts,
        writes: Writes::default(),
        pasts: HashMap::new(),
        keys: HashMap::new(),
        missing: false,
    };
    let outcomes = batch::run(&mut planner, items.to_vec(), facts.now_ms)?;
    let all = outcomes
        .iter()
        .all(|outcome| matches!(outcome, Outcome::Committed(_)));
    if !facts.read && (planner.missing || !all) {
        return Ok(None);
    }
    let writes = planner.writes;
    let mut plan = Plan {
        outcomes,
        on_head: !writes.events.is_empty(),
        writes,
        bounds: Vec::new(),
        absent: Vec::new(),
        turn: None,
        appending: HashSet::new(),
    };
    plan.require(facts, items);
    Ok(Some(plan))
}

impl Plan {
    /// Whether nothing needs to be written: the answers follow from what was read.
    pub(super) fn is_idle(&self) -> bool {
        self.writes.commits.is_empty() && self.turn.is_none()
    }

    /// Gathers what must still be true for what is to be committed.
    fn require(&mut self, facts: &Facts, items: &[Item]) {
        let mut written = HashSet::new();
        for (item, outcome) in items.iter().zip(&self.outcomes) {
            if let (Some(turn_ms), false) = (item.turn_ms, matches!(outcome, Outcome::Repeated(_))) {
                let (holder, _) = self.turn.unwrap_or((item.instance, 0));
                if holder == item.instance {
                    self.turn = Some((holder, turn_ms));
                }
            }
            if !matches!(outcome, Outcome::Committed(_)) {
                continue;
            }
            self.on_head |= item.first_seq.is_some();
            if !item.events.is_empty() {
                self.appending.insert(item.instance);
            }
            for (aggregate, expected) in &item.expected {
                if written.contains(aggregate) {
                    continue;
                }
                let (least, most) = match expected {
                    Expected::Stored(version) => (*version, *version),
                    // One of this batch is the newest of all.
                    Expected::After(commit) => {
                        (0, facts.pasts.get(commit).map_or(u64::MAX, |past| past.last_seq))
                    }
                };
                let aggregate = aggregate.clone();
                self.bounds.push(Bounds {
                    aggregate,
                    least,
                    most,
                });
            }
            for state in &item.states {
                if written.insert(&state.aggregate) && item.events.is_empty() {
                    let aggregate = state.aggregate.clone();
                    let version = facts.versions.get(&aggregate).copied().unwrap_or_default();
                    self.bounds.push(Bounds {
                        aggregate,
                        least: version,
                        most: version,
                    });
                }
            }
            for Guard::AbsentFor { agent, grace_ms } in &item.guards {
                self.absent.push((agent.clone(), *grace_ms));
            }
        }
    }
}

struct Planner<'a> {
    facts: &'a Facts,
    writes: Writes,
    /// What this batch commits.
    pasts: HashMap<Uuid, Past>,
    /// The keys that this batch stores.
    keys: HashMap<(String, String), StoredKey>,
    /// Whether something was asked that the facts do not say.
    missing: bool,
}

impl Store for Planner<'_> {
    fn head(&mut self, _: &WorkspaceId) -> Result<Head> {
        Ok(self.facts.head.clone())
    }

    fn past(&mut self, _: &WorkspaceId, commit: Uuid) -> Result<Option<Past>> {
        let past = self.pasts.get(&commit).or_else(|| self.facts.pasts.get(&commit));
        Ok(past.copied())
    }

    fn version(&mut self, _: &WorkspaceId, aggregate: &Aggregate) -> Result<u64> {
        let version = self.facts.versions.get(aggregate).copied();
        self.missing |= version.is_none();
        Ok(version.unwrap_or_default())
    }

    fn state(&mut self, workspace: &WorkspaceId, aggregate: &Aggregate) -> Result<StoredState> {
        self.missing |= !self.facts.read;
        if let Some(state) = self.facts.states.get(aggregate) {
            return Ok(state.clone());
        }
        Ok(StoredState {
            aggregate: aggregate.clone(),
            version: self.version(workspace, aggregate)?,
            body: None,
        })
    }

    fn key(&mut self, _: &WorkspaceId, scope: &str, key: &str) -> Result<Option<StoredKey>> {
        let place = (scope.to_owned(), key.to_owned());
        let key = self.keys.get(&place).or_else(|| self.facts.keys.get(&place));
        Ok(key.cloned())
    }

    fn seats(&mut self, _: &WorkspaceId, agent: &AgentId) -> Result<Seats> {
        Ok(self.facts.seats.get(agent).copied().unwrap_or_default())
    }

    fn add_event(&mut self, _: &WorkspaceId, new: &Numbered<'_>) -> Result<()> {
        self.writes.events.push(PlannedEvent {
            seq: new.seq,
            event: new.event.clone(),
            digest: new.digest,
            hash: new.hash,
            erased: false,
        });
        Ok(())
    }

    fn add_key(&mut self, _: &WorkspaceId, key: &NewKey, seq: Option<u64>) -> Result<()> {
        if let Entry::Vacant(place) = self.keys.entry((key.scope.clone(), key.key.clone())) {
            let stored = batch::stored_key(key, seq);
            place.insert(stored.clone());
            self.writes.keys.push((stored, key.keep_until_ms));
        }
        Ok(())
    }

    fn add_mention(
        &mut self,
        _: &WorkspaceId,
        (seq, conversation): (u64, ConversationId),
        mention: &NewMention,
    ) -> Result<()> {
        let place = (mention.agent.clone(), seq);
        self.writes
            .mentions
            .insert(place, (conversation, mention.body.clone()));
        Ok(())
    }

    fn add_commit(&mut self, _: &WorkspaceId, commit: Uuid, past: &Past) -> Result<()> {
        self.pasts.insert(commit, *past);
        self.writes.commits.push((commit, *past));
        Ok(())
    }

    /// The log's clock is only known when this is written; of several changes the newest counts.
    fn change_seat(&mut self, _: &WorkspaceId, seat: &SeatChange, _: i64) -> Result<()> {
        let place = (seat.agent.clone(), seat.instance);
        let newest = self.writes.seats.entry(place).or_insert_with(|| seat.clone());
        if seat.generation > newest.generation {
            *newest = seat.clone();
        }
        Ok(())
    }

    fn erase(&mut self, _: &WorkspaceId, seq: u64) -> Result<()> {
        if let Some(event) = self.writes.events.iter_mut().find(|event| event.seq == seq) {
            event.erased = true;
        } else if seq <= self.facts.head.seq {
            self.writes.erased.push(seq);
        }
        for StoredMention {
            agent,
            conversation,
            body,
            ..
        } in self.facts.mentions.iter().filter(|it| it.seq == seq)
        {
            let place = (agent.clone(), seq);
            self.writes
                .mentions
                .entry(place)
                .or_insert_with(|| (*conversation, body.clone()));
        }
        for (_, (_, body)) in self.writes.mentions.iter_mut().filter(|((_, at), _)| *at == seq) {
            *body = batch::without_excerpt(body);
        }
        Ok(())
    }

    fn put_state(&mut self, _: &WorkspaceId, state: &NewState, version: u64) -> Result<()> {
        self.writes.states.push((version, state.clone()));
        Ok(())
    }

    fn put_timer(&mut self, _: &WorkspaceId, timer: &Timer) -> Result<()> {
        self.writes.timers.push(timer.clone());
        Ok(())
    }

    fn put_mark(&mut self, _: &WorkspaceId, mark: &Mark) -> Result<()> {
        self.writes.marks.push(mark.clone());
        Ok(())
    }

    fn put_head(&mut self, _: &WorkspaceId, head: &Head) -> Result<()> {
        self.writes.head = Some(head.clone());
        Ok(())
    }

    fn turn(&mut self, _: &WorkspaceId) -> Result<Option<Turn>> {
        Ok(self.facts.turn)
    }
}
