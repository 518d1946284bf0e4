//! Threads that own what blocks: each takes the next request, a closure, and answers it. Knows nothing of SQL.

use crate::log::LogError;
use parking_lot::Mutex;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// How many requests may wait for a pool. Above it a request is answered `Unavailable` at once.
pub(super) const WAITING_BOUND: usize = 4_096;

/// What a thread owns.
pub(super) trait Worker: Send + 'static {
    /// After each request, answered or abandoned by a panic.
    fn rest(&mut self, panicked: bool);
}

type Job<W> = Box<dyn FnOnce(&mut W) + Send>;

/// A number of threads, each with a worker. Dropping it waits until what was asked is done.
pub(super) struct Pool<W> {
    jobs: Option<SyncSender<Job<W>>>,
    threads: Vec<JoinHandle<()>>,
}

impl<W: Worker> Pool<W> {
    pub(super) fn start(name: &str, workers: Vec<W>) -> std::io::Result<Self> {
        let (jobs, waiting) = sync_channel(WAITING_BOUND);
        let waiting = Arc::new(Mutex::new(waiting));
        let start = |worker| {
            let waiting = Arc::clone(&waiting);
            std::thread::Builder::new()
                .name(name.to_owned())
                .spawn(move || run(worker, &waiting))
        };
        let threads = workers.into_iter().map(start).collect::<Result<_, _>>()?;
        Ok(Self {
            jobs: Some(jobs),
            threads,
        })
    }

    /// Has a thread do it, and waits for its answer without blocking.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut W) -> Result<T, LogError> + Send + 'static,
    ) -> Result<T, LogError> {
        let (reply, answer) = oneshot::channel();
        let job: Job<W> = Box::new(move |worker| {
            let result = job(worker);
            // Who asked may have gone.
            drop(reply.send(result));
        });
        let unavailable = |reason: &str| LogError::Unavailable(reason.to_owned());
        let Some(jobs) = &self.jobs else {
            return Err(unavailable("the log is closed"));
        };
        jobs.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(_) => unavailable("too many requests are waiting"),
            TrySendError::Disconnected(_) => unavailable("the log has stopped"),
        })?;
        answer
            .await
            .map_err(|_| unavailable("the request was abandoned"))?
    }
}

impl<W> Drop for Pool<W> {
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the log panicked");
            }
        }
    }
}

fn run<W: Worker>(mut worker: W, waiting: &Mutex<Receiver<Job<W>>>) {
    loop {
        // One idle thread holds the lock while it waits; the others wait for the lock.
        let next = waiting.lock().recv();
        let Ok(job) = next else { return };
        let panicked = catch_unwind(AssertUnwindSafe(|| job(&mut worker))).is_err();
        worker.rest(panicked);
    }
}
