//! What happens on one instance is seen on the other: events, lists, presence, and what is for one person only.

use super::site::{Site, log, told};
use crate::desk::{claim, conversation, event, push, push_where, watch, write};
use dibs_protocol::answer::{OpenViewAnswer, WatchAgentsAnswer, WatchAnswer};
use dibs_protocol::frame::TypingSignal;
use dibs_protocol::terms::Typing;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_cross_in_order_and_lists_follow() {
    let site = Site::new();
    let (here, there) = site.two();
    let c = conversation(&here, "c").await;
    let (priya, sam) = (here.agent("priya").await, there.agent("sam").await);
    let since = watch(&sam, c).await.version;
    let list: OpenViewAnswer = sam
        .call_as(cmd!("open_view", "view": "v", "filter": { "claimed": false }, "sort": "newest"))
        .await
        .unwrap();
    assert_eq!((list.total, list.conversations[0].id), (1, c));
    let token = claim(&priya, c).await;
    let left = push_where(&sam, "view_changed", |it| it["total"] == 0).await;
    assert_eq!(left["removes"], json!([c]));
    write(&here.channel(), "m", "c", "Are you there?").await;
    let seen = event(&priya_watches(&here, c).await, c, "message_received")
        .await
        .seq;
    let reply = cmd!("reply", "conversation": c, "token": token, "key": "k", "seen": seen, "text": "Yes.");
    priya.call(reply).await.unwrap();
    priya
        .call(cmd!("release", "conversation": c, "token": token))
        .await
        .unwrap();
    push_where(&sam, "view_changed", |it| {
        it["total"] == 1 && it["upserts"][0]["id"] == json!(c)
    })
    .await;
    let all = log(&there, c).await;
    assert_eq!(
        told(&sam, c, all.last().unwrap().seq).await,
        super::site::above(&all, since)
    );
}

/// A second watcher, who sees what comes.
async fn priya_watches(hub: &crate::hub::Hub, c: dibs_protocol::ids::ConversationId) -> dibs_client::Client {
    let agent = hub.agent("priya").await;
    watch(&agent, c).await;
    write(&hub.channel(), "m2", "c", "Hello?").await;
    agent
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_looks_types_and_is_there_crosses() {
    let site = Site::new();
    let (here, there) = site.two();
    let c = conversation(&here, "c").await;
    let (ann, bob) = (here.agent("ann").await, there.agent("bob").await);
    let known: WatchAgentsAnswer = ann.call_as(cmd!("watch_agents")).await.unwrap();
    let bob_is = |wanted: Value| {
        move |it: &Value| {
            let rows = it["agents"].as_array().unwrap();
            rows.iter().any(|row| {
                let wanted = wanted.as_object().unwrap();
                row["id"] == "bob" && wanted.iter().all(|(name, value)| row[name] == *value)
            })
        }
    };
    let known = serde_json::to_value(known).unwrap();
    if !bob_is(json!({ "connected": true }))(&known) {
        push_where(&ann, "presence", bob_is(json!({ "connected": true }))).await;
    }
    watch(&ann, c).await;
    let looked: WatchAnswer = bob.call_as(cmd!("watch", "conversation": c)).await.unwrap();
    let viewers = |wanted: Value| {
        move |it: &Value| {
            let rows = it["viewers"].as_array().unwrap();
            let rows = rows
                .iter()
                .map(|row| json!([row["agent"], row.get("typing").cloned().unwrap_or(Value::Null)]));
            Value::Array(rows.collect()) == wanted
        }
    };
    push_where(&ann, "viewers", viewers(json!([["ann", null], ["bob", null]]))).await;
    // The answer shows her already, or she comes.
    if looked.viewers.len() < 2 {
        push_where(&bob, "viewers", viewers(json!([["ann", null], ["bob", null]]))).await;
    }
    let signal = |on| TypingSignal {
        conversation: c,
        into: Typing::Reply,
        on,
    };
    bob.typing(signal(true)).await.unwrap();
    push_where(&ann, "viewers", viewers(json!([["ann", null], ["bob", "reply"]]))).await;
    bob.typing(signal(false)).await.unwrap();
    push_where(&ann, "viewers", viewers(json!([["ann", null], ["bob", null]]))).await;
    bob.call(cmd!("set_presence", "status": "busy")).await.unwrap();
    push_where(&ann, "presence", bob_is(json!({ "status": "busy" }))).await;
    claim(&bob, c).await;
    push_where(&ann, "presence", bob_is(json!({ "claims": 1 }))).await;
    bob.cut().await;
    push_where(&ann, "presence", bob_is(json!({ "connected": false }))).await;
    push_where(&ann, "viewers", viewers(json!([["ann", null]]))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_for_one_person_reaches_them_on_any_instance() {
    let site = Site::new();
    let (here, there) = site.two();
    let c = conversation(&here, "c").await;
    let (priya, sam) = (here.agent("priya").await, there.agent("sam").await);
    let boss = there.supervisor("boss").await;
    let token = claim(&priya, c).await;
    priya
        .call(cmd!("note", "conversation": c, "key": "n", "text": "@sam, have a look"))
        .await
        .unwrap();
    let mention = push(&sam, "mention").await;
    assert_eq!((&mention["by"], &mention["unread"]), (&json!("priya"), &json!(1)));
    priya
        .call(cmd!("transfer", "conversation": c, "token": token, "to": { "agent": "sam" }))
        .await
        .unwrap();
    assert_eq!(push(&sam, "offer").await["from"], "priya");
    let answer = sam
        .call(cmd!("answer_transfer", "conversation": c, "accept": true))
        .await
        .unwrap();
    let lost = push(&priya, "claim_lost").await;
    assert_eq!((&lost["token"], &lost["by"]), (&json!(token), &json!("sam")));
    let stale = priya
        .refused(
            cmd!("reply", "conversation": c, "token": token, "key": "k", "seen": token, "text": "too late"),
        )
        .await
        .unwrap();
    assert_eq!(stale.code.as_str(), "claim_lost");
    boss.call(cmd!("take_over", "conversation": c, "reason": "urgent"))
        .await
        .unwrap();
    assert_eq!(push(&sam, "claim_lost").await["token"], answer["token"]);
}
