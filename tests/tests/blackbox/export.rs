//! Export: everything about one customer and nothing about another, also while the hub runs.

use crate::desk::{claim, conversation, message_with, write};
use crate::hub::{Hub, PATIENCE};
use dibs_tests::postgres::Postgres;
use serde_json::{Value, json};
use std::process::Output;

fn read(output: &Output) -> Value {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A customer's conversation with everything in it, and another customer's.
async fn talk(hub: &Hub) -> String {
    let file = json!({ "name": "invoice.pdf", "media_type": "application/pdf", "size": 7, "url": "https://files.test/1" });
    let first = message_with(
        "m",
        "c-17",
        "Where is it?",
        json!({ "attachments": [file], "subject": "A parcel" }),
    );
    let c = hub.channel().ingest(&first).await.unwrap().1.conversation;
    conversation(hub, "somebody-else").await;
    let priya = hub.agent("priya").await;
    let token = claim(&priya, c).await;
    priya
        .call(cmd!("note", "conversation": c, "key": "n", "text": "between us"))
        .await
        .unwrap();
    let seen = crate::desk::summary(&priya, c).await.version;
    let reply =
        cmd!("reply", "conversation": c, "token": token, "key": "r", "seen": seen, "text": "On its way");
    priya.call(reply).await.unwrap();
    priya
        .call(cmd!("update", "conversation": c, "status": "closed"))
        .await
        .unwrap();
    write(&hub.channel(), "m2", "c-17", "Thanks!").await;
    c.to_string()
}

fn check(document: &Value, first: &str) {
    assert_eq!(
        (&document["format"], &document["customer"]),
        (&json!("dibs-export/1"), &json!("c-17"))
    );
    let all = document["conversations"].as_array().unwrap();
    assert_eq!(all.len(), 2, "the closed one and the one that came after it");
    assert_eq!(all[0]["id"], first);
    assert_eq!(all[0]["summary"]["subject"], "A parcel");
    let events = all[0]["events"].as_array().unwrap();
    let of = |kind: &str| events.iter().find(|it| it["event"]["kind"] == kind).unwrap();
    assert_eq!(
        of("message_received")["event"]["message"]["attachments"][0]["url"],
        "https://files.test/1"
    );
    assert_eq!(of("message_sent")["event"]["message"]["text"], "On its way");
    let note = of("note_added");
    assert_eq!(
        (&note["event"]["note"]["text"], &note["internal"]),
        (&json!("between us"), &json!(true))
    );
    assert!(of("message_sent").get("internal").is_none());
    assert!(!document.to_string().contains("somebody-else"));
}

const EXPORT: [&str; 5] = ["export", "--workspace", "acme", "--customer", "c-17"];

#[tokio::test]
async fn everything_about_a_customer_is_in_it_and_what_was_erased_is_redacted() {
    let mut hub = Hub::start(&[]);
    let c = talk(&hub).await;
    check(&read(&hub.run(&EXPORT)), &c);
    let left: Vec<_> = std::fs::read_dir(hub.data())
        .unwrap()
        .map(|it| it.unwrap().file_name())
        .collect();
    assert!(
        left.iter().all(|it| !it.to_string_lossy().contains("export")),
        "{left:?}"
    );
    hub.term();
    assert!(hub.exited(PATIENCE).await.unwrap().success());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c-17.json");
    let to_file = [&EXPORT[..], &["--out", file.to_str().unwrap()]].concat();
    assert!(hub.run(&to_file).status.success());
    check(
        &serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap(),
        &c,
    );
    assert_eq!(hub.run(&to_file).status.code(), Some(1), "it overwrites nothing");
    assert!(
        hub.run(&["erase", "--workspace", "acme", "--customer", "c-17"])
            .status
            .success()
    );
    let gone = read(&hub.run(&EXPORT));
    assert_eq!(gone["conversations"], json!([]));
    let nobody = format!("redacted-{c}");
    let rest = read(&hub.run(&["export", "--workspace", "acme", "--customer", &nobody]));
    let events = rest["conversations"][0]["events"].as_array().unwrap();
    let text = events
        .iter()
        .find(|it| it["event"]["kind"] == "message_received")
        .unwrap();
    assert_eq!(
        text["event"],
        json!({ "kind": "message_received", "redacted": true })
    );
    assert!(!rest.to_string().contains("On its way"));
}

#[tokio::test]
async fn a_database_is_exported_as_well() {
    let postgres = Postgres::shared();
    let url = postgres.url(&postgres.database(), postgres.port());
    let hub = Hub::start(&["--postgres", &url]);
    let c = talk(&hub).await;
    let from = [&EXPORT[..], &["--postgres", &url]].concat();
    check(&read(&hub.run(&from)), &c);
}

#[tokio::test]
async fn what_is_not_there_is_said() {
    let hub = Hub::start(&[]);
    conversation(&hub, "c").await;
    let nowhere = hub.run(&["export", "--workspace", "initech", "--customer", "c"]);
    assert!(String::from_utf8_lossy(&nowhere.stderr).contains("no workspace initech"));
    let nobody = read(&hub.run(&["export", "--workspace", "acme", "--customer", "nobody"]));
    assert_eq!(nobody["conversations"], json!([]));
}
