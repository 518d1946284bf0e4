//! What may have to be forgotten: which parts of events and of the state are personal, and what is left without them.

use crate::context::Context;
use crate::conversation::Conversation;
use crate::decision::{Answer, Decision};
use dibs_protocol::event::{Actor, Carried, Customer, Event, Message, Note};
use dibs_protocol::ids::{ConversationId, CustomerId};
use dibs_protocol::terms::RedactReason;
use std::collections::BTreeSet;

/// The event with everything personal blanked: texts, names, handles, threads, subjects, attachments, reasons and notes of
/// free text, comments, tiers; the customer's id becomes `redacted-<conversation>`. `None` when nothing in it is personal.
#[must_use]
pub fn skeleton(event: &Event, conversation: Option<ConversationId>) -> Option<Event> {
    let mut blank = event.clone();
    match &mut blank {
        Event::ConversationOpened {
            customer,
            thread,
            subject,
            ..
        } => {
            *customer = nobody(conversation);
            *thread = None;
            *subject = None;
        }
        Event::CustomerUpdated { customer } => *customer = nobody(conversation),
        Event::MessageReceived { message }
        | Event::MessageSent { message, .. }
        | Event::ReplyScheduled { message, .. } => *message = blank_message(message),
        Event::NoteAdded { note, .. } => {
            *note = Note {
                id: note.id,
                text: String::new(),
            }
        }
        Event::MessageDelivery { reason, .. } | Event::ClaimGranted { reason, .. } => *reason = None,
        Event::TransferOffered { note, .. } | Event::TransferDeclined { note, .. } => *note = None,
        Event::SubjectChanged { from, to } => {
            *from = None;
            *to = None;
        }
        Event::Rated { comment, .. } => *comment = None,
        Event::Merged { threads, carried, .. } => {
            threads.clear();
            blank_carried(carried);
        }
        Event::Split { carried, .. } => blank_carried(carried),
        Event::AgentSeen { name, .. } => name.clear(),
        Event::AgentDisconnected { reason, .. } => *reason = None,
        Event::ClaimReleased { .. }
        | Event::ClaimExpired { .. }
        | Event::Assigned { .. }
        | Event::StatusChanged { .. }
        | Event::Tagged { .. }
        | Event::PriorityChanged { .. }
        | Event::QueueChanged { .. }
        | Event::SlaWarned { .. }
        | Event::SlaBreached { .. }
        | Event::SlaMet { .. }
        | Event::SlaPlanned { .. }
        | Event::Escalated { .. }
        | Event::ScheduleDropped { .. }
        | Event::SettingsChanged { .. }
        | Event::Redacted { .. } => {}
    }
    Some(blank).filter(|blank| blank != event)
}

/// The actor without what is personal: a customer without an id.
#[must_use]
pub fn skeleton_actor(actor: &Actor) -> Actor {
    match actor {
        Actor::Customer { .. } => Actor::Customer { id: None },
        Actor::Agent { .. } | Actor::Bot { .. } | Actor::Channel { .. } | Actor::System => actor.clone(),
    }
}

impl Conversation {
    /// Forgets everything personal. Afterwards the state is as if it had been folded from skeletons.
    pub fn redact(&mut self) {
        self.customer = nobody(Some(self.id));
        self.thread = None;
        self.threads.clear();
        self.subject = None;
        if let Some(message) = &mut self.last_message {
            message.excerpt.clear();
        }
        if let Some(rating) = &mut self.rating {
            rating.comment = None;
        }
        if let Some(offer) = &mut self.offer {
            offer.note = None;
        }
        if let Some(scheduled) = &mut self.scheduled {
            scheduled.message = blank_message(&scheduled.message);
        }
    }
}

/// Forgets the content of these entries, and everything personal in the state. Entries that the conversation cannot
/// have are left out; without any, nothing happens. Never refused.
pub(crate) fn redaction(
    state: &Conversation,
    entries: &[u64],
    reason: RedactReason,
    ctx: &Context<'_>,
) -> Decision {
    let entries: BTreeSet<u64> = entries
        .iter()
        .copied()
        .filter(|seq| (1..=state.version).contains(seq))
        .collect();
    if entries.is_empty() {
        return Decision::nothing(Answer::Done);
    }
    let redacted = Event::Redacted {
        entries: entries.into_iter().collect(),
        reason,
    };
    Decision::with(Answer::Done, vec![(ctx.sender.actor(), redacted)])
}

/// The message without what it says.
fn blank_message(message: &Message) -> Message {
    Message {
        id: message.id,
        text: String::new(),
        attachments: Vec::new(),
    }
}

/// Without what was said last.
fn blank_carried(carried: &mut Option<Carried>) {
    if let Some(message) = carried.as_mut().and_then(|it| it.last_message.as_mut()) {
        message.excerpt.clear();
    }
}

/// The customer as nobody in particular.
fn nobody(conversation: Option<ConversationId>) -> Customer {
    let id = conversation.map_or_else(|| "redacted".to_owned(), |id| format!("redacted-{id}"));
    let id = CustomerId::new(&id).expect("letters, digits and dashes are an id");
    Customer {
        id,
        name: String::new(),
        handle: None,
        tier: None,
    }
}
