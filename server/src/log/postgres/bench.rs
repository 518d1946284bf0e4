//! What a batch costs: one transaction, however many items, and how many commits a second that makes here.
//!
//! Runs short with the other tests; `DIBS_LONG=1` measures longer. The figures are printed (`--nocapture`).

use super::{PostgresLog, PostgresOptions, SCHEMA};
use crate::log::conformance::committed;
use crate::log::{
    Aggregate, AggregateKind, Expected, Item, Log, NewEvent, NewKey, NewState, Snapshot, Timer,
};
use crate::ports::{Clock, Entropy, SystemClock, SystemEntropy};
use dibs_protocol::ids::{ConversationId, WorkspaceId};
use dibs_tests::postgres::Postgres;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_postgres::NoTls;
use uuid::Uuid;

/// How many conversations are changed in turn.
const CONVERSATIONS: usize = 512;

#[derive(Debug)]
struct Body(Vec<u8>);

impl Snapshot for Body {
    fn encode(&self) -> Vec<u8> {
        self.0.clone()
    }
}

/// A reply as a hub commits it: an event with a text, the conversation's state, a key, a timer.
fn reply(workspace: &WorkspaceId, number: usize, version: u64) -> Item {
    let (entropy, now_ms) = (SystemEntropy::default(), SystemClock.now_ms());
    let place = number % CONVERSATIONS;
    let aggregate = Aggregate {
        kind: AggregateKind::Conversation,
        id: Uuid::from_u128(place as u128).to_string(),
    };
    let event = |text: &str| {
        format!(
            r#"{{"actor":{{"kind":"agent","id":"priya"}},"event":{{"kind":"message_sent","text":"{text}"}}}}"#
        )
    };
    let body: Arc<dyn Snapshot> = Arc::new(Body(vec![b'x'; 900]));
    Item {
        expected: vec![(aggregate.clone(), Expected::Stored(version))],
        keys: vec![NewKey {
            scope: format!("priya reply {place}"),
            key: number.to_string(),
            fingerprint: [3; 32],
            answer: r#"{"done":true}"#.to_owned(),
            answers_event: Some(0),
            at_ms: now_ms,
            keep_until_ms: now_ms + 86_400_000,
        }],
        events: vec![NewEvent {
            at_ms: now_ms,
            conversation: Some(ConversationId(Uuid::from_u128(place as u128))),
            kind: "message_sent",
            actor: r#"{"kind":"agent","id":"priya"}"#.to_owned(),
            skeleton: event(""),
            body: Some(event(&"Your parcel is on its way. ".repeat(8))),
            salt: entropy.salt(),
        }],
        states: vec![NewState {
            aggregate: aggregate.clone(),
            body: Some(body),
            active: true,
            owner: Some(format!("customer {place}")),
            last_event: None,
        }],
        timers: vec![Timer {
            aggregate,
            due_ms: Some(now_ms + 3_600_000),
        }],
        ..Item::new(workspace.clone(), entropy.uuid(now_ms))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_one_transaction_however_many_items_it_has() {
    let long = std::env::var("DIBS_LONG").is_ok_and(|it| it == "1");
    let time = Duration::from_millis(if long { 5_000 } else { 200 });
    let cluster = Postgres::start();
    let url = cluster.socket_url();
    let options = PostgresOptions {
        url: &url,
        ca: None,
        readers: 2,
        schema: SCHEMA,
    };
    let log = PostgresLog::open(options).await.unwrap();
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(connection);
    for size in [1, 32, 64, 256] {
        let workspace = WorkspaceId::new(&format!("acme-{size}")).unwrap();
        let mut versions = vec![0; CONVERSATIONS];
        let (mut count, mut batches) = (0, 0);
        log.head(&workspace).await.unwrap();
        let wal = "SELECT (pg_current_wal_lsn() - '0/0')::bigint, (SELECT count(*) FROM dibs.commits)";
        let before: i64 = client.query_one(wal, &[]).await.unwrap().get(0);
        let began = Instant::now();
        while began.elapsed() < time || batches < 20 {
            let items = (count..count + size)
                .map(|it| reply(&workspace, it, versions[it % CONVERSATIONS]))
                .collect();
            for (at, outcome) in log.commit(items).await.unwrap().iter().enumerate() {
                versions[(count + at) % CONVERSATIONS] = committed(outcome).first_seq;
            }
            count += size;
            batches += 1;
        }
        let seconds = began.elapsed().as_secs_f64();
        let after: i64 = client.query_one(wal, &[]).await.unwrap().get(0);
        println!(
            "{size:>4} a batch: {:>7.0} commits/s, {:>6.2} ms a batch, {} bytes of log a commit",
            count as f64 / seconds,
            seconds * 1e3 / f64::from(batches),
            (after - before) / i64::try_from(count).unwrap(),
        );
        // All commits of a batch were written by one transaction.
        let sql = "SELECT count(DISTINCT c.xmin::text) FROM dibs.commits c JOIN dibs.workspaces w ON w.id = c.workspace
            WHERE w.name = $1";
        let transactions: i64 = client
            .query_one(sql, &[&workspace.as_str()])
            .await
            .unwrap()
            .get(0);
        assert_eq!(transactions, i64::from(batches));
        let head = log.head(&workspace).await.unwrap();
        assert_eq!(head.seq, count as u64);
        assert_eq!(log.verify(&workspace).await.unwrap().faults, Vec::<String>::new());
    }
}
