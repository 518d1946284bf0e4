//! `dibs verify`: checks everything that is stored, in a folder while no hub runs on it, in a database at any time.

use super::{Failure, Outcome, load, say};
use crate::config::SettingsArgs;
use crate::log::Verified;
use crate::serve::open_log;
use clap::Args;
use dibs_protocol::ids::WorkspaceId;

/// Checks the chain of every feed, bodies, states, keys and timers. Exit status 1 when something is wrong.
#[derive(Args, Debug)]
pub(super) struct Verify {
    /// Only this workspace.
    #[arg(long)]
    workspace: Option<WorkspaceId>,
    /// Print each feed's head (workspace, seq, hash): kept elsewhere, it makes tampering visible.
    #[arg(long)]
    head: bool,
    #[command(flatten)]
    settings: SettingsArgs,
}

impl Verify {
    pub(super) fn run(self) -> Outcome {
        let config = load(self.settings)?.config;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (only, show_head) = (self.workspace, self.head);
        let faults = runtime.block_on(async move {
            let log = open_log(&config).await?;
            let mut faults = 0;
            for workspace in log.workspaces().await? {
                if only.as_ref().is_some_and(|it| *it != workspace) {
                    continue;
                }
                let found = log.verify(&workspace).await?;
                report(&found, show_head)?;
                faults += found.faults.len();
            }
            Ok::<_, Failure>(faults)
        })?;
        match faults {
            0 => Ok(()),
            count => Err(Failure::new(format!(
                "{count} faults: keep a copy of what is stored and restore a backup"
            ))),
        }
    }
}

fn report(found: &Verified, show_head: bool) -> Outcome {
    let Verified {
        workspace,
        head,
        events,
        redacted,
        faults,
    } = found;
    let state = if faults.is_empty() { "ok" } else { "DAMAGED" };
    say(&format!(
        "{workspace}: {state}, {events} events, {redacted} of them erased\n"
    ))?;
    if show_head {
        say(&format!(
            "{workspace} head {} {}\n",
            head.seq,
            hex::encode(head.hash)
        ))?;
    }
    for fault in faults {
        say(&format!("  {fault}\n"))?;
    }
    Ok(())
}
