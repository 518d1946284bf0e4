//! Promises about what stands beside the feed: timers, mentions, marks, keys that grow old.

use super::*;
use crate::log::{Due, DueTimer, Mark, NewMention, SeatChange, Timer};

promises! {
    a_due_timer_is_taken_once_until_it_may_be_seen_again,
    a_timer_is_replaced_and_cleared,
    timers_are_taken_earliest_first_up_to_the_limit,
    mentions_come_newest_first_and_unread_by_mark,
    a_mark_is_replaced_and_removed,
    old_keys_go_but_for_the_last_of_a_scope,
}

lone_promises! {
    an_instance_that_begins_counts_all_as_just_gone,
}

fn timer(id: &str, due_ms: Option<i64>) -> Timer {
    Timer {
        aggregate: aggregate(id),
        due_ms,
    }
}

fn timers(timers: Vec<Timer>) -> Item {
    Item { timers, ..empty() }
}

fn due(id: &str, due_ms: i64) -> DueTimer {
    DueTimer {
        workspace: acme(),
        aggregate: aggregate(id),
        due_ms,
    }
}

async fn a_due_timer_is_taken_once_until_it_may_be_seen_again(lab: Lab) {
    assert_eq!(
        lab.log.take_due(0, 50, 9).await.unwrap(),
        Due {
            timers: vec![],
            next_ms: None
        }
    );
    lab.done(timers(vec![timer("a", Some(100))])).await;
    assert_eq!(
        lab.log.take_due(99, 50, 9).await.unwrap(),
        Due {
            timers: vec![],
            next_ms: Some(100)
        }
    );
    let taken = Due {
        timers: vec![due("a", 100)],
        next_ms: None,
    };
    assert_eq!(lab.log.take_due(100, 50, 9).await.unwrap(), taken);
    assert_eq!(lab.log.take_due(149, 50, 9).await.unwrap().timers, []);
    assert_eq!(lab.log.take_due(150, 50, 9).await.unwrap(), taken);
    lab.assert_sound().await;
}

async fn a_timer_is_replaced_and_cleared(lab: Lab) {
    lab.done(timers(vec![timer("a", Some(100)), timer("b", Some(100))]))
        .await;
    lab.log.take_due(100, 1_000, 9).await.unwrap();
    // Setting a taken timer makes it takable when it is due.
    lab.commit(vec![
        timers(vec![timer("a", Some(900))]),
        timers(vec![timer("a", Some(200)), timer("b", None)]),
    ])
    .await;
    let taken = lab.log.take_due(5_000, 50, 9).await.unwrap();
    assert_eq!(
        taken,
        Due {
            timers: vec![due("a", 200)],
            next_ms: None
        }
    );
}

async fn timers_are_taken_earliest_first_up_to_the_limit(lab: Lab) {
    let all = vec![
        timer("c", Some(30)),
        timer("a", Some(20)),
        timer("b", Some(10)),
        timer("d", Some(90)),
    ];
    lab.done(timers(all)).await;
    let taken = lab.log.take_due(50, 1_000, 2).await.unwrap();
    assert_eq!(
        taken,
        Due {
            timers: vec![due("b", 10), due("a", 20)],
            next_ms: Some(30)
        }
    );
    let taken = lab.log.take_due(50, 1_000, 2).await.unwrap();
    assert_eq!(
        taken,
        Due {
            timers: vec![due("c", 30)],
            next_ms: Some(90)
        }
    );
}

async fn an_instance_that_begins_counts_all_as_just_gone(lab: Lab) {
    let seat = |name: &str, present| SeatChange {
        agent: agent(name),
        instance: Uuid::from_u128(1),
        generation: 1,
        present,
    };
    lab.done(Item {
        seats: vec![seat("priya", true), seat("sam", false)],
        ..empty()
    })
    .await;
    lab.log.begin(Uuid::from_u128(2), 1_000, 100).await.unwrap();
    let taken = lab.log.take_due(1_000, 50, 9).await.unwrap();
    let expected = DueTimer {
        workspace: acme(),
        aggregate: agent_aggregate("priya"),
        due_ms: 1_000,
    };
    assert_eq!(taken.timers, [expected]);
    let guards = vec![crate::log::Guard::AbsentFor {
        agent: agent("priya"),
        grace_ms: 100,
    }];
    let guarded = Item { guards, ..empty() };
    lab.clock.0.store(1_099, Ordering::SeqCst);
    assert_eq!(lab.one(guarded.clone()).await, Outcome::Guarded(0));
    lab.clock.0.store(1_100, Ordering::SeqCst);
    lab.done(guarded).await;
}

async fn mentions_come_newest_first_and_unread_by_mark(lab: Lab) {
    let mention = |name: &str, event| NewMention {
        agent: agent(name),
        event,
        body: format!(r#"{{"n":{event}}}"#),
    };
    for _ in 0..2 {
        let mentions = vec![mention("priya", 0), mention("sam", 0), mention("priya", 1)];
        lab.done(Item { mentions, ..item(2) }).await;
    }
    let read = async |before, limit| {
        let rows = lab
            .log
            .mentions(&acme(), &agent("priya"), before, limit)
            .await
            .unwrap();
        rows.into_iter().map(|it| (it.seq, it.body)).collect::<Vec<_>>()
    };
    let row = |seq, event| (seq, format!(r#"{{"n":{event}}}"#));
    assert_eq!(read(u64::MAX, 3).await, [row(4, 1), row(3, 0), row(2, 1)]);
    assert_eq!(read(3, 9).await, [row(2, 1), row(1, 0)]);
    let mark = Mark {
        agent: agent("priya"),
        name: "inbox".to_owned(),
        value: Some("2".to_owned()),
    };
    lab.done(Item {
        marks: vec![mark],
        ..empty()
    })
    .await;
    let unread = lab.log.unread_mentions(&acme()).await.unwrap();
    let unread: Vec<_> = unread.iter().map(|it| (it.agent.as_str(), it.seq)).collect();
    assert_eq!(unread, [("priya", 3), ("priya", 4), ("sam", 1), ("sam", 3)]);
}

async fn a_mark_is_replaced_and_removed(lab: Lab) {
    let mark = |name: &str, value: Option<&str>| Mark {
        agent: agent("priya"),
        name: name.to_owned(),
        value: value.map(str::to_owned),
    };
    let marks = vec![
        mark("status", Some("1")),
        mark("status", Some("2")),
        mark("c", Some("9")),
    ];
    lab.done(Item { marks, ..empty() }).await;
    assert_eq!(
        lab.log.marks(&acme()).await.unwrap(),
        [mark("c", Some("9")), mark("status", Some("2"))]
    );
    lab.done(Item {
        marks: vec![mark("c", None)],
        ..empty()
    })
    .await;
    assert_eq!(lab.log.marks(&acme()).await.unwrap(), [mark("status", Some("2"))]);
}

async fn old_keys_go_but_for_the_last_of_a_scope(lab: Lab) {
    let keys = |scope: &str, from, to, keep_until_ms| {
        let key = |number| NewKey {
            scope: scope.to_owned(),
            keep_until_ms,
            ..new_key(&format!("{number}"), None)
        };
        Item {
            keys: (from..to).map(key).collect(),
            ..empty()
        }
    };
    lab.commit(vec![
        keys("big", 0, 10, 9_000),
        keys("big", 10, 1_030, 2_000),
        keys("small", 0, 20, 2_000),
    ])
    .await;
    assert_eq!(lab.log.forget_keys(1_999).await.unwrap(), 0);
    assert_eq!(lab.log.forget_keys(2_000).await.unwrap(), 20);
    assert_eq!(lab.log.forget_keys(2_000).await.unwrap(), 0);
    for (scope, key, there) in [
        ("big", "9", true),
        ("big", "29", false),
        ("big", "30", true),
        ("big", "1029", true),
        ("small", "0", true),
    ] {
        assert_eq!(
            lab.log.key(&acme(), scope, key).await.unwrap().is_some(),
            there,
            "{scope} {key}"
        );
    }
    lab.assert_sound().await;
}
