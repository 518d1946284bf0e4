//! What time asks: waking, offers and claims that end, and holders who are gone.

use crate::script::{play, resume};
use crate::world::{START, World, sender};
use dibs_rules::Action;
use dibs_rules::deadlines::next_deadline;
use rstest::rstest;

#[rstest]
#[case::nothing_due("time deadline | nothing")]
#[case::not_yet(
    "priya claim\n time deadline after=599 | nothing\n time deadline after=1 | claim_expired:idle"
)]
#[case::doing_something_helps("priya claim\n priya note after=599 hm\n time deadline after=599 | nothing")]
#[case::others_doing_something_does_not(
    "priya claim\n ben note after=599 hm\n time deadline after=1 | claim_expired:idle"
)]
#[case::waking(
    "ben update status=pending snooze=60\n time deadline after=59 | nothing\n time deadline after=1 | status_changed:open"
)]
#[case::an_offer_ends(
    "priya claim\n priya transfer to=ben\n time deadline after=60 | transfer_declined:expired\n time deadline | nothing"
)]
#[case::all_at_once(
    "ben update status=pending snooze=60\n priya claim\n priya transfer to=ben
     time deadline after=600 | status_changed:open transfer_declined:expired claim_expired:idle"
)]
#[case::an_idle_claim_takes_its_offer_along(
    "priya claim\n priya note hm\n priya transfer after=590 to=ben\n zoe note hm
     time deadline after=600 | transfer_declined:expired claim_expired:idle"
)]
#[case::gone("priya claim\n time gone priya | claim_expired:holder_gone\n time gone priya | nothing")]
#[case::gone_with_an_offer(
    "priya claim\n priya transfer to=ben\n time gone priya | transfer_declined:superseded claim_expired:holder_gone\n ben accept | conflict"
)]
#[case::somebody_else_is_gone("priya claim\n time gone ben | nothing")]
#[case::agents_are_not_time(
    "priya deadline | forbidden\n zoe gone priya | forbidden\n adapter deadline | forbidden"
)]
#[case::redaction_is_for_admins(
    "zoe redact 1,2 | forbidden\n ada redact 1,2 | redacted\n time redact 1,99 | redacted\n ada redact 99 | nothing"
)]
fn time(#[case] table: &str) {
    let mut world = play("customer writes Hello");
    resume(&mut world, table);
}

#[test]
fn the_next_deadline_is_the_earliest() {
    let mut world = play("customer writes Hello");
    let next = |world: &crate::world::World| {
        next_deadline(world.state(), &world.settings).map(|it| (it.0 - START.0) / 1_000)
    };
    assert_eq!(next(&world), None);
    resume(&mut world, "priya claim");
    assert_eq!(next(&world), Some(600));
    resume(&mut world, "priya transfer after=10 to=ben");
    assert_eq!(next(&world), Some(70));
    resume(&mut world, "priya cancel_transfer after=10");
    assert_eq!(next(&world), Some(620));
    world.settings.claim_idle_ms = None;
    assert_eq!(next(&world), None);
    resume(&mut world, "priya update status=pending snooze=5");
    assert_eq!(next(&world), Some(25));
}

#[test]
fn an_idle_limit_shorter_than_an_offer_supersedes_it() {
    let mut world = play("customer writes Hello\n priya claim");
    world.settings.claim_idle_ms = Some(20_000);
    resume(
        &mut world,
        "priya transfer to=ben\n time deadline after=20 | transfer_declined:superseded claim_expired:idle",
    );
}

#[test]
fn absence_must_be_proved_when_committed() {
    let mut world = play("customer writes Hello\n priya claim");
    let gone = Action::HolderGone(crate::world::agent_id("priya"));
    let decision = world.decide(&sender("time"), &gone).unwrap();
    assert_eq!(decision.guard_absent, Some(crate::world::agent_id("priya")));
    let idle = world.decide(&sender("time"), &Action::Deadline).unwrap();
    assert_eq!(idle.guard_absent, None);
}

#[test]
fn a_conversation_that_was_closed_long_enough_ago_forgets_once_and_again_only_what_was_added() {
    const DAY_MS: i64 = 86_400_000;
    let mut world = play("customer writes Hello\n ben update status=closed");
    world.settings.retain_closed_ms = Some(DAY_MS);
    let due = |world: &World| next_deadline(world.state(), &world.settings);
    let retain = |world: &mut World, version: u64| {
        let entries = (1..=version).collect();
        let done = world
            .act(&sender("time"), &Action::Retain { entries, version })
            .unwrap();
        done.decision.events.len()
    };
    let closed_at = world.state().closed_at.unwrap();
    let version = world.state().version;
    assert_eq!(due(&world), Some(closed_at.plus_ms(DAY_MS)));
    assert_eq!(retain(&mut world, version), 0, "it is not time yet");
    world.now = closed_at.plus_ms(DAY_MS);
    assert_eq!(
        retain(&mut world, version - 1),
        0,
        "something was added since it was read"
    );
    assert_eq!(retain(&mut world, version), 1);
    assert!(world.state().customer.name.is_empty());
    assert_eq!(due(&world), None, "there is nothing left to forget");
    resume(&mut world, "ben note remember them");
    assert_eq!(
        due(&world),
        Some(closed_at.plus_ms(DAY_MS)),
        "the note is forgotten as well"
    );
    resume(&mut world, "ben update status=open");
    assert_eq!((due(&world), world.state().closed_at), (None, None));
    let version = world.state().version;
    assert_eq!(retain(&mut world, version), 0, "it is open again");
}

#[test]
fn only_time_itself_forgets() {
    let mut world = play("customer writes Hello\n ben update status=closed");
    let retain = Action::Retain {
        entries: vec![1],
        version: 3,
    };
    assert!(world.act(&sender("ada"), &retain).is_err());
}
