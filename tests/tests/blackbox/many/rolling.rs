//! A rolling restart: one instance after the other goes and comes, and nobody loses a claim, a list or an event.

use super::site::{Site, log};
use crate::desk::{claim, conversation, push, push_where, watch, write};
use crate::hub::{Hub, PATIENCE};
use dibs_client::Client;
use dibs_protocol::answer::OpenViewAnswer;
use dibs_protocol::frame::TypingSignal;
use dibs_protocol::ids::ConversationId;
use dibs_protocol::terms::Typing;
use serde_json::json;

/// Asks an instance to go, and brings this agent's session to another one.
async fn moves(from: &mut Hub, to: &Hub, agent: Client, name: &str) -> Client {
    from.term();
    push(&agent, "reconnect").await;
    let closed = tokio::time::timeout(PATIENCE, agent.closed()).await.unwrap();
    assert_eq!(closed.code, 1001);
    let moved = to.resume(json!({ "sub": name }), agent.cursor().await).await;
    assert!(moved.welcome().resumed);
    assert!(from.exited(PATIENCE).await.unwrap().success());
    from.restart();
    moved
}

async fn list(agent: &Client) -> Vec<ConversationId> {
    let list: OpenViewAnswer = agent
        .call_as(cmd!("open_view", "view": "v", "filter": {}, "sort": "oldest"))
        .await
        .unwrap();
    list.conversations.iter().map(|it| it.id).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_after_the_other_goes_and_comes_and_nobody_loses_anything() {
    let site = Site::new();
    let (mut here, mut there) = site.two();
    let (c, other) = (conversation(&here, "c").await, conversation(&here, "other").await);
    let (mut priya, mut sam) = (here.agent("priya").await, there.agent("sam").await);
    let since = watch(&priya, c).await.version;
    watch(&sam, c).await;
    let token = claim(&priya, c).await;
    let (mut seen, mut told) = (token, Vec::new());
    for round in 0..2 {
        if round == 0 {
            told.extend(seqs(&priya, c));
            priya = moves(&mut here, &there, priya, "priya").await;
        } else {
            told.extend(seqs(&priya, c));
            priya = moves(&mut there, &here, priya, "priya").await;
            sam = here.resume(json!({ "sub": "sam" }), sam.cursor().await).await;
            assert!(sam.welcome().resumed);
        }
        let held: Vec<_> = priya
            .welcome()
            .claims
            .iter()
            .map(|it| (it.conversation, it.token))
            .collect();
        assert_eq!(held, [(c, token)], "the claim is kept");
        assert_eq!(list(&priya).await, [c, other]);
        let signal = TypingSignal {
            conversation: c,
            into: Typing::Reply,
            on: true,
        };
        priya.typing(signal).await.unwrap();
        push_where(&sam, "viewers", |it| {
            let rows = it["viewers"].as_array().unwrap();
            rows.iter()
                .any(|row| row["agent"] == "priya" && row["typing"] == "reply")
        })
        .await;
        let hub = if round == 0 { &here } else { &there };
        seen = write(&hub.channel(), &format!("m{round}"), "c", "Hello?")
            .await
            .seq
            .max(seen);
        let reply = cmd!("reply", "conversation": c, "token": token, "key": format!("k{round}"), "seen": seen,
            "text": "Here.");
        priya.call(reply).await.unwrap();
    }
    let all = log(&there, c).await;
    told.extend(super::site::told(&priya, c, all.last().unwrap().seq).await);
    assert_eq!(told, super::site::above(&all, since));
}

/// The events of a conversation in an agent's inbox.
fn seqs(agent: &Client, c: ConversationId) -> Vec<u64> {
    let pushes = agent.take_pushes().into_iter();
    let events = pushes.filter_map(|push| match push {
        dibs_protocol::frame::ServerFrame::Event(it) if it.conversation == Some(c) => Some(it.seq),
        _ => None,
    });
    events.collect()
}
