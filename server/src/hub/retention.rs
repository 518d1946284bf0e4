//! Retention: conversations that were closed long enough ago forget what is personal.
//!
//! A conversation's own deadline says when; here its entries are read, because its state does not list them, and the rules
//! decide anew whether it is still as it was read. Whichever instance commits first has done it. Deliberately absent: when
//! a conversation's time is over, and what is personal.

use super::item::{conversation_aggregate, parse_state};
use super::state::{Caller, Internal, What};
use super::workspace::Workspace;
use super::{Deps, Hub};
use crate::log::{
    Aggregate, AggregateKind, Expected, Item, LogError, NewState, Range, Snapshot, StoredEvent, StoredState,
    Timer,
};
use dibs_protocol::ids::{ConversationId, WorkspaceId};
use dibs_protocol::time::Time;
use dibs_rules::deadlines::{is_to_be_forgotten, next_deadline};
use dibs_rules::{Action, Conversation, Sender};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::time::{Duration, sleep};

/// Closed conversations whose timers are set at once.
const PAGE: usize = 500;
/// After a failure it is tried again so much later.
const AGAIN: Duration = Duration::from_secs(10);

impl Workspace {
    /// A deadline fired, and the rules had nothing to say: it is time to forget, or the timer was wrong, as after a change
    /// of the settings.
    pub(crate) fn nothing_due(&mut self, id: ConversationId) {
        let now = self.now();
        let settings = self.settings.rules.clone();
        let Some(entry) = self.conversations.get(&id).filter(|it| it.flights == 0) else {
            return;
        };
        let Some(state) = entry.committed.clone() else {
            return;
        };
        let kept = self.kept_with_survivor(&state, now);
        if kept.is_none() && is_to_be_forgotten(&state, &settings, now) {
            return self.read_outdated(id, state.version);
        }
        let due = kept.or_else(|| next_deadline(&state, &settings));
        // What is due and does nothing would come again at once: the log lets it rest for a while instead.
        if due.is_none_or(|at| at > now) {
            let item = retimed(&self.deps, &self.id, &state, due);
            self.enqueue(item, What::Nothing);
        }
    }

    fn read_outdated(&mut self, id: ConversationId, version: u64) {
        let (log, workspace) = (self.deps.log.clone(), self.id.clone());
        let range = Range {
            after: 0,
            up_to: version,
            limit: usize::MAX >> 1,
            newest: false,
        };
        let is_left = |it: &StoredEvent| !it.redacted && it.kind != "redacted";
        self.spawn(async move {
            let events = log.read(&workspace, Some(id), range).await;
            let entries = events.map(|all| all.iter().filter(|it| is_left(it)).map(|it| it.seq).collect());
            Internal::Outdated(id, version, entries)
        });
    }

    /// The entries of a conversation whose time is over have been read.
    pub(crate) fn outdated_read(
        &mut self,
        id: ConversationId,
        version: u64,
        entries: Result<Vec<u64>, LogError>,
    ) {
        match entries {
            Ok(entries) => {
                let action = Action::Retain { entries, version };
                self.execute(Caller::Nobody, Arc::new(Sender::System), Some(id), action);
            }
            // The timer is taken again.
            Err(error) => tracing::warn!(workspace = %self.id, %error, "an old conversation cannot be read"),
        }
    }
}

/// Sets a conversation's timer anew, if the conversation is still as it was read: who changes it meanwhile sets its timer
/// as well.
pub(super) fn retimed(deps: &Deps, workspace: &WorkspaceId, state: &Conversation, due: Option<Time>) -> Item {
    let mut item = item(deps, workspace);
    let aggregate = conversation_aggregate(state.id);
    let expected = Expected::Stored(state.version);
    item.expected.push((aggregate.clone(), expected));
    let due_ms = due.map(|at| at.0);
    item.timers.push(Timer { aggregate, due_ms });
    if let Some(due_ms) = due_ms {
        deps.timers.expect(due_ms);
    }
    item
}

/// For how long the closed conversations of a workspace are kept, as their timers have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    retain_closed_ms: i64,
}

impl Snapshot for Kept {
    fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// The aggregate that keeps it.
fn kept_aggregate() -> Aggregate {
    Aggregate {
        kind: AggregateKind::Settings,
        id: "retention".to_owned(),
    }
}

/// Sets the timers of conversations that were closed while nothing, or another time, was set. Those that close from now on
/// have theirs. Ends when that is done.
pub(super) async fn catch_up(hub: &Hub) {
    let deps = hub.deps();
    let Some(retain_closed_ms) = deps.options.settings.retain_closed_ms else {
        return;
    };
    let kept = Kept { retain_closed_ms };
    while let Err(error) = catch_up_all(deps, &kept).await {
        tracing::warn!(%error, "old conversations have to wait");
        sleep(AGAIN).await;
    }
}

async fn catch_up_all(deps: &Deps, kept: &Kept) -> Result<(), LogError> {
    for workspace in deps.log.workspaces().await? {
        let stored = deps.log.state(&workspace, &kept_aggregate()).await?;
        let before = stored
            .body
            .as_deref()
            .and_then(|it| serde_json::from_slice::<Kept>(it).ok());
        if before.as_ref() == Some(kept) {
            continue;
        }
        let mut after = None;
        loop {
            let closed = deps
                .log
                .states(&workspace, AggregateKind::Conversation, false, after, PAGE);
            let closed = closed.await?;
            retime_page(deps, &workspace, &closed).await?;
            after = closed.last().map(|it| it.aggregate.id.clone());
            if closed.len() < PAGE {
                break;
            }
        }
        let mut item = item(deps, &workspace);
        item.states.push(NewState {
            aggregate: kept_aggregate(),
            body: Some(Arc::new(kept.clone())),
            active: false,
            owner: None,
            last_event: None,
        });
        store(deps, vec![item]).await?;
    }
    Ok(())
}

async fn retime_page(deps: &Deps, workspace: &WorkspaceId, page: &[StoredState]) -> Result<(), LogError> {
    let mut items = Vec::new();
    for stored in page {
        let Some(state) = parse_state(stored)? else {
            continue;
        };
        let due = next_deadline(&state, &deps.options.settings);
        if due.is_some() {
            items.push(retimed(deps, workspace, &state, due));
        }
    }
    store(deps, items).await
}

fn item(deps: &Deps, workspace: &WorkspaceId) -> Item {
    let mut item = Item::new(workspace.clone(), deps.entropy.uuid(deps.clock.now_ms()));
    item.instance = deps.instance;
    item
}

async fn store(deps: &Deps, items: Vec<Item>) -> Result<(), LogError> {
    let stopping = || LogError::Unavailable("the runtime is shutting down".to_owned());
    deps.group.submit(items).await.map_err(|_| stopping())?.map(drop)
}
