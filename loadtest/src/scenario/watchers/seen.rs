//! What watchers saw: deliveries counted, some of them timed.

use crate::failure::Failure;
use crate::fleet::figure;
use crate::lean::{Lean, kind};
use crate::measure::Latencies;
use crate::report::Report;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// One watcher in so many measures how long deliveries take.
const SAMPLED: usize = 50;
/// What stands before the time, in microseconds since the beginning, in a note.
const MARK: &str = "sent at ";

/// What the watchers saw.
pub(super) struct Seen {
    events: AtomicU64,
    others: AtomicU64,
    resyncs: AtomicU64,
    bytes: AtomicU64,
    delays: Mutex<Latencies>,
    begun: Instant,
}

impl Seen {
    pub(super) fn new() -> Result<Self, Failure> {
        Ok(Self {
            events: AtomicU64::new(0),
            others: AtomicU64::new(0),
            resyncs: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            delays: Mutex::new(Latencies::new()?),
            begun: Instant::now(),
        })
    }

    /// Follows the watchers in tasks of their own; a task that ends says why.
    pub(super) fn follow(self: &Arc<Self>, watchers: Vec<Lean>) -> JoinSet<Failure> {
        let mut tasks = JoinSet::new();
        for (index, mut watcher) in watchers.into_iter().enumerate() {
            let seen = Arc::clone(self);
            tasks.spawn(async move {
                loop {
                    match watcher.next().await {
                        Ok(text) => seen.take(&text, index % SAMPLED == 0),
                        Err(failure) => return failure,
                    }
                }
            });
        }
        tasks
    }

    /// A text of `bytes` that says when it was sent.
    pub(super) fn stamped(&self, round: u64, bytes: usize) -> String {
        let mut text = format!("{MARK}{} as note {round} ", self.begun.elapsed().as_micros());
        while text.len() < bytes {
            text.push('x');
        }
        text
    }

    pub(super) fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    pub(super) fn resyncs(&self) -> u64 {
        self.resyncs.load(Ordering::Relaxed)
    }

    /// Bytes of all frames.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(super) fn report(&self, seconds: f64, report: &mut Report) {
        let delays = self.delays.lock().unwrap_or_else(PoisonError::into_inner);
        delays.report("a delivery since its sending", report);
        report.figure("other frames", figure(self.others.load(Ordering::Relaxed)), "");
        report.figure("resyncs", figure(self.resyncs()), "");
        report.figure("received", figure(self.bytes()) / 1e6 / seconds, "MB/s");
    }

    fn take(&self, text: &str, sampled: bool) {
        self.bytes.fetch_add(text.len() as u64, Ordering::Relaxed);
        match kind(text) {
            "event" => self.events.fetch_add(1, Ordering::Relaxed),
            "resync" => self.resyncs.fetch_add(1, Ordering::Relaxed),
            _ => self.others.fetch_add(1, Ordering::Relaxed),
        };
        if sampled && let Some(sent_us) = sent_us(text) {
            let took = self
                .begun
                .elapsed()
                .saturating_sub(Duration::from_micros(sent_us));
            self.delays
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .note(took);
        }
    }
}

fn sent_us(text: &str) -> Option<u64> {
    let digits = text.split_once(MARK)?.1;
    digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_carries_when_it_was_sent_and_has_the_length_asked_for() {
        let text = Seen::new().unwrap().stamped(7, 200);
        assert_eq!(text.len(), 200);
        assert!(sent_us(&format!(r#"{{"type":"event","text":"{text}"}}"#)).is_some());
        assert_eq!(sent_us("sent at 1234 as note 7"), Some(1_234));
        assert_eq!(sent_us("nothing"), None);
    }
}
