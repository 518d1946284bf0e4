//! The disk: full, and damaged.

use crate::desk::{claim, conversation};
use crate::hub::{Hub, PATIENCE};
use dibs_protocol::refusal::Code;
use serde_json::json;
use std::io::{Read, Seek, SeekFrom, Write};

#[tokio::test]
async fn on_a_full_disk_reading_goes_on_and_writes_resume_when_there_is_room() {
    let hub = Hub::start_on_small_disk(3 << 20);
    let c = conversation(&hub, "c").await;
    let priya = hub.agent("priya").await;
    let text = "x".repeat(30_000);
    let mut stored = 0;
    let refusal = loop {
        assert!(stored < 1_000, "the disk is never full");
        let note = cmd!("note", "conversation": c, "key": format!("k{stored}"), "text": text);
        match priya.call(note).await {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
    };
    let refusal = format!("{refusal:?}");
    assert!(
        refusal.contains("Unavailable") && refusal.contains("the disk"),
        "{refusal}"
    );
    let watched = priya
        .call(cmd!("watch", "conversation": c, "limit": 1))
        .await
        .unwrap();
    assert_eq!(watched["entries"].as_array().unwrap().len(), 1);
    priya.call(cmd!("set_presence", "status": "busy")).await.unwrap();
    let sam = hub.agent("sam").await;
    let refused = sam.refused(cmd!("claim", "conversation": c)).await.unwrap();
    assert_eq!(refused.code, Code::Unavailable);
    hub.make_room();
    let again = cmd!("note", "conversation": c, "key": format!("k{stored}"), "text": text);
    let done = priya.call(again).await.unwrap();
    assert_eq!(
        done["duplicate"],
        json!(false),
        "what was refused was not half done"
    );
    claim(&sam, c).await;
}

#[tokio::test]
async fn a_damaged_database_is_refused_by_name() {
    let mut hub = Hub::start(&[]);
    conversation(&hub, "c").await;
    hub.term();
    assert!(hub.exited(PATIENCE).await.unwrap().success());
    assert!(hub.run(&["verify"]).status.success());
    let path = hub.data().join("dibs.sqlite3");
    std::fs::write(
        &path,
        b"This is no database, whatever its name says. ".repeat(200),
    )
    .unwrap();
    let refused = hub.run(&["serve", "--listen", "127.0.0.1:0"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1));
    assert!(said.contains("dibs.sqlite3") && said.contains("backup"), "{said}");
}

#[tokio::test]
async fn one_flipped_byte_in_a_stored_message_is_found() {
    let mut hub = Hub::start(&[]);
    let mark = "a message that nobody may change";
    let c = conversation(&hub, "c").await;
    let priya = hub.agent("priya").await;
    priya
        .call(cmd!("note", "conversation": c, "key": "k", "text": mark))
        .await
        .unwrap();
    drop(priya);
    hub.term();
    assert!(hub.exited(PATIENCE).await.unwrap().success());
    let path = hub.data().join("dibs.sqlite3");
    let mut file = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).unwrap();
    let at = bytes
        .windows(mark.len())
        .position(|it| it == mark.as_bytes())
        .unwrap();
    file.seek(SeekFrom::Start(at as u64)).unwrap();
    file.write_all(b"A").unwrap();
    drop(file);
    let verified = hub.run(&["verify"]);
    assert_eq!(verified.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&verified.stdout).contains("DAMAGED"));
}
