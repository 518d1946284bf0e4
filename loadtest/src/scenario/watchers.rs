//! Many watchers of one conversation: deliveries a second, and what a million of them costs.

use crate::failure::Failure;
use crate::fleet::{self, Bound, DIALLING, closed_loop, figure};
use crate::hub::{Hub, PATIENCE};
use crate::lean::{Lean, kind};
use crate::measure::{Latencies, Stretch};
use crate::report::Report;
use clap::Args;
use dibs_client::Client;
use dibs_protocol::command::Note;
use dibs_protocol::ids::ConversationId;
use dibs_protocol::terms::Role;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde_json::json;
use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// One watcher in so many measures how long deliveries take.
const SAMPLED: usize = 50;
/// How long the viewers' lists that the watchers' coming caused may take.
const REST: Duration = Duration::from_secs(5);
/// After so long without a delivery none is waited for.
const QUIET: Duration = Duration::from_secs(5);
/// What stands before the time, in microseconds since the beginning, in a note.
const MARK: &str = "sent at ";

/// The flags.
#[derive(Debug, Clone, Args)]
pub struct Watchers {
    /// Watchers, each an agent of its own with one session.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u16).range(1..=18_000))]
    watchers: u16,
    /// Notes in flight.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1_024))]
    in_flight: u16,
    /// At most so many notes.
    #[arg(long, default_value_t = 1_000_000)]
    notes: u64,
    /// How long.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
}

/// What the watchers saw.
struct Seen {
    events: AtomicU64,
    others: AtomicU64,
    resyncs: AtomicU64,
    bytes: AtomicU64,
    delays: Mutex<Latencies>,
    begun: Instant,
}

impl Seen {
    fn new() -> Result<Self, Failure> {
        Ok(Self {
            events: AtomicU64::new(0),
            others: AtomicU64::new(0),
            resyncs: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            delays: Mutex::new(Latencies::new()?),
            begun: Instant::now(),
        })
    }

    fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    fn report(&self, seconds: f64, report: &mut Report) {
        let delays = self.delays.lock().unwrap_or_else(PoisonError::into_inner);
        delays.report("a delivery since its sending", report);
        report.figure("other frames", figure(self.others.load(Ordering::Relaxed)), "");
        report.figure("resyncs", figure(self.resyncs.load(Ordering::Relaxed)), "");
        report.figure(
            "received",
            figure(self.bytes.load(Ordering::Relaxed)) / 1e6 / seconds,
            "MB/s",
        );
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

impl Watchers {
    /// Measures; the hub is fresh.
    ///
    /// # Errors
    /// [`Failure`], also when a watcher misses an event without having been resynchronised.
    pub async fn run(&self, hub: &Hub, report: &mut Report) -> Result<(), Failure> {
        let conversation = fleet::conversations(hub, 1).await?[0];
        let writer = hub.agent("writer", 0).await?;
        let watchers: Vec<Lean> = stream::iter(0..usize::from(self.watchers))
            .map(|index| watch(hub, index, conversation))
            .buffer_unordered(DIALLING)
            .try_collect()
            .await?;
        let seen = Arc::new(Seen::new()?);
        let mut tasks = follow(watchers, &seen);
        // The viewers' lists that their coming caused are out of the way by then.
        tokio::time::sleep(REST).await;
        let before = seen.events();
        let stretch = Stretch::begin(hub.usage());
        let answers = self.write(&writer, conversation, &seen).await?;
        let expected = answers.count() * u64::from(self.watchers);
        let mut used = stretch.end(hub.usage());
        let mut heard = (0, Instant::now());
        while seen.events() - before < expected && heard.1.elapsed() < QUIET {
            tokio::time::sleep(Duration::from_millis(5)).await;
            if seen.events() != heard.0 {
                heard = (seen.events(), Instant::now());
                used = stretch.end(hub.usage());
            }
        }
        if let Some(ended) = tasks.try_join_next() {
            let why = ended.map_or_else(|error| error.to_string(), |failure| failure.to_string());
            return Err(Failure::wrong(format!("a watcher ended by itself: {why}")));
        }
        let delivered = seen.events() - before;
        if delivered != expected && seen.resyncs.load(Ordering::Relaxed) == 0 {
            return Err(Failure::wrong(format!(
                "{delivered} deliveries instead of {expected}"
            )));
        }
        report.figure("deliveries", figure(delivered) / used.seconds, "/s");
        report.figure("notes", figure(answers.count()) / used.seconds, "/s");
        let per_million = used.hub_cpu_s.map(|s| s * 1e6 / figure(delivered));
        report.figure_if("hub CPU per million deliveries", per_million, "s");
        answers.report("a note's answer", report);
        seen.report(used.seconds, report);
        used.report("delivering,", report);
        Ok(())
    }

    /// Writes notes until the bound, and gives how long each was waited for.
    async fn write(
        &self,
        writer: &Client,
        conversation: ConversationId,
        seen: &Seen,
    ) -> Result<Latencies, Failure> {
        let answers = RefCell::new(Latencies::new()?);
        let noted = &answers;
        let bound = Bound::new(self.notes, Duration::from_secs(self.seconds.into()));
        closed_loop(usize::from(self.in_flight), &bound, |_, round| async move {
            let begun = Instant::now();
            let text = format!("{MARK}{} as note {round}", seen.begun.elapsed().as_micros());
            let key = format!("n{round}");
            writer
                .call(Note {
                    conversation,
                    key,
                    text,
                })
                .await?;
            noted.borrow_mut().note(begun.elapsed());
            Ok(())
        })
        .await?;
        Ok(answers.into_inner())
    }
}

async fn watch(hub: &Hub, index: usize, conversation: ConversationId) -> Result<Lean, Failure> {
    let token = hub.token(&format!("w{index}"), Role::Agent)?;
    let mut watcher = Lean::dial(&hub.url(), &hub.dialling(index)).await?;
    watcher.hello(&token, PATIENCE).await?;
    watcher
        .ask(
            json!({ "type": "watch", "conversation": conversation, "limit": 1 }),
            PATIENCE,
        )
        .await?;
    Ok(watcher)
}

fn follow(watchers: Vec<Lean>, seen: &Arc<Seen>) -> JoinSet<Failure> {
    let mut tasks = JoinSet::new();
    for (index, mut watcher) in watchers.into_iter().enumerate() {
        let seen = Arc::clone(seen);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_carries_when_it_was_sent() {
        assert_eq!(
            sent_us(r#"{"type":"event","text":"sent at 1234 as note 7"}"#),
            Some(1_234)
        );
        assert_eq!(sent_us("nothing"), None);
    }
}
