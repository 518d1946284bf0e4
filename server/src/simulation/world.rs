//! A schedule from its beginning to its judgement: everybody does what they like while things go wrong, then nothing
//! goes wrong any more, everybody looks at everything, and everybody leaves.

use super::admin::administer;
use super::check;
use super::client::Client;
use super::cluster::Cluster;
use super::customers::customer;
use super::dice::Dice;
use super::env::{Broken, Env};
use super::plan::Plan;
use super::shared::{Phase, Shared};
use super::workload::{TEAM, agent_id};
use crate::log::Log;
use crate::ports::Clock;
use crate::seeded::{Bug, with_bug};
use dibs_loadtest::oracle::Witness;
use dibs_protocol::ids::TeamId;
use dibs_protocol::terms::{AgentKind, Role};
use dibs_protocol::time::Time;
use dibs_rules::context::Agent;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

/// How long anything may take that must happen at all, in virtual time.
const BOUND: Duration = Duration::from_secs(120);
/// So long nothing happens before everybody looks: late messages have come by then, and heads were compared.
const QUIET: Duration = Duration::from_secs(6);
/// A lease, and what may come on top of it before a claim ends: a look at the timers, a timer that another instance
/// took and lost, an instance that starts.
const LEASE_AND_MORE: Duration = Duration::from_secs(9 + 3 + 5 + 5 + 5);

/// What became of a schedule.
pub(super) struct Outcome {
    pub(super) plan: Plan,
    pub(super) faults: Vec<(Broken, String)>,
    pub(super) checked: BTreeMap<&'static str, u64>,
    pub(super) answers: BTreeMap<&'static str, u32>,
    pub(super) slowest: Duration,
    pub(super) digest: u64,
    pub(super) events: usize,
    pub(super) injected: BTreeMap<&'static str, u32>,
    pub(super) trace: String,
}

/// Runs a schedule, with a bug if one is named. `verbose` keeps the trace as text.
pub(super) fn run(plan: Plan, bug: Option<Bug>, verbose: bool) -> Outcome {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    with_bug(bug, || {
        runtime.block_on(async { World::new(plan, verbose).run().await })
    })
}

struct World {
    env: Arc<Env>,
    cluster: Arc<Cluster>,
    shared: Arc<Shared>,
    clock: super::clock::SimClock,
}

impl World {
    fn new(plan: Plan, verbose: bool) -> Self {
        let env = Env::new(plan, verbose);
        let shared = Shared::new(env.plan.agents + env.plan.seconds);
        env.note(|| format!("{:?}", env.plan));
        Self {
            cluster: Cluster::new(&env),
            clock: super::clock::SimClock::new(env.begin),
            env,
            shared,
        }
    }

    async fn run(self) -> Outcome {
        let (clients, customers) = self.begin();
        let Self { env, shared, .. } = &self;
        tokio::spawn(trouble(env.clone(), self.cluster.clone(), shared.clone()));
        self.expect("not everybody could do what they wanted", || {
            shared.all(|it| it.satisfied)
        })
        .await;
        self.calm_down();
        self.expect("not everybody was welcomed and answered", || {
            shared.all(|it| it.idle)
        })
        .await;
        self.look().await;
        let (quiet, mut witnesses) = self.leave(clients).await;
        for customer in customers {
            witnesses.extend(customer.await.ok());
        }
        let replay = check::replay(env).await;
        check::log_is_sound(env, &replay).await;
        check::holders_were_gone(env, shared, &replay);
        check::routing_was_fair(env, &replay);
        check::customers_have_one_conversation(env, &replay);
        let mut checked = check::promises(env, &quiet, &witnesses).await;
        let record = &mut *env.record.lock();
        checked.insert("grants by routing", record.routed);
        Outcome {
            plan: env.plan.clone(),
            faults: std::mem::take(&mut record.faults),
            checked,
            answers: std::mem::take(&mut record.answers),
            slowest: record.slowest,
            digest: record.digest(),
            events: replay.entries.len(),
            injected: std::mem::take(&mut record.injected),
            trace: record.lines(),
        }
    }

    fn begin(&self) -> (Vec<JoinHandle<Client>>, Vec<JoinHandle<Witness>>) {
        let Self {
            env, cluster, shared, ..
        } = self;
        let write = |number| tokio::spawn(customer(env.clone(), cluster.clone(), shared.clone(), number));
        tokio::spawn(administer(env.clone(), cluster.clone()));
        let customers = (0..env.plan.customers).map(write).collect();
        let agents = env.plan.agents;
        let spawn = |number: usize| {
            let who = number % agents;
            let name = format!("{}{}", agent_id(who), if number < agents { "" } else { "'" });
            let client = Client::new((env, cluster, shared), number, name, Arc::new(agent(who)));
            tokio::spawn(client.run())
        };
        ((0..agents + env.plan.seconds).map(spawn).collect(), customers)
    }

    /// Waits until something holds, which it must within a bound.
    async fn expect(&self, otherwise: &str, holds: impl Fn() -> bool) {
        let until = Instant::now() + BOUND;
        while !holds() {
            if Instant::now() > until {
                return self.env.fault(
                    Broken::Progress,
                    format!("After {} s {otherwise}.", BOUND.as_secs()),
                );
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Nothing goes wrong from now on.
    fn calm_down(&self) {
        let Self {
            env, cluster, shared, ..
        } = self;
        env.note(|| "calm".to_owned());
        env.calm.store(true, Ordering::Relaxed);
        env.outage.store(false, Ordering::Relaxed);
        for running in cluster.all() {
            running.life.wake();
        }
        for at in 0..env.plan.instances {
            cluster.jump(at, 0);
        }
        shared.phase.set(Phase::Calm);
    }

    /// Everybody looks at everything, at a time when nothing happened for a while and nothing happens.
    async fn look(&self) {
        for _ in 0..10 {
            let before = self.head().await;
            sleep(QUIET).await;
            if self.head().await != before {
                continue;
            }
            self.env.note(|| "look".to_owned());
            self.shared.phase.set(Phase::Look);
            self.expect("not everybody could look", || self.shared.all(|it| it.looked))
                .await;
            if self.head().await == before {
                return;
            }
            self.shared.phase.set(Phase::Calm);
        }
        self.env
            .fault(Broken::Progress, "It never became quiet.".to_owned());
    }

    async fn head(&self) -> u64 {
        self.env.log.head(&self.env.workspace).await.unwrap().seq
    }

    /// Everybody leaves, and all claims end. What was stored when all was quiet, and what everybody saw.
    async fn leave(&self, clients: Vec<JoinHandle<Client>>) -> (check::Replay, Vec<Witness>) {
        let replay = check::replay(&self.env).await;
        let now = Time(self.clock.now_ms());
        self.env.note(|| "leave".to_owned());
        self.shared.phase.set(Phase::Leave);
        let mut left = Vec::new();
        for client in clients {
            match client.await {
                Ok(client) => left.push(client),
                Err(error) => self
                    .env
                    .fault(Broken::Answers, format!("A client panicked: {error}")),
            }
        }
        check::memory_is_the_log(&self.env, &replay, &left);
        let head = replay.entries.len() as u64;
        for client in &mut left {
            client.bear_witness(head, now);
        }
        let grace = Duration::from_millis(u64::try_from(self.env.plan.grace_ms).unwrap_or(0));
        let until = Instant::now() + grace + LEASE_AND_MORE;
        loop {
            let replay = check::replay(&self.env).await;
            let mut held = replay.states.values().filter(|it| it.claim.is_some());
            let Some(first) = held.next() else { break };
            if Instant::now() > until {
                let (id, claim) = (first.id, &first.claim);
                self.env.fault(
                    Broken::Presence,
                    format!("{id} is still held long after everybody went: {claim:?}"),
                );
                break;
            }
            sleep(Duration::from_secs(1)).await;
        }
        (replay, left.into_iter().map(|it| it.witness).collect())
    }
}

fn agent(number: usize) -> Agent {
    let id = agent_id(number);
    Agent {
        name: format!("Agent {id}"),
        id,
        kind: AgentKind::Human,
        role: if number == 0 {
            Role::Supervisor
        } else {
            Role::Agent
        },
        teams: number
            .is_multiple_of(2)
            .then(|| TeamId::new(TEAM).unwrap())
            .into_iter()
            .collect(),
        skills: Vec::new(),
    }
}

/// What goes wrong by itself: crashes, stops, clocks, outages.
async fn trouble(env: Arc<Env>, cluster: Arc<Cluster>, shared: Arc<Shared>) {
    let dice = Dice::new(env.plan.seed, 5);
    loop {
        sleep(dice.ms(50, 800)).await;
        if shared.phase.get() != Phase::Busy {
            return;
        }
        let faults = env.faults();
        let all = cluster.all();
        let Some(running) = dice.one(&all) else { continue };
        let life = running.life.clone();
        if env.strikes(&dice, "crash", faults.crashes) {
            life.crash();
        }
        if env.strikes(&dice, "stop", faults.stops) && life.stop() {
            let wait = dice.ms(50, faults.stop_ms);
            env.note(|| format!("instance {} stops for {wait:?}", life.place));
            let (env, life) = (env.clone(), life.clone());
            tokio::spawn(async move {
                sleep(wait).await;
                life.wake();
                env.note(|| format!("instance {} wakes", life.place));
            });
        }
        if env.strikes(&dice, "clock jump", faults.clock_jumps) {
            let offset_ms = i64::try_from(dice.between(0, 3_000)).unwrap_or(0) - 1_500;
            cluster.jump(life.place, offset_ms);
        }
        if env.strikes(&dice, "outage", faults.outages) {
            env.outage.store(true, Ordering::Relaxed);
            let (env, wait) = (env.clone(), dice.ms(50, 2_000));
            tokio::spawn(async move {
                sleep(wait).await;
                env.outage.store(false, Ordering::Relaxed);
            });
        }
    }
}
