//! Opening hours, and reckoning with them: when so much open time has passed, and how much has between two moments.
//!
//! Zones come from the database that is built in, so that every instance reckons alike; clocks are not read here. A local
//! time that a change of the clocks skips means the moment as much later, one that it repeats means the first (RFC 5545).

use dibs_protocol::settings::{Fault, Hours, Weekday};
use dibs_protocol::time::Time;
use jiff::Timestamp;
use jiff::civil::{self, Date};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use std::collections::BTreeSet;
use std::sync::OnceLock;

/// Reckoning gives up after so many days without an end: a hundred years.
const FARTHEST_DAYS: usize = 36_600;
/// The end of a day, as opening hours write it.
const END_OF_DAY: &str = "24:00";

/// Opening hours, ready to reckon with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    zone: TimeZone,
    /// By day of the week from Monday: when it opens and closes, in order; closing at `None` is the end of the day.
    week: [Vec<(civil::Time, Option<civil::Time>)>; 7],
    holidays: BTreeSet<Date>,
}

fn database() -> &'static TimeZoneDatabase {
    static DATABASE: OnceLock<TimeZoneDatabase> = OnceLock::new();
    DATABASE.get_or_init(TimeZoneDatabase::bundled)
}

impl Calendar {
    /// Reads opening hours.
    ///
    /// # Errors
    /// All that makes no sense: a zone or a date that does not exist, no hours at all, an interval that ends before it
    /// begins or overlaps another.
    pub fn new(hours: &Hours) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut fault = |field: String, message: String| faults.push(Fault { field, message });
        let zone = database().get(&hours.zone).ok();
        if zone.is_none() {
            let message = format!("there is no time zone {:?}; one is Europe/Berlin", hours.zone);
            fault("zone".to_owned(), message);
        }
        let week = week(hours, &mut fault);
        let mut holidays = BTreeSet::new();
        for (i, text) in hours.holidays.iter().enumerate() {
            let field = || format!("holidays[{i}]");
            match text.parse::<Date>().ok().filter(|it| it.to_string() == *text) {
                None => fault(field(), format!("{text:?} is not a date; one is 2026-12-25")),
                Some(date) if !holidays.insert(date) => fault(field(), format!("{text} stands twice")),
                Some(_) => {}
            }
        }
        match zone {
            Some(zone) if faults.is_empty() => Ok(Self { zone, week, holidays }),
            _ => Err(faults),
        }
    }

    /// The first moment at which `open_ms` of open time have passed since `start`; `start` itself when that is none.
    #[must_use]
    pub fn after(&self, start: Time, open_ms: i64) -> Time {
        let mut left = open_ms;
        let mut reached = start;
        if left <= 0 {
            return start;
        }
        for (opens, closes) in self.intervals(start) {
            let length = closes.0 - opens.0;
            reached = closes;
            if left <= length {
                return opens.plus_ms(left);
            }
            left -= length;
        }
        reached.plus_ms(left)
    }

    /// How much open time lies between two moments, in milliseconds; 0 when `end` is not after `start`.
    #[must_use]
    pub fn between(&self, start: Time, end: Time) -> i64 {
        let intervals = self.intervals(start).take_while(|(opens, _)| *opens < end);
        intervals.map(|(opens, closes)| closes.min(end).0 - opens.0).sum()
    }

    /// When it is open from `start` on: opening and closing moments, none overlapping, none empty.
    fn intervals(&self, start: Time) -> impl Iterator<Item = (Time, Time)> + '_ {
        let first =
            Timestamp::from_millisecond(start.0).map_or(Date::MAX, |it| self.zone.to_datetime(it).date());
        let days = std::iter::successors(Some(first), |day| day.tomorrow().ok()).take(FARTHEST_DAYS);
        let mut free_from = start;
        days.filter(|day| !self.holidays.contains(day))
            .flat_map(move |day| {
                let weekday = usize::from(day.weekday().to_monday_zero_offset().unsigned_abs());
                self.week[weekday].iter().map(move |it| (day, *it))
            })
            .filter_map(move |(day, (from, to))| {
                let opens = self.moment(day.to_datetime(from))?.max(free_from);
                let closes = match to {
                    Some(to) => day.to_datetime(to),
                    None => day.tomorrow().ok()?.to_datetime(civil::Time::midnight()),
                };
                let closes = self.moment(closes)?;
                free_from = free_from.max(closes);
                (opens < closes).then_some((opens, closes))
            })
    }

    /// The moment of a local time.
    fn moment(&self, local: civil::DateTime) -> Option<Time> {
        let moment = self.zone.to_ambiguous_timestamp(local).compatible().ok()?;
        Some(Time(moment.as_millisecond()))
    }
}

type Intervals = [Vec<(civil::Time, Option<civil::Time>)>; 7];

fn week(hours: &Hours, fault: &mut impl FnMut(String, String)) -> Intervals {
    let mut week = Intervals::default();
    if hours.weekly.is_empty() {
        fault("weekly".to_owned(), "it is never open".to_owned());
    }
    for (i, it) in hours.weekly.iter().enumerate() {
        if it.days.is_empty() {
            fault(format!("weekly[{i}].days"), "names no day".to_owned());
        }
        let from = clock(&it.from);
        if from.is_none() {
            fault(format!("weekly[{i}].from"), not_a_time(&it.from));
        }
        let to = if it.to == END_OF_DAY {
            Some(None)
        } else {
            clock(&it.to).map(Some)
        };
        if to.is_none() {
            fault(format!("weekly[{i}].to"), not_a_time(&it.to));
        }
        let (Some(from), Some(to)) = (from, to) else {
            continue;
        };
        if to.is_some_and(|to| to <= from) {
            let message = "must be after from; what goes on past midnight is two intervals";
            fault(format!("weekly[{i}].to"), message.to_owned());
            continue;
        }
        for day in &it.days {
            let open = &mut week[weekday(*day)];
            let apart = |(f, t): &(civil::Time, Option<civil::Time>)| {
                t.is_some_and(|t| t <= from) || to.is_some_and(|to| to <= *f)
            };
            if !open.iter().all(apart) {
                let message = "overlaps another interval of the same day";
                fault(format!("weekly[{i}]"), message.to_owned());
                break;
            }
            open.push((from, to));
        }
    }
    week.iter_mut().for_each(|day| day.sort_unstable());
    week
}

fn not_a_time(text: &str) -> String {
    format!("{text:?} is not a time of the day; one is 09:30")
}

/// Reads `HH:MM`.
fn clock(text: &str) -> Option<civil::Time> {
    let (hour, minute) = text.split_once(':')?;
    let digits = |it: &str| it.len() == 2 && it.bytes().all(|b| b.is_ascii_digit());
    if !digits(hour) || !digits(minute) {
        return None;
    }
    civil::Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

fn weekday(day: Weekday) -> usize {
    match day {
        Weekday::Mon => 0,
        Weekday::Tue => 1,
        Weekday::Wed => 2,
        Weekday::Thu => 3,
        Weekday::Fri => 4,
        Weekday::Sat => 5,
        Weekday::Sun => 6,
    }
}
