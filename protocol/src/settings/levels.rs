//! Promises about time, the hours in which they count, and what happens by itself when they are at risk.

use super::settings_struct;
use crate::ids::{AgentId, ChannelId, QueueId, TeamId};
use crate::strict::present;
use crate::terms::{Priority, SlaTarget};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

settings_struct!(
    /// Which conversations are meant: within a list any value matches, between lists all must; an empty list means any.
    #[derive(Default)]
    Match {
        /// Where they wait.
        #[serde(default)]
        pub queue: Vec<QueueId>,
        /// The customer's tier.
        #[serde(default)]
        pub tier: Vec<String>,
        /// How urgent they are.
        #[serde(default)]
        pub priority: Vec<Priority>,
        /// Where they came from.
        #[serde(default)]
        pub channel: Vec<ChannelId>,
    }
);

/// A part of a whole, 0 to 1. Any number can be read; whether it is a part is checked with the other settings.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(transparent)]
#[ts(type = "number")]
pub struct Fraction(pub f64);

impl PartialEq for Fraction {
    fn eq(&self, other: &Self) -> bool {
        self.0.total_cmp(&other.0).is_eq()
    }
}

impl Eq for Fraction {}

/// When a promise counts as being at risk, where nothing is set: three quarters of its time are gone.
pub const WARN_AT: Fraction = Fraction(0.75);

fn warn_at() -> Fraction {
    WARN_AT
}

settings_struct!(
    /// A promise about time.
    ServiceLevel {
        /// What to call it.
        pub name: String,
        /// For which conversations it is made.
        #[serde(default, rename = "match")]
        pub matches: Match,
        /// A new customer is answered within so many seconds; absent: not promised.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional, type = "number")]
        pub first_response_s: Option<u64>,
        /// Every later message is answered within so many seconds; absent: not promised.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional, type = "number")]
        pub next_response_s: Option<u64>,
        /// The conversation is resolved within so many seconds; absent: not promised.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional, type = "number")]
        pub resolution_s: Option<u64>,
        /// After which part of its time a promise is at risk.
        #[serde(default = "warn_at")]
        pub warn_at: Fraction,
        /// The hours in which its seconds count; absent: always.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        #[ts(optional)]
        pub hours: Option<String>,
    }
);

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
pub enum Weekday {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

settings_struct!(
    /// Opening hours: in which zone, when every week, and on which days not.
    Hours {
        /// The time zone, by its name in the IANA database, such as `Europe/Berlin`.
        pub zone: String,
        /// When it is open, every week.
        #[serde(default)]
        pub weekly: Vec<WeeklyInterval>,
        /// Days on which it is closed all day, such as `2026-12-25`.
        #[serde(default)]
        pub holidays: Vec<String>,
    }
);

settings_struct!(
    /// Open from one time of the day to another, on some days of the week. What goes on past midnight is two intervals.
    WeeklyInterval {
        /// On which days.
        pub days: Vec<Weekday>,
        /// From, in local time, such as `09:00`.
        pub from: String,
        /// To, in local time, such as `17:30`, or `24:00` for the end of the day.
        pub to: String,
    }
);

settings_struct!(
    /// What happens by itself when a conversation waits too long. Each rule acts once per waiting spell.
    Escalation {
        /// What to call it; each rule has a name of its own.
        pub name: String,
        /// When it acts.
        pub on: EscalationTrigger,
        /// On which conversations.
        #[serde(default, rename = "match")]
        pub matches: Match,
        /// What it does, in this order.
        pub actions: Vec<EscalationAction>,
    }
);

/// When an escalation acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
pub enum EscalationTrigger {
    /// One of these promises is at risk; an empty list means any.
    Warned(Vec<SlaTarget>),
    /// One of these promises was broken; an empty list means any.
    Breached(Vec<SlaTarget>),
    /// The customer has waited for more than so many seconds.
    WaitingLongerThanS(#[ts(type = "number")] u64),
    /// So many of the customer's messages are unanswered.
    UnansweredAtLeast(u32),
}

/// What an escalation does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
pub enum EscalationAction {
    /// Raises the priority to this one, if it is lower.
    RaisePriority(Priority),
    /// Moves the conversation to this queue.
    MoveToQueue(QueueId),
    /// Adds tags.
    AddTags(Vec<String>),
    /// Mentions a team in a note by the system.
    MentionTeam(TeamId),
    /// Mentions agents in a note by the system.
    Notify(Vec<AgentId>),
    /// Takes the conversation from whoever holds it and is responsible for it.
    Unassign,
}
