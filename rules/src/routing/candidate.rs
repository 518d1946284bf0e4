//! An agent as routing sees them: whether they take work, what they can do, how much they hold and may hold.

use dibs_protocol::ids::{AgentId, ChannelId, TeamId};
use dibs_protocol::settings::QueueSettings;
use dibs_protocol::terms::Presence;
use dibs_protocol::time::Time;
use std::collections::BTreeMap;

use crate::settings::Settings;

/// Whether an agent takes work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Standing {
    /// Connected, and says so.
    Online,
    /// Connected, but not at the desk.
    Away,
    /// Connected, takes no more.
    Busy,
    /// Has no session anywhere.
    #[default]
    Gone,
}

impl Standing {
    /// From an agent's word about themselves, and whether they have a session anywhere.
    #[must_use]
    pub fn of(said: Presence, connected: bool) -> Self {
        match said {
            _ if !connected => Self::Gone,
            Presence::Online => Self::Online,
            Presence::Away => Self::Away,
            Presence::Busy => Self::Busy,
        }
    }
}

/// How many conversations an agent is given at most.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Limits {
    /// In all; `None`: no limit.
    pub total: Option<u32>,
    /// Of a channel; absent ones: no limit of their own.
    pub by_channel: BTreeMap<ChannelId, u32>,
}

impl Limits {
    /// What the settings say of an agent.
    #[must_use]
    pub fn of(agent: &AgentId, settings: &Settings) -> Self {
        let set = &settings.workspace;
        let own = set.agents.iter().find(|it| it.id == *agent);
        let mut by_channel = set.capacity.by_channel.clone();
        if let Some(own) = own {
            by_channel.extend(
                own.capacity_by_channel
                    .iter()
                    .map(|(id, most)| (id.clone(), *most)),
            );
        }
        Self {
            total: own.and_then(|it| it.capacity).or(set.capacity.default),
            by_channel,
        }
    }
}

/// How many conversations an agent holds, or is being asked to take.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Load {
    /// In all.
    pub total: u32,
    /// Of each channel; never 0.
    pub by_channel: BTreeMap<ChannelId, u32>,
}

impl Load {
    pub(crate) fn add(&mut self, channel: &ChannelId) {
        self.total += 1;
        *self.by_channel.entry(channel.clone()).or_default() += 1;
    }

    pub(crate) fn remove(&mut self, channel: &ChannelId) {
        self.total = self.total.saturating_sub(1);
        if let Some(of_channel) = self.by_channel.get_mut(channel) {
            *of_channel -= 1;
            if *of_channel == 0 {
                self.by_channel.remove(channel);
            }
        }
    }
}

/// An agent as routing sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Who.
    pub id: AgentId,
    /// Whether they take work.
    pub standing: Standing,
    /// Where they belong, sorted.
    pub teams: Vec<TeamId>,
    /// What they can do, sorted.
    pub skills: Vec<String>,
    /// Tiers of customers for which they are a named senior.
    pub senior_for: Vec<String>,
    /// How much they may hold.
    pub limits: Limits,
    /// How much they hold.
    pub load: Load,
    /// When they were last given a conversation, or took one; `None`: never that is known.
    pub given_at: Option<Time>,
}

impl Candidate {
    /// Somebody of whom nothing is known but the id.
    #[must_use]
    pub fn new(id: AgentId) -> Self {
        Self {
            id,
            standing: Standing::Gone,
            teams: Vec::new(),
            skills: Vec::new(),
            senior_for: Vec::new(),
            limits: Limits::default(),
            load: Load::default(),
            given_at: None,
        }
    }

    /// Whether they take work and have room for some.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.standing == Standing::Online && self.limits.total.is_none_or(|most| self.load.total < most)
    }

    /// Whether they have room for one more of a channel.
    #[must_use]
    pub fn has_room(&self, channel: &ChannelId) -> bool {
        let of_channel = self.limits.by_channel.get(channel).is_none_or(|most| {
            let held = self.load.by_channel.get(channel).copied().unwrap_or(0);
            held < *most
        });
        of_channel && self.limits.total.is_none_or(|most| self.load.total < most)
    }

    /// Whether they work this queue.
    #[must_use]
    pub fn serves(&self, teams: &[TeamId]) -> bool {
        teams.is_empty() || teams.iter().any(|team| self.teams.contains(team))
    }

    /// Whether they can do all that the queue asks for.
    #[must_use]
    pub fn is_skilled(&self, queue: &QueueSettings) -> bool {
        queue.skills.iter().all(|skill| self.skills.contains(skill))
    }
}
