//! Retention: what was closed long enough ago forgets what is personal, once, whoever runs.

use crate::desk::{conversation, event, events, watch, write};
use crate::hub::{Hub, PATIENCE};
use dibs_client::Client;
use dibs_protocol::ids::ConversationId;
use dibs_tests::postgres::Postgres;
use serde_json::json;

async fn close(agent: &Client, c: ConversationId) {
    agent
        .call(cmd!("note", "conversation": c, "key": "n", "text": "a remark about them"))
        .await
        .unwrap();
    agent
        .call(cmd!("update", "conversation": c, "status": "closed"))
        .await
        .unwrap();
}

#[tokio::test]
async fn what_was_closed_long_enough_ago_is_redacted_and_what_is_open_stays() {
    let mut hub = Hub::start(&["--retain-closed-days", "300ms"]);
    let old = write(&hub.channel(), "first", "somebody-in-particular", "Hello?")
        .await
        .conversation;
    let open = conversation(&hub, "another").await;
    let priya = hub.agent("priya").await;
    watch(&priya, old).await;
    close(&priya, old).await;
    let redacted = event(&priya, old, "redacted").await;
    assert_eq!(redacted.event["reason"], "retention");
    let http = hub.http(json!({ "sub": "priya" }));
    let all = events(&http, old).await;
    let texts = all
        .iter()
        .filter(|it| ["message_received", "note_added"].contains(&it.kind()));
    assert!(texts.clone().count() == 2 && texts.clone().all(|it| it.event["redacted"] == json!(true)));
    let kept = events(&http, open).await;
    assert!(
        kept.iter()
            .all(|it| it.kind() != "redacted" && it.event.get("redacted").is_none())
    );
    // What is added later is forgotten in its turn.
    priya
        .call(cmd!("note", "conversation": old, "key": "m", "text": "remember them"))
        .await
        .unwrap();
    event(&priya, old, "note_added").await;
    event(&priya, old, "redacted").await;
    drop(priya);
    hub.term();
    assert!(hub.exited(PATIENCE).await.unwrap().success());
    assert!(hub.run(&["verify"]).status.success());
    for file in std::fs::read_dir(hub.data()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for gone in ["somebody-in-particular", "a remark about them", "remember them"] {
            assert!(
                !bytes.windows(gone.len()).any(|it| it == gone.as_bytes()),
                "{gone} is still there"
            );
        }
    }
}

#[tokio::test]
async fn what_was_closed_before_it_was_turned_on_is_found_and_without_it_nothing_goes() {
    let mut hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let priya = hub.agent("priya").await;
    close(&priya, c).await;
    drop(priya);
    for days in ["30", "200ms"] {
        hub.term();
        assert!(hub.exited(PATIENCE).await.unwrap().success());
        hub.restart_with(&["--retain-closed-days", days]);
        let sam = hub.agent("sam").await;
        watch(&sam, c).await;
        let all = events(&hub.http(json!({ "sub": "sam" })), c).await;
        let is_redacted = all.iter().any(|it| it.kind() == "redacted");
        if days == "30" {
            assert!(!is_redacted);
        } else if !is_redacted {
            event(&sam, c, "redacted").await;
        }
    }
}

#[tokio::test]
async fn several_instances_do_it_once() {
    let postgres = Postgres::shared();
    let url = postgres.url(&postgres.database(), postgres.port());
    let flags = ["--postgres", url.as_str(), "--retain-closed-days", "500ms"];
    let (one, other) = (Hub::start(&flags), Hub::start(&flags));
    let c = conversation(&one, "c").await;
    let (priya, sam) = (one.agent("priya").await, other.agent("sam").await);
    watch(&priya, c).await;
    watch(&sam, c).await;
    close(&priya, c).await;
    let here = event(&priya, c, "redacted").await;
    let there = event(&sam, c, "redacted").await;
    assert_eq!(here.seq, there.seq);
    // Both have looked for what is due once more when this one is done.
    let next = conversation(&other, "d").await;
    watch(&sam, next).await;
    close(&sam, next).await;
    event(&sam, next, "redacted").await;
    let all = events(&one.http(json!({ "sub": "priya" })), c).await;
    assert_eq!(crate::desk::count(&all, "redacted"), 1);
}
