//! Measurements of one thing, one file each: flags, and a run that ends in figures. Scenarios with many parts are data:
//! see `engine`.

pub mod claims;
pub mod commits;
pub mod load;
pub mod watchers;

use crate::failure::Failure;
use crate::hub::Hub;
use crate::options::Shared;
use crate::report::Report;
use clap::Subcommand;

/// The measurements.
#[derive(Debug, Clone, Subcommand)]
pub enum Scenario {
    /// Claims and releases: how many a second, and how long a claim takes with the hub idle and busy.
    Claims(claims::Claims),
    /// Notes and updates over few and over all conversations: durable commits a second.
    Commits(commits::Commits),
    /// A restart with many unclosed conversations: how long the first hello waits.
    Load(load::Load),
    /// Many watchers of one conversation: deliveries a second.
    Watchers(watchers::Watchers),
}

impl Scenario {
    /// Its name, as on the command line.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Claims(_) => "claims",
            Self::Commits(_) => "commits",
            Self::Load(_) => "load",
            Self::Watchers(_) => "watchers",
        }
    }

    /// Runs it once against a fresh hub.
    ///
    /// # Errors
    /// [`Failure`], also where the hub broke a promise that the scenario checks.
    pub async fn run(&self, shared: &Shared) -> Result<Report, Failure> {
        let mut hub = Hub::open(shared).await?;
        let mut report = Report::default();
        match self {
            Self::Claims(it) => it.run(&hub, &mut report).await,
            Self::Commits(it) => it.run(&hub, &mut report).await,
            Self::Load(it) => it.run(&mut hub, &mut report).await,
            Self::Watchers(it) => it.run(shared, &hub, &mut report).await,
        }?;
        Ok(report)
    }
}
