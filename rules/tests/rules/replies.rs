//! Replies: once, and by the holder, who has seen everything.

use crate::script::{play, resume};
use dibs_protocol::terms::Status;
use rstest::rstest;

#[rstest]
#[case::opens_a_new_one("priya reply Hi | message_sent status_changed:open")]
#[case::the_second_changes_no_status("priya reply Hi\n priya reply Hi | message_sent")]
#[case::pending(
    "priya reply then=pending Hi | message_sent status_changed:pending\n priya reply Hi | message_sent status_changed:open"
)]
#[case::resolved_releases(
    "priya reply then=resolved Bye | message_sent status_changed:resolved claim_released:resolved\n priya reply Hi | claim_lost"
)]
#[case::resolved_ends_the_offer(
    "priya transfer to=ben
     priya reply then=resolved Bye | message_sent status_changed:resolved transfer_declined:superseded claim_released:resolved"
)]
#[case::resolved_again_releases_too(
    "zoe update status=resolved\n priya claim\n priya reply then=resolved Bye | message_sent claim_released:resolved"
)]
#[case::reopens(
    "zoe update status=resolved\n priya claim\n priya reply Hi | message_sent status_changed:open"
)]
#[case::wakes(
    "zoe update status=pending snooze=60\n priya claim\n priya reply Hi | message_sent status_changed:open"
)]
#[case::by_another("ben reply Hi | claim_lost:priya")]
#[case::with_an_old_token("priya reply token=1 Hi | claim_lost:priya")]
#[case::without_a_claim("priya release\n priya reply token=3 Hi | claim_lost")]
#[case::into_a_closed_one("zoe update status=closed\n priya reply token=3 Hi | claim_lost")]
#[case::seen_too_much(
    "priya reply seen=4 Hi | invalid:seen\n priya reply seen=3 Hi | message_sent status_changed:open"
)]
#[case::the_claim_comes_before_seen("ben reply seen=99 Hi | claim_lost:priya")]
#[case::stale(
    "customer writes more\n priya reply seen=3 Hi | stale\n priya reply seen=4 Hi | message_sent status_changed:open"
)]
#[case::notes_are_no_news("ben note hm\n priya reply seen=2 Hi | message_sent status_changed:open")]
#[case::ones_own_replies_are_no_news("priya reply Hi\n priya reply seen=3 Hi | message_sent")]
#[case::anothers_reply_is(
    "priya reply Hi\n priya release\n ben claim\n ben reply seen=3 Hi | stale\n ben reply seen=4 Hi | message_sent"
)]
#[case::also_before_ones_own(
    "priya reply Hi\n zoe take_over x\n zoe reply Hi\n zoe release\n priya claim\n priya reply Hi\n priya reply seen=7 Hi | stale
     priya reply seen=8 Hi | message_sent"
)]
#[case::a_known_key_is_a_duplicate("priya reply key=a Hi\n priya reply key=a Hi | duplicate")]
#[case::whoever_holds_it_now(
    "priya reply key=a Hi\n zoe take_over x\n priya reply key=a seen=99 token=1 Hi | duplicate"
)]
#[case::a_key_for_something_else("priya reply key=a Hi\n priya reply key=a Ho | key_reused")]
#[case::then_counts("priya reply key=a Hi\n priya reply key=a then=resolved Hi | key_reused")]
#[case::keys_are_per_sender(
    "priya reply key=a Hi\n priya release\n ben claim\n ben reply key=a Hi | message_sent"
)]
#[case::keys_are_per_command("priya reply key=a Hi\n priya note key=a Hi | note_added")]
#[case::a_refused_command_leaves_no_key(
    "ben reply key=a Ho | claim_lost:priya\n priya release\n ben claim\n ben reply key=a Hi | message_sent status_changed:open"
)]
fn replies(#[case] table: &str) {
    let mut world = play("customer writes Hello\n priya claim");
    resume(&mut world, table);
}

#[test]
fn a_reply_ends_the_waiting_and_is_shown() {
    let mut world = play("customer writes Hello\n customer writes more after=5\n priya claim");
    assert_eq!(
        (world.state().unanswered, world.state().waiting_since),
        (2, Some(crate::world::START))
    );
    resume(&mut world, "robo note hm\n priya reply after=60 I see");
    let state = world.state();
    assert_eq!(
        (state.unanswered, state.waiting_since, state.status),
        (0, None, Status::Open)
    );
    assert_eq!(state.first_response_at, Some(world.now));
    assert_eq!(
        state.last_message.as_ref().map(|it| it.excerpt.as_str()),
        Some("I see")
    );
    let first = world.now;
    resume(
        &mut world,
        "customer writes thanks after=5\n priya reply after=60 welcome",
    );
    assert_eq!(world.state().first_response_at, Some(first));
}

#[test]
fn a_reply_says_where_its_message_is_found() {
    let mut world = play("customer writes Hello\n priya claim");
    let reply = dibs_protocol::command::Reply {
        conversation: world.state().id,
        token: 3,
        key: "a".into(),
        seen: 3,
        text: "Hi".into(),
        attachments: None,
        then: Some(dibs_protocol::terms::Then::Resolved),
    };
    let done = world
        .act(&crate::world::sender("priya"), &dibs_rules::Action::Reply(reply))
        .unwrap();
    let dibs_rules::Answer::Replied { message } = done.decision.answer else {
        panic!("not a reply")
    };
    assert_eq!(
        done.decision.index.unwrap().at,
        dibs_rules::keys::message_ref(message)
    );
    assert_eq!(
        done.seq,
        Some(4),
        "the answer's number is the message's, not the last event's"
    );
}
