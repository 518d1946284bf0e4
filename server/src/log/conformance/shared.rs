//! Promises of a log that several instances share: leases under which seats count, and turns for who is always outrun.

use super::*;
use crate::log::{DueTimer, Guard, SeatChange};

shared_promises! {
    a_seat_counts_while_its_instance_renews_the_lease,
    seats_under_a_lapsed_lease_are_given_up_and_their_agents_timers_set,
    who_renews_too_late_learns_that_its_seats_are_gone,
    who_renews_late_itself_gives_nobody_up_before_they_could_come_back,
    a_seat_without_a_lease_does_not_count,
    an_instance_that_begins_leaves_others_seats_alone,
    events_of_others_wait_for_a_turn_until_it_has_been_used,
    a_turn_that_is_not_used_ends_by_itself,
    a_turn_is_not_taken_from_who_has_it,
    what_appends_nothing_waits_for_no_turn,
}

const ONE: Uuid = Uuid::from_u128(1);
const TWO: Uuid = Uuid::from_u128(2);
const LEASE_MS: i64 = 100;
const GRACE_MS: i64 = 30;

fn seat(instance: Uuid, generation: u64, present: bool) -> Item {
    let agent = agent("priya");
    let seats = vec![SeatChange {
        agent,
        instance,
        generation,
        present,
    }];
    Item { seats, ..empty() }
}

impl Lab {
    fn at(&self, ms: i64) {
        self.clock.0.store(ms, Ordering::SeqCst);
    }

    async fn renew(&self, instance: Uuid) -> bool {
        let renewed = self.log.renew(instance, LEASE_MS, GRACE_MS).await;
        renewed.unwrap().lapsed
    }

    /// Whether the agent has been away for the whole grace.
    async fn is_absent(&self) -> bool {
        let agent = agent("priya");
        let guards = vec![Guard::AbsentFor {
            agent,
            grace_ms: GRACE_MS,
        }];
        matches!(self.one(Item { guards, ..empty() }).await, Outcome::Committed(_))
    }
}

async fn a_seat_counts_while_its_instance_renews_the_lease(lab: Lab) {
    assert!(lab.renew(ONE).await, "it had none");
    lab.done(seat(ONE, 1, true)).await;
    for ms in [90, 180, 270] {
        lab.at(ms);
        assert!(!lab.renew(ONE).await);
        assert!(!lab.is_absent().await);
    }
    // The lease ends at 370, the grace at 400.
    for (ms, absent) in [(369, false), (399, false), (400, true)] {
        lab.at(ms);
        assert_eq!(lab.is_absent().await, absent, "at {ms}");
    }
}

async fn seats_under_a_lapsed_lease_are_given_up_and_their_agents_timers_set(lab: Lab) {
    lab.renew(ONE).await;
    lab.renew(TWO).await;
    lab.done(seat(ONE, 1, true)).await;
    lab.at(90);
    lab.renew(TWO).await;
    lab.at(150);
    lab.renew(TWO).await;
    let due = lab.log.take_due(150, 1_000, 9).await.unwrap();
    let timer = DueTimer {
        workspace: acme(),
        aggregate: agent_aggregate("priya"),
        due_ms: LEASE_MS + GRACE_MS,
    };
    assert_eq!(due.timers, [timer]);
    assert!(lab.is_absent().await);
}

async fn who_renews_too_late_learns_that_its_seats_are_gone(lab: Lab) {
    lab.renew(ONE).await;
    lab.done(seat(ONE, 1, true)).await;
    lab.at(150);
    assert!(!lab.renew(ONE).await, "late, but nobody had given its seats up");
    assert!(!lab.is_absent().await);
    lab.at(300);
    lab.renew(TWO).await;
    assert!(lab.renew(ONE).await);
    assert!(
        lab.is_absent().await,
        "its seats are gone until it writes them again"
    );
    lab.done(seat(ONE, 2, true)).await;
    assert!(!lab.is_absent().await);
}

async fn who_renews_late_itself_gives_nobody_up_before_they_could_come_back(lab: Lab) {
    lab.renew(ONE).await;
    lab.renew(TWO).await;
    lab.done(seat(TWO, 1, true)).await;
    // Nobody reached the log for longer than lease and grace together.
    lab.at(200);
    assert!(!lab.renew(ONE).await);
    assert!(!lab.is_absent().await, "its instance may come back, too");
    lab.at(299);
    assert!(!lab.renew(TWO).await, "it came back in time");
    lab.renew(ONE).await;
    assert!(!lab.is_absent().await);
    lab.at(390);
    lab.renew(ONE).await;
    lab.at(399 + GRACE_MS);
    lab.renew(ONE).await;
    assert!(lab.is_absent().await, "that one does not come again");
}

async fn a_seat_without_a_lease_does_not_count(lab: Lab) {
    lab.done(seat(ONE, 1, true)).await;
    assert!(!lab.is_absent().await, "it came just now");
    lab.at(GRACE_MS);
    assert!(lab.is_absent().await);
    lab.renew(TWO).await;
    let due = lab.log.take_due(GRACE_MS, 1_000, 9).await.unwrap();
    assert_eq!(due.timers.len(), 1, "somebody looks at the agent's claims");
}

async fn an_instance_that_begins_leaves_others_seats_alone(lab: Lab) {
    lab.renew(ONE).await;
    lab.done(seat(ONE, 1, true)).await;
    lab.at(GRACE_MS);
    lab.log.begin(TWO, GRACE_MS, GRACE_MS).await.unwrap();
    assert!(!lab.is_absent().await);
}

fn appends(instance: Uuid) -> Item {
    Item { instance, ..item(1) }
}

fn asks(instance: Uuid) -> Item {
    let turn_ms = Some(50);
    Item {
        instance,
        turn_ms,
        ..empty()
    }
}

async fn events_of_others_wait_for_a_turn_until_it_has_been_used(lab: Lab) {
    lab.done(asks(ONE)).await;
    lab.at(10);
    assert_eq!(lab.one(appends(TWO)).await, Outcome::NotNow(40));
    lab.done(appends(ONE)).await;
    lab.done(appends(TWO)).await;
    lab.assert_sound().await;
}

async fn a_turn_that_is_not_used_ends_by_itself(lab: Lab) {
    lab.done(asks(ONE)).await;
    lab.at(49);
    assert_eq!(lab.one(appends(TWO)).await, Outcome::NotNow(1));
    lab.at(50);
    lab.done(appends(TWO)).await;
}

async fn a_turn_is_not_taken_from_who_has_it(lab: Lab) {
    lab.done(asks(ONE)).await;
    lab.done(asks(TWO)).await;
    assert_eq!(lab.one(appends(TWO)).await, Outcome::NotNow(50));
    lab.done(appends(ONE)).await;
}

async fn what_appends_nothing_waits_for_no_turn(lab: Lab) {
    lab.done(asks(ONE)).await;
    lab.done(seat(TWO, 1, true)).await;
    let both = lab.commit(vec![appends(ONE), appends(TWO)]).await;
    assert!(matches!(both[0], Outcome::Committed(_)));
    assert!(
        matches!(both[1], Outcome::NotNow(_)),
        "the turn lasts to the end of the transaction"
    );
}
