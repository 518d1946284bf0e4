//! Statistics: what is counted as it happens is what a recount gives.

use crate::properties::{Step, play, steps};
use crate::world::Stored;
use dibs_protocol::event::Event;
use dibs_protocol::ids::ConversationId;
use dibs_protocol::time::Time;
use dibs_rules::Conversation;
use dibs_rules::stats::{Scope, Tally};
use proptest::prelude::*;
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
    }
    (tally, states, now)
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
}
