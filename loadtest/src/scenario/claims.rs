//! Claims and releases: latency paced with one in flight, rate and latency with many, and what a commit costs.

use crate::failure::Failure;
use crate::fleet::{self, Bound, closed_loop, figure};
use crate::hub::Hub;
use crate::measure::{self, Latencies, Stretch};
use crate::report::Report;
use clap::Args;
use dibs_client::Client;
use dibs_protocol::answer::{ClaimAnswer, SeqAnswer};
use dibs_protocol::command::{Claim, Release};
use dibs_protocol::ids::ConversationId;
use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};
use tokio::time::MissedTickBehavior;

/// The flags.
#[derive(Debug, Clone, Args)]
pub struct Claims {
    /// Agents, each with one session.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    agents: u16,
    /// Conversations.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    conversations: u32,
    /// Commands in flight when loaded.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1_024))]
    in_flight: u16,
    /// Claims one after another, before the load.
    #[arg(long, default_value_t = 400)]
    paced: u32,
    /// How many of those a second.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pace: u32,
    /// Claims a second under load, evenly spaced; as fast as answers come by default.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: Option<u32>,
    /// How long to load.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
}

impl Claims {
    /// Measures; the hub is fresh.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn run(&self, hub: &Hub, report: &mut Report) -> Result<(), Failure> {
        let conversations = fleet::conversations(hub, self.conversations as usize).await?;
        let agents = fleet::agents(hub, usize::from(self.agents)).await?;
        self.paced(hub, &agents, &conversations, report).await?;
        self.loaded(hub, &agents, &conversations, report).await?;
        measure::flushes(hub.data())
            .await?
            .report("disk flush of 4 KiB", report);
        Ok(())
    }

    async fn paced(
        &self,
        hub: &Hub,
        agents: &[Client],
        conversations: &[ConversationId],
        report: &mut Report,
    ) -> Result<(), Failure> {
        let pace = Duration::from_secs(1) / self.pace;
        let mut ticks = tokio::time::interval(pace);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut latencies = Latencies::new()?;
        let stretch = Stretch::begin(hub.usage());
        for round in 0..self.paced as usize {
            ticks.tick().await;
            let agent = &agents[round % agents.len()];
            let conversation = conversations[round % conversations.len()];
            let begun = Instant::now();
            let token = claim(agent, conversation).await?;
            latencies.note_paced(begun.elapsed(), pace);
            release(agent, conversation, token).await?;
        }
        latencies.report("claim, 1 in flight", report);
        stretch.end(hub.usage()).report("1 in flight,", report);
        Ok(())
    }

    async fn loaded(
        &self,
        hub: &Hub,
        agents: &[Client],
        conversations: &[ConversationId],
        report: &mut Report,
    ) -> Result<(), Failure> {
        // A conversation belongs to one worker, so that no claim is contested.
        let workers = usize::from(self.in_flight).min(conversations.len());
        let claims = RefCell::new(Latencies::new()?);
        let releases = RefCell::new(Latencies::new()?);
        let turns: Vec<Cell<usize>> = (0..workers).map(Cell::new).collect();
        let (claims, releases, turns) = (&claims, &releases, &turns);
        let counted = hub.metric("dibs_commits_total").await;
        let stretch = Stretch::begin(hub.usage());
        let bound = Bound::new(u64::MAX, Duration::from_secs(self.seconds.into()));
        let start = Instant::now();
        closed_loop(workers, &bound, |worker, round| async move {
            let due = match self.rate {
                Some(rate) => {
                    until(start + Duration::from_secs(1).mul_f64(figure(round) / f64::from(rate))).await
                }
                None => Instant::now(),
            };
            let turn = turns[worker].get();
            turns[worker].set(if turn + workers < conversations.len() {
                turn + workers
            } else {
                worker
            });
            let (agent, conversation) = (&agents[turn % agents.len()], conversations[turn]);
            let token = claim(agent, conversation).await?;
            claims.borrow_mut().note(due.elapsed());
            let begun = Instant::now();
            release(agent, conversation, token).await?;
            releases.borrow_mut().note(begun.elapsed());
            Ok(())
        })
        .await?;
        let used = stretch.end(hub.usage());
        let counted = match (counted, hub.metric("dibs_commits_total").await) {
            (Some(before), Some(after)) => Some((after - before) / used.seconds),
            _ => None,
        };
        let (claims, releases) = (claims.borrow(), releases.borrow());
        let commits = figure(claims.count() + releases.count());
        report.figure(
            &format!("claims, {workers} in flight"),
            figure(claims.count()) / used.seconds,
            "/s",
        );
        report.figure(
            &format!("commits, {workers} in flight"),
            commits / used.seconds,
            "/s",
        );
        report.figure_if("commits the hub counted", counted, "/s");
        claims.report(&format!("claim, {workers} in flight"), report);
        releases.report(&format!("release, {workers} in flight"), report);
        report.figure_if(
            "hub CPU per 1,000 commits",
            used.hub_cpu_s.map(|s| s * 1e6 / commits),
            "ms",
        );
        used.report(&format!("{workers} in flight,"), report);
        Ok(())
    }
}

/// Waits until `due` and gives what counts as the beginning: then, or since when it was due where that is over. That a
/// sleep ends up to a millisecond late is the timer's doing, not the hub's.
async fn until(due: Instant) -> Instant {
    if due <= Instant::now() {
        return due;
    }
    tokio::time::sleep_until(due.into()).await;
    Instant::now()
}

async fn claim(agent: &Client, conversation: ConversationId) -> Result<u64, Failure> {
    let answer: ClaimAnswer = agent
        .call_as(Claim {
            conversation,
            key: None,
        })
        .await?;
    Ok(answer.token)
}

async fn release(agent: &Client, conversation: ConversationId, token: u64) -> Result<(), Failure> {
    let _: SeqAnswer = agent
        .call_as(Release {
            conversation,
            token,
            key: None,
        })
        .await?;
    Ok(())
}
