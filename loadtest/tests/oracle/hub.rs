//! A hub of a few lines: decides with the rules, numbers, folds and remembers keys. It serves the truth; spoiling it is done elsewhere.

use dibs_protocol::answer::{
    ClaimAnswer, NoteAnswer, OpenAnswer, ReplyAnswer, SeqAnswer, TokenAnswer, TransferAnswer, UpdateAnswer,
    WatchAnswer,
};
use dibs_protocol::command::Command;
use dibs_protocol::event::EventEntry;
use dibs_protocol::http::{Ingest, IngestAnswer};
use dibs_protocol::ids::{AgentId, ConversationId, TeamId};
use dibs_protocol::refusal::Refusal;
use dibs_protocol::terms::{AgentKind, Role, Status};
use dibs_protocol::time::Time;
use dibs_rules::context::Agent;
use dibs_rules::decision::KeyRecord;
use dibs_rules::ingest::{Target, target};
use dibs_rules::{
    Action, Answer, Context, Conversation, Decision, Directory, Fact, Sender, Settings, decide, keys,
};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

pub const START: Time = Time(1_795_255_200_000);
pub const PEOPLE: [(&str, Role); 4] = [
    ("priya", Role::Agent),
    ("ben", Role::Agent),
    ("sam", Role::Agent),
    ("zoe", Role::Supervisor),
];

pub struct People;

impl Directory for People {
    fn knows_agent(&self, agent: &AgentId) -> bool {
        PEOPLE.iter().any(|it| it.0 == agent.as_str())
    }
    fn knows_team(&self, _: &TeamId) -> bool {
        false
    }
    fn members(&self, _: &TeamId) -> Vec<AgentId> {
        Vec::new()
    }
}

pub fn agent(place: usize) -> Agent {
    let (name, role) = PEOPLE[place];
    Agent {
        id: AgentId::new(name).unwrap(),
        name: name.to_uppercase(),
        kind: AgentKind::Human,
        role,
        teams: Vec::new(),
        skills: Vec::new(),
    }
}

pub fn adapter() -> Sender {
    Sender::Channel {
        id: AgentId::new("adapter").unwrap(),
        channels: None,
    }
}

pub type Fields = BTreeMap<String, serde_json::Value>;

pub fn fields<T: Serialize>(answer: &T) -> Fields {
    match serde_json::to_value(answer).unwrap() {
        serde_json::Value::Object(fields) => fields.into_iter().collect(),
        other => panic!("{other} is no object"),
    }
}

pub struct Hub {
    pub now: Time,
    pub log: Vec<EventEntry>,
    pub states: BTreeMap<ConversationId, Conversation>,
    keys: BTreeMap<(String, String), KeyRecord>,
    settings: Settings,
    drawn: u128,
}

pub struct Done {
    pub conversation: ConversationId,
    pub decision: Decision,
    pub seq: Option<u64>,
}

impl Hub {
    pub fn new() -> Self {
        Self {
            now: START,
            log: Vec::new(),
            states: BTreeMap::new(),
            keys: BTreeMap::new(),
            settings: Settings {
                default_queue: "inbox".parse().unwrap(),
                claim_grace_ms: 30_000,
                claim_idle_ms: None,
                offer_ttl_ms: 60_000,
                agents_take_over: true,
                ..Settings::default()
            },
            drawn: 0,
        }
    }

    pub fn head(&self) -> u64 {
        self.log.len() as u64
    }

    pub fn act(
        &mut self,
        sender: &Sender,
        on: Option<ConversationId>,
        action: &Action,
    ) -> Result<Done, Refusal> {
        self.drawn += 1;
        let key = keys::key_of(action, sender).map(|key| (key.scope, key.key));
        let ids = (
            Uuid::from_u128(7 << 96 | self.drawn),
            Uuid::from_u128(9 << 96 | self.drawn),
        );
        let ctx = Context {
            sender,
            now: self.now,
            ids,
            settings: &self.settings,
            people: &People,
            first: key.as_ref().and_then(|key| self.keys.get(key)),
        };
        let decision = decide(on.and_then(|id| self.states.get(&id)), action, &ctx)?;
        let conversation = match decision.answer {
            Answer::Opened { conversation } | Answer::Ingested { conversation, .. } => conversation,
            _ => on.unwrap(),
        };
        let first = self.head() + 1;
        for (actor, event) in &decision.events {
            let seq = self.head() + 1;
            let mut event = event.clone();
            if let dibs_protocol::event::Event::ClaimGranted { token, .. } = &mut event {
                *token = seq;
            }
            self.log.push(EventEntry {
                seq,
                conversation: Some(conversation),
                at: self.now,
                actor: actor.clone(),
                event: serde_json::to_value(&event).unwrap(),
            });
            let fact = Fact {
                seq,
                at: self.now,
                conversation,
                actor,
                event: &event,
            };
            match self.states.get_mut(&conversation) {
                Some(state) => state.apply(&fact),
                None => drop(
                    self.states
                        .insert(conversation, Conversation::opened(&fact).unwrap()),
                ),
            }
        }
        let stored = decision.answers_event.map(|at| first + at as u64);
        let seq = stored
            .filter(|_| !decision.events.is_empty())
            .or(decision.known_seq);
        if let (Some(place), Some(key)) = (key, &decision.key) {
            let record = KeyRecord {
                fingerprint: key.fingerprint,
                answer: decision.answer.clone(),
                seq,
            };
            self.keys.insert(place, record);
        }
        Ok(Done {
            conversation,
            decision,
            seq,
        })
    }

    pub fn ingest(&mut self, body: &Ingest) -> Result<(bool, IngestAnswer), Refusal> {
        let goal = target(body, None, self.states.values())?;
        let on = match goal {
            Target::Into(id) => Some(id),
            Target::Open => None,
        };
        let done = self.act(&adapter(), on, &Action::Ingest(Box::new(body.clone())))?;
        let Answer::Ingested { message, opened, .. } = done.decision.answer else {
            panic!("an ingest is answered as one");
        };
        let answer = IngestAnswer {
            conversation: done.conversation,
            message,
            seq: done.seq.unwrap(),
            opened,
        };
        Ok((!done.decision.duplicate, answer))
    }

    /// What `ok` carries.
    pub fn command(&mut self, me: &Agent, command: &Command) -> Result<Fields, Refusal> {
        let sender = Sender::Agent(Arc::new(me.clone()));
        let (on, action) = match command.clone() {
            Command::Claim(it) => (Some(it.conversation), Action::Claim(it)),
            Command::Release(it) => (Some(it.conversation), Action::Release(it)),
            Command::TakeOver(it) => (Some(it.conversation), Action::TakeOver(it)),
            Command::Transfer(it) => (Some(it.conversation), Action::Transfer(it)),
            Command::AnswerTransfer(it) => (Some(it.conversation), Action::AnswerTransfer(it)),
            Command::CancelTransfer(it) => (Some(it.conversation), Action::CancelTransfer(it)),
            Command::Reply(it) => (Some(it.conversation), Action::Reply(it)),
            Command::Note(it) => (Some(it.conversation), Action::Note(it)),
            Command::Update(it) => (Some(it.conversation), Action::Update(it)),
            Command::Open(it) => (None, Action::Open(it)),
            other => panic!("{} is not for this hub", other.name()),
        };
        let done = self.act(&sender, on, &action)?;
        let (duplicate, seq) = (done.decision.duplicate, done.seq);
        let token = || seq.unwrap();
        let summary = || self.states[&done.conversation].summary();
        let held = match done.decision.answer {
            Answer::AlreadyHeld { token } => Some(token),
            _ => None,
        };
        Ok(match (command, done.decision.answer) {
            (Command::Claim(_), _) => fields(&ClaimAnswer {
                token: held.unwrap_or_else(token),
                summary: summary(),
            }),
            (Command::TakeOver(_), _) => fields(&TokenAnswer { token: held.or(seq) }),
            (Command::AnswerTransfer(_), Answer::Accepted) => fields(&TokenAnswer { token: seq }),
            (Command::AnswerTransfer(_), _) => Fields::new(),
            (_, Answer::Opened { conversation }) => fields(&OpenAnswer {
                conversation,
                token: token(),
                duplicate,
            }),
            (_, Answer::Offered { expires_at }) => fields(&TransferAnswer {
                seq: token(),
                expires_at,
            }),
            (_, Answer::Replied { message }) => fields(&ReplyAnswer {
                seq: token(),
                message,
                duplicate,
            }),
            (_, Answer::Noted { mentions, unknown }) => fields(&NoteAnswer {
                seq: token(),
                mentions,
                unknown,
                duplicate,
            }),
            (Command::Update(_), _) => fields(&UpdateAnswer { seq }),
            _ => fields(&SeqAnswer { seq: token() }),
        })
    }

    pub fn events(&self, id: ConversationId, after: u64) -> impl Iterator<Item = &EventEntry> {
        self.log
            .iter()
            .filter(move |it| it.conversation == Some(id) && it.seq > after)
    }

    pub fn watch(&self, id: ConversationId, limit: usize) -> WatchAnswer {
        let all: Vec<EventEntry> = self.events(id, 0).cloned().collect();
        let begin = all.len().saturating_sub(limit);
        WatchAnswer {
            summary: self.states[&id].summary(),
            entries: all[begin..].to_vec(),
            more: begin > 0,
            viewers: Vec::new(),
        }
    }

    pub fn unclosed(&self) -> impl Iterator<Item = &Conversation> {
        self.states.values().filter(|it| it.status != Status::Closed)
    }
}
