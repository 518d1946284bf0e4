//! The instances of a schedule: started, stopped, woken, crashed and started again over the same log.

use super::bus::{Exchange, SimBus};
use super::clock::{SimClock, SimEntropy};
use super::dice::Dice;
use super::env::Env;
use super::life::Life;
use super::log::SimLog;
use crate::hub::{Deps, Hub, Options, Pulse, Timers};
use crate::log::group::GroupCommit;
use crate::log::{Log, LogError};
use crate::metrics::Metrics;
use crate::ports::{Clock, Entropy};
use dibs_protocol::ids::QueueId;
use dibs_protocol::settings::WorkspaceSettings;
use dibs_rules::Settings;
use dibs_rules::settings::LONGEST_GRACE_MS;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::sleep;

/// An instance that runs, or is stopped.
#[derive(Clone)]
pub(super) struct Running {
    pub(super) hub: Arc<Hub>,
    pub(super) life: Arc<Life>,
}

/// Where an instance is, again and again.
struct Place {
    clock: Arc<SimClock>,
    running: Mutex<Option<Running>>,
}

/// All instances.
pub(super) struct Cluster {
    env: Arc<Env>,
    pub(super) exchange: Arc<Exchange>,
    places: Vec<Place>,
    started: AtomicU64,
}

impl Cluster {
    /// The instances of the plan, none of them started yet.
    pub(super) fn new(env: &Arc<Env>) -> Arc<Self> {
        let place = |_| Place {
            clock: Arc::new(SimClock::new(env.begin)),
            running: Mutex::default(),
        };
        let cluster = Arc::new(Self {
            env: env.clone(),
            exchange: Arc::default(),
            places: (0..env.plan.instances).map(place).collect(),
            started: AtomicU64::new(0),
        });
        for at in 0..cluster.places.len() {
            tokio::spawn(cluster.clone().keep(at));
        }
        cluster
    }

    /// Who runs at a place, if anybody does.
    pub(super) fn running(&self, at: usize) -> Option<Running> {
        self.places[at].running.lock().clone()
    }

    /// Everybody who runs.
    pub(super) fn all(&self) -> Vec<Running> {
        (0..self.places.len()).filter_map(|at| self.running(at)).collect()
    }

    /// An instance's clock is wrong by so much from now on.
    pub(super) fn jump(&self, at: usize, offset_ms: i64) {
        self.places[at].clock.jump(offset_ms);
    }

    /// Starts an instance at a place, and another one after it when it has crashed.
    async fn keep(self: Arc<Self>, at: usize) {
        loop {
            let life = Arc::new(Life::new(at));
            let Ok(hub) = self.start(&life).await else {
                sleep(Duration::from_millis(200)).await;
                continue;
            };
            self.env.note(|| format!("instance {at} runs"));
            let tasks = [
                tokio::spawn(hub.clone().run_timers()),
                tokio::spawn(hub.clone().run_pulse()),
                tokio::spawn(hub.clone().run_poll()),
            ];
            *self.places[at].running.lock() = Some(Running {
                hub,
                life: life.clone(),
            });
            life.dies().await;
            tasks.iter().for_each(tokio::task::JoinHandle::abort);
            self.places[at].running.lock().take();
            self.env.note(|| format!("instance {at} has crashed"));
            sleep(self.env.network.ms(50, 4_000)).await;
        }
    }

    async fn start(&self, life: &Arc<Life>) -> Result<Arc<Hub>, LogError> {
        let env = &self.env;
        let nth = 100 + self.started.fetch_add(1, Ordering::Relaxed);
        let entropy = Arc::new(SimEntropy(Dice::new(env.plan.seed, nth)));
        let clock = self.places[life.place].clock.clone();
        let log: Arc<dyn Log> = Arc::new(SimLog {
            env: env.clone(),
            life: life.clone(),
        });
        let instance = entropy.uuid(clock.now_ms());
        log.begin(instance, clock.now_ms(), LONGEST_GRACE_MS).await?;
        Ok(Hub::new(Arc::new(Deps {
            group: GroupCommit::new(log.clone()),
            log,
            bus: Arc::new(SimBus {
                env: env.clone(),
                exchange: self.exchange.clone(),
                life: life.clone(),
            }),
            clock,
            entropy,
            options: options(env),
            instance,
            metrics: Arc::new(Metrics::new()),
            timers: Arc::new(Timers::default()),
            pulse: Arc::new(Pulse::default()),
        })))
    }
}

/// Promises that are broken now and then, and what follows from it.
fn promises() -> WorkspaceSettings {
    serde_json::from_value(serde_json::json!({
        "service_levels": [
            { "name": "urgent", "match": { "priority": ["urgent"] }, "first_response_s": 2, "next_response_s": 2 },
            { "name": "all", "first_response_s": 1, "next_response_s": 2, "resolution_s": 6, "warn_at": 0.5 },
        ],
        "escalations": [
            { "name": "late", "on": { "breached": [] }, "actions": [{ "raise_priority": "urgent" }] },
            { "name": "long", "on": { "waiting_longer_than_s": 3 }, "actions": [{ "add_tags": ["long"] }] },
        ],
        "auto_close_after_days": 1,
    }))
    .unwrap()
}

fn options(env: &Env) -> Options {
    let settings = Settings {
        default_queue: QueueId::new("default").unwrap(),
        claim_grace_ms: env.plan.grace_ms,
        claim_idle_ms: env.plan.idle_ms,
        offer_ttl_ms: 4_000,
        agents_take_over: true,
        ..Settings::default()
    };
    let settings = match env.plan.routing {
        // An admin sets it, so that it stands in the log.
        Some(_) => settings,
        None if env.plan.sla => settings.with(promises()),
        None => settings,
    };
    Options {
        settings,
        resume_window_ms: 86_400_000,
        heartbeat_s: 5,
        silence_s: 1_000_000,
        write_timeout_s: 1_000_000,
        outbox_bytes: env.plan.outbox_bytes,
        budgets: crate::hub::Budgets::default(),
    }
}
