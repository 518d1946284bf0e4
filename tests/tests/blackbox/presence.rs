//! Presence: who looks, who types, who is there. Never stored, always current.

use crate::desk::{claim, conversation, push_where, watch};
use crate::hub::Hub;
use dibs_client::Client;
use dibs_protocol::answer::{OpenViewAnswer, WatchAgentsAnswer};
use dibs_protocol::frame::TypingSignal;
use dibs_protocol::ids::ConversationId;
use dibs_protocol::refusal::Code;
use dibs_protocol::terms::Typing;
use serde_json::{Value, json};

async fn typing(agent: &Client, c: ConversationId, into: Typing, on: bool) {
    agent
        .typing(TypingSignal {
            conversation: c,
            into,
            on,
        })
        .await
        .unwrap();
}

/// Waits until the viewers are these, each with what they type.
async fn viewers(agent: &Client, wanted: Value) {
    push_where(agent, "viewers", |it| {
        let rows: Vec<Value> = it["viewers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| json!([row["agent"], row.get("typing").cloned().unwrap_or(Value::Null)]))
            .collect();
        Value::Array(rows) == wanted
    })
    .await;
}

#[tokio::test]
async fn who_looks_is_seen_until_they_look_away_or_leave() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let (ann, bob) = (hub.agent("ann").await, hub.agent("bob").await);
    watch(&ann, c).await;
    watch(&bob, c).await;
    viewers(&ann, json!([["ann", null], ["bob", null]])).await;
    bob.call(cmd!("unwatch", "conversation": c)).await.unwrap();
    viewers(&ann, json!([["ann", null]])).await;
    watch(&bob, c).await;
    viewers(&ann, json!([["ann", null], ["bob", null]])).await;
    bob.cut().await;
    viewers(&ann, json!([["ann", null]])).await;
}

#[tokio::test]
async fn two_sessions_of_one_agent_are_one_viewer() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let (desk, phone, bob) = (
        hub.agent("ann").await,
        hub.agent("ann").await,
        hub.agent("bob").await,
    );
    watch(&desk, c).await;
    watch(&phone, c).await;
    watch(&bob, c).await;
    viewers(&bob, json!([["ann", null], ["bob", null]])).await;
    desk.cut().await;
    phone
        .typing(TypingSignal {
            conversation: c,
            into: Typing::Reply,
            on: true,
        })
        .await
        .unwrap();
    viewers(&bob, json!([["ann", "reply"], ["bob", null]])).await;
}

#[tokio::test]
async fn typing_is_seen_and_ends_by_itself() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let (ann, bob) = (hub.agent("ann").await, hub.agent("bob").await);
    watch(&ann, c).await;
    watch(&bob, c).await;
    typing(&bob, c, Typing::Reply, true).await;
    viewers(&ann, json!([["ann", null], ["bob", "reply"]])).await;
    typing(&bob, c, Typing::Reply, false).await;
    viewers(&ann, json!([["ann", null], ["bob", null]])).await;
    typing(&bob, c, Typing::Note, true).await;
    viewers(&ann, json!([["ann", null], ["bob", "note"]])).await;
    viewers(&ann, json!([["ann", null], ["bob", null]])).await;
}

#[tokio::test]
async fn a_silent_supervisor_is_not_seen_and_an_agent_cannot_be_silent() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let (ann, bob, boss) = (
        hub.agent("ann").await,
        hub.agent("bob").await,
        hub.supervisor("boss").await,
    );
    boss.call(cmd!("watch", "conversation": c, "silent": true))
        .await
        .unwrap();
    typing(&boss, c, Typing::Reply, true).await;
    watch(&ann, c).await;
    watch(&bob, c).await;
    push_where(&ann, "viewers", |it| {
        assert!(
            !it["viewers"]
                .as_array()
                .unwrap()
                .iter()
                .any(|row| row["agent"] == "boss"),
            "{it}"
        );
        it["count"] == 2
    })
    .await;
    viewers(&boss, json!([["ann", null], ["bob", null]])).await;
    let refusal = ann
        .refused(cmd!("watch", "conversation": c, "silent": true))
        .await
        .unwrap();
    assert_eq!(refusal.code, Code::Forbidden);
}

#[tokio::test]
async fn who_watched_silently_is_not_seen_after_a_resume_either() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let boss = hub.supervisor("boss").await;
    boss.call(cmd!("watch", "conversation": c, "silent": true))
        .await
        .unwrap();
    let claims = json!({ "sub": "boss", "role": "supervisor" });
    let boss = hub.resume(claims, boss.cut().await).await;
    assert!(boss.welcome().resumed);
    let ann = hub.agent("ann").await;
    watch(&ann, c).await;
    viewers(&boss, json!([["ann", null]])).await;
}

#[tokio::test]
async fn rows_of_an_open_view_show_who_looks_and_types() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let (ann, bob) = (hub.agent("ann").await, hub.agent("bob").await);
    let _: OpenViewAnswer = ann
        .call_as(cmd!("open_view", "view": "v", "filter": {}, "sort": "newest"))
        .await
        .unwrap();
    watch(&bob, c).await;
    push_where(&ann, "activity", |it| {
        it["rows"] == json!([{ "id": c, "viewers": ["bob"], "typing": [] }])
    })
    .await;
    typing(&bob, c, Typing::Reply, true).await;
    push_where(&ann, "activity", |it| {
        it["rows"] == json!([{ "id": c, "viewers": ["bob"], "typing": ["bob"] }])
    })
    .await;
    bob.cut().await;
    push_where(&ann, "activity", |it| {
        it["rows"] == json!([{ "id": c, "viewers": [], "typing": [] }])
    })
    .await;
}

#[tokio::test]
async fn the_agents_are_known_from_their_first_hello_and_followed() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let ann = hub.member("ann", &["billing"]).await;
    let known: WatchAgentsAnswer = ann.call_as(cmd!("watch_agents")).await.unwrap();
    assert_eq!(known.agents.len(), 1);
    assert_eq!(known.teams[0].members[0].as_str(), "ann");
    let bob = hub.agent("bob").await;
    push_where(&ann, "presence", |it| {
        has(it, |row| row["id"] == "bob" && row["connected"] == true)
    })
    .await;
    claim(&bob, c).await;
    push_where(&ann, "presence", |it| {
        has(it, |row| row["id"] == "bob" && row["claims"] == 1)
    })
    .await;
    bob.call(cmd!("set_presence", "status": "away", "reason": "lunch"))
        .await
        .unwrap();
    push_where(&ann, "presence", |it| {
        has(it, |row| row["id"] == "bob" && row["status"] == "away")
    })
    .await;
    bob.cut().await;
    push_where(&ann, "presence", |it| {
        has(it, |row| row["id"] == "bob" && row["connected"] == false)
    })
    .await;
    let _bob = hub.agent("bob").await;
    push_where(&ann, "presence", |it| {
        has(it, |row| {
            row["id"] == "bob" && row["connected"] == true && row["status"] == "away"
        })
    })
    .await;
}

fn has(push: &Value, wanted: impl Fn(&Value) -> bool) -> bool {
    push["agents"].as_array().unwrap().iter().any(wanted)
}
