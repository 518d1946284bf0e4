//! Promises of the group commit, on a log in memory that can be held up and counts its transactions.

use super::*;
use crate::log::conformance::{TestClock, acme, committed, empty, item};
use crate::log::memory::MemoryLog;
use crate::log::*;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

/// A log whose commits wait for a permit each.
struct Gated {
    log: MemoryLog,
    gate: Semaphore,
    batches: Mutex<Vec<Vec<(String, usize)>>>,
    damaged: Option<WorkspaceId>,
}

impl Gated {
    fn new(damaged: Option<&str>) -> Arc<Self> {
        let log = MemoryLog::new(Arc::new(TestClock::default()));
        let damaged = damaged.map(|name| WorkspaceId::new(name).unwrap());
        Arc::new(Self {
            log,
            gate: Semaphore::new(0),
            batches: Mutex::default(),
            damaged,
        })
    }
}

macro_rules! forward {
    ($($name:ident($($arg:ident: $kind:ty),*) -> $out:ty;)*) => {
        $(fn $name<'a>(&'a self, $($arg: $kind),*) -> Reply<'a, $out> {
            self.log.$name($($arg),*)
        })*
    };
}

impl Log for Gated {
    fn commit(&self, items: Vec<Item>) -> Reply<'_, Vec<Outcome>> {
        Box::pin(async move {
            self.gate.acquire().await.unwrap().forget();
            let mut batch: Vec<(String, usize)> = Vec::new();
            for item in &items {
                match batch.last_mut() {
                    Some((name, count)) if name == item.workspace.as_str() => *count += 1,
                    _ => batch.push((item.workspace.to_string(), 1)),
                }
            }
            self.batches.lock().push(batch);
            match &self.damaged {
                Some(damaged) if items.iter().any(|it| it.workspace == *damaged) => {
                    Err(LogError::Corrupt("broken".to_owned()))
                }
                _ => self.log.commit(items).await,
            }
        })
    }
    fn workspaces(&self) -> Reply<'_, Vec<WorkspaceId>> {
        self.log.workspaces()
    }
    fn forget_keys(&self, now_ms: i64) -> Reply<'_, u64> {
        self.log.forget_keys(now_ms)
    }
    fn take_due(&self, now_ms: i64, visibility_ms: i64, limit: usize) -> Reply<'_, Due> {
        self.log.take_due(now_ms, visibility_ms, limit)
    }
    fn begin(&self, instance: Uuid, now_ms: i64, kept_ms: i64) -> Reply<'_, ()> {
        self.log.begin(instance, now_ms, kept_ms)
    }
    fn trouble(&self) -> Option<String> {
        self.log.trouble()
    }
    forward! {
        head(id: &'a WorkspaceId) -> Head;
        hash_at(id: &'a WorkspaceId, seq: u64) -> Option<[u8; 32]>;
        read(id: &'a WorkspaceId, place: Option<ConversationId>, range: Range) -> Vec<StoredEvent>;
        read_kind(id: &'a WorkspaceId, kind: &'a str, after: u64, limit: usize) -> Vec<StoredEvent>;
        states(id: &'a WorkspaceId, kind: AggregateKind, active: bool, after: Option<String>, limit: usize)
            -> Vec<StoredState>;
        state(id: &'a WorkspaceId, aggregate: &'a Aggregate) -> StoredState;
        owned(id: &'a WorkspaceId, kind: AggregateKind, owner: &'a str) -> Vec<StoredState>;
        key(id: &'a WorkspaceId, scope: &'a str, key: &'a str) -> Option<StoredKey>;
        mentions(id: &'a WorkspaceId, agent: &'a AgentId, before: u64, limit: usize) -> Vec<StoredMention>;
        unread_mentions(id: &'a WorkspaceId) -> Vec<StoredMention>;
        marks(id: &'a WorkspaceId) -> Vec<Mark>;
        verify(id: &'a WorkspaceId) -> Verified;
    }
}

fn of(workspace: &str, count: usize) -> Vec<Item> {
    let workspace = WorkspaceId::new(workspace).unwrap();
    let one = || Item {
        workspace: workspace.clone(),
        commit: Uuid::new_v4(),
        ..item(1)
    };
    (0..count).map(|_| one()).collect()
}

fn batch(parts: &[(&str, usize)]) -> Vec<(String, usize)> {
    parts
        .iter()
        .map(|(name, count)| ((*name).to_owned(), *count))
        .collect()
}

#[tokio::test]
async fn what_arrives_while_a_transaction_runs_goes_into_the_next() {
    let log = Gated::new(None);
    let group = GroupCommit::new(log.clone());
    let first = group.submit(of("acme", 2));
    tokio::task::yield_now().await;
    let second = group.submit(of("zeta", 1));
    let third = group.submit(of("acme", 3));
    let fourth = group.submit(of("beta", 1));
    log.gate.add_permits(2);
    let seqs = |outcomes: Vec<Outcome>| {
        outcomes
            .iter()
            .map(|it| committed(it).first_seq)
            .collect::<Vec<_>>()
    };
    assert_eq!(seqs(first.await.unwrap().unwrap()), [1, 2]);
    assert_eq!(seqs(third.await.unwrap().unwrap()), [3, 4, 5]);
    assert_eq!(seqs(second.await.unwrap().unwrap()), [1]);
    assert_eq!(seqs(fourth.await.unwrap().unwrap()), [1]);
    assert_eq!(
        *log.batches.lock(),
        [
            batch(&[("acme", 2)]),
            batch(&[("acme", 3), ("beta", 1), ("zeta", 1)])
        ]
    );
}

#[tokio::test]
async fn a_busy_workspace_leaves_room_for_the_others() {
    let log = Gated::new(None);
    let group = GroupCommit::new(log.clone());
    let busy = group.submit(of("busy", BATCH_BOUND * 2));
    let quiet = group.submit(of("quiet", 40));
    log.gate.add_permits(1);
    assert_eq!(quiet.await.unwrap().unwrap().len(), 40);
    log.gate.add_permits(9);
    assert_eq!(busy.await.unwrap().unwrap().len(), BATCH_BOUND * 2);
    let expected = [
        batch(&[("busy", BATCH_BOUND - 40), ("quiet", 40)]),
        batch(&[("busy", BATCH_BOUND)]),
        batch(&[("busy", 40)]),
    ];
    assert_eq!(*log.batches.lock(), expected);
}

#[test]
fn a_batch_begins_after_the_last_one_ended() {
    let mut queue = Queue::default();
    for name in ["a", "b", "c"] {
        let (reply, _) = oneshot::channel();
        let items: VecDeque<_> = of(name, 100).into();
        let submission = Submission {
            total: items.len(),
            items,
            outcomes: Vec::new(),
            reply,
        };
        queue.push(WorkspaceId::new(name).unwrap(), submission);
    }
    let mut draw = |bound| {
        queue
            .draw(bound)
            .into_keys()
            .map(|id| id.to_string())
            .collect::<String>()
    };
    assert_eq!([draw(TURN), draw(TURN * 2), draw(TURN * 2)], ["a", "bc", "ab"]);
}

#[tokio::test]
async fn dropping_all_handles_drains_what_was_submitted() {
    let log = Gated::new(None);
    let group = GroupCommit::new(log.clone());
    let first = group.submit(of("acme", 1));
    let clone = group.clone();
    drop(group);
    let second = clone.submit(of("acme", 1));
    drop(clone);
    log.gate.add_permits(2);
    assert!(first.await.unwrap().is_ok() && second.await.unwrap().is_ok());
}

#[tokio::test]
async fn a_failed_transaction_fails_what_was_in_it_and_no_more() {
    let log = Gated::new(None);
    let group = GroupCommit::new(log.clone());
    log.log.set_unavailable(Some("away".to_owned()));
    log.gate.add_permits(1);
    let away = Err(LogError::Unavailable("away".to_owned()));
    assert_eq!(group.submit(of("acme", 2)).await.unwrap(), away);
    log.log.set_unavailable(None);
    log.gate.add_permits(1);
    assert!(group.submit(of("acme", 1)).await.unwrap().is_ok());
    assert_eq!(group.submit(Vec::new()).await.unwrap(), Ok(Vec::new()));
}

#[tokio::test]
async fn a_damaged_workspace_does_not_stop_the_others() {
    let log = Gated::new(Some("broken"));
    let group = GroupCommit::new(log.clone());
    let (bad, good) = (group.submit(of("broken", 1)), group.submit(of("whole", 1)));
    log.gate.add_permits(9);
    assert!(matches!(bad.await.unwrap(), Err(LogError::Corrupt(_))));
    assert!(good.await.unwrap().is_ok());
}

#[tokio::test]
async fn above_its_bound_it_refuses_at_once() {
    let log = Gated::new(None);
    let group = GroupCommit::new(log.clone());
    let many = group.submit((0..WAITING_BOUND).map(|_| empty()).collect());
    let refused = group.submit(vec![empty()]).await.unwrap();
    assert!(matches!(refused, Err(LogError::Unavailable(_))));
    log.gate.add_permits(1_000);
    assert_eq!(many.await.unwrap().unwrap().len(), WAITING_BOUND);
    assert!(
        group
            .submit(vec![Item::new(acme(), Uuid::new_v4())])
            .await
            .unwrap()
            .is_ok()
    );
}
