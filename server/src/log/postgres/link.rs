//! The way to the server: bounded pools, deadlines, and a gate that is shut while the server is away.
//!
//! The first request that finds the server away shuts the gate; from then on every request is answered `Unavailable`
//! at once, until a probe got through. Deliberately absent: retries of requests. Who asked knows whether to ask again.

use super::error::Failure;
use super::reach::Reach;
use super::{OpenError, schema};
use crate::log::LogError;
use deadpool_postgres::{
    ClientWrapper, Hook, HookError, Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime, Timeouts,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_postgres::Client;

/// A connection is made within this time, or not at all.
pub(super) const CONNECT: Duration = Duration::from_secs(3);

/// A request is answered within this time; its statement was given up by the server before.
const DEADLINE: Duration = Duration::from_secs(8);

/// How long after a failed probe the next one begins, at first and at most.
const PROBE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// Connections for what writes. One transaction of commits is in flight at a time; timers and leases go beside it.
const WRITERS: usize = 3;

/// Whether the server can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Gate {
    Open,
    /// A request failed, and a probe is under way: requests that have begun may still be answered.
    Doubted(String),
    /// A probe failed.
    Shut(String),
}

/// Which connections a request uses.
#[derive(Debug, Clone, Copy)]
pub(super) enum Lane {
    /// What writes shortly.
    Write,
    /// What reads, and long work.
    Read,
}

/// The pools and the gate before them.
#[derive(Clone)]
pub(super) struct Link {
    inner: Arc<Inner>,
}

struct Inner {
    writers: Pool,
    readers: Pool,
    gate: watch::Sender<Gate>,
    /// Counts how often the server came back: what was known of it before may be wrong.
    era: AtomicU64,
}

impl Link {
    /// The pools; nothing is connected yet.
    pub(super) fn new(reach: &Reach, schema: &str, readers: usize) -> Result<Self, OpenError> {
        Ok(Self {
            inner: Arc::new(Inner {
                writers: pool(reach, schema, WRITERS)?,
                readers: pool(reach, schema, readers)?,
                gate: watch::Sender::new(Gate::Open),
                era: AtomicU64::new(0),
            }),
        })
    }

    /// How often the server came back.
    pub(super) fn era(&self) -> u64 {
        self.inner.era.load(Ordering::Acquire)
    }

    /// Why nothing is asked at present.
    pub(super) fn trouble(&self) -> Option<String> {
        match &*self.inner.gate.borrow() {
            Gate::Open => None,
            Gate::Doubted(why) | Gate::Shut(why) => Some(why.clone()),
        }
    }

    /// Runs a request on a connection. Its answer is uncertain when it is `Unavailable`.
    pub(super) async fn call<T>(
        &self,
        lane: Lane,
        work: impl AsyncFnOnce(&mut Object) -> Result<T, Failure>,
    ) -> Result<T, LogError> {
        if let Some(why) = self.trouble() {
            return Err(LogError::Unavailable(why));
        }
        let mut gate = self.inner.gate.subscribe();
        let pool = match lane {
            Lane::Write => &self.inner.writers,
            Lane::Read => &self.inner.readers,
        };
        let asked = async {
            let mut client = pool.get().await?;
            match timeout(DEADLINE, work(&mut client)).await {
                Ok(answer) => answer,
                Err(_) => {
                    // Its answer may still come: nobody else may get that connection.
                    drop(Object::take(client));
                    Err(Failure::Deadline)
                }
            }
        };
        let answer = tokio::select! {
            answer = asked => answer,
            why = shut(&mut gate) => return Err(LogError::Unavailable(why)),
        };
        answer.map_err(|failure| {
            let lost = failure.is_lost();
            let error = LogError::from(failure);
            if let (true, LogError::Unavailable(why)) = (lost, &error) {
                self.doubt(why.clone());
            }
            error
        })
    }

    /// Shuts the gate to new requests and probes the server, unless that is under way.
    fn doubt(&self, why: String) {
        let first = self.inner.gate.send_if_modified(|gate| {
            let first = *gate == Gate::Open;
            if first {
                tracing::warn!(why, "PostgreSQL is doubted");
                *gate = Gate::Doubted(why);
            }
            first
        });
        if first {
            let inner = Arc::downgrade(&self.inner);
            tokio::spawn(async move {
                let mut wait = PROBE.0;
                loop {
                    let Some(inner) = inner.upgrade() else { return };
                    if inner.probe().await {
                        return;
                    }
                    drop(inner);
                    sleep(wait).await;
                    wait = (wait * 2).min(PROBE.1);
                }
            });
        }
    }
}

/// Ready once a probe has failed.
async fn shut(gate: &mut watch::Receiver<Gate>) -> String {
    match gate
        .wait_for(|gate| matches!(gate, Gate::Shut(_)))
        .await
        .as_deref()
    {
        Ok(Gate::Shut(why) | Gate::Doubted(why)) => why.clone(),
        Ok(Gate::Open) | Err(_) => "PostgreSQL is away".to_owned(),
    }
}

impl Inner {
    /// Asks the server for anything on a fresh connection, and opens the gate when it answers.
    async fn probe(&self) -> bool {
        // Connections from before may be as dead as the one that failed.
        for pool in [&self.writers, &self.readers] {
            pool.retain(|_, _| false);
        }
        let ask = async {
            let writer = self.writers.get().await?;
            writer.simple_query("SELECT 1").await?;
            Ok::<_, Failure>(())
        };
        let answer = timeout(CONNECT * 2, ask).await.unwrap_or(Err(Failure::Deadline));
        match answer {
            Ok(()) => {
                self.era.fetch_add(1, Ordering::AcqRel);
                tracing::info!("PostgreSQL answers again");
                self.gate.send_replace(Gate::Open);
                true
            }
            Err(failure) => {
                let (LogError::Unavailable(why) | LogError::Corrupt(why)) = LogError::from(failure);
                self.gate.send_if_modified(|gate| {
                    let news = !matches!(gate, Gate::Shut(_));
                    if news {
                        tracing::error!(why, "PostgreSQL is away: nothing can be stored or read");
                    }
                    *gate = Gate::Shut(why);
                    news
                });
                false
            }
        }
    }
}

/// A connection outside the pools, prepared like theirs.
pub(super) async fn connect(reach: &Reach, schema: &str) -> Result<Client, OpenError> {
    let late = |_| OpenError::Unusable("it does not answer".to_owned());
    let unusable = |error| OpenError::Unusable(super::error::describe(&error));
    let made = timeout(CONNECT * 2, reach.dial()).await;
    let (client, _) = made.map_err(late)?.map_err(unusable)?;
    timeout(DEADLINE, schema::prepare(&client, schema))
        .await
        .map_err(late)??;
    Ok(client)
}

fn pool(reach: &Reach, schema: &str, size: usize) -> Result<Pool, OpenError> {
    let fast = ManagerConfig {
        recycling_method: RecyclingMethod::Fast,
    };
    let manager = Manager::from_connect(reach.config(), reach.clone(), fast);
    let schema: Arc<str> = schema.into();
    let prepare = Hook::async_fn(move |client: &mut ClientWrapper, _| {
        let schema = Arc::clone(&schema);
        Box::pin(async move {
            match timeout(CONNECT, schema::prepare(client, &schema)).await {
                Ok(prepared) => prepared.map_err(|error| HookError::message(error.to_string())),
                Err(_) => Err(HookError::message("PostgreSQL does not answer")),
            }
        })
    });
    Pool::builder(manager)
        .max_size(size)
        .runtime(Runtime::Tokio1)
        .timeouts(Timeouts {
            wait: Some(DEADLINE),
            create: Some(CONNECT),
            recycle: Some(CONNECT),
        })
        .post_create(prepare)
        .build()
        .map_err(|error| OpenError::Unusable(error.to_string()))
}
