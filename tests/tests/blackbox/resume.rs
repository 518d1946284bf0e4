//! Resume: nothing missed and nothing repeated, however often the line is cut.

use crate::desk::{conversation, event, events, push_where, watch, write};
use crate::hub::Hub;
use dibs_client::{Client, Cursor};
use dibs_protocol::event::EventEntry;
use dibs_protocol::frame::ServerFrame;
use dibs_protocol::ids::ConversationId;
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};

const CUTS: usize = 6;
const MESSAGES: usize = 60;

fn heard(pushes: Vec<ServerFrame>, all: &mut Vec<EventEntry>) {
    all.extend(pushes.into_iter().filter_map(|push| match push {
        ServerFrame::Event(entry) => Some(entry),
        _ => None,
    }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn six_cuts_under_load_lose_nothing_and_repeat_nothing() {
    let hub = Hub::start(&[]);
    let mut conversations = Vec::new();
    for i in 0..5 {
        conversations.push(conversation(&hub, &format!("c{i}")).await);
    }
    let mut reader = hub.agent("reader").await;
    let mut versions = Vec::new();
    for c in &conversations {
        versions.push(watch(&reader, *c).await.version);
    }
    let channel = hub.channel();
    let written = AtomicUsize::new(0);
    let load = futures_util::future::join_all((0..5).map(|i| {
        let (channel, written) = (&channel, &written);
        async move {
            for n in 0..MESSAGES {
                write(channel, &format!("m{i}-{n}"), &format!("c{i}"), &format!("{n}")).await;
                written.fetch_add(1, Ordering::Relaxed);
            }
        }
    }));
    let cuts = async {
        let mut all = Vec::new();
        for cut in 1..=CUTS {
            // Each cut waits for an event, so that it comes amid the load.
            let next = reader.wait_for(|push| match push {
                ServerFrame::Event(entry) => Some(entry.clone()),
                _ => None,
            });
            all.extend(next.await.ok());
            let cursor = reader.cut().await;
            heard(reader.take_pushes(), &mut all);
            reader = hub.resume(json!({ "sub": "reader" }), cursor).await;
            assert!(reader.welcome().resumed, "cut {cut}");
        }
        all
    };
    let (_, mut all) = tokio::join!(load, cuts);
    assert_eq!(written.load(Ordering::Relaxed), 5 * MESSAGES);
    let http = hub.http(json!({ "sub": "reader" }));
    let mut expected = Vec::new();
    for (c, version) in conversations.iter().zip(&versions) {
        expected.extend(
            events(&http, *c)
                .await
                .into_iter()
                .filter(|entry| entry.seq > *version),
        );
    }
    expected.sort_by_key(|entry| entry.seq);
    let last = expected.last().unwrap().seq;
    while all.last().is_none_or(|entry| entry.seq < last) {
        all.push(
            reader
                .wait_for(|push| match push {
                    ServerFrame::Event(entry) => Some(entry.clone()),
                    _ => None,
                })
                .await
                .unwrap(),
        );
    }
    assert!(
        all.is_sorted_by_key(|entry| entry.seq),
        "ascending across conversations, replay first"
    );
    assert_eq!(all, expected);
}

async fn leave(reader: &Client, hub: &Hub, c: ConversationId) -> Cursor {
    let cursor = reader.cut().await;
    write(&hub.channel(), "missed", "c", "while you were away").await;
    assert_eq!(cursor.watching().next(), Some(c));
    cursor
}

#[tokio::test]
async fn a_resumed_session_watches_again_without_asking() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let reader = hub.agent("reader").await;
    watch(&reader, c).await;
    let cursor = leave(&reader, &hub, c).await;
    let reader = hub.resume(json!({ "sub": "reader" }), cursor).await;
    assert!(reader.welcome().resumed);
    let missed = event(&reader, c, "message_received").await;
    push_where(&reader, "position", |it| it["seq"].as_u64() >= Some(missed.seq)).await;
    let live = write(&hub.channel(), "live", "c", "and now").await;
    assert_eq!(event(&reader, c, "message_received").await.seq, live.seq);
}

/// Says hello with this `resume` and tells whether it was taken.
async fn resumed(hub: &Hub, resume: serde_json::Value) -> bool {
    let mut raw = crate::raw::Raw::open(hub).await;
    let token = crate::token::mint(json!({ "sub": "reader" }));
    raw.text(&json!({ "type": "hello", "id": 1, "token": token, "resume": resume }).to_string())
        .await;
    let welcome = raw.frame().await;
    assert_eq!(welcome["type"], "welcome");
    welcome["resumed"].as_bool().unwrap()
}

#[tokio::test]
async fn a_place_that_is_not_in_the_feed_is_not_resumed() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let reader = hub.agent("reader").await;
    watch(&reader, c).await;
    let place = serde_json::to_value(reader.cursor().await.resume().unwrap()).unwrap();
    assert!(resumed(&hub, place.clone()).await);
    for (field, wrong) in [
        ("epoch", json!("another")),
        ("hash", json!("0000000000000000")),
        ("seq", json!(1_000_000)),
    ] {
        let mut place = place.clone();
        place[field] = wrong;
        if field == "seq" {
            place.as_object_mut().unwrap().remove("hash");
        }
        assert!(!resumed(&hub, place).await, "{field}");
    }
}

#[tokio::test]
async fn a_resume_survives_a_restart_of_the_hub() {
    let mut hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let reader = hub.agent("reader").await;
    watch(&reader, c).await;
    let cursor = reader.cursor().await;
    let epoch = reader.welcome().epoch.clone();
    hub.kill9();
    hub.restart();
    let sent = write(&hub.channel(), "m", "c", "after").await;
    let reader = hub.resume(json!({ "sub": "reader" }), cursor).await;
    assert!(reader.welcome().resumed);
    assert_eq!(reader.welcome().epoch, epoch);
    assert_eq!(event(&reader, c, "message_received").await.seq, sent.seq);
}

#[tokio::test]
async fn views_do_not_survive_a_connection() {
    let hub = Hub::start(&[]);
    let reader = hub.agent("reader").await;
    reader
        .call(cmd!("open_view", "view": "v", "filter": {}, "sort": "newest"))
        .await
        .unwrap();
    let cursor = reader.cut().await;
    let reader = hub.resume(json!({ "sub": "reader" }), cursor).await;
    let c = conversation(&hub, "c").await;
    watch(&reader, c).await;
    let sent = write(&hub.channel(), "m", "c", "x").await;
    assert_eq!(event(&reader, c, "message_received").await.seq, sent.seq);
    assert!(
        !reader
            .take_pushes()
            .iter()
            .any(|it| matches!(it, ServerFrame::ViewChanged { .. }))
    );
}
