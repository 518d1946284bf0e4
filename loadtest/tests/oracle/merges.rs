//! Merges and splits: an honest log is acquitted, and each way of telling half of it, or of losing somebody, is found.

use dibs_loadtest::oracle::Promise::{AnsweredOnce, Kept, SameState};
use dibs_loadtest::oracle::{Feed, Promise, Verdict, check};
use dibs_protocol::event::{Actor, Event};
use dibs_protocol::ids::ConversationId;
use dibs_protocol::time::Time;
use serde_json::{Value, json};
use uuid::Uuid;

const START: i64 = 1_795_255_200_000;

fn id(number: u128) -> ConversationId {
    ConversationId(Uuid::from_u128(number))
}

fn carried(unanswered: u32, since_s: i64) -> Value {
    let mut carried = json!({ "unanswered": unanswered });
    if unanswered > 0 {
        carried["waiting_since"] = json!(Time(START + since_s * 1_000));
    }
    carried
}

fn opened() -> Value {
    json!({ "kind": "conversation_opened", "channel": "web", "customer": { "id": "c", "name": "C" },
        "queue": "q", "priority": "normal", "tags": [] })
}

fn received(message: u128) -> Value {
    json!({ "kind": "message_received", "message": { "id": Uuid::from_u128(message), "text": "Hi", "attachments": [] } })
}

/// One second each: 1 and 2 are two conversations with a message each; 1 is absorbed; its message is split off as 3.
fn story() -> Vec<(u128, Value)> {
    let message = Uuid::from_u128(11);
    vec![
        (1, opened()),
        (1, received(11)),
        (2, opened()),
        (2, received(12)),
        (1, json!({ "kind": "merged", "into": id(2) })),
        (
            2,
            json!({ "kind": "merged", "conversations": [id(1)], "carried": carried(2, 2) }),
        ),
        (3, opened()),
        (
            3,
            json!({ "kind": "split", "from": id(2), "messages": [message], "carried": carried(1, 2) }),
        ),
        (
            2,
            json!({ "kind": "split", "into": id(3), "messages": [message], "carried": carried(1, 4) }),
        ),
    ]
}

fn judged(story: &[(u128, Value)]) -> Verdict {
    let mut feed = Feed::new();
    feed.whole = true;
    for (seq, (conversation, event)) in (1..).zip(story) {
        let event: Event = serde_json::from_value(event.clone()).unwrap();
        let at = Time(START + i64::try_from(seq).unwrap() * 1_000);
        feed.push(seq, Some(id(*conversation)), at, &Actor::System, &event);
    }
    check(&feed, &[])
}

fn finds(promise: Promise, what: &str, spoil: impl FnOnce(&mut Vec<(u128, Value)>)) {
    let mut story = story();
    spoil(&mut story);
    let verdict = judged(&story);
    assert!(verdict.broken.contains_key(&promise), "{what}: {verdict}");
}

#[test]
fn an_honest_merge_and_split_break_nothing() {
    let verdict = judged(&story());
    assert!(verdict.broken.is_empty(), "{verdict}");
}

#[test]
fn half_a_commit_is_found() {
    finds(Kept, "the survivor says nothing", |it| it[5].1 = received(13));
    finds(Kept, "the absorbed one says nothing", |it| it[4].1 = received(13));
    finds(Kept, "the survivor absorbs another one", |it| {
        it[5].1["conversations"] = json!([id(9)]);
    });
    finds(Kept, "the old one does not say what went", |it| drop(it.pop()));
    finds(Kept, "the two say different messages", |it| {
        it[8].1["messages"] = json!([Uuid::from_u128(12)]);
    });
}

#[test]
fn whoever_is_lost_or_doubled_is_found() {
    finds(SameState, "somebody waits and is forgotten", |it| {
        it[5].1["carried"] = carried(1, 4);
        it[8].1["carried"] = carried(0, 0);
    });
    finds(Kept, "a message goes on in two", |it| {
        it.truncate(6);
        it.push((3, opened()));
        it.push((
            3,
            json!({ "kind": "split", "from": id(1), "messages": [Uuid::from_u128(11)] }),
        ));
    });
    finds(Kept, "something is said where all is over", |it| {
        it.push((1, received(14)))
    });
}

#[test]
fn what_was_said_before_a_merge_is_not_said_again_under_its_key() {
    let granted =
        |token: u64| json!({ "kind": "claim_granted", "agent": "priya", "token": token, "via": "claim" });
    let sent = |message: u128, token: u64| {
        json!({ "kind": "message_sent", "agent": "priya", "token": token, "key": "k",
            "message": { "id": Uuid::from_u128(message), "text": "Hi", "attachments": [] } })
    };
    let released = json!({ "kind": "claim_released", "agent": "priya", "token": 3, "via": "merged" });
    let story = vec![
        (1, opened()),
        (1, received(11)),
        (1, granted(3)),
        (1, sent(12, 3)),
        (2, opened()),
        (2, granted(6)),
        (1, released),
        (1, json!({ "kind": "merged", "into": id(2) })),
        (
            2,
            json!({ "kind": "merged", "conversations": [id(1)], "carried": carried(0, 0) }),
        ),
        (2, sent(13, 6)),
    ];
    let verdict = judged(&story);
    assert!(verdict.broken.contains_key(&AnsweredOnce), "{verdict}");
    assert!(verdict.to_string().contains("absorbed"), "{verdict}");
}
