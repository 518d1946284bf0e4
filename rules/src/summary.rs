//! What lists show of a conversation: the same for everybody who may see it. Nothing is decided here.

use crate::conversation::Conversation;
use dibs_protocol::ids::AgentId;
use dibs_protocol::sla::{PromiseSummary, SlaSummary};
use dibs_protocol::summary::{Claim, ScheduledReply, Summary};
use dibs_protocol::terms::{SlaTarget, Status};
use dibs_protocol::time::Time;

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
            sla: self.promised(),
            scheduled: self.scheduled.as_ref().map(|it| ScheduledReply {
                message: it.message.id,
                agent: it.agent.clone(),
                at: it.at,
            }),
            rating: self.rating.clone(),
            opened_at: self.opened_at,
        }
    }

    /// What is promised to the customer at present; `None` when nothing is.
    fn promised(&self) -> Option<SlaSummary> {
        let shown = |target| {
            self.running(target).map(|it| PromiseSummary {
                due_at: it.promise.due_at,
                warned: it.warned,
                breached: it.breached,
            })
        };
        (!self.sla.is_empty()).then(|| SlaSummary {
            first_response: shown(SlaTarget::FirstResponse),
            next_response: shown(SlaTarget::NextResponse),
            resolution: shown(SlaTarget::Resolution),
            due_at: self.due_at(),
        })
    }

    /// When the nearest promise is due, or was; `None` when none runs.
    #[must_use]
    pub fn due_at(&self) -> Option<Time> {
        self.sla.iter().filter_map(|it| it.promise.due_at).min()
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
