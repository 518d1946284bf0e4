//! What a workspace can set: people and queues here, promises about time in `levels`, what agents share in `shared`.
//! Whether it makes sense as a whole is decided in `rules`.

mod fault;
mod levels;
mod shared;

pub use fault::Fault;
pub use levels::{
    Escalation, EscalationAction, EscalationTrigger, Fraction, Hours, Match, ServiceLevel, Weekday,
    WeeklyInterval,
};
pub use shared::{Canned, SavedView, ViewAudience};

use crate::ids::{AgentId, ChannelId, QueueId, TeamId};
use crate::strict::present;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use ts_rs::TS;

macro_rules! settings_struct {
    ($(#[$doc:meta])* $name:ident { $($body:tt)* }) => {
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
        $(#[$doc])*
        #[serde(deny_unknown_fields)]
        pub struct $name { $($body)* }
    };
}
pub(crate) use settings_struct;

settings_struct!(
    /// All that a workspace has set. Everything has a default: `{}` sets nothing, and the server's configuration holds.
    #[derive(Default)]
    WorkspaceSettings {
        /// Where conversations wait, and how they find an agent. A queue that is not listed here is worked by hand.
        #[serde(default)]
        pub queues: Vec<QueueSettings>,
        /// Teams, with members besides those whose tokens name them.
        #[serde(default)]
        pub teams: Vec<TeamSettings>,
        /// What is known of single agents besides their tokens.
        #[serde(default)]
        pub agents: Vec<AgentSettings>,
        /// How many conversations an agent is given who is not listed in `agents`.
        #[serde(default)]
        pub capacity: Capacity,
        /// Promises about time: the first one that matches a conversation holds for it.
        #[serde(default)]
        pub service_levels: Vec<ServiceLevel>,
        /// Opening hours, by the name under which service levels use them.
        #[serde(default)]
        #[ts(type = "Record<string, Hours>")]
        pub hours: BTreeMap<String, Hours>,
        /// How claims live and end.
        #[serde(default)]
        pub claims: ClaimSettings,
        /// An agent who did nothing for so many seconds counts as away; absent: never.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional, type = "number")]
        pub away_after_s: Option<u64>,
        /// What happens by itself when a conversation waits too long.
        #[serde(default)]
        pub escalations: Vec<Escalation>,
        /// A resolved conversation closes after so many days; absent: never by itself.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional)]
        pub auto_close_after_days: Option<u32>,
        /// Replies that agents can pick.
        #[serde(default)]
        pub canned: Vec<Canned>,
        /// Lists that agents can pick.
        #[serde(default)]
        pub views: Vec<SavedView>,
    }
);

/// How a queue's conversations find an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
pub enum Routing {
    /// Agents pick them.
    #[default]
    Manual,
    /// One agent after the other.
    RoundRobin,
    /// Whoever has the most room.
    LeastLoaded,
    /// Whoever was given none for the longest time.
    LongestIdle,
}

/// How a routed conversation comes to its agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
pub enum QueueDelivery {
    /// They hold it at once.
    #[default]
    Push,
    /// They are asked first.
    Offer,
}

/// How long an offered conversation waits for an answer, in seconds, where nothing is set.
pub const OFFER_S: u64 = 30;

fn offer_s() -> u64 {
    OFFER_S
}

settings_struct!(
    /// Where conversations wait, and how they find an agent.
    QueueSettings {
        /// The queue.
        pub id: QueueId,
        /// What to call it; its id otherwise.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional)]
        pub name: Option<String>,
        /// How its conversations find an agent: by hand, unless it is said otherwise.
        #[serde(default)]
        pub routing: Routing,
        /// How a routed conversation comes to its agent: at once, unless it is said otherwise.
        #[serde(default)]
        pub delivery: QueueDelivery,
        /// How long an offered conversation waits for an answer, in seconds.
        #[serde(default = "offer_s")]
        #[ts(type = "number")]
        pub offer_s: u64,
        /// What an agent must be able to do to be given its conversations.
        #[serde(default)]
        pub skills: Vec<String>,
        /// A conversation that found nobody for so many seconds is given to agents without these skills; absent: never.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional, type = "number")]
        pub relax_skills_after_s: Option<u64>,
        /// Customers of these tiers come first, in this order; all others follow.
        #[serde(default)]
        pub tiers_first: Vec<String>,
        /// The teams that work it; none: every agent.
        #[serde(default)]
        pub teams: Vec<TeamId>,
        /// A returning customer goes to the agent who answered last, if that was at most so many seconds ago; absent: no
        /// such preference.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional, type = "number")]
        pub sticky_s: Option<u64>,
    }
);

settings_struct!(
    /// A team.
    TeamSettings {
        /// The team.
        pub id: TeamId,
        /// What to call it; its id otherwise.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional)]
        pub name: Option<String>,
        /// Its members, besides those whose tokens name it.
        #[serde(default)]
        pub members: Vec<AgentId>,
    }
);

settings_struct!(
    /// What is known of one agent besides their token.
    AgentSettings {
        /// The agent.
        pub id: AgentId,
        /// What they can do, besides what their token says.
        #[serde(default)]
        pub skills: Vec<String>,
        /// How many conversations they are given at most; absent: the workspace's.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional)]
        pub capacity: Option<u32>,
        /// How many of each channel at most; absent ones: the workspace's.
        #[serde(default)]
        #[ts(type = "Record<string, number>")]
        pub capacity_by_channel: BTreeMap<ChannelId, u32>,
        /// Tiers of customers for which they are a named senior: these go to them first.
        #[serde(default)]
        pub senior_for: Vec<String>,
    }
);

settings_struct!(
    /// How many conversations an agent is given.
    #[derive(Default)]
    Capacity {
        /// At most so many; absent: no limit.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional)]
        pub default: Option<u32>,
        /// At most so many of a channel; absent ones: no limit of their own.
        #[serde(default)]
        #[ts(type = "Record<string, number>")]
        pub by_channel: BTreeMap<ChannelId, u32>,
    }
);

settings_struct!(
    /// How claims live and end. What is absent is as the server's configuration says.
    #[derive(Default)]
    ClaimSettings {
        /// How long a claim waits for its holder after the holder's last connection went, in seconds.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional, type = "number")]
        pub grace_s: Option<u64>,
        /// After how long a claim ends whose holder does nothing in the conversation, in seconds; 0: never.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional, type = "number")]
        pub idle_s: Option<u64>,
        /// How long an offered transfer stays open, in seconds.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional, type = "number")]
        pub offer_ttl_s: Option<u64>,
        /// Whether agents, and not only supervisors, may take over.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional)]
        pub agents_take_over: Option<bool>,
    }
);
