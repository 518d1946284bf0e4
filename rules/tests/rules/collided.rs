//! Collisions over instances: whoever hears of them in whatever order, and however often, ends with the same sums.

use dibs_protocol::stats::Collisions;
use dibs_protocol::time::Time;
use dibs_rules::stats::Collided;
use proptest::prelude::*;
use uuid::Uuid;

const HOUR_MS: i64 = 3_600_000;

fn instance(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

/// One contested claim at each of these minutes.
fn contested(of: Uuid, minutes: &[i64]) -> Collided {
    let mut it = Collided::default();
    for minute in minutes {
        it.count(of, Time(minute * 60_000), |it| it.claims_contested += 1);
    }
    it
}

fn claims(it: &Collided, now: Time) -> (u64, u64) {
    let recent = it.recent(now);
    (recent.hour.claims_contested, recent.day.claims_contested)
}

#[test]
fn the_sums_are_those_of_the_last_hour_and_day_over_all_instances() {
    let mut all = contested(instance(1), &[0, 30, 90]);
    assert!(all.merge(&contested(instance(2), &[89, 90])));
    let at = |minute: i64| Time(minute * 60_000);
    assert_eq!(claims(&all, at(90)), (3, 5));
    assert_eq!(claims(&all, at(90).plus_ms(HOUR_MS)), (0, 5));
    assert_eq!(claims(&all, at(89).plus_ms(24 * HOUR_MS)), (0, 2));
    assert!(all.forget(at(89).plus_ms(24 * HOUR_MS)));
    assert!(
        !all.forget(at(89).plus_ms(24 * HOUR_MS)),
        "there is nothing more to forget"
    );
    assert_eq!(claims(&all, at(90)), (2, 2), "only what was old is forgotten");
    assert!(all.forget(at(90).plus_ms(25 * HOUR_MS)));
    assert_eq!(all, Collided::default());
}

#[test]
fn each_kind_is_counted_by_itself() {
    let mut it = Collided::default();
    it.count(instance(1), Time(0), |it| it.replies_stale += 1);
    it.count(instance(1), Time(1), |it| it.replies_fenced += 2);
    it.count(instance(2), Time(2), |it| it.repeats_absorbed += 3);
    let expected = Collisions {
        claims_contested: 0,
        replies_stale: 1,
        replies_fenced: 2,
        repeats_absorbed: 3,
    };
    assert_eq!(
        (it.recent(Time(3)).hour, it.recent(Time(3)).day),
        (expected, expected)
    );
}

#[test]
fn what_is_said_of_late_is_what_is_new_to_those_who_heard_the_rest() {
    let one = contested(instance(1), &[0, 10, 20]);
    let mut heard = contested(instance(1), &[0]);
    let lately = one.of(instance(1), Time(10 * 60_000));
    assert_eq!(lately.len(), 2);
    assert!(heard.hear(instance(1), &lately));
    assert!(!heard.hear(instance(1), &lately));
    assert_eq!(heard, one);
}

proptest! {
    #[test]
    fn hearing_late_twice_and_in_another_order_adds_nothing(
        minutes in proptest::collection::vec((1_u128..4, 0_i64..200), 0..40),
        heard in proptest::collection::vec((1_u128..4, 0_usize..40), 0..20),
    ) {
        // What each instance said after each of its collisions, all of it each time.
        let mut said: Vec<(Uuid, Collided)> = Vec::new();
        let mut truth = Collided::default();
        for (n, minute) in &minutes {
            let at = Time(minute * 60_000);
            truth.count(instance(*n), at, |it| it.claims_contested += 1);
            let mut own = Collided::default();
            own.hear(instance(*n), &truth.of(instance(*n), Time(i64::MIN)));
            said.push((instance(*n), own));
        }
        let mut listener = Collided::default();
        for (_, nth) in &heard {
            if let Some((_, own)) = said.get(*nth) {
                listener.merge(own);
            }
        }
        for (_, own) in said.iter().rev() {
            listener.merge(own);
        }
        prop_assert_eq!(&listener, &truth);
        let text = serde_json::to_string(&truth).unwrap();
        prop_assert_eq!(serde_json::from_str::<Collided>(&text).unwrap(), truth);
    }
}
