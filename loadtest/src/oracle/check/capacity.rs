//! Promise 8: what routing promises, as the log shows it: it gives nobody more than the settings of that time allow, and
//! nothing that somebody holds. What agents take by hand, or accept, may be more. Deliberately without the rules.

use super::Court;
use crate::oracle::verdict::Promise;
use dibs_protocol::event::{Actor, Event};
use dibs_protocol::ids::{AgentId, ChannelId, ConversationId};
use dibs_protocol::settings::WorkspaceSettings;
use dibs_protocol::terms::GrantVia;
use std::collections::HashMap;

/// Who holds what, and what is set, up to some event.
#[derive(Default)]
struct Desk {
    settings: WorkspaceSettings,
    channels: HashMap<ConversationId, ChannelId>,
    held: HashMap<ConversationId, AgentId>,
}

impl Desk {
    /// How many an agent holds, and how many of a channel.
    fn load(&self, agent: &AgentId, channel: Option<&ChannelId>) -> (u32, u32) {
        let mine = self.held.iter().filter(|(_, holder)| *holder == agent);
        mine.fold((0, 0), |(all, of_channel), (id, _)| {
            let same = channel.is_some() && self.channels.get(id) == channel;
            (all + 1, of_channel + u32::from(same))
        })
    }

    /// How many an agent is given at most, and how many of a channel.
    fn most(&self, agent: &AgentId, channel: Option<&ChannelId>) -> (u32, u32) {
        let own = self.settings.agents.iter().find(|it| it.id == *agent);
        let capacity = &self.settings.capacity;
        let all = own.and_then(|it| it.capacity).or(capacity.default);
        let of_channel = channel.and_then(|channel| {
            let own = own.and_then(|it| it.capacity_by_channel.get(channel));
            own.or(capacity.by_channel.get(channel)).copied()
        });
        (all.unwrap_or(u32::MAX), of_channel.unwrap_or(u32::MAX))
    }
}

pub(super) fn check(court: &mut Court<'_>) {
    let mut desk = Desk::default();
    let verdict = &mut court.verdict;
    for stored in &court.lines.entries {
        let Some(event) = &stored.event else { continue };
        if let Event::SettingsChanged { settings, .. } = event {
            desk.settings = (**settings).clone();
        }
        let Some(id) = stored.conversation else { continue };
        match event {
            Event::ConversationOpened { channel, .. } => {
                desk.channels.insert(id, channel.clone());
            }
            Event::ClaimGranted { agent, via, .. } => {
                desk.held.insert(id, agent.clone());
                // What somebody accepts was offered when there was room; they take it knowing what they hold.
                if *via != GrantVia::Routed || stored.actor != Actor::System {
                    continue;
                }
                verdict.checked("grants by routing");
                let channel = desk.channels.get(&id);
                let (load, most) = (desk.load(agent, channel), desk.most(agent, channel));
                if load.0 > most.0 || load.1 > most.1 {
                    let said = format!(
                        "event {} gives {agent} the conversation number {}, number {} of its channel; at most {} and {}",
                        stored.seq, load.0, load.1, most.0, most.1
                    );
                    verdict.log_fault(Promise::Routing, id, said);
                }
            }
            Event::ClaimReleased { .. } | Event::ClaimExpired { .. } => drop(desk.held.remove(&id)),
            _ => {}
        }
    }
}
