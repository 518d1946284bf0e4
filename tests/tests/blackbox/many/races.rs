//! Races over instances: one winner, one conversation, one reply, whoever is asked.

use super::site::{Site, log, told};
use crate::desk::{conversation, count, event, message, number, watch};
use dibs_protocol::refusal::Code;
use serde_json::json;
use std::collections::BTreeSet;

const AGENTS: usize = 8;
const ROUNDS: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_claim_on_two_instances_one_wins_everywhere() {
    let site = Site::new();
    let (here, there) = site.two();
    let (ann, bob) = (here.agent("ann").await, there.agent("bob").await);
    let mut agents = Vec::new();
    for number in 0..AGENTS {
        let hub = if number % 2 == 0 { &here } else { &there };
        agents.push((format!("a{number}"), hub.agent(&format!("a{number}")).await));
    }
    for round in 0..ROUNDS {
        let c = conversation(&here, &format!("c{round}")).await;
        watch(&ann, c).await;
        watch(&bob, c).await;
        let claims = agents
            .iter()
            .map(|(name, agent)| async move { (name, agent.call(cmd!("claim", "conversation": c)).await) });
        let answers = futures_util::future::join_all(claims).await;
        let winners: Vec<_> = answers
            .iter()
            .filter_map(|(name, it)| Some((*name, it.as_ref().ok()?)))
            .collect();
        assert_eq!(winners.len(), 1, "one wins: {answers:?}");
        let (winner, token) = (winners[0].0, number(winners[0].1, "token"));
        for (name, answer) in &answers {
            let Err(error) = answer else { continue };
            assert_eq!(error.code(), Some(Code::AlreadyClaimed), "{name}");
            let holder = error.refusal().unwrap().details.holder.clone().unwrap();
            assert_eq!(holder.as_str(), winner, "who lost is told who won");
        }
        for agent in [&ann, &bob] {
            let granted = event(agent, c, "claim_granted").await;
            assert_eq!((&granted.event["agent"], granted.seq), (&json!(winner), token));
        }
        assert_eq!(count(&log(&there, c).await, "claim_granted"), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_customer_who_writes_to_both_instances_at_once_has_one_conversation() {
    let site = Site::new();
    let (here, there) = site.two();
    let (one, other) = (here.channel(), there.channel());
    for round in 0..ROUNDS {
        let customer = format!("c{round}");
        let (first, second) = (
            message(&format!("a{round}"), &customer, "Hello?"),
            message(&format!("b{round}"), &customer, "Anybody?"),
        );
        let both = tokio::join!(
            one.ingest(&first),
            other.ingest(&second),
            other.ingest(&first),
            one.ingest(&second)
        );
        let answers = [both.0.unwrap(), both.1.unwrap(), both.2.unwrap(), both.3.unwrap()];
        let conversations: BTreeSet<_> = answers.iter().map(|it| it.1.conversation).collect();
        assert_eq!(conversations.len(), 1, "{answers:?}");
        assert_eq!(
            answers.iter().filter(|it| it.0).count(),
            2,
            "each message is new once: {answers:?}"
        );
        assert_eq!(
            (answers[0].1.seq, answers[1].1.seq),
            (answers[2].1.seq, answers[3].1.seq)
        );
        let all = log(&here, answers[0].1.conversation).await;
        assert_eq!(
            (
                count(&all, "conversation_opened"),
                count(&all, "message_received")
            ),
            (1, 2)
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_comes_twice_at_once_is_answered_with_what_is_stored() {
    let site = Site::new();
    let (here, there) = site.two();
    let (one, other) = (here.channel(), there.channel());
    let c = conversation(&here, "c").await;
    conversation(&there, "noise").await;
    let mut answers = Vec::new();
    for round in 0..40 {
        let twice = message(&format!("t{round}"), "c", "Hello?");
        let noise = |n: usize| message(&format!("n{n}-{round}"), "noise", "Well?");
        let (n0, n1, n2, n3) = (noise(0), noise(1), noise(2), noise(3));
        // What the other instance stores at the same time shifts the numbers that this one has given ahead.
        let all = tokio::join!(
            one.ingest(&twice),
            one.ingest(&twice),
            other.ingest(&n0),
            other.ingest(&n1),
            async {
                (
                    other.ingest(&n2).await,
                    one.ingest(&twice).await,
                    other.ingest(&n3).await,
                )
            },
        );
        answers.extend([all.0.unwrap().1, all.1.unwrap().1, all.4.1.unwrap().1]);
    }
    let all = log(&there, c).await;
    for answer in answers {
        let stored = all.iter().find(|it| it.seq == answer.seq);
        let stored =
            stored.unwrap_or_else(|| panic!("there is no event {} in this conversation", answer.seq));
        assert_eq!(stored.event["message"]["id"], json!(answer.message));
    }
    assert_eq!(count(&all, "message_received"), 41);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_that_is_sent_again_on_another_instance_is_stored_once() {
    let site = Site::new();
    let (here, there) = site.two();
    let c = conversation(&here, "c").await;
    let (desk, phone) = (here.agent("priya").await, there.agent("priya").await);
    let since = watch(&phone, c).await.version;
    let token = crate::desk::claim(&desk, c).await;
    for round in 0..ROUNDS {
        let reply = || cmd!("reply", "conversation": c, "token": token, "key": format!("k{round}"), "seen": token, "text": "once");
        let (first, second) = tokio::join!(desk.call(reply()), phone.call(reply()));
        let (first, second) = (first.unwrap(), second.unwrap());
        assert_eq!(
            (&first["seq"], &first["message"]),
            (&second["seq"], &second["message"])
        );
        assert_ne!(
            first["duplicate"], second["duplicate"],
            "one of them was the first"
        );
    }
    let all = log(&there, c).await;
    assert_eq!(count(&all, "message_sent"), ROUNDS);
    let last = all.last().unwrap().seq;
    assert_eq!(told(&phone, c, last).await, super::site::above(&all, since));
}
