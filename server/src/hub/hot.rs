//! The hub's inner hot paths for the benchmarks in `server/benches/`, which see public items only. Nothing else uses it.

use super::codec;
use super::outbox::Frame;
use super::views::{Asked, GATHER_MS, Rows, Views};
use bytes::Bytes;
use dibs_protocol::event::{Actor, Event, Mentions, Message, Note};
use dibs_protocol::filter::Filter;
use dibs_protocol::ids::{AgentId, ConversationId, MessageId, NoteId};
use dibs_protocol::terms::{AgentKind, Role, Sort};
use dibs_protocol::time::Time;
use dibs_rules::Conversation;
use dibs_rules::context::Agent;
use dibs_rules::fact::Fact;
use dibs_rules::filter::ViewFilter;
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

/// When everything here happens, milliseconds since the Unix epoch.
const NOW: Time = Time(1_795_255_200_000);
/// Rows of the list's window.
const LIMIT: usize = 50;

/// A note that was decided and is to be encoded.
#[derive(Debug)]
pub struct NoteToTell {
    actor: Actor,
    event: Event,
}

impl NoteToTell {
    /// A note with this text, by an agent.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let note = Note {
            id: NoteId(Uuid::from_u128(8)),
            text: text.to_owned(),
        };
        let event = Event::NoteAdded {
            note,
            agent: priya().id,
            mentions: Mentions::default(),
        };
        Self {
            actor: Actor::System,
            event,
        }
    }

    /// What the log stores of it is encoded, and then its frame.
    #[must_use]
    pub fn frame(&self, seq: u64) -> Frame {
        let id = ConversationId(Uuid::from_u128(7));
        codec::event_frame(
            seq,
            &codec::encode(Some(id), NOW, &self.actor, &self.event, [7; 16]),
        )
    }
}

/// A list that many sessions have open, over conversations in memory.
pub struct ListUnderLoad {
    rows: Store,
    views: Views,
    seq: u64,
    now_ms: u64,
}

struct Store(BTreeMap<ConversationId, (Arc<Conversation>, Option<Bytes>)>);

impl ListUnderLoad {
    /// `conversations` in one list, whose first rows `sessions` have open.
    #[must_use]
    pub fn new(conversations: u128, sessions: usize) -> Self {
        let all = (0..conversations).filter_map(|n| opened(n).map(|it| (it.id, (Arc::new(it), None))));
        let mut rows = Store(all.collect());
        let mut views = Views::default();
        for session in 0..sessions {
            let asked = Asked {
                filter: ViewFilter::resolve(&Filter::default(), &priya()),
                sort: Sort::LastActivity,
                offset: 0,
                limit: LIMIT,
            };
            views.open(session, "all", asked, NOW, 1, &mut rows);
        }
        let seq = u64::try_from(conversations).unwrap_or(u64::MAX);
        Self {
            rows,
            views,
            seq,
            now_ms: GATHER_MS,
        }
    }

    /// A customer's message moves a conversation to the top, and all are told. How many frames that were.
    pub fn change_and_flush(&mut self) -> usize {
        self.seq += 1;
        let id = place(u128::from(self.seq) % self.rows.0.len().max(1) as u128);
        let message = Message {
            id: MessageId(Uuid::from_u128(9)),
            text: "Where is it now?".to_owned(),
            attachments: Vec::new(),
        };
        let event = Event::MessageReceived { message };
        let at = Time(NOW.0 + i64::try_from(self.seq).unwrap_or(0));
        if let Some((state, summary)) = self.rows.0.get_mut(&id) {
            let before = Arc::clone(state);
            Arc::make_mut(state).apply(&fact(self.seq, at, id, &event));
            let after = Arc::clone(state);
            *summary = None;
            self.views.changed(Some(&before), Some(&after), at, &self.rows);
        }
        self.now_ms += GATHER_MS;
        let mut out = Vec::new();
        self.views.flush(self.now_ms, self.seq, &mut self.rows, &mut out);
        out.len()
    }
}

impl Rows for Store {
    fn conversation(&self, id: ConversationId) -> Option<&Arc<Conversation>> {
        self.0.get(&id).map(|(state, _)| state)
    }

    fn summary(&mut self, id: ConversationId) -> Option<Bytes> {
        let (state, summary) = self.0.get_mut(&id)?;
        let fresh = || serde_json::to_vec(&state.summary()).unwrap_or_default().into();
        Some(summary.get_or_insert_with(fresh).clone())
    }

    fn unread(&self, _: &AgentId, _: ConversationId) -> bool {
        false
    }

    fn mentioned(&self, _: ConversationId) -> Vec<AgentId> {
        Vec::new()
    }

    fn all(&self) -> Box<dyn Iterator<Item = &Arc<Conversation>> + '_> {
        Box::new(self.0.values().map(|(state, _)| state))
    }
}

fn priya() -> Agent {
    let id = AgentId::new("priya");
    Agent {
        // The constant is an id.
        id: id.unwrap_or_else(|_| unreachable!("priya is an agent's id")),
        name: "Priya".to_owned(),
        kind: AgentKind::Human,
        role: Role::Agent,
        teams: Vec::new(),
        skills: Vec::new(),
    }
}

fn place(n: u128) -> ConversationId {
    ConversationId(Uuid::from_u128(n + 1))
}

fn fact(seq: u64, at: Time, conversation: ConversationId, event: &Event) -> Fact<'_> {
    Fact {
        seq,
        at,
        conversation,
        actor: &Actor::System,
        event,
    }
}

fn opened(n: u128) -> Option<Conversation> {
    let event = serde_json::json!({
        "kind": "conversation_opened", "channel": "mail", "queue": "default", "priority": "normal", "tags": ["orders"],
        "subject": format!("Where is order {n}?"), "customer": { "id": format!("c{n}@example.com"), "name": "C" },
    });
    let event = serde_json::from_value(event).ok()?;
    Conversation::opened(&fact(u64::try_from(n).ok()? + 1, NOW, place(n), &event))
}
