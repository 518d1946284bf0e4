//! What the oracle finds of routing: too many for an agent, too many of a channel, what somebody holds; and what it lets pass.

use dibs_loadtest::oracle::{Feed, Promise, Verdict, check};
use dibs_protocol::event::{Actor, Event};
use dibs_protocol::ids::ConversationId;
use dibs_protocol::time::Time;
use serde_json::{Value, json};
use uuid::Uuid;

/// Settings, then conversations of the channels `mail`, `chat`, `mail`, then these grants and ends, each as (conversation,
/// actor, event).
fn judged(settings: Value, then: &[(u128, &str, Value)]) -> Verdict {
    let mut feed = Feed::new();
    let mut seq = 0;
    let mut push = |conversation: Option<u128>, actor: &Actor, event: Value| {
        seq += 1;
        let conversation = conversation.map(|it| ConversationId(Uuid::from_u128(it)));
        let event: Event = serde_json::from_value(event).unwrap();
        feed.push(seq, conversation, Time(1_795_255_200_000), actor, &event);
    };
    let set = json!({"kind": "settings_changed", "version": 1, "settings": settings});
    push(None, &Actor::System, set);
    for (id, channel) in [(0, "mail"), (1, "chat"), (2, "mail")] {
        let opened = json!({"kind": "conversation_opened", "channel": channel, "queue": "inbox", "priority": "normal",
            "tags": [], "customer": {"id": "c", "name": "C"}});
        push(Some(id), &Actor::System, opened);
    }
    for (id, actor, event) in then {
        let actor = match *actor {
            "system" => Actor::System,
            agent => Actor::Agent {
                id: agent.parse().unwrap(),
            },
        };
        push(Some(*id), &actor, event.clone());
    }
    check(&feed, &[])
}

fn granted(agent: &str, via: &str) -> Value {
    json!({"kind": "claim_granted", "agent": agent, "token": 0, "via": via})
}

fn routing_faults(verdict: &Verdict) -> u64 {
    verdict.broken.get(&Promise::Routing).copied().unwrap_or(0)
}

#[test]
fn more_than_an_agent_may_hold_is_found() {
    let two = [
        (0, "system", granted("a", "routed")),
        (1, "system", granted("a", "routed")),
    ];
    assert_eq!(
        routing_faults(&judged(json!({"capacity": {"default": 2}}), &two)),
        0
    );
    assert_eq!(
        routing_faults(&judged(json!({"capacity": {"default": 1}}), &two)),
        1
    );
    let own = json!({"capacity": {"default": 2}, "agents": [{"id": "a", "capacity": 1}]});
    assert_eq!(routing_faults(&judged(own, &two)), 1);
}

#[test]
fn more_of_a_channel_than_an_agent_may_hold_is_found() {
    let settings = json!({"capacity": {"by_channel": {"mail": 1}}});
    let other = [
        (0, "system", granted("a", "routed")),
        (1, "system", granted("a", "routed")),
    ];
    assert_eq!(routing_faults(&judged(settings.clone(), &other)), 0);
    let same = [
        (0, "system", granted("a", "routed")),
        (2, "system", granted("a", "routed")),
    ];
    assert_eq!(routing_faults(&judged(settings, &same)), 1);
}

#[test]
fn what_is_taken_by_hand_or_accepted_may_be_more_and_counts() {
    let settings = json!({"capacity": {"default": 1}});
    let by_hand = [
        (0, "system", granted("a", "routed")),
        (1, "a", granted("a", "claim")),
    ];
    assert_eq!(routing_faults(&judged(settings.clone(), &by_hand)), 0);
    let accepted = [(0, "a", granted("a", "claim")), (1, "a", granted("a", "routed"))];
    assert_eq!(routing_faults(&judged(settings.clone(), &accepted)), 0);
    let then_routed = [
        (0, "a", granted("a", "claim")),
        (1, "system", granted("a", "routed")),
    ];
    assert_eq!(routing_faults(&judged(settings, &then_routed)), 1);
}

#[test]
fn a_claim_that_somebody_has_is_found() {
    let twice = [
        (0, "a", granted("a", "claim")),
        (0, "system", granted("b", "routed")),
    ];
    let verdict = judged(json!({}), &twice);
    assert_eq!(verdict.broken.get(&Promise::OneHolder), Some(&1), "{verdict}");
}
