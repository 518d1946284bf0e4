//! The bus between processes, over Redis: one server, a primary behind sentinels, or a Cluster with sharded channels.
//!
//! Who is in the same process hears a message at once, without Redis. What Redis loses, nobody waits for: on every sign
//! of a loss, subscribers are told [`Heard::Doubt`] and read the log. `supervisor` knows who serves what, each `link`
//! keeps one connection, `ears` hear. Deliberately absent: the truth; clients; anything that waits for Redis.

mod backoff;
mod counters;
mod ears;
mod link;
mod options;
mod outgoing;
mod resolve;
mod routes;
mod session;
mod signed;
mod supervisor;
#[cfg(test)]
mod tests;

pub use options::{BadOptions, DEFAULT_PREFIX, Options};

use super::local::LocalBus;
use super::{Bus, Heard, Traffic};
use bytes::Bytes;
use counters::{Counters, add};
use dibs_protocol::ids::WorkspaceId;
use link::Link;
use parking_lot::{Mutex, RwLock};
use routes::Routes;
use signed::Signer;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tokio::sync::{Notify, mpsc};
use tokio::task::AbortHandle;
use uuid::Uuid;

/// A bus that reaches all processes that use the same Redis, prefix and key.
pub struct RedisBus {
    shared: Arc<Shared>,
    supervisor: AbortHandle,
}

/// What the tasks of a bus share.
struct Shared {
    options: Options,
    local: LocalBus,
    signer: Signer,
    routes: RwLock<Arc<Routes>>,
    /// Who serves what must be asked again.
    refresh: Notify,
    /// Why nobody knows who serves what.
    unresolved: Mutex<Option<String>>,
    counters: Arc<Counters>,
    /// The last probe of any connection.
    probes: AtomicU64,
}

impl std::fmt::Debug for RedisBus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisBus")
            .field("options", &self.shared.options)
            .finish_non_exhaustive()
    }
}

impl RedisBus {
    /// Opens the bus and returns at once: it connects, and reconnects for ever, by itself. All instances share the key;
    /// it signs what they tell one another. Must be called within a runtime.
    #[must_use]
    pub fn open(options: Options, key: &[u8; 32]) -> Self {
        // Another part of the process may have chosen already, which is as good.
        rustls::crypto::aws_lc_rs::default_provider()
            .install_default()
            .ok();
        let shared = Arc::new(Shared {
            options,
            local: LocalBus::new(),
            signer: Signer::new(key, Uuid::new_v4()),
            routes: RwLock::default(),
            refresh: Notify::new(),
            unresolved: Mutex::new(Some("not connected yet".to_owned())),
            counters: Arc::default(),
            probes: AtomicU64::new(0),
        });
        let supervisor = tokio::spawn(supervisor::run(shared.clone())).abort_handle();
        Self { shared, supervisor }
    }
}

impl Drop for RedisBus {
    fn drop(&mut self) {
        // Its connections end with it.
        self.supervisor.abort();
    }
}

impl Bus for RedisBus {
    fn publish(&self, workspace: &WorkspaceId, message: Bytes) {
        self.shared.local.publish(workspace, message.clone());
        let dropped = match self.shared.link(workspace) {
            Some(link) => link.outgoing.push(workspace.clone(), message),
            None => 1,
        };
        add(&self.shared.counters.dropped, dropped);
    }

    /// The first thing to be heard is a doubt, once Redis has confirmed that everything from then on arrives.
    fn subscribe(&self, workspace: &WorkspaceId) -> mpsc::Receiver<Heard> {
        let receiver = self.shared.local.subscribe(workspace);
        if let Some(link) = self.shared.link(workspace) {
            link.touch(workspace.clone());
        }
        receiver
    }

    fn trouble(&self) -> Option<String> {
        let routes = self.shared.routes.read().clone();
        let mut links = routes.0.iter();
        let trouble = links.find_map(|(_, _, link)| {
            let trouble = link.trouble()?;
            Some(format!("redis {}: {trouble}", link.node))
        });
        trouble.or_else(|| self.shared.unresolved.lock().clone())
    }

    fn traffic(&self) -> Traffic {
        self.shared.counters.traffic()
    }
}

impl Shared {
    /// The channel of a workspace.
    fn channel(&self, workspace: &WorkspaceId) -> String {
        format!("{}w:{workspace}", self.options.prefix)
    }

    /// The connection that carries a workspace.
    fn link(&self, workspace: &WorkspaceId) -> Option<Arc<Link>> {
        let routes = self.routes.read().clone();
        routes.link(&self.channel(workspace)).cloned()
    }

    /// A message came from Redis.
    fn arrived(&self, channel: &[u8], message: Vec<u8>) {
        if self.signer.is_own(&message) {
            return;
        }
        let prefix = format!("{}w:", self.options.prefix);
        let workspace = std::str::from_utf8(channel)
            .ok()
            .and_then(|it| WorkspaceId::new(it.strip_prefix(&prefix)?).ok());
        match workspace.zip(self.signer.open(channel, message)) {
            Some((workspace, payload)) => {
                add(&self.counters.delivered, 1);
                self.local.publish(&workspace, payload);
            }
            None => add(&self.counters.rejected, 1),
        }
    }

    /// Tells the subscribers of a workspace that messages may have been lost.
    fn doubt(&self, workspace: &WorkspaceId) {
        let told = self.local.doubt(workspace);
        add(&self.counters.doubts, usize::from(told));
    }
}
