//! What is personal: what skeletons leave out and what they keep.

use crate::script::{play, resume};
use dibs_protocol::event::{Actor, Event};
use dibs_protocol::ids::ConversationId;
use dibs_rules::personal::{skeleton, skeleton_actor};
use rstest::rstest;
use serde_json::{Value, json};
use uuid::Uuid;

const ID: &str = "00000000-0000-0000-0000-000000000001";
const OF: &str = "redacted-00000000-0000-0000-0000-000000000001";

fn event(fields: Value) -> Event {
    serde_json::from_value(fields).unwrap()
}

fn opened(customer: Value, thread: Option<&str>, subject: Option<&str>) -> Value {
    let mut fields = json!({"kind": "conversation_opened", "channel": "mail", "customer": customer, "queue": "q",
        "priority": "low", "tags": ["a"]});
    for (name, value) in [("thread", thread), ("subject", subject)] {
        if let Some(value) = value {
            fields[name] = json!(value);
        }
    }
    fields
}

#[rstest]
#[case(
    opened(json!({"id": "c1", "name": "Carla", "handle": "c@x", "tier": "gold"}), Some("t"), Some("Bill")),
    Some(opened(json!({"id": OF, "name": ""}), None, None))
)]
#[case(
    json!({"kind": "message_received", "message": {"id": ID, "text": "Hi", "attachments": [{"name": "a", "media_type": "b", "size": 1, "url": "https://x"}]}}),
    Some(json!({"kind": "message_received", "message": {"id": ID, "text": "", "attachments": []}}))
)]
#[case(
    json!({"kind": "message_sent", "message": {"id": ID, "text": "Hi", "attachments": []}, "agent": "priya", "token": 3, "key": "k"}),
    Some(json!({"kind": "message_sent", "message": {"id": ID, "text": "", "attachments": []}, "agent": "priya", "token": 3, "key": "k"}))
)]
#[case(
    json!({"kind": "note_added", "note": {"id": ID, "text": "@ben"}, "agent": "priya", "mentions": {"agents": ["ben"], "teams": []}}),
    Some(json!({"kind": "note_added", "note": {"id": ID, "text": ""}, "agent": "priya", "mentions": {"agents": ["ben"], "teams": []}}))
)]
#[case(json!({"kind": "claim_granted", "agent": "zoe", "via": "take_over", "reason": "sick"}), Some(json!({"kind": "claim_granted", "agent": "zoe", "via": "take_over"})))]
#[case(json!({"kind": "claim_granted", "agent": "zoe", "via": "claim"}), None)]
#[case(json!({"kind": "rated", "score": 5, "comment": "nice"}), Some(json!({"kind": "rated", "score": 5})))]
#[case(json!({"kind": "rated", "score": 5}), None)]
#[case(json!({"kind": "subject_changed", "from": "a", "to": "b"}), Some(json!({"kind": "subject_changed"})))]
#[case(json!({"kind": "message_delivery", "message": ID, "state": "failed", "reason": "x"}), Some(json!({"kind": "message_delivery", "message": ID, "state": "failed"})))]
#[case(json!({"kind": "customer_updated", "customer": {"id": "c1", "name": "C"}}), Some(json!({"kind": "customer_updated", "customer": {"id": OF, "name": ""}})))]
#[case(json!({"kind": "status_changed", "from": "new", "to": "open"}), None)]
#[case(json!({"kind": "tagged", "added": ["a"], "removed": []}), None)]
fn skeletons(#[case] full: Value, #[case] expected: Option<Value>) {
    let conversation = Some(ConversationId(ID.parse::<Uuid>().unwrap()));
    let blank = skeleton(&event(full), conversation);
    assert_eq!(blank, expected.map(event));
    assert_eq!(
        blank.and_then(|it| skeleton(&it, conversation)),
        None,
        "a skeleton has nothing personal left"
    );
}

#[test]
fn customers_lose_their_id_as_actors() {
    let customer = Actor::Customer {
        id: Some("c1".parse().unwrap()),
    };
    assert_eq!(skeleton_actor(&customer), Actor::Customer { id: None });
    assert_eq!(skeleton_actor(&Actor::System), Actor::System);
}

#[test]
fn after_a_redaction_nothing_personal_is_shown() {
    let mut world = play(
        "customer writes name=Carla handle=carla@example tier=gold thread=t subject=Invoice Hello
         adapter rate 5 comment=lovely\n priya claim\n priya transfer to=ben private",
    );
    resume(&mut world, "ada redact 1,2,3,5 | redacted");
    let text = serde_json::to_string(world.state()).unwrap();
    for word in [
        "c1", "Carla", "example", "gold", "\"t\"", "Invoice", "Hello", "lovely", "private",
    ] {
        assert!(
            !text.contains(&format!("\"{word}")) && (word == "c1" || !text.contains(word)),
            "{word} in {text}"
        );
    }
    assert_eq!(world.state().unanswered, 1, "what is not personal stays");
    resume(&mut world, "customer writes more | not_found");
}
