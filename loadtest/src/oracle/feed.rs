//! The log of a workspace, as the oracle compares histories with it: handed over event by event, or read over HTTP.
//! Nothing is judged here.

use super::digest;
use dibs_client::{Http, HttpError};
use dibs_protocol::event::{Actor, Event, EventEntry};
use dibs_protocol::filter::Filter;
use dibs_protocol::ids::{ConversationId, WorkspaceId};
use dibs_protocol::summary::Summary;
use dibs_protocol::terms::Sort;
use dibs_protocol::time::Time;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use std::collections::BTreeMap;

/// How many conversations are read at a time.
const READING: usize = 8;
/// How many conversations or events a page has.
const PAGE: u64 = 200;

/// An event of the log.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Its number.
    pub seq: u64,
    /// Where it belongs, if anywhere.
    pub conversation: Option<ConversationId>,
    /// When it was stored.
    pub at: Time,
    /// Who caused it.
    pub actor: Actor,
    /// What happened; `None` when its content was erased or its kind is unknown.
    pub event: Option<Event>,
    /// Its kind.
    pub kind: String,
    /// The digest of the whole entry.
    pub content: u64,
}

/// The log of a workspace.
#[derive(Debug, Clone, Default)]
pub struct Feed {
    /// Whose it is; histories of other workspaces are passed over. `None`: of all histories given.
    pub workspace: Option<WorkspaceId>,
    /// Which history of the log; what was seen of another one is not compared. `None`: whichever.
    pub epoch: Option<String>,
    /// Whether it has every event from 1 on, `agent_seen` too. What is read over HTTP never has.
    pub whole: bool,
    /// Whether every client that changed anything in the workspace is among the histories.
    pub everybody: bool,
    /// The events, in any order until they are checked.
    pub(crate) entries: Vec<Stored>,
    /// Prefixes of the chain's hash by `seq`, where they are known.
    pub(crate) hashes: BTreeMap<u64, String>,
    /// Conversations as a fresh read shows them: version and digest.
    pub(crate) fresh: Vec<(ConversationId, u64, u64)>,
}

impl Feed {
    /// An empty log.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends an event. The stored token of a `claim_granted` may be 0, which means its own `seq`.
    pub fn push(
        &mut self,
        seq: u64,
        conversation: Option<ConversationId>,
        at: Time,
        actor: &Actor,
        event: &Event,
    ) {
        let mut event = event.clone();
        if let Event::ClaimGranted { token, .. } = &mut event
            && *token == 0
        {
            *token = seq;
        }
        self.push_entry(&EventEntry {
            seq,
            conversation,
            at,
            actor: actor.clone(),
            event: serde_json::to_value(&event).unwrap_or_default(),
        });
    }

    /// Appends an event as the wire shows it.
    pub fn push_entry(&mut self, entry: &EventEntry) {
        self.entries.push(Stored {
            seq: entry.seq,
            conversation: entry.conversation,
            at: entry.at,
            actor: entry.actor.clone(),
            event: entry.known(),
            kind: entry.kind().to_owned(),
            content: content(entry),
        });
    }

    /// The chain's hash, or its beginning, at `seq`.
    pub fn push_hash(&mut self, seq: u64, hash: &str) {
        self.hashes.insert(seq, hash.to_owned());
    }

    /// A conversation as a fresh read shows it once everything is quiet.
    pub fn push_fresh(&mut self, summary: &Summary) {
        self.fresh
            .push((summary.id, summary.version, digest::typed(summary)));
    }

    /// How many events it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The highest `seq`; 0 without events.
    #[must_use]
    pub fn head(&self) -> u64 {
        self.entries.iter().map(|it| it.seq).max().unwrap_or(0)
    }

    /// Reads a workspace's conversations and their events over HTTP, with the token of an agent who sees all of them. It must
    /// be quiet: what is opened or said meanwhile may be missing.
    ///
    /// # Errors
    /// [`HttpError`].
    pub async fn read(http: &Http) -> Result<Self, HttpError> {
        let mut feed = Self::new();
        let mut after = None;
        loop {
            let page = http
                .conversations(&Filter::default(), Sort::Oldest, after.as_deref(), PAGE)
                .await?;
            let read: Vec<Vec<EventEntry>> = stream::iter(page.conversations.iter().map(|it| it.id))
                .map(|id| events(http, id))
                .buffered(READING)
                .try_collect()
                .await?;
            read.iter().flatten().for_each(|entry| feed.push_entry(entry));
            page.conversations.iter().for_each(|it| feed.push_fresh(it));
            after = page.cursor;
            if after.is_none() {
                return Ok(feed);
            }
        }
    }
}

async fn events(http: &Http, id: ConversationId) -> Result<Vec<EventEntry>, HttpError> {
    let mut events = Vec::new();
    let mut after = 0;
    loop {
        let page = http.events(id, after, PAGE).await?;
        events.extend(page.entries);
        let last = events.last().map_or(0, |it: &EventEntry| it.seq);
        // A page that does not get on would be read for ever.
        if !page.more || last <= after {
            return Ok(events);
        }
        after = last;
    }
}

/// The digest of an entry: number, place, time, actor and event.
#[must_use]
pub(crate) fn content(entry: &EventEntry) -> u64 {
    let place = entry.conversation.map_or(0, |id| digest::bytes(id.0.as_bytes()));
    let parts = [
        entry.seq,
        place,
        entry.at.0.cast_unsigned(),
        digest::typed(&entry.actor),
        digest::json(&entry.event),
    ];
    parts
        .into_iter()
        .fold(0, |all, part| digest::mix(all ^ digest::mix(part)))
}
