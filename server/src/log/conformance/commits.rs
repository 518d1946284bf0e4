//! Promises about what is stored, what is refused and what is told then.

use super::*;
use crate::log::{Guard, SeatChange, StoredKey, StoredState};

promises! {
    events_are_numbered_without_gaps_and_chained,
    a_conflict_returns_the_fresh_state_and_stores_nothing,
    every_expected_aggregate_must_be_as_it_was,
    what_an_item_advances_part_of_the_way_has_the_version_of_its_own_last_event,
    a_commit_may_come_after_another_of_its_batch,
    a_commit_may_come_after_another_stored_before,
    what_comes_after_a_failed_commit_fails_as_dependent,
    a_counted_on_seq_must_be_the_one,
    a_repeated_commit_is_told_what_it_did,
    a_used_key_returns_what_was_stored_and_stores_nothing,
    an_item_without_events_changes_no_version,
    a_guard_holds_only_after_the_whole_grace,
    an_older_seat_change_is_ignored,
    only_the_last_state_of_a_batch_is_written_down,
    workspaces_have_feeds_of_their_own,
}

async fn events_are_numbered_without_gaps_and_chained(lab: Lab) {
    let outcomes = lab.commit(vec![item(2), item(3)]).await;
    assert_eq!(committed(&outcomes[0]).first_seq, 1);
    assert_eq!(committed(&outcomes[1]).first_seq, 3);
    assert_eq!(lab.done(item(1)).await.first_seq, 6);
    let events = lab.log.read(&acme(), None, everything()).await.unwrap();
    assert_eq!(
        events.iter().map(|it| it.seq).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5, 6]
    );
    assert!(
        events
            .iter()
            .all(|it| it.event.contains("secret") && !it.redacted)
    );
    let head = lab.log.head(&acme()).await.unwrap();
    assert_eq!((head.seq, head.at_ms), (6, 1_000));
    assert_eq!(lab.log.hash_at(&acme(), 6).await.unwrap(), Some(head.hash));
    assert_eq!(
        lab.log.hash_at(&acme(), 2).await.unwrap(),
        Some(committed(&outcomes[0]).hash)
    );
    assert_eq!(lab.log.hash_at(&acme(), 7).await.unwrap(), None);
    lab.assert_sound().await;
}

async fn a_conflict_returns_the_fresh_state_and_stores_nothing(lab: Lab) {
    lab.done(change("a", Expected::Stored(0), "one")).await;
    let outcome = lab.one(change("a", Expected::Stored(0), "two")).await;
    let fresh = StoredState {
        aggregate: aggregate("a"),
        version: 1,
        body: Some(b"one".to_vec()),
    };
    assert_eq!(
        outcome,
        Outcome::Conflict {
            stale: vec![fresh],
            used: vec![],
            dependent: false
        }
    );
    assert_eq!(lab.log.head(&acme()).await.unwrap().seq, 1);
    // Within a batch the fresh state is the one that the batch has made.
    let batch = vec![
        change("a", Expected::Stored(1), "three"),
        change("a", Expected::Stored(1), "four"),
    ];
    let outcomes = lab.commit(batch).await;
    let fresh = StoredState {
        aggregate: aggregate("a"),
        version: 2,
        body: Some(b"three".to_vec()),
    };
    assert_eq!(
        outcomes[1],
        Outcome::Conflict {
            stale: vec![fresh],
            used: vec![],
            dependent: false
        }
    );
    assert_eq!(
        lab.log
            .state(&acme(), &aggregate("a"))
            .await
            .unwrap()
            .body
            .unwrap(),
        b"three"
    );
    lab.assert_sound().await;
}

async fn every_expected_aggregate_must_be_as_it_was(lab: Lab) {
    lab.done(change("b", Expected::Stored(0), "b")).await;
    let mut both = change("a", Expected::Stored(0), "a");
    both.expected.push((aggregate("b"), Expected::Stored(0)));
    let Outcome::Conflict { stale, .. } = lab.one(both.clone()).await else {
        panic!("no conflict")
    };
    assert_eq!(
        stale
            .iter()
            .map(|it| (it.aggregate.id.as_str(), it.version))
            .collect::<Vec<_>>(),
        [("b", 1)]
    );
    both.expected[1].1 = Expected::Stored(1);
    both.states.push(NewState {
        body: None,
        ..state("b", "")
    });
    lab.done(both).await;
    assert_eq!(
        (
            lab.version(&aggregate("a")).await,
            lab.version(&aggregate("b")).await
        ),
        (2, 2)
    );
    assert_eq!(lab.log.state(&acme(), &aggregate("b")).await.unwrap().body, None);
}

async fn what_an_item_advances_part_of_the_way_has_the_version_of_its_own_last_event(lab: Lab) {
    let mut both = change("a", Expected::Stored(0), "first");
    both.expected.push((aggregate("b"), Expected::Stored(0)));
    both.events = item(3).events;
    both.states[0].last_event = Some(1);
    both.states.push(state("b", "second"));
    let after = Expected::After(both.commit);
    lab.done(both).await;
    let versions = (
        lab.version(&aggregate("a")).await,
        lab.version(&aggregate("b")).await,
    );
    assert_eq!(versions, (2, 3));
    let stale = lab.one(change("a", Expected::Stored(3), "no")).await;
    assert!(matches!(stale, Outcome::Conflict { .. }), "its version is 2");
    lab.done(change("a", Expected::Stored(2), "third")).await;
    lab.done(change("b", after, "fourth")).await;
}

async fn a_commit_may_come_after_another_of_its_batch(lab: Lab) {
    let first = change("a", Expected::Stored(0), "one");
    let second = change("a", Expected::After(first.commit), "two");
    let third = change("a", Expected::After(second.commit), "three");
    // Somebody else's events between them do not matter.
    let outcomes = lab.commit(vec![first, item(4), second, third]).await;
    assert_eq!(
        outcomes
            .iter()
            .map(|it| committed(it).first_seq)
            .collect::<Vec<_>>(),
        [1, 2, 6, 7]
    );
    let last = lab.log.state(&acme(), &aggregate("a")).await.unwrap();
    assert_eq!((last.version, last.body.unwrap()), (7, b"three".to_vec()));
}

async fn a_commit_may_come_after_another_stored_before(lab: Lab) {
    let first = change("a", Expected::Stored(0), "one");
    let after = Expected::After(first.commit);
    lab.done(first).await;
    lab.done(change("a", after, "two")).await;
    let Outcome::Conflict { stale, dependent, .. } = lab.one(change("a", after, "three")).await else {
        panic!("somebody changed it in between")
    };
    assert_eq!((stale[0].version, dependent), (2, false));
}

async fn what_comes_after_a_failed_commit_fails_as_dependent(lab: Lab) {
    lab.done(change("a", Expected::Stored(0), "zero")).await;
    let failed = change("a", Expected::Stored(9), "one");
    let second = change("a", Expected::After(failed.commit), "two");
    let third = change("a", Expected::After(second.commit), "three");
    let outcomes = lab.commit(vec![failed, second, third, item(1)]).await;
    assert!(matches!(&outcomes[0], Outcome::Conflict { dependent: false, .. }));
    for outcome in &outcomes[1..3] {
        assert_eq!(
            *outcome,
            Outcome::Conflict {
                stale: vec![],
                used: vec![],
                dependent: true
            }
        );
    }
    assert_eq!(committed(&outcomes[3]).first_seq, 2);
}

async fn a_counted_on_seq_must_be_the_one(lab: Lab) {
    let counting = |seq| Item {
        first_seq: Some(seq),
        ..item(2)
    };
    let outcomes = lab.commit(vec![counting(1), counting(3), counting(6)]).await;
    assert_eq!(
        (
            committed(&outcomes[0]).first_seq,
            committed(&outcomes[1]).first_seq
        ),
        (1, 3)
    );
    assert_eq!(
        outcomes[2],
        Outcome::Conflict {
            stale: vec![],
            used: vec![],
            dependent: true
        }
    );
    assert_eq!(lab.done(counting(5)).await.first_seq, 5);
}

async fn a_repeated_commit_is_told_what_it_did(lab: Lab) {
    let first = change("a", Expected::Stored(0), "one");
    let committed = lab.done(first.clone()).await;
    lab.done(item(3)).await;
    let outcomes = lab.commit(vec![first.clone(), first]).await;
    assert_eq!(
        outcomes,
        [Outcome::Repeated(committed), Outcome::Repeated(committed)]
    );
    let twice = item(1);
    let outcomes = lab.commit(vec![twice.clone(), twice]).await;
    assert!(matches!(
        outcomes[1],
        Outcome::Repeated(Committed { first_seq: 5, .. })
    ));
    assert_eq!(lab.log.head(&acme()).await.unwrap().seq, 5);
}

async fn a_used_key_returns_what_was_stored_and_stores_nothing(lab: Lab) {
    let first = Item {
        keys: vec![new_key("k", Some(1))],
        ..item(2)
    };
    let second = Item {
        keys: vec![new_key("k", Some(0))],
        ..change("a", Expected::Stored(0), "no")
    };
    let outcomes = lab.commit(vec![first, second.clone()]).await;
    let stored = StoredKey {
        scope: "priya reply".to_owned(),
        key: "k".to_owned(),
        fingerprint: [3; 32],
        answer: r#"{"done":true}"#.to_owned(),
        seq: Some(2),
        at_ms: 1_000,
    };
    let refused = Outcome::Conflict {
        stale: vec![],
        used: vec![stored.clone()],
        dependent: false,
    };
    assert_eq!(outcomes[1], refused);
    assert_eq!(lab.one(second).await, refused);
    assert_eq!(
        lab.log.key(&acme(), "priya reply", "k").await.unwrap(),
        Some(stored)
    );
    assert_eq!(lab.log.key(&acme(), "priya note", "k").await.unwrap(), None);
    assert_eq!(lab.version(&aggregate("a")).await, 0);
    let other = Item {
        keys: vec![NewKey {
            scope: "priya note".to_owned(),
            ..new_key("k", None)
        }],
        ..empty()
    };
    lab.done(other).await;
    assert_eq!(
        lab.log
            .key(&acme(), "priya note", "k")
            .await
            .unwrap()
            .unwrap()
            .seq,
        None
    );
    lab.assert_sound().await;
}

async fn an_item_without_events_changes_no_version(lab: Lab) {
    let quiet = Item {
        states: vec![state("a", "quiet")],
        ..empty()
    };
    assert_eq!(
        lab.done(quiet.clone()).await,
        Committed {
            first_seq: 0,
            hash: [0; 32]
        }
    );
    let first = lab.done(change("a", Expected::Stored(0), "one")).await;
    let again = Item {
        commit: Uuid::new_v4(),
        ..quiet
    };
    let commit = again.commit;
    assert_eq!(
        lab.done(again).await,
        Committed {
            first_seq: 1,
            hash: first.hash
        }
    );
    let stored = lab.log.state(&acme(), &aggregate("a")).await.unwrap();
    assert_eq!((stored.version, stored.body.unwrap()), (1, b"quiet".to_vec()));
    lab.done(change("a", Expected::After(commit), "two")).await;
    assert_eq!(lab.version(&aggregate("a")).await, 2);
}

fn seat(instance: u128, generation: u64, present: bool) -> Item {
    let seat = SeatChange {
        agent: agent("priya"),
        instance: Uuid::from_u128(instance),
        generation,
        present,
    };
    Item {
        seats: vec![seat],
        ..empty()
    }
}

fn guarded() -> Item {
    Item {
        guards: vec![Guard::AbsentFor {
            agent: agent("priya"),
            grace_ms: 100,
        }],
        ..item(1)
    }
}

async fn a_guard_holds_only_after_the_whole_grace(lab: Lab) {
    lab.done(guarded()).await;
    lab.clock.0.store(1_000, Ordering::SeqCst);
    lab.commit(vec![seat(1, 1, true), seat(2, 1, true), seat(1, 2, false)])
        .await;
    lab.clock.0.store(5_000, Ordering::SeqCst);
    assert_eq!(lab.one(guarded()).await, Outcome::Guarded(0));
    lab.commit(vec![seat(2, 2, false)]).await;
    lab.clock.0.store(5_099, Ordering::SeqCst);
    assert_eq!(lab.one(guarded()).await, Outcome::Guarded(0));
    lab.clock.0.store(5_100, Ordering::SeqCst);
    assert_eq!(lab.done(guarded()).await.first_seq, 2);
}

async fn an_older_seat_change_is_ignored(lab: Lab) {
    lab.commit(vec![seat(1, 5, true), seat(1, 4, false)]).await;
    lab.clock.0.store(9_000, Ordering::SeqCst);
    assert_eq!(lab.one(guarded()).await, Outcome::Guarded(0));
}

async fn only_the_last_state_of_a_batch_is_written_down(lab: Lab) {
    let count = Arc::new(AtomicUsize::new(0));
    let mut after = Expected::Stored(0);
    let mut items = Vec::new();
    for _ in 0..10 {
        let mut item = change("a", after, "");
        item.states[0].body = Some(Arc::new(Text("counted", Arc::clone(&count))));
        after = Expected::After(item.commit);
        items.push(item);
    }
    lab.commit(items).await;
    assert_eq!(count.load(Ordering::SeqCst), 1);
    assert_eq!(lab.version(&aggregate("a")).await, 10);
}

async fn workspaces_have_feeds_of_their_own(lab: Lab) {
    let other = WorkspaceId::new("other").unwrap();
    let theirs = Item {
        workspace: other.clone(),
        ..change("a", Expected::Stored(0), "theirs")
    };
    let outcomes = lab.commit(vec![item(2), theirs.clone(), item(1)]).await;
    assert_eq!(
        outcomes
            .iter()
            .map(|it| committed(it).first_seq)
            .collect::<Vec<_>>(),
        [1, 1, 3]
    );
    assert_eq!(lab.version(&aggregate("a")).await, 0);
    assert_eq!(lab.log.workspaces().await.unwrap(), [acme(), other.clone()]);
    // The same commit id means another commit there.
    lab.done(Item {
        workspace: acme(),
        ..theirs
    })
    .await;
    let (mine, theirs) = (
        lab.log.head(&acme()).await.unwrap(),
        lab.log.head(&other).await.unwrap(),
    );
    assert_eq!((mine.seq, theirs.seq), (4, 1));
    assert_ne!(mine.epoch, theirs.epoch);
}
