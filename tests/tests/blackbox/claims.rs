//! Claims: one holder at a time, whoever calls, and a token that dies with its claim.

use crate::desk::{claim, conversation, event, number, push, push_where, summary, watch};
use crate::hub::Hub;
use dibs_client::{CallError, Client};
use dibs_protocol::ids::ConversationId;
use dibs_protocol::refusal::Code;
use serde_json::json;

const AGENTS: usize = 30;
const CONVERSATIONS: usize = 200;
const ROUND: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_thirty_agents_who_call_at_once_one_wins_each_of_two_hundred_conversations() {
    let hub = Hub::start(&[]);
    let mut conversations = Vec::new();
    for i in 0..CONVERSATIONS {
        conversations.push(conversation(&hub, &format!("c{i}")).await);
    }
    let mut agents = Vec::new();
    for i in 0..AGENTS {
        agents.push(hub.agent(&format!("agent-{i}")).await);
    }
    for round in conversations.chunks(ROUND) {
        let calls = agents.iter().map(|agent| call_all(agent, round));
        let outcomes = futures_util::future::join_all(calls).await;
        for (i, c) in round.iter().enumerate() {
            let winners: Vec<&Client> = agents
                .iter()
                .zip(&outcomes)
                .filter(|(_, it)| it[i].is_ok())
                .map(|(agent, _)| agent)
                .collect();
            assert_eq!(winners.len(), 1, "one winner of {c}");
            let winner = winners[0].welcome().agent.id.clone();
            for refusal in outcomes.iter().filter_map(|it| it[i].as_ref().err()) {
                let refusal = refusal.refusal().expect("a refusal");
                assert_eq!(refusal.code, Code::AlreadyClaimed);
                assert_eq!(refusal.details.holder.as_ref(), Some(&winner));
                assert!(refusal.details.since.is_some());
            }
            let held = summary(&agents[0], *c).await.claim.expect("it is claimed");
            assert_eq!(held.agent, winner);
        }
    }
}

async fn call_all(agent: &Client, round: &[ConversationId]) -> Vec<Result<u64, CallError>> {
    let mut pending = Vec::new();
    for c in round {
        pending.push(agent.send(cmd!("claim", "conversation": c)).await.unwrap());
    }
    let mut outcomes = Vec::new();
    for answer in pending {
        outcomes.push(answer.answer().await.map(|fields| number(&fields, "token")));
    }
    outcomes
}

#[tokio::test]
async fn claiming_what_one_holds_gives_the_same_token_on_every_session() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let (desk, phone) = (hub.agent("priya").await, hub.agent("priya").await);
    let token = claim(&desk, c).await;
    assert_eq!(claim(&desk, c).await, token);
    assert_eq!(claim(&phone, c).await, token);
    let seen = summary(&desk, c).await;
    assert_eq!(seen.claim.unwrap().token, token);
    assert_eq!(seen.version, token, "a second claim stores nothing");
}

#[tokio::test]
async fn the_other_sessions_of_the_winner_hear_of_the_claim_and_of_its_end() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let (desk, phone) = (hub.agent("priya").await, hub.agent("priya").await);
    let token = claim(&desk, c).await;
    let gained = push(&phone, "claim_gained").await;
    assert_eq!(
        (&gained["token"], &gained["via"]),
        (&json!(token), &json!("claim"))
    );
    desk.call(cmd!("release", "conversation": c, "token": token))
        .await
        .unwrap();
    assert_eq!(push(&phone, "claim_lost").await["token"], json!(token));
}

#[tokio::test]
async fn a_released_conversation_is_free_and_its_token_dead() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let (priya, sam) = (hub.agent("priya").await, hub.agent("sam").await);
    let token = claim(&priya, c).await;
    let wrong = priya
        .refused(cmd!("release", "conversation": c, "token": token - 1))
        .await
        .unwrap();
    assert_eq!(wrong.code, Code::ClaimLost);
    let seq = number(
        &priya
            .call(cmd!("release", "conversation": c, "token": token))
            .await
            .unwrap(),
        "seq",
    );
    assert!(seq > token);
    let again = priya
        .refused(cmd!("release", "conversation": c, "token": token))
        .await
        .unwrap();
    assert_eq!(again.code, Code::NotClaimed);
    let new = claim(&sam, c).await;
    assert!(new > token, "tokens only grow");
    let late = priya
        .refused(cmd!("release", "conversation": c, "token": token))
        .await
        .unwrap();
    assert_eq!(
        (late.code, late.details.holder.unwrap().as_str()),
        (Code::ClaimLost, "sam")
    );
}

#[tokio::test]
async fn a_take_over_kills_the_old_token_at_once_and_tells_the_loser() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let (priya, boss) = (hub.agent("priya").await, hub.supervisor("boss").await);
    let seen = watch(&priya, c).await.version;
    let old = claim(&priya, c).await;
    let taken = boss
        .call(cmd!("take_over", "conversation": c, "reason": "lunch"))
        .await
        .unwrap();
    let new = number(&taken, "token");
    assert!(new > old);
    let late =
        priya.call(cmd!("reply", "conversation": c, "token": old, "key": "k", "seen": seen, "text": "x"));
    let refusal = late.await.unwrap_err();
    assert_eq!(refusal.code(), Some(Code::ClaimLost));
    let lost = push(&priya, "claim_lost").await;
    assert_eq!(
        (&lost["by"], &lost["token"], &lost["reason"]),
        (&json!("boss"), &json!(old), &json!("lunch"))
    );
    let granted = event(&priya, c, "claim_granted").await;
    if granted.seq == old {
        let granted = event(&priya, c, "claim_granted").await;
        assert_eq!(granted.event["via"], "take_over");
        assert_eq!(granted.event["from"], "priya");
    }
    boss.call(cmd!("reply", "conversation": c, "token": new, "key": "k", "seen": seen, "text": "x"))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_take_over_of_a_free_conversation_grants_it() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let boss = hub.supervisor("boss").await;
    let taken = boss
        .call(cmd!("take_over", "conversation": c, "reason": "mine"))
        .await
        .unwrap();
    assert_eq!(
        summary(&boss, c).await.claim.unwrap().token,
        number(&taken, "token")
    );
}

#[tokio::test]
async fn agents_take_over_only_where_the_settings_allow_it() {
    let strict = Hub::start(&[]);
    let c = conversation(&strict, "c").await;
    let priya = strict.agent("priya").await;
    claim(&priya, c).await;
    let sam = strict.agent("sam").await;
    let refusal = sam
        .refused(cmd!("take_over", "conversation": c, "reason": "r"))
        .await
        .unwrap();
    assert_eq!(refusal.code, Code::Forbidden);

    let open = Hub::start(&["--agents-take-over", "true"]);
    let c = conversation(&open, "c").await;
    let priya = open.agent("priya").await;
    claim(&priya, c).await;
    open.agent("sam")
        .await
        .call(cmd!("take_over", "conversation": c, "reason": "r"))
        .await
        .unwrap();
    assert_eq!(push(&priya, "claim_lost").await["by"], "sam");
}

#[tokio::test]
async fn bots_hold_claims_by_the_same_rules() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let bot = hub
        .connect(json!({ "sub": "robo", "kind": "bot" }))
        .await
        .unwrap();
    let priya = hub.agent("priya").await;
    watch(&priya, c).await;
    claim(&bot, c).await;
    assert_eq!(
        event(&priya, c, "claim_granted")
            .await
            .actor
            .agent()
            .unwrap()
            .as_str(),
        "robo"
    );
    let refusal = priya.refused(cmd!("claim", "conversation": c)).await.unwrap();
    assert_eq!(refusal.details.holder.unwrap().as_str(), "robo");
}

#[tokio::test]
async fn a_closed_conversation_cannot_be_claimed_before_it_is_opened_again() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let priya = hub.agent("priya").await;
    priya
        .call(cmd!("update", "conversation": c, "status": "closed"))
        .await
        .unwrap();
    let refusal = priya.refused(cmd!("claim", "conversation": c)).await.unwrap();
    assert_eq!(refusal.code, Code::Conflict);
    assert!(refusal.details.current.is_some());
    priya
        .call(cmd!("update", "conversation": c, "status": "open"))
        .await
        .unwrap();
    claim(&priya, c).await;
}

#[tokio::test]
async fn while_one_holds_it_others_change_only_what_is_everybodys() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let (priya, sam, boss) = (
        hub.agent("priya").await,
        hub.agent("sam").await,
        hub.supervisor("boss").await,
    );
    claim(&priya, c).await;
    for change in [
        json!({ "status": "pending" }),
        json!({ "queue": "vip" }),
        json!({ "assignee": "sam" }),
    ] {
        let mut update = json!({ "type": "update", "conversation": c });
        update
            .as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        let refusal = sam.refused(crate::desk::command(update.clone())).await.unwrap();
        assert_eq!(
            (refusal.code, refusal.details.holder.unwrap().as_str()),
            (Code::Forbidden, "priya"),
            "{change}"
        );
        boss.call(crate::desk::command(update)).await.unwrap();
    }
    let mine = cmd!("update", "conversation": c, "priority": "high", "add_tags": ["vip"]);
    sam.call(mine).await.unwrap();
    sam.call(cmd!("note", "conversation": c, "key": "n", "text": "look"))
        .await
        .unwrap();
}

#[tokio::test]
async fn an_agent_opens_a_conversation_and_holds_it() {
    let hub = Hub::start(&[]);
    let priya = hub.agent("priya").await;
    let open = || cmd!("open", "key": "k", "channel": "email", "customer": { "id": "z", "name": "Zoe" }, "subject": "Hi");
    let first = priya.call(open()).await.unwrap();
    let again = priya.call(open()).await.unwrap();
    assert_eq!(
        (&again["conversation"], &again["token"]),
        (&first["conversation"], &first["token"])
    );
    assert_eq!(
        (&first["duplicate"], &again["duplicate"]),
        (&json!(false), &json!(true))
    );
    let c: ConversationId = serde_json::from_value(first["conversation"].clone()).unwrap();
    assert_eq!(summary(&priya, c).await.claim.unwrap().agent.as_str(), "priya");
}

#[tokio::test]
async fn a_client_that_lost_its_claim_hears_it_on_every_session() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let (desk, phone, boss) = (
        hub.agent("priya").await,
        hub.agent("priya").await,
        hub.supervisor("boss").await,
    );
    let token = claim(&desk, c).await;
    boss.call(cmd!("take_over", "conversation": c, "reason": "r"))
        .await
        .unwrap();
    for session in [&desk, &phone] {
        push_where(session, "claim_lost", |it| it["token"] == json!(token)).await;
    }
}
