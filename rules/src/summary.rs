//! What lists show of a conversation: the same for everybody who may see it. Nothing is decided here.

use crate::conversation::Conversation;
use dibs_protocol::ids::AgentId;
use dibs_protocol::summary::{Claim, Summary};
use dibs_protocol::terms::Status;

impl Conversation {
    /// The conversation as lists show it.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let claim = self.claim.as_ref().map(|it| Claim {
            agent: it.agent.clone(),
            token: it.token,
            since: it.since,
        });
        Summary {
            id: self.id,
            version: self.version,
            status: self.status,
            snoozed_until: self.snoozed_until,
            channel: self.channel.clone(),
            customer: self.customer.clone(),
            subject: self.subject.clone(),
            queue: self.queue.clone(),
            priority: self.priority,
            tags: self.tags.clone(),
            assignee: self.assignee.clone(),
            team: self.team.clone(),
            claim,
            offer: self.offer.clone(),
            waiting_since: self.waiting_since,
            unanswered: self.unanswered,
            last_message: self.last_message.clone(),
            first_response_at: self.first_response_at,
            sla: None,
            rating: self.rating.clone(),
            opened_at: self.opened_at,
        }
    }

    /// Who holds the conversation, if anybody.
    #[must_use]
    pub fn holder(&self) -> Option<&AgentId> {
        self.claim.as_ref().map(|claim| &claim.agent)
    }

    /// Whether the conversation is over.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.status == Status::Closed
    }
}
