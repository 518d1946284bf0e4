//! Promises of the log on disk alone: what outlives it, what it refuses to open, what it finds damaged.

use super::*;
use crate::log::conformance::{
    TestClock, acme, aggregate, change, committed, empty, event, everything, item, new_key,
};
use crate::log::{Expected, Timer};
use tempfile::{TempDir, tempdir};

fn open(folder: &TempDir) -> Result<SqliteLog, OpenError> {
    SqliteLog::open(folder.path(), Arc::new(TestClock::default()))
}

async fn one(log: &SqliteLog, item: Item) -> Outcome {
    log.commit(vec![item]).await.unwrap().remove(0)
}

/// Does something to the closed file behind the log's back.
fn tamper(folder: &TempDir, sql: &str) {
    Connection::open(folder.path().join(FILE))
        .unwrap()
        .execute_batch(sql)
        .unwrap();
}

async fn faults(folder: &TempDir) -> Vec<String> {
    open(folder).unwrap().verify(&acme()).await.unwrap().faults
}

/// A closed log with three events, a state, a key and a timer.
async fn filled() -> TempDir {
    let folder = tempdir().unwrap();
    let log = open(&folder).unwrap();
    let mut first = change("a", Expected::Stored(0), "one");
    first.keys.push(new_key("k", Some(0)));
    first.timers.push(Timer {
        aggregate: aggregate("a"),
        due_ms: Some(5),
    });
    let outcomes = log.commit(vec![first, item(2)]).await.unwrap();
    assert_eq!(committed(&outcomes[1]).first_seq, 2);
    folder
}

#[tokio::test]
async fn everything_is_there_after_reopening() {
    let folder = tempdir().unwrap();
    let log = open(&folder).unwrap();
    let first = change("a", Expected::Stored(0), "one");
    let done = committed(&one(&log, first.clone()).await);
    let head = log.head(&acme()).await.unwrap();
    drop(log);
    let log = open(&folder).unwrap();
    assert_eq!(log.head(&acme()).await.unwrap(), head);
    assert_eq!(one(&log, first.clone()).await, Outcome::Repeated(done));
    committed(&one(&log, change("a", Expected::After(first.commit), "two")).await);
    assert_eq!(log.state(&acme(), &aggregate("a")).await.unwrap().version, 2);
    assert_eq!(log.read(&acme(), None, everything()).await.unwrap().len(), 2);
    assert_eq!(log.verify(&acme()).await.unwrap().faults, Vec::<String>::new());
}

#[tokio::test]
async fn a_second_opener_is_refused_until_the_first_has_gone() {
    let folder = tempdir().unwrap();
    let log = open(&folder).unwrap();
    let refused = open(&folder).unwrap_err().to_string();
    assert_eq!(
        refused,
        format!(
            "the data folder {} is in use by another dibs",
            folder.path().display()
        )
    );
    drop(log);
    open(&folder).unwrap();
}

#[tokio::test]
async fn a_file_that_is_no_log_is_refused_by_name() {
    let folder = tempdir().unwrap();
    std::fs::write(folder.path().join(FILE), vec![b'x'; 9_000]).unwrap();
    let refused = open(&folder).unwrap_err();
    assert!(matches!(refused, OpenError::Damaged { .. }), "{refused:?}");
    let text = refused.to_string();
    assert!(
        text.contains("dibs.sqlite3 is damaged") && text.contains("dibs verify"),
        "{text}"
    );

    let folder = tempdir().unwrap();
    tamper(&folder, "CREATE TABLE foreigners (id INTEGER PRIMARY KEY)");
    assert!(matches!(open(&folder).unwrap_err(), OpenError::Damaged { .. }));
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let folder = filled().await;
    tamper(&folder, "PRAGMA user_version = 99");
    let refused = open(&folder).unwrap_err();
    assert!(
        matches!(refused, OpenError::Newer { found: 99, .. }),
        "{refused:?}"
    );
    assert!(refused.to_string().contains("run the newer one"), "{refused}");
}

#[tokio::test]
async fn a_flipped_byte_of_a_body_is_never_served_and_is_found() {
    let folder = filled().await;
    tamper(
        &folder,
        "UPDATE events SET body = replace(body, 'secret', 'secreT') WHERE seq = 2",
    );
    let log = open(&folder).unwrap();
    let error = log.read(&acme(), None, everything()).await.unwrap_err();
    assert!(
        matches!(&error, LogError::Corrupt(what) if what.contains("events: 2")),
        "{error}"
    );
    drop(log);
    assert_eq!(
        faults(&folder).await,
        ["Event 2 is damaged: its body differs from its digest."]
    );
}

#[tokio::test]
async fn damage_of_any_kind_is_found() {
    for (sql, expected) in [
        (
            "UPDATE events SET skeleton = skeleton || ' ' WHERE seq = 2",
            "Event 2 is damaged",
        ),
        (
            "UPDATE events SET kind = 'other' WHERE seq = 3",
            "Event 3 is damaged",
        ),
        (
            "UPDATE events SET body = NULL WHERE seq = 2",
            "Event 2 is damaged",
        ),
        (
            "UPDATE events SET body = NULL, salt = NULL WHERE seq = 2",
            "no redaction names it",
        ),
        ("DELETE FROM events WHERE seq = 2", "what was between is missing"),
        ("DELETE FROM events WHERE seq = 3", "The head says 3"),
        ("UPDATE events SET digest = x'00' WHERE seq = 2", "cannot be read"),
        ("UPDATE states SET body = x'00'", "states: a"),
        ("UPDATE states SET version = 3", "states: a"),
        ("UPDATE keys SET answer = 'no'", "keys: k"),
        ("UPDATE timers SET due = 6", "timers: a"),
    ] {
        let folder = filled().await;
        tamper(&folder, sql);
        let faults = faults(&folder).await;
        assert!(
            faults.iter().any(|fault| fault.contains(expected)),
            "{sql}: {faults:?}"
        );
    }
}

#[tokio::test]
async fn a_head_that_is_not_its_last_event_is_refused() {
    let folder = filled().await;
    tamper(&folder, "DELETE FROM events WHERE seq = 3");
    let error = open(&folder).unwrap().head(&acme()).await.unwrap_err();
    assert!(
        matches!(&error, LogError::Corrupt(what) if what.contains("acme")),
        "{error}"
    );
}

#[tokio::test]
async fn a_damaged_state_key_or_timer_is_never_served() {
    let folder = filled().await;
    tamper(
        &folder,
        "UPDATE states SET body = x'00'; UPDATE keys SET answer = ''; UPDATE timers SET due = 4",
    );
    let log = open(&folder).unwrap();
    assert!(matches!(
        log.state(&acme(), &aggregate("a")).await,
        Err(LogError::Corrupt(_))
    ));
    assert!(matches!(
        log.key(&acme(), "priya reply", "k").await,
        Err(LogError::Corrupt(_))
    ));
    assert!(matches!(log.take_due(9, 9, 9).await, Err(LogError::Corrupt(_))));
    assert!(log.trouble().is_some());
}

#[tokio::test]
async fn a_full_disk_refuses_writes_until_there_is_room() {
    let folder = tempdir().unwrap();
    let log = open(&folder).unwrap();
    let first = committed(&one(&log, item(1)).await);
    assert_eq!(log.trouble(), None);
    log.bound_growth(Some(2)).await.unwrap();
    let mut big = item(1);
    big.events[0].body = Some("x".repeat(100_000));
    let error = log.commit(vec![item(1), big.clone()]).await.unwrap_err();
    assert_eq!(error, LogError::Unavailable("the disk is full".to_owned()));
    assert_eq!(log.trouble(), Some("the disk is full".to_owned()));
    let head = log.head(&acme()).await.unwrap();
    assert_eq!((head.seq, head.hash), (1, first.hash));
    log.bound_growth(None).await.unwrap();
    assert_eq!(committed(&one(&log, big).await).first_seq, 2);
    assert_eq!(log.trouble(), None);
    assert_eq!(log.verify(&acme()).await.unwrap().faults, Vec::<String>::new());
}

#[tokio::test]
async fn an_abandoned_write_leaves_nothing_behind() {
    #[derive(Debug)]
    struct Broken;
    impl crate::log::Snapshot for Broken {
        fn encode(&self) -> Vec<u8> {
            panic!("cannot be written down")
        }
    }
    let folder = tempdir().unwrap();
    let log = open(&folder).unwrap();
    let mut broken = change("a", Expected::Stored(0), "");
    broken.states[0].body = Some(Arc::new(Broken));
    assert!(matches!(
        log.commit(vec![broken]).await,
        Err(LogError::Unavailable(_))
    ));
    assert_eq!(committed(&one(&log, item(1)).await).first_seq, 1);
    assert_eq!(log.trouble(), None);
}

#[tokio::test]
async fn what_was_erased_is_nowhere_in_the_folder() {
    let folder = tempdir().unwrap();
    let log = open(&folder).unwrap();
    let mut telling = event("noted");
    telling.body = Some("my telltale words".to_owned());
    one(
        &log,
        Item {
            events: vec![telling],
            ..empty()
        },
    )
    .await;
    one(
        &log,
        Item {
            erase: vec![1],
            ..empty()
        },
    )
    .await;
    // The log tidies up after its answer; the next answer comes later than that.
    one(&log, empty()).await;
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(8).any(|some| some == b"telltale"));
    }
}

#[test]
fn the_indexes_are_used_and_nothing_is_sorted() {
    let folder = tempdir().unwrap();
    drop(open(&folder).unwrap());
    let conn = Connection::open(folder.path().join(FILE)).unwrap();
    let states =
        |term: &str| format!("SELECT * FROM states WHERE workspace = ? AND kind = ? AND {term} ORDER BY id");
    for (sql, index) in [
        (read::events_sql(true, true), "events_by_conversation"),
        (read::events_sql(true, false), "events_by_conversation"),
        (
            read::events_sql(false, true),
            "PRIMARY KEY (workspace=? AND seq>? AND seq<?)",
        ),
        (read::kind_sql("redacted"), "events_by_kind"),
        (states("active = 1"), "states_active"),
        (states("owner = ?"), "states_by_owner"),
        (
            states("id > ? AND active = 0"),
            "(workspace=? AND kind=? AND id>?)",
        ),
        (
            "SELECT wake FROM timers ORDER BY wake LIMIT 1".to_owned(),
            "timers_by_wake",
        ),
    ] {
        let mut plan = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let steps = plan
            .raw_query()
            .mapped(|row| row.get::<_, String>(3))
            .collect::<Result<Vec<_>, _>>()
            .unwrap();
        assert!(
            steps.iter().any(|step| step.contains(index)),
            "{index}: {steps:?}"
        );
        assert!(
            !steps.iter().any(|step| step.contains("TEMP B-TREE")),
            "{index}: {steps:?}"
        );
    }
}
