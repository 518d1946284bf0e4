//! What agents share: replies and lists to pick from.

use super::settings_struct;
use crate::filter::Filter;
use crate::ids::{AgentId, TeamId};
use crate::strict::object;
use crate::terms::Sort;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

settings_struct!(
    /// A reply that agents can pick.
    Canned {
        /// What to call it; each has a name of its own.
        pub name: String,
        /// Its text.
        pub text: String,
    }
);

settings_struct!(
    /// A list that agents can pick.
    SavedView {
        /// What to call it; each has a name of its own.
        pub name: String,
        /// What it shows.
        #[serde(default, deserialize_with = "object")]
        pub filter: Filter,
        /// In which order.
        #[serde(default = "waiting")]
        pub sort: Sort,
        /// Who is offered it: everyone, unless it is said otherwise.
        #[serde(default)]
        pub shared_with: ViewAudience,
    }
);

fn waiting() -> Sort {
    Sort::Waiting
}

/// Who is offered a saved view.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
pub enum ViewAudience {
    /// Every agent.
    #[default]
    Everyone,
    /// The agents of a team.
    Team(TeamId),
    /// One agent.
    Agent(AgentId),
}
