//! A database that was put back to an earlier moment: what was erased since is erased again, and nobody takes its feed
//! for the one that they knew.

use super::site::log;
use crate::desk::{conversation, count, watch, write};
use crate::hub::{Hub, PATIENCE, program};
use dibs_tests::postgres::Postgres;
use dibs_tests::process::until;
use serde_json::json;
use std::process::{Command, Output};
use tokio::task::block_in_place;

fn dibs(args: &[&str], url: &str) -> Output {
    let data = tempfile::tempdir().unwrap();
    let mut command = Command::new(program());
    command
        .args(args)
        .args(["--postgres", url, "--data"])
        .arg(data.path())
        .output()
        .unwrap()
}

fn done(args: &[&str], url: &str) -> String {
    let output = dibs(args, url);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{args:?}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn refused(args: &[&str], url: &str, why: &str) {
    let output = dibs(args, url);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains(why), "{args:?}: {said}");
}

/// Lets a database go on, once the leases of those who worked on it then are over.
fn goes_on(list: &str, url: &str) -> String {
    let asked = ["restore", "--erasures", list];
    let mut last = None;
    until("its instances' leases do not end", || {
        let output = dibs(&asked, url);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let waits = said.contains("stop them first");
        assert!(waits || output.status.success(), "{said}");
        last = Some(String::from_utf8_lossy(&output.stdout).into_owned());
        !waits
    });
    last.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_erased_after_the_moment_is_erased_again_and_the_epoch_is_new() {
    let server = block_in_place(Postgres::start_archiving);
    let database = server.database();
    let url = server.url(&database, server.port());
    let mut hub = Hub::start(&["--postgres", &url]);
    let kept = conversation(&hub, "kept").await;
    let (before, after) = (
        conversation(&hub, "before").await,
        conversation(&hub, "after").await,
    );
    for customer in ["kept", "before", "after"] {
        write(
            &hub.channel(),
            customer,
            customer,
            &format!("Secret of {customer}"),
        )
        .await;
    }
    block_in_place(|| server.back_up());
    let stop = async |hub: &mut Hub| {
        hub.term();
        assert!(hub.exited(PATIENCE).await.unwrap().success());
    };
    let erase = |customer| done(&["erase", "--workspace", "acme", "--customer", customer], &url);
    stop(&mut hub).await;
    block_in_place(|| erase("before"));
    server.sql("postgres", "SELECT pg_create_restore_point('moment')");
    block_in_place(|| erase("after"));
    hub.restart();
    let late = write(&hub.channel(), "late", "kept", "Too late").await.seq;
    let priya = hub.agent("priya").await;
    watch(&priya, kept).await;
    let (epoch, cursor) = (priya.welcome().epoch.clone(), priya.cursor().await);
    // The list is written while people work.
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("erasures.jsonl");
    let list = list.to_str().unwrap();
    let told = block_in_place(|| done(&["erasures", "--out", list], &url));
    assert!(told.contains("names 2 conversations"), "{told}");
    refused(&["erasures", "--out", list], &url, list);
    refused(&["restore", "--erasures", list], &url, "stop them first");
    let names = std::fs::read_to_string(list).unwrap();
    assert!(
        !names.contains("after\"") && names.contains(&after.to_string()),
        "{names}"
    );
    drop(priya);
    stop(&mut hub).await;

    let restored = block_in_place(|| server.restored_to("moment"));
    let url = restored.url(&database, restored.port());
    let dump = || restored.dump(&database);
    assert!(block_in_place(dump).contains("Secret of after"), "it came back");
    refused(&["restore"], &url, "--erasures");
    refused(&["restore", "--erasures", "/nowhere/list"], &url, "/nowhere/list");
    refused(&["restore", "--erasures", list, "--from", "x"], &url, "--from");
    let said = block_in_place(|| goes_on(list, &url));
    assert!(
        said.contains("0 customers and 1 conversations erased again"),
        "{said}"
    );
    let text = block_in_place(dump);
    for (secret, there) in [("kept", true), ("before", false), ("after", false)] {
        assert_eq!(text.contains(&format!("Secret of {secret}")), there, "{secret}");
    }
    done(&["verify"], &url);

    let hub = Hub::start(&["--postgres", &url]);
    let back = hub.resume(json!({ "sub": "priya" }), cursor).await;
    assert!(!back.welcome().resumed, "that feed is no more");
    assert_ne!(back.welcome().epoch, epoch);
    assert!(watch(&back, kept).await.version < late);
    assert_eq!(count(&log(&hub, kept).await, "message_received"), 2);
    for c in [before, after] {
        assert_eq!(count(&log(&hub, c).await, "redacted"), 1);
    }
    write(&hub.channel(), "again", "kept", "And it goes on.").await;
}

/// A list as `dibs erase` keeps it, by customer, serves as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_goes_on_with_the_list_that_erasing_kept() {
    let server = Postgres::shared();
    let database = server.database();
    let url = server.url(&database, server.port());
    let mut hub = Hub::start(&["--postgres", &url]);
    conversation(&hub, "somebody").await;
    write(&hub.channel(), "m", "somebody", "Secret of somebody").await;
    hub.term();
    assert!(hub.exited(PATIENCE).await.unwrap().success());
    let dump = block_in_place(|| server.dump(&database));
    let erase = [
        "erase",
        "--workspace",
        "acme",
        "--customer",
        "somebody",
        "--postgres",
        &url,
    ];
    assert!(hub.run(&erase).status.success());
    block_in_place(|| server.restore(&database, &dump));
    let list = hub.data().join("erasures.jsonl");
    let said = block_in_place(|| goes_on(list.to_str().unwrap(), &url));
    assert!(
        said.contains("1 customers and 0 conversations erased again"),
        "{said}"
    );
    assert!(!block_in_place(|| server.dump(&database)).contains("Secret of somebody"));
}
