//! Promises about time, escalations, scheduled replies and closing: tables, and what holds of any history.

use crate::script::resume;
use crate::world::{START, World, replay};
use dibs_protocol::event::Event;
use dibs_protocol::terms::SlaTarget;
use dibs_rules::Settings;
use dibs_rules::deadlines::next_deadline;
use rstest::rstest;
use serde_json::{Value, json};

fn world(settings: Value) -> World {
    let mut world = World::new();
    let configured = Settings {
        claim_idle_ms: None,
        ..world.settings.clone()
    };
    world.settings = configured.with(serde_json::from_value(settings).unwrap());
    world
}

fn levels() -> Value {
    json!({ "service_levels": [
        { "name": "vip", "match": { "tier": ["vip"] }, "first_response_s": 10 },
        { "name": "urgent", "match": { "priority": ["urgent"] }, "first_response_s": 50, "warn_at": 0.5 },
        { "name": "all", "first_response_s": 100, "next_response_s": 200, "resolution_s": 1000, "warn_at": 0.5 }] })
}

/// When what is promised is due, in seconds from the start.
fn due(world: &World, target: SlaTarget) -> Option<i64> {
    let sla = world.state().summary().sla?;
    let promise = match target {
        SlaTarget::FirstResponse => sla.first_response,
        SlaTarget::NextResponse => sla.next_response,
        SlaTarget::Resolution => sla.resolution,
    };
    Some((promise?.due_at?.0 - START.0) / 1_000)
}

#[rstest]
#[case::kept(
    "priya claim after=1\n priya reply after=98 x | message_sent status_changed:open sla_met:first_response"
)]
#[case::warned_then_broken_then_silent(
    "time deadline after=49 | nothing\n time deadline after=1 | sla_warned:first_response\n time deadline | nothing
     time deadline after=50 | sla_breached:first_response\n time deadline after=1 | nothing"
)]
#[case::late_is_broken_even_if_nobody_looked(
    "priya claim after=60 | claim_granted:claim sla_warned:first_response
     priya reply after=40 x | message_sent status_changed:open sla_breached:first_response"
)]
#[case::once_broken_a_reply_keeps_nothing(
    "time deadline after=100 | sla_breached:first_response\n priya claim
     priya reply x | message_sent status_changed:open"
)]
#[case::the_next_message_is_another_promise(
    "priya claim\n priya reply after=1 x\n customer writes after=9 And? | message_received sla_planned
     time deadline after=200 | sla_breached:next_response
     customer writes Hello? | message_received\n priya reply y | message_sent"
)]
#[case::resolved_in_time("ben update status=resolved | status_changed:resolved sla_met:resolution")]
#[case::resolved_late(
    "ben update after=1000 status=resolved | status_changed:resolved sla_breached:first_response sla_breached:resolution"
)]
#[case::reopened_is_promised_anew(
    "priya claim\n priya reply then=resolved x | message_sent status_changed:resolved claim_released:resolved sla_met:first_response sla_met:resolution
     customer writes after=5000 And? | message_received status_changed:open sla_planned\n time deadline after=199 | sla_warned:next_response\n time deadline after=1 | sla_breached:next_response"
)]
#[case::pending_stands_still(
    "ben update after=10 status=pending | status_changed:pending sla_planned\n time deadline after=5000 | nothing
     ben update status=open | status_changed:open sla_planned\n time deadline after=39 | nothing\n time deadline after=1 | sla_warned:first_response
     time deadline after=50 | sla_breached:first_response"
)]
#[case::waking_goes_on(
    "ben update status=pending snooze=60\n time deadline after=60 | status_changed:open sla_planned"
)]
#[case::another_priority_is_another_promise(
    "ben update after=10 priority=urgent | priority_changed sla_planned\n time deadline after=40 | sla_breached:first_response"
)]
#[case::notes_promise_nothing("ben note hm | note_added")]
fn promises(#[case] table: &str) {
    let mut world = world(levels());
    resume(&mut world, "customer writes Hello");
    resume(&mut world, table);
    assert_eq!(
        replay(&world.feed).as_ref(),
        Some(world.state()),
        "replay is live"
    );
}

#[test]
fn the_first_level_that_matches_holds() {
    let mut vip = world(levels());
    resume(
        &mut vip,
        "customer writes tier=vip Hello | conversation_opened message_received sla_planned",
    );
    assert_eq!(due(&vip, SlaTarget::FirstResponse), Some(10));
    assert_eq!(due(&vip, SlaTarget::Resolution), None);
    let mut other = world(levels());
    resume(&mut other, "customer writes Hello");
    assert_eq!(due(&other, SlaTarget::FirstResponse), Some(100));
    assert_eq!(due(&other, SlaTarget::Resolution), Some(1_000));
    assert_eq!(
        other.state().due_at(),
        Some(START.plus_ms(100_000)),
        "the nearest"
    );
}

#[test]
fn other_settings_hold_from_the_next_event_on() {
    let mut world = world(levels());
    resume(&mut world, "customer writes Hello");
    let set = json!({ "service_levels": [{ "name": "all", "first_response_s": 7 }] });
    world.settings = world.settings.with(serde_json::from_value(set).unwrap());
    assert_eq!(due(&world, SlaTarget::FirstResponse), Some(100));
    resume(&mut world, "ben note hm | note_added sla_planned");
    assert_eq!(due(&world, SlaTarget::FirstResponse), Some(7));
    assert_eq!(due(&world, SlaTarget::Resolution), None);
}

#[test]
fn only_open_hours_count() {
    // The start is a Saturday.
    let hours = json!({ "office": { "zone": "UTC", "weekly": [{ "days": ["mon"], "from": "09:00", "to": "17:00" }] } });
    let level = json!([{ "name": "all", "first_response_s": 3600, "hours": "office" }]);
    let mut world = world(json!({ "hours": hours, "service_levels": level }));
    resume(&mut world, "customer writes Hello");
    let monday = "2026-11-23T10:00:00Z".parse().unwrap();
    assert_eq!(world.state().due_at(), Some(monday));
}

fn escalating(rules: Value) -> World {
    let mut all = levels();
    all["escalations"] = rules;
    let mut world = world(all);
    resume(&mut world, "customer writes Hello");
    world
}

#[rstest]
#[case::everything(
    json!([{ "name": "late", "on": { "breached": ["first_response"] }, "actions": [
        { "raise_priority": "high" }, { "move_to_queue": "fire" }, { "add_tags": ["late", "x"] },
        { "mention_team": "billing" }, { "notify": ["zoe", "nobody"] }, "unassign"] }]),
    "priya claim\n time deadline after=100 | sla_breached:first_response escalated:late priority_changed queue_changed tagged claim_released:escalated assigned note_added
     time deadline after=1 | nothing"
)]
#[case::waiting(
    json!([{ "name": "w", "on": { "waiting_longer_than_s": 5 }, "actions": [{ "add_tags": ["w"] }] }]),
    "time deadline after=5 | nothing\n time deadline after=1 | escalated:w tagged\n customer writes More | message_received
     priya claim\n priya reply x | message_sent status_changed:open sla_met:first_response
     customer writes And? | message_received sla_planned\n time deadline after=6 | escalated:w"
)]
#[case::unanswered(
    json!([{ "name": "u", "on": { "unanswered_at_least": 2 }, "actions": [{ "raise_priority": "low" }, { "add_tags": ["u"] }] }]),
    "customer writes More | message_received escalated:u tagged\n customer writes More | message_received"
)]
#[case::one_moves_on_what_another_moved(
    json!([{ "name": "1", "on": { "warned": [] }, "match": { "queue": ["inbox"] }, "actions": [{ "move_to_queue": "a" }] },
           { "name": "2", "on": { "warned": [] }, "match": { "queue": ["a"] }, "actions": [{ "move_to_queue": "b" }] }]),
    "time deadline after=50 | sla_warned:first_response escalated:1 queue_changed escalated:2 queue_changed"
)]
#[case::a_circle_comes_to_an_end(
    json!([{ "name": "1", "on": { "warned": [] }, "match": { "queue": ["inbox"] }, "actions": [{ "move_to_queue": "a" }] },
           { "name": "2", "on": { "warned": [] }, "match": { "queue": ["a"] }, "actions": [{ "move_to_queue": "inbox" }] }]),
    "time deadline after=50 | sla_warned:first_response escalated:1 queue_changed escalated:2 queue_changed\n time deadline | nothing"
)]
#[case::resolved_waits_for_nobody(
    json!([{ "name": "w", "on": { "waiting_longer_than_s": 5 }, "actions": ["unassign"] }]),
    "ben update status=resolved\n time deadline after=60 | nothing"
)]
fn escalations(#[case] rules: Value, #[case] table: &str) {
    let mut world = escalating(rules);
    resume(&mut world, table);
    assert_eq!(replay(&world.feed).as_ref(), Some(world.state()));
}

#[test]
fn an_escalation_notifies_whom_it_names() {
    let rule = json!([{ "name": "late", "on": { "breached": [] },
        "actions": [{ "mention_team": "billing" }, { "notify": ["zoe", "nobody"] }] }]);
    let mut world = escalating(rule);
    world.now = world.now.plus_ms(100_000);
    let time = crate::world::sender("time");
    let done = world.act(&time, &dibs_rules::Action::Deadline).unwrap();
    let told: Vec<&str> = done
        .decision
        .mentioned
        .iter()
        .map(|it| it.agent.as_str())
        .collect();
    assert_eq!(told, ["ben", "priya", "zoe"]);
    let (_, Event::NoteAdded { note, .. }) = &done.decision.events[done.decision.mentioned[0].event] else {
        panic!("a note")
    };
    assert_eq!(note.text, "@billing @zoe: late (first_response)");
}

#[rstest]
#[case::sent(
    "priya claim\n priya schedule at=60 later | reply_scheduled\n time deadline after=59 | nothing
     time deadline after=1 | message_sent status_changed:open\n time deadline after=60 | nothing"
)]
#[case::sent_and_resolved(
    "priya claim\n priya schedule at=60 then=resolved later
     time deadline after=60 | message_sent status_changed:resolved claim_released:resolved"
)]
#[case::in_the_past("priya claim\n priya schedule at=0 later | invalid:at")]
#[case::far_ahead("priya claim\n priya schedule at=99999999 later | invalid:at")]
#[case::not_the_holder(
    "priya schedule at=60 later | claim_lost\n ben claim\n priya schedule at=60 later | claim_lost:ben"
)]
#[case::not_seen("priya claim\n priya schedule seen=1 at=60 later | stale")]
#[case::something_new_came(
    "priya claim\n priya schedule at=60 later\n customer writes No | message_received schedule_dropped:stale\n time deadline after=60 | nothing"
)]
#[case::let_go(
    "priya claim\n priya schedule at=60 later\n priya release | claim_released:release schedule_dropped:claim_lost"
)]
#[case::taken(
    "priya claim\n priya schedule at=60 later\n zoe take_over mine | claim_released:take_over claim_granted:take_over schedule_dropped:claim_lost"
)]
#[case::gone(
    "priya claim\n priya schedule at=60 later\n time gone priya | claim_expired:holder_gone schedule_dropped:claim_lost"
)]
#[case::replaced(
    "priya claim\n priya schedule at=60 one\n priya schedule at=70 two | schedule_dropped:replaced reply_scheduled\n time deadline after=60 | nothing\n time deadline after=10 | message_sent status_changed:open"
)]
#[case::cancelled(
    "priya claim\n priya schedule at=60 later\n ben cancel_scheduled | forbidden\n priya cancel_scheduled | schedule_dropped:cancelled\n priya cancel_scheduled | nothing"
)]
#[case::by_a_supervisor(
    "priya claim\n priya schedule at=60 later\n zoe cancel_scheduled | schedule_dropped:cancelled"
)]
#[case::ones_own_words_do_not_drop_it(
    "priya claim\n priya schedule at=60 later\n priya reply now | message_sent status_changed:open\n time deadline after=60 | message_sent"
)]
#[case::repeated(
    "priya claim\n priya schedule key=k at=60 later\n priya schedule key=k at=60 later | duplicate\n priya schedule key=k at=60 other | key_reused"
)]
fn scheduled_replies(#[case] table: &str) {
    let mut world = world(json!({}));
    resume(&mut world, "customer writes Hello");
    resume(&mut world, table);
    assert_eq!(replay(&world.feed).as_ref(), Some(world.state()));
}

#[test]
fn what_is_resolved_closes_after_its_days() {
    let mut world = world(json!({ "auto_close_after_days": 2 }));
    resume(
        &mut world,
        "customer writes Hello\n ben update after=10 status=resolved",
    );
    let closes = START.plus_ms(10_000 + 2 * 86_400_000);
    assert_eq!(next_deadline(world.state(), &world.settings), Some(closes));
    resume(
        &mut world,
        "time deadline after=172799 | nothing\n time deadline after=1 | status_changed:closed",
    );
    assert_eq!(next_deadline(world.state(), &world.settings), None);
}
