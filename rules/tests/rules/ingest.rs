//! The customer wrote: where it goes, what it does, and what channels say afterwards.

use crate::script::{kind, play, resume};
use crate::world::{World, sender};
use dibs_protocol::event::Actor;
use dibs_protocol::http::Ingest;
use dibs_protocol::ids::ConversationId;
use dibs_protocol::refusal::Code;
use dibs_protocol::terms::Status;
use dibs_rules::ingest::{Target, target};
use dibs_rules::{Action, Answer, Conversation};
use rstest::rstest;
use uuid::Uuid;

#[rstest]
#[case::continues("customer writes more | message_received")]
#[case::reopens_resolved(
    "zoe update status=resolved\n customer writes more | message_received status_changed:open"
)]
#[case::wakes_pending(
    "zoe update status=pending snooze=60\n customer writes more | message_received status_changed:open"
)]
#[case::describes_anew(
    "customer writes name=Karla more | customer_updated message_received\n customer writes name=Karla more | message_received"
)]
#[case::what_is_left_out_stays(
    "customer writes tier=gold more | customer_updated message_received\n customer writes more | message_received"
)]
#[case::all_at_once(
    "zoe update status=resolved\n customer writes name=Karla more | customer_updated message_received status_changed:open"
)]
#[case::another_customer("customer writes id=c2 more | not_found")]
#[case::another_channel("customer writes channel=chat more | not_found")]
#[case::closed_meanwhile("zoe update status=closed\n customer writes more | conflict")]
#[case::not_ones_channel("chatty writes more | forbidden")]
#[case::agents_do_not_ingest(
    "priya writes more | forbidden\n zoe writes more | forbidden\n time writes more | forbidden"
)]
#[case::keys_are_the_channels(
    "customer writes key=a more\n adapter writes key=a more | duplicate\n adapter writes key=a less | key_reused"
)]
#[case::the_customers_id_counts("customer writes key=a more\n adapter writes key=a id=c2 more | key_reused")]
#[case::delivered(
    "adapter deliver delivered | message_delivery:delivered\n adapter deliver delivered | duplicate"
)]
#[case::failed(
    "adapter deliver failed reason=bounce | message_delivery:failed\n adapter deliver failed reason=again | duplicate"
)]
#[case::failed_reopens(
    "zoe update status=closed\n adapter deliver failed | message_delivery:failed status_changed:open"
)]
#[case::delivered_reopens_nothing(
    "zoe update status=resolved\n adapter deliver delivered | message_delivery:delivered"
)]
#[case::delivery_out_of_sight("chatty deliver failed | not_found")]
#[case::delivery_by_agents("priya deliver failed | forbidden")]
#[case::rated(
    "adapter rate 5 comment=nice | rated\n adapter rate 5 comment=nice | nothing\n adapter rate 4 comment=nice | rated"
)]
#[case::rated_when_closed("zoe update status=closed\n adapter rate 1 | rated")]
#[case::rating_out_of_sight("chatty rate 5 | not_found")]
#[case::rating_by_agents("priya rate 5 | forbidden")]
fn ingested(#[case] table: &str) {
    let mut world = play("customer writes Hello");
    resume(&mut world, table);
}

#[test]
fn the_first_message_opens_a_conversation() {
    let world = play(
        "customer writes key=a thread=t1 subject=Bill priority=high tags=b,a,b tier=gold Hello | conversation_opened message_received
         customer writes key=a thread=t1 subject=Bill priority=high tags=b,a,b tier=gold Hello | duplicate",
    );
    let state = world.state();
    assert_eq!(
        (state.status, state.unanswered, state.customer_seq),
        (Status::New, 1, 2)
    );
    assert_eq!(
        (state.tags.as_slice(), state.queue.as_str()),
        (["a".to_owned(), "b".to_owned()].as_slice(), "inbox")
    );
    assert!(
        world
            .feed
            .iter()
            .all(|it| matches!(&it.actor, Actor::Customer { id: Some(id) } if id.as_str() == "c1"))
    );
}

#[test]
fn the_answer_is_about_the_message() {
    let mut world = play("customer writes Hello\n zoe update status=resolved");
    let mut body = body(None, None);
    body.customer.name = "Karla".into();
    let done = world
        .act(&sender("adapter"), &Action::Ingest(Box::new(body)))
        .unwrap();
    assert_eq!(done.decision.answers_event, Some(1));
    assert!(matches!(
        done.decision.answer,
        Answer::Ingested { opened: false, .. }
    ));
    assert!(matches!(done.decision.events[0].0, Actor::Channel { .. }));
    assert!(
        done.decision.events[1..]
            .iter()
            .all(|it| matches!(it.0, Actor::Customer { .. }))
    );
    assert_eq!(kind(&done.decision.events[2].1), "status_changed:open");
}

#[test]
fn a_failed_message_makes_it_wait_again() {
    let mut world = play("customer writes Hello\n priya claim\n priya reply then=resolved Hi");
    assert_eq!(world.state().waiting_since, None);
    resume(&mut world, "adapter deliver failed after=9");
    assert_eq!(
        (world.state().waiting_since, world.state().unanswered),
        (Some(world.now), 1)
    );
}

fn body(conversation: Option<u128>, thread: Option<&str>) -> Ingest {
    let json = serde_json::json!({"key": "k", "channel": "mail", "customer": {"id": "c1", "name": "Carla"}, "text": "Hello"});
    let mut body: Ingest = serde_json::from_value(json).unwrap();
    body.conversation = conversation.map(|id| ConversationId(Uuid::from_u128(id)));
    body.thread = thread.map(|it| it.parse().unwrap());
    body
}

/// A conversation of `c1` by mail with this id, thread, and minutes since it was active.
fn known(id: u128, thread: Option<&str>, idle: i64) -> Conversation {
    let world = play("customer writes Hello");
    let mut state = world.state().clone();
    state.id = ConversationId(Uuid::from_u128(id));
    state.thread = thread.map(|it| it.parse().unwrap());
    state.active_at = state.active_at.plus_ms(-60_000 * idle);
    state
}

#[rstest]
#[case::nothing_known(None, None, &[], None)]
#[case::most_recently_active(None, None, &[(1, None, 9), (2, Some("t"), 3), (3, None, 5)], Some(2))]
#[case::ties_by_id(None, None, &[(1, None, 3), (2, None, 3)], Some(2))]
#[case::the_thread(None, Some("t"), &[(1, Some("t"), 9), (2, None, 3)], Some(1))]
#[case::an_unknown_thread(None, Some("u"), &[(1, Some("t"), 9), (2, None, 3)], None)]
#[case::the_named_one(Some(1), Some("t"), &[(1, None, 9), (2, Some("t"), 3)], Some(1))]
fn targets(
    #[case] conversation: Option<u128>,
    #[case] thread: Option<&str>,
    #[case] unclosed: &[(u128, Option<&str>, i64)],
    #[case] into: Option<u128>,
) {
    let unclosed: Vec<Conversation> = unclosed.iter().map(|it| known(it.0, it.1, it.2)).collect();
    let named = conversation.and_then(|id| unclosed.iter().find(|it| it.id.0.as_u128() == id));
    let named = named.map(|it| (it, it));
    let expected = into.map_or(Target::Open, |id| {
        Target::Into(ConversationId(Uuid::from_u128(id)))
    });
    assert_eq!(
        target(&body(conversation, thread), named, unclosed.iter()),
        Ok(expected)
    );
    assert_eq!(
        target(&body(conversation, thread), named, unclosed.iter().rev()),
        Ok(expected),
        "whatever the order"
    );
}

#[test]
fn a_named_conversation_must_be_theirs_and_open() {
    let find = |change: &dyn Fn(&mut Conversation)| {
        let mut named = known(1, None, 0);
        change(&mut named);
        target(&body(Some(1), None), Some((&named, &named)), std::iter::empty()).map_err(|it| it.code)
    };
    assert_eq!(find(&|it| it.status = Status::Closed), Ok(Target::Open));
    assert_eq!(
        find(&|it| it.channel = "chat".parse().unwrap()),
        Err(Code::NotFound)
    );
    assert_eq!(
        find(&|it| it.customer.id = "c2".parse().unwrap()),
        Err(Code::NotFound)
    );
    let missing = target(&body(Some(1), None), None, std::iter::empty()).map_err(|it| it.code);
    assert_eq!(missing, Err(Code::NotFound));
}

#[test]
fn a_limited_token_speaks_for_its_channel() {
    let mut world = World::new();
    resume(
        &mut world,
        "chatty writes channel=mail Hi | forbidden\n chatty writes channel=chat Hi | conversation_opened message_received",
    );
}
