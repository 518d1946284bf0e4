//! Merging: one conversation of several, in one commit. Whoever waited goes on waiting, whoever held an absorbed one learns
//! that it is over, and whatever was addressed to it finds the survivor.

use crate::desk::{
    claim, conversation, count, event, events, message, message_with, number, push, summary, watch, write,
};
use crate::hub::Hub;
use dibs_protocol::ids::ConversationId;
use dibs_protocol::refusal::Code;
use dibs_protocol::terms::Status;
use serde_json::json;

#[tokio::test]
async fn a_merge_is_one_commit_and_the_survivor_has_all_who_wait() {
    let hub = Hub::start(&[]);
    let channel = hub.channel();
    let (a, b, c) = (
        conversation(&hub, "a").await,
        conversation(&hub, "b").await,
        conversation(&hub, "c").await,
    );
    let last = write(&channel, "more", "c", "Are you there?").await;
    let priya = hub.agent("priya").await;
    let first = watch(&priya, a).await;
    watch(&priya, c).await;
    let merge = cmd!("merge", "into": b, "conversations": [a, c]);
    let seq = number(&priya.call(merge).await.unwrap(), "seq");
    let told = event(&priya, c, "merged").await;
    assert_eq!(told.event["into"], json!(b));
    let http = hub.http(json!({ "sub": "priya" }));
    let merged = events(&http, b).await.pop().unwrap();
    assert_eq!((merged.seq, merged.kind()), (seq, "merged"));
    assert_eq!(merged.event["conversations"], json!([a, c]));
    let ends = [
        events(&http, a).await.pop().unwrap().seq,
        events(&http, c).await.pop().unwrap().seq,
    ];
    assert_eq!(ends, [seq - 2, seq - 1], "one commit, consecutive");
    let survivor = summary(&priya, b).await;
    assert_eq!(
        (survivor.unanswered, survivor.waiting_since),
        (4, first.waiting_since)
    );
    assert_eq!(
        survivor.last_message.unwrap().seq,
        last.seq,
        "the last word of all of them"
    );
    for absorbed in [a, c] {
        let it = summary(&priya, absorbed).await;
        assert_eq!((it.status, it.unanswered), (Status::Closed, 0));
    }
    let open = priya
        .call(cmd!("open_view", "view": "v", "filter": {}, "sort": "oldest"))
        .await
        .unwrap();
    assert_eq!(open["total"], 1);
}

#[tokio::test]
async fn claims_and_offers_of_what_is_absorbed_end() {
    let hub = Hub::start(&[]);
    let (a, b) = (conversation(&hub, "a").await, conversation(&hub, "b").await);
    let (priya, ben) = (hub.agent("priya").await, hub.agent("ben").await);
    let zoe = hub.supervisor("zoe").await;
    let (held, kept) = (claim(&ben, a).await, claim(&priya, b).await);
    let offer = cmd!("transfer", "conversation": a, "token": held, "to": { "agent": "priya" });
    ben.call(offer).await.unwrap();
    push(&priya, "offer").await;
    let merge = || cmd!("merge", "into": b, "conversations": [a]);
    for agent in [&priya, &ben] {
        let refusal = agent.refused(merge()).await.unwrap();
        assert_eq!(refusal.code, Code::Forbidden, "each holds one of them only");
        let holder = refusal.details.holder.unwrap();
        assert_eq!(
            holder.as_str(),
            if std::ptr::eq(agent, &ben) { "priya" } else { "ben" }
        );
    }
    zoe.call(merge()).await.unwrap();
    let lost = push(&ben, "claim_lost").await;
    assert_eq!(
        (&lost["conversation"], &lost["by"], &lost["reason"]),
        (&json!(a), &json!("zoe"), &json!("merged"))
    );
    assert_eq!(push(&priya, "offer_gone").await["reason"], "superseded");
    let all = events(&hub.http(json!({ "sub": "priya" })), a).await;
    let kinds: Vec<&str> = all.iter().rev().take(3).map(|it| it.kind()).collect();
    assert_eq!(kinds, ["merged", "claim_released", "transfer_declined"]);
    let reply = |c: ConversationId, token: u64, seen: u64| {
        cmd!("reply", "conversation": c, "token": token,
        "key": format!("r{seen}"), "seen": seen, "text": "Hi")
    };
    let version = summary(&ben, a).await.version;
    let refusal = ben.refused(reply(a, held, version)).await.unwrap();
    assert_eq!(refusal.code, Code::ClaimLost);
    let seen = summary(&priya, b).await.version;
    let stale = priya.refused(reply(b, kept, seen - 1)).await.unwrap();
    assert_eq!(stale.code, Code::Stale, "what was merged must have been seen");
    let missed = stale.details.missed.unwrap();
    assert_eq!(missed.last().unwrap().kind(), "merged");
    priya.call(reply(b, kept, seen)).await.unwrap();
}

#[tokio::test]
async fn of_a_merge_and_a_reply_at_once_exactly_one_comes_first() {
    let hub = Hub::start(&[]);
    let (priya, zoe) = (hub.agent("priya").await, hub.supervisor("zoe").await);
    let into = conversation(&hub, "survivor").await;
    let http = hub.http(json!({ "sub": "priya" }));
    for round in 0..20 {
        let c = conversation(&hub, &format!("c{round}")).await;
        let (token, seen) = (claim(&priya, c).await, summary(&priya, c).await.version);
        let reply = cmd!("reply", "conversation": c, "token": token, "key": "r", "seen": seen, "text": "Hi");
        let merge = cmd!("merge", "into": into, "conversations": [c]);
        let (replied, merged) = tokio::join!(priya.send(reply.clone()), zoe.send(merge));
        let (replied, merged) = (replied.unwrap().answer().await, merged.unwrap().answer().await);
        merged.unwrap();
        let all = events(&http, c).await;
        assert_eq!(all.last().unwrap().kind(), "merged");
        assert_eq!(count(&all, "message_sent"), usize::from(replied.is_ok()));
        if let Err(error) = replied {
            assert_eq!(error.code(), Some(Code::ClaimLost));
        } else {
            let again = priya.call(reply).await.unwrap();
            assert_eq!(again["duplicate"], true, "its key is known after the merge, too");
        }
    }
}

#[tokio::test]
async fn a_repeated_merge_answers_what_the_first_did() {
    let hub = Hub::start(&[]);
    let (a, b) = (conversation(&hub, "a").await, conversation(&hub, "b").await);
    let priya = hub.agent("priya").await;
    let merge = cmd!("merge", "into": b, "conversations": [a], "key": "m");
    let first = priya.call(merge.clone()).await.unwrap();
    let again = priya.call(merge).await.unwrap();
    assert_eq!(
        (&again["seq"], &again["duplicate"]),
        (&first["seq"], &json!(true))
    );
    let version = summary(&priya, b).await.version;
    let unkeyed = priya
        .call(cmd!("merge", "into": b, "conversations": [a]))
        .await
        .unwrap();
    assert_eq!(number(&unkeyed, "seq"), version, "nothing changes any more");
    assert_eq!(summary(&priya, b).await.version, version);
    let other = cmd!("merge", "into": b, "conversations": [conversation(&hub, "c").await], "key": "m");
    assert_eq!(priya.refused(other).await.unwrap().code, Code::KeyReused);
}

#[tokio::test]
async fn what_the_customer_writes_to_an_absorbed_conversation_reaches_its_survivor() {
    let hub = Hub::start(&[]);
    let channel = hub.channel();
    let threaded = message_with("t1", "a", "By mail", json!({ "thread": "mail-7" }));
    let a = channel.ingest(&threaded).await.unwrap().1.conversation;
    let chat = message_with("t2", "a", "By chat", json!({ "thread": "chat-9" }));
    let b = channel.ingest(&chat).await.unwrap().1.conversation;
    assert_ne!(a, b);
    let (c, priya) = (conversation(&hub, "c").await, hub.agent("priya").await);
    priya
        .call(cmd!("merge", "into": b, "conversations": [a]))
        .await
        .unwrap();
    priya
        .call(cmd!("merge", "into": c, "conversations": [b]))
        .await
        .unwrap();
    let named = message_with("t3", "a", "Still there?", json!({ "conversation": a }));
    let answer = channel.ingest(&named).await.unwrap().1;
    assert_eq!(
        (answer.conversation, answer.opened),
        (c, false),
        "through both merges"
    );
    let again = channel.ingest(&named).await.unwrap();
    assert_eq!((again.0, again.1.seq), (false, answer.seq), "its key, too");
    let foreign = message_with("t4", "somebody", "Hello", json!({ "conversation": a }));
    assert_eq!(
        channel.ingest(&foreign).await.unwrap_err().code(),
        Some(Code::NotFound)
    );
    let shown = summary(&priya, c).await;
    assert_eq!(
        shown.customer.id.as_str(),
        "c",
        "the survivor's customer stays who it was"
    );
    let unnamed = channel
        .ingest(&message("t5", "a", "Something new"))
        .await
        .unwrap()
        .1;
    assert!(unnamed.opened, "without a name it is a matter of its own");
}

#[tokio::test]
async fn a_thread_of_an_absorbed_conversation_leads_to_the_survivor_of_the_same_customer() {
    let hub = Hub::start(&[]);
    let channel = hub.channel();
    let (mut ids, priya) = (Vec::new(), hub.agent("priya").await);
    for thread in ["one", "two"] {
        let first = message_with(thread, "a", "Hello", json!({ "thread": thread }));
        ids.push(channel.ingest(&first).await.unwrap().1.conversation);
    }
    priya
        .call(cmd!("merge", "into": ids[1], "conversations": [ids[0]]))
        .await
        .unwrap();
    let more = message_with("more", "a", "And?", json!({ "thread": "one" }));
    let answer = channel.ingest(&more).await.unwrap().1;
    assert_eq!((answer.conversation, answer.opened), (ids[1], false));
}

#[tokio::test]
async fn a_pending_survivor_opens_for_whoever_waits() {
    let hub = Hub::start(&[]);
    let (a, b) = (conversation(&hub, "a").await, conversation(&hub, "b").await);
    let priya = hub.agent("priya").await;
    let later = "2099-01-01T00:00:00.000Z";
    let snooze = cmd!("update", "conversation": b, "status": "pending", "snoozed_until": later);
    priya.call(snooze).await.unwrap();
    let seq = number(
        &priya
            .call(cmd!("merge", "into": b, "conversations": [a]))
            .await
            .unwrap(),
        "seq",
    );
    let survivor = summary(&priya, b).await;
    assert_eq!((survivor.status, survivor.snoozed_until), (Status::Open, None));
    assert_eq!(
        survivor.version, seq,
        "the answer's seq is that of the last event"
    );
}

#[tokio::test]
async fn a_hundred_conversations_merge_at_once() {
    let hub = Hub::start(&[]);
    let into = conversation(&hub, "survivor").await;
    let mut all = Vec::new();
    for i in 0..100 {
        all.push(conversation(&hub, &format!("c{i}")).await);
    }
    let one_more = conversation(&hub, "one-more").await;
    let priya = hub.agent("priya").await;
    let mut many = all.clone();
    many.push(one_more);
    let refusal = priya
        .refused(cmd!("merge", "into": into, "conversations": many))
        .await
        .unwrap();
    assert_eq!(
        (refusal.code, refusal.details.field.as_deref()),
        (Code::Invalid, Some("conversations"))
    );
    priya
        .call(cmd!("merge", "into": into, "conversations": all))
        .await
        .unwrap();
    let survivor = summary(&priya, into).await;
    assert_eq!(survivor.unanswered, 101);
    let view = cmd!("open_view", "view": "v", "filter": {}, "sort": "oldest", "limit": 0);
    assert_eq!(priya.call(view).await.unwrap()["total"], 2);
    let refusal = priya
        .refused(cmd!("merge", "into": one_more, "conversations": [all[0]]))
        .await
        .unwrap();
    assert_eq!(refusal.code, Code::Conflict, "merged into another one already");
}

#[tokio::test]
async fn a_merge_that_cannot_be_does_nothing() {
    let hub = Hub::start(&[]);
    let (a, b) = (conversation(&hub, "a").await, conversation(&hub, "b").await);
    let gone = conversation(&hub, "gone").await;
    let priya = hub.agent("priya").await;
    priya
        .call(cmd!("update", "conversation": gone, "status": "closed"))
        .await
        .unwrap();
    let nobody = "0190c2c4-7f3e-7d5a-9a51-0f3c2b1a4d5e";
    for list in [json!([]), json!([a]), json!([b, b])] {
        let merge = cmd!("merge", "into": a, "conversations": list);
        let refusal = priya.refused(merge).await.unwrap();
        let field = refusal.details.field.as_deref();
        assert_eq!(
            (refusal.code, field),
            (Code::Invalid, Some("conversations")),
            "{list}"
        );
    }
    let unknown = [(json!(a), json!([nobody])), (json!(nobody), json!([a]))];
    for (into, list) in unknown {
        let merge = cmd!("merge", "into": into, "conversations": list);
        assert_eq!(priya.refused(merge).await.unwrap().code, Code::NotFound);
    }
    let closed = cmd!("merge", "into": gone, "conversations": [a]);
    assert_eq!(priya.refused(closed).await.unwrap().code, Code::Conflict);
    let version = summary(&priya, a).await.version;
    let expecting =
        |version: u64| cmd!("merge", "into": a, "conversations": [b], "expect": { "version": version });
    let refusal = priya.refused(expecting(version - 1)).await.unwrap();
    assert_eq!(refusal.code, Code::Conflict);
    let current = refusal.details.current.unwrap();
    assert_eq!(current.conversation().unwrap().version, version);
    assert_eq!(summary(&priya, b).await.status, Status::New, "nothing was done");
    priya.call(expecting(version)).await.unwrap();
}

#[tokio::test]
async fn what_was_answered_before_a_merge_is_not_answered_again_under_its_key() {
    let mut hub = Hub::start(&[]);
    let (a, b, c) = (
        conversation(&hub, "a").await,
        conversation(&hub, "b").await,
        conversation(&hub, "c").await,
    );
    let priya = hub.agent("priya").await;
    let (token, seen) = (claim(&priya, a).await, summary(&priya, a).await.version);
    let reply = |c: ConversationId, token: u64, seen: u64, text: &str| cmd!("reply", "conversation": c, "token": token, "key": "r", "seen": seen, "text": text);
    let note = |c: ConversationId| cmd!("note", "conversation": c, "key": "n", "text": "They called");
    let first = priya.call(reply(a, token, seen, "Hi")).await.unwrap();
    let noted = priya.call(note(a)).await.unwrap();
    priya
        .call(cmd!("merge", "into": b, "conversations": [a]))
        .await
        .unwrap();
    priya
        .call(cmd!("merge", "into": c, "conversations": [b]))
        .await
        .unwrap();
    // Also after a restart, when nothing of it is in memory.
    hub.kill9();
    hub.restart();
    let priya = hub.agent("priya").await;
    let (token, seen) = (claim(&priya, c).await, summary(&priya, c).await.version);
    let again = priya.call(reply(c, token, seen, "Hi")).await.unwrap();
    assert_eq!(
        (&again["seq"], &again["duplicate"]),
        (&first["seq"], &json!(true))
    );
    let again = priya.call(note(c)).await.unwrap();
    assert_eq!(
        (&again["seq"], &again["duplicate"]),
        (&noted["seq"], &json!(true))
    );
    let other = priya
        .refused(reply(c, token, seen, "Something else"))
        .await
        .unwrap();
    assert_eq!(other.code, Code::KeyReused);
    let events = events(&hub.http(json!({ "sub": "priya" })), c).await;
    assert_eq!(
        (count(&events, "message_sent"), count(&events, "note_added")),
        (0, 0)
    );
}
