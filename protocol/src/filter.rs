//! Filters of views and lists, as the wire writes them. What they match is decided in `rules`.

use crate::ids::{AgentId, ChannelId, CustomerId, QueueId, TeamId};
use crate::limits;
use crate::refusal::Refusal;
use crate::strict::{nullable, present, present_object};
use crate::terms::{Priority, Status};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A tag condition: any of, all of, none of.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct TagFilter {
    /// At least one of these.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    #[ts(optional)]
    pub any: Option<Vec<String>>,
    /// Each of these.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    #[ts(optional)]
    pub all: Option<Vec<String>>,
    /// None of these.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    #[ts(optional)]
    pub none: Option<Vec<String>>,
}

/// Which conversations to show. Within an array any value matches, between keys all must; null in an array means none.
///
/// `claimed_by` and `assignee` take an agent's id or `"me"`; an agent whose id is `me` cannot be named there.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Status.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    #[ts(optional)]
    pub status: Option<Vec<Status>>,
    /// Whether somebody holds it.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    #[ts(optional)]
    pub claimed: Option<bool>,
    /// Who holds it.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    #[ts(optional)]
    pub claimed_by: Option<AgentId>,
    /// Who is responsible; null: nobody.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "nullable"
    )]
    #[ts(optional, type = "AgentId | null")]
    pub assignee: Option<Option<AgentId>>,
    /// Which team is responsible.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    #[ts(optional)]
    pub team: Option<Vec<Option<TeamId>>>,
    /// Where it waits.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    #[ts(optional)]
    pub queue: Option<Vec<QueueId>>,
    /// Where it came from.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    #[ts(optional)]
    pub channel: Option<Vec<ChannelId>>,
    /// How urgent it is.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    #[ts(optional)]
    pub priority: Option<Vec<Priority>>,
    /// Its tags.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present_object"
    )]
    #[ts(optional)]
    pub tags: Option<TagFilter>,
    /// The customer's id.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    #[ts(optional)]
    pub customer: Option<CustomerId>,
    /// The customer's tier.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    #[ts(optional)]
    pub tier: Option<Vec<Option<String>>>,
    /// Unanswered for more than so many seconds.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    #[ts(optional, type = "number")]
    pub waiting_longer_than_s: Option<u64>,
    /// Case-folded substring of subject, customer's name and last message.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    #[ts(optional)]
    pub text: Option<String>,
    /// Whether it sleeps until a time.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    #[ts(optional)]
    pub snoozed: Option<bool>,
    /// Whether it has mentions that the asker has not read.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    #[ts(optional)]
    pub mentions_me: Option<bool>,
    /// Whether a transfer is offered to the asker or one of their teams.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    #[ts(optional)]
    pub offered_to_me: Option<bool>,
    /// Whether a promise about time is at risk and none is broken.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    #[ts(optional)]
    pub sla_at_risk: Option<bool>,
    /// Whether a promise about time is broken.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    #[ts(optional)]
    pub sla_breached: Option<bool>,
}

impl Filter {
    /// Checks lengths and numbers.
    ///
    /// # Errors
    /// `invalid`, naming the key within `filter`.
    pub fn check(&self) -> Result<(), Refusal> {
        let max = limits::FILTER_VALUES;
        let many = |field: &str, len: Option<usize>| limits::count(field, len.unwrap_or(0), max);
        many("filter.team", self.team.as_ref().map(Vec::len))?;
        many("filter.queue", self.queue.as_ref().map(Vec::len))?;
        many("filter.channel", self.channel.as_ref().map(Vec::len))?;
        many("filter.status", self.status.as_ref().map(Vec::len))?;
        many("filter.priority", self.priority.as_ref().map(Vec::len))?;
        many("filter.tier", self.tier.as_ref().map(Vec::len))?;
        if let Some(tags) = &self.tags {
            for (field, list) in [
                ("filter.tags.any", &tags.any),
                ("filter.tags.all", &tags.all),
                ("filter.tags.none", &tags.none),
            ] {
                limits::tags(field, list.as_deref().unwrap_or_default())?;
            }
        }
        for tier in self.tier.iter().flatten().flatten() {
            limits::line("filter.tier", tier)?;
        }
        if let Some(text) = &self.text {
            limits::line("filter.text", text)?;
            if text.is_empty() {
                return Err(Refusal::invalid(
                    "filter.text",
                    "filter.text must not be empty: leave it out",
                ));
            }
        }
        limits::integer(
            "filter.waiting_longer_than_s",
            self.waiting_longer_than_s.unwrap_or(0),
        )
    }
}
