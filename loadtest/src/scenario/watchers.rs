//! Many watchers of one conversation, or a few of each of many: deliveries a second, what a million of them costs, and
//! how that compares with the floor.

mod seen;

use crate::failure::Failure;
use crate::fleet::{self, Bound, DIALLING, closed_loop, figure};
use crate::floor::{Floor, Serve};
use crate::hub::{Hub, PATIENCE};
use crate::lean::Lean;
use crate::measure::{self, Latencies, Stretch, Usage, Used};
use crate::options::Shared;
use crate::report::Report;
use clap::Args;
use dibs_protocol::command::Note;
use dibs_protocol::ids::ConversationId;
use dibs_protocol::terms::Role;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use seen::Seen;
use serde_json::json;
use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How long the viewers' lists that the watchers' coming caused may take.
const REST: Duration = Duration::from_secs(5);
/// Most agents who write.
const WRITERS: usize = 64;
/// After so long without a delivery none is waited for.
const QUIET: Duration = Duration::from_secs(5);

/// The flags.
#[derive(Debug, Clone, Args)]
pub struct Watchers {
    /// Watchers of each conversation, each an agent of its own with one session.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u16).range(1..=18_000))]
    watchers: u16,
    /// Conversations, written to in turn.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=18_000))]
    conversations: u16,
    /// Notes in flight.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1_024))]
    in_flight: u16,
    /// Notes a second, evenly spaced; as fast as answers come by default.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// Bytes of a note's text.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=30_000))]
    text: u16,
    /// At most so many notes.
    #[arg(long, default_value_t = 1_000_000)]
    notes: u64,
    /// How long.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
    /// Then let the floor do the same, each delivery a send of its own and with joined sends, and compare.
    #[arg(long)]
    floor: bool,
    /// The floor is as many loops as there are instances, and publishes through this Redis (address and port).
    #[arg(long, value_name = "ADDRESS", requires = "floor")]
    floor_redis: Option<SocketAddr>,
    /// The process of that Redis, whose CPU counts as the floor's.
    #[arg(long, value_name = "PID", requires = "floor_redis")]
    floor_redis_pid: Option<u32>,
}

/// What came of one loop.
struct Outcome {
    answers: Latencies,
    seen: Arc<Seen>,
    delivered: u64,
    used: Used,
}

impl Outcome {
    fn cpu_s_per_million(&self) -> Option<f64> {
        self.used.hub_cpu_s.map(|s| s * 1e6 / figure(self.delivered))
    }
}

impl Watchers {
    /// Measures; the hub is fresh.
    ///
    /// # Errors
    /// [`Failure`], also when a watcher misses an event without having been resynchronised.
    pub async fn run(&self, shared: &Shared, hub: &Hub, report: &mut Report) -> Result<(), Failure> {
        let outcome = self.hub(hub).await?;
        let (used, delivered) = (outcome.used, outcome.delivered);
        report.figure("deliveries", figure(delivered) / used.seconds, "/s");
        report.figure("notes", figure(outcome.answers.count()) / used.seconds, "/s");
        let own = outcome.cpu_s_per_million();
        report.figure_if("hub CPU per million deliveries", own, "s");
        outcome.answers.report("a note's answer", report);
        outcome.seen.report(used.seconds, report);
        used.report("delivering,", report);
        if self.floor {
            let bytes = outcome.seen.bytes() / delivered.max(1);
            let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
            drop(outcome);
            report.figure("floor's frames", f64::from(bytes), "B");
            for joined in [false, true] {
                let name = if joined { "joined" } else { "unbatched" };
                let redis = self.floor_redis;
                let outcome = self.floor(shared, hub, Serve { bytes, joined, redis }).await?;
                let rate = figure(outcome.delivered) / outcome.used.seconds;
                let floor = outcome.cpu_s_per_million();
                report.figure(&format!("{name} floor, deliveries"), rate, "/s");
                report.figure_if(&format!("{name} floor, CPU per million"), floor, "s");
                let ratio = own.zip(floor).map(|(own, floor)| own / floor);
                report.figure_if(&format!("hub / {name} floor, CPU"), ratio, "");
            }
        }
        Ok(())
    }

    async fn hub(&self, hub: &Hub) -> Result<Outcome, Failure> {
        let conversations = &fleet::conversations(hub, self.conversations.into()).await?;
        // One conversation has one writer; many have several, as many people would write.
        let writers: &Vec<_> = &stream::iter(0..usize::from(self.conversations).min(WRITERS))
            .then(|index| async move { hub.agent(&format!("writer{index}"), index).await })
            .try_collect()
            .await?;
        let mut watchers: Vec<_> = stream::iter(0..self.sockets())
            .map(|index| watch(hub, index, conversations))
            .buffer_unordered(DIALLING)
            .try_collect()
            .await?;
        watchers.sort_unstable_by_key(|(index, _)| *index);
        let watchers = watchers.into_iter().map(|(_, watcher)| watcher).collect();
        let publish = |_, round, text| async move {
            let place = self.place(round);
            let (conversation, writer) = (conversations[place], &writers[place % writers.len()]);
            let key = format!("n{round}");
            let note = Note {
                conversation,
                key,
                text,
            };
            writer.call(note).await?;
            Ok(())
        };
        // With one conversation, all who write are on the first instance.
        let instances = if conversations.len() == 1 {
            hub.bases().len()
        } else {
            1
        };
        self.drive(instances, watchers, || hub.usage(), publish).await
    }

    async fn floor(&self, shared: &Shared, hub: &Hub, flags: Serve) -> Result<Outcome, Failure> {
        let loops = if flags.redis.is_some() {
            hub.bases().len()
        } else {
            1
        };
        let floors: &Vec<_> = &stream::iter(0..loops)
            .then(|_| Floor::start(shared, flags))
            .try_collect()
            .await?;
        let pids: &Vec<u32> = &floors
            .iter()
            .map(Floor::pid)
            .chain(self.floor_redis_pid)
            .collect();
        let dial = |index: usize, at: usize| async move {
            Lean::dial(&floors[at % floors.len()].url(), &hub.dialling(index)).await
        };
        let watchers = stream::iter(0..self.sockets())
            .map(|index| async move {
                let conversations = usize::from(self.conversations);
                let mut watcher = dial(index, index / conversations).await?;
                let group = index % conversations;
                let word = json!({ "type": "watch", "group": group });
                watcher.ask(word, PATIENCE).await?;
                Ok::<_, Failure>(watcher)
            })
            .buffer_unordered(DIALLING)
            .try_collect()
            .await?;
        let writers: &Vec<Mutex<Lean>> = &stream::iter(0..usize::from(self.in_flight))
            .then(|index| async move { dial(index, 0).await.map(Mutex::new) })
            .try_collect()
            .await?;
        let publish = |writer: usize, round, _| async move {
            let word = json!({ "type": "publish", "group": self.place(round) });
            writers[writer].lock().await.ask(word, PATIENCE).await?;
            Ok(())
        };
        self.drive(1, watchers, || measure::usage_of(pids), publish).await
    }

    fn sockets(&self) -> usize {
        usize::from(self.watchers) * usize::from(self.conversations)
    }

    fn place(&self, round: u64) -> usize {
        usize::try_from(round % u64::from(self.conversations)).unwrap_or_default()
    }

    /// Publishes until the bound, waits for what is still to be delivered, and compares the counts.
    async fn drive<F: Future<Output = Result<(), Failure>>>(
        &self,
        instances: usize,
        watchers: Vec<Lean>,
        usage: impl Fn() -> Option<Usage>,
        publish: impl Fn(usize, u64, String) -> F,
    ) -> Result<Outcome, Failure> {
        let seen = Arc::new(Seen::new(instances)?);
        let mut tasks = seen.follow(watchers);
        // The viewers' lists that their coming caused are out of the way by then.
        tokio::time::sleep(REST).await;
        let before = seen.events();
        let stretch = Stretch::begin(usage());
        let answers = self.publish(&seen, publish).await?;
        let expected = answers.count() * u64::from(self.watchers);
        let mut used = stretch.end(usage());
        let mut heard = (0, Instant::now());
        while seen.events() - before < expected && heard.1.elapsed() < QUIET {
            tokio::time::sleep(Duration::from_millis(5)).await;
            if seen.events() != heard.0 {
                heard = (seen.events(), Instant::now());
                used = stretch.end(usage());
            }
        }
        if let Some(ended) = tasks.try_join_next() {
            let why = ended.map_or_else(|error| error.to_string(), |failure| failure.to_string());
            return Err(Failure::wrong(format!("a watcher ended by itself: {why}")));
        }
        let delivered = seen.events() - before;
        if delivered != expected && seen.resyncs() == 0 {
            return Err(Failure::wrong(format!(
                "{delivered} deliveries instead of {expected}"
            )));
        }
        Ok(Outcome {
            answers,
            seen,
            delivered,
            used,
        })
    }

    /// Publishes until the bound, at the rate if there is one, and gives how long each was waited for.
    async fn publish<F: Future<Output = Result<(), Failure>>>(
        &self,
        seen: &Seen,
        publish: impl Fn(usize, u64, String) -> F,
    ) -> Result<Latencies, Failure> {
        let answers = RefCell::new(Latencies::new()?);
        let (noted, publish) = (&answers, &publish);
        let begun = tokio::time::Instant::now();
        let bound = Bound::new(self.notes, Duration::from_secs(self.seconds.into()));
        closed_loop(usize::from(self.in_flight), &bound, |worker, round| async move {
            if let Some(rate) = self.rate {
                let due = Duration::from_secs_f64(figure(round) / f64::from(rate));
                tokio::time::sleep_until(begun + due).await;
            }
            let asked = Instant::now();
            publish(worker, round, seen.stamped(round, self.text.into())).await?;
            noted.borrow_mut().note(asked.elapsed());
            seen.answered(round);
            Ok(())
        })
        .await?;
        Ok(answers.into_inner())
    }
}

/// The `index`th watcher. Those of one conversation spread over the instances.
async fn watch(hub: &Hub, index: usize, conversations: &[ConversationId]) -> Result<(usize, Lean), Failure> {
    let token = hub.token(&format!("w{index}"), Role::Agent)?;
    let url = hub.url_for(index / conversations.len());
    let mut watcher = Lean::dial(&url, &hub.dialling(index)).await?;
    watcher.hello(&token, PATIENCE).await?;
    let conversation = conversations[index % conversations.len()];
    let word = json!({ "type": "watch", "conversation": conversation, "limit": 1 });
    watcher.ask(word, PATIENCE).await?;
    Ok((index, watcher))
}
