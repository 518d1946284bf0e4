//! How long to wait before the next attempt: full jitter, so that a fleet does not come back at once.

use rand::Rng;
use std::time::Duration;
use tokio::time::sleep;

/// The first attempt waits at most so long.
const FIRST: Duration = Duration::from_millis(50);
/// No attempt waits longer.
const LONGEST: Duration = Duration::from_secs(5);

/// Attempts since something last worked.
#[derive(Debug, Default)]
pub(super) struct Backoff(u32);

impl Backoff {
    /// It worked.
    pub(super) fn reset(&mut self) {
        self.0 = 0;
    }

    /// Waits before the next attempt.
    pub(super) async fn wait(&mut self) {
        let jittered = rand::rng().random_range(Duration::ZERO..=self.longest());
        sleep(jittered).await;
        self.0 = self.0.saturating_add(1);
    }

    fn longest(&self) -> Duration {
        FIRST.saturating_mul(1 << self.0.min(16)).min(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let longest = |attempts| Backoff(attempts).longest();
        assert_eq!(
            [longest(0), longest(1), longest(5)],
            [FIRST, FIRST * 2, FIRST * 32]
        );
        assert_eq!([longest(7), longest(u32::MAX)], [LONGEST; 2]);
    }
}
