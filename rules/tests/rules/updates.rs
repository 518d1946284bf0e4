//! Updates: one commit, no-ops without events, and what is the holder's to change.

use crate::script::{play, resume};
use dibs_protocol::terms::Status;
use rstest::rstest;

#[rstest]
#[case::nothing(
    "ben update priority=normal status=open subject=null | status_changed:open\n ben update status=open | nothing"
)]
#[case::all_in_order(
    "ben update status=pending snooze=60 priority=high queue=vip assignee=ben team=billing subject=Invoice add=b,a
     | subject_changed priority_changed queue_changed tagged assigned status_changed:pending"
)]
#[case::new_cannot_be_set("ben update status=new | invalid:status")]
#[case::snooze_needs_pending(
    "ben update snooze=60 | invalid:snoozed_until\n ben update status=open snooze=60 | invalid:snoozed_until"
)]
#[case::snooze_needs_a_future("ben update status=pending snooze=0 | invalid:snoozed_until")]
#[case::snooze_moves(
    "ben update status=pending snooze=60\n ben update snooze=90 | status_changed:pending\n ben update snooze=null | status_changed:pending\n ben update snooze=null | nothing"
)]
#[case::unknown_agent("ben update assignee=nobody | not_found")]
#[case::assigning_none(
    "ben update assignee=ben | assigned\n ben update assignee=null | assigned\n ben update assignee=null team=null | nothing"
)]
#[case::tags(
    "ben update add=a,a,b remove=c | tagged\n ben update add=a | nothing\n ben update add=c remove=a,c | tagged"
)]
#[case::a_tag_that_comes_and_goes(
    "ben update add=a remove=a | nothing\n ben update add=b\n ben update add=b remove=b | tagged\n ben update add=b | tagged"
)]
#[case::channels_do_not_update("adapter update priority=high | forbidden")]
#[case::the_rest_is_everybodys(
    "priya claim\n ben update priority=high add=a subject=Invoice | subject_changed priority_changed tagged"
)]
#[case::held_status("priya claim\n ben update status=resolved | forbidden:priya")]
#[case::held_queue("priya claim\n ben update queue=vip | forbidden:priya")]
#[case::held_assignee("priya claim\n ben update assignee=ben | forbidden:priya")]
#[case::held_team("priya claim\n ben update team=billing | forbidden:priya")]
#[case::held_snooze("priya claim\n ben update snooze=null | forbidden:priya")]
#[case::forbidden_comes_first("priya claim\n ben update status=new assignee=nobody | forbidden:priya")]
#[case::the_holder_may(
    "priya claim\n priya update status=pending queue=vip | queue_changed status_changed:pending"
)]
#[case::supervisors_may(
    "priya claim\n zoe update assignee=ben | assigned\n ada update queue=vip | queue_changed"
)]
#[case::resolving_releases(
    "priya claim\n priya update status=resolved | status_changed:resolved claim_released:resolved"
)]
#[case::closing_releases(
    "priya claim\n zoe update status=closed | status_changed:closed claim_released:resolved"
)]
#[case::snoozing_releases(
    "priya claim\n priya transfer to=ben
     priya update status=pending snooze=60 | status_changed:pending transfer_declined:superseded claim_released:snoozed"
)]
#[case::pending_releases_nothing(
    "priya claim\n priya update status=pending | status_changed:pending\n ben claim | already_claimed:priya"
)]
#[case::closed_stays_closed(
    "ben update status=closed\n ben update priority=high | conflict\n ben update status=resolved | conflict\n ben update status=closed | nothing"
)]
#[case::closed_takes_tags("ben update status=closed\n ben update add=a | tagged")]
#[case::closed_opens(
    "ben update status=closed\n ben update status=open priority=high | priority_changed status_changed:open"
)]
#[case::expect_holds(
    r#"ben update priority=high expect={"priority":"normal","version":2} | priority_changed"#
)]
#[case::expect_differs(r#"ben update priority=high expect={"status":"open"} | conflict"#)]
#[case::expect_of_nothing(r#"ben update priority=high expect={"colour":"red"} | invalid:expect.colour"#)]
#[case::expect_comes_last(r#"ben update assignee=nobody expect={"status":"open"} | not_found"#)]
#[case::expect_holds_for_no_ops_too(r#"ben update priority=normal expect={"status":"open"} | conflict"#)]
#[case::keys(
    "ben update key=a priority=high\n ben update key=a priority=high | duplicate\n ben update key=a priority=low | key_reused"
)]
fn updates(#[case] table: &str) {
    let mut world = play("customer writes Hello");
    let table = table.replace("\n     |", " |");
    resume(&mut world, &table);
}

#[test]
fn fifty_tags_are_enough() {
    let tags: Vec<String> = (0..50).map(|i| format!("t{i:02}")).collect();
    let mut world = play("customer writes Hello");
    resume(
        &mut world,
        &format!(
            "ben update add={} | tagged\n ben update add=more | invalid:add_tags\n ben update add=more remove=t00 | tagged",
            tags.join(",")
        ),
    );
    assert_eq!(world.state().tags.len(), 50);
}

#[test]
fn assigned_says_both_and_leaves_the_claim() {
    let world = play("customer writes Hello\n priya claim\n zoe update team=night\n zoe update assignee=ben");
    let state = world.state();
    assert_eq!(state.holder(), Some(&crate::world::agent_id("priya")));
    assert_eq!(state.assignee, Some(crate::world::agent_id("ben")));
    assert_eq!(state.team.as_ref().map(|it| it.as_str()), Some("night"));
}

#[test]
fn leaving_pending_ends_the_snooze() {
    let world =
        play("customer writes Hello\n ben update status=pending snooze=60\n ben update status=resolved");
    assert_eq!(
        (world.state().status, world.state().snoozed_until),
        (Status::Resolved, None)
    );
}

#[test]
fn a_conflict_shows_what_is() {
    let mut world = play("customer writes Hello");
    let update =
        serde_json::json!({"conversation": world.state().id, "status": "open", "expect": {"version": 1}});
    let update = serde_json::from_value(update).unwrap();
    let refusal = world
        .act(&crate::world::sender("ben"), &dibs_rules::Action::Update(update))
        .unwrap_err();
    let current = refusal.details.current.as_ref().and_then(|it| it.conversation());
    assert_eq!(current, Some(&world.state().summary()));
}
