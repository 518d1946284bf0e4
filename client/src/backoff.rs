//! How long to wait before redialling: full jitter, doubling from half a second to twenty. Pure but for its dice.
//!
//! Source: Marc Brooker, "Exponential Backoff And Jitter" (full jitter).

use dibs_protocol::close::ComeBack;
use std::time::Duration;
use uuid::Uuid;

const FIRST: Duration = Duration::from_millis(500);
const MOST: Duration = Duration::from_secs(20);
const FLOODING: Duration = Duration::from_secs(10);

/// Counts failed attempts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// The longest that the next wait may be.
    #[must_use]
    pub fn ceiling(self) -> Duration {
        FIRST.saturating_mul(1 << self.attempts.min(16)).min(MOST)
    }

    /// How long to wait now: none when one must stay away. `after` is what the server asked for.
    pub fn next(&mut self, come_back: ComeBack, after: Duration) -> Option<Duration> {
        let jitter = part_of(self.ceiling());
        let least = match come_back {
            ComeBack::StayAway => return None,
            ComeBack::After10s => FLOODING.max(after),
            ComeBack::WithNewToken if self.attempts == 0 => return self.count(after),
            ComeBack::WithBackoff | ComeBack::WithNewToken => after,
        };
        self.count(least.saturating_add(jitter))
    }

    /// Begins anew, after a welcome.
    pub fn reset(&mut self) {
        self.attempts = 0;
    }

    fn count(&mut self, wait: Duration) -> Option<Duration> {
        self.attempts = self.attempts.saturating_add(1);
        Some(wait)
    }
}

/// A random part of `whole`, from nothing to all of it.
fn part_of(whole: Duration) -> Duration {
    let dice = u32::from_le_bytes(*Uuid::new_v4().as_bytes().first_chunk::<4>().unwrap_or(&[0; 4]));
    whole.mul_f64(f64::from(dice) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_twenty_seconds_and_stay_within_their_ceiling() {
        let mut backoff = Backoff::default();
        for ceiling_ms in [500, 1_000, 2_000, 4_000, 8_000, 16_000, 20_000, 20_000] {
            assert_eq!(backoff.ceiling(), Duration::from_millis(ceiling_ms));
            let wait = backoff.next(ComeBack::WithBackoff, Duration::ZERO).unwrap();
            assert!(wait <= Duration::from_millis(ceiling_ms));
        }
        backoff.reset();
        assert_eq!(backoff.ceiling(), FIRST);
    }

    #[test]
    fn the_server_decides_the_least_and_who_stays_away() {
        let mut backoff = Backoff::default();
        let asked = Duration::from_secs(3);
        assert!(backoff.next(ComeBack::WithBackoff, asked).unwrap() >= asked);
        assert!(backoff.next(ComeBack::After10s, Duration::ZERO).unwrap() >= FLOODING);
        assert_eq!(backoff.next(ComeBack::StayAway, asked), None);
        assert_eq!(
            Backoff::default().next(ComeBack::WithNewToken, Duration::ZERO),
            Some(Duration::ZERO)
        );
    }
}
