//! Filters: what they match, that equal meanings are equal, and which changes can touch them.

use crate::script::play;
use crate::world::{START, agent, agent_id};
use dibs_protocol::filter::Filter;
use dibs_protocol::time::Time;
use dibs_rules::Conversation;
use dibs_rules::filter::{Relevance, ViewFilter};
use rstest::rstest;
use serde_json::{Value, json};

/// What `ben` asks.
fn resolve(filter: Value) -> ViewFilter {
    let filter: Filter = serde_json::from_value(filter).unwrap();
    ViewFilter::resolve(&filter, &agent("ben"))
}

fn held() -> Conversation {
    play(
        "customer writes tier=gold name=Straße priority=high tags=a,b subject=Invoice Hello there
         priya claim\n zoe update assignee=ben team=night\n priya transfer to=team:billing",
    )
    .state()
    .clone()
}

#[rstest]
#[case(json!({}), true)]
#[case(json!({"status": ["new", "open"]}), true)]
#[case(json!({"status": ["open"]}), false)]
#[case(json!({"status": []}), false)]
#[case(json!({"claimed": true}), true)]
#[case(json!({"claimed": false}), false)]
#[case(json!({"claimed_by": "priya"}), true)]
#[case(json!({"claimed_by": "me"}), false)]
#[case(json!({"claimed_by": "priya", "claimed": false}), false)]
#[case(json!({"assignee": "me"}), true)]
#[case(json!({"assignee": "priya"}), false)]
#[case(json!({"assignee": null}), false)]
#[case(json!({"team": ["night", null]}), true)]
#[case(json!({"team": [null]}), false)]
#[case(json!({"queue": ["inbox"]}), true)]
#[case(json!({"queue": ["vip"]}), false)]
#[case(json!({"channel": ["mail", "chat"]}), true)]
#[case(json!({"channel": ["chat"]}), false)]
#[case(json!({"priority": ["high"]}), true)]
#[case(json!({"priority": ["urgent", "low"]}), false)]
#[case(json!({"tags": {"any": ["x", "a"]}}), true)]
#[case(json!({"tags": {"any": ["x"]}}), false)]
#[case(json!({"tags": {"any": []}}), false)]
#[case(json!({"tags": {"all": ["a", "b"]}}), true)]
#[case(json!({"tags": {"all": ["a", "x"]}}), false)]
#[case(json!({"tags": {"none": ["x"], "all": []}}), true)]
#[case(json!({"tags": {"none": ["x", "b"]}}), false)]
#[case(json!({"customer": "c1"}), true)]
#[case(json!({"customer": "C1"}), false)]
#[case(json!({"tier": ["gold", null]}), true)]
#[case(json!({"tier": [null]}), false)]
#[case(json!({"text": "INVO"}), true)]
#[case(json!({"text": "strasse"}), true)]
#[case(json!({"text": "STRAẞE"}), true)]
#[case(json!({"text": "o there"}), true)]
#[case(json!({"text": "elsewhere"}), false)]
#[case(json!({"snoozed": false}), true)]
#[case(json!({"snoozed": true}), false)]
#[case(json!({"mentions_me": true}), false)]
#[case(json!({"mentions_me": false}), true)]
#[case(json!({"offered_to_me": true}), true)]
#[case(json!({"offered_to_me": false}), false)]
#[case(json!({"waiting_longer_than_s": 60}), false)]
#[case(json!({"status": ["new"], "claimed": true, "assignee": "me", "queue": ["vip"]}), false)]
fn matches(#[case] filter: Value, #[case] expected: bool) {
    assert_eq!(resolve(filter).matches(&held(), START, &|_, _| false), expected);
}

#[test]
fn unread_mentions_are_the_askers() {
    let state = held();
    let unread = |who: &dibs_protocol::ids::AgentId, id| *who == agent_id("ben") && id == state.id;
    assert!(resolve(json!({"mentions_me": true})).matches(&state, START, &unread));
}

#[rstest]
#[case(json!({"status": ["open", "new"]}), json!({"status": ["new", "open", "new"]}))]
#[case(json!({"status": ["new", "open", "pending", "resolved", "closed"]}), json!({}))]
#[case(json!({"priority": ["urgent", "high", "normal", "low"]}), json!({}))]
#[case(json!({"claimed_by": "me"}), json!({"claimed_by": "ben"}))]
#[case(json!({"claimed_by": "me", "claimed": true}), json!({"claimed_by": "ben"}))]
#[case(json!({"assignee": "me"}), json!({"assignee": "ben"}))]
#[case(json!({"team": [null, "b", "a"]}), json!({"team": ["a", "b", null, "a"]}))]
#[case(json!({"tags": {"all": []}}), json!({"tags": {}}))]
#[case(json!({"tags": {"none": []}}), json!({}))]
#[case(json!({"tags": {"any": ["b", "a"]}}), json!({"tags": {"any": ["a", "b", "b"]}}))]
#[case(json!({"text": "Straße"}), json!({"text": "STRASSE"}))]
fn equal_meanings_are_equal(#[case] one: Value, #[case] other: Value) {
    assert_eq!(resolve(one), resolve(other));
}

#[rstest]
#[case(json!({"status": []}), json!({}))]
#[case(json!({"assignee": null}), json!({}))]
#[case(json!({"mentions_me": false}), json!({}))]
#[case(json!({"tags": {"any": []}}), json!({}))]
#[case(json!({"claimed_by": "me"}), json!({"claimed_by": "priya"}))]
fn different_meanings_differ(#[case] one: Value, #[case] other: Value) {
    assert_ne!(resolve(one), resolve(other));
}

#[test]
fn longer_than_is_strict_and_its_crossing_is_known() {
    let filter = resolve(json!({"waiting_longer_than_s": 60}));
    let state = held();
    let at = filter.crossing(&state).unwrap();
    assert_eq!(at, START.plus_ms(60_001));
    assert!(!filter.matches(&state, START.plus_ms(60_000), &|_, _| false));
    assert!(filter.matches(&state, at, &|_, _| false));
    let answered = play("customer writes Hello\n priya claim\n priya reply Hi");
    assert_eq!(filter.crossing(answered.state()), None);
    assert!(!filter.matches(answered.state(), Time(i64::MAX), &|_, _| false));
    assert_eq!(resolve(json!({})).crossing(&state), None);
}

#[rstest]
#[case(json!({"claimed_by": "me"}), Relevance::Holder(agent_id("ben")))]
#[case(json!({"assignee": "priya"}), Relevance::Assignee(agent_id("priya")))]
#[case(json!({"assignee": null}), Relevance::Everything)]
#[case(json!({"mentions_me": true, "claimed_by": "me"}), Relevance::Mentions(agent_id("ben")))]
#[case(json!({"mentions_me": false}), Relevance::Everything)]
#[case(json!({"offered_to_me": true}), Relevance::OfferedTo(agent_id("ben"), agent("ben").teams))]
#[case(json!({"offered_to_me": false}), Relevance::Everything)]
#[case(json!({"claimed": true, "queue": ["vip"]}), Relevance::Everything)]
fn relevance(#[case] filter: Value, #[case] expected: Relevance) {
    assert_eq!(resolve(filter).relevance(), expected);
}

#[rstest]
#[case(json!({}), true, false)]
#[case(json!({"status": ["new", "closed"], "text": "x"}), true, true)]
#[case(json!({"status": ["new"]}), false, false)]
#[case(json!({"claimed": true}), false, false)]
#[case(json!({"claimed_by": "me"}), false, false)]
#[case(json!({"claimed": false, "snoozed": false, "offered_to_me": false}), true, false)]
#[case(json!({"snoozed": true}), false, false)]
#[case(json!({"offered_to_me": true}), false, false)]
fn what_a_filter_needs(#[case] filter: Value, #[case] closed: bool, #[case] text: bool) {
    let filter = resolve(filter);
    assert_eq!((filter.wants_closed(), filter.is_text()), (closed, text));
}
