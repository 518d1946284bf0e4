//! Opening hours: tables in zones whose clocks change, by an hour, by half an hour and never; and properties.

use dibs_protocol::settings::Hours;
use dibs_protocol::time::Time;
use dibs_rules::sla::Calendar;
use proptest::prelude::*;
use rstest::rstest;
use serde_json::json;

const HOUR_MS: i64 = 3_600_000;
const WEEK: &str = "mon tue wed thu fri";
const ALL: &str = "mon tue wed thu fri sat sun";

fn calendar(zone: &str, days: &str, from: &str, to: &str) -> Calendar {
    let days: Vec<&str> = days.split(' ').collect();
    let hours: Hours = serde_json::from_value(json!({
        "zone": zone, "weekly": [{ "days": days, "from": from, "to": to }], "holidays": ["2026-12-25"],
    }))
    .unwrap();
    Calendar::new(&hours).unwrap()
}

fn time(text: &str) -> Time {
    text.parse().unwrap()
}

#[rstest]
#[case::within(
    "Europe/Berlin",
    WEEK,
    "09:00",
    "17:00",
    "2026-11-20T08:00:00Z",
    60,
    "2026-11-20T09:00:00Z"
)]
#[case::nothing_is_now(
    "Europe/Berlin",
    WEEK,
    "09:00",
    "17:00",
    "2026-11-21T08:00:00Z",
    0,
    "2026-11-21T08:00:00Z"
)]
#[case::before_opening(
    "Europe/Berlin",
    WEEK,
    "09:00",
    "17:00",
    "2026-11-20T03:00:00Z",
    60,
    "2026-11-20T09:00:00Z"
)]
#[case::at_closing(
    "Europe/Berlin",
    WEEK,
    "09:00",
    "17:00",
    "2026-11-20T15:00:00Z",
    60,
    "2026-11-20T16:00:00Z"
)]
#[case::over_the_weekend(
    "Europe/Berlin",
    WEEK,
    "09:00",
    "17:00",
    "2026-11-20T15:00:00Z",
    61,
    "2026-11-23T08:01:00Z"
)]
#[case::over_a_holiday(
    "Europe/Berlin",
    WEEK,
    "09:00",
    "17:00",
    "2026-12-24T15:30:00Z",
    60,
    "2026-12-28T08:30:00Z"
)]
#[case::clocks_go_forward_over_the_weekend(
    "Europe/Berlin",
    WEEK,
    "09:00",
    "17:00",
    "2026-03-27T15:00:00Z",
    120,
    "2026-03-30T08:00:00Z"
)]
#[case::a_day_of_23_hours("Europe/Berlin", ALL, "00:00", "24:00", "2026-03-28T23:00:00Z", 23 * 60, "2026-03-29T22:00:00Z")]
#[case::a_day_of_25_hours("Europe/Berlin", ALL, "00:00", "24:00", "2026-10-24T22:00:00Z", 25 * 60, "2026-10-25T23:00:00Z")]
#[case::an_interval_that_is_skipped(
    "Europe/Berlin",
    "sun",
    "02:15",
    "02:45",
    "2026-03-28T23:00:00Z",
    30,
    "2026-03-29T01:45:00Z"
)]
#[case::new_york_forward("America/New_York", "sun", "00:00", "06:00", "2026-03-08T05:00:00Z", 5 * 60, "2026-03-08T10:00:00Z")]
#[case::new_york_back("America/New_York", "sun", "00:00", "06:00", "2026-11-01T04:00:00Z", 7 * 60, "2026-11-01T11:00:00Z")]
#[case::half_an_hour_back(
    "Australia/Lord_Howe",
    "sun",
    "00:00",
    "04:00",
    "2026-04-04T13:00:00Z",
    270,
    "2026-04-04T17:30:00Z"
)]
#[case::half_an_hour_forward(
    "Australia/Lord_Howe",
    "sun",
    "00:00",
    "04:00",
    "2026-10-03T13:30:00Z",
    210,
    "2026-10-03T17:00:00Z"
)]
#[case::quarters_of_an_hour(
    "Asia/Kathmandu",
    "sun mon tue wed thu fri",
    "10:00",
    "17:00",
    "2026-11-20T10:45:00Z",
    60,
    "2026-11-22T04:45:00Z"
)]
fn so_much_open_time_later(
    #[case] zone: &str,
    #[case] days: &str,
    #[case] from: &str,
    #[case] to: &str,
    #[case] start: &str,
    #[case] minutes: i64,
    #[case] due: &str,
) {
    let calendar = calendar(zone, days, from, to);
    let (start, due) = (time(start), time(due));
    assert_eq!(calendar.after(start, minutes * 60_000), due);
    assert_eq!(calendar.between(start, due), minutes * 60_000);
}

#[test]
fn several_intervals_a_day_are_kept_apart() {
    let hours: Hours = serde_json::from_value(json!({ "zone": "UTC", "weekly": [
        { "days": ["mon"], "from": "13:00", "to": "17:00" }, { "days": ["mon"], "from": "08:00", "to": "12:00" },
        { "days": ["mon"], "from": "17:00", "to": "18:00" }] }))
    .unwrap();
    let calendar = Calendar::new(&hours).unwrap();
    let start = time("2026-11-23T11:00:00Z");
    assert_eq!(calendar.after(start, 2 * HOUR_MS), time("2026-11-23T14:00:00Z"));
    assert_eq!(calendar.between(start, time("2026-11-23T19:00:00Z")), 6 * HOUR_MS);
    assert_eq!(calendar.between(time("2026-11-23T19:00:00Z"), start), 0);
}

proptest! {
    #[test]
    fn reckoning_forth_and_back_is_the_same(
        zone in prop::sample::select(vec!["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
        start_min in 0i64..2 * 366 * 1_440,
        a_min in 1i64..20_000,
        b_min in 1i64..20_000,
        night in any::<bool>(),
    ) {
        let (from, to) = if night { ("00:30", "03:10") } else { ("09:00", "17:30") };
        let calendar = calendar(zone, ALL, from, to);
        let start = time("2026-01-01T00:00:00Z").plus_ms(start_min * 60_000);
        let (a, b) = (a_min * 60_000, b_min * 60_000);
        let middle = calendar.after(start, a);
        prop_assert!(middle > start);
        prop_assert_eq!(calendar.between(start, middle), a);
        // In two steps as in one.
        prop_assert_eq!(calendar.after(middle, b), calendar.after(start, a + b));
        prop_assert_eq!(calendar.between(start, calendar.after(middle, b)), a + b);
    }
}
