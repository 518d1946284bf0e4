//! A workspace's settings as decisions read them: what the workspace has set, on top of the server's configuration.
//! What makes no sense is found in `check`, who may change them is decided in `change`.

mod change;
mod check;
mod escalation;
mod names;

pub use change::{Changed, change};
pub use check::{LONGEST_GRACE_MS, check};

use crate::sla::Calendar;
use dibs_protocol::event::Customer;
use dibs_protocol::ids::{AgentId, ChannelId, QueueId, TeamId};
use dibs_protocol::settings::{Match, QueueSettings, WorkspaceSettings};
use dibs_protocol::terms::Priority;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a workspace can set, as it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where conversations wait that name no queue.
    pub default_queue: QueueId,
    /// How long a holder may be gone, in milliseconds.
    pub claim_grace_ms: i64,
    /// How long a holder may do nothing in the conversation, in milliseconds; `None`: for ever.
    pub claim_idle_ms: Option<i64>,
    /// How long an offer stands, in milliseconds.
    pub offer_ttl_ms: i64,
    /// Whether agents may take over, not only supervisors.
    pub agents_take_over: bool,
    /// How long closed conversations keep what is personal, in milliseconds; `None`: for ever.
    pub retain_closed_ms: Option<i64>,
    /// All that the workspace has set.
    pub workspace: Arc<WorkspaceSettings>,
    /// Its opening hours, ready to reckon with.
    pub calendars: Arc<BTreeMap<String, Calendar>>,
}

impl Default for Settings {
    /// What holds where neither the configuration nor the workspace says anything.
    fn default() -> Self {
        Self {
            default_queue: QueueId::new("inbox").expect("letters are an id"),
            claim_grace_ms: 30_000,
            claim_idle_ms: None,
            offer_ttl_ms: 60_000,
            agents_take_over: false,
            retain_closed_ms: None,
            workspace: Arc::default(),
            calendars: Arc::default(),
        }
    }
}

impl Settings {
    /// These settings, as the configuration has them, with what a workspace has set on top. Opening hours that make no
    /// sense ([`check`] names them) are left out.
    #[must_use]
    pub fn with(&self, set: WorkspaceSettings) -> Self {
        let ms = |s: u64| i64::try_from(s).unwrap_or(i64::MAX).saturating_mul(1_000);
        let claims = &set.claims;
        let calendars = set
            .hours
            .iter()
            .filter_map(|(name, hours)| Some((name.clone(), Calendar::new(hours).ok()?)))
            .collect();
        Self {
            default_queue: self.default_queue.clone(),
            claim_grace_ms: claims.grace_s.map_or(self.claim_grace_ms, ms),
            claim_idle_ms: match claims.idle_s {
                None => self.claim_idle_ms,
                Some(0) => None,
                Some(s) => Some(ms(s)),
            },
            offer_ttl_ms: claims.offer_ttl_s.map_or(self.offer_ttl_ms, ms),
            agents_take_over: claims.agents_take_over.unwrap_or(self.agents_take_over),
            retain_closed_ms: self.retain_closed_ms,
            calendars: Arc::new(calendars),
            workspace: Arc::new(set),
        }
    }

    /// What is set for a queue, if anything is.
    #[must_use]
    pub fn queue(&self, id: &QueueId) -> Option<&QueueSettings> {
        self.workspace.queues.iter().find(|it| it.id == *id)
    }

    /// The members that the settings give a team, besides those whose tokens name it.
    #[must_use]
    pub fn members(&self, team: &TeamId) -> &[AgentId] {
        let team = self.workspace.teams.iter().find(|it| it.id == *team);
        team.map_or(&[], |it| &it.members)
    }
}

/// What a [`Match`] looks at.
#[derive(Debug, Clone, Copy)]
pub struct Matched<'a> {
    /// Where it waits.
    pub queue: &'a QueueId,
    /// Who wrote.
    pub customer: &'a Customer,
    /// How urgent it is.
    pub priority: Priority,
    /// Where it came from.
    pub channel: &'a ChannelId,
}

/// Whether the conversation is meant: within a list any value matches, between lists all must, an empty list means any.
#[must_use]
pub fn matches(rule: &Match, it: Matched<'_>) -> bool {
    let any = |empty: bool, found: bool| empty || found;
    let tier = it.customer.tier.as_ref();
    any(rule.queue.is_empty(), rule.queue.contains(it.queue))
        && any(
            rule.tier.is_empty(),
            tier.is_some_and(|tier| rule.tier.contains(tier)),
        )
        && any(rule.priority.is_empty(), rule.priority.contains(&it.priority))
        && any(rule.channel.is_empty(), rule.channel.contains(it.channel))
}
