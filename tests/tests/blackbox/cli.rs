//! The program's other commands: what an operator and a newcomer type.

use crate::desk::{conversation, write};
use crate::hub::{Hub, PATIENCE, program};
use crate::token::mint;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

fn dibs(args: &[&str], hub: &Hub, sub: &str) -> Output {
    let mut command = Command::new(program());
    command
        .args(args)
        .env("DIBS_URL", hub.url())
        .env("DIBS_TOKEN", mint(json!({ "sub": sub })));
    command.stdin(Stdio::null()).output().unwrap()
}

#[tokio::test]
async fn an_erased_customer_is_gone_and_the_feed_is_whole() {
    let mut hub = Hub::start(&[]);
    let c = write(&hub.channel(), "first", "somebody-in-particular", "Hello?")
        .await
        .conversation;
    let priya = hub.agent("priya").await;
    priya
        .call(cmd!("note", "conversation": c, "key": "k", "text": "a secret about them"))
        .await
        .unwrap();
    drop(priya);
    hub.term();
    assert!(hub.exited(PATIENCE).await.unwrap().success());
    let erase = [
        "erase",
        "--workspace",
        "acme",
        "--customer",
        "somebody-in-particular",
    ];
    let erased = hub.run(&erase);
    assert!(
        erased.status.success(),
        "{}",
        String::from_utf8_lossy(&erased.stderr)
    );
    assert!(String::from_utf8_lossy(&erased.stdout).contains("in 1 conversation"));
    let again = hub.run(&erase);
    assert!(String::from_utf8_lossy(&again.stdout).contains("erased 0 entries"));
    assert!(hub.run(&["verify"]).status.success());
    for file in std::fs::read_dir(hub.data()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for gone in ["somebody-in-particular", "a secret about them"] {
            assert!(
                !bytes.windows(gone.len()).any(|it| it == gone.as_bytes()),
                "{gone} is still there"
            );
        }
    }
    hub.restart();
    let priya = hub.agent("priya").await;
    let watched = priya.call(cmd!("watch", "conversation": c)).await.unwrap();
    let entries = watched["entries"].as_array().unwrap();
    assert!(
        entries
            .iter()
            .filter(|it| it["event"]["redacted"] == json!(true))
            .count()
            >= 2
    );
    assert_eq!(entries.last().unwrap()["event"]["kind"], "redacted");
}

#[tokio::test]
async fn a_second_hub_on_the_same_folder_is_refused() {
    let hub = Hub::start(&[]);
    let refused = hub.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("in use"));
}

#[tokio::test]
async fn call_sends_one_command_and_says_why_it_was_refused() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let priya = hub.agent("priya").await;
    let claim = json!({ "type": "claim", "conversation": c }).to_string();
    let mine = dibs(&["call", &claim], &hub, "priya");
    assert!(mine.status.success());
    let answer: Value = serde_json::from_slice(&mine.stdout).unwrap();
    assert!(answer["token"].as_u64().is_some());
    let theirs = dibs(&["call", &claim], &hub, "sam");
    assert_eq!(theirs.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&theirs.stderr).contains("priya"));
    drop(priya);
}

#[tokio::test]
async fn tail_shows_what_happens_and_misses_nothing_over_a_kill() {
    let mut hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let port = hub.address().port().to_string();
    let mut tail = Command::new(program())
        .args(["tail", "--json", "--conversation", &c.to_string()])
        .env("DIBS_URL", hub.url())
        .env("DIBS_TOKEN", mint(json!({ "sub": "sam" })))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    let mut until = move |mark: String| {
        let found = lines
            .by_ref()
            .map_while(Result::ok)
            .find(|line| line.contains(&mark));
        found.is_some()
    };
    let note = |text: &'static str| cmd!("note", "conversation": c, "key": text, "text": text);
    let priya = hub.agent("priya").await;
    priya.call(note("before the kill")).await.unwrap();
    let mut until = tokio::task::spawn_blocking(move || {
        assert!(until("before the kill".to_owned()));
        until
    })
    .await
    .unwrap();
    drop(priya);
    hub.kill9();
    hub.restart_at(&port);
    let priya = hub.agent("priya").await;
    priya.call(note("after the kill")).await.unwrap();
    let seen = tokio::task::spawn_blocking(move || until("after the kill".to_owned()));
    assert!(tokio::time::timeout(3 * PATIENCE, seen).await.unwrap().unwrap());
    tail.kill().unwrap();
    tail.wait().unwrap();
}

#[tokio::test]
async fn the_demo_is_alive_and_ends_by_itself() {
    let demo = Command::new(program())
        .args([
            "demo",
            "--listen",
            "127.0.0.1:0",
            "--duration",
            "4s",
            "--speed",
            "20",
            "--seed",
            "7",
        ])
        .stdin(Stdio::null())
        .output();
    let demo = tokio::task::spawn_blocking(move || demo).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&demo.stdout).into_owned();
    assert!(
        demo.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&demo.stderr)
    );
    assert!(
        said.contains("tail --view unclaimed") && said.contains("replies sent"),
        "{said}"
    );
}

#[tokio::test]
async fn a_backup_made_while_the_hub_runs_is_restored_under_a_new_epoch_without_those_who_were_erased() {
    let mut hub = Hub::start(&[]);
    let channel = hub.channel();
    let kept = write(&channel, "first", "a-customer", "Keep me")
        .await
        .conversation;
    write(&channel, "second", "somebody-in-particular", "Forget me").await;
    let priya = hub.agent("priya").await;
    let epoch = priya.welcome().epoch.clone();
    let folder = tempfile::tempdir().unwrap();
    let (file, data) = (folder.path().join("backup"), folder.path().join("data"));
    let file = file.to_str().unwrap();
    let backup = hub.run(&["backup", "--out", file]);
    assert!(
        backup.status.success(),
        "{}",
        String::from_utf8_lossy(&backup.stderr)
    );
    let twice = hub.run(&["backup", "--out", file]);
    assert!(String::from_utf8_lossy(&twice.stderr).contains("overwrites nothing"));
    // What comes after the backup is not in it.
    write(&channel, "third", "a-customer", "Too late").await;
    drop(priya);
    hub.term();
    assert!(hub.exited(PATIENCE).await.unwrap().success());
    let erase = [
        "erase",
        "--workspace",
        "acme",
        "--customer",
        "somebody-in-particular",
    ];
    assert!(hub.run(&erase).status.success());

    let erasures = hub.data().join("erasures.jsonl");
    let (erasures, data) = (erasures.to_str().unwrap(), data.to_str().unwrap());
    let restore = ["restore", "--from", file, "--erasures", erasures];
    let taken = hub.run(&restore);
    assert!(String::from_utf8_lossy(&taken.stderr).contains("there is a log already"));
    let mut elsewhere = Command::new(program());
    let restored = elsewhere.args(restore).args(["--data", data]).output().unwrap();
    let said = String::from_utf8_lossy(&restored.stdout).into_owned();
    assert!(
        restored.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&restored.stderr)
    );
    assert!(
        said.contains("1 customers and 0 conversations erased again"),
        "{said}"
    );
    let bytes = std::fs::read(std::path::Path::new(data).join("dibs.sqlite3")).unwrap();
    for (text, there) in [("Keep me", true), ("Forget me", false), ("Too late", false)] {
        assert_eq!(
            bytes.windows(text.len()).any(|it| it == text.as_bytes()),
            there,
            "{text}"
        );
    }
    for rest in ["dibs.sqlite3-wal", "dibs.sqlite3-shm"] {
        std::fs::remove_file(hub.data().join(rest)).ok();
    }
    std::fs::copy(format!("{data}/dibs.sqlite3"), hub.data().join("dibs.sqlite3")).unwrap();
    hub.restart();
    let priya = hub.agent("priya").await;
    assert_ne!(priya.welcome().epoch, epoch);
    assert!(priya.call(cmd!("watch", "conversation": kept)).await.is_ok());
}
