//! Promises about time: broken exactly once and in time, also with nobody there and after a crash; lists know which.

use crate::desk::{claim, conversation, count, event, events, message_with, set, summary, watch};
use crate::hub::{Hub, PATIENCE};
use dibs_client::Http;
use dibs_protocol::event::EventEntry;
use dibs_protocol::ids::ConversationId;
use dibs_protocol::time::Time;
use serde_json::{Value, json};
use std::time::Instant;

/// Asks again until the conversation has an event of this kind: for when nobody is connected.
async fn until(http: &Http, c: ConversationId, kind: &str) -> Vec<EventEntry> {
    let end = Instant::now() + PATIENCE;
    loop {
        let all = events(http, c).await;
        if count(&all, kind) > 0 {
            return all;
        }
        assert!(Instant::now() < end, "there never was a {kind}");
    }
}

fn only(all: &[EventEntry], kind: &str) -> EventEntry {
    assert_eq!(count(all, kind), 1, "{kind}");
    all.iter().find(|it| it.kind() == kind).unwrap().clone()
}

#[tokio::test]
async fn a_breach_is_told_exactly_once_after_a_crash_and_with_nobody_connected() {
    let mut hub = Hub::start(&[]);
    set(
        &hub,
        json!({ "service_levels": [{ "name": "all", "first_response_s": 2, "warn_at": 0.5 }] }),
    )
    .await;
    let c = conversation(&hub, "c").await;
    let auditor = json!({ "sub": "auditor" });
    until(&hub.http(auditor.clone()), c, "sla_warned").await;
    hub.kill9();
    hub.restart();
    let all = until(&hub.http(auditor.clone()), c, "sla_breached").await;
    let breach = only(&all, "sla_breached");
    only(&all, "sla_warned");
    let due: Time = serde_json::from_value(breach.event["due_at"].clone()).unwrap();
    assert!(
        breach.at >= due && breach.at.0 - due.0 < 5_000,
        "{} for {due}",
        breach.at
    );
    hub.kill9();
    hub.restart();
    // Whatever was due is taken before this one, which is due later.
    let other = conversation(&hub, "other").await;
    until(&hub.http(auditor.clone()), other, "sla_breached").await;
    only(&events(&hub.http(auditor), c).await, "sla_breached");
}

#[tokio::test]
async fn a_reply_in_time_keeps_the_promise_and_the_next_message_makes_a_new_one() {
    let hub = Hub::start(&[]);
    let level =
        json!({ "name": "all", "first_response_s": 3600, "next_response_s": 60, "resolution_s": 86400 });
    set(&hub, json!({ "service_levels": [level] })).await;
    let c = conversation(&hub, "c").await;
    let priya = hub.agent("priya").await;
    let seen = watch(&priya, c).await;
    let sla = seen.sla.unwrap();
    assert_eq!(sla.due_at, sla.first_response.unwrap().due_at);
    let token = claim(&priya, c).await;
    priya
        .call(cmd!("reply", "conversation": c, "token": token, "key": "k", "seen": token, "text": "x"))
        .await
        .unwrap();
    assert_eq!(
        event(&priya, c, "sla_met").await.event["target"],
        "first_response"
    );
    let sla = summary(&priya, c).await.sla.unwrap();
    assert!(sla.first_response.is_none() && sla.next_response.is_none() && sla.resolution.is_some());
    crate::desk::write(&hub.channel(), "again", "c", "And?").await;
    event(&priya, c, "message_received").await;
    let sla = summary(&priya, c).await.sla.unwrap();
    assert_eq!(sla.due_at, sla.next_response.unwrap().due_at);
    priya
        .call(cmd!("update", "conversation": c, "status": "resolved"))
        .await
        .unwrap();
    assert_eq!(event(&priya, c, "sla_met").await.event["target"], "resolution");
    assert!(summary(&priya, c).await.sla.is_none());
}

#[tokio::test]
async fn lists_are_sorted_by_what_is_due_and_show_what_is_broken() {
    let hub = Hub::start(&[]);
    let level = |name: &str, priority: &str, s: u64| json!({ "name": name, "match": { "priority": [priority] }, "first_response_s": s });
    let levels = [
        level("u", "urgent", 1),
        level("h", "high", 600),
        level("n", "normal", 3600),
    ];
    set(&hub, json!({ "service_levels": levels })).await;
    let channel = hub.channel();
    let mut ids = Vec::new();
    for priority in ["low", "normal", "high", "urgent"] {
        let message = message_with(priority, priority, "Hello?", json!({ "priority": priority }));
        ids.push(channel.ingest(&message).await.unwrap().1.conversation);
    }
    ids.reverse();
    let priya = hub.agent("priya").await;
    watch(&priya, ids[0]).await;
    let all = events(&hub.http(json!({ "sub": "auditor" })), ids[0]).await;
    if count(&all, "sla_breached") == 0 {
        event(&priya, ids[0], "sla_breached").await;
    }
    let ids_of = |fields: &dibs_client::Fields| {
        let rows = fields["conversations"].as_array().unwrap();
        let id = |row: &Value| serde_json::from_value::<ConversationId>(row["id"].clone()).unwrap();
        rows.iter().map(id).collect::<Vec<_>>()
    };
    let due = priya
        .call(cmd!("open_view", "view": "due", "filter": {}, "sort": "due"))
        .await
        .unwrap();
    assert_eq!(ids_of(&due), ids);
    let broken = cmd!("open_view", "view": "b", "filter": { "sla_breached": true }, "sort": "due");
    assert_eq!(ids_of(&priya.call(broken).await.unwrap()), ids[..1]);
    let fine = cmd!("list", "filter": { "sla_breached": false, "sla_at_risk": false }, "sort": "due");
    assert_eq!(ids_of(&priya.call(fine).await.unwrap()), ids[1..]);
}

#[tokio::test]
async fn an_escalation_acts_once_and_tells_whom_it_names() {
    let hub = Hub::start(&[]);
    let rule = json!({ "name": "late", "on": { "breached": ["first_response"] }, "actions": [
        { "raise_priority": "urgent" }, { "move_to_queue": "fire" }, { "add_tags": ["late"] },
        { "mention_team": "leads" }, "unassign"] });
    let settings = json!({ "queues": [{ "id": "fire" }], "teams": [{ "id": "leads", "members": ["zoe"] }],
        "service_levels": [{ "name": "all", "first_response_s": 1 }], "escalations": [rule] });
    set(&hub, settings).await;
    let (priya, zoe) = (hub.agent("priya").await, hub.agent("zoe").await);
    let c = conversation(&hub, "c").await;
    claim(&priya, c).await;
    assert_eq!(crate::desk::push(&zoe, "mention").await["by"], "dibs");
    assert_eq!(
        crate::desk::push(&priya, "claim_lost").await["reason"],
        "escalated"
    );
    let now = summary(&zoe, c).await;
    assert_eq!((now.priority.as_str(), now.queue.as_str()), ("urgent", "fire"));
    assert_eq!(
        (now.tags, now.claim, now.assignee),
        (vec!["late".to_owned()], None, None)
    );
    only(
        &events(&hub.http(json!({ "sub": "auditor" })), c).await,
        "escalated",
    );
}

#[tokio::test]
async fn a_scheduled_reply_is_sent_at_its_time_and_dropped_when_something_new_came() {
    let hub = Hub::start(&[]);
    let (sent, stale) = (
        conversation(&hub, "sent").await,
        conversation(&hub, "stale").await,
    );
    let priya = hub.agent("priya").await;
    let at = |s: i64| Time(priya.welcome().time.0 + s * 1_000);
    for (c, s) in [(sent, 2), (stale, 600)] {
        watch(&priya, c).await;
        let token = claim(&priya, c).await;
        let answer = priya
            .call(
                cmd!("schedule_reply", "conversation": c, "token": token, "key": "k", "seen": token,
                "text": "later", "at": at(s), "then": "pending"),
            )
            .await
            .unwrap();
        let message: Value = answer["message"].clone();
        let waiting = summary(&priya, c).await.scheduled.unwrap();
        assert_eq!(json!(waiting.message), message);
    }
    crate::desk::write(&hub.channel(), "again", "stale", "Never mind").await;
    assert_eq!(
        event(&priya, stale, "schedule_dropped").await.event["reason"],
        "stale"
    );
    let reply = event(&priya, sent, "message_sent").await;
    assert_eq!(reply.event["message"]["text"], "later");
    assert!(reply.at >= at(2), "{} before its time", reply.at);
    let now = summary(&priya, sent).await;
    assert_eq!((now.status.as_str(), now.scheduled), ("pending", None));
    assert!(summary(&priya, stale).await.scheduled.is_none());
}

#[tokio::test]
async fn a_snoozed_conversation_wakes_at_its_time_and_at_a_message() {
    let hub = Hub::start(&[]);
    let (by_time, by_word) = (conversation(&hub, "t").await, conversation(&hub, "w").await);
    let priya = hub.agent("priya").await;
    for (c, s) in [(by_time, 1), (by_word, 600)] {
        watch(&priya, c).await;
        let until = Time(priya.welcome().time.0 + s * 1_000 + 1_000);
        priya
            .call(cmd!("update", "conversation": c, "status": "pending", "snoozed_until": until))
            .await
            .unwrap();
        event(&priya, c, "status_changed").await;
    }
    crate::desk::write(&hub.channel(), "again", "w", "Hello again").await;
    assert_eq!(event(&priya, by_word, "status_changed").await.event["to"], "open");
    assert_eq!(event(&priya, by_time, "status_changed").await.event["to"], "open");
}
