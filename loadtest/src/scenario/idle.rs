//! Thousands of sessions that say hello and nothing more: what each costs in the hub's resident memory; and, when things
//! change in the list that all have open, what that costs and how long it takes until it is on their screens.

use crate::failure::Failure;
use crate::fleet::{self, Bound, DIALLING, closed_loop, figure};
use crate::hub::{Hub, PATIENCE};
use crate::lean::{Lean, kind};
use crate::measure::{Latencies, Stretch, Usage, Used};
use crate::report::Report;
use clap::Args;
use dibs_client::Options;
use dibs_protocol::command::Update;
use dibs_protocol::ids::ConversationId;
use dibs_protocol::terms::Role;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde_json::json;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// The socket's read buffer in bytes, on this side.
const READ_BUFFER: usize = 1_024;
/// How long the hub has to come to rest before anything is compared.
const REST: Duration = Duration::from_secs(3);
/// One session in so many measures how long changes take.
const SAMPLED: usize = 50;
/// A prime, so that changes one after another fall far apart in the list.
const STRIDE: usize = 7_919;
/// Changes in flight.
const CHANGING: usize = 64;
/// What stands before the time, in microseconds since the beginning, in a subject.
const MARK: &str = "sent at ";

/// The flags.
#[derive(Debug, Clone, Args)]
pub struct Idle {
    /// Sessions; a process may have some 20,000 descriptors.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=19_000))]
    sessions: u32,
    /// Agents among whom they are shared; each session has its own by default.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    agents: Option<u32>,
    /// Seconds to wait after the last welcome before measuring.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(0..=3_600))]
    settle: u32,
    /// Each session also opens one list, the same for all.
    #[arg(long)]
    list: bool,
    /// So many changes a second, evenly spaced, of conversations in that list while the sessions settle.
    #[arg(long, requires = "list", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    changes: Option<u32>,
    /// Conversations in the list.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    conversations: u32,
}

/// What the sessions received while they settled.
struct Received {
    frames: AtomicU64,
    lists: AtomicU64,
    delays: Mutex<Latencies>,
    begun: Instant,
}

impl Received {
    /// What the list cost, if it changed at all.
    fn report(&self, changes: u64, sessions: f64, used: &Used, report: &mut Report) {
        if changes == 0 {
            return;
        }
        let lists = figure(self.lists.load(Ordering::Relaxed));
        report.figure("changes", figure(changes) / used.seconds, "/s");
        report.figure("list frames a session", lists / sessions / used.seconds, "/s");
        let cpu = used.hub_cpu_s.map(|s| s * 1e6 / lists);
        report.figure_if("hub CPU per million list frames", cpu, "s");
        let delays = self.delays.lock().unwrap_or_else(PoisonError::into_inner);
        delays.report("a change on a screen", report);
    }

    fn take(&self, text: &str, sampled: bool) {
        self.frames.fetch_add(1, Ordering::Relaxed);
        if kind(text) != "view_changed" {
            return;
        }
        self.lists.fetch_add(1, Ordering::Relaxed);
        if !sampled {
            return;
        }
        let now_us = self.begun.elapsed().as_micros();
        let mut delays = self.delays.lock().unwrap_or_else(PoisonError::into_inner);
        for rest in text.split(MARK).skip(1) {
            let digits = rest.split(|c: char| !c.is_ascii_digit()).next();
            if let Some(sent_us) = digits.and_then(|it| it.parse::<u128>().ok()) {
                let took = u64::try_from(now_us.saturating_sub(sent_us)).unwrap_or(u64::MAX);
                delays.note(Duration::from_micros(took));
            }
        }
    }
}

impl Idle {
    /// Measures; the hub is fresh.
    ///
    /// # Errors
    /// [`Failure`], also when a session ends by itself.
    pub async fn run(&self, hub: &Hub, report: &mut Report) -> Result<(), Failure> {
        // The first hello loads the workspace, which is no session's cost.
        drop(self.session(hub, 0).await?);
        let count = self.changes.map_or(0, |_| self.conversations as usize);
        let conversations = fleet::conversations(hub, count).await?;
        tokio::time::sleep(REST).await;
        let before = usage(hub)?;
        let ramp = Stretch::begin(hub.usage());
        let sessions: Vec<Lean> = stream::iter(0..self.sessions as usize)
            .map(|index| self.session(hub, index))
            .buffer_unordered(DIALLING)
            .try_collect()
            .await?;
        let ramp = ramp.end(hub.usage());
        let received = Arc::new(Received {
            frames: AtomicU64::new(0),
            lists: AtomicU64::new(0),
            delays: Mutex::new(Latencies::new()?),
            begun: Instant::now(),
        });
        let mut tasks = follow(sessions, &received);
        let arrived = usage(hub)?;
        let rest = Stretch::begin(hub.usage());
        let settle = Duration::from_secs(self.settle.into());
        let changed = tokio::select! {
            changed = self.change(hub, &conversations, &received, settle) => changed?,
            ended = tasks.join_next() => {
                let why = ended.map_or_else(String::new, |it| it.map_or_else(|error| error.to_string(), |it| it.to_string()));
                return Err(Failure::wrong(format!("a session ended by itself: {why}")));
            }
        };
        let rest = rest.end(hub.usage());
        let settled = usage(hub)?;
        tasks.abort_all();
        while tasks.join_next().await.is_some() {}
        tokio::time::sleep(REST).await;
        let sessions = f64::from(self.sessions);
        report.figure("sessions welcomed", sessions / ramp.seconds, "/s");
        report.figure("RSS before", before.rss_kib / 1024.0, "MiB");
        report.figure("RSS after the last welcome", arrived.rss_kib / 1024.0, "MiB");
        report.figure("RSS settled", settled.rss_kib / 1024.0, "MiB");
        report.figure(
            "RSS per session",
            (settled.rss_kib - before.rss_kib) / sessions,
            "KiB",
        );
        report.figure(
            "of it anonymous",
            (settled.anon_kib - before.anon_kib) / sessions,
            "KiB",
        );
        report.figure("RSS when all have gone", usage(hub)?.rss_kib / 1024.0, "MiB");
        report.figure_if(
            "hub CPU per welcome",
            ramp.hub_cpu_s.map(|s| s * 1e6 / sessions),
            "µs",
        );
        rest.report("idle,", report);
        let frames = received.frames.load(Ordering::Relaxed);
        report.figure("frames received meanwhile", figure(frames), "");
        received.report(changed, sessions, &rest, report);
        Ok(())
    }

    /// Changes subjects at the rate for `time`, or waits so long. How many there were.
    async fn change(
        &self,
        hub: &Hub,
        conversations: &[ConversationId],
        received: &Received,
        time: Duration,
    ) -> Result<u64, Failure> {
        let Some(rate) = self.changes else {
            tokio::time::sleep(time).await;
            return Ok(0);
        };
        let writer = &hub.agent("writer", 0).await?;
        let begun = tokio::time::Instant::now();
        let bound = Bound::new(u64::MAX, time);
        let done = &AtomicU64::new(0);
        closed_loop(CHANGING, &bound, |_, round| async move {
            let due = Duration::from_secs_f64(figure(round) / f64::from(rate));
            tokio::time::sleep_until(begun + due).await;
            let turn = usize::try_from(round).unwrap_or_default().wrapping_mul(STRIDE) % conversations.len();
            let subject = format!("{MARK}{}", received.begun.elapsed().as_micros());
            let change = json!({ "conversation": conversations[turn], "subject": subject });
            let change: Update =
                serde_json::from_value(change).map_err(|it| Failure::wrong(it.to_string()))?;
            writer.call(change).await?;
            done.fetch_add(1, Ordering::Relaxed);
            Ok(())
        })
        .await?;
        // The last ones are gathered.
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(done.load(Ordering::Relaxed))
    }

    async fn session(&self, hub: &Hub, index: usize) -> Result<Lean, Failure> {
        let agent = index % self.agents.unwrap_or(self.sessions) as usize;
        let token = hub.token(&format!("a{agent}"), Role::Agent)?;
        let options = Options {
            read_buffer: READ_BUFFER,
            ..hub.dialling(index)
        };
        let mut session = Lean::dial(&hub.url(), &options).await?;
        session.hello(&token, PATIENCE).await?;
        if self.list {
            let list = json!({ "type": "open_view", "view": "all", "filter": {}, "sort": "waiting" });
            session.ask(list, PATIENCE).await?;
        }
        Ok(session)
    }
}

fn follow(sessions: Vec<Lean>, received: &Arc<Received>) -> JoinSet<Failure> {
    let mut tasks = JoinSet::new();
    for (index, mut session) in sessions.into_iter().enumerate() {
        let received = Arc::clone(received);
        tasks.spawn(async move {
            loop {
                match session.next().await {
                    Ok(text) => received.take(&text, index % SAMPLED == 0),
                    Err(failure) => return failure,
                }
            }
        });
    }
    tasks
}

fn usage(hub: &Hub) -> Result<Usage, Failure> {
    hub.usage()
        .ok_or_else(|| Failure::wrong("the hub's process is not known: give --server or --pid"))
}
