//! A workspace with one conversation: decides, numbers, folds and remembers keys as a log would, without one.

use dibs_protocol::event::{Actor, Event};
use dibs_protocol::ids::{AgentId, ChannelId, ConversationId, TeamId};
use dibs_protocol::refusal::Refusal;
use dibs_protocol::terms::{AgentKind, Role, Status};
use dibs_protocol::time::Time;
use dibs_rules::context::Agent;
use dibs_rules::decision::KeyRecord;
use dibs_rules::{
    Action, Answer, Context, Conversation, Decision, Directory, Fact, Sender, Settings, decide, keys,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

pub const START: Time = Time(1_795_255_200_000);

/// Everybody: (id, kind, role, teams).
const PEOPLE: [(&str, AgentKind, Role, &[&str]); 7] = [
    ("priya", AgentKind::Human, Role::Agent, &["billing"]),
    ("ben", AgentKind::Human, Role::Agent, &["billing", "night"]),
    ("sam", AgentKind::Human, Role::Agent, &[]),
    ("zoe", AgentKind::Human, Role::Supervisor, &[]),
    ("ada", AgentKind::Human, Role::Admin, &[]),
    ("robo", AgentKind::Bot, Role::Agent, &["bots"]),
    ("nora.", AgentKind::Human, Role::Agent, &["sam"]),
];

pub struct People;

impl Directory for People {
    fn knows_agent(&self, agent: &AgentId) -> bool {
        PEOPLE.iter().any(|it| it.0 == agent.as_str())
    }
    fn knows_team(&self, team: &TeamId) -> bool {
        PEOPLE.iter().any(|it| it.3.contains(&team.as_str()))
    }
    fn members(&self, team: &TeamId) -> Vec<AgentId> {
        let mut ids: Vec<AgentId> = PEOPLE
            .iter()
            .filter(|it| it.3.contains(&team.as_str()))
            .map(|it| agent_id(it.0))
            .collect();
        ids.sort();
        ids
    }
}

pub fn agent_id(id: &str) -> AgentId {
    AgentId::new(id).unwrap()
}

pub fn agent(id: &str) -> Agent {
    let (_, kind, role, teams) = PEOPLE.iter().find(|it| it.0 == id).unwrap();
    Agent {
        id: agent_id(id),
        name: id.to_uppercase(),
        kind: *kind,
        role: *role,
        teams: teams.iter().map(|team| TeamId::new(team).unwrap()).collect(),
        skills: Vec::new(),
    }
}

/// A sender by name: `adapter` speaks for any channel, `chatty` for `chat` only, `time` is Dibs itself.
pub fn sender(who: &str) -> Sender {
    match who {
        "adapter" | "customer" => Sender::Channel {
            id: agent_id("adapter"),
            channels: None,
        },
        "chatty" => Sender::Channel {
            id: agent_id("chatty"),
            channels: Some(vec![ChannelId::new("chat").unwrap()]),
        },
        "time" => Sender::System,
        _ => Sender::Agent(Arc::new(agent(who))),
    }
}

pub fn settings() -> Settings {
    Settings {
        default_queue: "inbox".parse().unwrap(),
        claim_grace_ms: 30_000,
        claim_idle_ms: Some(600_000),
        offer_ttl_ms: 60_000,
        agents_take_over: false,
        ..Settings::default()
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    pub seq: u64,
    pub at: Time,
    pub conversation: ConversationId,
    pub actor: Actor,
    pub event: Event,
}

impl Stored {
    pub fn fact(&self) -> Fact<'_> {
        Fact {
            seq: self.seq,
            at: self.at,
            conversation: self.conversation,
            actor: &self.actor,
            event: &self.event,
        }
    }
}

/// What an action did: the decision, its `seq`, and its first event's place in the feed.
#[derive(Debug, Clone, PartialEq)]
pub struct Done {
    pub decision: Decision,
    pub seq: Option<u64>,
    pub from: usize,
}

pub struct World {
    pub settings: Settings,
    pub now: Time,
    pub seq: u64,
    pub state: Option<Conversation>,
    pub feed: Vec<Stored>,
    pub keys: BTreeMap<(String, String), KeyRecord>,
    pub drawn: u128,
}

impl World {
    pub fn new() -> Self {
        let keys = BTreeMap::new();
        Self {
            settings: settings(),
            now: START,
            seq: 0,
            state: None,
            feed: Vec::new(),
            keys,
            drawn: 0,
        }
    }

    pub fn state(&self) -> &Conversation {
        self.state.as_ref().expect("a conversation")
    }

    pub fn decide(&mut self, who: &Sender, action: &Action) -> Result<Decision, Refusal> {
        self.drawn += 1;
        let key = keys::key_of(action, who).map(|key| (key.scope, key.key));
        let ctx = Context {
            sender: who,
            now: self.now,
            ids: (
                Uuid::from_u128(7 << 96 | self.drawn),
                Uuid::from_u128(9 << 96 | self.drawn),
            ),
            settings: &self.settings,
            people: &People,
            first: key.and_then(|key| self.keys.get(&key)),
        };
        decide(self.state.as_ref(), action, &ctx)
    }

    /// Decides and commits, as one instance would that is alone.
    pub fn act(&mut self, who: &Sender, action: &Action) -> Result<Done, Refusal> {
        let decision = self.decide(who, action)?;
        let from = self.feed.len();
        let conversation = match decision.answer {
            Answer::Opened { conversation } | Answer::Ingested { conversation, .. } => conversation,
            _ => self
                .state
                .as_ref()
                .map_or(ConversationId(Uuid::nil()), |it| it.id),
        };
        for (actor, event) in decision.events.clone() {
            self.seq += 1;
            let stored = Stored {
                seq: self.seq,
                at: self.now,
                conversation,
                actor,
                event,
            };
            self.fold(&stored);
            self.feed.push(stored);
        }
        let seq = decision
            .answers_event
            .map(|i| self.feed[from + i].seq)
            .or(decision.known_seq);
        if let Some(key) = &decision.key {
            let record = KeyRecord {
                fingerprint: key.fingerprint,
                answer: decision.answer.clone(),
                seq,
            };
            self.keys
                .insert((key.at.scope.clone(), key.at.key.clone()), record);
        }
        if self.state.is_some() {
            self.check();
        }
        Ok(Done { decision, seq, from })
    }

    fn fold(&mut self, stored: &Stored) {
        match Conversation::opened(&stored.fact()) {
            Some(opened) => self.state = Some(opened),
            None => self.state.as_mut().expect("opened first").apply(&stored.fact()),
        }
    }

    /// What holds after every commit.
    fn check(&self) {
        let it = self.state();
        assert_eq!(it.version, self.seq);
        assert!(
            it.snoozed_until.is_none() || it.status == Status::Pending,
            "only the pending sleep"
        );
        assert!(
            it.claim.is_none() || it.status != Status::Closed,
            "nobody holds what is closed"
        );
        assert!(it.claim.as_ref().is_none_or(|claim| claim.token <= it.version));
        let maker = it.offer.as_ref().map(|offer| &offer.from);
        let by_routing = maker.is_some_and(|it| it.as_str() == "system") && it.claim.is_none();
        assert!(
            maker.is_none() || maker == it.holder() || by_routing,
            "who offers holds"
        );
        assert_eq!(it.waiting_since.is_some(), it.unanswered > 0);
        assert!(it.tags.is_sorted() && it.tags.len() <= 50);
    }
}

/// Folds a feed of one conversation.
pub fn replay<'a>(feed: impl IntoIterator<Item = &'a Stored>) -> Option<Conversation> {
    feed.into_iter().fold(None, |state, stored| match state {
        None => Conversation::opened(&stored.fact()),
        Some(mut state) => {
            state.apply(&stored.fact());
            Some(state)
        }
    })
}
