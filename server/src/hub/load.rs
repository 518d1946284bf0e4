//! Loading a workspace: its head, its unclosed conversations, its people, what they have read and not read.

use super::Deps;
use super::disconnect::stored_refusals;
use super::item::{customer_aggregate, parse_state};
use super::people::{Known, People, Said};
use super::recent::Recent;
use super::settings::{InForce, settings_aggregate};
use super::state::{Entry, Internal};
use super::views::Views;
use super::workspace::Workspace;
use crate::log::{AggregateKind, LogError, Mark};
use crate::maps::{Map, Set};
use dibs_protocol::ids::WorkspaceId;
use dibs_rules::Conversation;
use slab::Slab;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// Reads a workspace's state.
///
/// # Errors
/// When the log cannot be reached, or what it has is damaged.
pub(super) async fn load(
    deps: Arc<Deps>,
    id: WorkspaceId,
    internal: mpsc::UnboundedSender<Internal>,
    replies: watch::Sender<u64>,
    started: Instant,
) -> Result<Workspace, LogError> {
    let begun = Instant::now();
    let log = deps.log.clone();
    // Before the head, so that nothing is counted that is followed once more.
    let kept = super::kept::read(&*log, &id).await?;
    let head = log.head(&id).await?;
    let second = started.elapsed().as_secs();
    let mut workspace = Workspace::empty(deps, id.clone(), &head, internal, replies, started, second);
    workspace.take_kept(kept);
    let settings = log.state(&id, &settings_aggregate()).await?;
    workspace.load_settings(&settings)?;
    let all = usize::MAX >> 1;
    for stored in log.states(&id, AggregateKind::Agent, true, None, all).await? {
        if let Some(refused) = stored_refusals(&stored) {
            let (agent, refused) = refused?;
            workspace.refusals.set(agent, refused);
            continue;
        }
        let Some(body) = &stored.body else { continue };
        let known: Known = serde_json::from_slice(body)
            .map_err(|_| LogError::Corrupt(format!("the agent {} cannot be read", stored.aggregate.id)))?;
        workspace.people.learn(known);
    }
    for stored in log
        .states(&id, AggregateKind::CustomerChannel, true, None, all)
        .await?
    {
        workspace
            .customer_versions
            .insert(stored.aggregate.id, stored.version);
    }
    for stored in log
        .states(&id, AggregateKind::Conversation, true, None, all)
        .await?
    {
        if let Some(state) = parse_state(&stored)? {
            workspace.adopt(state);
        }
    }
    for mark in log.marks(&id).await? {
        workspace.take_mark(mark);
    }
    for mention in log.unread_mentions(&id).await? {
        workspace
            .people
            .mention(&mention.agent, mention.seq, mention.conversation);
    }
    let versions = workspace
        .conversations
        .values()
        .filter_map(|it| it.committed.as_ref());
    let newest = versions.map(|it| it.version).max().unwrap_or(0);
    workspace.follow_up_to(newest).await?;
    workspace.people.changed.clear();
    workspace.set_out_board();
    workspace.count_anew();
    let (conversations, took) = (workspace.conversations.len(), begun.elapsed());
    tracing::info!(workspace = %id, conversations, seq = head.seq, ?took, "loaded");
    Ok(workspace)
}

impl Workspace {
    fn empty(
        deps: Arc<Deps>,
        id: WorkspaceId,
        head: &crate::log::Head,
        internal: mpsc::UnboundedSender<Internal>,
        replies: watch::Sender<u64>,
        started: Instant,
        second: u64,
    ) -> Self {
        let budget = deps.options.budgets.of(&id).clone();
        let mut recent = Recent::default();
        recent.head(head.seq, head.hash);
        let settings = InForce::new(&deps.options.settings);
        Self {
            id,
            deps,
            epoch: head.epoch,
            head: head.seq,
            hash: head.hash,
            last_at_ms: head.at_ms,
            next_seq: head.seq + 1,
            conversations: Map::default(),
            closed: VecDeque::new(),
            customers: Map::default(),
            customer_versions: Map::default(),
            offers: BTreeSet::new(),
            people: People::default(),
            refusals: Arc::default(),
            settings,
            routing: super::routing::Routing::default(),
            stats: super::stats::Stats::default(),
            sessions: Slab::new(),
            joining: Map::default(),
            lanes: super::lanes::Lanes::default(),
            keys: Map::default(),
            key_order: VecDeque::new(),
            batch: VecDeque::new(),
            last_item: None,
            settling: None,
            gather_until: started,
            company: super::company::Company::default(),
            submitted: 0,
            views: Views::at_most(budget.views),
            budget,
            unclosed: (0, 0),
            watched: Map::default(),
            untold: Set::default(),
            active: Set::default(),
            recent,
            bulks: Map::default(),
            next_bulk: 0,
            started,
            second,
            next_flush_ms: None,
            draining: false,
            closing: false,
            following: false,
            behind: false,
            short: None,
            fetched: BTreeSet::new(),
            fresh: super::fresh::Fresh::default(),
            ended: false,
            remote: super::remote::Remote::default(),
            unannounced: Vec::new(),
            outrun_ms: None,
            not_before_ms: None,
            catching_up: false,
            generation: 0,
            internal,
            replies,
        }
    }

    fn adopt(&mut self, state: Conversation) {
        if let Some(claim) = &state.claim {
            self.people.granted(&claim.agent, state.id, claim.token);
        }
        if state.offer.is_some() {
            self.offers.insert(state.id);
        }
        let state = Arc::new(state);
        self.index_customer(&state);
        let entry = Entry {
            committed: Some(state.clone()),
            ..Entry::default()
        };
        self.conversations.insert(state.id, entry);
    }

    /// Puts a stored conversation into the index of its customer.
    pub(crate) fn index_customer(&mut self, state: &Conversation) {
        let aggregate = customer_aggregate(self.epoch, &state.channel, &state.customer.id);
        let version = self.customer_versions.remove(&aggregate.id);
        let customer = self
            .customers
            .entry((state.channel.clone(), state.customer.id.clone()))
            .or_default();
        customer.version = version.unwrap_or(customer.version);
        customer.unclosed.retain(|id| *id != state.id);
        if state.status != dibs_protocol::terms::Status::Closed {
            customer.unclosed.push(state.id);
        }
    }

    fn take_mark(&mut self, mark: Mark) {
        let Some(value) = mark.value else { return };
        match mark.name.as_str() {
            "inbox" => {
                self.people.entry(&mark.agent).read_up_to = value.parse().unwrap_or(0);
            }
            "status" => {
                if let Ok(said) = serde_json::from_str::<Said>(&value) {
                    self.people.entry(&mark.agent).said = said;
                }
            }
            conversation => {
                let entry = conversation
                    .parse()
                    .ok()
                    .and_then(|id| self.conversations.get_mut(&id));
                if let (Some(entry), Ok(up_to)) = (entry, value.parse()) {
                    entry.marks.push((mark.agent, up_to));
                }
            }
        }
    }
}
