//! Presence across instances: what the others announce about who is here, who looks and who types, and what this one
//! announces. Nothing of it decides anything: absence is decided in the log.
//!
//! Each instance counts its announcements. Who misses one, or hears an instance for the first time, asks for everything;
//! who is not heard for as long as a lease lasts is forgotten. Deliberately absent: what the watchers here are told.

use super::people::Said;
use super::workspace::Workspace;
use crate::hub::pulse::LEASE_MS;
use dibs_protocol::frame::Viewer;
use dibs_protocol::ids::{AgentId, ConversationId};
use dibs_rules::stats::Slices;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// The first byte of an announcement of presence; envelopes of events have another.
const KIND: u8 = 2;
/// Changes are gathered for so long, in milliseconds.
const GATHER_MS: u64 = 100;
/// An instance is heard at least so often, in milliseconds.
const BEAT_MS: u64 = 2_000;
/// Everything is asked for, and told, at most so often, in milliseconds.
const WHOLE_MS: u64 = 1_000;
/// Who is here and who looks, in one announcement; more of it follows in the next.
const AGENTS: usize = 2_000;
const CONVERSATIONS: usize = 500;

/// What an instance says about its own sessions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Announcement {
    /// Counts this instance's announcements of the workspace. One that says nothing repeats the last number.
    n: u64,
    /// What is not in this one, and not in those that follow, is no more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    whole: bool,
    /// Others are asked to tell everything.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    ask: bool,
    /// Whose sessions are here, or (`None`) no longer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    agents: Vec<(AgentId, Option<Said>)>,
    /// Who looks at a conversation here: all of them, each time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    looking: Vec<(ConversationId, Vec<Viewer>)>,
    /// What a supervisor here said about agents, wherever these are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    said: Vec<(AgentId, Said)>,
    /// Collisions of this instance, of late or (`whole`) of a day.
    #[serde(default, skip_serializing_if = "Slices::is_empty")]
    collided: Slices,
}

impl Announcement {
    fn is_empty(&self) -> bool {
        !self.whole && self.agents.is_empty() && self.looking.is_empty() && self.said.is_empty()
    }
}

/// Another instance, as it last said.
#[derive(Debug, Default)]
struct Peer {
    n: u64,
    heard_ms: u64,
    agents: BTreeSet<AgentId>,
    looking: BTreeMap<ConversationId, Vec<Viewer>>,
}

/// The other instances, and what they have not been told yet.
#[derive(Debug, Default)]
pub(crate) struct Remote {
    peers: BTreeMap<Uuid, Peer>,
    n: u64,
    agents: BTreeSet<AgentId>,
    looking: BTreeSet<ConversationId>,
    said: BTreeMap<AgentId, Said>,
    said_ms: u64,
    asked_ms: Option<u64>,
    /// Somebody asked for everything; when everything was last told.
    wanted: bool,
    whole_ms: Option<u64>,
    ask: bool,
}

impl Remote {
    /// Whether an agent has sessions on another instance.
    pub(crate) fn has(&self, agent: &AgentId) -> bool {
        self.peers.values().any(|peer| peer.agents.contains(agent))
    }

    /// Who looks at a conversation on other instances.
    pub(crate) fn viewers(&self, id: ConversationId) -> impl Iterator<Item = &Viewer> {
        let looking = self.peers.values().filter_map(move |it| it.looking.get(&id));
        looking.flatten()
    }

    /// Whether an instance that was heard comes before this one.
    pub(crate) fn precedes(&self, instance: Uuid) -> bool {
        self.peers
            .first_key_value()
            .is_some_and(|(first, _)| *first < instance)
    }
}

impl Workspace {
    /// Somebody came to this instance, left it, or said something about themselves.
    pub(crate) fn person_changed(&mut self, agent: &AgentId) {
        self.people.touched(agent);
        if self.deps.log.is_shared() {
            self.remote.agents.insert(agent.clone());
        }
    }

    /// Somebody said something about an agent who may be elsewhere.
    pub(crate) fn said_of(&mut self, agent: &AgentId, said: Said) {
        if self.deps.log.is_shared() {
            self.remote.said.insert(agent.clone(), said);
        }
    }

    /// Who looks at a conversation here has changed.
    pub(crate) fn looks_changed(&mut self, id: ConversationId) {
        if self.deps.log.is_shared() {
            self.remote.looking.insert(id);
        }
    }

    /// Everybody else is asked who is there: messages may have been lost.
    pub(crate) fn ask_around(&mut self) {
        self.remote.ask = true;
    }

    /// Says what has changed here, that this instance is still here, and asks; when to look again, in milliseconds of
    /// uptime.
    pub(crate) fn announce_presence(&mut self) -> Option<u64> {
        if !self.deps.log.is_shared() {
            return None;
        }
        let now_ms = self.uptime_ms();
        self.forget_silent_peers(now_ms);
        let due = |last: Option<u64>, every: u64| last.is_none_or(|it| it + every <= now_ms);
        let whole = self.remote.wanted && due(self.remote.whole_ms, WHOLE_MS);
        let ask = self.remote.ask && due(self.remote.asked_ms, WHOLE_MS);
        let changed =
            !(self.remote.agents.is_empty() && self.remote.looking.is_empty() && self.remote.said.is_empty());
        let gathered = self.remote.said_ms + GATHER_MS;
        let beat = self.remote.said_ms + BEAT_MS;
        if whole {
            self.remote.agents = self.here();
            self.remote.looking = self.watched.keys().copied().collect();
            (self.remote.wanted, self.remote.whole_ms) = (false, Some(now_ms));
        }
        if whole || ask || (changed && gathered <= now_ms) || beat <= now_ms {
            self.say(whole, ask, now_ms);
        }
        let waits = self.remote.wanted || self.remote.ask || !self.remote.agents.is_empty();
        let waits = waits || !self.remote.looking.is_empty() || !self.remote.said.is_empty();
        Some(if waits {
            now_ms + GATHER_MS
        } else {
            self.remote.said_ms + BEAT_MS
        })
    }

    fn here(&self) -> BTreeSet<AgentId> {
        let here = self.people.all.iter().filter(|(_, person)| person.connected());
        here.map(|(id, _)| id.clone()).collect()
    }

    fn say(&mut self, whole: bool, ask: bool, now_ms: u64) {
        self.remote.said_ms = now_ms;
        if ask {
            (self.remote.ask, self.remote.asked_ms) = (false, Some(now_ms));
        }
        let agents = take_some(&mut self.remote.agents, AGENTS);
        let looking = take_some(&mut self.remote.looking, CONVERSATIONS);
        let agents = agents.into_iter().map(|id| {
            let person = self.people.get(&id).filter(|it| it.connected());
            let said = person.map(|it| it.said.clone());
            (id, said)
        });
        let agents = agents.collect();
        let looking = looking.into_iter().map(|id| {
            let viewers = self.local_viewers(id).into_values().collect();
            (id, viewers)
        });
        let mut announcement = Announcement {
            n: self.remote.n,
            whole,
            ask,
            agents,
            looking: looking.collect(),
            said: std::mem::take(&mut self.remote.said).into_iter().collect(),
            collided: self.own_collisions(whole),
        };
        if !announcement.is_empty() {
            self.remote.n += 1;
            announcement.n = self.remote.n;
        }
        let mut message = vec![KIND];
        message.extend_from_slice(self.deps.instance.as_bytes());
        message.extend(serde_json::to_vec(&announcement).unwrap_or_default());
        self.deps.bus.publish(&self.id, message.into());
    }

    /// Another instance says who is there. Whether it was an announcement at all.
    pub(crate) fn heard_presence(&mut self, bytes: &[u8]) -> bool {
        let Some((instance, rest)) = bytes.strip_prefix(&[KIND]).and_then(|it| it.split_at_checked(16))
        else {
            return false;
        };
        let (Ok(instance), Ok(said)) = (
            Uuid::from_slice(instance),
            serde_json::from_slice::<Announcement>(rest),
        ) else {
            return false;
        };
        if instance != self.deps.instance {
            self.take_announcement(instance, said);
        }
        true
    }

    fn take_announcement(&mut self, instance: Uuid, said: Announcement) {
        self.remote.wanted |= said.ask;
        let now_ms = self.uptime_ms();
        let known = self.remote.peers.contains_key(&instance);
        let peer = self.remote.peers.entry(instance).or_default();
        peer.heard_ms = now_ms;
        self.stats.collided.hear(instance, &said.collided);
        let expected = peer.n + u64::from(!said.is_empty());
        if said.n != expected && !said.whole {
            // Something was lost, came late or came twice; or this is the first that is heard of it.
            self.remote.ask |= !known || said.n > expected;
            return;
        }
        let before = said.whole.then(|| std::mem::take(peer));
        let peer = self.remote.peers.entry(instance).or_default();
        (peer.n, peer.heard_ms) = (said.n, now_ms);
        let mut looks: BTreeSet<_> = said.looking.iter().map(|(id, _)| *id).collect();
        let mut people: BTreeSet<_> = said.agents.iter().map(|(id, _)| id.clone()).collect();
        for (id, viewers) in said.looking {
            if viewers.is_empty() {
                peer.looking.remove(&id);
            } else {
                peer.looking.insert(id, viewers);
            }
        }
        for (id, status) in said.agents {
            match status {
                Some(status) => {
                    peer.agents.insert(id.clone());
                    self.people.entry(&id).said = status;
                }
                None => {
                    peer.agents.remove(&id);
                }
            }
        }
        for (id, word) in said.said {
            people.insert(id.clone());
            self.people.entry(&id).said = word;
        }
        if let Some(before) = before {
            looks.extend(before.looking.into_keys());
            people.extend(before.agents);
        }
        self.tell_remote(looks, people);
    }

    /// Those who look here are told what has changed elsewhere.
    fn tell_remote(&mut self, looks: BTreeSet<ConversationId>, people: BTreeSet<AgentId>) {
        for id in looks {
            self.show_viewers(id);
        }
        for id in &people {
            self.people.touched(id);
        }
    }

    fn forget_silent_peers(&mut self, now_ms: u64) {
        let silence_ms = u64::try_from(LEASE_MS).unwrap_or(u64::MAX);
        let silent: Vec<_> = self
            .remote
            .peers
            .iter()
            .filter(|(_, peer)| peer.heard_ms + silence_ms <= now_ms)
            .map(|(id, _)| *id)
            .collect();
        for instance in silent {
            if let Some(peer) = self.remote.peers.remove(&instance) {
                self.tell_remote(peer.looking.into_keys().collect(), peer.agents);
            }
        }
    }
}

fn take_some<T: Ord + Clone>(from: &mut BTreeSet<T>, most: usize) -> BTreeSet<T> {
    match from.iter().nth(most).cloned() {
        Some(first_left) => {
            let left = from.split_off(&first_left);
            std::mem::replace(from, left)
        }
        None => std::mem::take(from),
    }
}
