//! Watching, history and lists: what one asked for, in order, and nothing else.

use crate::desk::{conversation, event, events, number, push_where, watch, write};
use crate::hub::Hub;
use dibs_protocol::answer::{EntriesAnswer, ListAnswer, WatchAnswer};
use dibs_protocol::event::EventEntry;
use dibs_protocol::frame::ServerFrame;
use dibs_protocol::refusal::Code;
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[tokio::test]
async fn a_watch_shows_the_latest_and_all_that_follows_once_and_in_order() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let channel = hub.channel();
    let priya = hub.agent("priya").await;
    let storm = async {
        for i in 0..100 {
            write(&channel, &format!("m{i}"), "c", &format!("{i}")).await;
        }
    };
    let look = async {
        priya
            .call_as::<WatchAnswer>(cmd!("watch", "conversation": c, "limit": 200))
            .await
            .unwrap()
    };
    let ((), seen) = tokio::join!(storm, look);
    let all = events(&hub.http(json!({ "sub": "priya" })), c).await;
    let last = all.last().unwrap().seq;
    let mut mine: Vec<EventEntry> = seen.entries;
    while mine.last().unwrap().seq < last {
        mine.push(
            priya
                .wait_for(|push| match push {
                    ServerFrame::Event(entry) => Some(entry.clone()),
                    _ => None,
                })
                .await
                .unwrap(),
        );
    }
    assert_eq!(
        mine, all,
        "the answer and what follows it, without a gap or a repetition"
    );
}

#[tokio::test]
async fn after_unwatch_nothing_comes() {
    let hub = Hub::start(&[]);
    let (a, b) = (conversation(&hub, "a").await, conversation(&hub, "b").await);
    let priya = hub.agent("priya").await;
    watch(&priya, a).await;
    watch(&priya, b).await;
    priya.call(cmd!("unwatch", "conversation": a)).await.unwrap();
    priya.take_pushes();
    let channel = hub.channel();
    write(&channel, "m1", "a", "unseen").await;
    write(&channel, "m2", "b", "seen").await;
    event(&priya, b, "message_received").await;
    assert!(
        !priya
            .take_pushes()
            .iter()
            .any(|it| matches!(it, ServerFrame::Event(entry) if entry.conversation == Some(a)))
    );
}

#[tokio::test]
async fn a_summary_follows_each_change() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let (priya, sam) = (hub.agent("priya").await, hub.agent("sam").await);
    watch(&priya, c).await;
    let done = sam
        .call(cmd!("update", "conversation": c, "priority": "urgent"))
        .await
        .unwrap();
    let seq = number(&done, "seq");
    let shown = push_where(&priya, "summary", |it| it["summary"]["version"] == json!(seq)).await;
    assert_eq!(shown["summary"]["priority"], "urgent");
}

#[tokio::test]
async fn history_reaches_back_to_the_beginning() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let channel = hub.channel();
    for i in 0..25 {
        write(&channel, &format!("m{i}"), "c", &format!("{i}")).await;
    }
    let priya = hub.agent("priya").await;
    let first: WatchAnswer = priya
        .call_as(cmd!("watch", "conversation": c, "limit": 10))
        .await
        .unwrap();
    assert_eq!((first.entries.len(), first.more), (10, true));
    let mut mine = first.entries;
    let mut more = true;
    while more {
        let before = mine[0].seq;
        let page: EntriesAnswer = priya
            .call_as(cmd!("history", "conversation": c, "before": before, "limit": 7))
            .await
            .unwrap();
        more = page.more;
        mine.splice(0..0, page.entries);
    }
    assert_eq!(mine, events(&hub.http(json!({ "sub": "priya" })), c).await);
    assert_eq!(mine[0].kind(), "conversation_opened");
}

#[tokio::test]
async fn a_list_pages_through_everything_closed_ones_included() {
    let hub = Hub::start(&[]);
    let priya = hub.agent("priya").await;
    let mut all = BTreeSet::new();
    for i in 0..23 {
        let c = conversation(&hub, &format!("c{i}")).await;
        if i % 4 == 0 {
            priya
                .call(cmd!("update", "conversation": c, "status": "closed"))
                .await
                .unwrap();
        }
        all.insert(c);
    }
    for sort in ["waiting", "newest", "oldest", "priority", "last_activity"] {
        let mut seen = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let mut frame = json!({ "type": "list", "filter": {}, "sort": sort, "limit": 5 });
            if let Some(after) = &after {
                frame["after"] = json!(after);
            }
            let page: ListAnswer = priya.call_as(crate::desk::command(frame)).await.unwrap();
            seen.extend(page.conversations.iter().map(|it| it.id));
            after = page.cursor;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen.len(), all.len(), "{sort}");
        assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), all, "{sort}");
    }
    let bad = cmd!("list", "filter": {}, "sort": "newest", "after": "not a cursor");
    assert_eq!(priya.refused(bad).await.unwrap().code, Code::Invalid);
}

#[tokio::test]
async fn what_does_not_exist_is_not_found() {
    let hub = Hub::start(&[]);
    let priya = hub.agent("priya").await;
    let ghost = "0190c2c4-7f3e-7d5a-9a51-0f3c2b1a4d5e";
    for frame in [
        json!({ "type": "watch", "conversation": ghost }),
        json!({ "type": "history", "conversation": ghost, "before": 10 }),
        json!({ "type": "claim", "conversation": ghost }),
        json!({ "type": "reply", "conversation": ghost, "token": 1, "key": "k", "seen": 1, "text": "x" }),
        json!({ "type": "note", "conversation": ghost, "key": "k", "text": "x" }),
        json!({ "type": "update", "conversation": ghost, "priority": "low" }),
        json!({ "type": "take_over", "conversation": ghost, "reason": "x" }),
    ] {
        let code = match priya
            .refused(crate::desk::command(frame.clone()))
            .await
            .unwrap()
            .code
        {
            // An agent may not take over at all; who may not learns nothing.
            Code::Forbidden if frame["type"] == "take_over" => Code::NotFound,
            code => code,
        };
        assert_eq!(code, Code::NotFound, "{frame}");
    }
}

#[tokio::test]
async fn a_workspace_is_a_wall() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let stranger = hub
        .connect(json!({ "sub": "priya", "workspace": "other" }))
        .await
        .unwrap();
    assert_eq!(
        stranger
            .refused(cmd!("watch", "conversation": c))
            .await
            .unwrap()
            .code,
        Code::NotFound
    );
    let list: ListAnswer = stranger
        .call_as(cmd!("list", "filter": {}, "sort": "newest"))
        .await
        .unwrap();
    assert!(list.conversations.is_empty());
    let http = hub.http(json!({ "sub": "priya", "workspace": "other" }));
    assert!(http.conversation(c).await.is_err());
}

#[tokio::test]
async fn the_position_tells_how_far_one_has_heard() {
    let hub = Hub::start(&["--heartbeat", "1s", "--silence-timeout", "5s"]);
    let c = conversation(&hub, "c").await;
    let priya = hub.agent("priya").await;
    watch(&priya, c).await;
    let sent = write(&hub.channel(), "m", "c", "x").await;
    let position = push_where(&priya, "position", |it| it["seq"].as_u64() >= Some(sent.seq)).await;
    assert!(position["hash"].as_str().is_some_and(|hash| !hash.is_empty()));
    let before: Vec<Value> = priya
        .take_pushes()
        .iter()
        .map(|it| serde_json::to_value(it).unwrap())
        .collect();
    assert!(
        before.iter().any(|it| it["seq"] == json!(sent.seq)),
        "the event came before its position"
    );
}
