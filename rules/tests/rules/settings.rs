//! Settings: everything that makes no sense is named at once, and only what makes sense is set.

use dibs_protocol::event::Event;
use dibs_protocol::refusal::{Code, Current};
use dibs_protocol::settings::WorkspaceSettings;
use dibs_rules::Settings;
use dibs_rules::settings::{Changed, change, check};
use rstest::rstest;
use serde_json::{Value, json};

fn settings(value: Value) -> WorkspaceSettings {
    serde_json::from_value(value).unwrap()
}

fn fields(value: Value) -> Vec<String> {
    check(&settings(value)).into_iter().map(|it| it.field).collect()
}

fn escalation(name: &str, from: &[&str], to: &str) -> Value {
    json!({"name": name, "on": {"unanswered_at_least": 1}, "match": {"queue": from}, "actions": [{"move_to_queue": to}]})
}

fn queues() -> Value {
    json!([{"id": "a"}, {"id": "b"}, {"id": "c"}])
}

#[test]
fn nothing_set_is_no_fault_and_changes_nothing() {
    assert_eq!(check(&WorkspaceSettings::default()), []);
    let configured = Settings {
        claim_grace_ms: 7,
        ..Settings::default()
    };
    assert_eq!(configured.with(WorkspaceSettings::default()), configured);
}

#[test]
fn what_is_set_holds_and_what_is_not_is_as_configured() {
    let configured = Settings {
        claim_idle_ms: Some(5_000),
        ..Settings::default()
    };
    let set = configured.with(settings(json!({"claims": {"grace_s": 3, "idle_s": 0}})));
    assert_eq!((set.claim_grace_ms, set.claim_idle_ms), (3_000, None));
    assert_eq!(set.offer_ttl_ms, configured.offer_ttl_ms);
    // What was set before is not the configuration: it does not shine through.
    assert_eq!(
        configured.with(WorkspaceSettings::default()).claim_idle_ms,
        Some(5_000)
    );
}

#[rstest]
#[case::unknown_team(json!({"queues": [{"id": "a", "teams": ["x"]}]}), &["queues[0].teams[0]"])]
#[case::unknown_queue(json!({"service_levels": [{"name": "n", "match": {"queue": ["a"]}}]}), &["service_levels[0].match.queue[0]"])]
#[case::unknown_hours(json!({"service_levels": [{"name": "n", "hours": "h"}]}), &["service_levels[0].hours"])]
#[case::twice(json!({"queues": [{"id": "a"}, {"id": "a"}], "teams": [{"id": "t"}, {"id": "t"}]}), &["queues[1].id", "teams[1].id"])]
#[case::zero_seconds(json!({"queues": [{"id": "a", "offer_s": 0}], "claims": {"grace_s": 0}}), &["queues[0].offer_s", "claims.grace_s"])]
#[case::grace_of_more_than_a_day(json!({"claims": {"grace_s": 86_401}}), &["claims.grace_s"])]
#[case::grace_of_a_day(json!({"claims": {"grace_s": 86_400}}), &[])]
#[case::no_skills_to_relax(json!({"queues": [{"id": "a", "relax_skills_after_s": 5}]}), &["queues[0].relax_skills_after_s"])]
#[case::warn_at_0(json!({"service_levels": [{"name": "n", "warn_at": 0.0}]}), &["service_levels[0].warn_at"])]
#[case::warn_at_1(json!({"service_levels": [{"name": "n", "warn_at": 1}]}), &["service_levels[0].warn_at"])]
#[case::warn_at_negative(json!({"service_levels": [{"name": "n", "warn_at": -0.5}]}), &["service_levels[0].warn_at"])]
#[case::zone(json!({"hours": {"h": {"zone": "Europe/Berlln", "weekly": [{"days": ["mon"], "from": "09:00", "to": "10:00"}]}}}), &["hours.h.zone"])]
#[case::never_open(json!({"hours": {"h": {"zone": "UTC"}}}), &["hours.h.weekly"])]
#[case::bad_times(
    json!({"hours": {"h": {"zone": "UTC", "weekly": [{"days": [], "from": "9:00", "to": "24:30"}]}}}),
    &["hours.h.weekly[0].days", "hours.h.weekly[0].from", "hours.h.weekly[0].to"]
)]
#[case::backwards(json!({"hours": {"h": {"zone": "UTC", "weekly": [{"days": ["mon"], "from": "22:00", "to": "06:00"}]}}}), &["hours.h.weekly[0].to"])]
#[case::overlap(
    json!({"hours": {"h": {"zone": "UTC", "weekly": [
        {"days": ["mon", "tue"], "from": "09:00", "to": "12:00"}, {"days": ["tue"], "from": "11:59", "to": "24:00"}]}}}),
    &["hours.h.weekly[1]"]
)]
#[case::holidays(
    json!({"hours": {"h": {"zone": "UTC", "weekly": [{"days": ["mon"], "from": "00:00", "to": "24:00"}],
        "holidays": ["2026-02-30", "2026-1-1", "2026-12-25", "2026-12-25"]}}}),
    &["hours.h.holidays[0]", "hours.h.holidays[1]", "hours.h.holidays[3]"]
)]
#[case::a_circle(
    json!({"queues": queues(), "escalations": [
        escalation("1", &["a"], "b"), escalation("2", &["b"], "c"), escalation("3", &["c"], "a")]}),
    &["escalations[0].actions"]
)]
#[case::no_circle(
    json!({"queues": queues(), "escalations": [
        escalation("1", &["a"], "b"), escalation("2", &["b"], "c"), escalation("3", &[], "c")]}),
    &[]
)]
#[case::any_queue_chases_one(
    json!({"queues": queues(), "escalations": [escalation("1", &[], "a"), escalation("2", &["a"], "b")]}),
    &["escalations[0].actions"]
)]
#[case::does_nothing(json!({"escalations": [{"name": "e", "on": {"unanswered_at_least": 0}, "actions": []}]}),
    &["escalations[0].on.unanswered_at_least", "escalations[0].actions"])]
#[case::actions(
    json!({"escalations": [{"name": "e", "on": {"unanswered_at_least": 1}, "actions": [
        {"move_to_queue": "x"}, {"mention_team": "x"}, {"add_tags": [""]}, {"notify": []}]}]}),
    &["escalations[0].actions[0].move_to_queue", "escalations[0].actions[1].mention_team",
      "escalations[0].actions[2].add_tags[0]", "escalations[0].actions[3].notify"]
)]
#[case::what_nobody_promises(
    json!({"service_levels": [{"name": "n", "resolution_s": 5}], "escalations": [
        {"name": "a", "on": {"warned": ["resolution", "first_response"]}, "actions": ["unassign"]},
        {"name": "b", "on": {"breached": []}, "actions": ["unassign"]}]}),
    &["escalations[0].on.warned[1]"]
)]
#[case::nothing_is_promised(
    json!({"service_levels": [{"name": "n"}], "escalations": [{"name": "b", "on": {"breached": []}, "actions": ["unassign"]}]}),
    &["escalations[0].on.breached"]
)]
#[case::raised_to_low(
    json!({"escalations": [{"name": "e", "on": {"unanswered_at_least": 1}, "actions": [{"raise_priority": "low"}]}]}),
    &["escalations[0].actions[0].raise_priority"]
)]
#[case::offered_by_hand(json!({"queues": [{"id": "a", "delivery": "offer"}]}), &["queues[0].delivery"])]
#[case::sticky_by_hand(json!({"queues": [{"id": "a", "sticky_s": 5}]}), &["queues[0].sticky_s"])]
#[case::never_holds(
    json!({"service_levels": [
        {"name": "vip", "match": {"tier": ["vip", "gold"]}}, {"name": "urgent", "match": {"priority": ["urgent"], "tier": ["vip"]}},
        {"name": "all"}, {"name": "low", "match": {"priority": ["low"]}}]}),
    &["service_levels[1].match", "service_levels[3].match"]
)]
#[case::all_of_these_hold(
    json!({"service_levels": [
        {"name": "vip", "match": {"tier": ["vip"], "priority": ["high"]}}, {"name": "gold", "match": {"tier": ["vip", "gold"]}},
        {"name": "high", "match": {"priority": ["high"]}}, {"name": "all"}]}),
    &[]
)]
#[case::canned(json!({"canned": [{"name": "", "text": ""}]}), &["canned[0].name", "canned[0].text"])]
#[case::views(
    json!({"views": [{"name": "v", "filter": {"text": ""}, "shared_with": {"team": "x"}}]}),
    &["views[0].filter.text", "views[0].shared_with.team"]
)]
#[case::days(json!({"auto_close_after_days": 0}), &["auto_close_after_days"])]
fn every_fault_is_named_by_its_field(#[case] value: Value, #[case] expected: &[&str]) {
    assert_eq!(fields(value), expected);
}

#[test]
fn rules_that_can_never_meet_do_not_chase_one_another() {
    let mut there = escalation("there", &["a"], "b");
    let mut back = escalation("back", &["b"], "a");
    there["match"]["tier"] = json!(["vip"]);
    back["match"]["tier"] = json!(["trial"]);
    let value = json!({"queues": queues(), "escalations": [there, back]});
    assert_eq!(fields(value), Vec::<String>::new());
}

#[test]
fn settings_change_only_from_the_version_that_was_seen() {
    let (old, new) = (
        WorkspaceSettings::default(),
        settings(json!({"away_after_s": 60})),
    );
    let changed = |expect| change((4, &old), &new, expect);
    let event = Event::SettingsChanged {
        version: 5,
        settings: Box::new(new.clone()),
    };
    assert_eq!(changed(None), Ok(Changed::To(5, event.clone())));
    assert_eq!(changed(Some(4)), Ok(Changed::To(5, event)));
    let refusal = changed(Some(3)).unwrap_err();
    assert_eq!(refusal.code, Code::Conflict);
    let Some(Current::Settings(current)) = refusal.details.current else {
        panic!("the settings as they are")
    };
    assert_eq!((current.version, current.settings), (4, old.clone()));
    assert_eq!(
        change((4, &old), &old, Some(3)),
        Ok(Changed::Nothing(4)),
        "a repetition"
    );
    let wrong = settings(json!({"away_after_s": 0, "auto_close_after_days": 0}));
    let refusal = change((4, &old), &wrong, Some(3)).unwrap_err();
    assert_eq!(refusal.code, Code::Invalid);
    assert_eq!(refusal.details.faults.map(|it| it.len()), Some(2), "all at once");
}
