//! Filters of views and lists, resolved for who asks, so that equal meanings are equal and can share one view.

use crate::context::Agent;
use crate::conversation::Conversation;
use crate::transfers::offered_to;
use dibs_protocol::filter::{Filter, TagFilter};
use dibs_protocol::ids::{AgentId, ChannelId, ConversationId, CustomerId, QueueId, TeamId};
use dibs_protocol::terms::{Priority, Status};
use dibs_protocol::time::Time;

/// A filter with "me" resolved, arrays sorted and each value once, and text case-folded. `None` means: any.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ViewFilter {
    status: Option<Vec<Status>>,
    claimed: Option<bool>,
    claimed_by: Option<AgentId>,
    assignee: Option<Option<AgentId>>,
    team: Option<Vec<Option<TeamId>>>,
    queue: Option<Vec<QueueId>>,
    channel: Option<Vec<ChannelId>>,
    priority: Option<Vec<Priority>>,
    tags_any: Option<Vec<String>>,
    tags_all: Vec<String>,
    tags_none: Vec<String>,
    customer: Option<CustomerId>,
    tier: Option<Vec<Option<String>>>,
    waiting_longer_than_ms: Option<i64>,
    text: Option<String>,
    snoozed: Option<bool>,
    mentions: Option<(AgentId, bool)>,
    offered: Option<(AgentId, Vec<TeamId>, bool)>,
    sla_at_risk: Option<bool>,
    sla_breached: Option<bool>,
}

/// The narrowest index by which a change can touch a view.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Relevance {
    /// Only conversations that this agent holds.
    Holder(AgentId),
    /// Only conversations that this agent is responsible for.
    Assignee(AgentId),
    /// Only conversations in which this agent has unread mentions.
    Mentions(AgentId),
    /// Only conversations offered to this agent or one of these teams.
    OfferedTo(AgentId, Vec<TeamId>),
    /// Any conversation.
    Everything,
}

impl ViewFilter {
    /// Resolves a filter for who asks.
    #[must_use]
    pub fn resolve(filter: &Filter, me: &Agent) -> Self {
        let who = |agent: &AgentId| {
            if agent.as_str() == "me" {
                me.id.clone()
            } else {
                agent.clone()
            }
        };
        let claimed_by = filter.claimed_by.as_ref().map(who);
        let tags = filter.tags.clone().unwrap_or_default();
        let TagFilter { any, all, none } = tags;
        let all_statuses = |list: &Vec<Status>| list.len() == Status::ALL.len();
        let all_priorities = |list: &Vec<Priority>| list.len() == Priority::ALL.len();
        Self {
            status: set(filter.status.as_ref()).filter(|list| !all_statuses(list)),
            claimed: filter
                .claimed
                .filter(|claimed| !(*claimed && claimed_by.is_some())),
            claimed_by,
            assignee: filter.assignee.as_ref().map(|agent| agent.as_ref().map(who)),
            team: set(filter.team.as_ref()),
            queue: set(filter.queue.as_ref()),
            channel: set(filter.channel.as_ref()),
            priority: set(filter.priority.as_ref()).filter(|list| !all_priorities(list)),
            tags_any: set(any.as_ref()),
            tags_all: set(all.as_ref()).unwrap_or_default(),
            tags_none: set(none.as_ref()).unwrap_or_default(),
            customer: filter.customer.clone(),
            tier: set(filter.tier.as_ref()),
            waiting_longer_than_ms: filter
                .waiting_longer_than_s
                .map(|s| i64::try_from(s).unwrap_or(i64::MAX).saturating_mul(1_000)),
            text: filter.text.as_deref().map(fold),
            snoozed: filter.snoozed,
            mentions: filter.mentions_me.map(|wanted| (me.id.clone(), wanted)),
            offered: filter
                .offered_to_me
                .map(|wanted| (me.id.clone(), set(Some(&me.teams)).unwrap_or_default(), wanted)),
            sla_at_risk: filter.sla_at_risk,
            sla_breached: filter.sla_breached,
        }
    }

    /// Whether the conversation is in the list now. `unread` tells whether an agent has unread mentions in it.
    #[must_use]
    pub fn matches(
        &self,
        state: &Conversation,
        now: Time,
        unread: &dyn Fn(&AgentId, ConversationId) -> bool,
    ) -> bool {
        self.place_matches(state)
            && self.people_match(state)
            && self.tags_match(&state.tags)
            && self.time_matches(state, now)
            && self.sla_matches(state)
            && self
                .mentions
                .as_ref()
                .is_none_or(|(agent, wanted)| unread(agent, state.id) == *wanted)
            && self.text_matches(state)
    }

    fn place_matches(&self, state: &Conversation) -> bool {
        any_of(self.status.as_ref(), &state.status)
            && any_of(self.queue.as_ref(), &state.queue)
            && any_of(self.channel.as_ref(), &state.channel)
            && any_of(self.priority.as_ref(), &state.priority)
            && any_of(self.tier.as_ref(), &state.customer.tier)
            && self
                .customer
                .as_ref()
                .is_none_or(|customer| *customer == state.customer.id)
    }

    fn people_match(&self, state: &Conversation) -> bool {
        let holder = state.holder();
        self.claimed.is_none_or(|claimed| claimed == holder.is_some())
            && self.claimed_by.as_ref().is_none_or(|agent| holder == Some(agent))
            && self
                .assignee
                .as_ref()
                .is_none_or(|agent| *agent == state.assignee)
            && any_of(self.team.as_ref(), &state.team)
            && self.offered.as_ref().is_none_or(|(agent, teams, wanted)| {
                state
                    .offer
                    .as_ref()
                    .is_some_and(|offer| offered_to(offer, agent, teams))
                    == *wanted
            })
    }

    fn tags_match(&self, tags: &[String]) -> bool {
        self.tags_any
            .as_ref()
            .is_none_or(|any| any.iter().any(|tag| tags.contains(tag)))
            && self.tags_all.iter().all(|tag| tags.contains(tag))
            && !self.tags_none.iter().any(|tag| tags.contains(tag))
    }

    fn time_matches(&self, state: &Conversation, now: Time) -> bool {
        self.snoozed
            .is_none_or(|snoozed| snoozed == state.snoozed_until.is_some())
            && (self.waiting_longer_than_ms.is_none() || self.crossing(state).is_some_and(|at| at <= now))
    }

    fn sla_matches(&self, state: &Conversation) -> bool {
        let broken = state.sla.iter().any(|it| it.breached);
        let at_risk = !broken && state.sla.iter().any(|it| it.warned);
        self.sla_breached.is_none_or(|wanted| wanted == broken)
            && self.sla_at_risk.is_none_or(|wanted| wanted == at_risk)
    }

    fn text_matches(&self, state: &Conversation) -> bool {
        let Some(text) = &self.text else {
            return true;
        };
        let last = state
            .last_message
            .as_ref()
            .map(|message| message.excerpt.as_str());
        let places = [state.subject.as_deref(), Some(state.customer.name.as_str()), last];
        places
            .into_iter()
            .flatten()
            .any(|place| fold(place).contains(text.as_str()))
    }

    /// When `waiting_longer_than_s` begins to hold for the conversation: the first millisecond that is longer. `None` when
    /// the filter has no such condition or the conversation does not wait.
    #[must_use]
    pub fn crossing(&self, state: &Conversation) -> Option<Time> {
        let longer_than_ms = self.waiting_longer_than_ms?;
        Some(state.waiting_since?.plus_ms(longer_than_ms).plus_ms(1))
    }

    /// The narrowest index by which changes can touch a view with this filter.
    #[must_use]
    pub fn relevance(&self) -> Relevance {
        if let Some((agent, teams, true)) = &self.offered {
            return Relevance::OfferedTo(agent.clone(), teams.clone());
        }
        if let Some((agent, true)) = &self.mentions {
            return Relevance::Mentions(agent.clone());
        }
        if let Some(agent) = &self.claimed_by {
            return Relevance::Holder(agent.clone());
        }
        if let Some(Some(agent)) = &self.assignee {
            return Relevance::Assignee(agent.clone());
        }
        Relevance::Everything
    }

    /// Whether it looks into texts, which costs more.
    #[must_use]
    pub fn is_text(&self) -> bool {
        self.text.is_some()
    }

    /// Whether a closed conversation may match: one that is neither held, offered nor snoozed.
    #[must_use]
    pub fn wants_closed(&self) -> bool {
        let open_only = self.claimed == Some(true)
            || self.claimed_by.is_some()
            || self.snoozed == Some(true)
            || self.sla_at_risk == Some(true)
            || self.sla_breached == Some(true)
            || matches!(self.offered, Some((_, _, true)));
        any_of(self.status.as_ref(), &Status::Closed) && !open_only
    }
}

/// The values sorted, each once.
fn set<T: Ord + Clone>(list: Option<&Vec<T>>) -> Option<Vec<T>> {
    let mut list = list?.clone();
    list.sort_unstable();
    list.dedup();
    Some(list)
}

fn any_of<T: Ord>(list: Option<&Vec<T>>, value: &T) -> bool {
    list.is_none_or(|list| list.binary_search(value).is_ok())
}

/// Case-folds a text: lower, upper and lower case again, character by character, so that `ß`, `ẞ` and `SS` find one another, and
/// so do `σ` and `ς`.
fn fold(text: &str) -> String {
    let lower = text.chars().flat_map(char::to_lowercase);
    lower
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect()
}
