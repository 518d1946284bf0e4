//! What one conversation contributes to the gauges, and whose they are. It depends on its state only.

use super::tally::Scope;
use crate::conversation::{Conversation, Running};
use dibs_protocol::ids::ConversationId;
use dibs_protocol::terms::Status;
use dibs_protocol::time::Time;

/// What a conversation contributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facet {
    pub(super) id: ConversationId,
    pub(super) scopes: Vec<Scope>,
    pub(super) waiting_since: Option<Time>,
    pub(super) unclaimed: bool,
    pub(super) claimed: bool,
    pub(super) pending: bool,
    pub(super) at_risk: bool,
    pub(super) breached: bool,
}

impl Facet {
    /// `None`: a closed conversation counts for nothing.
    pub(super) fn of(state: &Conversation) -> Option<Self> {
        if state.is_closed() {
            return None;
        }
        let worked = matches!(state.status, Status::New | Status::Open);
        let (at_risk, breached) = promises(state);
        Some(Self {
            id: state.id,
            scopes: scopes(state),
            waiting_since: state.waiting_since.filter(|_| worked),
            unclaimed: worked && state.claim.is_none(),
            claimed: state.claim.is_some(),
            pending: state.status == Status::Pending,
            at_risk: at_risk && !breached,
            breached,
        })
    }
}

/// Where a conversation counts: its holder's, or while nobody holds it that of whoever is responsible.
pub(super) fn scopes(state: &Conversation) -> Vec<Scope> {
    let agent = state.holder().or(state.assignee.as_ref());
    [
        Some(Scope::Workspace),
        Some(Scope::Queue(state.queue.clone())),
        state.team.clone().map(Scope::Team),
        agent.cloned().map(Scope::Agent),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Whether a promise about time is at risk, and whether one is broken.
fn promises(state: &Conversation) -> (bool, bool) {
    let any = |test: fn(&Running) -> bool| state.sla.iter().any(test);
    (any(|it| it.warned), any(|it| it.breached))
}
