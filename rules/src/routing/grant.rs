//! Giving a waiting conversation to an agent, or asking them. It is decided like everything else, against the newest
//! state: whoever claimed it meanwhile keeps it.

use super::place::routable;
use crate::context::Context;
use crate::conversation::Conversation;
use crate::decision::{Answer, Decision};
use dibs_protocol::event::{Actor, Event, TransferTo};
use dibs_protocol::ids::{AgentId, QueueId};
use dibs_protocol::terms::GrantVia;

/// Who offers what routing offers. Nobody holds such a conversation, which is how a routed offer is told from a transfer.
pub(crate) const ROUTER: &str = "system";

/// What routing wants to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Whom it gives the conversation.
    pub agent: AgentId,
    /// From which queue.
    pub queue: QueueId,
    /// Why them.
    pub reason: String,
    /// They are asked first, and have so long to answer, in milliseconds; `None`: they hold it at once.
    pub offer_ms: Option<i64>,
}

/// Whether what is offered here was offered by routing.
pub(crate) fn is_routed_offer(state: &Conversation) -> bool {
    state.claim.is_none() && state.offer.is_some()
}

/// Grants the conversation, or offers it. Nothing happens when it waits no longer, moved to another queue, or the agent
/// declined it meanwhile. Never refused.
pub(crate) fn route(state: &Conversation, route: &Route, ctx: &Context<'_>) -> Decision {
    if !routable(state) || state.queue != route.queue || state.declined.contains(&route.agent) {
        return Decision::nothing(Answer::Done);
    }
    let (agent, reason) = (route.agent.clone(), Some(route.reason.clone()));
    let event = match route.offer_ms {
        None => Event::ClaimGranted {
            agent,
            token: 0,
            via: GrantVia::Routed,
            from: None,
            reason,
        },
        Some(offer_ms) => Event::TransferOffered {
            from: AgentId::new(ROUTER).expect("letters are an id"),
            to: TransferTo::Agent(agent),
            note: reason,
            expires_at: ctx.now.plus_ms(offer_ms),
        },
    };
    Decision::with(Answer::Done, vec![(Actor::System, event)])
}
