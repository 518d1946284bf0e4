//! Sending somebody away: their sessions end everywhere, what they came in with is refused, and what they get afterwards is
//! good.

use crate::desk::conversation;
use crate::hub::{Hub, PATIENCE, WORKSPACE, program};
use crate::token::{mint, now};
use dibs_client::{CallError, Client, ConnectError, Http, Options};
use dibs_protocol::refusal::Code;
use dibs_tests::postgres::Postgres;
use serde_json::{Value, json};
use std::process::{Command, Output};

/// `dibs disconnect`, as an agent of this role.
fn disconnect(hub: &Hub, agent: &str, role: &str) -> Output {
    let token = mint(json!({ "sub": "ada", "role": role, "iat": now() }));
    let mut command = Command::new(program());
    command.args([
        "disconnect",
        "--workspace",
        WORKSPACE,
        "--agent",
        agent,
        "--reason",
        "gone for good",
    ]);
    command.env("DIBS_URL", hub.url()).env("DIBS_TOKEN", token);
    command.output().unwrap()
}

async fn come(hub: &Hub, token: &str) -> Result<Client, ConnectError> {
    Client::connect(&hub.url(), token, &Options::default()).await
}

async fn is_refused(hub: &Hub, token: &str) {
    let refused = come(hub, token).await.unwrap_err();
    assert_eq!(refused.close_code(), Some(4001));
    let ConnectError::Closed(closed) = refused else {
        panic!("not refused by the hub")
    };
    assert_eq!(closed.refusal.unwrap().code, Code::Unauthenticated);
}

async fn closed_with(client: &Client) -> u16 {
    tokio::time::timeout(PATIENCE, client.closed())
        .await
        .unwrap()
        .code
}

/// A token that was issued a moment after everything that has happened so far.
fn newer(claims: Value) -> String {
    let mut all = json!({ "iat": now() + 5, "jti": format!("{}-new", claims["sub"]) });
    all.as_object_mut()
        .unwrap()
        .extend(claims.as_object().unwrap().clone());
    mint(all)
}

#[tokio::test]
async fn who_is_sent_away_is_closed_and_comes_back_with_a_new_token_only() {
    let mut hub = Hub::start(&[]);
    let tokens = [
        mint(json!({ "sub": "priya", "iat": now(), "jti": "one" })),
        mint(json!({ "sub": "priya", "jti": "two" })),
        mint(json!({ "sub": "priya" })),
        // The clock of who signed it runs ahead.
        mint(json!({ "sub": "priya", "iat": now() + 20 })),
    ];
    let mut sessions = Vec::new();
    for token in &tokens {
        sessions.push(come(&hub, token).await.unwrap());
    }
    let unused = mint(json!({ "sub": "priya", "iat": now() - 100 }));
    let sam = hub.agent("sam").await;
    let done = disconnect(&hub, "priya", "admin");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    for session in &sessions {
        assert_eq!(closed_with(session).await, 4010);
    }
    sam.call(cmd!("ping")).await.unwrap();
    let old: Vec<&String> = tokens.iter().chain([&unused]).collect();
    for _ in 0..2 {
        for token in &old {
            is_refused(&hub, token).await;
            let http = Http::new(&hub.base(), WORKSPACE, token);
            let list = http
                .request(reqwest::Method::GET, "/conversations", &[])
                .send()
                .await
                .unwrap();
            assert_eq!(list.status().as_u16(), 401);
        }
        let priya = come(&hub, &newer(json!({ "sub": "priya" }))).await.unwrap();
        let refresh = priya.refused(cmd!("refresh", "token": tokens[2])).await.unwrap();
        assert_eq!(refresh.code, Code::Unauthenticated);
        priya.call(cmd!("ping")).await.unwrap();
        drop(priya);
        // It is as true after a crash.
        hub.kill9();
        hub.restart();
    }
    hub.term();
    assert!(hub.exited(PATIENCE).await.unwrap().success());
    assert!(hub.run(&["verify"]).status.success());
}

#[tokio::test]
async fn their_claims_end_as_if_they_had_left_and_nobody_is_shown_the_event() {
    let hub = Hub::start(&["--claim-grace", "200ms"]);
    let c = conversation(&hub, "c").await;
    let (priya, sam) = (hub.agent("priya").await, hub.agent("sam").await);
    crate::desk::watch(&sam, c).await;
    crate::desk::claim(&priya, c).await;
    assert!(disconnect(&hub, "priya", "admin").status.success());
    let ended = crate::desk::event(&sam, c, "claim_expired").await;
    assert_eq!(ended.event["reason"], "holder_gone");
    let feed = crate::desk::events(&hub.http(json!({ "sub": "sam" })), c).await;
    assert!(feed.iter().all(|it| it.kind() != "agent_disconnected"));
}

#[tokio::test]
async fn it_is_for_admins_and_anybody_can_be_named() {
    let hub = Hub::start(&[]);
    let priya = hub.agent("priya").await;
    for role in ["agent", "supervisor"] {
        let refused = disconnect(&hub, "priya", role);
        assert_eq!(refused.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&refused.stderr).contains("not for the role"));
    }
    assert!(matches!(
        priya.call(cmd!("ping")).await,
        Ok(_) | Err(CallError::Refused(_))
    ));
    assert!(disconnect(&hub, "never-seen", "admin").status.success());
    is_refused(&hub, &mint(json!({ "sub": "never-seen", "iat": now() - 1 }))).await;
    let admin = hub.http(json!({ "sub": "ada", "role": "admin" }));
    for (agent, body, status) in [
        ("Not%20An%20Id", "{}", 400),
        ("priya", r#"{"because":"x"}"#, 400),
        ("priya", "", 200),
    ] {
        let route = format!("/agents/{agent}/disconnect");
        let request = admin.request(reqwest::Method::POST, &route, &[]).body(body);
        assert_eq!(
            request.send().await.unwrap().status().as_u16(),
            status,
            "{agent} {body}"
        );
    }
    assert_eq!(closed_with(&priya).await, 4010);
}

/// Two instances over one database, and no bus between them: they learn from the log alone.
#[tokio::test]
async fn it_holds_on_every_instance_also_without_a_bus_and_after_a_restart() {
    let postgres = Postgres::shared();
    let url = postgres.url(&postgres.database(), postgres.port());
    let here = Hub::start(&["--postgres", &url]);
    let mut there = Hub::start(&["--postgres", &url]);
    // Nothing but its use tells this token from others, and only the other instance knows of that.
    let token = mint(json!({ "sub": "priya" }));
    let issued = mint(json!({ "sub": "priya", "iat": now() }));
    let session = come(&there, &token).await.unwrap();
    let another = come(&there, &issued).await.unwrap();
    assert!(disconnect(&here, "priya", "admin").status.success());
    assert_eq!(closed_with(&session).await, 4010);
    assert_eq!(closed_with(&another).await, 4010);
    for hub in [&there, &here] {
        is_refused(hub, &token).await;
        is_refused(hub, &issued).await;
        come(hub, &newer(json!({ "sub": "priya" }))).await.unwrap();
    }
    there.kill9();
    there.restart();
    is_refused(&there, &token).await;
    is_refused(&there, &issued).await;
    come(&there, &newer(json!({ "sub": "priya" }))).await.unwrap();
}
