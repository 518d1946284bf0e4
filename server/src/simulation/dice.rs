//! Everything that is random in a schedule, drawn from its seed. Deliberately absent: what is done with it.

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use std::time::Duration;

/// A stream of random numbers. Streams of one seed differ by `name`, so that what one part of the world draws does not
/// shift what another one gets.
pub(super) struct Dice(Mutex<StdRng>);

impl Dice {
    pub(super) fn new(seed: u64, name: u64) -> Self {
        let mixed = seed
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            .rotate_left(17)
            .wrapping_add(name.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        Self(Mutex::new(StdRng::seed_from_u64(mixed)))
    }

    /// True so many times in a thousand. Asks for no number when it never is.
    pub(super) fn chance(&self, per_mille: u32) -> bool {
        per_mille > 0 && self.0.lock().random_range(0..1_000) < per_mille
    }

    /// A number below `bound`, which is not 0.
    pub(super) fn below(&self, bound: usize) -> usize {
        self.0.lock().random_range(0..bound)
    }

    /// A number between both, which it may be.
    pub(super) fn between(&self, least: u64, most: u64) -> u64 {
        self.0.lock().random_range(least..=most)
    }

    /// A time between both, in milliseconds. Short ones are likelier.
    pub(super) fn ms(&self, least: u64, most: u64) -> Duration {
        let mut dice = self.0.lock();
        let (one, two) = (dice.random_range(least..=most), dice.random_range(least..=most));
        Duration::from_millis(one.min(two))
    }

    /// One of these, if there are any.
    pub(super) fn one<'a, T>(&self, of: &'a [T]) -> Option<&'a T> {
        of.choose(&mut *self.0.lock())
    }

    pub(super) fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.lock().fill(&mut bytes[..]);
        bytes
    }
}
