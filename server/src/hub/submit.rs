//! What was decided, on its way to the log: gathered, handed over together, one submission at a time.
//! What becomes of it is dealt with elsewhere.

use super::state::{Flight, What};
use super::workspace::Workspace;
use crate::log::{Expected, Item, LogError, Outcome};
use crate::seeded::{Bug, seeded};
use tokio::sync::oneshot;
use tokio::time::{Duration, Instant};
use uuid::Uuid;

/// Items of one submission to the log.
const ITEMS_PER_SUBMISSION: usize = 1_024;
/// An instance that lost against another one asks for the workspace's turn with each submission, until it has not lost for
/// so long, in milliseconds: where several are busy, they then alternate instead of racing.
const RIVALRY_MS: u64 = 500;
/// How long the others wait at most for an instance that has the turn, in milliseconds.
const TURN_MS: i64 = 1_000;
/// After a submission the next one waits so long for company, so that one flush serves several when it is busy; the first
/// after a quiet spell goes at once.
const SUBMIT_GATHER: Duration = Duration::from_millis(4);
/// With so many items a submission has company enough, and with fewer than so many it has none.
const SUBMIT_COMPANY: usize = 32;
const LEAST_COMPANY: usize = 4;

/// The log's answer to a submission, later.
pub(super) type Settling = oneshot::Receiver<Result<Vec<Outcome>, LogError>>;

impl Workspace {
    /// Hands what was decided to the log, unless something is on its way already.
    pub(super) fn submit(&mut self) {
        let waits = self.not_before_ms.is_some_and(|it| self.uptime_ms() < it);
        if self.catching_up && !self.following && !self.batch.is_empty() {
            // The head could not be read: now it can, or nobody waits for it.
            self.follow();
        }
        if self.settling.is_some() || self.batch.is_empty() || self.catching_up || waits {
            return;
        }
        self.not_before_ms = None;
        let now = Instant::now();
        let gathers = now < self.gather_until && self.company.is_expected();
        // As many as last time are all who are at work: nobody else is worth waiting for.
        let company = self.submitted.clamp(LEAST_COMPANY, SUBMIT_COMPANY);
        if gathers && self.batch.len() < company && !self.closing {
            return;
        }
        self.gather_until = now + SUBMIT_GATHER;
        let count = self.batch.len().min(ITEMS_PER_SUBMISSION);
        self.submitted = count;
        let (mut items, flights): (Vec<Item>, Vec<Flight>) = self.batch.drain(..count).unzip();
        let now_ms = self.uptime_ms();
        if self.outrun_ms.is_some_and(|it| now_ms < it + RIVALRY_MS) {
            items[0].turn_ms = Some(TURN_MS);
        }
        self.settling = Some((self.deps.group.submit(items), flights));
    }

    /// Whether the log is at work for this workspace.
    pub(crate) fn is_submitted(&self) -> bool {
        self.settling.is_some()
    }

    /// Whether nothing is on its way to the log.
    pub(crate) fn is_settled(&self) -> bool {
        self.settling.is_none() && self.batch.is_empty()
    }

    /// Adds an item to the next submission.
    pub(crate) fn enqueue(&mut self, mut item: Item, what: What) {
        item.instance = self.deps.instance;
        if item.events.iter().any(|it| it.kind == "conversation_opened") && seeded(Bug::IngestWithoutCustomer)
        {
            // The number of the first event would give the bug away as well.
            self.next_seq += item.events.len() as u64;
        } else if !item.events.is_empty() {
            item.first_seq = Some(self.next_seq);
            self.next_seq += item.events.len() as u64;
            // Others' events may fill exactly the numbers of an item that fails: what comes after it must fail, too.
            let before = self
                .last_item
                .replace(item.commit)
                .filter(|_| self.deps.log.is_shared());
            if let Some(before) = before.filter(|it| self.flight(*it).is_some()) {
                item.expected
                    .push((super::item::feed_aggregate(), Expected::After(before)));
            }
        }
        let flight = Flight {
            commit: item.commit,
            what,
            events: if self.deps.log.is_shared() {
                item.events.clone()
            } else {
                Vec::new()
            },
            after: Vec::new(),
        };
        self.batch.push_back((item, flight));
    }

    /// Which of these commits is stored last, of those that are still on their way.
    pub(crate) fn last_of(&self, commits: &[Uuid]) -> Option<Uuid> {
        let flying = self.settling.iter().flat_map(|(_, flights)| flights);
        let all = flying.chain(self.batch.iter().map(|(_, flight)| flight));
        all.map(|it| it.commit).rfind(|it| commits.contains(it))
    }

    /// The flight with this commit id, if it is still on its way.
    pub(crate) fn flight(&mut self, commit: Uuid) -> Option<&mut Flight> {
        let waiting = self.batch.iter_mut().map(|(_, flight)| flight);
        let flying = self
            .settling
            .iter_mut()
            .flat_map(|(_, flights)| flights.iter_mut());
        // The wanted one is mostly among the latest.
        waiting
            .rev()
            .find(|it| it.commit == commit)
            .or_else(|| flying.rev().find(|it| it.commit == commit))
    }
}

/// Waits for the submission that is under way; for ever when there is none.
pub(super) async fn settled(
    settling: &mut Option<(Settling, Vec<Flight>)>,
) -> Result<Vec<Outcome>, LogError> {
    match settling {
        Some((outcome, _)) => {
            let gone = || LogError::Unavailable("the log has stopped".to_owned());
            outcome.await.unwrap_or_else(|_| Err(gone()))
        }
        None => std::future::pending().await,
    }
}
