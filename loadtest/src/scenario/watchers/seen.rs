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
/// Notes whose answers' times are kept.
const ANSWERS: usize = 1 << 20;
/// What stands before the time, in microseconds since the beginning, in a note.
const MARK: &str = "sent at ";

/// What the watchers saw.
pub(super) struct Seen {
    events: AtomicU64,
    others: AtomicU64,
    resyncs: AtomicU64,
    bytes: AtomicU64,
    delays: Mutex<Latencies>,
    /// Since the writer's answer, seen by watchers on other instances than the writer's.
    far: Mutex<Latencies>,
    /// When each note was answered, in microseconds since the beginning; 0: not yet.
    answered: Vec<AtomicU64>,
    instances: usize,
    begun: Instant,
}

impl Seen {
    /// `instances`: over how many of them the watchers spread. The writer is on the first.
    pub(super) fn new(instances: usize) -> Result<Self, Failure> {
        Ok(Self {
            events: AtomicU64::new(0),
            others: AtomicU64::new(0),
            resyncs: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            delays: Mutex::new(Latencies::new()?),
            far: Mutex::new(Latencies::new()?),
            answered: (0..ANSWERS).map(|_| AtomicU64::new(0)).collect(),
            instances: instances.max(1),
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
                        Ok(text) => seen.take(&text, index),
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

    /// The note was answered.
    pub(super) fn answered(&self, round: u64) {
        let place = usize::try_from(round).unwrap_or(usize::MAX);
        if let Some(at) = self.answered.get(place) {
            at.store(micros(self.begun.elapsed()), Ordering::Release);
        }
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
        let far = self.far.lock().unwrap_or_else(PoisonError::into_inner);
        if far.count() > 0 {
            far.report("on another instance since the answer", report);
        }
        report.figure("other frames", figure(self.others.load(Ordering::Relaxed)), "");
        report.figure("resyncs", figure(self.resyncs()), "");
        report.figure("received", figure(self.bytes()) / 1e6 / seconds, "MB/s");
    }

    fn take(&self, text: &str, index: usize) {
        self.bytes.fetch_add(text.len() as u64, Ordering::Relaxed);
        match kind(text) {
            "event" => self.events.fetch_add(1, Ordering::Relaxed),
            "resync" => self.resyncs.fetch_add(1, Ordering::Relaxed),
            _ => self.others.fetch_add(1, Ordering::Relaxed),
        };
        // On each instance the same part of the watchers measures.
        if (index / self.instances).is_multiple_of(SAMPLED)
            && let Some((sent_us, round)) = stamp(text)
        {
            let now = self.begun.elapsed();
            let note = |into: &Mutex<Latencies>, since_us: u64| {
                let took = now.saturating_sub(Duration::from_micros(since_us));
                into.lock().unwrap_or_else(PoisonError::into_inner).note(took);
            };
            note(&self.delays, sent_us);
            if !index.is_multiple_of(self.instances)
                && let Some(answered) = usize::try_from(round).ok().and_then(|it| self.answered.get(it))
            {
                // Before its answer: no time at all since then.
                let answered_us = answered.load(Ordering::Acquire);
                note(&self.far, if answered_us == 0 { u64::MAX } else { answered_us });
            }
        }
    }
}

/// When a note was sent, and which it is.
fn stamp(text: &str) -> Option<(u64, u64)> {
    let (sent, rest) = text.split_once(MARK)?.1.split_once(" as note ")?;
    let round = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    Some((sent.parse().ok()?, round.parse().ok()?))
}

fn micros(since: Duration) -> u64 {
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_carries_when_it_was_sent_and_which_it_is_and_has_the_length_asked_for() {
        let text = Seen::new(1).unwrap().stamped(7, 200);
        assert_eq!(text.len(), 200);
        assert_eq!(
            stamp(&format!(r#"{{"type":"event","text":"{text}"}}"#))
                .unwrap()
                .1,
            7
        );
        assert_eq!(stamp("sent at 1234 as note 7 xx"), Some((1_234, 7)));
        assert_eq!(stamp("nothing"), None);
    }
}
