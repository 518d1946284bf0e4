//! Promises of the log in PostgreSQL alone: what outlives a crash, two instances on one database, what is refused.

use super::testing;
use super::*;
use crate::log::conformance::{acme, aggregate, change, committed, empty, event, everything, item, new_key};
use crate::log::{Expected, Timer};
use dibs_tests::postgres::Postgres;
use std::time::Duration;
use tokio_postgres::NoTls;

async fn open_in(url: &str, schema: &str) -> Result<PostgresLog, OpenError> {
    let options = PostgresOptions {
        url,
        ca: None,
        readers: 2,
        schema,
    };
    PostgresLog::open(options).await
}

async fn one(log: &PostgresLog, item: Item) -> Outcome {
    log.commit(vec![item]).await.unwrap().remove(0)
}

/// Does something to the tables behind the log's back.
async fn tamper(url: &str, schema: &str, sql: &str) {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    let sql = format!("SET search_path = {schema}; {sql}");
    client.batch_execute(&sql).await.unwrap();
}

/// A log with three events, a state, a key and a timer.
async fn filled() -> (PostgresLog, String, String) {
    let (url, schema) = testing::fresh();
    let log = open_in(&url, &schema).await.unwrap();
    let mut first = change("a", Expected::Stored(0), "one");
    first.keys.push(new_key("k", Some(0)));
    first.timers.push(Timer {
        aggregate: aggregate("a"),
        due_ms: Some(5),
    });
    let outcomes = log.commit(vec![first, item(2)]).await.unwrap();
    assert_eq!(committed(&outcomes[1]).first_seq, 2);
    (log, url, schema)
}

#[tokio::test]
async fn everything_is_there_for_another_instance() {
    let (url, schema) = testing::fresh();
    let log = open_in(&url, &schema).await.unwrap();
    let first = change("a", Expected::Stored(0), "one");
    let done = committed(&one(&log, first.clone()).await);
    let head = log.head(&acme()).await.unwrap();
    let other = open_in(&url, &schema).await.unwrap();
    assert_eq!(other.head(&acme()).await.unwrap(), head);
    assert_eq!(one(&other, first.clone()).await, Outcome::Repeated(done));
    committed(&one(&other, change("a", Expected::After(first.commit), "two")).await);
    assert_eq!(log.state(&acme(), &aggregate("a")).await.unwrap().version, 2);
    assert_eq!(log.read(&acme(), None, everything()).await.unwrap().len(), 2);
    assert_eq!(log.verify(&acme()).await.unwrap().faults, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_that_race_number_without_gaps_and_one_wins() {
    const ROUNDS: u64 = 60;
    let (url, schema) = testing::fresh();
    let logs = [
        open_in(&url, &schema).await.unwrap(),
        open_in(&url, &schema).await.unwrap(),
    ];
    // Each changes the same aggregate from the version that it knows, and appends beside that without asking.
    let race = async |log: &PostgresLog| {
        let (mut version, mut won, mut appended) = (0, 0, 0);
        for _ in 0..ROUNDS {
            let items = vec![change("a", Expected::Stored(version), "x"), item(1)];
            let outcomes = log.commit(items).await.unwrap();
            appended += u64::from(committed(&outcomes[1]).first_seq > 0);
            match &outcomes[0] {
                Outcome::Committed(at) => (version, won) = (at.first_seq, won + 1),
                Outcome::Conflict { stale, .. } => version = stale[0].version,
                other => panic!("{other:?}"),
            }
        }
        (won, appended)
    };
    let ((one, one_beside), (two, two_beside)) = tokio::join!(race(&logs[0]), race(&logs[1]));
    assert!(one > 0 && two > 0, "both made progress: {one} and {two}");
    assert_eq!((one_beside, two_beside), (ROUNDS, ROUNDS));
    let head = logs[0].head(&acme()).await.unwrap();
    assert_eq!(head.seq, one + two + 2 * ROUNDS);
    let verified = logs[1].verify(&acme()).await.unwrap();
    assert_eq!((verified.events, verified.faults), (head.seq, Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_of_the_server_loses_nothing_that_was_answered_and_stores_nothing_twice() {
    const COMMITS: usize = 300;
    let cluster = Postgres::start();
    let url = cluster.socket_url();
    let log = Arc::new(open_in(&url, SCHEMA).await.unwrap());
    let (said, mut heard) = tokio::sync::mpsc::unbounded_channel();
    // Each commit is repeated with the same id until it is answered.
    let writer = tokio::spawn({
        let log = Arc::clone(&log);
        async move {
            let mut answered = Vec::new();
            let mut unavailable = 0;
            for number in 0..COMMITS {
                let item = item(1);
                let commit = loop {
                    match log.commit(vec![item.clone()]).await {
                        Ok(outcomes) => match outcomes[0] {
                            Outcome::Committed(at) | Outcome::Repeated(at) => break at,
                            ref other => panic!("{other:?}"),
                        },
                        Err(LogError::Unavailable(_)) => unavailable += 1,
                        Err(error) => panic!("{error}"),
                    }
                    tokio::task::yield_now().await;
                };
                answered.push(commit);
                said.send(number).unwrap();
            }
            (answered, unavailable)
        }
    });
    for (stop_at, mut downtime) in [(50, true), (120, false), (200, true)] {
        while heard.recv().await.unwrap() < stop_at {}
        tokio::task::block_in_place(|| cluster.stop());
        while downtime {
            // While it is away, answers come at once, after the first that noticed.
            let since = tokio::time::Instant::now();
            let answer = log.head(&acme()).await;
            assert!(matches!(answer, Err(LogError::Unavailable(_))), "{answer:?}");
            assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
            downtime = log.trouble().is_none();
        }
        tokio::task::block_in_place(|| cluster.start_again_with(""));
    }
    let (answered, unavailable) = writer.await.unwrap();
    assert!(unavailable > 0, "the crashes were noticed");
    let numbers: Vec<u64> = answered.iter().map(|at| at.first_seq).collect();
    assert_eq!(numbers, (1..=COMMITS as u64).collect::<Vec<_>>());
    for at in &answered {
        assert_eq!(log.hash_at(&acme(), at.first_seq).await.unwrap(), Some(at.hash));
    }
    assert_eq!(log.trouble(), None);
    let verified = log.verify(&acme()).await.unwrap();
    assert_eq!((verified.events, verified.faults), (COMMITS as u64, Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_silent_is_noticed_once_and_then_answered_for_at_once() {
    let cluster = Postgres::start();
    let log = open_in(&cluster.socket_url(), SCHEMA).await.unwrap();
    committed(&one(&log, item(1)).await);
    tokio::task::block_in_place(|| cluster.freeze());
    let late = item(1);
    let error = log.commit(vec![late.clone()]).await.unwrap_err();
    assert!(
        matches!(&error, LogError::Unavailable(why) if why.contains("does not answer")),
        "{error}"
    );
    let since = tokio::time::Instant::now();
    assert!(log.commit(vec![late.clone()]).await.is_err() && log.head(&acme()).await.is_err());
    assert!(since.elapsed() < Duration::from_millis(100));
    tokio::task::block_in_place(|| cluster.thaw());
    let at = loop {
        match log.commit(vec![late.clone()]).await {
            Ok(outcomes) => match outcomes[0] {
                Outcome::Committed(at) | Outcome::Repeated(at) => break at,
                ref other => panic!("{other:?}"),
            },
            Err(_) => tokio::task::yield_now().await,
        }
    };
    assert_eq!(at.first_seq, 2);
    assert_eq!(log.head(&acme()).await.unwrap().seq, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_would_lose_what_it_acknowledged_is_refused_by_the_settings_name() {
    let cluster = Postgres::start();
    let url = cluster.socket_url();
    let log = open_in(&url, SCHEMA).await.unwrap();
    assert!(log.notice().unwrap().contains("no synchronous standby"));
    for setting in ["fsync", "full_page_writes", "synchronous_commit"] {
        cluster.stop();
        cluster.start_again_with(&format!("{setting}=off"));
        let refused = open_in(&url, SCHEMA).await.unwrap_err();
        assert!(
            matches!(refused, OpenError::Unsafe { setting: it } if it == setting),
            "{refused}"
        );
        assert!(refused.to_string().contains(setting), "{refused}");
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let (_, url, schema) = filled().await;
    tamper(&url, &schema, "UPDATE dibs_schema SET version = 99").await;
    let refused = open_in(&url, &schema).await.unwrap_err();
    assert!(
        matches!(refused, OpenError::Newer { found: 99, .. }),
        "{refused:?}"
    );
    assert!(refused.to_string().contains("run the newer one"), "{refused}");
}

#[tokio::test]
async fn no_message_repeats_the_password() {
    for url in [
        "postgres://dibs:hunter2@%2Fnowhere/postgres",
        "postgres://dibs:hunter2@127.0.0.1:1/postgres",
        "postgres://dibs:hunter2@127.0.0.1:hunter2/postgres",
        "dibs:hunter2",
        "postgres://dibs:hunter2@127.0.0.1/x?hunter2=1",
    ] {
        let error = open_in(url, SCHEMA).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
    let (url, schema) = testing::fresh();
    let log = open_in(&url, &schema).await.unwrap();
    assert!(!format!("{log:?}").contains("hunter2"));
}

#[tokio::test]
async fn what_was_changed_behind_its_back_is_never_served_and_is_found() {
    let damages = [
        (
            "UPDATE events SET body = replace(body, 'secret', 'secreT') WHERE seq = 2",
            "Event 2",
        ),
        ("UPDATE events SET kind = 'other' WHERE seq = 3", "Event 3"),
        ("DELETE FROM events WHERE seq = 2", "After event 1 comes 3"),
        ("UPDATE workspaces SET seq = 2", "The head says 2"),
        ("UPDATE states SET version = 9", "states: a"),
        ("UPDATE keys SET answer = 'no'", "keys: k"),
        ("UPDATE timers SET due = 6", "timers: a"),
    ];
    for (damage, fault) in damages {
        let (_, url, schema) = filled().await;
        tamper(&url, &schema, damage).await;
        let log = open_in(&url, &schema).await.unwrap();
        let faults = log.verify(&acme()).await.unwrap().faults;
        assert!(faults.iter().any(|it| it.contains(fault)), "{damage}: {faults:?}");
        let (acme, all) = (acme(), everything());
        let reads = [
            log.head(&acme).await.map(drop),
            log.read(&acme, None, all).await.map(drop),
            log.state(&acme, &aggregate("a")).await.map(drop),
            log.key(&acme, "priya reply", "k").await.map(drop),
            log.take_due(9, 9, 9).await.map(drop),
        ];
        let corrupt = reads
            .iter()
            .filter(|it| matches!(it, Err(LogError::Corrupt(_))))
            .count();
        assert!(corrupt > 0, "{damage}: {reads:?}");
    }
}

#[tokio::test]
async fn a_timer_that_is_set_again_by_the_database_has_the_programs_checksum() {
    let (log, _, _) = filled().await;
    let seats = vec![crate::log::SeatChange {
        agent: crate::log::conformance::agent("priya"),
        instance: Uuid::from_u128(1),
        generation: 1,
        present: true,
    }];
    one(&log, Item { seats, ..empty() }).await;
    log.renew(Uuid::from_u128(2), 1_000, 0).await.unwrap();
    let due = log.take_due(i64::MAX / 2, 9, 9).await.unwrap();
    assert_eq!(due.timers.len(), 2, "{due:?}");
    assert!(event("noted").body.is_some());
}

#[tokio::test]
async fn instances_that_start_together_make_one_schema() {
    let (url, schema) = testing::fresh();
    let all = (0..6).map(|_| open_in(&url, &schema));
    for opened in futures_util::future::join_all(all).await {
        opened.unwrap();
    }
}
