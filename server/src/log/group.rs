//! Group commit: what arrives while a transaction runs goes into the next one, fairly drawn between workspaces.
//!
//! Deliberately absent: storage, rules, retries of conflicts. One transaction is in flight at a time.

use super::{Item, Log, LogError, Outcome};
use dibs_protocol::ids::WorkspaceId;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{mpsc, oneshot};

/// Most items of one transaction. What is above waits for the next one.
pub const BATCH_BOUND: usize = 2_048;

/// Most items of one workspace that go before another workspace has its turn.
const TURN: usize = 32;

/// Most items that wait for a transaction. Above it a submission is answered `Unavailable` at once.
pub const WAITING_BOUND: usize = 65_536;

/// What became of a submission, later.
pub type Settled = oneshot::Receiver<Result<Vec<Outcome>, LogError>>;

type Answer = oneshot::Sender<Result<Vec<Outcome>, LogError>>;

struct Submission {
    items: VecDeque<Item>,
    outcomes: Vec<Outcome>,
    total: usize,
    reply: Answer,
}

/// A handle to the one task that commits. Dropping all handles ends it once everything submitted is settled.
#[derive(Clone)]
pub struct GroupCommit {
    submissions: mpsc::UnboundedSender<(WorkspaceId, Submission)>,
    waiting: Arc<AtomicUsize>,
}

impl std::fmt::Debug for GroupCommit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GroupCommit")
            .field("waiting", &self.waiting)
            .finish_non_exhaustive()
    }
}

impl GroupCommit {
    /// Starts the task that commits to `log`. Must be called within a tokio runtime.
    #[must_use]
    pub fn new(log: Arc<dyn Log>) -> Self {
        // Unbounded as a channel, bounded in items by `waiting`.
        let (submissions, arriving) = mpsc::unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        tokio::spawn(run(log, arriving, Arc::clone(&waiting)));
        Self { submissions, waiting }
    }

    /// Submits items of one workspace, which are committed in this order, after those submitted before.
    ///
    /// Above [`BATCH_BOUND`] items they may span several transactions. The answer is `Unavailable` when a transaction
    /// failed, or at once when [`WAITING_BOUND`] is reached.
    pub fn submit(&self, items: Vec<Item>) -> Settled {
        let (reply, settled) = oneshot::channel();
        let total = items.len();
        let Some(workspace) = items.first().map(|item| item.workspace.clone()) else {
            tell(reply, Ok(Vec::new()));
            return settled;
        };
        debug_assert!(
            items.iter().all(|item| item.workspace == workspace),
            "one workspace per submission"
        );
        if self.waiting.fetch_add(total, Ordering::AcqRel) >= WAITING_BOUND {
            self.waiting.fetch_sub(total, Ordering::AcqRel);
            let full = LogError::Unavailable("too many commits are waiting".to_owned());
            tell(reply, Err(full));
            return settled;
        }
        let submission = Submission {
            items: items.into(),
            outcomes: Vec::with_capacity(total),
            total,
            reply,
        };
        if let Err(refused) = self.submissions.send((workspace, submission)) {
            let (_, submission) = refused.0;
            self.waiting.fetch_sub(total, Ordering::AcqRel);
            let gone = LogError::Unavailable("the runtime is shutting down".to_owned());
            tell(submission.reply, Err(gone));
        }
        settled
    }
}

/// Answers a submission. A reply that nobody waits for any more is dropped.
fn tell(reply: Answer, result: Result<Vec<Outcome>, LogError>) {
    drop(reply.send(result));
}

async fn run(
    log: Arc<dyn Log>,
    mut arriving: mpsc::UnboundedReceiver<(WorkspaceId, Submission)>,
    waiting: Arc<AtomicUsize>,
) {
    let mut queue = Queue::default();
    loop {
        if queue.workspaces.is_empty() {
            match arriving.recv().await {
                Some((workspace, submission)) => queue.push(workspace, submission),
                None => return,
            }
        }
        while let Ok((workspace, submission)) = arriving.try_recv() {
            queue.push(workspace, submission);
        }
        let drawn = queue.draw(BATCH_BOUND);
        for (workspace, result) in commit(log.as_ref(), drawn).await {
            let settled = queue.settle(&workspace, result);
            waiting.fetch_sub(settled, Ordering::AcqRel);
        }
    }
}

type Drawn = BTreeMap<WorkspaceId, Vec<Item>>;
type Results = Vec<(WorkspaceId, Result<Vec<Outcome>, LogError>)>;

/// Commits what was drawn as one transaction. When something stored is damaged, each workspace goes alone, so that
/// one damaged feed does not stop the others; those that were stored after all are recognised by their commit ids.
async fn commit(log: &dyn Log, drawn: Drawn) -> Results {
    let sizes: Vec<_> = drawn
        .iter()
        .map(|(workspace, items)| (workspace.clone(), items.len()))
        .collect();
    let again = if sizes.len() > 1 {
        drawn.clone()
    } else {
        Drawn::new()
    };
    match checked(log, drawn.into_values().flatten().collect()).await {
        Ok(outcomes) => {
            let mut outcomes = outcomes.into_iter();
            sizes
                .into_iter()
                .map(|(id, size)| (id, Ok(outcomes.by_ref().take(size).collect())))
                .collect()
        }
        Err(LogError::Corrupt(_)) if sizes.len() > 1 => {
            let mut results = Vec::with_capacity(sizes.len());
            for (workspace, items) in again {
                results.push((workspace, checked(log, items).await));
            }
            results
        }
        Err(error) => sizes
            .into_iter()
            .map(|(id, _)| (id, Err(error.clone())))
            .collect(),
    }
}

async fn checked(log: &dyn Log, items: Vec<Item>) -> Result<Vec<Outcome>, LogError> {
    let asked = items.len();
    let outcomes = log.commit(items).await?;
    if outcomes.len() == asked {
        return Ok(outcomes);
    }
    Err(LogError::Unavailable(format!(
        "the log answered {} of {asked} items",
        outcomes.len()
    )))
}

/// What waits, by workspace.
#[derive(Default)]
struct Queue {
    workspaces: BTreeMap<WorkspaceId, VecDeque<Submission>>,
    /// Who had the last turn of the last batch: the next batch begins after it.
    last: Option<WorkspaceId>,
}

impl Queue {
    fn push(&mut self, workspace: WorkspaceId, submission: Submission) {
        self.workspaces
            .entry(workspace)
            .or_default()
            .push_back(submission);
    }

    /// Draws up to `bound` items: turns of [`TURN`] items, round robin, beginning after the last batch's last turn.
    fn draw(&mut self, bound: usize) -> Drawn {
        let after = self.last.take().map_or(Bound::Unbounded, Bound::Excluded);
        let later = self.workspaces.range((after.clone(), Bound::Unbounded));
        let mut turns: VecDeque<WorkspaceId> = later.map(|(id, _)| id.clone()).collect();
        if let Bound::Excluded(last) = after {
            turns.extend(self.workspaces.range(..=last).map(|(id, _)| id.clone()));
        }
        let mut drawn = Drawn::new();
        let mut room = bound;
        while room > 0
            && let Some(id) = turns.pop_front()
        {
            let items = self.take(&id, TURN.min(room));
            room -= items.len();
            if !items.is_empty() {
                self.last = Some(id.clone());
                drawn.entry(id.clone()).or_default().extend(items);
                turns.push_back(id);
            }
        }
        drawn
    }

    fn take(&mut self, workspace: &WorkspaceId, most: usize) -> Vec<Item> {
        let mut taken = Vec::new();
        for submission in self.workspaces.get_mut(workspace).into_iter().flatten() {
            let room = (most - taken.len()).min(submission.items.len());
            taken.extend(submission.items.drain(..room));
            if taken.len() == most {
                break;
            }
        }
        taken
    }

    /// Hands out what became of a workspace's drawn items. Returns how many items no longer wait.
    fn settle(&mut self, workspace: &WorkspaceId, result: Result<Vec<Outcome>, LogError>) -> usize {
        let Some(submissions) = self.workspaces.get_mut(workspace) else {
            return 0;
        };
        let mut settled = 0;
        match result {
            Ok(outcomes) => {
                let mut outcomes = outcomes.into_iter();
                while let Some(first) = submissions.front_mut() {
                    let open = first.total - first.outcomes.len();
                    first.outcomes.extend(outcomes.by_ref().take(open));
                    if first.outcomes.len() < first.total {
                        break;
                    }
                    settled += answer(submissions.pop_front(), Ok);
                }
            }
            // Only those that were drawn, wholly or in part, are concerned.
            Err(error) => {
                while submissions
                    .front()
                    .is_some_and(|it| it.items.len() + it.outcomes.len() < it.total)
                {
                    settled += answer(submissions.pop_front(), |_| Err(error.clone()));
                }
            }
        }
        if submissions.is_empty() {
            self.workspaces.remove(workspace);
        }
        settled
    }
}

fn answer(
    submission: Option<Submission>,
    result: impl FnOnce(Vec<Outcome>) -> Result<Vec<Outcome>, LogError>,
) -> usize {
    let Some(Submission {
        outcomes,
        total,
        reply,
        ..
    }) = submission
    else {
        return 0;
    };
    tell(reply, result(outcomes));
    total
}

#[cfg(test)]
mod tests;
