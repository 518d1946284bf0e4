//! Grace: a blip keeps the claim, leaving frees it, and so does idling where that is set.

use crate::desk::{claim, conversation, event, watch};
use crate::hub::Hub;
use dibs_protocol::refusal::Code;
use serde_json::json;

#[tokio::test]
async fn a_blip_keeps_the_claim() {
    let hub = Hub::start(&["--claim-grace", "30s"]);
    let c = conversation(&hub, "c").await;
    let (priya, sam) = (hub.agent("priya").await, hub.agent("sam").await);
    let token = claim(&priya, c).await;
    let cursor = priya.cut().await;
    let refusal = sam.refused(cmd!("claim", "conversation": c)).await.unwrap();
    assert_eq!(
        (refusal.code, refusal.details.holder.unwrap().as_str()),
        (Code::AlreadyClaimed, "priya")
    );
    let priya = hub.resume(json!({ "sub": "priya" }), cursor).await;
    let held = &priya.welcome().claims[0];
    assert_eq!((held.conversation, held.token), (c, token));
    priya
        .call(cmd!("reply", "conversation": c, "token": token, "key": "k", "seen": token, "text": "x"))
        .await
        .unwrap();
}

#[tokio::test]
async fn who_leaves_loses_the_claim_after_the_grace() {
    let hub = Hub::start(&["--claim-grace", "1s"]);
    let c = conversation(&hub, "c").await;
    let (priya, sam) = (hub.agent("priya").await, hub.agent("sam").await);
    watch(&sam, c).await;
    let token = claim(&priya, c).await;
    priya.cut().await;
    let expired = event(&sam, c, "claim_expired").await;
    assert_eq!(
        expired.event,
        json!({ "kind": "claim_expired", "agent": "priya", "token": token, "reason": "holder_gone" })
    );
    claim(&sam, c).await;
}

#[tokio::test]
async fn a_second_session_keeps_the_claim_for_ever() {
    let hub = Hub::start(&["--claim-grace", "1s"]);
    let (c, other) = (conversation(&hub, "c").await, conversation(&hub, "other").await);
    let (desk, phone, sam) = (
        hub.agent("priya").await,
        hub.agent("priya").await,
        hub.agent("sam").await,
    );
    let ghost = hub.agent("ghost").await;
    watch(&sam, other).await;
    let token = claim(&desk, c).await;
    claim(&ghost, other).await;
    desk.cut().await;
    ghost.cut().await;
    event(&sam, other, "claim_expired").await;
    assert_eq!(
        claim(&phone, c).await,
        token,
        "the other one's grace is over, and this claim still stands"
    );
}

#[tokio::test]
async fn after_a_restart_everybody_counts_as_having_just_left() {
    let mut hub = Hub::start(&["--claim-grace", "1s"]);
    let (back, gone) = (conversation(&hub, "back").await, conversation(&hub, "gone").await);
    let (priya, ghost) = (hub.agent("priya").await, hub.agent("ghost").await);
    let token = claim(&priya, back).await;
    claim(&ghost, gone).await;
    hub.kill9();
    hub.restart();
    let priya = hub.agent("priya").await;
    watch(&priya, gone).await;
    let freed = crate::desk::events(&hub.http(json!({ "sub": "priya" })), gone).await;
    if crate::desk::count(&freed, "claim_expired") == 0 {
        event(&priya, gone, "claim_expired").await;
    }
    assert_eq!(claim(&priya, back).await, token);
    claim(&priya, gone).await;
}

#[tokio::test]
async fn an_idle_claim_ends_although_its_holder_is_there() {
    let hub = Hub::start(&["--claim-idle", "1s"]);
    let c = conversation(&hub, "c").await;
    let priya = hub.agent("priya").await;
    watch(&priya, c).await;
    let token = claim(&priya, c).await;
    let expired = event(&priya, c, "claim_expired").await;
    assert_eq!(
        (&expired.event["reason"], &expired.event["token"]),
        (&json!("idle"), &json!(token))
    );
    assert_eq!(crate::desk::push(&priya, "claim_lost").await["reason"], "idle");
}

#[tokio::test]
async fn a_claim_expires_with_nobody_connected() {
    let hub = Hub::start(&["--claim-grace", "1s"]);
    let c = conversation(&hub, "c").await;
    let priya = hub.agent("priya").await;
    claim(&priya, c).await;
    priya.cut().await;
    let http = hub.http(json!({ "sub": "auditor" }));
    let end = std::time::Instant::now() + crate::hub::PATIENCE;
    while crate::desk::count(&crate::desk::events(&http, c).await, "claim_expired") == 0 {
        assert!(std::time::Instant::now() < end, "it never expired");
    }
}
