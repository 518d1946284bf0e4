//! Thousands of schedules keep every promise; the same seed gives the same trace.
//!
//! `DIBS_SIM_SEED=123 cargo test --release -p dibs --lib simulation::tests::schedules -- --nocapture` replays one with
//! its trace; `DIBS_LONG=1` runs eight times as many.

use super::plan::{Habits, Plan};
use super::world::{Outcome, run};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Schedules of the ordinary run.
const SCHEDULES: u64 = 3_000;

/// Within so long every command is answered while two instances are saturated, in virtual time.
const PROGRESS: Duration = Duration::from_secs(5);

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// What a failing schedule says.
fn story(outcome: &Outcome) -> String {
    let seed = outcome.plan.seed;
    let faults = outcome
        .faults
        .iter()
        .map(|(broken, text)| format!("{broken:?}: {text}"));
    let faults = faults.collect::<Vec<_>>().join("\n  ");
    format!(
        "seed {seed}:\n  {faults}\n  DIBS_SIM_SEED={seed} cargo test --release -p dibs --lib simulation::tests::schedules -- --nocapture"
    )
}

fn add(to: &mut BTreeMap<&'static str, u64>, of: impl Iterator<Item = (&'static str, u64)>) {
    for (what, count) in of {
        *to.entry(what).or_default() += count;
    }
}

#[test]
fn schedules_of_faults_keep_every_promise() {
    if let Some(seed) = number("DIBS_SIM_SEED") {
        let outcome = run(Plan::of(seed), None, true);
        println!("{}", outcome.trace);
        assert!(outcome.faults.is_empty(), "{}", story(&outcome));
        return;
    }
    let long = number("DIBS_LONG").is_some_and(|it| it > 0);
    let times = if long { 8 } else { 1 };
    let schedules = number("DIBS_SIM_COUNT").unwrap_or(SCHEDULES * times);
    let first = number("DIBS_SIM_FIRST").unwrap_or(1);
    let begun = Instant::now();
    let (mut failed, mut events) = (Vec::new(), 0);
    let (mut injected, mut answers, mut checked) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for seed in first..first + schedules {
        let outcome = run(Plan::of(seed), None, false);
        events += outcome.events;
        let small = |count: &u32| u64::from(*count);
        add(
            &mut injected,
            outcome.injected.iter().map(|(what, count)| (*what, small(count))),
        );
        add(
            &mut answers,
            outcome.answers.iter().map(|(what, count)| (*what, small(count))),
        );
        add(
            &mut checked,
            outcome.checked.iter().map(|(what, count)| (*what, *count)),
        );
        if !outcome.faults.is_empty() {
            failed.push(story(&outcome));
        }
    }
    println!(
        "{schedules} schedules, {events} events in {:?}\nfaults: {injected:?}\nanswers: {answers:?}\nchecked: {checked:?}",
        begun.elapsed()
    );
    let told = failed.iter().take(5).cloned().collect::<Vec<_>>().join("\n");
    assert!(
        failed.is_empty(),
        "{} of {schedules} failed:\n{told}",
        failed.len()
    );
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in 1..=20 {
        let (one, two) = (run(Plan::of(seed), None, false), run(Plan::of(seed), None, false));
        assert_eq!(one.digest, two.digest, "seed {seed}");
    }
}

#[test]
fn two_saturated_instances_both_make_progress() {
    for seed in 1..=10 {
        let mut plan = Plan::quiet(seed, 2);
        (plan.pinned, plan.actions, plan.think_ms) = (true, 150, 4);
        plan.habits = Habits {
            note: 1,
            ..Habits::none()
        };
        let outcome = run(plan, None, false);
        assert!(outcome.faults.is_empty(), "{}", story(&outcome));
        assert_eq!(
            outcome.answers.keys().collect::<Vec<_>>(),
            [&"ok"],
            "seed {seed}: {:?}",
            outcome.answers
        );
        let slowest = outcome.slowest;
        assert!(
            slowest < PROGRESS,
            "seed {seed}: the slowest answer took {slowest:?}"
        );
    }
}

#[test]
fn longer_schedules_keep_every_promise() {
    if let Some(seed) = number("DIBS_SIM_LONG_SEED") {
        let outcome = run(Plan::long(seed), None, true);
        println!("{}", outcome.trace);
        assert!(outcome.faults.is_empty(), "longer {}", story(&outcome));
        return;
    }
    for seed in 1..=60 {
        let outcome = run(Plan::long(seed), None, false);
        assert!(outcome.faults.is_empty(), "longer {}", story(&outcome));
    }
}
