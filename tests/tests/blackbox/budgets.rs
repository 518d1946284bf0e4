//! Budgets: what one workspace uses up is refused to it, and to nobody else; and without any budget, one that floods
//! leaves the others their share.

use crate::desk::message;
use crate::hub::{Hub, PATIENCE, WORKSPACE};
use crate::token::mint;
use dibs_client::{CallError, Client, ConnectError, Http, Options};
use dibs_protocol::ids::ConversationId;
use dibs_protocol::refusal::{Code, Refusal};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const LOUD: &str = "loud";

async fn come(hub: &Hub, workspace: &str, agent: &str) -> Result<Client, ConnectError> {
    let token = mint(json!({ "sub": agent, "workspace": workspace }));
    Client::connect(&hub.url(), &token, &Options::default()).await
}

fn channel(hub: &Hub, workspace: &str) -> Http {
    let token = mint(json!({ "sub": "adapter", "role": "channel", "workspace": workspace }));
    Http::new(&hub.base(), workspace, &token)
}

async fn conversation(hub: &Hub, workspace: &str) -> ConversationId {
    let first = channel(hub, workspace)
        .ingest(&message("first", "c", "Hello?"))
        .await;
    first.unwrap().1.conversation
}

fn note(c: ConversationId, key: String) -> dibs_protocol::command::Command {
    cmd!("note", "conversation": c, "key": key, "text": "x")
}

fn is_limited(refusal: &Refusal) {
    assert_eq!(refusal.code, Code::RateLimited, "{}", refusal.message);
    assert!(refusal.details.retry_after_ms.is_some_and(|ms| ms > 0));
}

/// Commands that a flood has sent, and those that were done.
#[derive(Default)]
struct Flood {
    done: AtomicUsize,
    refused: AtomicUsize,
}

/// Sessions of the loud workspace, each with so many notes at once, whose answers are counted as they come.
async fn flood(hub: &Hub, sessions: usize, notes: usize) -> Arc<Flood> {
    let c = conversation(hub, LOUD).await;
    let flood = Arc::new(Flood::default());
    let mut agents = Vec::new();
    for session in 0..sessions {
        agents.push(come(hub, LOUD, &format!("a{session}")).await.unwrap());
    }
    for (session, agent) in agents.into_iter().enumerate() {
        let flood = Arc::clone(&flood);
        tokio::spawn(async move {
            let mut pending = Vec::with_capacity(notes);
            for n in 0..notes {
                pending.push(agent.send(note(c, format!("{session}-{n}"))).await.unwrap());
            }
            for answer in pending {
                let counter = match answer.answer().await {
                    Ok(_) => &flood.done,
                    Err(CallError::Refused(refusal)) => {
                        is_limited(&refusal);
                        &flood.refused
                    }
                    Err(_) => return,
                };
                counter.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    flood
}

/// How many decisions the hub has stored.
async fn commits(hub: &Hub) -> usize {
    let text = reqwest::get(format!("{}/metrics", hub.base()))
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let line = text.lines().find(|line| line.starts_with("dibs_commits_total "));
    line.unwrap().rsplit(' ').next().unwrap().parse().unwrap()
}

/// The flood has far more on its way than one transaction takes: who had to wait for all of it would wait for tens of
/// thousands of notes. What is stored meanwhile is counted by the hub, because the flood's own clients are busy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_floods_leaves_the_others_their_share() {
    const NOTES: usize = 40 * 1_000;
    let hub = Arc::new(Hub::start(&[]));
    let measured = Arc::clone(&hub);
    let calm = async move {
        let hub = measured;
        let calm = come(&hub, WORKSPACE, "calm").await.unwrap();
        let c = conversation(&hub, WORKSPACE).await;
        while commits(&hub).await < 1_000 {}
        let (mut waits, mut stored) = (Vec::new(), commits(&hub).await);
        for n in 0..3 {
            calm.call(note(c, format!("calm-{n}")))
                .await
                .expect("nobody refuses who asks little");
            let now = commits(&hub).await;
            waits.push(now - stored);
            stored = now;
        }
        (waits, stored)
    };
    // On a thread of its own, so that it does not wait behind the flood's clients in this process.
    let alone = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(calm)
    });
    let _flood = flood(&hub, 40, 1_000).await;
    let (waits, stored) = tokio::task::spawn_blocking(|| alone.join().unwrap())
        .await
        .unwrap();
    assert!(
        stored < NOTES,
        "the flood is still going on, or this would show nothing: {stored} stored, {waits:?}"
    );
    // Two transactions, of which each takes at most one submission of the flood, and what is stored until it is counted.
    assert!(
        waits.iter().all(|it| *it <= NOTES / 8),
        "so many were stored before one note of the calm: {waits:?}"
    );
}

#[tokio::test]
async fn a_workspace_that_asks_too_much_is_told_so_and_the_others_are_not() {
    let hub = Hub::start(&["--workspace-commands-per-second", "20"]);
    let calm = come(&hub, WORKSPACE, "calm").await.unwrap();
    let c = conversation(&hub, WORKSPACE).await;
    let flood = flood(&hub, 4, 150).await;
    let counted = || flood.done.load(Ordering::Relaxed) + flood.refused.load(Ordering::Relaxed);
    for n in 0..20 {
        calm.call(note(c, format!("calm-{n}"))).await.unwrap();
    }
    let end = tokio::time::Instant::now() + PATIENCE;
    while counted() < 600 {
        assert!(tokio::time::Instant::now() < end, "every command is answered");
        tokio::task::yield_now().await;
    }
    let (done, refused) = (
        flood.done.load(Ordering::Relaxed),
        flood.refused.load(Ordering::Relaxed),
    );
    assert!(
        done >= 80 && refused >= done,
        "a burst passes, most do not: {done} done, {refused} refused"
    );
}

#[tokio::test]
async fn what_comes_in_over_http_has_a_rate_of_its_own() {
    let hub = Hub::start(&["--workspace-ingest-per-second", "1"]);
    let mut refused = 0;
    for n in 0..20 {
        if let Err(error) = channel(&hub, LOUD)
            .ingest(&message(&format!("m{n}"), "c", "x"))
            .await
        {
            assert_eq!(
                (error.status(), error.code()),
                (Some(429), Some(Code::RateLimited))
            );
            refused += 1;
        }
    }
    assert!(refused >= 5, "{refused} refused");
    channel(&hub, WORKSPACE)
        .ingest(&message("m", "c", "x"))
        .await
        .unwrap();
}

fn refusal_of(error: ConnectError) -> (u16, Refusal) {
    let ConnectError::Closed(closed) = error else {
        panic!("not refused by the hub: {error}")
    };
    (closed.code, closed.refusal.unwrap())
}

#[tokio::test]
async fn sessions_conversations_watches_and_views_have_room_until_it_is_used_up() {
    let flags = [
        "--workspace-sessions",
        "2",
        "--workspace-conversations",
        "2",
        "--workspace-watched",
        "1",
        "--workspace-views",
        "1",
    ];
    let hub = Hub::start(&flags);
    let first = come(&hub, LOUD, "a").await.unwrap();
    let second = come(&hub, LOUD, "b").await.unwrap();
    let (code, refusal) = refusal_of(come(&hub, LOUD, "c").await.unwrap_err());
    assert_eq!(code, 4029);
    is_limited(&refusal);
    come(&hub, WORKSPACE, "c").await.unwrap();
    second.close().await;
    let end = tokio::time::Instant::now() + PATIENCE;
    let second = loop {
        if let Ok(client) = come(&hub, LOUD, "b").await {
            break client;
        }
        assert!(tokio::time::Instant::now() < end, "a freed place can be taken");
    };

    let loud = channel(&hub, LOUD);
    let open = |key: &str, customer: &str| message(key, customer, "x");
    let one = loud.ingest(&open("k1", "c1")).await.unwrap().1.conversation;
    let two = loud.ingest(&open("k2", "c2")).await.unwrap().1.conversation;
    let full = loud.ingest(&open("k3", "c3")).await.unwrap_err();
    assert_eq!((full.status(), full.code()), (Some(429), Some(Code::RateLimited)));
    loud.ingest(&open("k4", "c1"))
        .await
        .expect("what is open goes on");
    assert!(
        !loud
            .ingest(&open("k1", "c1"))
            .await
            .expect("a repetition is answered")
            .0
    );
    first
        .call(cmd!("update", "conversation": two, "status": "closed"))
        .await
        .unwrap();
    let end = tokio::time::Instant::now() + PATIENCE;
    while loud.ingest(&open("k3", "c3")).await.is_err() {
        assert!(tokio::time::Instant::now() < end, "there is room again");
    }

    first.call(cmd!("watch", "conversation": one)).await.unwrap();
    second
        .call(cmd!("watch", "conversation": one))
        .await
        .expect("it is watched already");
    is_limited(&first.refused(cmd!("watch", "conversation": two)).await.unwrap());

    let view =
        |queue: &str| cmd!("open_view", "view": queue, "filter": { "queue": [queue] }, "sort": "newest");
    first.call(view("one")).await.unwrap();
    second
        .call(view("one"))
        .await
        .expect("a view that is there is shared");
    is_limited(&first.refused(view("two")).await.unwrap());
}

#[tokio::test]
async fn a_workspace_of_the_file_can_have_a_budget_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dibs.toml");
    let text = format!(
        "workspace_sessions = 1\n[[workspace]]\nid = \"{LOUD}\"\n[[workspace]]\nid = \"{WORKSPACE}\"\nsessions = 2\n"
    );
    std::fs::write(&file, text).unwrap();
    let hub = Hub::start(&["--config", file.to_str().unwrap()]);
    let _one = come(&hub, LOUD, "a").await.unwrap();
    is_limited(&refusal_of(come(&hub, LOUD, "b").await.unwrap_err()).1);
    let _two = [
        come(&hub, WORKSPACE, "a").await.unwrap(),
        come(&hub, WORKSPACE, "b").await.unwrap(),
    ];
    is_limited(&refusal_of(come(&hub, WORKSPACE, "c").await.unwrap_err()).1);
}
