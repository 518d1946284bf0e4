//! Live statistics on this instance: one frame a second for all who watch, with the rows that changed; a whole one for those
//! who begin. Deliberately absent: counting, which is in the rules.

use super::kept::Written;
use super::outbox::{Class, Frame};
use super::state::{Caller, Link};
use super::views::SessionKey;
use super::workspace::{Workspace, server_frame};
use dibs_protocol::frame::ServerFrame;
use dibs_protocol::ids::{AgentId, QueueId};
use dibs_protocol::refusal::Code;
use dibs_protocol::stats::{
    AgentStats, QueueRouting, QueueStats, Standings, StatsFrame, TeamStats, WorkspaceStats,
};
use dibs_protocol::time::Time;
use dibs_rules::routing::{Candidate, Standing};
use dibs_rules::stats::{Collided, Recent, Scope, Tally};
use dibs_rules::{Action, Directory};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Agents of one part of everything; so many fit into an outbox that is half empty.
const AGENTS_PER_PART: usize = 500;

/// Whether a session follows the statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WatchesStats {
    /// It does not.
    No,
    /// It does, and has got everything before this part of it.
    Owed(usize),
    /// It has what was last told.
    Told,
}

/// What is counted on this instance.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    pub(crate) tally: Tally,
    /// Of all instances, as far as they are known here.
    pub(crate) collided: Collided,
    pub(crate) written: Written,
    /// Agents of whom something has changed that is not counted.
    agents: BTreeSet<AgentId>,
    told: Told,
}

/// What was last told, where it is cheaper to compare than to notice.
#[derive(Debug, Default)]
struct Told {
    collisions: Recent,
    routing: BTreeMap<QueueId, QueueRouting>,
}

impl Stats {
    /// Something about an agent has changed that is not counted: how present they are, what they may hold, are offered.
    pub(crate) fn restate(&mut self, agent: &AgentId) {
        self.agents.insert(agent.clone());
    }
}

impl Workspace {
    /// A refusal may have kept two people from doing the same.
    pub(crate) fn collided(&mut self, code: Code, action: &Action) {
        match (code, action) {
            (Code::AlreadyClaimed, _) => self.collide(|it| it.claims_contested += 1),
            (Code::ClaimLost, Action::Reply(_)) => self.collide(|it| it.replies_fenced += 1),
            _ => {}
        }
    }

    /// Counts what was loaded.
    pub(crate) fn count_anew(&mut self) {
        for entry in self.conversations.values() {
            let state = entry.committed.as_deref();
            self.stats.tally.observe(None, state, &[]);
        }
        self.stats.agents = self.people.all.keys().cloned().collect();
    }

    /// A session follows the statistics from now on.
    pub(crate) fn watch_stats(&mut self, link: &Arc<Link>, caller: Caller) {
        self.set_watching_stats(link, WatchesStats::Owed(0));
        self.ok(caller, "");
    }

    /// A session follows the statistics no longer.
    pub(crate) fn unwatch_stats(&mut self, link: &Arc<Link>, caller: Caller) {
        self.set_watching_stats(link, WatchesStats::No);
        self.ok(caller, "");
    }

    fn set_watching_stats(&mut self, link: &Arc<Link>, watches: WatchesStats) {
        if let Some(session) = self.session_mut(link) {
            session.watches_stats = watches;
        }
    }

    /// Whether anybody follows the statistics here.
    pub(crate) fn shows_stats(&self) -> bool {
        let mut sessions = self.sessions.iter();
        sessions.any(|(_, it)| it.watches_stats != WatchesStats::No)
    }

    /// Tells what changed to those who have the rest, and everything to those who do not.
    pub(crate) fn tell_stats(&mut self) {
        let now = self.now();
        self.stats.tally.roll(now);
        let watching = self.sessions.iter().map(|(key, it)| (key, it.watches_stats));
        let watching: Vec<_> = watching.filter(|(_, it)| *it != WatchesStats::No).collect();
        if watching.is_empty() {
            return;
        }
        let changed = self.changed_scopes(now);
        let news = self.stats_frame(now, &changed);
        let news = news.map(|it| server_frame(&ServerFrame::Stats(Box::new(it))));
        let owed = watching.iter().any(|(_, it)| matches!(it, WatchesStats::Owed(_)));
        let parts = if owed { self.parts(now) } else { Vec::new() };
        for (key, watches) in watching {
            self.send_stats(key, watches, news.as_ref(), &parts);
        }
    }

    /// One who takes too little gets everything again; as many parts of it at once as there is room for.
    fn send_stats(&mut self, key: SessionKey, watches: WatchesStats, news: Option<&Frame>, parts: &[Frame]) {
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        let outbox = &session.link.outbox;
        let mut push = |it: &Frame| outbox.push(it.clone(), Class::Ephemeral);
        let from = match watches {
            WatchesStats::No | WatchesStats::Owed(0) => 0,
            WatchesStats::Owed(from) if news.is_none_or(&mut push) => from,
            WatchesStats::Told if news.is_none_or(&mut push) => return,
            WatchesStats::Owed(_) | WatchesStats::Told => {
                session.watches_stats = WatchesStats::Owed(0);
                return;
            }
        };
        let sent = parts.iter().skip(from).take_while(|it| push(it)).count();
        session.watches_stats = match from + sent {
            all if all >= parts.len() => WatchesStats::Told,
            some => WatchesStats::Owed(some),
        };
    }

    /// Of what something else is to be told than the last time.
    fn changed_scopes(&mut self, now: Time) -> BTreeSet<Scope> {
        let mut changed = self.stats.tally.take_changed();
        let restated = std::mem::take(&mut self.stats.agents);
        let people = changed.iter().any(|it| matches!(it, Scope::Agent(_))) || !restated.is_empty();
        changed.extend(restated.into_iter().map(Scope::Agent));
        if people || self.collisions(now) != self.stats.told.collisions {
            changed.insert(Scope::Workspace);
        }
        if people {
            changed.extend(self.people.teams().map(|(team, _)| Scope::Team(team.clone())));
        }
        for queue in &self.settings.rules.workspace.queues {
            if self.queue_routing(&queue.id).as_ref() != self.stats.told.routing.get(&queue.id) {
                changed.insert(Scope::Queue(queue.id.clone()));
            }
        }
        changed
    }

    /// Collisions on all instances, as far as they were heard, or read in the log.
    pub(crate) fn collisions(&self, now: Time) -> Recent {
        self.stats.collided.recent(now)
    }

    /// The rows of these scopes; `None`: there are none.
    fn stats_frame(&mut self, now: Time, scopes: &BTreeSet<Scope>) -> Option<StatsFrame> {
        let mut frame = nothing(now);
        for scope in scopes {
            let live = self.stats.tally.live(scope);
            match scope {
                Scope::Workspace => {
                    let collisions = self.collisions(now);
                    self.stats.told.collisions = collisions;
                    frame.workspace = Some(WorkspaceStats {
                        live,
                        agents: self.standings(self.routing.board.agents()),
                        collisions: collisions.day,
                        collisions_hour: collisions.hour,
                    });
                }
                Scope::Queue(id) => {
                    let routing = self.queue_routing(id);
                    match routing.clone() {
                        Some(routing) => self.stats.told.routing.insert(id.clone(), routing),
                        None => self.stats.told.routing.remove(id),
                    };
                    let id = id.clone();
                    frame.queues.push(QueueStats { id, live, routing });
                }
                Scope::Team(id) => {
                    let members = self.people.members(id);
                    let members = members.iter().filter_map(|it| self.routing.board.agent(it));
                    let agents = self.standings(members);
                    let id = id.clone();
                    frame.teams.push(TeamStats { id, live, agents });
                }
                Scope::Agent(id) => frame.agents.extend(self.agent_stats(id)),
            }
        }
        (!scopes.is_empty()).then_some(frame)
    }

    fn agent_stats(&self, id: &AgentId) -> Option<AgentStats> {
        let (person, it) = (self.people.get(id)?, self.routing.board.agent(id)?);
        person.known.as_ref()?;
        let live = self.stats.tally.live(&Scope::Agent(id.clone()));
        Some(AgentStats {
            id: id.clone(),
            status: person.said.status,
            connected: it.standing != Standing::Gone,
            load: it.load.total,
            capacity: it.limits.total,
            waiting: live.waiting,
            oldest_waiting_since: live.oldest_waiting_since,
            at_risk: live.at_risk,
            breached: live.breached,
            replies_per_minute: live.replies_per_minute,
            first_response: live.first_response,
            handle_time: live.handle_time,
        })
    }

    fn queue_routing(&self, id: &QueueId) -> Option<QueueRouting> {
        let serving = self.routing.board.serving(id)?;
        Some(QueueRouting {
            agents: serving.agents,
            free: serving.free,
            nobody: serving.nobody.map(|it| it.to_string()),
        })
    }

    fn standings<'a>(&self, agents: impl Iterator<Item = &'a Candidate>) -> Standings {
        let mut sum = Standings {
            capacity: Some(0),
            ..Standings::default()
        };
        for it in agents {
            let count = match it.standing {
                Standing::Online => &mut sum.online,
                Standing::Away => &mut sum.away,
                Standing::Busy => &mut sum.busy,
                Standing::Gone => &mut sum.gone,
            };
            *count += 1;
            sum.load += it.load.total;
            if it.standing != Standing::Gone {
                let both = sum.capacity.zip(it.limits.total);
                sum.capacity = both.map(|(sum, more)| sum.saturating_add(more));
            }
        }
        sum
    }

    /// Everything, in as many frames as it takes.
    fn parts(&mut self, now: Time) -> Vec<Frame> {
        let mut scopes: BTreeSet<Scope> = self.stats.tally.scopes().cloned().collect();
        let queues = self.settings.rules.workspace.queues.iter();
        scopes.extend(queues.map(|it| Scope::Queue(it.id.clone())));
        scopes.extend(self.people.teams().map(|(team, _)| Scope::Team(team.clone())));
        scopes.extend(self.people.all.keys().cloned().map(Scope::Agent));
        scopes.insert(Scope::Workspace);
        let Some(mut part) = self.stats_frame(now, &scopes) else {
            return Vec::new();
        };
        part.whole = true;
        let mut agents = std::mem::take(&mut part.agents);
        let mut parts = Vec::new();
        loop {
            let rest = agents.split_off(agents.len().min(AGENTS_PER_PART));
            part.agents = std::mem::replace(&mut agents, rest);
            parts.push(server_frame(&ServerFrame::Stats(Box::new(part))));
            if agents.is_empty() {
                return parts;
            }
            part = nothing(now);
        }
    }
}

fn nothing(now: Time) -> StatsFrame {
    StatsFrame {
        at: now,
        whole: false,
        workspace: None,
        queues: Vec::new(),
        teams: Vec::new(),
        agents: Vec::new(),
    }
}
