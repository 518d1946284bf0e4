//! What a schedule consists of: how many take part, what they do, and what goes wrong. Drawn from the seed, or made for
//! one question. Deliberately absent: carrying it out.

use super::dice::Dice;
use dibs_protocol::settings::WorkspaceSettings;
use serde_json::json;
use std::time::Duration;

/// How likely each kind of fault is, per thousand, and how long it lasts at most, in milliseconds.
#[derive(Debug, Clone, Default)]
pub(super) struct Faults {
    /// A message between client and instance takes up to so long.
    pub(super) net_ms: u64,
    /// A request to the log, and its answer, take up to so long.
    pub(super) log_ms: u64,
    /// The log refuses, and nothing happened.
    pub(super) log_refuses: u32,
    /// The log did it, but its answer is lost.
    pub(super) log_answer_lost: u32,
    /// The instance crashes when its commit has arrived, before it hears so.
    pub(super) crash_after_commit: u32,
    /// The instance crashes with its commit on the way, which never arrives.
    pub(super) crash_before_commit: u32,
    /// A message of the bus is lost.
    pub(super) bus_loses: u32,
    /// It comes late.
    pub(super) bus_late: u32,
    /// It comes twice.
    pub(super) bus_doubles: u32,
    /// The subscriber hears that it may have lost something.
    pub(super) bus_doubts: u32,
    /// At each step of the world: an instance crashes.
    pub(super) crashes: u32,
    /// An instance is stopped.
    pub(super) stops: u32,
    /// It stays so for up to so long.
    pub(super) stop_ms: u64,
    /// An instance's clock jumps.
    pub(super) clock_jumps: u32,
    /// The log cannot be reached by anybody for a while.
    pub(super) outages: u32,
    /// A client's line is cut, at each of its actions.
    pub(super) cuts: u32,
    /// A client reads slowly.
    pub(super) slow_readers: u32,
}

/// What the clients of a schedule like to do; weights.
#[derive(Debug, Clone)]
pub(super) struct Habits {
    pub(super) claim: u32,
    pub(super) reply: u32,
    /// Of replies: with whatever token is known of anybody, per thousand.
    pub(super) foreign_tokens: u32,
    pub(super) note: u32,
    pub(super) release: u32,
    pub(super) transfer: u32,
    pub(super) take_over: u32,
    pub(super) update: u32,
    pub(super) bulk: u32,
    pub(super) merge: u32,
    pub(super) split: u32,
    pub(super) watch: u32,
    pub(super) read: u32,
    pub(super) repeat: u32,
    pub(super) aside: u32,
}

impl Habits {
    /// Those who do nothing.
    pub(super) fn none() -> Self {
        Self {
            claim: 0,
            reply: 0,
            foreign_tokens: 0,
            note: 0,
            release: 0,
            transfer: 0,
            take_over: 0,
            update: 0,
            bulk: 0,
            merge: 0,
            split: 0,
            watch: 0,
            read: 0,
            repeat: 0,
            aside: 0,
        }
    }
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            claim: 20,
            reply: 22,
            foreign_tokens: 150,
            note: 8,
            release: 7,
            transfer: 7,
            take_over: 5,
            update: 8,
            bulk: 3,
            merge: 2,
            split: 2,
            watch: 9,
            read: 8,
            repeat: 8,
            aside: 5,
        }
    }
}

/// A schedule.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) seed: u64,
    /// Over how many instances.
    pub(super) instances: usize,
    /// Whether the log is one that several instances may share, also when only one does.
    pub(super) shared: bool,
    /// Agents; each has one client.
    pub(super) agents: usize,
    /// Second clients of agents.
    pub(super) seconds: usize,
    /// Customers, who write by the adapter of their channel.
    pub(super) customers: usize,
    /// How often a customer writes at most.
    pub(super) messages: usize,
    /// What each client does before it is satisfied.
    pub(super) actions: usize,
    /// It thinks for up to so long between.
    pub(super) think_ms: u64,
    /// It waits for up to so long before it dials again.
    pub(super) redial_ms: u64,
    /// How long a holder may be gone.
    pub(super) grace_ms: i64,
    /// How long a holder may do nothing.
    pub(super) idle_ms: Option<i64>,
    /// What a session's outbox may hold.
    pub(super) outbox_bytes: usize,
    /// Whether each client stays with one instance, and they are spread evenly.
    pub(super) pinned: bool,
    /// Whether what customers write is routed, and how.
    pub(super) routing: Option<Routed>,
    /// Whether the workspace makes promises about time, short ones, and escalates.
    pub(super) sla: bool,
    pub(super) habits: Habits,
    pub(super) faults: Faults,
}

/// How what customers write is routed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Routed {
    /// By which strategy, as settings name it.
    pub(super) strategy: &'static str,
    /// Whether agents are asked first.
    pub(super) offer: bool,
    /// How many conversations an agent is given.
    pub(super) capacity: u32,
}

impl Routed {
    /// The settings that say so.
    pub(super) fn settings(self) -> WorkspaceSettings {
        let delivery = if self.offer { "offer" } else { "push" };
        let queue = json!({
            "id": "default", "routing": self.strategy, "delivery": delivery, "offer_s": 2, "sticky_s": 5,
        });
        let set = json!({ "queues": [queue], "capacity": { "default": self.capacity } });
        serde_json::from_value(set).unwrap()
    }

    /// Drawn by dice of its own, so that all else of the seed is as it is without routing.
    fn of(seed: u64) -> Option<Self> {
        let dice = Dice::new(seed, 9);
        let strategy = ["round_robin", "least_loaded", "longest_idle"][dice.below(3)];
        let routed = Self {
            strategy,
            offer: dice.chance(350),
            capacity: 1 + u32::from(dice.chance(500)),
        };
        dice.chance(400).then_some(routed)
    }
}

impl Plan {
    /// What this seed stands for. Each kind of fault is there in some schedules and not in others, so that none hides
    /// what another would show.
    pub(super) fn of(seed: u64) -> Self {
        let dice = Dice::new(seed, 1);
        let calm = dice.chance(60);
        let rare = |most: u64| {
            let there = !calm && dice.chance(450);
            u32::try_from(dice.between(1, most)).unwrap_or(1) * u32::from(there)
        };
        let faults = Faults {
            net_ms: dice.between(1, 60),
            log_ms: dice.between(0, 40),
            log_refuses: rare(30),
            log_answer_lost: rare(60),
            crash_after_commit: rare(8),
            crash_before_commit: rare(8),
            bus_loses: rare(500),
            bus_late: rare(300),
            bus_doubles: rare(300),
            bus_doubts: rare(100),
            crashes: rare(60),
            stops: rare(150),
            stop_ms: dice.between(200, 9_000),
            clock_jumps: rare(200),
            outages: rare(60),
            cuts: rare(60),
            slow_readers: rare(500),
        };
        let instances = [1, 2, 2, 2, 3][dice.below(5)];
        Self {
            seed,
            instances,
            shared: instances > 1 || dice.chance(300),
            agents: 2 + dice.below(3),
            seconds: dice.below(3).saturating_sub(1),
            customers: 1 + dice.below(3),
            messages: 1 + dice.below(3),
            actions: 6 + dice.below(10),
            think_ms: [40, 150, 600, 2_500][dice.below(4)],
            redial_ms: 0,
            grace_ms: [3_000, 5_000][dice.below(2)],
            idle_ms: [None, None, Some(4_000)][dice.below(3)],
            outbox_bytes: [6_000, 16_000, 1 << 20][dice.below(3)],
            pinned: false,
            routing: Routed::of(seed),
            // Drawn apart, so that the other draws of a seed stay as they are.
            sla: Dice::new(seed, 77).chance(400),
            habits: Habits::default(),
            faults,
        }
    }

    /// A longer one.
    pub(super) fn long(seed: u64) -> Self {
        let mut plan = Self::of(seed);
        plan.actions *= 8;
        plan.agents += 2;
        plan.customers += 1;
        plan.messages *= 3;
        // In the end everybody asks for whole timelines at once: answers are never dropped, and longer ones want more room.
        plan.outbox_bytes = plan.outbox_bytes.max(16_000);
        plan
    }

    /// One in which nothing goes wrong but that everything takes its time: for one question.
    pub(super) fn quiet(seed: u64, instances: usize) -> Self {
        let mut plan = Self::of(seed);
        plan.sla = false;
        plan.faults = Faults {
            net_ms: 20,
            log_ms: 20,
            ..Faults::default()
        };
        (plan.instances, plan.shared, plan.routing) = (instances, instances > 1, None);
        (plan.agents, plan.seconds) = (4, 0);
        (plan.customers, plan.messages) = (1, 2);
        (plan.actions, plan.think_ms) = (16, 100);
        (plan.grace_ms, plan.idle_ms, plan.outbox_bytes) = (3_000, None, 1 << 20);
        plan
    }

    /// How long a client waits for what never comes.
    pub(super) fn patience(&self) -> Duration {
        Duration::from_millis(4_000)
    }
}
