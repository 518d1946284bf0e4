//! Durations in fixed buckets, as in an HDR histogram: exact to the second below 16 s, to an eighth of an octave above.

use dibs_protocol::stats::Quantiles;
use serde::{Deserialize, Serialize};

/// Below, each second has a bucket.
const EXACT_S: u64 = 16;
/// Buckets of an octave.
const PER_OCTAVE: u64 = 8;
/// The last bucket; what is longer counts as this long.
const LAST: u8 = 255;

/// The bucket of a duration.
pub(super) fn bucket(seconds: u64) -> u8 {
    if seconds < EXACT_S {
        return u8::try_from(seconds).unwrap_or(LAST);
    }
    let octave = u64::from(seconds.ilog2());
    let eighth = (seconds >> (octave - 3)) - PER_OCTAVE;
    u8::try_from(EXACT_S + (octave - 4) * PER_OCTAVE + eighth).unwrap_or(LAST)
}

/// The longest duration of a bucket, in seconds.
pub(super) fn longest(bucket: u8) -> u64 {
    let bucket = u64::from(bucket);
    if bucket < EXACT_S {
        return bucket;
    }
    let (octave, eighth) = (
        (bucket - EXACT_S) / PER_OCTAVE + 4,
        (bucket - EXACT_S) % PER_OCTAVE,
    );
    ((PER_OCTAVE + eighth + 1) << (octave - 3)) - 1
}

/// How many durations were in which bucket. Most scopes have few: only those that are not empty are kept, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Counts {
    buckets: Vec<(u8, u32)>,
}

impl Counts {
    pub(super) fn add(&mut self, bucket: u8, count: u32) {
        match self.buckets.binary_search_by_key(&bucket, |it| it.0) {
            Ok(at) => self.buckets[at].1 += count,
            Err(at) => self.buckets.insert(at, (bucket, count)),
        }
    }

    pub(super) fn add_all(&mut self, other: &Self) {
        for (bucket, count) in &other.buckets {
            self.add(*bucket, *count);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    pub(super) fn subtract(&mut self, other: &Self) {
        for (bucket, count) in &other.buckets {
            if let Ok(at) = self.buckets.binary_search_by_key(bucket, |it| it.0) {
                self.buckets[at].1 -= count;
                if self.buckets[at].1 == 0 {
                    self.buckets.remove(at);
                }
            }
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> u32 {
        self.buckets.iter().map(|it| it.1).sum()
    }

    /// The quantiles; `None` without durations.
    pub(super) fn quantiles(&self) -> Option<Quantiles> {
        let count = self.len();
        (count > 0).then(|| Quantiles {
            count,
            p50_s: self.at_most(count.div_ceil(2)),
            p90_s: self.at_most((count * 9).div_ceil(10)),
        })
    }

    /// So many of them took at most this long.
    fn at_most(&self, rank: u32) -> u64 {
        let mut seen = 0;
        for (bucket, count) in &self.buckets {
            seen += count;
            if seen >= rank {
                return longest(*bucket);
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_its_durations_and_is_at_most_an_eighth_wide() {
        for seconds in (0..5_000).chain((0..24).map(|octave| 1 << octave)) {
            let (it, most) = (bucket(seconds), longest(bucket(seconds)));
            assert!(seconds <= most, "{seconds} s is in a bucket up to {most} s");
            assert!(most - seconds <= seconds / 8, "{seconds} s counts as {most} s");
            assert_eq!(bucket(most), it);
            assert_ne!(bucket(most + 1), it);
        }
        assert_eq!(bucket(u64::MAX >> 1), LAST);
    }

    #[test]
    fn quantiles_are_those_of_the_sorted_list() {
        let mut counts = Counts::default();
        assert_eq!(counts.quantiles(), None);
        for seconds in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] {
            counts.add(bucket(seconds), 1);
        }
        let quantiles = Quantiles {
            count: 10,
            p50_s: 5,
            p90_s: 9,
        };
        assert_eq!(counts.quantiles(), Some(quantiles));
        let gone = counts.clone();
        counts.subtract(&gone);
        assert_eq!(counts, Counts::default());
    }
}
