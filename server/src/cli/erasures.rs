//! `dibs erasures`, and the list that it writes: what was erased on request, outside the database and its backups, so that
//! a restore can erase it again. Deliberately absent: erasing, and whatever would name a person.

use super::{Failure, Outcome, load, say};
use crate::config::SettingsArgs;
use crate::log::{Log, LogError};
use crate::serve::open_log;
use clap::Args;
use dibs_protocol::ids::{ConversationId, WorkspaceId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Events read at once.
const AT_ONCE: usize = 1_000;

/// Writes a list of all that was erased on request, by conversation, without anybody's name. `dibs restore` erases it again.
/// A database may be in use meanwhile; on a data folder no hub may run. Write one with every backup, and one from what you
/// are about to replace by an older state.
#[derive(Args, Debug)]
pub(super) struct Export {
    /// The file to write; there must be none of that name.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    settings: SettingsArgs,
}

impl Export {
    pub(super) fn run(self) -> Outcome {
        let config = load(self.settings)?.config;
        let listed = async {
            let log = open_log(&config).await?;
            let mut lines = Vec::new();
            for workspace in log.workspaces().await? {
                let conversations = erased(log.as_ref(), &workspace).await?;
                let line = |conversation| Line::Conversation {
                    workspace: workspace.clone(),
                    conversation,
                };
                lines.extend(conversations.into_iter().map(line));
            }
            Ok::<_, Failure>(lines)
        };
        let lines = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(listed)?;
        let mut text = String::new();
        for line in &lines {
            text.push_str(&line.text());
        }
        let new = OpenOptions::new().write(true).create_new(true).open(&self.out);
        let mut file = new.map_err(|error| Failure::new(format!("{}: {error}", self.out.display())))?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        say(&format!(
            "{} names {} conversations\n",
            self.out.display(),
            lines.len()
        ))
    }
}

/// The conversations of which something was erased on request. What their age erased is erased by their age again.
async fn erased(log: &dyn Log, workspace: &WorkspaceId) -> Result<BTreeSet<ConversationId>, LogError> {
    let mut found = BTreeSet::new();
    let mut after = 0;
    loop {
        let page = log.read_kind(workspace, "redacted", after, AT_ONCE).await?;
        for event in &page {
            let body: serde_json::Value = serde_json::from_str(&event.event).unwrap_or_default();
            let requested = body.pointer("/event/reason").is_some_and(|it| it == "request");
            found.extend(event.conversation.filter(|_| requested));
        }
        match page.last() {
            Some(last) if page.len() == AT_ONCE => after = last.seq,
            _ => return Ok(found),
        }
    }
}

/// What was erased, by workspace.
#[derive(Debug, Default)]
pub(super) struct Erasures(BTreeMap<String, Erased>);

/// What was erased of a workspace.
#[derive(Debug, Default)]
struct Erased {
    customers: BTreeSet<String>,
    conversations: BTreeSet<ConversationId>,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Line {
    Customer {
        workspace: WorkspaceId,
        /// SHA-256 over workspace, a zero byte and the customer's id, in hexadecimal.
        customer_sha256: String,
    },
    Conversation {
        workspace: WorkspaceId,
        conversation: ConversationId,
    },
}

impl Line {
    fn text(&self) -> String {
        format!("{}\n", serde_json::to_string(self).unwrap_or_default())
    }
}

impl Erasures {
    /// Where the list of a data folder stands.
    pub(super) fn beside(data: &Path) -> PathBuf {
        data.join("erasures.jsonl")
    }

    fn digest(workspace: &WorkspaceId, customer: &str) -> String {
        let mut digest = Sha256::new();
        digest.update(workspace.as_str());
        digest.update([0]);
        digest.update(customer);
        hex::encode(digest.finalize())
    }

    /// Adds somebody to the list, on disk before this returns.
    pub(super) fn add(path: &Path, workspace: &WorkspaceId, customer: &str) -> io::Result<()> {
        let line = Line::Customer {
            workspace: workspace.clone(),
            customer_sha256: Self::digest(workspace, customer),
        };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        file.write_all(line.text().as_bytes())?;
        file.sync_all()
    }

    /// Adds what a list names. One that is not there is empty.
    pub(super) fn read(&mut self, path: &Path) -> Result<(), Failure> {
        match std::fs::read_to_string(path) {
            Ok(text) => self.take(path, &text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Adds what a list names that must be there.
    pub(super) fn read_named(&mut self, path: &Path) -> Result<(), Failure> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
        self.take(path, &text)
    }

    fn take(&mut self, path: &Path, text: &str) -> Result<(), Failure> {
        let lines = text.lines().enumerate().filter(|(_, it)| !it.trim().is_empty());
        for (number, line) in lines {
            let line = serde_json::from_str(line)
                .map_err(|error| Failure::new(format!("{}, line {}: {error}", path.display(), number + 1)))?;
            match line {
                Line::Customer {
                    workspace,
                    customer_sha256,
                } => self.of(&workspace).customers.insert(customer_sha256),
                Line::Conversation {
                    workspace,
                    conversation,
                } => self.of(&workspace).conversations.insert(conversation),
            };
        }
        Ok(())
    }

    fn of(&mut self, workspace: &WorkspaceId) -> &mut Erased {
        self.0.entry(workspace.to_string()).or_default()
    }

    /// Whether a customer is on the list.
    pub(super) fn names(&self, workspace: &WorkspaceId, customer: &str) -> bool {
        self.0
            .get(workspace.as_str())
            .is_some_and(|it| it.customers.contains(&Self::digest(workspace, customer)))
    }

    /// The conversations of a workspace that are on the list.
    pub(super) fn conversations(&self, workspace: &WorkspaceId) -> impl Iterator<Item = ConversationId> {
        let listed = self.0.get(workspace.as_str());
        listed.into_iter().flat_map(|it| it.conversations.iter().copied())
    }
}
