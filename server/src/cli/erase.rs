//! `dibs erase`: forgets a customer, while no hub runs on the data folder.

use super::erasures::Erasures;
use super::{Failure, Outcome, load, say};
use crate::config::SettingsArgs;
use crate::hub::erase_customer;
use crate::ports::{SystemClock, SystemEntropy};
use crate::serve::open_log;
use clap::Args;
use dibs_protocol::ids::{CustomerId, WorkspaceId};

/// Deletes all that is personal in a customer's conversations: texts, names, handles, subjects, attachments, notes.
/// The feed keeps its shape and its chain. Stop the hub first. May be repeated. `erasures.jsonl` in the data folder keeps
/// a digest of who was erased: keep it with your backups, for `dibs restore` applies it again. `dibs erasures` writes such a
/// list from what is stored.
#[derive(Args, Debug)]
pub(super) struct Erase {
    /// In which workspace.
    #[arg(long)]
    workspace: WorkspaceId,
    /// The customer's id, as the channel names it.
    #[arg(long)]
    customer: CustomerId,
    #[command(flatten)]
    settings: SettingsArgs,
}

impl Erase {
    pub(super) fn run(self) -> Outcome {
        let config = load(self.settings)?.config;
        let (workspace, customer) = (self.workspace, self.customer);
        // Listed first: what is listed and not erased is erased again by whoever asks again.
        Erasures::add(&Erasures::beside(&config.data), &workspace, customer.as_str())?;
        let erase = async {
            let log = open_log(&config).await?;
            let (clock, entropy) = (SystemClock, SystemEntropy::default());
            let erased = erase_customer(log.as_ref(), &clock, &entropy, &workspace, customer.as_str());
            Ok::<_, Failure>(erased.await?)
        };
        let erased = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(erase)?;
        say(&format!(
            "erased {} entries in {} conversations\n",
            erased.entries, erased.conversations
        ))
    }
}
