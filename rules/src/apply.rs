//! Folding events into a conversation's state. It never fails, checks nothing and reads no clock.

use crate::conversation::{Conversation, Held, Replied};
use crate::excerpt::excerpt;
use crate::fact::Fact;
use crate::routing::is_routed_offer;
use dibs_protocol::event::{Actor, Event, Message, TransferTo};
use dibs_protocol::ids::AgentId;
use dibs_protocol::summary::{LastMessage, Offer, Rating};
use dibs_protocol::terms::{DeclineReason, DeliveryState, ExpiryReason, From, ReleaseVia, Status};

/// Of those who declined a conversation so many are remembered, the latest ones.
const DECLINED: usize = 200;

impl Conversation {
    /// The state that a `conversation_opened` gives; `None` for any other kind of event.
    #[must_use]
    pub fn opened(fact: &Fact<'_>) -> Option<Self> {
        let Event::ConversationOpened {
            channel,
            thread,
            customer,
            subject,
            queue,
            priority,
            tags,
        } = fact.event
        else {
            return None;
        };
        let mut tags = tags.clone();
        tags.sort_unstable();
        tags.dedup();
        Some(Self {
            id: fact.conversation,
            version: fact.seq,
            status: Status::New,
            snoozed_until: None,
            channel: channel.clone(),
            thread: thread.clone(),
            customer: customer.clone(),
            subject: subject.clone(),
            queue: queue.clone(),
            priority: *priority,
            tags,
            assignee: None,
            team: None,
            claim: None,
            offer: None,
            waiting_since: None,
            unanswered: 0,
            last_message: None,
            first_response_at: None,
            rating: None,
            opened_at: fact.at,
            active_at: fact.at,
            customer_seq: 0,
            last_reply: None,
            other_reply: None,
            merged_seq: 0,
            merged_into: None,
            absorbed: Vec::new(),
            threads: Vec::new(),
            closed_at: None,
            redacted_seq: 0,
            returned: false,
            declined: Vec::new(),
            sla: Vec::new(),
            escalated: Vec::new(),
            scheduled: None,
            resolved_at: None,
        })
    }

    /// Folds one event into the state.
    ///
    /// The stored token of a `claim_granted` is 0 and means the event's own `seq`. Whatever ends a claim ends the
    /// offer that was made with it.
    pub fn apply(&mut self, fact: &Fact<'_>) {
        self.version = fact.seq;
        self.active_at = fact.at;
        match fact.event {
            Event::MessageReceived { message } => self.received(fact, message),
            Event::MessageSent { message, agent, .. } => {
                self.sent(fact, message, agent);
                self.answered(message.id);
            }
            Event::MessageDelivery {
                state: DeliveryState::Failed,
                ..
            } => self.wait(fact, self.unanswered.max(1)),
            Event::ClaimGranted { .. }
            | Event::ClaimReleased { .. }
            | Event::ClaimExpired { .. }
            | Event::TransferOffered { .. }
            | Event::TransferDeclined { .. } => self.claimed_or_offered(fact),
            Event::Assigned { agent, team } => {
                self.assignee.clone_from(agent);
                self.team.clone_from(team);
            }
            Event::StatusChanged {
                to, snoozed_until, ..
            } => {
                self.snoozed_until = *snoozed_until;
                self.stand(*to, fact.at);
            }
            Event::Tagged { added, removed } => self.tag(added, removed),
            Event::PriorityChanged { to, .. } => self.priority = *to,
            Event::QueueChanged { to, .. } => self.queue = to.clone(),
            Event::SubjectChanged { to, .. } => self.subject.clone_from(to),
            Event::CustomerUpdated { customer } => self.customer = customer.clone(),
            Event::Merged { into: Some(into), .. } => self.absorbed(*into, fact.at),
            Event::Merged { into: None, .. } => self.absorbs(fact),
            Event::Split { carried, .. } => self.carry(carried.as_ref()),
            Event::Rated { score, comment } => self.rated(fact, *score, comment.clone()),
            Event::Redacted { .. } => {
                self.redact();
                self.redacted_seq = fact.seq;
            }
            Event::SlaPlanned { .. }
            | Event::SlaWarned { .. }
            | Event::SlaBreached { .. }
            | Event::Escalated { .. }
            | Event::ReplyScheduled { .. }
            | Event::ScheduleDropped { .. } => self.spell(fact),
            Event::ConversationOpened { .. }
            | Event::MessageDelivery {
                state: DeliveryState::Delivered,
                ..
            }
            | Event::NoteAdded { .. }
            | Event::SlaMet { .. }
            | Event::SettingsChanged { .. }
            | Event::AgentSeen { .. }
            | Event::AgentDisconnected { .. } => {}
        }
        self.note_activity(fact);
    }

    /// Folds an event about the claim or an offer; any other changes nothing here.
    fn claimed_or_offered(&mut self, fact: &Fact<'_>) {
        match fact.event {
            Event::ClaimGranted { agent, .. } => self.granted(fact, agent),
            Event::ClaimReleased { agent, via, .. } => {
                self.end_claim();
                if *via == ReleaseVia::Release {
                    self.decline(agent);
                }
            }
            Event::ClaimExpired { agent, reason, .. } => {
                self.end_claim();
                self.returned = true;
                if *reason == ExpiryReason::Idle {
                    self.decline(agent);
                }
            }
            Event::TransferOffered {
                from,
                to,
                note,
                expires_at,
            } => {
                let (from, to, note) = (from.clone(), to.clone(), note.clone());
                self.offer = Some(Offer {
                    from,
                    to,
                    note,
                    expires_at: *expires_at,
                });
            }
            Event::TransferDeclined { to, reason, .. } => {
                let refused = matches!(reason, DeclineReason::Declined | DeclineReason::Expired);
                if let (true, TransferTo::Agent(agent)) = (refused && is_routed_offer(self), to) {
                    self.decline(agent);
                }
                self.offer = None;
            }
            _ => {}
        }
    }

    fn received(&mut self, fact: &Fact<'_>, message: &Message) {
        self.wait(fact, self.unanswered.saturating_add(1));
        self.customer_seq = fact.seq;
        self.say(fact, From::Customer, message);
    }

    fn sent(&mut self, fact: &Fact<'_>, message: &Message, agent: &AgentId) {
        let from = if matches!(fact.actor, Actor::Bot { .. }) {
            From::Bot
        } else {
            From::Agent
        };
        self.say(fact, from, message);
        self.waiting_since = None;
        self.unanswered = 0;
        self.declined.clear();
        self.first_response_at.get_or_insert(fact.at);
        let reply = Replied {
            agent: agent.clone(),
            seq: fact.seq,
            at: Some(fact.at),
        };
        let before = self.last_reply.replace(reply);
        if let Some(before) = before.filter(|it| it.agent != *agent) {
            self.other_reply = Some(before);
        }
    }

    fn rated(&mut self, fact: &Fact<'_>, score: u8, comment: Option<String>) {
        let at = fact.at;
        self.rating = Some(Rating { score, comment, at });
    }

    fn say(&mut self, fact: &Fact<'_>, from: From, message: &Message) {
        let excerpt = excerpt(&message.text);
        self.last_message = Some(LastMessage {
            seq: fact.seq,
            at: fact.at,
            from,
            excerpt,
        });
    }

    fn wait(&mut self, fact: &Fact<'_>, unanswered: u32) {
        if self.waiting_since.is_none() {
            self.waiting_since = Some(fact.at);
            self.declined.clear();
        }
        self.unanswered = unanswered;
    }

    fn granted(&mut self, fact: &Fact<'_>, agent: &AgentId) {
        let claim = Held {
            agent: agent.clone(),
            token: fact.seq,
            since: fact.at,
            active_at: fact.at,
        };
        self.claim = Some(claim);
        self.assignee = Some(agent.clone());
        self.offer = None;
        self.returned = false;
    }

    fn decline(&mut self, agent: &AgentId) {
        if !self.declined.contains(agent) {
            self.declined.push(agent.clone());
        }
        if self.declined.len() > DECLINED {
            self.declined.remove(0);
        }
    }

    pub(crate) fn end_claim(&mut self) {
        self.claim = None;
        self.offer = None;
    }

    fn tag(&mut self, added: &[String], removed: &[String]) {
        self.tags.retain(|tag| !removed.contains(tag));
        self.tags.extend_from_slice(added);
        self.tags.sort_unstable();
        self.tags.dedup();
    }

    fn note_activity(&mut self, fact: &Fact<'_>) {
        if let Some(claim) = self
            .claim
            .as_mut()
            .filter(|claim| fact.actor.agent() == Some(&claim.agent))
        {
            claim.active_at = fact.at;
        }
    }
}
