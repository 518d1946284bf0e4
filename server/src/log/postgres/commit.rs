//! Commits: plan upon what is known, try the plan in one call of the server's function, plan anew where it failed.
//!
//! Nobody waits for this program while a workspace is locked: between two calls nothing is held. A plan fails only
//! when somebody else was faster, so that of all who try one always succeeds. Deliberately absent: what items mean.

use super::PostgresLog;
use super::facts::{self, Facts};
use super::link::Lane;
use super::plan::{self, Plan};
use super::read::ask;
use super::rows::{self, get};
use super::write::Columns;
use crate::log::batch::Past;
use crate::log::{Guard, Head, Item, LogError, Outcome};
use dibs_protocol::ids::WorkspaceId;
use std::collections::{BTreeMap, HashMap};
use std::mem;
use uuid::Uuid;

/// How often a workspace's items are planned before their caller is asked to come again.
const ATTEMPTS: usize = 100;

/// How many commits of its own an instance remembers at most, twice over.
const RECENT_BOUND: usize = 16_384;

/// How many workspaces' heads are remembered. Above it all are forgotten and read again.
const HEADS_BOUND: usize = 50_000;

/// The way in which a workspace stands, as last seen by this instance, and its own commits: where plans begin.
#[derive(Default)]
pub(super) struct Known {
    era: u64,
    heads: HashMap<WorkspaceId, (i64, Head)>,
    recent: HashMap<(i64, Uuid), Past>,
    older: HashMap<(i64, Uuid), Past>,
}

impl Known {
    fn past(&self, workspace: i64, commit: Uuid) -> Option<Past> {
        let place = (workspace, commit);
        self.recent
            .get(&place)
            .or_else(|| self.older.get(&place))
            .copied()
    }

    fn remember(&mut self, workspace: &WorkspaceId, id: i64, head: Head) {
        if self.heads.len() >= HEADS_BOUND {
            self.heads.clear();
        }
        self.heads.insert(workspace.clone(), (id, head));
    }

    fn committed(&mut self, workspace: i64, commit: Uuid, past: Past) {
        if self.recent.len() >= RECENT_BOUND {
            self.older = mem::take(&mut self.recent);
        }
        self.recent.insert((workspace, commit), past);
    }
}

/// One workspace's items with their places in the batch.
struct Group {
    workspace: WorkspaceId,
    items: Vec<Item>,
    places: Vec<usize>,
    /// What was read for them, once assuming did not do.
    facts: Option<Facts>,
}

struct Ready {
    group: Group,
    facts: Facts,
    plan: Plan,
}

impl PostgresLog {
    pub(super) async fn commit_all(&self, items: Vec<Item>) -> Result<Vec<Outcome>, LogError> {
        let mut outcomes: Vec<Option<Outcome>> = vec![None; items.len()];
        for part in parts(items) {
            let result = self.commit_part(part, &mut outcomes).await;
            *self.refused.lock() = match &result {
                Ok(()) => None,
                Err(LogError::Unavailable(why) | LogError::Corrupt(why)) => Some(why.clone()),
            };
            result?;
        }
        let lost = || LogError::Unavailable("an item was not answered".to_owned());
        outcomes
            .into_iter()
            .map(|outcome| outcome.ok_or_else(lost))
            .collect()
    }

    async fn commit_part(
        &self,
        mut groups: Vec<Group>,
        outcomes: &mut [Option<Outcome>],
    ) -> Result<(), LogError> {
        for _ in 0..ATTEMPTS {
            let mut ready = Vec::new();
            let mut unread = Vec::new();
            for group in groups {
                let Some((facts, plan)) = self.plan(&group)? else {
                    unread.push(group);
                    continue;
                };
                if facts.read && plan.is_idle() {
                    settle(group, plan.outcomes, outcomes);
                } else {
                    ready.push(Ready { group, facts, plan });
                }
            }
            groups = self.write(ready, outcomes).await?;
            groups.append(&mut unread);
            if groups.is_empty() {
                return Ok(());
            }
            self.read_facts(&mut groups).await?;
        }
        Err(LogError::Unavailable(
            "others write too much to the same workspace".to_owned(),
        ))
    }

    /// Plans a group upon what was read for it or, before that, upon what its items assume.
    fn plan(&self, group: &Group) -> Result<Option<(Facts, Plan)>, LogError> {
        let facts = group.facts.clone().or_else(|| {
            let mut known = self.known.lock();
            if known.era != self.link.era() {
                *known = Known {
                    era: self.link.era(),
                    ..Known::default()
                };
            }
            let (id, head) = known.heads.get(&group.workspace)?;
            Facts::assumed((*id, head), &group.items, |commit| known.past(*id, commit))
        });
        let Some(facts) = facts else { return Ok(None) };
        let plan = plan::plan(&facts, &group.items)?;
        Ok(plan.map(|plan| (facts, plan)))
    }

    async fn read_facts(&self, groups: &mut [Group]) -> Result<(), LogError> {
        let asked: Vec<_> = groups
            .iter()
            .map(|it| (&it.workspace, it.items.as_slice()))
            .collect();
        let now_ms = self.now_ms();
        let mut found = self
            .link
            .call(Lane::Write, async |client| {
                facts::read(client, now_ms, &asked).await
            })
            .await?;
        for group in groups {
            group.facts = found.remove(&group.workspace);
            let Some(facts) = &group.facts else {
                return Err(rows::corrupt("workspaces", &group.workspace, "it is missing"));
            };
            let mut known = self.known.lock();
            known.remember(&group.workspace, facts.id, facts.head.clone());
        }
        Ok(())
    }

    /// Tries these plans, settles those that were written, and returns the groups of the others.
    async fn write(
        &self,
        ready: Vec<Ready>,
        outcomes: &mut [Option<Outcome>],
    ) -> Result<Vec<Group>, LogError> {
        if ready.is_empty() {
            return Ok(Vec::new());
        }
        let heads = self.call_commit(&ready).await?;
        let mut stale = Vec::new();
        let mut known = self.known.lock();
        for Ready {
            mut group,
            facts,
            mut plan,
        } in ready
        {
            let Some((seq, hash)) = heads.get(&facts.id).copied().flatten() else {
                known.heads.remove(&group.workspace);
                group.facts = None;
                stale.push(group);
                continue;
            };
            // Where numbers do not depend on the head, they are those of the head at the time of writing.
            for outcome in &mut plan.outcomes {
                if let (Outcome::Committed(committed), false) = (outcome, plan.on_head) {
                    (committed.first_seq, committed.hash) = (seq, hash);
                }
            }
            for (commit, mut past) in plan.writes.commits {
                if !plan.on_head {
                    (past.committed.first_seq, past.committed.hash, past.last_seq) = (seq, hash, seq);
                }
                known.committed(facts.id, commit, past);
            }
            if plan.on_head {
                let head = plan.writes.head.unwrap_or(facts.head);
                known.remember(&group.workspace, facts.id, head);
            }
            settle(group, plan.outcomes, outcomes);
        }
        Ok(stale)
    }

    /// Calls `dibs_commit`: each workspace's head, or nothing where the plan was not written.
    async fn call_commit(&self, ready: &[Ready]) -> Result<BTreeMap<i64, Option<(u64, [u8; 32])>>, LogError> {
        let mut columns = Columns::default();
        for it in ready {
            columns.add(&it.group.workspace, &it.facts, &it.plan);
        }
        let now_ms = self.now_ms();
        let params = columns.params(&now_ms);
        let rows = self
            .link
            .call(Lane::Write, async |client| {
                ask(&*client, &self.commit_sql, &params).await
            })
            .await?;
        let mut heads = BTreeMap::new();
        for row in rows {
            let stale: bool = get(&row, "o_stale")?;
            let head = (rows::number(&row, "o_seq")?, rows::bytes(&row, "o_hash")?);
            heads.insert(get(&row, "o_ws")?, (!stale).then_some(head));
        }
        Ok(heads)
    }
}

/// The statement that commits: as many parameters as there are columns, and the clock.
pub(super) fn commit_sql() -> String {
    let count = Columns::default().params(&None).len();
    let params: Vec<String> = (1..=count).map(|number| format!("${number}")).collect();
    format!("SELECT * FROM dibs_commit({})", params.join(", "))
}

/// The items by workspace. A guard that asks for seats that the same batch changes waits for the next part.
fn parts(items: Vec<Item>) -> Vec<Vec<Group>> {
    let mut parts = Vec::new();
    let mut groups: BTreeMap<WorkspaceId, Group> = BTreeMap::new();
    for (place, item) in items.into_iter().enumerate() {
        let asks = |seats: &Group| {
            let changed = seats.items.iter().flat_map(|item| &item.seats);
            let mut guards = item.guards.iter().map(|Guard::AbsentFor { agent, .. }| agent);
            guards.any(|agent| changed.clone().any(|seat| seat.agent == *agent))
        };
        if !item.guards.is_empty() && groups.get(&item.workspace).is_some_and(asks) {
            parts.push(mem::take(&mut groups).into_values().collect());
        }
        let group = groups
            .entry(item.workspace.clone())
            .or_insert_with_key(|workspace| Group {
                workspace: workspace.clone(),
                items: Vec::new(),
                places: Vec::new(),
                facts: None,
            });
        group.items.push(item);
        group.places.push(place);
    }
    parts.push(groups.into_values().collect());
    parts
}

fn settle(group: Group, settled: Vec<Outcome>, outcomes: &mut [Option<Outcome>]) {
    for (place, outcome) in group.places.into_iter().zip(settled) {
        outcomes[place] = Some(outcome);
    }
}
