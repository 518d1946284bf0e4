//! The people of a workspace on this instance: who is known, who has sessions, what they hold and have not read.
//! Deliberately absent: sockets, the log.

use super::views::SessionKey;
use dibs_protocol::event::Actor;
use dibs_protocol::frame::PresenceRow;
use dibs_protocol::ids::{AgentId, ConversationId, TeamId};
use dibs_protocol::settings::TeamSettings;
use dibs_protocol::terms::{AgentKind, Presence, Role};
use dibs_protocol::time::Time;
use dibs_rules::Directory;
use dibs_rules::context::Agent;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What is stored of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    pub(crate) id: AgentId,
    pub(crate) name: String,
    pub(crate) kind: AgentKind,
    pub(crate) role: Role,
    pub(crate) teams: Vec<TeamId>,
    pub(crate) skills: Vec<String>,
}

impl Known {
    pub(crate) fn of(agent: &Agent) -> Self {
        let Agent {
            id,
            name,
            kind,
            role,
            teams,
            skills,
        } = agent.clone();
        Self {
            id,
            name,
            kind,
            role,
            teams,
            skills,
        }
    }

    /// Who stands as the actor of what is told about them.
    pub(crate) fn actor(&self) -> Actor {
        let id = self.id.clone();
        match self.kind {
            AgentKind::Human => Actor::Agent { id },
            AgentKind::Bot => Actor::Bot { id },
        }
    }

    /// Whether `agent_seen` would say the same of both.
    pub(crate) fn looks_like(&self, other: &Self) -> bool {
        self.name == other.name && self.role == other.role && self.teams == other.teams
    }
}

impl crate::log::Snapshot for Known {
    fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// An agent's own word about themselves, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Said {
    pub(crate) status: Presence,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) since: Option<Time>,
    /// They did not say so: they did nothing for long. It is over as soon as they do something.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) idle: bool,
}

impl Default for Said {
    /// Who said nothing takes work.
    fn default() -> Self {
        Self {
            status: Presence::Online,
            reason: None,
            since: None,
            idle: false,
        }
    }
}

/// Whether the log knows that an agent is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seat {
    /// The log has what is true.
    Settled,
    /// A change is on its way.
    Writing,
    /// A change could not be written and is to be tried again.
    Owed,
}

/// Somebody who holds something, and is gone, perhaps not yet for the whole grace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Absence {
    /// Since when, as far as their first timer says; milliseconds since the Unix epoch.
    pub(crate) since_ms: i64,
    /// When they are looked at again.
    pub(crate) next_ms: i64,
}

/// An agent on this instance.
#[derive(Debug)]
pub(crate) struct Person {
    /// What is stored of them; `None` until their first hello is stored.
    pub(crate) known: Option<Known>,
    pub(crate) said: Said,
    pub(crate) sessions: Vec<SessionKey>,
    pub(crate) last_seen: Option<Time>,
    pub(crate) claims: BTreeMap<ConversationId, u64>,
    pub(crate) unread: BTreeMap<u64, ConversationId>,
    /// How far they have read their inbox.
    pub(crate) read_up_to: u64,
    pub(crate) seat: Seat,
    /// What the log was last told, or is being told.
    pub(crate) seated: bool,
    /// What they watch without being seen: also after a resume, which names conversations only.
    pub(crate) silent: BTreeSet<ConversationId>,
    /// What the log could not be told about them yet.
    pub(crate) unstored: Option<Known>,
    /// They are gone, and hold something.
    pub(crate) absence: Option<Absence>,
}

impl Default for Person {
    fn default() -> Self {
        Self {
            known: None,
            said: Said::default(),
            sessions: Vec::new(),
            last_seen: None,
            claims: BTreeMap::new(),
            unread: BTreeMap::new(),
            read_up_to: 0,
            seat: Seat::Settled,
            seated: false,
            silent: BTreeSet::new(),
            unstored: None,
            absence: None,
        }
    }
}

impl Person {
    pub(crate) fn connected(&self) -> bool {
        !self.sessions.is_empty()
    }

    pub(crate) fn looks_silently(&mut self, id: ConversationId, silent: bool) {
        if silent {
            self.silent.insert(id);
        } else {
            self.silent.remove(&id);
        }
    }

    /// The row that tells of them; `elsewhere`: they have sessions on another instance.
    pub(crate) fn presence(&self, id: &AgentId, elsewhere: bool) -> PresenceRow {
        PresenceRow {
            id: id.clone(),
            status: self.said.status,
            connected: self.connected() || elsewhere,
            claims: self.claims.len(),
            reason: self.said.reason.clone(),
            since: self.said.since,
        }
    }
}

/// Everybody.
#[derive(Debug, Default)]
pub(crate) struct People {
    pub(crate) all: BTreeMap<AgentId, Person>,
    teams: BTreeMap<TeamId, BTreeSet<AgentId>>,
    /// What the settings add to them.
    given: BTreeMap<TeamId, BTreeSet<AgentId>>,
    /// Who has unread mentions in a conversation.
    mentioned: BTreeMap<ConversationId, BTreeSet<AgentId>>,
    /// Whose presence changed since it was last told.
    pub(crate) changed: BTreeSet<AgentId>,
    /// Of whom routing and statistics must know something new.
    pub(crate) restated: BTreeSet<AgentId>,
}

impl People {
    pub(crate) fn get(&self, id: &AgentId) -> Option<&Person> {
        self.all.get(id)
    }

    pub(crate) fn entry(&mut self, id: &AgentId) -> &mut Person {
        if !self.all.contains_key(id) {
            self.all.insert(id.clone(), Person::default());
        }
        self.all.entry(id.clone()).or_default()
    }

    /// Remembers what is stored of an agent.
    pub(crate) fn learn(&mut self, known: Known) {
        let id = known.id.clone();
        if let Some(before) = &self.entry(&id).known {
            for team in before.teams.clone() {
                if let Some(members) = self.teams.get_mut(&team) {
                    members.remove(&id);
                    if members.is_empty() {
                        self.teams.remove(&team);
                    }
                }
            }
        }
        for team in &known.teams {
            self.teams.entry(team.clone()).or_default().insert(id.clone());
        }
        self.entry(&id).known = Some(known);
        self.touched(&id);
    }

    /// Something about somebody has changed that others see.
    pub(crate) fn touched(&mut self, id: &AgentId) {
        self.changed.insert(id.clone());
        self.restated.insert(id.clone());
    }

    /// Where an agent belongs, by what their token says and by the settings.
    pub(crate) fn teams_of(&self, agent: &AgentId) -> Vec<TeamId> {
        let known = self.all.get(agent).and_then(|it| it.known.as_ref());
        let given = self.given.iter().filter(|(_, members)| members.contains(agent));
        let given = given.map(|(team, _)| team.clone());
        let teams: BTreeSet<TeamId> = known
            .into_iter()
            .flat_map(|it| it.teams.clone())
            .chain(given)
            .collect();
        teams.into_iter().collect()
    }

    pub(crate) fn sessions(&self, id: &AgentId) -> &[SessionKey] {
        self.all.get(id).map_or(&[], |person| &person.sessions)
    }

    /// A mention came; how many are unread now.
    pub(crate) fn mention(&mut self, agent: &AgentId, seq: u64, conversation: ConversationId) -> usize {
        self.mentioned
            .entry(conversation)
            .or_default()
            .insert(agent.clone());
        let unread = &mut self.entry(agent).unread;
        unread.insert(seq, conversation);
        unread.len()
    }

    /// An agent has read their inbox so far. The conversations in which nothing is unread any more.
    pub(crate) fn read_inbox(&mut self, agent: &AgentId, up_to: u64) -> Vec<ConversationId> {
        let person = self.entry(agent);
        person.read_up_to = person.read_up_to.max(up_to);
        let left = person.unread.split_off(&(up_to + 1));
        let gone: BTreeSet<_> = std::mem::replace(&mut person.unread, left)
            .into_values()
            .collect();
        let still: BTreeSet<_> = person.unread.values().copied().collect();
        let read: Vec<_> = gone.difference(&still).copied().collect();
        for conversation in &read {
            if let Some(agents) = self.mentioned.get_mut(conversation) {
                agents.remove(agent);
                if agents.is_empty() {
                    self.mentioned.remove(conversation);
                }
            }
        }
        read
    }

    /// Who has unread mentions in a conversation.
    pub(crate) fn mentioned(&self, conversation: ConversationId) -> impl Iterator<Item = &AgentId> {
        self.mentioned.get(&conversation).into_iter().flatten()
    }

    /// Whether an agent has unread mentions in a conversation.
    pub(crate) fn is_mentioned(&self, agent: &AgentId, conversation: ConversationId) -> bool {
        self.mentioned
            .get(&conversation)
            .is_some_and(|agents| agents.contains(agent))
    }

    /// The teams as the settings have them, besides what tokens say.
    pub(crate) fn set_teams(&mut self, teams: &[TeamSettings]) {
        let given = teams
            .iter()
            .map(|it| (it.id.clone(), it.members.iter().cloned().collect()));
        self.given = given.collect();
    }

    /// Every known team and its known members.
    pub(crate) fn teams(&self) -> impl Iterator<Item = (&TeamId, BTreeSet<AgentId>)> {
        let names: BTreeSet<&TeamId> = self.teams.keys().chain(self.given.keys()).collect();
        names.into_iter().map(|team| (team, self.team(team)))
    }

    fn team(&self, team: &TeamId) -> BTreeSet<AgentId> {
        let given = self.given.get(team).into_iter().flatten();
        let given = given.filter(|agent| self.knows_agent(agent));
        self.teams
            .get(team)
            .into_iter()
            .flatten()
            .chain(given)
            .cloned()
            .collect()
    }

    pub(crate) fn granted(&mut self, agent: &AgentId, conversation: ConversationId, token: u64) {
        self.entry(agent).claims.insert(conversation, token);
        self.changed.insert(agent.clone());
    }

    pub(crate) fn ended(&mut self, agent: &AgentId, conversation: ConversationId) {
        if self.entry(agent).claims.remove(&conversation).is_some() {
            self.changed.insert(agent.clone());
        }
    }
}

impl Directory for People {
    fn knows_agent(&self, agent: &AgentId) -> bool {
        self.all.get(agent).is_some_and(|person| person.known.is_some())
    }

    fn knows_team(&self, team: &TeamId) -> bool {
        self.teams.contains_key(team) || self.given.contains_key(team)
    }

    fn members(&self, team: &TeamId) -> Vec<AgentId> {
        self.team(team).into_iter().collect()
    }
}
