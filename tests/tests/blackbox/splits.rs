//! Splitting: messages become a conversation of their own. They stay where they were stored, and both timelines say which
//! ones moved.

use crate::desk::{claim, conversation, event, events, summary, watch, write};
use crate::hub::Hub;
use dibs_client::Client;
use dibs_protocol::answer::SplitAnswer;
use dibs_protocol::ids::ConversationId;
use dibs_protocol::refusal::Code;
use dibs_protocol::terms::Status;
use serde_json::{Value, json};

async fn split(agent: &Client, c: ConversationId, messages: Value) -> ConversationId {
    let split = cmd!("split", "conversation": c, "messages": messages, "subject": "The other parcel");
    agent.call_as::<SplitAnswer>(split).await.unwrap().conversation
}

#[tokio::test]
async fn a_split_is_one_commit_and_each_half_has_its_own_who_wait() {
    let hub = Hub::start(&[]);
    let channel = hub.channel();
    let first = write(&channel, "m1", "a", "One").await;
    let second = write(&channel, "m2", "a", "Two").await;
    let old = first.conversation;
    let priya = hub.agent("priya").await;
    let before = watch(&priya, old).await;
    let new = split(&priya, old, json!([first.message])).await;
    let http = hub.http(json!({ "sub": "priya" }));
    let (theirs, ours) = (events(&http, new).await, events(&http, old).await);
    let kinds: Vec<&str> = theirs.iter().map(|it| it.kind()).collect();
    assert_eq!(
        kinds,
        ["conversation_opened", "split"],
        "the message is not stored a second time"
    );
    assert_eq!(theirs[1].event["from"], json!(old));
    assert_eq!(theirs[1].event["messages"], json!([first.message]));
    let kinds: Vec<&str> = ours.iter().map(|it| it.kind()).collect();
    assert_eq!(
        kinds,
        [
            "conversation_opened",
            "message_received",
            "message_received",
            "split"
        ]
    );
    assert_eq!(ours[3].event["into"], json!(new));
    assert_eq!(ours[3].seq, theirs[1].seq + 1, "one commit, consecutive");
    assert_eq!(event(&priya, old, "split").await, ours[3]);
    let (stays, moved) = (summary(&priya, old).await, summary(&priya, new).await);
    assert_eq!(
        (stays.unanswered, stays.last_message.unwrap().seq),
        (1, second.seq)
    );
    assert_eq!(
        (moved.unanswered, moved.last_message.unwrap().seq),
        (1, first.seq)
    );
    assert_eq!(moved.waiting_since, before.waiting_since);
    assert!(stays.waiting_since > before.waiting_since);
    assert_eq!(
        (moved.subject.as_deref(), moved.status),
        (Some("The other parcel"), Status::New)
    );
    assert_eq!((moved.customer, moved.channel), (stays.customer, stays.channel));
    assert_eq!(stays.version, ours[3].seq);
}

#[tokio::test]
async fn the_claim_stays_and_replies_may_move() {
    let hub = Hub::start(&[]);
    let first = write(&hub.channel(), "m1", "a", "One").await;
    let (old, priya, ben) = (
        first.conversation,
        hub.agent("priya").await,
        hub.agent("ben").await,
    );
    let token = claim(&priya, old).await;
    let seen = summary(&priya, old).await.version;
    let reply = cmd!("reply", "conversation": old, "token": token, "key": "r", "seen": seen, "text": "Hi");
    let replied = priya.call(reply.clone()).await.unwrap();
    let asks = write(&hub.channel(), "m2", "a", "Two").await;
    let all = json!([first.message, replied["message"]]);
    let refusal = ben
        .refused(cmd!("split", "conversation": old, "messages": all))
        .await
        .unwrap();
    assert_eq!(refusal.code, Code::Forbidden);
    assert_eq!(refusal.details.holder.unwrap().as_str(), "priya");
    let new = split(&priya, old, all).await;
    let (stays, moved) = (summary(&priya, old).await, summary(&priya, new).await);
    assert_eq!(stays.claim.unwrap().token, token);
    assert_eq!((stays.unanswered, stays.last_message.unwrap().seq), (1, asks.seq));
    assert_eq!(
        (moved.claim, moved.unanswered, moved.status),
        (None, 0, Status::Open)
    );
    assert_eq!(moved.first_response_at, stays.first_response_at);
    let again = priya.call(reply).await.unwrap();
    assert_eq!(
        (&again["seq"], &again["duplicate"]),
        (&replied["seq"], &json!(true))
    );
    claim(&ben, new).await;
}

#[tokio::test]
async fn what_was_merged_by_mistake_can_be_split_again() {
    let hub = Hub::start(&[]);
    let channel = hub.channel();
    let (mine, theirs) = (
        write(&channel, "m1", "a", "One").await,
        write(&channel, "m2", "b", "Two").await,
    );
    let priya = hub.agent("priya").await;
    let merge = cmd!("merge", "into": mine.conversation, "conversations": [theirs.conversation]);
    priya.call(merge).await.unwrap();
    let new = split(&priya, mine.conversation, json!([theirs.message])).await;
    let (stays, moved) = (
        summary(&priya, mine.conversation).await,
        summary(&priya, new).await,
    );
    assert_eq!((stays.unanswered, stays.last_message.unwrap().seq), (1, mine.seq));
    assert_eq!(
        (moved.unanswered, moved.last_message.unwrap().seq),
        (1, theirs.seq)
    );
    let twice = cmd!("split", "conversation": mine.conversation, "messages": [theirs.message]);
    assert_eq!(
        priya.refused(twice).await.unwrap().code,
        Code::NotFound,
        "it is there no longer"
    );
    let back = split(&priya, new, json!([theirs.message])).await;
    assert_eq!(
        summary(&priya, back).await.unanswered,
        1,
        "what a split brought may go on"
    );
    assert_eq!(summary(&priya, new).await.unanswered, 0);
}

#[tokio::test]
async fn a_split_that_cannot_be_does_nothing() {
    let hub = Hub::start(&[]);
    let first = write(&hub.channel(), "m1", "a", "One").await;
    let other = write(&hub.channel(), "m2", "b", "Two").await;
    let (c, priya) = (first.conversation, hub.agent("priya").await);
    let version = summary(&priya, c).await.version;
    let attempt = |messages: Value| cmd!("split", "conversation": c, "messages": messages);
    for list in [json!([]), json!([first.message, first.message])] {
        let refusal = priya.refused(attempt(list)).await.unwrap();
        let field = refusal.details.field.as_deref();
        assert_eq!((refusal.code, field), (Code::Invalid, Some("messages")));
    }
    for list in [json!([other.message]), json!([first.message, other.message])] {
        assert_eq!(priya.refused(attempt(list)).await.unwrap().code, Code::NotFound);
    }
    let nowhere = cmd!("split", "conversation": "0190c2c4-7f3e-7d5a-9a51-0f3c2b1a4d5e",
        "messages": [first.message]);
    assert_eq!(priya.refused(nowhere).await.unwrap().code, Code::NotFound);
    let expecting =
        cmd!("split", "conversation": c, "messages": [first.message], "expect": { "unanswered": 2 });
    assert_eq!(priya.refused(expecting).await.unwrap().code, Code::Conflict);
    assert_eq!(summary(&priya, c).await.version, version, "nothing was done");
    priya
        .call(cmd!("update", "conversation": c, "status": "closed"))
        .await
        .unwrap();
    let closed = priya.refused(attempt(json!([first.message]))).await.unwrap();
    assert_eq!(closed.code, Code::Conflict);
}

#[tokio::test]
async fn a_repeated_split_names_the_same_new_conversation() {
    let hub = Hub::start(&[]);
    let first = write(&hub.channel(), "m1", "a", "One").await;
    let (c, priya) = (first.conversation, hub.agent("priya").await);
    let split = cmd!("split", "conversation": c, "messages": [first.message], "key": "s");
    let once = priya.call(split.clone()).await.unwrap();
    let again = priya.call(split).await.unwrap();
    assert_eq!(again["conversation"], once["conversation"]);
    assert_eq!(again["duplicate"], true);
    let list = cmd!("list", "filter": {}, "sort": "oldest");
    let all = priya.call(list).await.unwrap()["conversations"]
        .as_array()
        .unwrap()
        .len();
    assert_eq!(all, 2);
}

#[tokio::test]
async fn a_split_at_once_with_what_changes_the_conversation_sees_all_of_it() {
    let hub = Hub::start(&[]);
    let channel = hub.channel();
    conversation(&hub, "a").await;
    let priya = hub.agent("priya").await;
    let mut moved = 0;
    for round in 0..20 {
        let key = format!("w{round}");
        let asks = write(&channel, &key, "a", "More").await;
        let next = format!("x{round}");
        let split = priya
            .send(cmd!("split", "conversation": asks.conversation, "messages": [asks.message]))
            .await;
        let note = cmd!("note", "conversation": asks.conversation, "key": key, "text": "ok");
        let noted = priya.send(note).await.unwrap();
        let (split, _) = tokio::join!(split.unwrap().answer(), write(&channel, &next, "a", "And more"));
        split.unwrap();
        noted.answer().await.unwrap();
        moved += 1;
    }
    let list = cmd!("list", "filter": {}, "sort": "oldest");
    let all = priya.call(list).await.unwrap()["conversations"].clone();
    let waiting: u64 = all
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["unanswered"].as_u64().unwrap())
        .sum();
    assert_eq!(all.as_array().unwrap().len(), moved + 1);
    assert_eq!(
        waiting,
        1 + 2 * moved as u64,
        "nobody who waits is lost, and nobody counted twice"
    );
}
