//! How present agents are: their own word, a supervisor's, or away by itself after doing nothing for long. Deliberately
//! absent: who has sessions, which nobody says.

use super::people::Said;
use super::state::{Caller, Link, What};
use super::workspace::Workspace;
use crate::log::Mark;
use dibs_protocol::command::SetPresence;
use dibs_protocol::ids::AgentId;
use dibs_protocol::refusal::Refusal;
use dibs_protocol::terms::Presence;
use dibs_protocol::time::Time;
use dibs_rules::Directory;
use dibs_rules::context::Agent;
use dibs_rules::permissions::supervises;
use std::sync::Arc;

impl Workspace {
    /// Somebody says how present they are, or a supervisor says it of them.
    pub(crate) fn set_presence(&mut self, caller: Caller, sender: &Agent, it: SetPresence) {
        let agent = it.agent.unwrap_or_else(|| sender.id.clone());
        if agent != sender.id && !supervises(sender.role) {
            let message = "Only supervisors may say how present somebody else is.";
            return self.refuse(caller, Refusal::forbidden(message));
        }
        if !self.people.knows_agent(&agent) && agent != sender.id {
            return self.refuse(caller, Refusal::not_found("agent"));
        }
        let said = Said {
            status: it.status,
            reason: it.reason,
            since: Some(Time(self.deps.clock.now_ms())),
            idle: false,
        };
        let mark = Mark {
            agent: agent.clone(),
            name: "status".to_owned(),
            value: serde_json::to_string(&said).ok(),
        };
        if self.people.sessions(&agent).is_empty() {
            self.said_of(&agent, said.clone());
        }
        self.people.entry(&agent).said = said;
        self.person_changed(&agent);
        // Presence goes on while nothing can be stored: the answer does not wait.
        self.enqueue_mark(mark, What::Nothing);
        self.ok(caller, "");
    }

    /// A session asks for something: its agent is at the desk.
    pub(crate) fn active(&mut self, link: &Arc<Link>) {
        let now_ms = self.uptime_ms();
        let Some(session) = self.session_mut(link) else {
            return;
        };
        session.asked_ms = now_ms;
        let agent = session.agent.id.clone();
        if self.people.get(&agent).is_some_and(|it| it.said.idle) {
            self.say_idle(&agent, false);
        }
    }

    /// Whoever has done nothing for long is away. Not those with a session elsewhere, of which nothing is known here, nor
    /// those with a mobile or background client, which is quiet by nature.
    pub(crate) fn notice_idle(&mut self, now_ms: u64) {
        let Some(after_s) = self.settings.rules.workspace.away_after_s else {
            return;
        };
        let since_ms = now_ms.saturating_sub(after_s.saturating_mul(1_000));
        let mut idle = Vec::new();
        for (id, person) in &self.people.all {
            let sessions = person.sessions.iter().filter_map(|key| self.sessions.get(*key));
            let quiet = |it: &super::state::SessionState| !it.quiet && it.asked_ms <= since_ms;
            if person.said.status == Presence::Online
                && person.connected()
                && sessions.clone().all(quiet)
                && !self.remote.has(id)
            {
                idle.push(id.clone());
            }
        }
        for id in idle {
            self.say_idle(&id, true);
        }
    }

    /// It is nobody's word, so it is not stored.
    fn say_idle(&mut self, agent: &AgentId, idle: bool) {
        let status = if idle { Presence::Away } else { Presence::Online };
        self.people.entry(agent).said = Said {
            status,
            reason: None,
            since: Some(Time(self.deps.clock.now_ms())),
            idle,
        };
        self.person_changed(agent);
    }
}
