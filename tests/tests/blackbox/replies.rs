//! Replies: stored once, by the holder, who has seen what was said.

use crate::desk::{claim, conversation, count, event, events, message, number, push, summary, watch, write};
use crate::hub::Hub;
use dibs_protocol::refusal::Code;
use dibs_protocol::terms::Status;
use serde_json::json;

#[tokio::test]
async fn twenty_parallel_replies_with_one_key_are_stored_once() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let (desk, phone) = (hub.agent("priya").await, hub.agent("priya").await);
    let token = claim(&desk, c).await;
    let mut pending = Vec::new();
    for i in 0..20 {
        let session = if i % 2 == 0 { &desk } else { &phone };
        let reply = cmd!("reply", "conversation": c, "token": token, "key": "k", "seen": token, "text": "On its way.");
        pending.push(session.send(reply).await.unwrap());
    }
    let mut answers = Vec::new();
    for answer in pending {
        answers.push(answer.answer().await.unwrap());
    }
    let first = &answers[0];
    for answer in &answers {
        assert_eq!(
            (&answer["seq"], &answer["message"]),
            (&first["seq"], &first["message"])
        );
    }
    assert_eq!(
        answers
            .iter()
            .filter(|it| it["duplicate"] == json!(false))
            .count(),
        1
    );
    let all = events(&hub.http(json!({ "sub": "priya" })), c).await;
    assert_eq!(count(&all, "message_sent"), 1);
    let outbox = hub.channel().outbox("email", 0, 50, 0).await.unwrap();
    assert_eq!(outbox.events.len(), 1, "the customer is answered once");
}

#[tokio::test]
async fn a_key_is_not_used_for_two_replies() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let priya = hub.agent("priya").await;
    let token = claim(&priya, c).await;
    let reply = |text: &str| cmd!("reply", "conversation": c, "token": token, "key": "k", "seen": token, "text": text);
    priya.call(reply("one")).await.unwrap();
    assert_eq!(priya.refused(reply("two")).await.unwrap().code, Code::KeyReused);
    let then = cmd!("reply", "conversation": c, "token": token, "key": "k", "seen": token, "text": "one", "then": "pending");
    assert_eq!(priya.refused(then).await.unwrap().code, Code::KeyReused);
}

#[tokio::test]
async fn a_known_key_answers_the_first_seq_whoever_holds_the_claim_now() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let (priya, boss) = (hub.agent("priya").await, hub.supervisor("boss").await);
    let token = claim(&priya, c).await;
    let reply = |seen: u64, token: u64| cmd!("reply", "conversation": c, "token": token, "key": "k", "seen": seen, "text": "one");
    let first = priya.call(reply(token, token)).await.unwrap();
    boss.call(cmd!("take_over", "conversation": c, "reason": "r"))
        .await
        .unwrap();
    write(&hub.channel(), "m2", "c", "and another thing").await;
    let again = priya.call(reply(1, 1)).await.unwrap();
    assert_eq!(
        (&again["seq"], &again["duplicate"]),
        (&first["seq"], &json!(true))
    );
    let other = cmd!("reply", "conversation": c, "token": token, "key": "k", "seen": token, "text": "two");
    assert_eq!(
        priya.refused(other).await.unwrap().code,
        Code::KeyReused,
        "before claim_lost"
    );
}

#[tokio::test]
async fn what_one_has_not_seen_is_shown_before_one_answers() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let priya = hub.agent("priya").await;
    let token = claim(&priya, c).await;
    let news = write(&hub.channel(), "m2", "c", "Forget it, it came.").await;
    let reply = |seen: u64| cmd!("reply", "conversation": c, "token": token, "key": "k", "seen": seen, "text": "Sorry!");
    let stale = priya.refused(reply(token)).await.unwrap();
    assert_eq!(stale.code, Code::Stale);
    let missed = stale.details.missed.unwrap();
    let highest = missed.iter().map(|it| it.seq).max().unwrap();
    assert!(missed.is_sorted_by_key(|it| it.seq));
    assert!(
        missed
            .iter()
            .any(|it| it.seq == news.seq && it.kind() == "message_received")
    );
    let done = priya.call(reply(highest)).await.unwrap();
    assert_eq!(done["duplicate"], json!(false), "a refused command leaves no key");
}

#[tokio::test]
async fn notes_and_tags_do_not_make_a_reply_stale() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let (priya, sam) = (hub.agent("priya").await, hub.agent("sam").await);
    let token = claim(&priya, c).await;
    sam.call(cmd!("note", "conversation": c, "key": "n", "text": "careful"))
        .await
        .unwrap();
    sam.call(cmd!("update", "conversation": c, "add_tags": ["x"]))
        .await
        .unwrap();
    priya
        .call(cmd!("reply", "conversation": c, "token": token, "key": "k", "seen": token, "text": "x"))
        .await
        .unwrap();
}

#[tokio::test]
async fn refusals_come_in_the_order_of_the_contract() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let (priya, sam) = (hub.agent("priya").await, hub.agent("sam").await);
    let reply = |token: u64, seen: u64| cmd!("reply", "conversation": c, "token": token, "key": "k", "seen": seen, "text": "x");
    let free = priya.refused(reply(1, 0)).await.unwrap();
    assert_eq!((free.code, free.details.holder), (Code::ClaimLost, None));
    let token = claim(&priya, c).await;
    assert_eq!(
        sam.refused(reply(token, 0)).await.unwrap().code,
        Code::ClaimLost,
        "claim_lost before stale"
    );
    assert_eq!(
        priya.refused(reply(token - 1, 0)).await.unwrap().code,
        Code::ClaimLost
    );
    let ahead = priya.refused(reply(token, token + 1_000)).await.unwrap();
    assert_eq!(
        (ahead.code, ahead.details.field.as_deref()),
        (Code::Invalid, Some("seen"))
    );
    assert_eq!(priya.refused(reply(token, 0)).await.unwrap().code, Code::Stale);
}

#[tokio::test]
async fn a_reply_opens_unless_it_says_what_then() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let priya = hub.agent("priya").await;
    watch(&priya, c).await;
    let token = claim(&priya, c).await;
    let reply = |key: &str, seen: u64| json!({ "type": "reply", "conversation": c, "token": token, "key": key, "seen": seen, "text": "x" });
    let first = priya.call(crate::desk::command(reply("a", token))).await.unwrap();
    let after = summary(&priya, c).await;
    assert_eq!(
        (after.status, after.unanswered, after.waiting_since),
        (Status::Open, 0, None)
    );
    assert!(after.first_response_at.is_some());
    let mut pending = reply("b", number(&first, "seq"));
    pending["then"] = json!("pending");
    let second = priya.call(crate::desk::command(pending)).await.unwrap();
    assert_eq!(summary(&priya, c).await.status, Status::Pending);
    let mut resolved = reply("c", number(&second, "seq"));
    resolved["then"] = json!("resolved");
    priya.call(crate::desk::command(resolved)).await.unwrap();
    let end = summary(&priya, c).await;
    assert_eq!(
        (end.status, end.claim),
        (Status::Resolved, None),
        "resolving releases"
    );
    assert_eq!(event(&priya, c, "claim_released").await.event["via"], "resolved");
    write(&hub.channel(), "m2", "c", "One more thing").await;
    assert_eq!(
        summary(&priya, c).await.status,
        Status::Open,
        "the customer reopens"
    );
}

#[tokio::test]
async fn a_closed_conversation_is_not_answered_and_the_next_message_opens_another() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let priya = hub.agent("priya").await;
    let token = claim(&priya, c).await;
    priya
        .call(cmd!("update", "conversation": c, "status": "closed"))
        .await
        .unwrap();
    let late = cmd!("reply", "conversation": c, "token": token, "key": "k", "seen": token, "text": "x");
    assert_eq!(priya.refused(late).await.unwrap().code, Code::ClaimLost);
    let (_, next) = hub
        .channel()
        .ingest(&message("m2", "c", "Hello again"))
        .await
        .unwrap();
    assert!(next.opened);
    assert_ne!(next.conversation, c);
}

#[tokio::test]
async fn everybody_who_watches_sees_the_reply_and_nobody_twice() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let (priya, sam) = (hub.agent("priya").await, hub.agent("sam").await);
    watch(&sam, c).await;
    let token = claim(&priya, c).await;
    let mut seen = token;
    for i in 0..20 {
        let reply = cmd!("reply", "conversation": c, "token": token, "key": format!("k{i}"), "seen": seen, "text": format!("{i}"));
        seen = number(&priya.call(reply).await.unwrap(), "seq");
    }
    for i in 0..20 {
        let sent = event(&sam, c, "message_sent").await;
        assert_eq!(
            (&sent.event["message"]["text"], &sent.event["token"]),
            (&json!(i.to_string()), &json!(token))
        );
    }
    let marker = sam
        .call(cmd!("note", "conversation": c, "key": "end", "text": "end"))
        .await
        .unwrap();
    assert_eq!(event(&sam, c, "note_added").await.seq, number(&marker, "seq"));
    assert!(
        !sam.take_pushes()
            .iter()
            .any(|push| serde_json::to_value(push).unwrap()["event"]["kind"] == "message_sent")
    );
}

#[tokio::test]
async fn attachments_go_to_the_channel_as_they_were_sent() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let priya = hub.agent("priya").await;
    let token = claim(&priya, c).await;
    let file = json!({ "name": "bill.pdf", "media_type": "application/pdf", "size": 7, "url": "https://files.example/b" });
    let reply = |url: &str| {
        let mut file = file.clone();
        file["url"] = json!(url);
        cmd!("reply", "conversation": c, "token": token, "key": "k", "seen": token, "text": "x", "attachments": [file])
    };
    let refusal = priya.refused(reply("http://files.example/b")).await.unwrap();
    assert_eq!(refusal.details.field.as_deref(), Some("attachments[0].url"));
    priya.call(reply("https://files.example/b")).await.unwrap();
    let outbox = hub.channel().outbox("email", 0, 10, 0).await.unwrap();
    assert_eq!(outbox.events[0].event["message"]["attachments"], json!([file]));
}

#[tokio::test]
async fn a_claim_lost_push_reaches_a_holder_whose_conversation_is_closed_by_a_supervisor() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let (priya, boss) = (hub.agent("priya").await, hub.supervisor("boss").await);
    let token = claim(&priya, c).await;
    boss.call(cmd!("update", "conversation": c, "status": "resolved"))
        .await
        .unwrap();
    assert_eq!(push(&priya, "claim_lost").await["token"], json!(token));
}
