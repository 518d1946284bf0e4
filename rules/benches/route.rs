//! How long routing takes: picking one of 2,000 agents, and finding, granting and noting the next thing to do on a board
//! with 2,000 agents and 50 queues.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on panics")]
#![allow(missing_docs, reason = "what criterion_group makes has none")]

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use dibs_protocol::event::{Actor, Event};
use dibs_protocol::ids::{AgentId, ConversationId};
use dibs_protocol::settings::WorkspaceSettings;
use dibs_protocol::time::Time;
use dibs_rules::conversation::Held;
use dibs_rules::routing::{Board, Candidate, Limits, Standing, pick};
use dibs_rules::{Conversation, Fact, Settings};
use serde_json::json;
use std::hint::black_box;
use uuid::Uuid;

const NOW: Time = Time(1_795_255_200_000);
const AGENTS: u32 = 2_000;

fn settings(routing: &str, skills: &[&str]) -> Settings {
    let queues: Vec<_> = (0..50)
        .map(|i| json!({"id": format!("q{i}"), "routing": routing, "skills": skills}))
        .collect();
    let set: WorkspaceSettings = serde_json::from_value(
        json!({"queues": queues, "capacity": {"default": 5, "by_channel": {"mail": 4}}}),
    )
    .unwrap();
    Settings::default().with(set)
}

fn agents(settings: &Settings) -> Vec<Candidate> {
    (0..AGENTS)
        .map(|i| {
            let mut it = Candidate::new(AgentId::new(&format!("agent-{i}")).unwrap());
            it.standing = if i % 10 == 0 {
                Standing::Away
            } else {
                Standing::Online
            };
            it.limits = Limits::of(&it.id, settings);
            it.load.total = i % 5;
            it.given_at = Some(NOW.plus_ms(-i64::from(i * 7_919 % 100_000)));
            it.skills = vec!["german".to_owned(), "french".to_owned()];
            it
        })
        .collect()
}

fn waiting(id: u32, queue: u32) -> Conversation {
    let opened = json!({
        "kind": "conversation_opened", "channel": "mail", "queue": format!("q{queue}"), "priority": "normal", "tags": [],
        "customer": { "id": format!("c{id}@example.com"), "name": "Customer" },
    });
    let event: Event = serde_json::from_value(opened).unwrap();
    let fact = Fact {
        seq: 1,
        at: NOW,
        conversation: ConversationId(Uuid::from_u128(id.into())),
        actor: &Actor::System,
        event: &event,
    };
    let mut state = Conversation::opened(&fact).unwrap();
    state.waiting_since = Some(NOW);
    state
}

fn picking(c: &mut Criterion) {
    for (name, skills) in [("", &[][..]), (", with a skill", &["french"][..])] {
        for routing in ["round_robin", "least_loaded", "longest_idle"] {
            let settings = settings(routing, skills);
            let (agents, state) = (agents(&settings), waiting(1, 0));
            let queue = settings.queue(&state.queue).unwrap();
            let turn = AgentId::new("agent-1000").unwrap();
            c.bench_function(&format!("pick one of 2,000 agents: {routing}{name}"), |b| {
                b.iter(|| pick(black_box(&state), queue, &agents, Some(&turn), NOW).unwrap());
            });
        }
    }
}

/// A conversation arrives, is found, given and held, and let go again.
fn board(c: &mut Criterion) {
    let settings = settings("least_loaded", &["french"]);
    let mut board = Board::default();
    board.configure(&settings);
    for agent in agents(&settings) {
        board.set_agent(agent);
    }
    let mut n = 0;
    c.bench_function("a board with 50 queues and 2,000 agents: arrival to grant", |b| {
        b.iter_batched(
            || {
                n += 1;
                waiting(n, n % 50)
            },
            |mut state| {
                let id = state.id;
                board.set_conversation(id, Some(&state), NOW);
                let found = board.next(NOW, |_| Some(&state)).unwrap();
                board.begin(&found, Some(&state), NOW);
                state.claim = Some(Held {
                    agent: found.pick.agent,
                    token: 1,
                    since: NOW,
                    active_at: NOW,
                });
                board.set_conversation(id, Some(&state), NOW);
                board.done(id, Some(&state), true, NOW);
                board.set_conversation(id, None, NOW);
            },
            BatchSize::SmallInput,
        );
    });
}

criterion_group!(benches, picking, board);
criterion_main!(benches);
