//! What tests do at a desk: commands in short, customers who write, answers taken apart.

use crate::hub::Hub;
use dibs_client::{Client, Fields, Http};
use dibs_protocol::command::Command;
use dibs_protocol::event::EventEntry;
use dibs_protocol::frame::ServerFrame;
use dibs_protocol::http::{Ingest, IngestAnswer, PutSettings};
use dibs_protocol::ids::ConversationId;
use dibs_protocol::summary::Summary;
use serde_json::{Value, json};

/// `cmd!("claim", "conversation": c)` is that command.
macro_rules! cmd {
    ($name:literal $(, $($fields:tt)+)?) => {
        $crate::desk::command(serde_json::json!({ "type": $name, $($($fields)+)? }))
    };
}

/// A command as JSON writes it, without `id`.
pub fn command(value: Value) -> Command {
    serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{value}: {error}"))
}

/// A customer's message.
pub fn message(key: &str, customer: &str, text: &str) -> Ingest {
    serde_json::from_value(json!({
        "key": key, "channel": "email", "customer": { "id": customer, "name": format!("Customer {customer}") },
        "text": text,
    }))
    .unwrap()
}

/// A customer's message with further fields.
pub fn message_with(key: &str, customer: &str, text: &str, more: Value) -> Ingest {
    let mut all = serde_json::to_value(message(key, customer, text)).unwrap();
    let Value::Object(more) = more else {
        panic!("fields are an object")
    };
    all.as_object_mut().unwrap().extend(more);
    serde_json::from_value(all).unwrap()
}

/// A customer writes.
pub async fn write(channel: &Http, key: &str, customer: &str, text: &str) -> IngestAnswer {
    channel.ingest(&message(key, customer, text)).await.unwrap().1
}

/// Settings as an admin puts them; with `expect`, only in place of that version.
pub fn put(settings: Value, expect: Option<u64>) -> PutSettings {
    let settings = serde_json::from_value(settings).unwrap();
    PutSettings { settings, expect }
}

/// An admin sets the workspace's settings.
pub async fn set(hub: &Hub, settings: Value) {
    let admin = hub.http(json!({ "sub": "ada", "role": "admin" }));
    admin.set_settings(&put(settings, None)).await.unwrap();
}

/// A new customer's first message opens a conversation.
pub async fn conversation(hub: &Hub, customer: &str) -> ConversationId {
    let answer = write(&hub.channel(), &format!("first-{customer}"), customer, "Hello?").await;
    assert!(answer.opened);
    answer.conversation
}

/// An integer of an answer.
pub fn number(fields: &Fields, name: &str) -> u64 {
    fields[name]
        .as_u64()
        .unwrap_or_else(|| panic!("no integer {name} in {fields:?}"))
}

/// An agent calls dibs and wins.
pub async fn claim(agent: &Client, c: ConversationId) -> u64 {
    number(
        &agent.call(cmd!("claim", "conversation": c)).await.unwrap(),
        "token",
    )
}

/// An agent watches a conversation and gets its summary.
pub async fn watch(agent: &Client, c: ConversationId) -> Summary {
    let fields = agent.call(cmd!("watch", "conversation": c)).await.unwrap();
    serde_json::from_value(fields["summary"].clone()).unwrap()
}

/// The conversation as a fresh read shows it.
pub async fn summary(agent: &Client, c: ConversationId) -> Summary {
    let seen = agent
        .call(cmd!("watch", "conversation": c, "limit": 0))
        .await
        .unwrap();
    serde_json::from_value(seen["summary"].clone()).unwrap()
}

/// All events of a conversation, page by page.
pub async fn events(http: &Http, c: ConversationId) -> Vec<EventEntry> {
    let mut all: Vec<EventEntry> = Vec::new();
    loop {
        let after = all.last().map_or(0, |entry| entry.seq);
        let page = http.events(c, after, 200).await.unwrap();
        let more = page.more;
        all.extend(page.entries);
        if !more {
            return all;
        }
    }
}

/// How many events of this kind there are.
pub fn count(events: &[EventEntry], kind: &str) -> usize {
    events.iter().filter(|entry| entry.kind() == kind).count()
}

/// Waits for a pushed event of this kind in this conversation.
pub async fn event(agent: &Client, c: ConversationId, kind: &str) -> EventEntry {
    let found = agent.wait_for(|push| match push {
        ServerFrame::Event(entry) if entry.conversation == Some(c) && entry.kind() == kind => {
            Some(entry.clone())
        }
        _ => None,
    });
    found.await.unwrap_or_else(|error| panic!("no {kind}: {error}"))
}

/// Waits for a push of this type and gives it as JSON.
pub async fn push(agent: &Client, kind: &str) -> Value {
    push_where(agent, kind, |_| true).await
}

/// Waits for a push of this type that is as wanted, and gives it as JSON.
pub async fn push_where(agent: &Client, kind: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let found = agent.wait_for(|push| {
        let value = serde_json::to_value(push).unwrap();
        (value["type"] == kind && wanted(&value)).then_some(value)
    });
    found.await.unwrap_or_else(|error| panic!("no {kind}: {error}"))
}
