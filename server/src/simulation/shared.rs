//! What clients and customers of a schedule tell one another, and what the checks need to know of them: who was where
//! and when, and who waited for an instance that was stopped.

use super::life::{Condition, Life};
use super::signal::Signal;
use dibs_protocol::ids::{AgentId, ConversationId, MessageId};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::time::Instant;

/// How far a schedule is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// Clients do what they like, and things go wrong.
    Busy,
    /// Nothing goes wrong any more; what is open is settled.
    Calm,
    /// Everybody looks at everything.
    Look,
    /// Everybody goes, claims or not.
    Leave,
}

/// How a client does.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct How {
    /// It has done all it wanted.
    pub(super) satisfied: bool,
    /// It is welcome, and waits for nothing.
    pub(super) idle: bool,
    /// It has looked at everything.
    pub(super) looked: bool,
}

/// A session, from its welcome to its end, as the client knows it.
pub(super) struct Stay {
    pub(super) agent: AgentId,
    pub(super) life: Arc<Life>,
    pub(super) from: Instant,
    pub(super) to: Option<Instant>,
}

/// What all share.
pub(super) struct Shared {
    pub(super) phase: Signal<Phase>,
    pub(super) how: Mutex<Vec<How>>,
    pub(super) conversations: Mutex<Vec<ConversationId>>,
    pub(super) tokens: Mutex<BTreeMap<ConversationId, Vec<u64>>>,
    /// Messages that somebody was shown, by the conversation in which they were stored.
    pub(super) messages: Mutex<BTreeMap<ConversationId, Vec<MessageId>>>,
    /// Conversations that somebody saw being merged, and into which.
    pub(super) survivors: Mutex<BTreeMap<ConversationId, ConversationId>>,
    pub(super) stays: Mutex<Vec<Stay>>,
    /// Dials that waited for an instance which was stopped: who, for which, since when.
    pub(super) waited: Mutex<Vec<(AgentId, Arc<Life>, Instant)>>,
}

impl Shared {
    pub(super) fn new(clients: usize) -> Arc<Self> {
        Arc::new(Self {
            phase: Signal::new(Phase::Busy),
            how: Mutex::new(vec![How::default(); clients]),
            conversations: Mutex::default(),
            tokens: Mutex::default(),
            messages: Mutex::default(),
            survivors: Mutex::default(),
            stays: Mutex::default(),
            waited: Mutex::default(),
        })
    }

    pub(super) fn learn_conversation(&self, id: ConversationId) {
        let mut conversations = self.conversations.lock();
        if !conversations.contains(&id) {
            conversations.push(id);
        }
    }

    pub(super) fn learn_token(&self, id: ConversationId, token: u64) {
        let mut tokens = self.tokens.lock();
        let known = tokens.entry(id).or_default();
        if !known.contains(&token) {
            known.push(token);
        }
    }

    pub(super) fn learn_message(&self, id: ConversationId, message: MessageId) {
        let mut messages = self.messages.lock();
        let known = messages.entry(id).or_default();
        if !known.contains(&message) {
            known.push(message);
        }
    }

    pub(super) fn dialled(&self, agent: &AgentId, life: &Arc<Life>) {
        if life.condition() == Condition::Stopped {
            self.waited
                .lock()
                .push((agent.clone(), life.clone(), Instant::now()));
        }
    }

    /// A session is welcome. Returns its stay.
    pub(super) fn arrived(&self, agent: &AgentId, life: &Arc<Life>) -> usize {
        let mut stays = self.stays.lock();
        stays.push(Stay {
            agent: agent.clone(),
            life: life.clone(),
            from: Instant::now(),
            to: None,
        });
        stays.len() - 1
    }

    /// A session is over.
    pub(super) fn gone(&self, stay: usize) {
        self.stays.lock()[stay].to = Some(Instant::now());
    }

    /// Whether it is so with all clients.
    pub(super) fn all(&self, holds: impl Fn(&How) -> bool) -> bool {
        self.how.lock().iter().all(holds)
    }
}
