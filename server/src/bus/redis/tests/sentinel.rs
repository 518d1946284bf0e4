//! A primary behind sentinels: when it dies and another one takes over, messages flow again by themselves.

use super::servers::{Server, ask};
use super::*;
use crate::bus::conformance::{hears, text, workspace};

#[tokio::test]
async fn after_a_failover_messages_flow_again() {
    let mut primary = Server::start(&[]).await;
    let replica = Server::start(&["--replicaof", "127.0.0.1", &primary.port.to_string()]).await;
    let configuration = format!(
        "sentinel monitor main 127.0.0.1 {} 1\nsentinel down-after-milliseconds main 500\n\
         sentinel failover-timeout main 3000\n",
        primary.port
    );
    let sentinel = Server::start_with(&configuration, &["--sentinel"]).await;
    let url = format!("redis+sentinel://127.0.0.1:{}/main", sentinel.port);
    let (here, there) = (open(&url), open(&url));
    let mut heard = there.subscribe(&workspace("a"));
    doubts(&mut heard).await;
    connected(&here).await;
    here.publish(&workspace("a"), text("before"));
    hears(&mut heard, &["before"]).await;
    // Sentinel can only promote whom it has heard of.
    let mut connection = sentinel.connect().await;
    until("sentinel knows no replica", || {
        let mut connection = connection.clone();
        async move {
            let known: String = ask(&mut connection, "INFO sentinel").await;
            known.contains("slaves=1")
        }
    })
    .await;
    let known: Vec<String> = ask(&mut connection, "SENTINEL GET-MASTER-ADDR-BY-NAME main").await;
    assert_eq!(known[1], primary.port.to_string());

    primary.kill();
    in_trouble(&here).await;
    in_trouble(&there).await;
    connected(&here).await;
    connected(&there).await;
    let role: Vec<redis::Value> = replica.ask("ROLE").await;
    assert_eq!(role[0], redis::Value::BulkString(b"master".to_vec()));
    while heard.try_recv().is_ok() {}
    here.publish(&workspace("a"), text("after"));
    hears(&mut heard, &["after"]).await;
    // The old one comes back, and is none.
    primary.restart().await;
    here.publish(&workspace("a"), text("still"));
    hears(&mut heard, &["still"]).await;
}

#[tokio::test]
async fn a_name_that_no_sentinel_knows_is_told() {
    let sentinel = Server::start_with("", &["--sentinel"]).await;
    let bus = open(&format!("redis+sentinel://127.0.0.1:{}/other", sentinel.port));
    until("the name is not told", || async {
        bus.trouble()
            .is_some_and(|it| it.contains("no primary called other"))
    })
    .await;
}
