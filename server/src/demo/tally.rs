//! What the demo counts, and the line that shows it.

use std::sync::atomic::{AtomicU64, Ordering};

/// The counts.
#[derive(Debug, Default)]
pub(super) struct Tally {
    waiting: AtomicU64,
    replies: AtomicU64,
    collisions: AtomicU64,
}

impl Tally {
    /// So many conversations wait now.
    pub(super) fn waiting(&self, now: usize) {
        self.waiting.store(now as u64, Ordering::Relaxed);
    }

    /// A reply arrived at a customer's.
    pub(super) fn reply(&self) {
        self.replies.fetch_add(1, Ordering::Relaxed);
    }

    /// A refusal kept two people from answering one customer, or one from answering blindly.
    pub(super) fn collision(&self) {
        self.collisions.fetch_add(1, Ordering::Relaxed);
    }

    /// The counts as a line.
    pub(super) fn line(&self) -> String {
        let [waiting, replies, collisions] =
            [&self.waiting, &self.replies, &self.collisions].map(|it| it.load(Ordering::Relaxed));
        format!("{waiting} waiting, {replies} replies sent, {collisions} collisions avoided")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_tells_all_three() {
        let tally = Tally::default();
        tally.waiting(3);
        tally.reply();
        tally.reply();
        tally.collision();
        assert_eq!(tally.line(), "3 waiting, 2 replies sent, 1 collisions avoided");
    }
}
