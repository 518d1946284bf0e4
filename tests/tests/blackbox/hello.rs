//! Hello: who comes in, who does not, and what each is told.

use crate::hub::{Hub, PATIENCE, WORKSPACE};
use crate::raw::Raw;
use crate::token::{SECRET, mint, mint_with, now};
use dibs_client::{Client, ConnectError, Options, dial};
use dibs_protocol::refusal::Code;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

async fn refused(hub: &Hub, token: &str) -> (u16, Option<Code>) {
    match Client::connect(&hub.url(), token, &Options::default()).await {
        Err(ConnectError::Closed(closed)) => (closed.code, closed.refusal.map(|it| it.code)),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_welcome_says_who_one_is_and_where() {
    let hub = Hub::start(&[]);
    let claims = json!({ "sub": "priya", "name": "Priya", "teams": ["billing"], "skills": ["french"], "role": "supervisor" });
    let priya = hub.connect(claims).await.unwrap();
    let welcome = priya.welcome();
    let agent = serde_json::to_value(&welcome.agent).unwrap();
    let expected = json!({ "id": "priya", "name": "Priya", "kind": "human", "role": "supervisor", "teams": ["billing"], "skills": ["french"] });
    assert_eq!(agent, expected);
    assert_eq!(
        (
            welcome.workspace.as_str(),
            welcome.resumed,
            welcome.unread_mentions
        ),
        (WORKSPACE, false, 0)
    );
    assert_eq!(welcome.limits, dibs_protocol::limits::Limits::default());
    assert!(!welcome.epoch.is_empty() && !welcome.hash.is_empty());
}

#[tokio::test]
async fn a_token_that_is_not_good_is_refused_with_4001_after_its_error() {
    let hub = Hub::start(&[]);
    let claims = json!({ "sub": "priya" });
    let bad: Vec<(&str, String)> = vec![
        ("no token", "nonsense".into()),
        (
            "another secret",
            mint_with(
                "another-secret-with-more-than-32-bytes",
                Algorithm::HS256,
                claims.clone(),
            ),
        ),
        (
            "another algorithm",
            mint_with(SECRET, Algorithm::HS512, claims.clone()),
        ),
        (
            "no algorithm",
            format!("eyJhbGciOiJub25lIn0.{}.", mint(claims).split('.').nth(1).unwrap()),
        ),
        ("expired", mint(json!({ "sub": "priya", "exp": now() - 5 }))),
        ("no expiry", mint(json!({ "sub": "priya", "exp": null }))),
        ("not yet", mint(json!({ "sub": "priya", "nbf": now() + 300 }))),
        ("no subject", mint(json!({}))),
        ("no workspace", mint(json!({ "sub": "priya", "workspace": null }))),
        ("a bad subject", mint(json!({ "sub": "Priya!" }))),
    ];
    for (why, token) in bad {
        assert_eq!(
            refused(&hub, &token).await,
            (4001, Some(Code::Unauthenticated)),
            "{why}"
        );
    }
}

#[tokio::test]
async fn a_channel_has_no_socket() {
    let hub = Hub::start(&[]);
    let token = mint(json!({ "sub": "adapter", "role": "channel" }));
    assert_eq!(refused(&hub, &token).await, (4003, Some(Code::Forbidden)));
}

#[tokio::test]
async fn who_says_nothing_is_closed_with_4008() {
    let hub = Hub::start(&["--hello-timeout", "1s"]);
    let mut raw = Raw::open(&hub).await;
    assert_eq!(raw.close_code().await, 4008);
}

#[tokio::test]
async fn who_does_not_begin_with_hello_does_not_come_in() {
    let hub = Hub::start(&["--hello-timeout", "2s"]);
    let mut raw = Raw::open(&hub).await;
    raw.text(r#"{"type":"ping","id":1}"#).await;
    let answer = raw.answer().await;
    assert_eq!((&answer["type"], &answer["id"]), (&json!("error"), &json!(1)));
    let code = raw.close_code().await;
    assert!([4000, 4001, 4008].contains(&code), "{code}");
}

#[tokio::test]
async fn a_second_hello_is_refused() {
    let hub = Hub::start(&[]);
    let mut raw = Raw::welcomed(&hub, "priya").await;
    let hello = json!({ "type": "hello", "id": 2, "token": mint(json!({ "sub": "sam" })) });
    raw.text(&hello.to_string()).await;
    let answer = raw.answer().await;
    assert_eq!((&answer["type"], &answer["id"]), (&json!("error"), &json!(2)));
}

#[tokio::test]
async fn a_session_ends_with_its_token_unless_a_new_one_comes() {
    let hub = Hub::start(&[]);
    let short = json!({ "sub": "priya", "exp": now() + 3 });
    let (kept, lost) = (
        hub.connect(short.clone()).await.unwrap(),
        hub.connect(short).await.unwrap(),
    );
    crate::desk::push(&kept, "token_expiring").await;
    for wrong in [
        json!({ "sub": "sam" }),
        json!({ "sub": "priya", "workspace": "other" }),
        json!({ "sub": "priya", "exp": 1 }),
    ] {
        kept.refused(cmd!("refresh", "token": mint(wrong))).await.unwrap();
    }
    kept.call(cmd!("refresh", "token": mint(json!({ "sub": "priya" }))))
        .await
        .unwrap();
    assert_eq!(
        tokio::time::timeout(PATIENCE, lost.closed()).await.unwrap().code,
        4002
    );
    kept.call(cmd!("ping")).await.unwrap();
}

#[tokio::test]
async fn pages_of_other_origins_do_not_come_in() {
    let hub = Hub::start(&["--allow-origin", "https://desk.example"]);
    let from = |origin: &str| {
        let options = Options {
            headers: vec![("origin".into(), origin.into())],
            ..Options::default()
        };
        let (url, token) = (hub.url(), mint(json!({ "sub": "priya" })));
        async move { Client::connect(&url, &token, &options).await }
    };
    from("https://desk.example").await.unwrap();
    from(&hub.base()).await.unwrap();
    for origin in [
        "https://evil.example",
        "https://desk.example.evil.example",
        "null",
        "http://desk.example",
    ] {
        let error = from(origin).await.unwrap_err();
        assert!(
            error.status() == Some(403) || error.close_code() == Some(4003),
            "{origin}: {error}"
        );
    }
}

async fn upgrade(hub: &Hub, protocol: Option<&str>) -> Result<Option<String>, u16> {
    let mut request = hub.url().into_client_request().unwrap();
    if let Some(protocol) = protocol {
        request
            .headers_mut()
            .insert("sec-websocket-protocol", protocol.parse().unwrap());
    }
    let stream = dial::tcp(&hub.url(), &Options::default()).await.unwrap();
    match tokio_tungstenite::client_async(request, stream).await {
        Ok((_, answer)) => Ok(answer
            .headers()
            .get("sec-websocket-protocol")
            .map(|it| it.to_str().unwrap().to_owned())),
        Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => Err(answer.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn the_subprotocol_is_agreed_on() {
    let hub = Hub::start(&[]);
    assert_eq!(
        upgrade(&hub, Some("other, dibs.v1")).await,
        Ok(Some("dibs.v1".into()))
    );
    assert!(upgrade(&hub, None).await.is_ok(), "offering none means dibs.v1");
    assert!(
        upgrade(&hub, Some("dibs.v2, mqtt"))
            .await
            .is_err_and(|status| (400..500).contains(&status))
    );
}

#[tokio::test]
async fn a_silent_client_is_closed_with_4009() {
    let hub = Hub::start(&["--heartbeat", "1s", "--silence-timeout", "3s"]);
    let raw = Raw::welcomed(&hub, "mute").await;
    let live = hub.agent("live").await;
    // The raw socket answers no ping while nobody reads it.
    let mut raw = raw;
    for _ in 0..5 {
        crate::desk::push(&live, "position").await;
    }
    let code = raw.close_code().await;
    assert_eq!(code, 4009);
    live.call(cmd!("ping")).await.unwrap();
}

#[tokio::test]
async fn unknown_fields_of_a_hello_are_refused_by_name() {
    let hub = Hub::start(&[]);
    let mut raw = Raw::open(&hub).await;
    let hello = json!({ "type": "hello", "id": 5, "token": mint(json!({ "sub": "p" })), "watch": true });
    raw.text(&hello.to_string()).await;
    let answer: Value = raw.answer().await;
    assert_eq!(
        (&answer["id"], &answer["code"], &answer["field"]),
        (&json!(5), &json!("invalid"), &json!("watch"))
    );
}
