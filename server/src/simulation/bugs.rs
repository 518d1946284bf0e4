//! Bugs that somebody could have written, switched on one at a time: each is found, by the promise that it breaks, and
//! the same schedules without it break none.

use super::env::Broken;
use super::plan::{Faults, Habits, Plan, Routed};
use super::world::run;
use crate::seeded::Bug;
use dibs_loadtest::oracle::Promise;

/// So many schedules at most until a bug is found.
const SCHEDULES: u64 = 300;

/// Runs schedules with the bug until it is found, and each of them without it.
fn is_found(bug: Bug, breaks: &[Broken], plan: impl Fn(u64) -> Plan) {
    for seed in 1..=SCHEDULES {
        let clean = run(plan(seed), None, false);
        assert!(
            clean.faults.is_empty(),
            "seed {seed} without {bug:?}: {:?}",
            clean.faults
        );
        let faults = run(plan(seed), Some(bug), false).faults;
        let expected = faults.iter().find(|(broken, _)| breaks.contains(broken));
        let Some((broken, text)) = expected else { continue };
        println!("{bug:?} is found by seed {seed}: {broken:?}: {text}");
        return;
    }
    panic!("{bug:?} was not found in {SCHEDULES} schedules");
}

fn promise(promise: Promise) -> Broken {
    Broken::Promise(promise)
}

/// Nothing but claims and replies, many of them with tokens that are not the sender's.
fn contested(seed: u64, instances: usize) -> Plan {
    let mut plan = Plan::quiet(seed, instances);
    plan.habits = Habits {
        claim: 30,
        reply: 50,
        take_over: 10,
        foreign_tokens: 500,
        ..plan.habits
    };
    plan
}

#[test]
fn replies_without_fencing_are_found() {
    is_found(Bug::NoFencing, &[promise(Promise::AnsweredOnce)], |seed| {
        contested(seed, 1)
    });
}

#[test]
fn answers_before_the_commit_are_found() {
    let breaks = [promise(Promise::Kept), promise(Promise::SeenOnce)];
    is_found(Bug::AnswerBeforeCommit, &breaks, |seed| {
        let mut plan = contested(seed, 1);
        plan.faults.log_refuses = 60;
        plan.faults.crash_before_commit = 10;
        plan
    });
}

#[test]
fn keys_that_are_carried_out_twice_are_found() {
    let breaks = [promise(Promise::AnsweredOnce), promise(Promise::TrueAnswers)];
    is_found(Bug::NoDeduplication, &breaks, |seed| {
        let mut plan = Plan::quiet(seed, 1);
        plan.habits.repeat = 60;
        plan
    });
}

#[test]
fn gaps_that_are_not_filled_are_found() {
    let breaks = [
        promise(Promise::SeenOnce),
        promise(Promise::SameState),
        Broken::Memory,
    ];
    is_found(Bug::GapNotFilled, &breaks, |seed| {
        let mut plan = Plan::quiet(seed, 2);
        plan.habits.watch = 30;
        plan.faults.bus_loses = 300;
        plan
    });
}

#[test]
fn refusals_from_a_stale_memory_are_found() {
    is_found(Bug::StaleCache, &[promise(Promise::TrueAnswers)], |seed| {
        let mut plan = contested(seed, 2);
        plan.faults.bus_loses = 500;
        plan.faults.bus_late = 500;
        plan
    });
}

#[test]
fn claims_that_end_by_hearsay_are_found() {
    is_found(Bug::ExpiryOnMissingKnowledge, &[Broken::Presence], |seed| {
        let mut plan = Plan::quiet(seed, 2);
        (plan.seconds, plan.think_ms, plan.actions) = (4, 700, 25);
        plan.faults.cuts = 100;
        plan
    });
}

#[test]
fn what_was_decided_upon_a_failed_commit_is_found() {
    let breaks = [
        promise(Promise::OneHolder),
        promise(Promise::AnsweredOnce),
        promise(Promise::SeenOnce),
        promise(Promise::Kept),
        promise(Promise::SameState),
    ];
    is_found(Bug::DependentsOfConflict, &breaks, |seed| {
        let mut plan = contested(seed, 2);
        plan.think_ms = 10;
        plan
    });
}

#[test]
fn customers_with_two_conversations_are_found() {
    is_found(Bug::IngestWithoutCustomer, &[Broken::OneConversation], |seed| {
        let mut plan = Plan::quiet(seed, 2);
        (plan.customers, plan.messages) = (4, 2);
        plan
    });
}

#[test]
fn timers_that_fire_before_an_instance_has_looked_around_are_found() {
    is_found(Bug::TimersBeforeRenewal, &[Broken::Presence], |seed| {
        let mut plan = Plan::quiet(seed, 1);
        (plan.shared, plan.think_ms, plan.actions) = (true, 300, 12);
        // Who is cut dials again when the instance has been stopped, and the timers are nearer than the dials.
        plan.redial_ms = 2_500;
        plan.habits = Habits {
            claim: 60,
            ..Habits::none()
        };
        plan.faults = Faults {
            cuts: 250,
            stops: 300,
            stop_ms: 15_000,
            net_ms: 300,
            log_ms: 2,
            ..plan.faults
        };
        plan
    });
}

#[test]
fn routing_that_does_not_ask_for_room_again_is_found() {
    is_found(Bug::RouteWithoutRoom, &[promise(Promise::Routing)], |seed| {
        let mut plan = Plan::quiet(seed, 2);
        (plan.customers, plan.messages, plan.agents, plan.pinned) = (8, 3, 2, true);
        (plan.think_ms, plan.actions) = (60, 30);
        plan.routing = Some(Routed {
            strategy: "least_loaded",
            offer: false,
            capacity: 1,
        });
        plan.habits = Habits {
            claim: 40,
            reply: 10,
            release: 30,
            ..Habits::none()
        };
        // Instances that hear nothing of one another both route.
        plan.faults.bus_loses = 700;
        plan
    });
}

#[test]
fn late_replies_that_nobody_calls_late_are_found() {
    is_found(Bug::LateReplyInTime, &[promise(Promise::InTime)], |seed| {
        let mut plan = Plan::quiet(seed, 1);
        (plan.sla, plan.customers, plan.messages) = (true, 4, 3);
        (plan.think_ms, plan.actions) = (300, 40);
        plan.habits = Habits {
            claim: 40,
            reply: 50,
            ..Habits::none()
        };
        plan.faults.log_ms = 200;
        plan
    });
}
