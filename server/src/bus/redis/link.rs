//! One connection to one node, for ever: connect, prove that messages come back, subscribe, carry, and begin again.
//!
//! One task owns the connection. It is up only once a probe that it published has come back, and it counts as lost as
//! soon as a probe does not, whatever else still seems to work. Deliberately absent: which node (`supervisor`).

use super::Shared;
use super::backoff::Backoff;
use super::options::Node;
use super::outgoing::Outgoing;
use super::session::Session;
use dibs_protocol::ids::WorkspaceId;
use parking_lot::Mutex;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::counters::add;

/// A connection, as others see it.
pub(super) struct Link {
    /// Where it leads.
    pub(super) node: Node,
    /// What is to be sent over it.
    pub(super) outgoing: Outgoing,
    touched: Mutex<Touched>,
    wake: Notify,
    trouble: Mutex<Option<String>>,
    /// Whether its failure is in the log already.
    complained: AtomicBool,
}

/// The workspaces whose subscription may have to begin or end.
#[derive(Default)]
pub(super) struct Touched {
    /// All of them.
    pub(super) all: bool,
    /// These.
    pub(super) some: HashSet<WorkspaceId>,
}

impl Link {
    /// A connection that is not there yet.
    pub(super) fn new(node: Node) -> Self {
        Self {
            node,
            outgoing: Outgoing::default(),
            touched: Mutex::default(),
            wake: Notify::new(),
            trouble: Mutex::new(Some("not connected yet".to_owned())),
            complained: AtomicBool::new(false),
        }
    }

    /// The subscription of this workspace may have to begin or end.
    pub(super) fn touch(&self, workspace: WorkspaceId) {
        self.touched.lock().some.insert(workspace);
        self.wake.notify_one();
    }

    /// Any subscription may have to begin or end.
    pub(super) fn touch_all(&self) {
        self.touched.lock().all = true;
        self.wake.notify_one();
    }

    /// Waits until something was touched. Nothing is lost when it is not awaited to its end.
    pub(super) async fn touched(&self) -> Touched {
        loop {
            let touched = self.take_touched();
            if touched.all || !touched.some.is_empty() {
                return touched;
            }
            self.wake.notified().await;
        }
    }

    /// What was touched up to now.
    pub(super) fn take_touched(&self) -> Touched {
        std::mem::take(&mut *self.touched.lock())
    }

    /// Why messages do not get through.
    pub(super) fn trouble(&self) -> Option<String> {
        self.trouble.lock().clone()
    }

    /// Says why messages do not get through, or that they do.
    pub(super) fn set_trouble(&self, trouble: Option<String>) {
        let complained = self.complained.swap(trouble.is_some(), Ordering::Relaxed);
        match &trouble {
            Some(reason) if !complained => {
                tracing::warn!(node = %self.node, reason, "redis does not carry messages");
            }
            Some(reason) => tracing::debug!(node = %self.node, reason, "redis still does not carry messages"),
            None if complained => tracing::info!(node = %self.node, "redis carries messages again"),
            None => {}
        }
        *self.trouble.lock() = trouble;
    }
}

/// Keeps a connection. Never ends by itself.
pub(super) async fn run(shared: Arc<Shared>, link: Arc<Link>) {
    let mut backoff = Backoff::default();
    loop {
        let reason = match Session::start(&shared, &link).await {
            Ok(session) => {
                let since = Instant::now();
                let reason = keep(&shared, &link, session).await;
                if since.elapsed() > shared.options.probe {
                    backoff.reset();
                }
                reason
            }
            Err(reason) => reason,
        };
        link.set_trouble(Some(reason));
        shared.refresh.notify_one();
        backoff.wait().await;
    }
}

/// Lives through a session. Returns why it ended.
async fn keep(shared: &Shared, link: &Link, mut session: Session<'_>) -> String {
    link.outgoing.open();
    link.set_trouble(None);
    let reason = session.run().await;
    let dropped = link.outgoing.close();
    add(&shared.counters.dropped, dropped);
    add(&shared.counters.reconnects, 1);
    for workspace in session.subscribed() {
        shared.doubt(workspace);
    }
    reason
}
