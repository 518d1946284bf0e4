//! Transfers: offered, accepted in one commit, declined, withdrawn, or answered by the first of a team.

use crate::desk::{claim, conversation, event, number, push, summary, watch};
use crate::hub::Hub;
use dibs_protocol::refusal::Code;
use serde_json::json;

#[tokio::test]
async fn an_accepted_transfer_moves_the_claim_in_one_commit() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let (priya, sam) = (hub.agent("priya").await, hub.agent("sam").await);
    let seen = watch(&priya, c).await.version;
    let old = claim(&priya, c).await;
    let offered = priya
        .call(cmd!("transfer", "conversation": c, "token": old, "to": { "agent": "sam" }, "note": "yours?"));
    assert!(offered.await.unwrap().contains_key("expires_at"));
    let offer = push(&sam, "offer").await;
    assert_eq!(
        (&offer["from"], &offer["note"]),
        (&json!("priya"), &json!("yours?"))
    );
    assert_eq!(offer["summary"]["offer"]["to"], json!({ "agent": "sam" }));
    let accepted = sam
        .call(cmd!("answer_transfer", "conversation": c, "accept": true))
        .await
        .unwrap();
    let new = number(&accepted, "token");
    let released = event(&priya, c, "claim_released").await;
    assert_eq!(released.event["via"], "transfer");
    let granted = loop {
        let granted = event(&priya, c, "claim_granted").await;
        if granted.seq > released.seq {
            break granted;
        }
    };
    assert_eq!(granted.seq, new);
    assert_eq!(
        (&granted.event["via"], &granted.event["from"]),
        (&json!("transfer"), &json!("priya"))
    );
    assert_eq!(push(&priya, "claim_lost").await["token"], json!(old));
    let late =
        priya.refused(cmd!("reply", "conversation": c, "token": old, "key": "k", "seen": seen, "text": "x"));
    let refusal = late.await.unwrap();
    assert_eq!(
        (refusal.code, refusal.details.holder.unwrap().as_str()),
        (Code::ClaimLost, "sam")
    );
    assert!(summary(&sam, c).await.offer.is_none());
}

#[tokio::test]
async fn the_offerer_keeps_claim_and_token_when_the_other_declines() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let (priya, sam) = (hub.agent("priya").await, hub.agent("sam").await);
    let seen = watch(&priya, c).await.version;
    let token = claim(&priya, c).await;
    priya
        .call(cmd!("transfer", "conversation": c, "token": token, "to": { "agent": "sam" }))
        .await
        .unwrap();
    push(&sam, "offer").await;
    let declined = sam
        .call(cmd!("answer_transfer", "conversation": c, "accept": false, "note": "busy"))
        .await
        .unwrap();
    assert!(!declined.contains_key("token"));
    let event = event(&priya, c, "transfer_declined").await;
    assert_eq!(
        (&event.event["reason"], &event.event["note"]),
        (&json!("declined"), &json!("busy"))
    );
    priya
        .call(cmd!("reply", "conversation": c, "token": token, "key": "k", "seen": seen, "text": "x"))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_withdrawn_offer_cannot_be_accepted() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let (priya, sam) = (hub.agent("priya").await, hub.agent("sam").await);
    let token = claim(&priya, c).await;
    priya
        .call(cmd!("transfer", "conversation": c, "token": token, "to": { "agent": "sam" }))
        .await
        .unwrap();
    push(&sam, "offer").await;
    priya
        .call(cmd!("cancel_transfer", "conversation": c, "token": token))
        .await
        .unwrap();
    assert_eq!(push(&sam, "offer_gone").await["reason"], "withdrawn");
    sam.refused(cmd!("answer_transfer", "conversation": c, "accept": true))
        .await
        .unwrap();
    assert_eq!(summary(&priya, c).await.claim.unwrap().token, token);
}

#[tokio::test]
async fn of_a_team_the_first_to_accept_wins() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let priya = hub.agent("priya").await;
    let mut team = Vec::new();
    for i in 0..8 {
        team.push(hub.member(&format!("b{i}"), &["billing"]).await);
    }
    let token = claim(&priya, c).await;
    priya
        .call(cmd!("transfer", "conversation": c, "token": token, "to": { "team": "billing" }))
        .await
        .unwrap();
    for member in &team {
        push(member, "offer").await;
    }
    let answers = team
        .iter()
        .map(|it| it.call(cmd!("answer_transfer", "conversation": c, "accept": true)));
    let outcomes = futures_util::future::join_all(answers).await;
    assert_eq!(outcomes.iter().filter(|it| it.is_ok()).count(), 1);
    for (member, outcome) in team.iter().zip(&outcomes) {
        assert_eq!(push(member, "offer_gone").await["reason"], "accepted");
        if let Ok(won) = outcome {
            let held = summary(&priya, c).await.claim.unwrap();
            assert_eq!(
                (held.token, &held.agent),
                (number(won, "token"), &member.welcome().agent.id)
            );
        }
    }
}

#[tokio::test]
async fn an_offer_that_nobody_answers_ends_by_itself() {
    let hub = Hub::start(&["--offer-ttl", "1s"]);
    let c = conversation(&hub, "c").await;
    let (priya, sam) = (hub.agent("priya").await, hub.agent("sam").await);
    watch(&priya, c).await;
    let token = claim(&priya, c).await;
    priya
        .call(cmd!("transfer", "conversation": c, "token": token, "to": { "agent": "sam" }))
        .await
        .unwrap();
    assert_eq!(
        event(&priya, c, "transfer_declined").await.event["reason"],
        "expired"
    );
    assert_eq!(push(&sam, "offer_gone").await["reason"], "expired");
    assert_eq!(summary(&priya, c).await.claim.unwrap().token, token);
}

#[tokio::test]
async fn an_offer_waits_in_the_welcome_of_who_comes_later() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let priya = hub.agent("priya").await;
    drop(hub.agent("sam").await);
    let token = claim(&priya, c).await;
    priya
        .call(cmd!("transfer", "conversation": c, "token": token, "to": { "agent": "sam" }))
        .await
        .unwrap();
    let sam = hub.agent("sam").await;
    assert_eq!(sam.welcome().offers.first().map(|it| it.conversation), Some(c));
}

#[tokio::test]
async fn a_take_over_supersedes_an_offer() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let (priya, sam, boss) = (
        hub.agent("priya").await,
        hub.agent("sam").await,
        hub.supervisor("boss").await,
    );
    let token = claim(&priya, c).await;
    priya
        .call(cmd!("transfer", "conversation": c, "token": token, "to": { "agent": "sam" }))
        .await
        .unwrap();
    push(&sam, "offer").await;
    boss.call(cmd!("take_over", "conversation": c, "reason": "r"))
        .await
        .unwrap();
    assert_eq!(push(&sam, "offer_gone").await["reason"], "superseded");
    sam.refused(cmd!("answer_transfer", "conversation": c, "accept": true))
        .await
        .unwrap();
}

#[tokio::test]
async fn only_the_current_token_offers_and_withdraws() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let (priya, sam) = (hub.agent("priya").await, hub.agent("sam").await);
    let offer = |token: u64| cmd!("transfer", "conversation": c, "token": token, "to": { "agent": "sam" });
    assert_eq!(priya.refused(offer(1)).await.unwrap().code, Code::NotClaimed);
    let token = claim(&priya, c).await;
    assert_eq!(
        priya.refused(offer(token - 1)).await.unwrap().code,
        Code::ClaimLost
    );
    assert_eq!(sam.refused(offer(token)).await.unwrap().code, Code::ClaimLost);
}
