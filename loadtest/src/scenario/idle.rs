//! Thousands of sessions that say hello and nothing more: what each costs in the hub's resident memory.

use crate::failure::Failure;
use crate::fleet::{DIALLING, figure};
use crate::hub::{Hub, PATIENCE};
use crate::lean::Lean;
use crate::measure::{Stretch, Usage};
use crate::report::Report;
use clap::Args;
use dibs_client::Options;
use dibs_protocol::terms::Role;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

/// The socket's read buffer in bytes, on this side.
const READ_BUFFER: usize = 1_024;
/// How long the hub has to come to rest before anything is compared.
const REST: Duration = Duration::from_secs(3);

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
}

impl Idle {
    /// Measures; the hub is fresh.
    ///
    /// # Errors
    /// [`Failure`], also when a session ends by itself.
    pub async fn run(&self, hub: &Hub, report: &mut Report) -> Result<(), Failure> {
        // The first hello loads the workspace, which is no session's cost.
        drop(self.session(hub, 0).await?);
        tokio::time::sleep(REST).await;
        let before = usage(hub)?;
        let ramp = Stretch::begin(hub.usage());
        let sessions: Vec<Lean> = stream::iter(0..self.sessions as usize)
            .map(|index| self.session(hub, index))
            .buffer_unordered(DIALLING)
            .try_collect()
            .await?;
        let ramp = ramp.end(hub.usage());
        let frames = Arc::new(AtomicU64::new(0));
        let mut tasks = JoinSet::new();
        for mut session in sessions {
            let frames = Arc::clone(&frames);
            tasks.spawn(async move {
                loop {
                    if let Err(failure) = session.next().await {
                        return failure;
                    }
                    frames.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let arrived = usage(hub)?;
        let rest = Stretch::begin(hub.usage());
        let settle = Duration::from_secs(self.settle.into());
        if let Ok(Some(ended)) = tokio::time::timeout(settle, tasks.join_next()).await {
            let why = ended.map_or_else(|error| error.to_string(), |failure| failure.to_string());
            return Err(Failure::wrong(format!("a session ended by itself: {why}")));
        }
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
        report.figure(
            "frames received meanwhile",
            figure(frames.load(Ordering::Relaxed)),
            "",
        );
        Ok(())
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

fn usage(hub: &Hub) -> Result<Usage, Failure> {
    hub.usage()
        .ok_or_else(|| Failure::wrong("the hub's process is not known: give --server or --pid"))
}
