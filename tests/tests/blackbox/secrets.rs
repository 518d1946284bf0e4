//! Secrets: tokens and what people say never stand in the log, however much it tells.

use crate::desk::{claim, conversation, message_with, watch};
use crate::hub::{Hub, PATIENCE};
use crate::raw::Raw;
use crate::token::{SECRET, mint};
use serde_json::json;

const MARK: &str = "zq-marked-zq";

#[tokio::test]
async fn neither_tokens_nor_what_people_say_stand_in_the_log() {
    let mut hub = Hub::start(&["--log-level", "trace"]);
    let c = conversation(&hub, "c").await;
    let token = mint(json!({ "sub": "priya", "jti": "jti-of-the-marked-token" }));
    let mut raw = Raw::open(&hub).await;
    raw.text(&json!({ "type": "hello", "id": 1, "token": token }).to_string())
        .await;
    assert_eq!(raw.frame().await["type"], "welcome");
    raw.text(&json!({ "type": "refresh", "id": 2, "token": token }).to_string())
        .await;
    assert_eq!(raw.answer().await["type"], "ok");
    let (priya, sam) = (hub.agent("priya").await, hub.agent("sam").await);
    watch(&sam, c).await;
    let held = claim(&priya, c).await;
    let reply = cmd!("reply", "conversation": c, "token": held, "key": "k", "seen": held, "text": format!("reply {MARK}"));
    priya.call(reply).await.unwrap();
    priya
        .call(cmd!("note", "conversation": c, "key": "n", "text": format!("@sam note {MARK}")))
        .await
        .unwrap();
    priya
        .call(cmd!("update", "conversation": c, "subject": format!("subject {MARK}")))
        .await
        .unwrap();
    priya
        .refused(cmd!("list", "filter": {}, "sort": "newest", "after": MARK))
        .await
        .unwrap();
    let more = json!({ "customer": { "id": "d", "name": format!("name {MARK}"), "handle": format!("{MARK}@example.org") } });
    let ingest = message_with("m", "d", &format!("text {MARK}"), more);
    hub.channel().ingest(&ingest).await.unwrap();
    hub.http(json!({ "sub": "priya" }))
        .request(
            reqwest::Method::GET,
            "/conversations",
            &[("filter", &format!(r#"{{"text":"{MARK}"}}"#))],
        )
        .send()
        .await
        .unwrap();
    for wrong in [
        format!("{{\"type\":\"{MARK}"),
        format!("{{\"type\":\"note\",\"id\":3,\"text\":\"{MARK}\",\"{MARK}\":1}}"),
    ] {
        raw.text(&wrong).await;
        assert_eq!(raw.answer().await["type"], "error");
    }
    let bad = mint(json!({ "sub": "priya", "exp": 1 }));
    let refused = dibs_client::Client::connect(&hub.url(), &bad, &dibs_client::Options::default()).await;
    assert_eq!(refused.unwrap_err().close_code(), Some(4001));
    hub.term();
    assert!(hub.exited(PATIENCE).await.is_some());
    let logs = hub.logs();
    assert!(logs.len() > 5, "trace tells something");
    let signature = |token: &str| token.rsplit('.').next().unwrap().to_owned();
    let (good, bad) = (signature(&token), signature(&bad));
    for line in &logs {
        for secret in [MARK, SECRET, good.as_str(), bad.as_str()] {
            assert!(!line.contains(secret), "{line}");
        }
    }
}
