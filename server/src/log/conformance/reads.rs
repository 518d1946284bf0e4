//! Promises about what is read back, and about what is erased.

use super::*;
use crate::log::{Head, NewMention, StoredMention, StoredState};

promises! {
    ranges_keep_the_end_that_was_asked_for,
    a_kind_is_read_alone,
    active_states_come_whole_and_inactive_ones_by_page,
    states_are_found_by_their_owner,
    an_erased_event_is_served_without_its_body,
    nothing_is_read_of_a_workspace_that_is_not,
    a_head_begins_when_first_asked_for,
}

fn seqs(events: &[crate::log::StoredEvent]) -> Vec<u64> {
    events.iter().map(|it| it.seq).collect()
}

async fn ranges_keep_the_end_that_was_asked_for(lab: Lab) {
    let mut items = Vec::new();
    for number in 0..10 {
        let mut one = item(1);
        one.events[0].conversation = [None, Some(place(1)), Some(place(2))][number % 3];
        items.push(one);
    }
    lab.commit(items).await;
    let (log, acme) = (&lab.log, acme());
    let range = |after, up_to, limit, newest| Range {
        after,
        up_to,
        limit,
        newest,
    };
    assert_eq!(
        seqs(&log.read(&acme, None, range(3, 8, 100, false)).await.unwrap()),
        [4, 5, 6, 7, 8]
    );
    assert_eq!(
        seqs(&log.read(&acme, None, range(3, 8, 2, false)).await.unwrap()),
        [4, 5]
    );
    assert_eq!(
        seqs(&log.read(&acme, None, range(3, 8, 2, true)).await.unwrap()),
        [7, 8]
    );
    assert_eq!(
        seqs(&log.read(&acme, Some(place(1)), everything()).await.unwrap()),
        [2, 5, 8]
    );
    assert_eq!(
        seqs(
            &log.read(&acme, Some(place(1)), range(2, 99, 1, true))
                .await
                .unwrap()
        ),
        [8]
    );
    assert_eq!(
        seqs(
            &log.read(&acme, Some(place(1)), range(2, 99, 1, false))
                .await
                .unwrap()
        ),
        [5]
    );
    assert_eq!(
        seqs(&log.read(&acme, Some(place(9)), everything()).await.unwrap()),
        [0; 0]
    );
    assert_eq!(
        seqs(&log.read(&acme, None, range(8, 3, 9, false)).await.unwrap()),
        [0; 0]
    );
    assert_eq!(
        seqs(
            &log.read(&acme, None, range(u64::MAX, u64::MAX, 9, true))
                .await
                .unwrap()
        ),
        [0; 0]
    );
}

async fn a_kind_is_read_alone(lab: Lab) {
    for kind in [
        "message_sent",
        "noted",
        "redacted",
        "message_sent",
        "message_sent",
    ] {
        lab.done(Item {
            events: vec![event(kind)],
            ..empty()
        })
        .await;
    }
    for (kind, after, limit, expected) in [
        ("message_sent", 0, 9, vec![1, 4, 5]),
        ("message_sent", 1, 1, vec![4]),
        ("redacted", 0, 9, vec![3]),
        ("noted", 0, 9, vec![2]),
        ("noted", 2, 9, vec![]),
    ] {
        let events = lab.log.read_kind(&acme(), kind, after, limit).await.unwrap();
        assert_eq!(seqs(&events), expected, "{kind}");
    }
}

async fn active_states_come_whole_and_inactive_ones_by_page(lab: Lab) {
    let mut states = Vec::new();
    for (number, id) in ["a", "b", "c", "d", "e", "f"].into_iter().enumerate() {
        states.push(NewState {
            active: number % 2 == 0,
            ..state(id, "x")
        });
    }
    states.push(NewState {
        aggregate: agent_aggregate("a"),
        ..state("a", "x")
    });
    lab.done(Item { states, ..item(1) }).await;
    let ids = |states: Vec<StoredState>| states.into_iter().map(|it| it.aggregate.id).collect::<Vec<_>>();
    let kind = AggregateKind::Conversation;
    let (log, acme) = (&lab.log, acme());
    assert_eq!(
        ids(log.states(&acme, kind, true, None, 1).await.unwrap()),
        ["a", "c", "e"]
    );
    assert_eq!(
        ids(log.states(&acme, kind, false, None, 2).await.unwrap()),
        ["b", "d"]
    );
    assert_eq!(
        ids(log
            .states(&acme, kind, false, Some("d".to_owned()), 2)
            .await
            .unwrap()),
        ["f"]
    );
    // A state that becomes inactive changes sides.
    lab.done(Item {
        states: vec![NewState {
            active: false,
            ..state("a", "x")
        }],
        ..item(1)
    })
    .await;
    assert_eq!(
        ids(log.states(&acme, kind, true, None, 1).await.unwrap()),
        ["c", "e"]
    );
    assert_eq!(
        ids(log.states(&acme, kind, false, None, 9).await.unwrap()),
        ["a", "b", "d", "f"]
    );
    assert_eq!(
        ids(log
            .states(&acme, AggregateKind::Agent, true, None, 9)
            .await
            .unwrap()),
        ["a"]
    );
}

async fn states_are_found_by_their_owner(lab: Lab) {
    let owned = |id, owner: &str, active| NewState {
        owner: Some(owner.to_owned()),
        active,
        ..state(id, "x")
    };
    let states = vec![
        owned("b", "carl", false),
        owned("a", "carl", true),
        owned("c", "dora", true),
        state("d", "x"),
    ];
    lab.done(Item { states, ..item(1) }).await;
    let found = lab
        .log
        .owned(&acme(), AggregateKind::Conversation, "carl")
        .await
        .unwrap();
    let expected = ["a", "b"].map(|id| StoredState {
        aggregate: aggregate(id),
        version: 1,
        body: Some(b"x".to_vec()),
    });
    assert_eq!(found, expected);
    assert_eq!(
        lab.log
            .owned(&acme(), AggregateKind::Agent, "carl")
            .await
            .unwrap(),
        []
    );
}

async fn an_erased_event_is_served_without_its_body(lab: Lab) {
    let body = r#"{"by":"priya","excerpt":"secret"}"#.to_owned();
    let mention = NewMention {
        agent: agent("sam"),
        event: 1,
        body,
    };
    lab.done(Item {
        mentions: vec![mention],
        ..item(3)
    })
    .await;
    let before = lab.log.head(&acme()).await.unwrap();
    let mut redacted = event("redacted");
    redacted.body = None;
    redacted.skeleton =
        r#"{"actor":{"kind":"system"},"event":{"kind":"redacted","entries":[2,3,77],"reason":"asked"}}"#
            .to_owned();
    lab.done(Item {
        events: vec![redacted],
        erase: vec![2, 3, 77],
        ..empty()
    })
    .await;
    let events = lab.log.read(&acme(), None, everything()).await.unwrap();
    assert_eq!(
        events.iter().map(|it| it.redacted).collect::<Vec<_>>(),
        [false, true, true, false]
    );
    assert_eq!(events[1].event, event("noted").skeleton);
    assert!(events[0].event.contains("secret"));
    let mentions = lab
        .log
        .mentions(&acme(), &agent("sam"), u64::MAX, 9)
        .await
        .unwrap();
    let body = r#"{"by":"priya","excerpt":""}"#.to_owned();
    assert_eq!(
        mentions,
        [StoredMention {
            agent: agent("sam"),
            seq: 2,
            conversation: place(1),
            body
        }]
    );
    // The chain is as it was.
    assert_eq!(lab.log.hash_at(&acme(), 3).await.unwrap(), Some(before.hash));
    let verified = lab.log.verify(&acme()).await.unwrap();
    assert_eq!(
        (verified.events, verified.redacted, verified.faults.len()),
        (4, 2, 0)
    );
    // What no redaction names is a fault.
    lab.done(Item {
        erase: vec![1],
        ..empty()
    })
    .await;
    assert_eq!(lab.log.verify(&acme()).await.unwrap().faults.len(), 1);
}

async fn nothing_is_read_of_a_workspace_that_is_not(lab: Lab) {
    let (log, acme) = (&lab.log, acme());
    assert_eq!(log.read(&acme, None, everything()).await.unwrap(), []);
    assert_eq!(log.state(&acme, &aggregate("a")).await.unwrap().version, 0);
    assert_eq!(log.key(&acme, "s", "k").await.unwrap(), None);
    assert_eq!(log.marks(&acme).await.unwrap(), []);
    assert_eq!(log.unread_mentions(&acme).await.unwrap(), []);
    assert_eq!(log.hash_at(&acme, 1).await.unwrap(), None);
    assert_eq!(log.workspaces().await.unwrap(), []);
}

async fn a_head_begins_when_first_asked_for(lab: Lab) {
    assert_eq!(lab.log.workspaces().await.unwrap(), []);
    let head = lab.log.head(&acme()).await.unwrap();
    assert_eq!(
        head,
        Head {
            epoch: head.epoch,
            seq: 0,
            hash: [0; 32],
            at_ms: 0
        }
    );
    assert_eq!(lab.log.head(&acme()).await.unwrap(), head);
    assert_eq!(lab.log.workspaces().await.unwrap(), [acme()]);
    lab.done(item(1)).await;
    assert_eq!(lab.log.head(&acme()).await.unwrap().epoch, head.epoch);
}
