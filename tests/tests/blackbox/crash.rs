//! Crashes: what was acknowledged is there afterwards, once, in a feed without gaps.

use crate::desk::{events, message};
use crate::hub::Hub;
use dibs_client::{CallError, Http};
use dibs_protocol::ids::{ConversationId, MessageId};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

const WRITERS: usize = 6;
const KILLS: usize = 3;
const ACKNOWLEDGED_PER_LIFE: usize = 40;

/// What one writer knows to be stored.
#[derive(Default)]
struct Known {
    messages: Vec<(ConversationId, MessageId, u64)>,
    next: usize,
}

/// Writes until the hub is gone or enough is acknowledged; an unknown outcome is tried again with the same key.
async fn storm(channel: &Http, writer: usize, known: &mut Known) {
    for _ in 0..ACKNOWLEDGED_PER_LIFE {
        let n = known.next;
        match channel
            .ingest(&message(
                &format!("w{writer}-{n}"),
                &format!("c{writer}"),
                &format!("{n}"),
            ))
            .await
        {
            Ok((_, answer)) => known
                .messages
                .push((answer.conversation, answer.message, answer.seq)),
            Err(error) => {
                assert!(error.status().is_none(), "{error}");
                return;
            }
        }
        known.next += 1;
    }
}

/// Replies from one agent, until the hub is gone; gives the acknowledged `seq`s.
async fn replies(hub: &Hub, c: ConversationId, life: usize) -> Vec<u64> {
    let agent = hub.agent("priya").await;
    let token = crate::desk::claim(&agent, c).await;
    let mut done = Vec::new();
    for n in 0.. {
        let seen = agent.call(cmd!("watch", "conversation": c, "limit": 1)).await;
        let Ok(seen) = seen else { break };
        let version = &seen["summary"]["version"];
        let key = format!("r{life}-{n}");
        let reply =
            cmd!("reply", "conversation": c, "token": token, "key": key, "seen": version, "text": key);
        match agent.call(reply).await {
            Ok(fields) => done.push(crate::desk::number(&fields, "seq")),
            Err(CallError::Refused(_)) => {}
            Err(_) => break,
        }
    }
    done
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_kills_in_a_storm_lose_nothing_that_was_acknowledged() {
    let mut hub = Hub::start(&[]);
    let c = crate::desk::conversation(&hub, "answered").await;
    let epoch = hub.agent("priya").await.welcome().epoch.clone();
    let mut known: Vec<Known> = (0..WRITERS).map(|_| Known::default()).collect();
    let mut replied = Vec::new();
    for life in 0..KILLS {
        let channel = hub.channel();
        let pid = hub.pid();
        let writing = async {
            let storms = known
                .iter_mut()
                .enumerate()
                .map(|(writer, known)| storm(&channel, writer, known));
            futures_util::future::join_all(storms).await;
            // The kill comes while replies are still being written.
            let killed = std::process::Command::new("kill")
                .args(["-KILL", &pid.to_string()])
                .status();
            assert!(killed.unwrap().success());
        };
        let ((), done) = tokio::join!(writing, replies(&hub, c, life));
        replied.extend(done);
        hub.kill9();
        hub.restart();
    }
    let reader = hub.agent("priya").await;
    assert_eq!(reader.welcome().epoch, epoch, "a crash does not change history");
    let http = hub.http(json!({ "sub": "priya" }));
    let mut feed: BTreeMap<u64, String> = BTreeMap::new();
    let mut conversations: BTreeSet<ConversationId> =
        known.iter().flat_map(|it| &it.messages).map(|it| it.0).collect();
    conversations.insert(c);
    let mut ids = BTreeSet::new();
    for c in &conversations {
        for entry in events(&http, *c).await {
            if let Some(id) = entry.event["message"]["id"].as_str() {
                assert!(ids.insert(id.to_owned()), "message {id} is stored twice");
            }
            assert!(
                feed.insert(entry.seq, entry.kind().to_owned()).is_none(),
                "seq {} is taken twice",
                entry.seq
            );
        }
    }
    for (_, message, seq) in known.iter().flat_map(|it| &it.messages) {
        assert!(ids.contains(&message.to_string()), "message {message} is lost");
        assert_eq!(feed.get(seq).map(String::as_str), Some("message_received"));
    }
    for seq in &replied {
        assert_eq!(
            feed.get(seq).map(String::as_str),
            Some("message_sent"),
            "reply {seq} is lost"
        );
    }
    let head = reader.welcome().seq;
    let gaps: Vec<u64> = (1..=head).filter(|seq| !feed.contains_key(seq)).collect();
    assert!(
        gaps.len() <= 1,
        "only the agent's own `agent_seen` is in no conversation: {gaps:?}"
    );
}

#[tokio::test]
async fn a_key_is_known_after_a_kill() {
    let mut hub = Hub::start(&[]);
    let c = crate::desk::conversation(&hub, "c").await;
    let priya = hub.agent("priya").await;
    let token = crate::desk::claim(&priya, c).await;
    let reply =
        || cmd!("reply", "conversation": c, "token": token, "key": "k", "seen": token, "text": "once");
    let first = priya.call(reply()).await.unwrap();
    hub.kill9();
    hub.restart();
    let again = hub.agent("priya").await.call(reply()).await.unwrap();
    assert_eq!(
        (&again["seq"], &again["message"], &again["duplicate"]),
        (&first["seq"], &first["message"], &json!(true))
    );
    let (created, _) = hub
        .channel()
        .ingest(&message("first-c", "c", "Hello?"))
        .await
        .unwrap();
    assert!(!created, "the channel's keys, too");
}
