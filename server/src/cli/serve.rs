//! `dibs serve`: configuration, log and runtime, and then the server.

use super::{Failure, Outcome, load, logging};
use crate::config::SettingsArgs;
use clap::Args;
use tokio::runtime::Builder;

/// The flags of `dibs serve`.
#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    settings: SettingsArgs,
}

impl Serve {
    pub(super) fn run(self) -> Outcome {
        let settings = self.settings;
        let loaded = load(settings.clone())?;
        logging::start(loaded.config.log_level, loaded.config.log_format)?;
        for warning in loaded.warnings {
            tracing::warn!("{warning}");
        }
        let runtime = runtime().enable_all().build()?;
        let reread = move || {
            let again = crate::config::load(settings.clone(), std::env::vars_os())?;
            Ok(again.config)
        };
        runtime
            .block_on(crate::serve::run(loaded.config, Box::new(reread)))
            .map_err(Failure::from)
    }
}

/// On one core a runtime of one thread: workers that hand tasks to one another only cost there.
fn runtime() -> Builder {
    match std::thread::available_parallelism() {
        Ok(cores) if cores.get() == 1 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    }
}
