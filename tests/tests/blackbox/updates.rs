//! Updates: all fields in one commit, nothing done on a difference, and many conversations at once.

use crate::desk::{claim, conversation, event, events, number, summary, watch};
use crate::hub::Hub;
use dibs_protocol::answer::BulkAnswer;
use dibs_protocol::refusal::Code;
use dibs_protocol::terms::Status;
use serde_json::json;

#[tokio::test]
async fn an_update_is_one_commit() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let priya = hub.agent("priya").await;
    let before = summary(&priya, c).await.version;
    let update = cmd!("update", "conversation": c, "status": "pending", "priority": "urgent", "queue": "vip",
        "assignee": "priya", "team": "billing", "subject": "Parcel", "add_tags": ["b", "a"]);
    let last = number(&priya.call(update).await.unwrap(), "seq");
    let all = events(&hub.http(json!({ "sub": "priya" })), c).await;
    let new: Vec<u64> = all.iter().map(|it| it.seq).filter(|seq| *seq > before).collect();
    assert!(new.is_sorted_by(|a, b| b - a == 1), "consecutive: {new:?}");
    assert_eq!(new.last(), Some(&last));
    let after = summary(&priya, c).await;
    assert_eq!(
        (after.status, after.queue.as_str(), after.subject.as_deref()),
        (Status::Pending, "vip", Some("Parcel"))
    );
    assert_eq!(after.tags, ["a", "b"]);
    let nothing = cmd!("update", "conversation": c, "queue": "vip", "add_tags": ["a"]);
    assert!(
        !priya.call(nothing).await.unwrap().contains_key("seq"),
        "what changes nothing stores nothing"
    );
    assert_eq!(summary(&priya, c).await.version, last);
}

#[tokio::test]
async fn an_update_that_expects_something_else_does_nothing() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let (priya, sam) = (hub.agent("priya").await, hub.agent("sam").await);
    let version = summary(&priya, c).await.version;
    let take = |who: &str| cmd!("update", "conversation": c, "expect": { "assignee": null }, "assignee": who);
    priya.call(take("priya")).await.unwrap();
    let refusal = sam.refused(take("sam")).await.unwrap();
    assert_eq!(refusal.code, Code::Conflict);
    let current = refusal.details.current.unwrap().conversation().unwrap().clone();
    assert_eq!(current.assignee.unwrap().as_str(), "priya");
    let old = cmd!("update", "conversation": c, "expect": { "version": version }, "priority": "low");
    assert_eq!(sam.refused(old).await.unwrap().code, Code::Conflict);
    let now = cmd!("update", "conversation": c, "expect": { "version": current.version }, "priority": "low");
    sam.call(now).await.unwrap();
    let odd = cmd!("update", "conversation": c, "expect": { "colour": "red" }, "priority": "high");
    assert_eq!(
        sam.refused(odd).await.unwrap().code,
        Code::Invalid,
        "no precondition is dropped"
    );
}

#[tokio::test]
async fn null_clears() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let priya = hub.agent("priya").await;
    let set = cmd!("update", "conversation": c, "assignee": "priya", "team": "billing", "subject": "s");
    priya.call(set).await.unwrap();
    watch(&priya, c).await;
    let clear = cmd!("update", "conversation": c, "assignee": null, "subject": null);
    priya.call(clear).await.unwrap();
    let assigned = event(&priya, c, "assigned").await;
    assert_eq!(
        assigned.event,
        json!({ "kind": "assigned", "team": "billing" }),
        "both as they now are"
    );
    let after = summary(&priya, c).await;
    assert_eq!((after.assignee, after.subject), (None, None));
}

#[tokio::test]
async fn a_snoozed_conversation_is_free_and_wakes_by_itself() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let priya = hub.agent("priya").await;
    let seen = watch(&priya, c).await;
    claim(&priya, c).await;
    let soon = dibs_protocol::time::Time(priya.welcome().time.0 + 3_000);
    let snooze = cmd!("update", "conversation": c, "status": "pending", "snoozed_until": soon);
    priya.call(snooze).await.unwrap();
    assert_eq!(event(&priya, c, "claim_released").await.event["via"], "snoozed");
    let slept = event(&priya, c, "status_changed").await;
    assert_eq!(
        (&slept.event["to"], &slept.event["snoozed_until"]),
        (&json!("pending"), &json!(soon))
    );
    let woke = event(&priya, c, "status_changed").await;
    assert_eq!(
        (&woke.event["from"], &woke.event["to"]),
        (&json!("pending"), &json!("open"))
    );
    assert!(woke.at >= soon && woke.actor == dibs_protocol::event::Actor::System);
    assert!(seen.snoozed_until.is_none() && summary(&priya, c).await.snoozed_until.is_none());
    let wrong = cmd!("update", "conversation": c, "status": "open", "snoozed_until": soon);
    assert_eq!(priya.refused(wrong).await.unwrap().code, Code::Invalid);
}

#[tokio::test]
async fn a_bulk_answers_each_in_the_order_asked() {
    let hub = Hub::start(&[]);
    let (a, b, held) = (
        conversation(&hub, "a").await,
        conversation(&hub, "b").await,
        conversation(&hub, "h").await,
    );
    let (priya, sam) = (hub.agent("priya").await, hub.agent("sam").await);
    claim(&sam, held).await;
    let ghost = "0190c2c4-7f3e-7d5a-9a51-0f3c2b1a4d5e";
    let bulk = cmd!("bulk", "conversations": [b, ghost, held, a], "action": { "type": "update", "status": "resolved" });
    let answer: BulkAnswer = priya.call_as(bulk).await.unwrap();
    let outcomes: Vec<(String, Option<Code>)> = answer
        .results
        .iter()
        .map(|it| (it.conversation.to_string(), it.error.as_ref().map(|e| e.code)))
        .collect();
    let expected = [
        (b.to_string(), None),
        (ghost.to_owned(), Some(Code::NotFound)),
        (held.to_string(), Some(Code::Forbidden)),
        (a.to_string(), None),
    ];
    assert_eq!(outcomes, expected);
    assert_eq!(summary(&priya, a).await.status, Status::Resolved);
}

#[tokio::test]
async fn a_bulk_claims_and_releases_what_one_holds() {
    let hub = Hub::start(&[]);
    let (a, b) = (conversation(&hub, "a").await, conversation(&hub, "b").await);
    let (priya, sam) = (hub.agent("priya").await, hub.agent("sam").await);
    claim(&sam, b).await;
    let claims: BulkAnswer = priya
        .call_as(cmd!("bulk", "conversations": [a, b], "action": { "type": "claim" }))
        .await
        .unwrap();
    assert!(claims.results[0].ok.as_ref().unwrap()["token"].is_u64());
    assert_eq!(
        claims.results[1].error.as_ref().unwrap().code,
        Code::AlreadyClaimed
    );
    let release: BulkAnswer = priya
        .call_as(cmd!("bulk", "conversations": [a, b], "action": { "type": "release" }))
        .await
        .unwrap();
    assert!(release.results[0].ok.is_some());
    assert_eq!(release.results[1].error.as_ref().unwrap().code, Code::ClaimLost);
    assert!(summary(&priya, a).await.claim.is_none());
}

#[tokio::test]
async fn a_bulk_expects_the_same_of_each() {
    let hub = Hub::start(&[]);
    let (a, b) = (conversation(&hub, "a").await, conversation(&hub, "b").await);
    let priya = hub.agent("priya").await;
    priya
        .call(cmd!("update", "conversation": b, "priority": "low"))
        .await
        .unwrap();
    let bulk = cmd!("bulk", "conversations": [a, b], "expect": { "priority": "normal" },
        "action": { "type": "update", "priority": "high" });
    let answer: BulkAnswer = priya.call_as(bulk).await.unwrap();
    assert!(answer.results[0].ok.is_some());
    assert_eq!(answer.results[1].error.as_ref().unwrap().code, Code::Conflict);
}

#[tokio::test]
async fn a_repeated_update_with_its_key_is_done_once() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let priya = hub.agent("priya").await;
    let update = || cmd!("update", "conversation": c, "key": "u", "priority": "high");
    let first = priya.call(update()).await.unwrap();
    priya
        .call(cmd!("update", "conversation": c, "priority": "low"))
        .await
        .unwrap();
    let again = priya.call(update()).await.unwrap();
    assert_eq!(
        (&again["seq"], &again["duplicate"]),
        (&first["seq"], &json!(true))
    );
    assert_eq!(summary(&priya, c).await.priority.as_str(), "low");
}
