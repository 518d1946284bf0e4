//! Notes and updates over few and over all conversations: durable commits a second.

use crate::failure::Failure;
use crate::fleet::{self, Bound, closed_loop, figure};
use crate::hub::Hub;
use crate::measure::{self, Latencies, Stretch};
use crate::report::Report;
use clap::Args;
use dibs_client::Client;
use dibs_protocol::answer::UpdateAnswer;
use dibs_protocol::command::{Command, Note, Update};
use dibs_protocol::ids::ConversationId;
use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

/// The flags.
#[derive(Debug, Clone, Args)]
pub struct Commits {
    /// Agents, each with one session.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    agents: u16,
    /// Conversations.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    conversations: u32,
    /// Over how many of them the crowded loads go.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    few: u32,
    /// Commands in flight.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1_024))]
    in_flight: u16,
    /// How long each of the four loads takes.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
    /// Workspaces among which agents and conversations are shared evenly. Each is on one instance.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1_024))]
    workspaces: u16,
}

/// A workspace, or the part of it that a load goes to.
struct Place<'a> {
    agents: &'a [Client],
    conversations: &'a [ConversationId],
}

#[derive(Clone, Copy)]
enum Work {
    Notes,
    Updates,
}

impl Work {
    fn name(self) -> &'static str {
        match self {
            Self::Notes => "notes",
            Self::Updates => "updates",
        }
    }

    fn command(self, conversation: ConversationId, key: String) -> Command {
        match self {
            Self::Notes => {
                let text =
                    format!("{key}: rang the warehouse, the parcel left on Monday; look again tomorrow");
                Note {
                    conversation,
                    key,
                    text,
                }
                .into()
            }
            Self::Updates => Update {
                conversation,
                key: None,
                expect: None,
                status: None,
                snoozed_until: None,
                priority: None,
                queue: None,
                assignee: None,
                team: None,
                subject: Some(Some(key)),
                add_tags: None,
                remove_tags: None,
            }
            .into(),
        }
    }
}

impl Commits {
    /// Measures; the hub is fresh.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn run(&self, hub: &Hub, report: &mut Report) -> Result<(), Failure> {
        let workspaces = usize::from(self.workspaces);
        let of_each = |all: usize| all.div_ceil(workspaces);
        let mut shares = Vec::with_capacity(workspaces);
        for index in 0..workspaces {
            let hub = &hub.workspace_of(index, workspaces);
            let conversations = fleet::conversations(hub, of_each(self.conversations as usize)).await?;
            shares.push((
                fleet::agents(hub, of_each(self.agents.into())).await?,
                conversations,
            ));
        }
        for work in [Work::Notes, Work::Updates] {
            for spread in [of_each(self.few as usize), usize::MAX] {
                let places: Vec<_> = shares
                    .iter()
                    .map(|(agents, all)| Place {
                        agents,
                        conversations: &all[..all.len().min(spread)],
                    })
                    .collect();
                self.load(hub, &places, work, report).await?;
            }
        }
        measure::flushes(hub.data())
            .await?
            .report("disk flush of 4 KiB", report);
        Ok(())
    }

    async fn load(
        &self,
        hub: &Hub,
        places: &[Place<'_>],
        work: Work,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let conversations: usize = places.iter().map(|it| it.conversations.len()).sum();
        let what = format!("{} over {conversations}", work.name());
        let what = what.as_str();
        let latencies = RefCell::new(Latencies::new()?);
        let unchanged = Cell::new(0_u64);
        let (noted, idle) = (&latencies, &unchanged);
        let stretch = Stretch::begin(hub.usage());
        let bound = Bound::new(u64::MAX, Duration::from_secs(self.seconds.into()));
        closed_loop(usize::from(self.in_flight), &bound, |_, round| async move {
            let turn = usize::try_from(round).unwrap_or_default();
            let (place, turn) = (&places[turn % places.len()], turn / places.len());
            let conversation = place.conversations[turn % place.conversations.len()];
            let command = work.command(conversation, format!("{what} {round}"));
            let begun = Instant::now();
            let agent = &place.agents[turn % place.agents.len()];
            let answer: UpdateAnswer = agent.call_as(command).await?;
            noted.borrow_mut().note(begun.elapsed());
            idle.set(idle.get() + u64::from(answer.seq.is_none()));
            Ok(())
        })
        .await?;
        let used = stretch.end(hub.usage());
        let latencies = latencies.borrow();
        let commits = figure(latencies.count() - unchanged.get());
        report.figure(what, commits / used.seconds, "/s");
        latencies.report(what, report);
        let cpu = used.hub_cpu_s.map(|s| s * 1e6 / commits);
        report.figure_if(&format!("{what}, hub CPU per 1,000 commits"), cpu, "ms");
        used.report(&format!("{what},"), report);
        Ok(())
    }
}
