//! A workspace with several conversations: decides, numbers and folds what concerns more than one of them.

use crate::world::{People, START, Stored, sender, settings};
use dibs_protocol::command as c;
use dibs_protocol::event::Event;
use dibs_protocol::http::Ingest;
use dibs_protocol::ids::{ConversationId, MessageId};
use dibs_protocol::refusal::Refusal;
use dibs_protocol::time::Time;
use dibs_rules::contents::{Contents, Library};
use dibs_rules::merge::Merge;
use dibs_rules::split::Split;
use dibs_rules::{Action, Answer, Context, Conversation, Decision, Settings, decide};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

pub struct Town {
    pub settings: Settings,
    pub now: Time,
    pub states: BTreeMap<ConversationId, Conversation>,
    pub feed: Vec<Stored>,
    drawn: u128,
}

impl Town {
    pub fn new() -> Self {
        Self {
            settings: settings(),
            now: START,
            states: BTreeMap::new(),
            feed: Vec::new(),
            drawn: 0,
        }
    }

    /// Decides and commits; every event a second after the one before.
    pub fn act(
        &mut self,
        who: &str,
        about: Option<ConversationId>,
        action: &Action,
    ) -> Result<Decision, Refusal> {
        self.drawn += 1;
        self.now = self.now.plus_ms(1_000);
        let ctx = Context {
            sender: &sender(who),
            now: self.now,
            ids: (
                Uuid::from_u128(7 << 96 | self.drawn),
                Uuid::from_u128(9 << 96 | self.drawn),
            ),
            settings: &self.settings,
            people: &People,
            first: None,
        };
        let state = about.and_then(|id| self.states.get(&id));
        let decision = decide(state, action, &ctx)?;
        let about = about.unwrap_or(ConversationId(ctx.ids.0));
        for part in &decision.others {
            self.commit(part.conversation, &part.events);
        }
        self.commit(about, &decision.events);
        Ok(decision)
    }

    fn commit(&mut self, conversation: ConversationId, events: &[(dibs_protocol::event::Actor, Event)]) {
        for (actor, event) in events {
            let stored = Stored {
                seq: self.feed.len() as u64 + 1,
                at: self.now,
                conversation,
                actor: actor.clone(),
                event: event.clone(),
            };
            let fact = stored.fact();
            match self.states.get_mut(&conversation) {
                Some(state) => state.apply(&fact),
                None => drop(
                    self.states
                        .insert(conversation, Conversation::opened(&fact).unwrap()),
                ),
            }
            self.feed.push(stored);
        }
    }

    /// A customer's first message; by mail, in a thread of their own.
    pub fn opened_by(&mut self, customer: &str) -> ConversationId {
        let thread = format!("t{}", self.drawn);
        let body = self.ingest(customer, json!({ "thread": thread }));
        let decision = self.act("adapter", None, &body).unwrap();
        let Answer::Ingested { conversation, .. } = decision.answer else {
            panic!("{decision:?}")
        };
        conversation
    }

    /// The customer of a conversation writes again.
    pub fn asks(&mut self, id: ConversationId) -> MessageId {
        let customer = self.states[&id].customer.id.to_string();
        let body = self.ingest(&customer, json!({}));
        let decision = self.act("adapter", Some(id), &body).unwrap();
        let Answer::Ingested { message, .. } = decision.answer else {
            panic!("{decision:?}")
        };
        message
    }

    fn ingest(&self, customer: &str, more: serde_json::Value) -> Action {
        let mut body = json!({ "key": format!("k{}", self.drawn), "channel": "mail",
            "customer": { "id": customer, "name": customer }, "text": format!("Message {}", self.drawn) });
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let body: Ingest = serde_json::from_value(body).unwrap();
        Action::Ingest(Box::new(body))
    }

    pub fn claim(&mut self, who: &str, id: ConversationId) -> Result<Decision, Refusal> {
        let claim = c::Claim {
            conversation: id,
            key: None,
        };
        self.act(who, Some(id), &Action::Claim(claim))
    }

    /// The holder answers.
    pub fn answers(&mut self, id: ConversationId) -> Result<MessageId, Refusal> {
        let claim = self.states[&id].claim.clone();
        let (who, token) = claim.map_or(("priya".to_owned(), 1), |it| (it.agent.to_string(), it.token));
        let reply = c::Reply {
            conversation: id,
            token,
            key: format!("k{}", self.drawn),
            seen: self.states[&id].version,
            text: "Answer".to_owned(),
            attachments: None,
            then: None,
        };
        match self.act(&who, Some(id), &Action::Reply(reply))?.answer {
            Answer::Replied { message } => Ok(message),
            other => panic!("{other:?}"),
        }
    }

    pub fn update(
        &mut self,
        who: &str,
        id: ConversationId,
        fields: serde_json::Value,
    ) -> Result<Decision, Refusal> {
        let mut update = json!({ "conversation": id });
        update
            .as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        self.act(
            who,
            Some(id),
            &Action::Update(serde_json::from_value(update).unwrap()),
        )
    }

    pub fn merge(
        &mut self,
        who: &str,
        into: ConversationId,
        conversations: &[ConversationId],
    ) -> Result<Decision, Refusal> {
        let absorbed = conversations.iter().filter_map(|id| self.states.get(id).cloned());
        let absorbed = absorbed.map(Arc::new).collect();
        let command = c::Merge {
            into,
            conversations: conversations.to_vec(),
            expect: None,
            key: None,
        };
        let merge = Action::Merge(Box::new(Merge { command, absorbed }));
        self.act(who, Some(into), &merge)
    }

    pub fn split(
        &mut self,
        who: &str,
        id: ConversationId,
        messages: &[MessageId],
    ) -> Result<ConversationId, Refusal> {
        let contents = Some((self.states[&id].version, self.contents(id)));
        let command = c::Split {
            conversation: id,
            messages: messages.to_vec(),
            subject: None,
            expect: None,
            key: None,
        };
        let split = Action::Split(Box::new(Split { command, contents }));
        match self.act(who, Some(id), &split)?.answer {
            Answer::Split { conversation } => Ok(conversation),
            other => panic!("{other:?}"),
        }
    }

    /// The messages that a conversation has, from the whole feed.
    pub fn contents(&self, id: ConversationId) -> Contents {
        let mut library = Library::default();
        for stored in &self.feed {
            library.fold(&stored.fact());
        }
        library.take(id)
    }

    /// The messages of the whole feed.
    pub fn messages(&self) -> Vec<MessageId> {
        let message = |stored: &Stored| match &stored.event {
            Event::MessageReceived { message } | Event::MessageSent { message, .. } => Some(message.id),
            _ => None,
        };
        self.feed.iter().filter_map(message).collect()
    }
}
