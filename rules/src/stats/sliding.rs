//! What happened within the last minute, hour or day: a window that slides by slices, so that what is old is forgotten
//! without being looked at one by one.

use super::durations::{Counts, bucket};
use dibs_protocol::time::Time;
use std::collections::VecDeque;

/// How wide a window is: so many slices of so many milliseconds. What is counted is at most one slice short of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Width {
    slice_ms: i64,
    slices: i64,
}

/// A minute of 12 slices.
pub(super) const MINUTE: Width = Width {
    slice_ms: 5_000,
    slices: 12,
};
/// An hour of 12 slices.
pub(super) const HOUR: Width = Width {
    slice_ms: 300_000,
    slices: 12,
};
/// A day of 24 slices.
pub(super) const DAY: Width = Width {
    slice_ms: 3_600_000,
    slices: 24,
};

impl Width {
    pub(super) fn slice(self, at: Time) -> i64 {
        at.0.div_euclid(self.slice_ms)
    }

    /// When a slice begins.
    pub(super) fn begin(self, slice: i64) -> Time {
        Time(slice * self.slice_ms)
    }
}

/// Counts durations, or with a duration of 0 what merely happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sliding {
    width: Width,
    slices: VecDeque<(i64, Counts)>,
    total: Counts,
    count: u32,
}

impl Sliding {
    pub(super) fn new(width: Width) -> Self {
        Self {
            width,
            slices: VecDeque::new(),
            total: Counts::default(),
            count: 0,
        }
    }

    pub(super) fn add(&mut self, at: Time, seconds: u64) {
        // Times of a feed never run backwards; what two instances fold of it is the same.
        let slice = self
            .slices
            .back()
            .map_or(i64::MIN, |it| it.0)
            .max(self.width.slice(at));
        let mut one = Counts::default();
        one.add(bucket(seconds), 1);
        self.put(slice, &one);
    }

    /// Adds what was counted before, at a time that is not before what was added last.
    pub(super) fn restore(&mut self, at: Time, counts: &Counts) {
        let newest = self.slices.back().map_or(i64::MIN, |it| it.0);
        self.put(newest.max(self.width.slice(at)), counts);
    }

    fn put(&mut self, slice: i64, counts: &Counts) {
        match self.slices.back_mut().filter(|it| it.0 == slice) {
            Some((_, there)) => there.add_all(counts),
            None => self.slices.push_back((slice, counts.clone())),
        }
        self.total.add_all(counts);
        self.count += counts.len();
    }

    /// What was counted in a slice that is still within.
    pub(super) fn slice(&self, slice: i64) -> Option<&Counts> {
        let found = self.slices.iter().rev().find(|it| it.0 == slice);
        found.map(|(_, counts)| counts)
    }

    /// Forgets what is too old. Whether there was any.
    pub(super) fn roll(&mut self, now: Time) -> bool {
        let current = self.width.slice(now);
        let before = self.slices.len();
        let old = |it: &(i64, Counts)| it.0 + self.width.slices <= current;
        while self.slices.front().is_some_and(old)
            && let Some((_, counts)) = self.slices.pop_front()
        {
            self.total.subtract(&counts);
            self.count -= counts.len();
        }
        self.slices.len() != before
    }

    /// When the oldest of it is forgotten.
    pub(super) fn rolls_at(&self) -> Option<Time> {
        let (slice, _) = self.slices.front()?;
        Some(Time((slice + self.width.slices) * self.width.slice_ms))
    }

    pub(super) fn count(&self) -> u32 {
        self.count
    }

    pub(super) fn durations(&self) -> &Counts {
        &self.total
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slices.is_empty()
    }
}
