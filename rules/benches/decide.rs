//! How long the rules take: deciding a command against a conversation, and folding what was decided.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on panics")]
#![allow(missing_docs, reason = "what criterion_group makes has none")]

use criterion::{Criterion, criterion_group, criterion_main};
use dibs_protocol::command::{Claim, Note, Update};
use dibs_protocol::event::{Actor, Event};
use dibs_protocol::ids::{AgentId, ConversationId, TeamId};
use dibs_protocol::terms::{AgentKind, Priority, Role};
use dibs_protocol::time::Time;
use dibs_rules::context::Agent;
use dibs_rules::{Action, Context, Conversation, Directory, Fact, Sender, Settings, decide};
use std::hint::black_box;
use std::sync::Arc;
use uuid::Uuid;

struct People;

impl Directory for People {
    fn knows_agent(&self, agent: &AgentId) -> bool {
        agent.as_str() == "priya"
    }
    fn knows_team(&self, _: &TeamId) -> bool {
        false
    }
    fn members(&self, _: &TeamId) -> Vec<AgentId> {
        Vec::new()
    }
}

fn opened() -> Conversation {
    let opened = serde_json::json!({
        "kind": "conversation_opened", "channel": "mail", "queue": "default", "priority": "normal", "tags": ["orders"],
        "subject": "Where is order 17?", "customer": { "id": "c17@example.com", "name": "Customer 17" },
    });
    let event: Event = serde_json::from_value(opened).unwrap();
    Conversation::opened(&fact(1, &Actor::System, &event)).unwrap()
}

fn fact<'a>(seq: u64, actor: &'a Actor, event: &'a Event) -> Fact<'a> {
    Fact {
        seq,
        at: Time(1_795_255_200_000),
        conversation: ConversationId(Uuid::from_u128(7)),
        actor,
        event,
    }
}

fn actions() -> Vec<(&'static str, Action)> {
    let conversation = ConversationId(Uuid::from_u128(7));
    let text = "Rang the warehouse, the parcel left on Monday; @priya, look again tomorrow. ".repeat(3);
    let note = Note {
        conversation,
        key: "n1".to_owned(),
        text,
    };
    let claim = Claim {
        conversation,
        key: None,
    };
    let update = Update {
        conversation,
        key: None,
        expect: None,
        status: None,
        snoozed_until: None,
        priority: Some(Priority::High),
        queue: None,
        assignee: None,
        team: None,
        subject: Some(Some("Where is order 17, and why?".to_owned())),
        add_tags: Some(vec!["late".to_owned()]),
        remove_tags: None,
    };
    vec![
        ("claim", Action::Claim(claim)),
        ("note", Action::Note(note)),
        ("update", Action::Update(update)),
    ]
}

fn decide_and_apply(c: &mut Criterion) {
    let settings = Settings {
        default_queue: "default".parse().unwrap(),
        claim_grace_ms: 30_000,
        claim_idle_ms: Some(600_000),
        offer_ttl_ms: 60_000,
        agents_take_over: false,
        ..Settings::default()
    };
    let agent = Agent {
        id: AgentId::new("ben").unwrap(),
        name: "Ben".to_owned(),
        kind: AgentKind::Human,
        role: Role::Agent,
        teams: Vec::new(),
        skills: Vec::new(),
    };
    let sender = Sender::Agent(Arc::new(agent));
    let context = Context {
        sender: &sender,
        now: Time(1_795_255_260_000),
        ids: (Uuid::from_u128(8), Uuid::from_u128(9)),
        settings: &settings,
        people: &People,
        first: None,
    };
    let before = opened();
    for (name, action) in actions() {
        c.bench_function(&format!("decide and apply: {name}"), |b| {
            b.iter(|| {
                let decision = decide(Some(&before), black_box(&action), &context).unwrap();
                let mut after = before.clone();
                for ((actor, event), seq) in decision.events.iter().zip(2..) {
                    after.apply(&fact(seq, actor, event));
                }
                after
            });
        });
    }
}

criterion_group!(benches, decide_and_apply);
criterion_main!(benches);
