//! What a wall of statistics costs: counting a commit, and making and encoding the frame of a second in which each of 50
//! queues and 2,000 agents has changed.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on panics")]
#![allow(missing_docs, reason = "what criterion_group makes has none")]

use criterion::{Criterion, criterion_group, criterion_main};
use dibs_protocol::event::{Actor, Event};
use dibs_protocol::frame::ServerFrame;
use dibs_protocol::ids::{AgentId, ConversationId, QueueId};
use dibs_protocol::stats::{AgentStats, QueueStats, StatsFrame};
use dibs_protocol::terms::Presence;
use dibs_protocol::time::Time;
use dibs_rules::stats::{Scope, Tally};
use dibs_rules::{Conversation, Fact};
use serde_json::json;
use std::hint::black_box;
use uuid::Uuid;

const NOW: Time = Time(1_795_255_200_000);

fn agent(n: u128) -> AgentId {
    AgentId::new(&format!("agent-{}", n % 2_000)).unwrap()
}

fn queue(n: u128) -> QueueId {
    QueueId::new(&format!("q{}", n % 50)).unwrap()
}

/// The events of a conversation that is opened, claimed and answered.
fn story(n: u128) -> Vec<(Actor, Event)> {
    let message = json!({"id": Uuid::from_u128(n), "text": "Hello", "attachments": []});
    let events = [
        json!({"kind": "conversation_opened", "channel": "mail", "queue": queue(n), "priority": "normal", "tags": [],
            "customer": {"id": "c", "name": "C"}}),
        json!({"kind": "message_received", "message": message}),
        json!({"kind": "claim_granted", "agent": agent(n), "token": 0, "via": "routed"}),
        json!({"kind": "message_sent", "message": message, "agent": agent(n), "token": 3, "key": "k"}),
    ];
    let with_actor = |it| (Actor::System, serde_json::from_value(it).unwrap());
    events.into_iter().map(with_actor).collect()
}

/// Plays a conversation's events into the tally.
fn play(tally: &mut Tally, n: u128, story: &[(Actor, Event)]) {
    let mut state: Option<Conversation> = None;
    for ((actor, event), seq) in story.iter().zip(1..) {
        let fact = Fact {
            seq,
            at: NOW,
            conversation: ConversationId(Uuid::from_u128(n)),
            actor,
            event,
        };
        let before = state.clone();
        match &mut state {
            Some(state) => state.apply(&fact),
            None => state = Conversation::opened(&fact),
        }
        tally.observe(before.as_ref(), state.as_ref(), &[fact]);
    }
}

fn frame(tally: &Tally) -> StatsFrame {
    let agents = (0..2_000).map(|n| {
        let id = agent(n);
        let live = tally.live(&Scope::Agent(id.clone()));
        AgentStats {
            id,
            status: Presence::Online,
            connected: true,
            load: live.claimed,
            capacity: Some(50),
            waiting: live.waiting,
            oldest_waiting_since: live.oldest_waiting_since,
            at_risk: live.at_risk,
            breached: live.breached,
            replies_per_minute: live.replies_per_minute,
            first_response: live.first_response,
            handle_time: live.handle_time,
        }
    });
    let queues = (0..50).map(|n| {
        let id = queue(n);
        let live = tally.live(&Scope::Queue(id.clone()));
        let routing = None;
        QueueStats { id, live, routing }
    });
    StatsFrame {
        at: NOW,
        whole: false,
        workspace: None,
        queues: queues.collect(),
        teams: Vec::new(),
        agents: agents.collect(),
    }
}

fn wall(c: &mut Criterion) {
    for conversations in [2_000, 50_000] {
        let mut tally = Tally::default();
        for n in 0..conversations {
            play(&mut tally, n, &story(n));
        }
        let name = format!("50 queues and 2,000 agents, all changed, of {conversations} conversations");
        c.bench_function(&format!("a frame of {name}"), |b| {
            b.iter(|| {
                let frame = frame(black_box(&tally));
                serde_json::to_string(&ServerFrame::Stats(Box::new(frame)))
                    .unwrap()
                    .len()
            });
        });
        let bytes = serde_json::to_string(&ServerFrame::Stats(Box::new(frame(&tally))))
            .unwrap()
            .len();
        println!("its size: {bytes} bytes");
        let story = story(1);
        c.bench_function(
            &format!("4 commits counted, beside {conversations} conversations"),
            |b| {
                b.iter(|| play(&mut tally, conversations + 1, black_box(&story)));
            },
        );
    }
}

criterion_group!(benches, wall);
criterion_main!(benches);
