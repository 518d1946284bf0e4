//! HTTP: channels bring messages in and take replies out, each once; every refusal is a problem with a code.

use crate::desk::{claim, conversation, event, message, message_with, summary, watch, write};
use crate::hub::{Hub, WORKSPACE};
use dibs_protocol::http::{Delivery, Ingest, RatingBody};
use dibs_protocol::ids::ConversationId;
use dibs_protocol::refusal::Code;
use dibs_protocol::terms::{Sort, Status};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn a_message_with_a_known_key_is_stored_once() {
    let hub = Hub::start(&[]);
    let channel = hub.channel();
    let messages = (0..20).map(|_| async { channel.ingest(&message("m1", "c", "Hello?")).await.unwrap() });
    let answers = futures_util::future::join_all(messages).await;
    assert_eq!(answers.iter().filter(|(created, _)| *created).count(), 1);
    assert!(
        answers.iter().all(|(_, answer)| *answer == answers[0].1),
        "the same body"
    );
    let other = channel
        .ingest(&message("m1", "c", "Something else"))
        .await
        .unwrap_err();
    assert_eq!((other.status(), other.code()), (Some(409), Some(Code::KeyReused)));
}

#[tokio::test]
async fn a_message_finds_its_conversation() {
    let hub = Hub::start(&[]);
    let channel = hub.channel();
    let first = write(&channel, "m1", "c", "one").await;
    assert_eq!(
        write(&channel, "m2", "c", "two").await.conversation,
        first.conversation
    );
    let threaded = |key: &str| message_with(key, "c", "three", json!({ "thread": "t" }));
    let thread = channel.ingest(&threaded("m3")).await.unwrap().1;
    assert!(thread.opened, "an unknown thread opens one");
    assert_eq!(
        channel.ingest(&threaded("m4")).await.unwrap().1.conversation,
        thread.conversation
    );
    let named = message_with("m5", "c", "five", json!({ "conversation": first.conversation }));
    assert_eq!(
        channel.ingest(&named).await.unwrap().1.conversation,
        first.conversation
    );
    let foreign = message_with(
        "m6",
        "other",
        "six",
        json!({ "conversation": first.conversation }),
    );
    assert_eq!(
        channel.ingest(&foreign).await.unwrap_err().code(),
        Some(Code::NotFound)
    );
}

#[tokio::test]
async fn two_messages_of_a_new_customer_at_once_open_one_conversation() {
    let hub = Hub::start(&[]);
    let channel = hub.channel();
    let messages: Vec<Ingest> = (0..20)
        .map(|i| message(&format!("m{i}"), "new", "Hello?"))
        .collect();
    let answers = futures_util::future::join_all(messages.iter().map(|it| channel.ingest(it))).await;
    let conversations: std::collections::BTreeSet<ConversationId> = answers
        .iter()
        .map(|it| it.as_ref().unwrap().1.conversation)
        .collect();
    assert_eq!(conversations.len(), 1);
    assert_eq!(
        answers.iter().filter(|it| it.as_ref().unwrap().1.opened).count(),
        1
    );
}

#[tokio::test]
async fn what_a_message_brings_is_shown() {
    let hub = Hub::start(&[]);
    let more = json!({ "subject": "Parcel", "queue": "vip", "priority": "urgent", "tags": ["b", "a"],
        "customer": { "id": "c", "name": "Zoë", "handle": "zoe@example.org", "tier": "gold" } });
    let answer = hub
        .channel()
        .ingest(&message_with("m", "c", "Hi", more))
        .await
        .unwrap()
        .1;
    let shown = summary(&hub.agent("priya").await, answer.conversation).await;
    assert_eq!(
        (shown.status, shown.unanswered, shown.queue.as_str()),
        (Status::New, 1, "vip")
    );
    assert_eq!(
        (shown.customer.name.as_str(), shown.priority.as_str()),
        ("Zoë", "urgent")
    );
    assert_eq!(shown.tags, ["a", "b"]);
}

#[tokio::test]
async fn the_outbox_waits_for_a_reply() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let channel = hub.channel();
    let priya = hub.agent("priya").await;
    let token = claim(&priya, c).await;
    let empty = channel.outbox("email", 0, 10, 0).await.unwrap();
    assert!(empty.events.is_empty());
    let reply = cmd!("reply", "conversation": c, "token": token, "key": "k", "seen": token, "text": "Dear!");
    let (polled, sent) = tokio::join!(channel.outbox("email", empty.next, 10, 9), priya.call(reply));
    let polled = polled.unwrap();
    assert_eq!(polled.events[0].event["message"]["text"], "Dear!");
    assert_eq!(json!(polled.events[0].seq), sent.unwrap()["seq"]);
    assert!(
        channel
            .outbox("email", polled.next, 10, 0)
            .await
            .unwrap()
            .events
            .is_empty()
    );
    assert!(
        channel.outbox("chat", 0, 10, 0).await.unwrap().events.is_empty(),
        "that channel's only"
    );
}

#[tokio::test]
async fn a_failed_delivery_reopens_and_waits_again_and_repeats_are_fine() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let channel = hub.channel();
    let priya = hub.agent("priya").await;
    watch(&priya, c).await;
    let token = claim(&priya, c).await;
    let reply = cmd!("reply", "conversation": c, "token": token, "key": "k", "seen": token, "text": "x", "then": "resolved");
    let sent = priya.call(reply).await.unwrap();
    let body = |state: &str| -> Delivery {
        serde_json::from_value(
            json!({ "message": sent["message"], "state": state, "reason": "no such mailbox" }),
        )
        .unwrap()
    };
    for _ in 0..2 {
        assert!((200..300).contains(&channel.deliver(&body("failed")).await.unwrap()));
    }
    assert_eq!(
        event(&priya, c, "message_delivery").await.event["state"],
        "failed"
    );
    let after = summary(&priya, c).await;
    assert_eq!(after.status, Status::Open);
    assert!(after.waiting_since.is_some());
    let all = crate::desk::events(&hub.http(json!({ "sub": "priya" })), c).await;
    assert_eq!(crate::desk::count(&all, "message_delivery"), 1);
}

#[tokio::test]
async fn a_rating_is_kept_and_may_be_repeated() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let channel = hub.channel();
    let rating: RatingBody =
        serde_json::from_value(json!({ "conversation": c, "score": 4, "comment": "good" })).unwrap();
    channel.rate(&rating).await.unwrap();
    assert_eq!(channel.rate(&rating).await.unwrap(), 200);
    let shown = summary(&hub.agent("priya").await, c).await.rating.unwrap();
    assert_eq!((shown.score, shown.comment.as_deref()), (4, Some("good")));
}

#[tokio::test]
async fn lists_and_events_come_in_pages() {
    let hub = Hub::start(&[]);
    let http = hub.http(json!({ "sub": "priya" }));
    for i in 0..7 {
        conversation(&hub, &format!("c{i}")).await;
    }
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = http
            .conversations(&Default::default(), Sort::Oldest, after.as_deref(), 3)
            .await
            .unwrap();
        seen.extend(page.conversations);
        after = page.cursor;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 7);
    assert_eq!(http.conversation(seen[0].id).await.unwrap(), seen[0]);
    let first = http.events(seen[0].id, 0, 1).await.unwrap();
    assert_eq!((first.entries.len(), first.more), (1, true));
}

#[tokio::test]
async fn each_refusal_is_a_problem_with_its_status_and_code() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let (channel, agent) = (hub.channel(), hub.http(json!({ "sub": "priya" })));
    let scoped = hub.http(json!({ "sub": "adapter", "role": "channel", "channels": ["chat"] }));
    let elsewhere = hub.http(json!({ "sub": "adapter", "role": "channel", "workspace": "other" }));
    let good = serde_json::to_value(message("m", "c", "x")).unwrap();
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        body
    };
    let post =
        |http: &dibs_client::Http, body: &Value| http.request(Method::POST, "/messages", &[]).json(body);
    let anonymous = reqwest::Client::new();
    let root = format!("{}/v1/workspaces/{WORKSPACE}", hub.base());
    let table = vec![
        (
            "no token",
            anonymous.post(format!("{root}/messages")).json(&good),
            401,
            "unauthenticated",
            None,
        ),
        (
            "a bad token",
            anonymous
                .post(format!("{root}/messages"))
                .bearer_auth("x")
                .json(&good),
            401,
            "unauthenticated",
            None,
        ),
        ("an agent", post(&agent, &good), 403, "forbidden", None),
        ("another's channel", post(&scoped, &good), 403, "forbidden", None),
        (
            "no JSON",
            channel.request(Method::POST, "/messages", &[]).body("{"),
            400,
            "invalid",
            None,
        ),
        (
            "an unknown field",
            post(&channel, &with("colour", json!(1))),
            400,
            "invalid",
            Some("colour"),
        ),
        (
            "null",
            post(&channel, &with("thread", Value::Null)),
            400,
            "invalid",
            Some("thread"),
        ),
        (
            "an empty id",
            post(&channel, &with("customer", json!({ "id": "", "name": "n" }))),
            400,
            "invalid",
            Some("customer.id"),
        ),
        (
            "too long a text",
            post(&channel, &with("text", json!("x".repeat(65_537)))),
            413,
            "too_large",
            Some("text"),
        ),
        (
            "too large a body",
            post(&channel, &with("text", json!("x".repeat(300_000)))),
            413,
            "too_large",
            None,
        ),
        (
            "no such conversation",
            agent.request(
                Method::GET,
                "/conversations/0190c2c4-7f3e-7d5a-9a51-0f3c2b1a4d5e",
                &[],
            ),
            404,
            "not_found",
            None,
        ),
        (
            "a channel reads lists",
            channel.request(Method::GET, "/conversations", &[]),
            403,
            "forbidden",
            None,
        ),
        (
            "a bad filter",
            agent.request(
                Method::GET,
                "/conversations",
                &[("filter", r#"{"status":["x"]}"#)],
            ),
            400,
            "invalid",
            None,
        ),
        (
            "a bad score",
            channel
                .request(Method::POST, "/ratings", &[])
                .json(&json!({ "conversation": c, "score": 6 })),
            400,
            "invalid",
            Some("score"),
        ),
    ];
    for (why, request, status, code, field) in table {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{why}");
        let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
        assert!(kind.starts_with("application/problem+json"), "{why}: {kind}");
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(
            (&problem["code"], &problem["status"]),
            (&json!(code), &json!(status)),
            "{why}"
        );
        if field.is_some() {
            assert_eq!(problem["field"].as_str(), field, "{why}");
        }
    }
    assert!(
        elsewhere.ingest(&message("m", "c", "x")).await.is_err(),
        "its token names another workspace"
    );
}

#[tokio::test]
async fn health_and_metrics_are_open() {
    let hub = Hub::start(&[]);
    let get = async |path: &str| reqwest::get(format!("{}{path}", hub.base())).await.unwrap();
    assert_eq!(get("/livez").await.status(), 200);
    assert_eq!(get("/readyz").await.status(), 200);
    let metrics = get("/metrics").await;
    assert_eq!(metrics.status(), 200);
    assert!(metrics.text().await.unwrap().contains("# HELP"));
    assert_eq!(get("/nowhere").await.status(), 404);
}
