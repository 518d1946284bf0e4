//! Permissions: one table of roles and actions, deny by default, and what depends on settings or on the claim.

use crate::action::Action;
use crate::context::{Agent, Context, Sender, Settings};
use crate::conversation::Conversation;
use dibs_protocol::refusal::Refusal;
use dibs_protocol::terms::Role;

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission {
    /// The command, as the wire names it, or another action.
    pub action: &'static str,
    /// Who may do it.
    pub roles: &'static [Role],
    /// What else must hold, in words.
    pub condition: Option<&'static str>,
}

const AGENTS: &[Role] = &[Role::Agent, Role::Supervisor, Role::Admin];
const SUPERVISORS: &[Role] = &[Role::Supervisor, Role::Admin];
const ADMINS: &[Role] = &[Role::Admin];
const CHANNELS: &[Role] = &[Role::Channel];

const fn row(action: &'static str, roles: &'static [Role]) -> Permission {
    Permission {
        action,
        roles,
        condition: None,
    }
}

const fn row_if(action: &'static str, roles: &'static [Role], condition: &'static str) -> Permission {
    Permission {
        action,
        roles,
        condition: Some(condition),
    }
}

const ITS_CHANNELS: &str = "only the channels that the token names, if it names any";

const HELD: &str = "while somebody holds one of the conversations, only the holder and supervisors";

/// The whole table: every command, then what is asked over HTTP, then what only some may ask of a command.
pub const TABLE: &[Permission] = &[
    row("watch", AGENTS),
    row("unwatch", AGENTS),
    row("history", AGENTS),
    row("open_view", AGENTS),
    row("close_view", AGENTS),
    row("list", AGENTS),
    row("open", AGENTS),
    row("claim", AGENTS),
    row_if("release", AGENTS, "only the holder, with the current token"),
    row_if("transfer", AGENTS, "only the holder, with the current token"),
    row_if(
        "cancel_transfer",
        AGENTS,
        "only the holder, with the current token",
    ),
    row_if("answer_transfer", AGENTS, "only those to whom it is offered"),
    row_if(
        "take_over",
        AGENTS,
        "agents only where the workspace's settings allow it",
    ),
    row_if("reply", AGENTS, "only the holder, with the current token"),
    row_if(
        "schedule_reply",
        AGENTS,
        "only the holder, with the current token",
    ),
    row_if(
        "cancel_scheduled",
        AGENTS,
        "only whoever scheduled the reply, and supervisors",
    ),
    row("note", AGENTS),
    row_if(
        "update",
        AGENTS,
        "while somebody holds the claim, status, snoozed_until, queue, assignee and team only the holder and supervisors",
    ),
    row("bulk", AGENTS),
    row_if("merge", AGENTS, HELD),
    row_if("split", AGENTS, HELD),
    row_if("set_presence", AGENTS, "of somebody else only supervisors"),
    row("mark_read", AGENTS),
    row("read_marks", AGENTS),
    row("mentions", AGENTS),
    row("read_mentions", AGENTS),
    row("watch_agents", AGENTS),
    row("unwatch_agents", AGENTS),
    row("watch_stats", SUPERVISORS),
    row("unwatch_stats", SUPERVISORS),
    row("settings", AGENTS),
    row("set_settings", ADMINS),
    row("refresh", AGENTS),
    row("ping", AGENTS),
    row_if("ingest", CHANNELS, ITS_CHANNELS),
    row_if("outbox", CHANNELS, ITS_CHANNELS),
    row_if("deliveries", CHANNELS, ITS_CHANNELS),
    row_if("ratings", CHANNELS, ITS_CHANNELS),
    row("get_conversations", AGENTS),
    row("get_conversation", AGENTS),
    row("get_events", AGENTS),
    row("get_settings", AGENTS),
    row("put_settings", ADMINS),
    row("watch_silently", SUPERVISORS),
    row("redact", ADMINS),
    row("disconnect", ADMINS),
];

/// Whether the role may do this at all. What is not in the table nobody may do.
#[must_use]
pub fn allowed(role: Role, action: &str) -> bool {
    TABLE
        .iter()
        .any(|row| row.action == action && row.roles.contains(&role))
}

/// Whether the role stands above agents.
#[must_use]
pub fn supervises(role: Role) -> bool {
    SUPERVISORS.contains(&role)
}

/// Whether the agent may take a conversation from its holder.
#[must_use]
pub fn may_take_over(agent: &Agent, settings: &Settings) -> bool {
    allowed(agent.role, "take_over") && (supervises(agent.role) || settings.agents_take_over)
}

/// Whether the agent may change what is the holder's to change: status, queue, assignee, team, and what belongs to it.
#[must_use]
pub fn may_change_held(agent: &Agent, state: &Conversation) -> bool {
    supervises(agent.role) || state.holder().is_none_or(|holder| *holder == agent.id)
}

/// Whether the token of a channel's adapter may speak for this channel.
#[must_use]
pub fn may_speak_for(sender: &Sender, channel: &dibs_protocol::ids::ChannelId) -> bool {
    match sender {
        Sender::Channel { channels, .. } => channels.as_ref().is_none_or(|list| list.contains(channel)),
        Sender::Agent(_) | Sender::System => false,
    }
}

/// What is checked before anything else: the sender's role, the settings, and the channel that is named.
///
/// # Errors
/// `forbidden`.
pub(crate) fn check(action: &Action, ctx: &Context<'_>) -> Result<(), Refusal> {
    let allowed = match ctx.sender {
        Sender::Agent(agent) => agent.role != Role::Channel && allowed(agent.role, action.name()),
        Sender::Channel { .. } => allowed(Role::Channel, action.name()),
        Sender::System => matches!(
            action,
            Action::Deadline
                | Action::HolderGone(_)
                | Action::Retain { .. }
                | Action::Redact { .. }
                | Action::Route(_)
        ),
    };
    if !allowed {
        return Err(Refusal::forbidden("Your role may not do this."));
    }
    match (action, ctx.sender) {
        (Action::TakeOver(_), Sender::Agent(agent)) if !may_take_over(agent, ctx.settings) => Err(
            Refusal::forbidden("Taking over is for supervisors in this workspace."),
        ),
        (Action::Ingest(it), sender) if !may_speak_for(sender, &it.channel) => {
            Err(Refusal::forbidden("Your token may not speak for this channel."))
        }
        _ => Ok(()),
    }
}
