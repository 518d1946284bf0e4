//! Limits: who asks too much is told when to come back, and nobody else notices.

use crate::desk::message;
use crate::hub::{Hub, PATIENCE};
use crate::raw::tcp;
use dibs_client::CallError;
use dibs_protocol::refusal::Code;
use serde_json::json;
use tokio::io::AsyncReadExt;

#[tokio::test]
async fn a_session_that_asks_too_much_is_told_when_to_come_back() {
    let hub = Hub::start(&["--commands-per-second", "5"]);
    let (eager, calm) = (hub.agent("eager").await, hub.agent("calm").await);
    let mut pending = Vec::new();
    for _ in 0..60 {
        pending.push(eager.send(cmd!("ping")).await.unwrap());
    }
    let mut refused = 0;
    let mut done = 0;
    for answer in pending {
        match answer.answer().await {
            Ok(_) => done += 1,
            Err(CallError::Refused(refusal)) => {
                assert_eq!(refusal.code, Code::RateLimited);
                assert!(refusal.details.retry_after_ms.is_some_and(|ms| ms > 0));
                refused += 1;
            }
            Err(CallError::Closed(closed)) => {
                assert_eq!(closed.code, 4029);
                refused += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(done >= 5 && refused >= 20, "{done} done, {refused} refused");
    calm.call(cmd!("ping")).await.unwrap();
}

#[tokio::test]
async fn a_channel_that_writes_too_much_gets_429() {
    let hub = Hub::start(&["--ingest-per-second", "2"]);
    let channel = hub.channel();
    let mut refused = None;
    for i in 0..60 {
        if let Err(error) = channel.ingest(&message(&format!("m{i}"), "c", "x")).await {
            refused = Some((i, error));
            break;
        }
    }
    let (i, error) = refused.expect("sixty at once are too many");
    assert_eq!(
        (error.status(), error.code()),
        (Some(429), Some(Code::RateLimited))
    );
    let dibs_client::HttpError::Problem(problem) = error else {
        panic!("no problem")
    };
    let wait = problem.refusal.details.retry_after_ms.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(wait)).await;
    channel
        .ingest(&message(&format!("m{i}"), "c", "x"))
        .await
        .expect("after that long it goes through");
}

#[tokio::test]
async fn one_address_has_so_many_connections() {
    let hub = Hub::start(&["--connections-per-address", "3"]);
    let mut agents = Vec::new();
    for i in 0..3 {
        agents.push(hub.agent(&format!("a{i}")).await);
    }
    assert!(hub.connect(json!({ "sub": "a3" })).await.is_err());
    let mut refused = tcp(&hub).await;
    let mut rest = Vec::new();
    let read = tokio::time::timeout(PATIENCE, refused.read_to_end(&mut rest)).await;
    assert!(read.is_ok(), "a connection too many is ended");
    agents.pop().unwrap().close().await;
    let end = tokio::time::Instant::now() + PATIENCE;
    while hub.connect(json!({ "sub": "a4" })).await.is_err() {
        assert!(tokio::time::Instant::now() < end, "a freed place can be taken");
    }
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_counts_for_itself() {
    let hub = Hub::start(&["--connections-per-address", "2", "--trusted-proxy", "127.0.0.0/8"]);
    let from = |address: &str| dibs_client::Options {
        headers: vec![("x-forwarded-for".into(), address.into())],
        ..Default::default()
    };
    let mut agents = Vec::new();
    for address in ["10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.2"] {
        let token = crate::token::mint(json!({ "sub": "a" }));
        agents.push(
            dibs_client::Client::connect(&hub.url(), &token, &from(address))
                .await
                .unwrap(),
        );
    }
    let token = crate::token::mint(json!({ "sub": "a" }));
    assert!(
        dibs_client::Client::connect(&hub.url(), &token, &from("10.0.0.1"))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_session_has_so_many_watches_and_views() {
    let hub = Hub::start(&[]);
    let priya = hub.agent("priya").await;
    for i in 0..32 {
        priya
            .call(cmd!("open_view", "view": format!("v{i}"), "filter": {}, "sort": "newest", "limit": 0))
            .await
            .unwrap();
    }
    let more = cmd!("open_view", "view": "more", "filter": {}, "sort": "newest", "limit": 0);
    assert_eq!(priya.refused(more).await.unwrap().code, Code::Invalid);
    priya
        .call(cmd!("open_view", "view": "v0", "filter": {}, "sort": "oldest", "limit": 0))
        .await
        .unwrap();
    for i in 0..200 {
        let c = crate::desk::conversation(&hub, &format!("c{i}")).await;
        priya
            .call(cmd!("watch", "conversation": c, "limit": 1))
            .await
            .unwrap();
    }
    let c = crate::desk::conversation(&hub, "more").await;
    assert_eq!(
        priya
            .refused(cmd!("watch", "conversation": c))
            .await
            .unwrap()
            .code,
        Code::Invalid
    );
}
