//! The hub: one actor per workspace, found or started on demand, and the timers of all of them.
//! Deliberately absent: sockets, SQL, rules.

mod budget;
mod codec;
mod commands;
mod company;
mod contents;
mod delta;
mod disconnect;
mod envelope;
mod erase;
mod execute;
mod export;
mod follow;
mod fresh;
#[cfg(test)]
mod grace_tests;
#[doc(hidden)]
pub mod hot;
#[cfg(test)]
mod instances_tests;
mod item;
mod join;
mod kept;
#[cfg(test)]
mod kept_tests;
mod lanes;
mod lists;
mod load;
mod lost;
mod merged;
#[cfg(test)]
mod merges_tests;
pub mod outbox;
mod people;
mod poll;
mod presence;
mod pulse;
mod ranked;
mod reading;
mod recent;
mod refused;
mod remote;
mod resume;
mod retention;
#[cfg(test)]
mod routers_tests;
mod routing;
mod seats;
mod send;
mod settings;
mod settle;
mod standing;
mod state;
mod stats;
mod submit;
mod timers;
#[cfg(test)]
mod timers_tests;
mod views;
#[cfg(test)]
mod views_tests;
#[cfg(test)]
mod virtual_desk;
mod watching;

mod workspace;

pub use budget::{Budget, Budgets};
pub(crate) use codec::entry as entry_json;
pub use erase::{Erased, erase_customer, erase_one};
pub use export::export_customer;
pub use pulse::{CLOCK_OFF_MS, Pulse};
pub use refused::TokenMark;
pub use state::{HttpAsk, HttpReply, Input, Join, Link};
pub use timers::Timers;

use crate::bus::Bus;
use crate::log::group::GroupCommit;
use crate::log::{Log, LogError};
use crate::metrics::Metrics;
use crate::ports::{Clock, Entropy};
use dashmap::DashMap;
use dibs_protocol::command::Command;
use dibs_protocol::ids::{AgentId, ConversationId, MessageId, WorkspaceId};
use dibs_protocol::refusal::Refusal;
use dibs_rules::{Sender, Settings};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio::time::Instant;
use uuid::Uuid;

/// What of the configuration the hub needs.
#[derive(Debug, Clone)]
pub struct Options {
    /// What a workspace can set.
    pub settings: Settings,
    /// How far back a resume reaches, in milliseconds.
    pub resume_window_ms: i64,
    /// How often the server pings, in seconds.
    pub heartbeat_s: u64,
    /// A connection that was silent for so long is closed, in seconds.
    pub silence_s: u32,
    /// A socket that took nothing for so long is cut, in seconds.
    pub write_timeout_s: u32,
    /// A session's outbox is bounded to so many bytes.
    pub outbox_bytes: usize,
    /// What each workspace may use.
    pub budgets: Budgets,
}

/// What every workspace's actor uses.
pub struct Deps {
    /// The truth.
    pub log: Arc<dyn Log>,
    /// The way to it.
    pub group: GroupCommit,
    /// The wake-up.
    pub bus: Arc<dyn Bus>,
    /// Wall-clock time.
    pub clock: Arc<dyn Clock>,
    /// Ids and salts.
    pub entropy: Arc<dyn Entropy>,
    /// The configuration.
    pub options: Options,
    /// This instance.
    pub instance: Uuid,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// When the next timer is due.
    pub timers: Arc<Timers>,
    /// Whether this instance is well enough to judge by what it has not heard.
    pub pulse: Arc<Pulse>,
}

/// A handle to a workspace's actor.
#[derive(Debug, Clone)]
pub struct Handle {
    workspace: WorkspaceId,
    inputs: mpsc::UnboundedSender<Input>,
    waiting: Arc<AtomicUsize>,
    replies: watch::Receiver<u64>,
    refusals: Arc<refused::Refusals>,
    meter: Arc<budget::Meter>,
}

impl Handle {
    /// Sends an input. Those that may be refused are counted against the inbox's bound.
    ///
    /// # Errors
    /// `unavailable` when too many inputs wait already, or the workspace has stopped.
    pub fn send(&self, input: Input) -> Result<(), Refusal> {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= workspace::INBOX_BOUND && !is_essential(&input) {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(Refusal::unavailable("the server is overloaded", 1_000));
        }
        self.inputs
            .send(input)
            .map_err(|_| Refusal::unavailable("the workspace has stopped", 1_000))
    }

    /// Takes a command from what the workspace's sessions may send together.
    ///
    /// # Errors
    /// `rate_limited` when there is nothing left for now.
    pub fn take(&self, command: &Command) -> Result<(), Refusal> {
        match command {
            // Without these a session cannot live.
            Command::Ping(_) | Command::Refresh(_) => Ok(()),
            Command::Bulk(bulk) => self.meter.command(bulk.conversations.len()),
            Command::Merge(merge) => self.meter.command(merge.conversations.len()),
            _ => self.meter.command(1),
        }
    }

    /// Whether an admin has made this agent's token invalid, as far as this instance knows.
    #[must_use]
    pub fn refuses(&self, agent: &AgentId, token: &TokenMark) -> bool {
        self.refusals.refuses(agent, token)
    }

    /// Which workspace it is.
    #[must_use]
    pub fn workspace(&self) -> &WorkspaceId {
        &self.workspace
    }

    /// The `seq` of the latest reply to a customer that this instance knows of: it changes when there is one.
    #[must_use]
    pub fn replies(&self) -> watch::Receiver<u64> {
        self.replies.clone()
    }
}

fn is_essential(input: &Input) -> bool {
    matches!(
        input,
        Input::Leave(_)
            | Input::Behind(..)
            | Input::Due(..)
            | Input::Woken { .. }
            | Input::Stored(_)
            | Input::Drain(_)
            | Input::CloseAll
    )
}

/// All workspaces of this instance.
pub struct Hub {
    deps: Arc<Deps>,
    workspaces: DashMap<WorkspaceId, Handle>,
    /// Who loads a workspace; the others wait for that one, and for no other workspace.
    loading: DashMap<WorkspaceId, Arc<Mutex<()>>>,
    draining: AtomicBool,
    started: Instant,
}

impl Hub {
    /// A hub without workspaces; they are loaded when they are first needed.
    #[must_use]
    pub fn new(deps: Arc<Deps>) -> Arc<Self> {
        Arc::new(Self {
            deps,
            workspaces: DashMap::new(),
            loading: DashMap::new(),
            draining: AtomicBool::new(false),
            started: Instant::now(),
        })
    }

    /// What the hub was made of.
    #[must_use]
    pub fn deps(&self) -> &Arc<Deps> {
        &self.deps
    }

    /// Seconds of uptime, as outboxes count them.
    #[must_use]
    pub fn uptime_s(&self) -> u32 {
        u32::try_from(self.started.elapsed().as_secs()).unwrap_or(u32::MAX)
    }

    /// The workspace's handle, loading it first if need be.
    ///
    /// # Errors
    /// When its feed cannot be read.
    pub async fn workspace(&self, id: &WorkspaceId) -> Result<Handle, LogError> {
        if let Some(handle) = self.running(id) {
            return Ok(handle);
        }
        let loading = self.loading.entry(id.clone()).or_default().clone();
        let _one_at_a_time = loading.lock().await;
        if let Some(handle) = self.running(id) {
            return Ok(handle);
        }
        let (inputs, receiver) = mpsc::unbounded_channel();
        let (internal, results) = mpsc::unbounded_channel();
        let (replies, latest) = watch::channel(0);
        let loaded = load::load(self.deps.clone(), id.clone(), internal, replies, self.started).await?;
        let waiting = Arc::new(AtomicUsize::new(0));
        let handle = Handle {
            workspace: id.clone(),
            inputs,
            waiting: waiting.clone(),
            replies: latest,
            refusals: loaded.refusals.clone(),
            meter: budget::Meter::new(self.deps.options.budgets.of(id)),
        };
        tokio::spawn(loaded.run(receiver, results, waiting));
        self.workspaces.insert(id.clone(), handle.clone());
        Ok(handle)
    }

    fn running(&self, id: &WorkspaceId) -> Option<Handle> {
        let handle = self.workspaces.get(id)?;
        (!handle.inputs.is_closed()).then(|| handle.clone())
    }

    /// Checks that a token has not been made invalid before its end.
    ///
    /// # Errors
    /// `unauthenticated` when an admin has sent its bearer away; `unavailable` when that cannot be read.
    pub async fn admit(&self, id: &WorkspaceId, agent: &AgentId, token: &TokenMark) -> Result<(), Refusal> {
        let handle = self.workspace(id).await;
        let handle = handle.map_err(|error| execute::log_refusal(&error))?;
        match handle.refuses(agent, token) {
            true => Err(disconnect::token_refused()),
            false => Ok(()),
        }
    }

    /// Asks a workspace over HTTP.
    ///
    /// # Errors
    /// The refusal to answer with.
    pub async fn ask(&self, id: &WorkspaceId, sender: Arc<Sender>, ask: HttpAsk) -> HttpReply {
        let handle = self
            .workspace(id)
            .await
            .map_err(|error| execute::log_refusal(&error))?;
        if let HttpAsk::Ingest(_) | HttpAsk::Delivery(..) | HttpAsk::Rate(_) = &ask {
            handle.meter.ingest()?;
        }
        let (reply, answer) = oneshot::channel();
        handle.send(Input::Http(sender, Box::new(ask), reply))?;
        answer
            .await
            .unwrap_or_else(|_| Err(Refusal::unavailable("the workspace has stopped", 1_000)))
    }

    /// The conversation of a message that was sent.
    ///
    /// # Errors
    /// `not_found` when there is no such message, or it is too old to be delivered.
    pub async fn conversation_of(
        &self,
        id: &WorkspaceId,
        message: MessageId,
    ) -> Result<ConversationId, Refusal> {
        let key = self.deps.log.key(id, "message", &message.to_string()).await;
        let key = key.map_err(|error| execute::log_refusal(&error))?;
        let found = key.and_then(|it| serde_json::from_str(&it.answer).ok());
        found.ok_or_else(|| Refusal::not_found("message"))
    }

    /// Gives due timers to their workspaces until the program ends.
    pub async fn run_timers(self: Arc<Self>) {
        timers::run(&self).await;
    }

    /// Sets the timers of conversations that were closed before there was a time after which they forget.
    pub async fn run_retention(self: Arc<Self>) {
        retention::catch_up(&self).await;
    }

    /// Keeps the instance's lease, and notices when it was stopped, until the program ends.
    pub async fn run_pulse(self: Arc<Self>) {
        pulse::run(&self).await;
    }

    /// Sets the clock by the log's, before anything is decided.
    pub async fn set_clock(&self) {
        pulse::set_clock(&self.deps).await;
    }

    /// Looks for what the bus did not bring, until the program ends.
    pub async fn run_poll(self: Arc<Self>) {
        poll::run(&self).await;
    }

    /// Whether the hub is about to end.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Tells every session to come back after a while, spread over `spread_ms`; nobody new comes in.
    pub fn drain(&self, spread_ms: u64) {
        self.draining.store(true, Ordering::Release);
        self.tell_all(|| Input::Drain(spread_ms));
    }

    /// Ends every session, after what its outbox holds.
    pub fn close_all(&self) {
        self.tell_all(|| Input::CloseAll);
    }

    fn tell_all(&self, input: impl Fn() -> Input) {
        for workspace in &self.workspaces {
            // A workspace that has stopped has no sessions.
            workspace.send(input()).ok();
        }
    }
}
