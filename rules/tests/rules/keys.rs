//! Keys: their place, what counts as the same, and how long they are kept.

use crate::world::{agent_id, sender};
use dibs_protocol::http::{Delivery, RatingBody};
use dibs_protocol::ids::{ConversationId, MessageId};
use dibs_protocol::terms::DeliveryState;
use dibs_rules::Action;
use dibs_rules::keys::{fingerprint, key_of, message_ref};
use rstest::rstest;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

const ID: &str = "00000000-0000-0000-0000-000000000001";

fn read<T: DeserializeOwned>(fields: Value) -> T {
    serde_json::from_value(fields).unwrap()
}

fn reply(change: Value) -> Action {
    let mut fields = json!({"conversation": ID, "token": 3, "key": "k", "seen": 4, "text": "Hi"});
    fields
        .as_object_mut()
        .unwrap()
        .extend(change.as_object().unwrap().clone());
    Action::Reply(read(fields))
}

fn ingest(change: Value) -> Action {
    let customer = json!({"id": "c1", "name": "Carla"});
    let mut fields = json!({"key": "k", "channel": "mail", "customer": customer, "text": "Hi"});
    fields
        .as_object_mut()
        .unwrap()
        .extend(change.as_object().unwrap().clone());
    Action::Ingest(Box::new(read(fields)))
}

fn delivery(reason: Option<&str>) -> Action {
    let message = MessageId(Uuid::from_u128(1));
    Action::Delivery(Delivery {
        message,
        state: DeliveryState::Failed,
        reason: reason.map(str::to_owned),
    })
}

#[rstest]
#[case(reply(json!({})), "priya", Some(("agent/priya/reply/00000000-0000-0000-0000-000000000001", "k")))]
#[case(ingest(json!({})), "adapter", Some(("ingest/mail", "k")))]
#[case(ingest(json!({})), "chatty", Some(("ingest/mail", "k")))]
#[case(delivery(None), "adapter", Some(("delivery/00000000-0000-0000-0000-000000000001", "failed")))]
#[case(Action::Claim(read(json!({"conversation": ID}))), "priya", None)]
#[case(Action::Claim(read(json!({"conversation": ID, "key": "k"}))), "priya", Some(("agent/priya/claim/00000000-0000-0000-0000-000000000001", "k")))]
#[case(Action::Open(read(json!({"key": "k", "customer": {"id": "c", "name": "C"}, "channel": "mail"}))), "priya", Some(("agent/priya/open", "k")))]
#[case(Action::Rate(RatingBody { conversation: ConversationId(Uuid::nil()), score: 5, comment: None }), "adapter", None)]
#[case(Action::ReleaseHeld, "priya", None)]
#[case(Action::Deadline, "time", None)]
#[case(Action::HolderGone(agent_id("priya")), "time", None)]
fn places(#[case] action: Action, #[case] who: &str, #[case] expected: Option<(&str, &str)>) {
    let key = key_of(&action, &sender(who)).map(|it| (it.scope, it.key));
    assert_eq!(
        key,
        expected.map(|(scope, key)| (scope.to_owned(), key.to_owned()))
    );
}

#[rstest]
#[case::key(reply(json!({"key": "other"})), true)]
#[case::token(reply(json!({"token": 9})), true)]
#[case::seen(reply(json!({"seen": 9})), true)]
#[case::text(reply(json!({"text": "Ho"})), false)]
#[case::then(reply(json!({"then": "pending"})), false)]
#[case::attachments(reply(json!({"attachments": []})), false)]
fn what_counts_in_a_reply(#[case] other: Action, #[case] same: bool) {
    assert_eq!(fingerprint(&reply(json!({}))) == fingerprint(&other), same);
}

#[test]
fn only_the_commands_own_fields_are_left_out() {
    let other = ingest(json!({"customer": {"id": "c2", "name": "Carla"}}));
    assert_ne!(
        fingerprint(&ingest(json!({}))),
        fingerprint(&other),
        "a customer's id is not the command's"
    );
    let update = |fields: Value| fingerprint(&Action::Update(read(fields)));
    assert_eq!(
        update(json!({"conversation": ID, "expect": {"version": 1}, "priority": "low"})),
        update(json!({"conversation": ID, "priority": "low"}))
    );
    assert_ne!(
        update(json!({"conversation": ID, "assignee": null})),
        update(json!({"conversation": ID})),
        "null is not absent"
    );
    assert_eq!(
        fingerprint(&delivery(None)),
        fingerprint(&delivery(Some("bounce")))
    );
}

#[test]
fn fingerprints_are_stored_so_they_never_change() {
    let hex: String = fingerprint(&reply(json!({})))
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(
        hex,
        "7de3b3698c36fa74e18e0d39e8ee30e5396d07dd55738b18b35d8ceab6fb8664"
    );
}

#[test]
fn messages_have_one_place() {
    let key = message_ref(MessageId(Uuid::from_u128(1)));
    assert_eq!((key.scope.as_str(), key.key.as_str()), ("message", ID));
}

#[test]
fn keys_are_kept_as_long_as_the_contract_says() {
    let mut world = crate::script::play("customer writes Hello\n priya claim");
    let mut keep_hours = |who: &str, action: Action| {
        let decision = world.decide(&sender(who), &action).unwrap();
        let hours = |it: Option<dibs_rules::decision::KeyToStore>| it.map(|it| it.keep_ms / 3_600_000);
        (hours(decision.key), hours(decision.index))
    };
    assert_eq!(
        keep_hours("priya", reply(json!({"token": 3, "seen": 3}))),
        (Some(24), Some(720))
    );
    assert_eq!(keep_hours("adapter", ingest(json!({}))), (Some(168), None));
    assert_eq!(keep_hours("adapter", delivery(None)), (Some(720), None));
    assert_eq!(keep_hours("priya", Action::ReleaseHeld), (None, None));
}
