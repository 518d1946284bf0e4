//! Which messages a conversation has: its own, those of what it absorbed, and those that a split brought, without those
//! that a split took away. The state does not keep them: whoever needs them folds the events of all who are concerned.

use crate::excerpt::excerpt;
use crate::fact::Fact;
use dibs_protocol::event::{Actor, Carried, Event, Message};
use dibs_protocol::ids::{ConversationId, MessageId};
use dibs_protocol::summary::LastMessage;
use dibs_protocol::terms::{DeliveryState, From, Status};
use dibs_protocol::time::Time;
use std::collections::BTreeMap;

/// A message of a conversation.
#[derive(Debug, Clone, PartialEq)]
struct Said {
    id: MessageId,
    shown: LastMessage,
}

/// The messages of a conversation, and which of them wait for a reply.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Contents {
    said: Vec<Said>,
    /// Messages that wait, and since when: the customer's, or one that could not be delivered.
    waiting: Vec<(MessageId, Time)>,
    /// Whether it is resolved or closed: then nobody waits there any more.
    over: bool,
}

impl Contents {
    /// Whether it has this message.
    #[must_use]
    pub fn has(&self, message: MessageId) -> bool {
        self.said.iter().any(|it| it.id == message)
    }

    /// How many messages it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.said.len()
    }

    /// Whether it has no message.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.said.is_empty()
    }

    /// Its messages, in no particular order.
    pub fn messages(&self) -> impl Iterator<Item = MessageId> + '_ {
        self.said.iter().map(|it| it.id)
    }

    /// Only these messages of it.
    #[must_use]
    pub fn only(&self, messages: &[MessageId]) -> Self {
        self.filtered(|id| messages.contains(&id))
    }

    /// What is left of it without these messages.
    #[must_use]
    pub fn without(&self, messages: &[MessageId]) -> Self {
        self.filtered(|id| !messages.contains(&id))
    }

    /// Who waits, what was said last, and when the first reply was stored.
    #[must_use]
    pub fn carried(&self) -> Carried {
        let replies = self.said.iter().filter(|it| it.shown.from != From::Customer);
        Carried {
            waiting_since: self.waiting.iter().map(|(_, at)| *at).min(),
            unanswered: u32::try_from(self.waiting.len()).unwrap_or(u32::MAX),
            last_message: self
                .said
                .iter()
                .max_by_key(|it| it.shown.seq)
                .map(|it| it.shown.clone()),
            first_response_at: replies.map(|it| it.shown.at).min(),
        }
    }

    fn filtered(&self, stays: impl Fn(MessageId) -> bool) -> Self {
        Self {
            said: self.said.iter().filter(|it| stays(it.id)).cloned().collect(),
            waiting: self.waiting.iter().filter(|it| stays(it.0)).copied().collect(),
            over: self.over,
        }
    }

    fn say(&mut self, fact: &Fact<'_>, message: &Message, from: From) {
        let shown = LastMessage {
            seq: fact.seq,
            at: fact.at,
            from,
            excerpt: excerpt(&message.text),
        };
        let id = message.id;
        self.said.push(Said { id, shown });
    }

    /// Takes over another one's messages, and who waits there.
    fn absorb(&mut self, other: &Self) {
        self.said.extend(other.said.iter().cloned());
        self.waiting.extend(&other.waiting);
    }

    fn fold(&mut self, fact: &Fact<'_>) {
        match fact.event {
            Event::MessageReceived { message } => {
                self.say(fact, message, From::Customer);
                self.waiting.push((message.id, fact.at));
            }
            Event::MessageSent { message, .. } => {
                let bot = matches!(fact.actor, Actor::Bot { .. });
                self.say(fact, message, if bot { From::Bot } else { From::Agent });
                self.waiting.clear();
            }
            Event::MessageDelivery {
                message,
                state: DeliveryState::Failed,
                ..
            } if self.waiting.is_empty() => self.waiting.push((*message, fact.at)),
            Event::StatusChanged { to, .. } => self.over = matches!(to, Status::Resolved | Status::Closed),
            Event::Split {
                into: Some(_),
                messages,
                ..
            } => *self = self.without(messages),
            _ => {}
        }
    }
}

/// The messages of several conversations, folded together: events of all of them, ascending.
#[derive(Debug, Clone, Default)]
pub struct Library(BTreeMap<ConversationId, Contents>);

impl Library {
    /// Which other conversations must be folded to know the messages of the one that has this event.
    #[must_use]
    pub fn sources(event: &Event) -> Vec<ConversationId> {
        match event {
            Event::Merged { conversations, .. } => conversations.clone().unwrap_or_default(),
            Event::Split { from, .. } => from.iter().copied().collect(),
            _ => Vec::new(),
        }
    }

    /// Folds one event.
    pub fn fold(&mut self, fact: &Fact<'_>) {
        let others: Vec<Contents> = Self::sources(fact.event)
            .iter()
            .filter_map(|id| self.0.get(id).cloned())
            .collect();
        let contents = self.0.entry(fact.conversation).or_default();
        contents.fold(fact);
        for other in others {
            match fact.event {
                Event::Split { messages, .. } => contents.absorb(&other.only(messages)),
                // Nobody waits where all was over.
                _ if other.over => contents.said.extend(other.said),
                _ => contents.absorb(&other),
            }
        }
    }

    /// What a conversation has.
    #[must_use]
    pub fn get(&self, conversation: ConversationId) -> Option<&Contents> {
        self.0.get(&conversation)
    }

    /// What a conversation has.
    #[must_use]
    pub fn take(mut self, conversation: ConversationId) -> Contents {
        self.0.remove(&conversation).unwrap_or_default()
    }
}
