//! Who waits in which queue, and who works it with how much room, kept as it changes: the next thing to do is found in
//! time that depends on what changed, not on how many conversations there are. Deliberately absent: states, which the
//! caller has, and deciding.

use super::candidate::Candidate;
use super::grant::is_routed_offer;
use super::pick::{Nobody, Pick, is_relaxed, pick, relaxes_at};
use super::place::{Place, place, routable};
use crate::conversation::Conversation;
use crate::settings::Settings;
use dibs_protocol::event::TransferTo;
use dibs_protocol::ids::{AgentId, ChannelId, ConversationId, QueueId, TeamId};
use dibs_protocol::settings::{QueueDelivery, QueueSettings, Routing};
use dibs_protocol::time::Time;
use std::collections::{BTreeMap, BTreeSet};

/// Of the conversations that some agent declined, so many of a queue are tried at once: each may suit somebody else.
const DECLINED_AT_ONCE: usize = 32;

/// What the agents who could be given a conversation depend on, besides the queue. If nobody suits the first of a class,
/// nobody suits the others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Class {
    channel: ChannelId,
    relaxed: bool,
    declined: bool,
}

/// A queue that is routed, and who waits in it.
#[derive(Debug)]
struct Line {
    settings: QueueSettings,
    pool: usize,
    waiting: BTreeMap<Class, BTreeSet<Place>>,
    turn: Option<AgentId>,
    nobody: Option<Nobody>,
}

impl Line {
    fn first(&self) -> Option<Place> {
        self.waiting.values().filter_map(|it| it.first().copied()).min()
    }
}

/// Those who work the same queues.
#[derive(Debug, Default)]
struct Pool {
    teams: Vec<TeamId>,
    members: Vec<usize>,
    free: usize,
    queues: Vec<QueueId>,
}

/// What a conversation contributes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Slot {
    load: Option<(AgentId, ChannelId)>,
    line: Option<(QueueId, Class, Place)>,
    relaxes: Option<Time>,
}

/// Something to do: this conversation goes to this agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Which conversation.
    pub conversation: ConversationId,
    /// From which queue.
    pub queue: QueueId,
    /// To whom, and why.
    pub pick: Pick,
    /// They are asked first, and have so long, in milliseconds; `None`: they hold it at once.
    pub offer_ms: Option<i64>,
}

/// Who works a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Serving {
    /// Known agents who work it.
    pub agents: usize,
    /// Those of them who take work and have room.
    pub free: usize,
    /// Why the last conversation for which nobody was found is still waiting, as of the last [`Board::tick`]; `None`:
    /// somebody was found.
    pub nobody: Option<Nobody>,
}

/// What routing needs to know, as it changes.
#[derive(Debug, Default)]
pub struct Board {
    queues: BTreeMap<QueueId, Line>,
    index: BTreeMap<AgentId, usize>,
    agents: Vec<Candidate>,
    pools: Vec<Pool>,
    slots: BTreeMap<ConversationId, Slot>,
    relaxing: BTreeSet<(Time, ConversationId)>,
    begun: BTreeSet<ConversationId>,
    stirred: BTreeSet<QueueId>,
    later: BTreeSet<QueueId>,
}

impl Board {
    /// Takes over what is set. Afterwards every agent and conversation must be given again.
    pub fn configure(&mut self, settings: &Settings) {
        let turns: BTreeMap<QueueId, Option<AgentId>> = std::mem::take(&mut self.queues)
            .into_iter()
            .map(|(id, line)| (id, line.turn))
            .collect();
        *self = Self {
            agents: std::mem::take(&mut self.agents),
            index: std::mem::take(&mut self.index),
            begun: std::mem::take(&mut self.begun),
            ..Self::default()
        };
        for agent in &mut self.agents {
            agent.load = super::candidate::Load::default();
        }
        for queue in &settings.workspace.queues {
            if queue.routing == Routing::Manual {
                continue;
            }
            let pool = self.pool(&queue.teams);
            self.pools[pool].queues.push(queue.id.clone());
            let line = Line {
                settings: queue.clone(),
                pool,
                waiting: BTreeMap::new(),
                turn: turns.get(&queue.id).cloned().flatten(),
                nobody: None,
            };
            self.queues.insert(queue.id.clone(), line);
        }
    }

    fn pool(&mut self, teams: &[TeamId]) -> usize {
        let mut teams = teams.to_vec();
        teams.sort_unstable();
        teams.dedup();
        if let Some(at) = self.pools.iter().position(|it| it.teams == teams) {
            return at;
        }
        let members: Vec<usize> = (0..self.agents.len())
            .filter(|at| self.agents[*at].serves(&teams))
            .collect();
        let free = members.iter().filter(|at| self.agents[**at].is_free()).count();
        self.pools.push(Pool {
            teams,
            members,
            free,
            queues: Vec::new(),
        });
        self.pools.len() - 1
    }

    /// Whether any queue is routed.
    #[must_use]
    pub fn is_routing(&self) -> bool {
        !self.queues.is_empty()
    }

    /// What is known of an agent now. What they hold, and when they were given something, is known already.
    pub fn set_agent(&mut self, agent: Candidate) {
        let at = self.seat(&agent.id);
        self.change(at, |it| {
            let (load, given_at) = (std::mem::take(&mut it.load), it.given_at.max(agent.given_at));
            *it = Candidate {
                load,
                given_at,
                ..agent
            };
        });
        self.stir_for(at);
    }

    /// An agent, if anything is known of them.
    #[must_use]
    pub fn agent(&self, id: &AgentId) -> Option<&Candidate> {
        Some(&self.agents[*self.index.get(id)?])
    }

    /// Every agent of whom anything is known.
    pub fn agents(&self) -> impl Iterator<Item = &Candidate> + Clone {
        self.agents.iter()
    }

    /// Whether an agent takes work now and has room for one more of a channel.
    #[must_use]
    pub fn may_take(&self, agent: &AgentId, channel: &ChannelId) -> bool {
        self.agent(agent)
            .is_some_and(|it| it.is_free() && it.has_room(channel))
    }

    /// An agent was given a conversation, or took one; `routed`: it was their turn in this queue.
    pub fn given(&mut self, agent: &AgentId, at: Time, routed: Option<&QueueId>) {
        let seat = self.seat(agent);
        let given_at = &mut self.agents[seat].given_at;
        *given_at = (*given_at).max(Some(at));
        if let Some(line) = routed.and_then(|queue| self.queues.get_mut(queue)) {
            line.turn = Some(agent.clone());
        }
    }

    /// A conversation is as it is now; `None`: there is none any more, or it is closed and nobody holds it.
    pub fn set_conversation(&mut self, id: ConversationId, state: Option<&Conversation>, now: Time) {
        let after = state.map_or_else(Slot::default, |it| self.slot(it, now));
        let before = match after == Slot::default() {
            true => self.slots.remove(&id),
            false => self.slots.insert(id, after.clone()),
        };
        let before = before.unwrap_or_default();
        if before.relaxes != after.relaxes {
            before.relaxes.map(|at| self.relaxing.remove(&(at, id)));
            after.relaxes.map(|at| self.relaxing.insert((at, id)));
        }
        if before.line != after.line {
            if let Some((queue, class, place)) = &before.line {
                self.leave_line(queue, class, place);
            }
            if let Some((queue, class, place)) = after.line {
                if let Some(line) = self.queues.get_mut(&queue) {
                    line.waiting.entry(class).or_default().insert(place);
                }
                self.stirred.insert(queue);
            }
        }
        if before.load != after.load {
            if let Some((agent, channel)) = after.load {
                let at = self.seat(&agent);
                self.change(at, |it| it.load.add(&channel));
            }
            if let Some((agent, channel)) = before.load {
                let at = self.seat(&agent);
                self.change(at, |it| it.load.remove(&channel));
                self.stir_for(at);
            }
        }
    }

    fn slot(&self, state: &Conversation, now: Time) -> Slot {
        let offered_to = state.offer.as_ref().filter(|_| is_routed_offer(state));
        let offered_to = offered_to.and_then(|offer| match &offer.to {
            TransferTo::Agent(agent) => Some(agent),
            TransferTo::Team(_) => None,
        });
        let holder = state.holder().or(offered_to);
        let load = holder.map(|agent| (agent.clone(), state.channel.clone()));
        let line = self.queues.get(&state.queue).filter(|_| routable(state));
        let Some(line) = line.filter(|_| !self.begun.contains(&state.id)) else {
            return Slot {
                load,
                ..Slot::default()
            };
        };
        let class = Class {
            channel: state.channel.clone(),
            relaxed: is_relaxed(state, &line.settings, now),
            declined: !state.declined.is_empty(),
        };
        let relaxes = relaxes_at(state, &line.settings).filter(|_| !class.relaxed);
        let place = place(state, &line.settings);
        Slot {
            load,
            line: Some((state.queue.clone(), class, place)),
            relaxes,
        }
    }

    fn leave_line(&mut self, queue: &QueueId, class: &Class, place: &Place) {
        let Some(line) = self.queues.get_mut(queue) else {
            return;
        };
        if let Some(places) = line.waiting.get_mut(class) {
            places.remove(place);
            if places.is_empty() {
                line.waiting.remove(class);
            }
        }
        if line.waiting.is_empty() {
            line.nobody = None;
        }
    }

    /// The next thing to do, if there is any; `states` are the newest ones. What was found is to be done, or given up,
    /// between [`Board::begin`] and [`Board::done`].
    pub fn next<'a>(
        &mut self,
        now: Time,
        states: impl Fn(ConversationId) -> Option<&'a Conversation>,
    ) -> Option<Found> {
        loop {
            let lines = &self.queues;
            self.stirred
                .retain(|id| lines.get(id).is_some_and(|it| it.first().is_some()));
            // Of several queues the one whose first conversation comes first, so that none starves another.
            let queue = self.stirred.iter().min_by_key(|id| lines[*id].first()).cloned()?;
            match self.next_of(&queue, now, &states) {
                Ok(found) => return Some(found),
                Err(nobody) => {
                    self.stirred.remove(&queue);
                    if let Some(line) = self.queues.get_mut(&queue) {
                        line.nobody = Some(nobody);
                    }
                }
            }
        }
    }

    fn next_of<'a>(
        &self,
        queue: &QueueId,
        now: Time,
        states: &impl Fn(ConversationId) -> Option<&'a Conversation>,
    ) -> Result<Found, Nobody> {
        let line = &self.queues[queue];
        let pool = &self.pools[line.pool];
        let mut nobody = Nobody::default();
        let mut heads: Vec<Place> = line
            .waiting
            .iter()
            .flat_map(|(class, places)| {
                let most = if class.declined { DECLINED_AT_ONCE } else { 1 };
                places.iter().take(most).copied()
            })
            .collect();
        heads.sort_unstable();
        for place in heads {
            let Some(state) = states(place.conversation()) else {
                continue;
            };
            let members = pool.members.iter().map(|at| &self.agents[*at]);
            match pick(state, &line.settings, members, line.turn.as_ref(), now) {
                Ok(pick) => {
                    return Ok(Found {
                        conversation: state.id,
                        queue: queue.clone(),
                        pick,
                        offer_ms: offer_ms(&line.settings),
                    });
                }
                Err(why) => nobody = why,
            }
            if pool.free == 0 {
                // It is the same for all others.
                break;
            }
        }
        Err(nobody)
    }

    /// What was found is being done: the conversation waits for that, and it is the agent's turn no more.
    pub fn begin(&mut self, found: &Found, state: Option<&Conversation>, now: Time) {
        self.begun.insert(found.conversation);
        self.set_conversation(found.conversation, state, now);
        self.given(&found.pick.agent, now, Some(&found.queue));
    }

    /// What was found has been done, or could not be; `again`: somebody else may be found at once, otherwise at the next
    /// [`Board::tick`].
    pub fn done(&mut self, id: ConversationId, state: Option<&Conversation>, again: bool, now: Time) {
        self.begun.remove(&id);
        self.set_conversation(id, state, now);
        if let Some(state) = state.filter(|it| !again && routable(it)) {
            self.stirred.remove(&state.queue);
            self.later.insert(state.queue.clone());
        }
    }

    /// Time has passed: the conversations for which skills are not asked for any more; each is to be given again.
    pub fn tick(&mut self, now: Time) -> Vec<ConversationId> {
        self.stirred.append(&mut self.later);
        let due = self.relaxing.iter().take_while(|(at, _)| *at <= now);
        due.map(|(_, id)| *id).collect()
    }

    /// Who works a queue; `None`: it is not routed.
    #[must_use]
    pub fn serving(&self, queue: &QueueId) -> Option<Serving> {
        let line = self.queues.get(queue)?;
        let pool = &self.pools[line.pool];
        Some(Serving {
            agents: pool.members.len(),
            free: pool.free,
            nobody: line.nobody,
        })
    }

    fn seat(&mut self, id: &AgentId) -> usize {
        if let Some(at) = self.index.get(id) {
            return *at;
        }
        let at = self.agents.len();
        self.agents.push(Candidate::new(id.clone()));
        self.index.insert(id.clone(), at);
        for pool in self.pools.iter_mut().filter(|it| it.teams.is_empty()) {
            pool.members.push(at);
        }
        at
    }

    fn change(&mut self, at: usize, how: impl FnOnce(&mut Candidate)) {
        let it = &mut self.agents[at];
        let (was_free, teams) = (it.is_free(), it.teams.clone());
        how(it);
        let is_free = it.is_free();
        let moved = it.teams != teams;
        if was_free == is_free && !moved {
            return;
        }
        for pool in &mut self.pools {
            let was_in = pool.members.binary_search(&at);
            let is_in = self.agents[at].serves(&pool.teams);
            pool.free -= usize::from(was_free && was_in.is_ok());
            pool.free += usize::from(is_free && is_in);
            match was_in {
                Ok(position) if !is_in => drop(pool.members.remove(position)),
                Err(position) if is_in => pool.members.insert(position, at),
                Ok(_) | Err(_) => {}
            }
        }
    }

    /// Somebody may have become free: their queues are looked at again. If they have not, what is said of those for which
    /// nobody was found may be another reason now, which has time.
    fn stir_for(&mut self, at: usize) {
        let is_free = self.agents[at].is_free();
        let theirs = self
            .pools
            .iter()
            .filter(|it| it.members.binary_search(&at).is_ok());
        for queue in theirs.flat_map(|it| &it.queues) {
            let Some(line) = self.queues.get(queue).filter(|it| !it.waiting.is_empty()) else {
                continue;
            };
            if is_free {
                self.stirred.insert(queue.clone());
            } else if line.nobody.is_some() {
                self.later.insert(queue.clone());
            }
        }
    }
}

fn offer_ms(queue: &QueueSettings) -> Option<i64> {
    match queue.delivery {
        QueueDelivery::Push => None,
        QueueDelivery::Offer => Some(
            i64::try_from(queue.offer_s)
                .unwrap_or(i64::MAX)
                .saturating_mul(1_000),
        ),
    }
}
