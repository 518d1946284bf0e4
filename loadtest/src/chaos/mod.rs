//! Faults under load: instances, a PostgreSQL and a Redis of its own are killed, stopped, cut off and moved while a team
//! works, and after each fault the oracle goes over every client's history and the log.
//!
//! | file | job |
//! |---|---|
//! | `fault` | the faults, by name: what is broken, for how long, how it is mended |
//! | `site` | the processes that they happen to |
//! | `table` | what came of it, as a table for people |
//!
//! Each repetition has a workspace of its own, which nobody else uses. What clients do is the engine's, what is right
//! the oracle's; here is only what happens to the processes.

mod fault;
mod site;
mod table;

use crate::engine::director;
use crate::engine::settings::{Settings, Span};
use crate::failure::Failure;
use crate::hub::Hub;
use crate::options::Shared;
use crate::scenarios;
use clap::Args;
use fault::Fault;
use site::{Form, Site};
use std::path::PathBuf;
use std::time::Duration;
use table::{Row, Table};

/// How long a team works before the fault begins.
const BEFORE: Duration = Duration::from_secs(2);
/// How long it works after the fault is over.
const AFTER: Duration = Duration::from_secs(4);

/// The flags.
#[derive(Debug, Clone, Args)]
pub struct Chaos {
    /// A fault, by name; repeat it for several. All of them without it.
    #[arg(long, value_enum, value_name = "NAME")]
    fault: Vec<Fault>,
    /// How often each fault happens.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    repeat: u16,
    /// Agents, spread over all instances.
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    agents: u16,
    /// Conversations, few enough that agents contend for them.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    conversations: u16,
    /// Cases that are worked on a second, each of a claim, notes, typing and a reply.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    rate: u16,
    /// Instances.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(2..=9))]
    instances: u8,
    /// Also write the table, as Markdown.
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,
}

impl Chaos {
    /// Makes all faults; gives the sentences of what must not be.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn run(&self, shared: &Shared) -> Result<Vec<String>, Failure> {
        let Some(program) = &shared.server else {
            return Err(Failure::Usage(
                "chaos starts its own instances: give --server PROGRAM".to_owned(),
            ));
        };
        let program = std::path::absolute(program).map_err(Failure::io("cannot find the program"))?;
        if !program.exists() {
            return Err(Failure::Usage(format!(
                "there is no program {}",
                program.display()
            )));
        }
        let faults = if self.fault.is_empty() {
            Fault::all()
        } else {
            self.fault.clone()
        };
        let mut table = Table::new(self);
        for form in [Form::Single, Form::Standby, Form::Sentinel, Form::Cluster] {
            let here: Vec<Fault> = faults.iter().copied().filter(|it| it.form() == form).collect();
            if here.is_empty() {
                continue;
            }
            let (count, program) = (usize::from(self.instances), program.clone());
            let mut site = blocking(move || Site::start(form, &program, count)).await?;
            for fault in here {
                let mut row = Row::new(fault);
                for round in 1..=self.repeat {
                    eprintln!("== {}, {round} of {}", fault.name(), self.repeat);
                    let report;
                    (site, report) = self.once(fault, round, site).await?;
                    row.take(&report);
                }
                println!("{}", row.line());
                table.push(row);
            }
        }
        let text = table.text();
        println!("{text}");
        if let Some(file) = &self.table {
            std::fs::write(file, &text).map_err(Failure::io(format!("cannot write {}", file.display())))?;
        }
        Ok(table.wrong())
    }

    /// One fault under load.
    async fn once(
        &self,
        fault: Fault,
        round: u16,
        site: Site,
    ) -> Result<(Site, crate::report::Report), Failure> {
        let workspace = format!("{}-{round}", fault.name());
        let settings = self.settings(fault, round)?;
        let hub = Hub::of(site.bases(), site.secret(), &workspace);
        let back = std::cell::RefCell::new(None);
        let happens = async {
            tokio::time::sleep(BEFORE).await;
            let site = blocking(move || {
                let mut site = site;
                fault.happen(&mut site, &workspace, round);
                site
            })
            .await?;
            back.replace(Some(site));
            Ok(())
        };
        let report = director::run_beside(fault.name(), &settings, &hub, Box::pin(happens)).await?;
        let site = back
            .into_inner()
            .ok_or_else(|| Failure::wrong("the fault did not end"))?;
        Ok((site, report))
    }

    /// A team at work: cases, notes besides, customers, an adapter, lists.
    fn settings(&self, fault: Fault, round: u16) -> Result<Settings, Failure> {
        let named = scenarios::settings("fleet", &[]);
        let fleet = named.map_err(|error| Failure::wrong(error.to_string()))?;
        Ok(Settings {
            agents: self.agents.into(),
            conversations: self.conversations.into(),
            rate: self.rate.into(),
            watches: u32::from(self.conversations).min(4),
            notes: f64::from(self.rate) / 2.0,
            messages: f64::from(self.rate) / 2.0,
            think: Span(Duration::from_millis(150)),
            duration: Span(BEFORE + fault.lasts() + AFTER),
            ramp: Span(Duration::ZERO),
            seed: u64::from(round),
            ..fleet
        })
    }
}

/// Does what waits for processes while clients go on.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Failure::wrong(format!("a process could not be handled: {error}")))
}
