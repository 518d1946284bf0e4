//! Collisions of the last day, per instance and slice of time. Each instance counts its own, and a count only grows, so what
//! is heard twice, late or in another order adds nothing (a grow-only counter). Deliberately absent: clocks, storing, telling.

use dibs_protocol::stats::Collisions;
use dibs_protocol::time::Time;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

/// How long a slice is, in milliseconds.
const SLICE_MS: i64 = 300_000;
/// Slices of an hour, and of a day.
const HOUR: i64 = 12;
const DAY: i64 = 288;

/// What one instance counted, by slice: so many slices of five minutes after the Unix epoch.
pub type Slices = BTreeMap<i64, Collisions>;

/// What all instances counted within a day, as far as is known.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Collided {
    by: BTreeMap<Uuid, Slices>,
}

/// Collisions of the last hour and the last day. The oldest slice counts as long as any of it is within.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recent {
    /// Within an hour.
    pub hour: Collisions,
    /// Within a day.
    pub day: Collisions,
}

impl Collided {
    /// The instance counts something that happens now.
    pub fn count(&mut self, instance: Uuid, now: Time, what: impl FnOnce(&mut Collisions)) {
        let slices = self.by.entry(instance).or_default();
        what(slices.entry(slice(now)).or_default());
    }

    /// Takes over what another one knows. Whether any of it was new.
    pub fn merge(&mut self, other: &Self) -> bool {
        let mut news = false;
        for (instance, slices) in &other.by {
            news |= self.hear(*instance, slices);
        }
        news
    }

    /// Takes over what an instance says about itself. Whether any of it was new.
    pub fn hear(&mut self, instance: Uuid, said: &Slices) -> bool {
        let mut news = false;
        for (slice, count) in said {
            let known = self.by.entry(instance).or_default().entry(*slice).or_default();
            let most = each(known, count, u64::max);
            news |= most != *known;
            *known = most;
        }
        news
    }

    /// What an instance counted since `since`, the slice of that time included.
    #[must_use]
    pub fn of(&self, instance: Uuid, since: Time) -> Slices {
        let slices = self.by.get(&instance).into_iter();
        let recent = slices.flat_map(|it| it.range(slice(since)..));
        recent.map(|(slice, count)| (*slice, *count)).collect()
    }

    /// Forgets what is older than a day. Whether there was any.
    pub fn forget(&mut self, now: Time) -> bool {
        let first = slice(now) - DAY + 1;
        let mut forgot = false;
        self.by.retain(|_, slices| {
            let recent = slices.split_off(&first);
            forgot |= !slices.is_empty();
            *slices = recent;
            !slices.is_empty()
        });
        forgot
    }

    /// The sums over all instances.
    #[must_use]
    pub fn recent(&self, now: Time) -> Recent {
        let within = |slices: i64| {
            let first = slice(now) - slices + 1;
            let counts = self.by.values().flat_map(|it| it.range(first..));
            counts.fold(Collisions::default(), |sum, (_, count)| {
                each(&sum, count, u64::saturating_add)
            })
        };
        Recent {
            hour: within(HOUR),
            day: within(DAY),
        }
    }
}

fn slice(at: Time) -> i64 {
    at.0.div_euclid(SLICE_MS)
}

fn each(a: &Collisions, b: &Collisions, with: fn(u64, u64) -> u64) -> Collisions {
    Collisions {
        claims_contested: with(a.claims_contested, b.claims_contested),
        replies_stale: with(a.replies_stale, b.replies_stale),
        replies_fenced: with(a.replies_fenced, b.replies_fenced),
        repeats_absorbed: with(a.repeats_absorbed, b.repeats_absorbed),
    }
}
