//! Notes and mentions: durable, counted, and for colleagues only.

use crate::desk::{claim, conversation, count, event, events, number, push, watch};
use crate::hub::Hub;
use dibs_client::Client;
use dibs_protocol::answer::{MentionsAnswer, NoteAnswer};
use dibs_protocol::ids::ConversationId;
use serde_json::json;

async fn note(agent: &Client, c: ConversationId, key: &str, text: &str) -> NoteAnswer {
    agent
        .call_as(cmd!("note", "conversation": c, "key": key, "text": text))
        .await
        .unwrap()
}

async fn inbox(agent: &Client) -> MentionsAnswer {
    agent.call_as(cmd!("mentions")).await.unwrap()
}

#[tokio::test]
async fn a_mention_waits_for_who_is_away_and_survives_a_kill() {
    let mut hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let priya = hub.agent("priya").await;
    drop(hub.agent("sam").await);
    let answer = note(&priya, c, "n1", "ask @sam. Not @nobody, mail@sam or @priya").await;
    assert_eq!(
        answer
            .mentions
            .agents
            .iter()
            .map(|it| it.as_str())
            .collect::<Vec<_>>(),
        ["sam", "priya"]
    );
    assert_eq!(answer.unknown, ["nobody"]);
    hub.kill9();
    hub.restart();
    let sam = hub.agent("sam").await;
    assert_eq!(sam.welcome().unread_mentions, 1);
    let mentions = inbox(&sam).await;
    assert_eq!(mentions.unread, 1);
    let row = &mentions.mentions[0];
    assert_eq!(
        (row.seq, row.conversation, row.by.as_str(), row.read),
        (answer.seq, c, "priya", false)
    );
    let priya = hub.agent("priya").await;
    assert_eq!(inbox(&priya).await.unread, 0, "authors are not notified");
}

#[tokio::test]
async fn each_session_hears_of_a_mention_and_of_its_reading() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let (priya, desk, phone) = (
        hub.agent("priya").await,
        hub.agent("sam").await,
        hub.agent("sam").await,
    );
    let first = note(&priya, c, "n1", "@sam one").await;
    let second = note(&priya, c, "n2", "@sam two").await;
    for session in [&desk, &phone] {
        let one = push(session, "mention").await;
        assert_eq!(
            (&one["seq"], &one["by"], &one["unread"]),
            (&json!(first.seq), &json!("priya"), &json!(1))
        );
        assert_eq!(
            push(session, "mention").await["unread"],
            2,
            "a newer one does not replace an older"
        );
    }
    let read = desk
        .call(cmd!("read_mentions", "up_to": first.seq))
        .await
        .unwrap();
    assert_eq!(number(&read, "unread"), 1);
    let heard = push(&phone, "mentions_read").await;
    assert_eq!(
        (&heard["up_to"], &heard["unread"]),
        (&json!(first.seq), &json!(1))
    );
    let rows = inbox(&phone).await.mentions;
    assert_eq!(
        rows.iter().map(|it| (it.seq, it.read)).collect::<Vec<_>>(),
        [(second.seq, false), (first.seq, true)]
    );
}

#[tokio::test]
async fn a_team_means_its_members_and_its_author_is_not_told() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let (ann, bob) = (
        hub.member("ann", &["billing"]).await,
        hub.member("bob", &["billing"]).await,
    );
    let zoe = hub.agent("zoe").await;
    let answer = note(&ann, c, "n1", "@billing: look").await;
    assert_eq!(
        answer
            .mentions
            .teams
            .iter()
            .map(|it| it.as_str())
            .collect::<Vec<_>>(),
        ["billing"]
    );
    push(&bob, "mention").await;
    assert_eq!(inbox(&ann).await.unread, 0);
    assert_eq!(inbox(&zoe).await.unread, 0);
}

#[tokio::test]
async fn a_note_with_a_known_key_is_stored_once() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let (priya, sam) = (hub.agent("priya").await, hub.agent("sam").await);
    let mut pending = Vec::new();
    for _ in 0..10 {
        pending.push(
            priya
                .send(cmd!("note", "conversation": c, "key": "n", "text": "@sam look"))
                .await
                .unwrap(),
        );
    }
    let mut seqs = std::collections::BTreeSet::new();
    for answer in pending {
        seqs.insert(number(&answer.answer().await.unwrap(), "seq"));
    }
    assert_eq!(seqs.len(), 1);
    assert_eq!(inbox(&sam).await.unread, 1);
    assert_eq!(
        count(&events(&hub.http(json!({ "sub": "sam" })), c).await, "note_added"),
        1
    );
}

#[tokio::test]
async fn a_note_never_reaches_the_channel() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let priya = hub.agent("priya").await;
    watch(&priya, c).await;
    note(&priya, c, "n", "the customer is a fool").await;
    assert_eq!(
        event(&priya, c, "note_added").await.event["note"]["text"],
        "the customer is a fool"
    );
    let token = claim(&priya, c).await;
    priya
        .call(cmd!("reply", "conversation": c, "token": token, "key": "k", "seen": token, "text": "Dear!"))
        .await
        .unwrap();
    let outbox = hub.channel().outbox("email", 0, 50, 0).await.unwrap();
    assert_eq!(
        outbox.events.iter().map(|it| it.kind()).collect::<Vec<_>>(),
        ["message_sent"]
    );
    let summary = crate::desk::summary(&priya, c).await;
    assert_eq!(summary.last_message.unwrap().excerpt, "Dear!", "never a note");
}

#[tokio::test]
async fn read_marks_are_kept_and_shown_to_watchers() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let (priya, sam) = (hub.agent("priya").await, hub.agent("sam").await);
    let version = watch(&sam, c).await.version;
    priya
        .call(cmd!("mark_read", "conversation": c, "up_to": version))
        .await
        .unwrap();
    let marks = push(&sam, "read_marks").await;
    assert_eq!(marks["marks"], json!([{ "agent": "priya", "up_to": version }]));
    let mine = priya.call(cmd!("read_marks")).await.unwrap();
    assert_eq!(mine["marks"][c.to_string()], json!(version));
}
