//! Live views: after any storm they equal a fresh read.

use crate::desk::{command, conversation, message_with, number, write};
use crate::hub::{Hub, PATIENCE};
use dibs_client::{Client, Http, View};
use dibs_protocol::answer::OpenViewAnswer;
use dibs_protocol::ids::ConversationId;
use serde_json::{Value, json};
use std::time::Duration;

/// Views of all kinds: filter, sort, offset, limit.
fn kinds() -> Vec<Value> {
    let view = |filter: Value, sort: &str, offset: u64, limit: u64| json!({ "filter": filter, "sort": sort, "offset": offset, "limit": limit });
    vec![
        view(json!({}), "newest", 0, 50),
        view(json!({}), "oldest", 10, 10),
        view(json!({}), "last_activity", 0, 5),
        view(json!({}), "waiting", 0, 20),
        view(json!({}), "priority", 5, 5),
        view(json!({ "claimed": false }), "waiting", 0, 10),
        view(json!({ "claimed_by": "me" }), "newest", 0, 50),
        view(json!({ "claimed_by": "a1" }), "newest", 0, 50),
        view(json!({ "assignee": "me" }), "oldest", 0, 50),
        view(json!({ "assignee": null }), "oldest", 0, 10),
        view(json!({ "team": ["billing", null] }), "newest", 0, 10),
        view(json!({ "status": ["new", "open"] }), "priority", 0, 10),
        view(
            json!({ "priority": ["high", "urgent"], "queue": ["vip"] }),
            "last_activity",
            0,
            10,
        ),
        view(
            json!({ "tags": { "any": ["red"], "none": ["blue"] } }),
            "newest",
            0,
            10,
        ),
        view(json!({ "tier": ["gold"] }), "waiting", 0, 10),
        view(json!({ "text": "PARCEL" }), "newest", 0, 10),
        view(json!({ "mentions_me": true }), "newest", 0, 10),
        view(json!({}), "newest", 0, 0),
    ]
}

async fn open(agent: &Client, name: &str, kind: &Value) -> View {
    let mut frame = kind.clone();
    frame["type"] = json!("open_view");
    frame["view"] = json!(name);
    let answer: OpenViewAnswer = agent.call_as(command(frame)).await.unwrap();
    View::new(name, answer)
}

fn pick<'a>(choices: &[&'a str], n: usize) -> &'a str {
    choices[n % choices.len()]
}

/// One of some twenty kinds of change, by the dice `n`.
async fn change(agent: &Client, channel: &Http, all: &[ConversationId], n: usize) {
    let c = all[(n * 7) % all.len()];
    let update = |fields: Value| {
        let mut frame = json!({ "type": "update", "conversation": c });
        frame
            .as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        command(frame)
    };
    let done = match n % 13 {
        0 => agent.call(cmd!("claim", "conversation": c)).await,
        1 => {
            agent
                .call(update(
                    json!({ "priority": pick(&["low", "normal", "high", "urgent"], n) }),
                ))
                .await
        }
        2 => {
            agent
                .call(update(json!({ "queue": pick(&["vip", "billing"], n) })))
                .await
        }
        3 => {
            agent
                .call(update(json!({ "add_tags": [pick(&["red", "blue"], n)] })))
                .await
        }
        4 => {
            agent
                .call(update(json!({ "remove_tags": ["red", "blue"] })))
                .await
        }
        5 => agent
            .call(update(
                json!({ "assignee": if n.is_multiple_of(3) { json!(null) } else { json!(format!("a{}", n % 4)) } }),
            ))
            .await,
        6 => {
            agent
                .call(update(
                    json!({ "team": if n.is_multiple_of(2) { json!(null) } else { json!("billing") } }),
                ))
                .await
        }
        7 => {
            agent
                .call(update(
                    json!({ "status": pick(&["open", "pending", "resolved", "closed"], n) }),
                ))
                .await
        }
        8 => agent
            .call(
                cmd!("note", "conversation": c, "key": format!("n{n}"), "text": format!("@a{} look", n % 4)),
            )
            .await,
        9 => {
            agent
                .call(update(json!({ "subject": pick(&["Parcel lost", "Bill"], n) })))
                .await
        }
        10 => {
            agent
                .call(cmd!("bulk", "conversations": [c], "action": { "type": "release" }))
                .await
        }
        11 => {
            let more = json!({ "customer": { "id": format!("v{}", n % 30), "name": "V", "tier": pick(&["gold", "tin"], n) } });
            channel
                .ingest(&message_with(&format!("s{n}"), "v", "where is my parcel", more))
                .await
                .unwrap();
            return;
        }
        _ => {
            write(
                channel,
                &format!("s{n}"),
                &format!("c{}", n % 20),
                "still waiting",
            )
            .await;
            return;
        }
    };
    // A refusal is as good as a change here; only a lost connection is not.
    if let Err(error) = done {
        assert!(error.refusal().is_some(), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_storm_every_view_equals_a_fresh_read() {
    let hub = Hub::start(&[]);
    let mut all = Vec::new();
    for i in 0..40 {
        all.push(conversation(&hub, &format!("c{i}")).await);
    }
    let mut agents = Vec::new();
    for i in 0..4 {
        agents.push(hub.agent(&format!("a{i}")).await);
    }
    let reader = hub.agent("a0").await;
    let mut views = Vec::new();
    for (i, kind) in kinds().iter().enumerate() {
        views.push(open(&reader, &format!("v{i}"), kind).await);
    }
    let channel = hub.channel();
    let storms = agents.iter().enumerate().map(|(i, agent)| {
        let (all, channel) = (&all, &channel);
        async move {
            for n in 0..150 {
                change(agent, channel, all, n * 4 + i).await;
            }
        }
    });
    futures_util::future::join_all(storms).await;
    for (view, kind) in views.iter_mut().zip(kinds()) {
        until_equal(&reader, view, &kind).await;
    }
}

/// Applies what comes until the view is what a fresh read shows.
async fn until_equal(reader: &Client, view: &mut View, kind: &Value) {
    let end = tokio::time::Instant::now() + PATIENCE;
    loop {
        let name = view.name().to_owned();
        while let Ok(push) = reader
            .wait_within(Duration::ZERO, |push| of_view(push, &name))
            .await
        {
            assert!(view.apply(&push));
            assert!(
                view.is_whole(),
                "an order names rows that the client does not have: {kind}"
            );
        }
        let fresh = open(reader, "fresh", kind).await;
        if view.rows().eq(fresh.rows()) && view.total() == fresh.total() {
            return;
        }
        let next = tokio::time::timeout_at(end, reader.wait_for(|push| of_view(push, &name))).await;
        match next {
            Ok(Ok(push)) => assert!(view.apply(&push)),
            _ => panic!(
                "{kind} shows {:?} of {}, a fresh read {:?} of {}",
                view.ids(),
                view.total(),
                fresh.ids(),
                fresh.total()
            ),
        }
    }
}

fn of_view(
    push: &dibs_protocol::frame::ServerFrame,
    name: &str,
) -> Option<dibs_protocol::frame::ServerFrame> {
    View::is_about(push, name).then(|| push.clone())
}

#[tokio::test]
async fn the_first_change_after_a_quiet_spell_comes_at_once_and_its_seq_is_above_the_answers() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let priya = hub.agent("priya").await;
    let view = open(
        &priya,
        "v",
        &json!({ "filter": { "claimed": true }, "sort": "newest" }),
    )
    .await;
    assert_eq!(view.total(), 0);
    let token = number(
        &priya.call(cmd!("claim", "conversation": c)).await.unwrap(),
        "token",
    );
    let changed = crate::desk::push(&priya, "view_changed").await;
    assert!(changed["seq"].as_u64().unwrap() >= token && changed["seq"].as_u64().unwrap() > view.seq());
    assert_eq!((&changed["total"], &changed["order"]), (&json!(1), &json!([c])));
}

#[tokio::test]
async fn a_closed_view_says_no_more_and_an_open_name_is_replaced() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let priya = hub.agent("priya").await;
    open(
        &priya,
        "v",
        &json!({ "filter": { "queue": ["vip"] }, "sort": "newest" }),
    )
    .await;
    open(
        &priya,
        "v",
        &json!({ "filter": { "priority": ["urgent"] }, "sort": "newest" }),
    )
    .await;
    open(&priya, "w", &json!({ "filter": {}, "sort": "newest" })).await;
    priya.call(cmd!("close_view", "view": "v")).await.unwrap();
    priya
        .call(cmd!("update", "conversation": c, "priority": "urgent", "queue": "vip"))
        .await
        .unwrap();
    crate::desk::push_where(&priya, "view_changed", |it| it["view"] == "w").await;
    let rest = priya.take_pushes();
    assert!(!rest.iter().any(|push| View::is_about(push, "v")));
}

#[tokio::test]
async fn a_view_that_only_counts_has_no_rows() {
    let hub = Hub::start(&[]);
    let priya = hub.agent("priya").await;
    let mut view = open(
        &priya,
        "v",
        &json!({ "filter": {}, "sort": "newest", "limit": 0 }),
    )
    .await;
    conversation(&hub, "c").await;
    let push = priya.wait_for(|push| of_view(push, "v")).await.unwrap();
    view.apply(&push);
    assert_eq!((view.total(), view.ids().len()), (1, 0));
}
