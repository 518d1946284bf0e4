//! Statistics: what is counted as it happens is what a recount gives.

use crate::properties::{Step, play, steps};
use crate::script::resume;
use crate::world::{START, Stored};
use dibs_protocol::event::Event;
use dibs_protocol::ids::ConversationId;
use dibs_protocol::time::Time;
use dibs_rules::Conversation;
use dibs_rules::stats::{KeptSlice, Scope, Tally};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::json;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Several conversations' histories, one after the other, each under an id of its own, as feeds of commits.
fn feeds(of: &[Vec<Step>]) -> Vec<Vec<Stored>> {
    let mut feeds = Vec::new();
    for (steps, n) in of.iter().zip(1..) {
        let mut feed = play(steps, |_, _, _| {}).feed;
        for stored in &mut feed {
            stored.conversation = ConversationId(Uuid::from_u128(n));
        }
        feeds.push(feed);
    }
    feeds
}

/// Folds all feeds into a tally, commit by commit, and the states that they leave.
fn counted(feeds: &[Vec<Stored>]) -> (Tally, BTreeMap<ConversationId, Conversation>, Time) {
    counted_with(feeds, |_| {})
}

/// The same, and after each commit something else.
fn counted_with(
    feeds: &[Vec<Stored>],
    mut then: impl FnMut(&mut Tally),
) -> (Tally, BTreeMap<ConversationId, Conversation>, Time) {
    let mut tally = Tally::default();
    let mut states: BTreeMap<ConversationId, Conversation> = BTreeMap::new();
    let mut merged: Vec<&Stored> = feeds.iter().flatten().collect();
    merged.sort_by_key(|it| it.at);
    let mut now = Time(0);
    for commit in merged.chunk_by(|a, b| (a.at, a.conversation) == (b.at, b.conversation)) {
        let id = commit[0].conversation;
        let before = states.get(&id).cloned();
        let mut after = before.clone();
        let facts: Vec<_> = commit.iter().map(|it| it.fact()).collect();
        for fact in &facts {
            match &mut after {
                Some(after) => after.apply(fact),
                None => after = Conversation::opened(fact),
            }
        }
        now = commit[0].at;
        tally.roll(now);
        tally.observe(before.as_ref(), after.as_ref(), &facts);
        states.insert(id, after.unwrap());
        then(&mut tally);
    }
    (tally, states, now)
}

/// What is counted of one conversation after a table, in words.
fn counts(table: &str, scope: &Scope) -> String {
    let mut world = crate::world::World::new();
    let level = json!({ "service_levels": [{ "name": "all", "first_response_s": 100, "warn_at": 0.5 }] });
    world.settings = world.settings.with(serde_json::from_value(level).unwrap());
    resume(&mut world, "customer writes Hello");
    resume(&mut world, table);
    let mut tally = Tally::default();
    tally.observe(None, Some(world.state()), &[]);
    let live = tally.live(scope);
    let counted = [
        (live.waiting, "waiting"),
        (u32::from(live.oldest_waiting_since == Some(START)), "since_start"),
        (live.unclaimed, "unclaimed"),
        (live.claimed, "claimed"),
        (live.pending, "pending"),
        (live.at_risk, "at_risk"),
        (live.breached, "breached"),
    ];
    let words: Vec<&str> = counted
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(_, what)| *what)
        .collect();
    words.join(" ")
}

#[rstest]
#[case::new("", "waiting since_start unclaimed")]
#[case::claimed("priya claim", "waiting since_start claimed")]
#[case::answered("priya claim\n priya reply x", "claimed")]
#[case::let_go("priya claim\n priya reply x\n priya release", "unclaimed")]
#[case::pending("ben update status=pending", "pending")]
#[case::pending_and_held("priya claim\n priya reply then=pending x", "claimed pending")]
#[case::at_risk("time deadline after=50", "waiting since_start unclaimed at_risk")]
#[case::breached("time deadline after=100", "waiting since_start unclaimed breached")]
#[case::resolved("ben update status=resolved", "")]
#[case::closed("ben update status=closed", "")]
fn what_a_conversation_counts_for(#[case] table: &str, #[case] expected: &str) {
    for scope in [Scope::Workspace, Scope::Queue("inbox".parse().unwrap())] {
        assert_eq!(counts(table, &scope), expected, "{scope:?} after: {table}");
    }
}

#[rstest]
#[case::its_holders("ben update assignee=sam\n priya claim", "priya", "claimed")]
#[case::not_who_is_only_responsible("ben update assignee=sam\n zoe take_over mine", "sam", "")]
#[case::who_is_responsible_while_nobody_holds_it("ben update assignee=sam", "sam", "unclaimed")]
#[case::nobodys("", "sam", "")]
fn whose_it_is(#[case] table: &str, #[case] agent: &str, #[case] expected: &str) {
    let scope = Scope::Agent(agent.parse().unwrap());
    let counted = counts(table, &scope);
    let expected = match expected {
        "" => String::new(),
        other => format!("waiting since_start {other}"),
    };
    assert_eq!(counted, expected);
}

#[test]
fn a_team_counts_what_it_is_responsible_for() {
    let team = Scope::Team("billing".parse().unwrap());
    assert_eq!(counts("", &team), "");
    assert_eq!(
        counts("ben update team=billing", &team),
        "waiting since_start unclaimed"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn gauges_kept_as_events_come_are_those_of_a_recount(of in proptest::collection::vec(steps(), 1..5)) {
        let (tally, states, _) = counted(&feeds(&of));
        let mut recount = Tally::default();
        for state in states.values() {
            recount.observe(None, Some(state), &[]);
        }
        for scope in tally.scopes().chain(recount.scopes()) {
            let (kept, counted) = (tally.live(scope), recount.live(scope));
            let gauges = |it: &dibs_protocol::stats::Live| {
                (it.waiting, it.oldest_waiting_since, it.unclaimed, it.claimed, it.pending, it.at_risk, it.breached)
            };
            prop_assert_eq!(gauges(&kept), gauges(&counted), "{:?}", scope);
        }
    }

    #[test]
    fn flows_are_those_of_the_feed_within_the_window(of in proptest::collection::vec(steps(), 1..5), later in 0..90_000_i64) {
        let feeds = feeds(&of);
        let (mut tally, _, last) = counted(&feeds);
        let now = last.plus_ms(later);
        tally.roll(now);
        let live = tally.live(&Scope::Workspace);
        // Twelve slices of five seconds.
        let slice = |at: Time| at.0.div_euclid(5_000);
        let recent = |it: &&Stored| slice(it.at) + 12 > slice(now);
        let all = feeds.iter().flatten();
        let replies = all.clone().filter(recent).filter(|it| matches!(it.event, Event::MessageSent { .. })).count();
        let arrivals = all.filter(recent).filter(|it| matches!(it.event, Event::MessageReceived { .. })).count();
        prop_assert_eq!(usize::try_from(live.replies_per_minute).unwrap(), replies);
        prop_assert_eq!(usize::try_from(live.arrivals_per_minute).unwrap(), arrivals);
        let first = feeds.iter().filter(|feed| feed.iter().any(|it| matches!(it.event, Event::MessageSent { .. }))).count();
        let counted = live.first_response.day.map_or(0, |it| it.count);
        prop_assert_eq!(usize::try_from(counted).unwrap(), first, "each is counted once");
        tally.roll(now.plus_ms(25 * 3_600_000));
        let old = tally.live(&Scope::Workspace);
        prop_assert_eq!((old.replies_per_minute, old.first_response.day, old.handle_time.day), (0, None, None));
    }

    #[test]
    fn durations_that_were_written_down_now_and_then_are_those_that_were_counted(
        of in proptest::collection::vec(steps(), 1..5), often in 1_usize..9, later in 0..90_000_000_i64,
    ) {
        let feeds = feeds(&of);
        let mut rows: BTreeMap<i64, KeptSlice> = BTreeMap::new();
        let mut commits = 0;
        let (mut tally, _, last) = counted_with(&feeds, |tally| {
            commits += 1;
            if commits % often == 0 {
                rows.extend(tally.take_unwritten().into_iter().map(|it| (it.place(), it)));
            }
        });
        rows.extend(tally.take_unwritten().into_iter().map(|it| (it.place(), it)));
        prop_assert!(tally.take_unwritten().is_empty(), "nothing is written twice");
        let now = last.plus_ms(later);
        tally.roll(now);
        let written = serde_json::to_string(&rows.into_values().collect::<Vec<_>>()).unwrap();
        let mut restored = Tally::default();
        restored.restore(serde_json::from_str(&written).unwrap(), now);
        for scope in tally.scopes().chain(restored.scopes()) {
            let (kept, counted) = (restored.live(scope), tally.live(scope));
            prop_assert_eq!(kept.handle_time, counted.handle_time, "{:?}", scope);
            prop_assert_eq!(kept.first_response, counted.first_response, "{:?}", scope);
        }
    }
}
