//! How fast people are: spans of time drawn from dice, divided by the demo's speed.

use rand::Rng;
use rand::rngs::StdRng;
use std::time::Duration;

/// Characters that a practised person types in a second.
const TYPING: f64 = 14.0;

/// The demo's speed; 1 is human.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace(pub f64);

impl Pace {
    /// A span between so many human seconds.
    pub(super) fn span(self, dice: &mut StdRng, least: f64, most: f64) -> Duration {
        Duration::from_secs_f64(dice.random_range(least..most) / self.0)
    }

    /// How long it takes to think of a text and type it.
    pub(super) fn typing(self, dice: &mut StdRng, text: &str) -> Duration {
        let characters = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
        self.span(dice, 1.0, 3.0) + Duration::from_secs_f64(f64::from(characters) / TYPING / self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn twice_the_speed_takes_half_the_time() {
        let text = "Your parcel left our warehouse this morning.";
        let (slow, fast) = (&mut StdRng::seed_from_u64(3), &mut StdRng::seed_from_u64(3));
        let (slow, fast) = (Pace(1.0).typing(slow, text), Pace(2.0).typing(fast, text));
        assert!(
            (slow.as_secs_f64() / fast.as_secs_f64() - 2.0).abs() < 0.001,
            "{slow:?} {fast:?}"
        );
        assert!(slow > Duration::from_secs(4) && slow < Duration::from_secs(7));
    }
}
