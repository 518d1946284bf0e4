//! Merged conversations: what rules owe to them once such events are in the feed.

use crate::script::{play, resume};
use crate::world::{Stored, World};
use dibs_protocol::event::{Actor, Event};
use dibs_protocol::ids::ConversationId;
use dibs_protocol::terms::Status;
use uuid::Uuid;

fn store(world: &mut World, event: Event) {
    world.seq += 1;
    let (seq, at, conversation) = (world.seq, world.now, world.state().id);
    let stored = Stored {
        seq,
        at,
        conversation,
        actor: Actor::System,
        event,
    };
    world.state.as_mut().unwrap().apply(&stored.fact());
    world.feed.push(stored);
}

#[test]
fn what_was_absorbed_is_over_for_good() {
    let mut world = play("customer writes Hello\n priya claim\n priya transfer to=ben");
    let into = ConversationId(Uuid::from_u128(5));
    store(
        &mut world,
        Event::Merged {
            conversations: None,
            into: Some(into),
            through: Vec::new(),
            threads: Vec::new(),
            carried: None,
        },
    );
    let state = world.state();
    assert_eq!((state.status, state.merged_into), (Status::Closed, Some(into)));
    assert_eq!((&state.claim, &state.offer), (&None, &None));
    resume(
        &mut world,
        "zoe update status=open | conflict\n zoe update add=a | tagged\n priya claim | conflict
         adapter deliver failed | message_delivery:failed\n priya reply token=3 Hi | claim_lost",
    );
}

#[test]
fn what_was_absorbed_must_have_been_seen() {
    let mut world = play("customer writes Hello\n priya claim");
    let absorbed = Some(vec![ConversationId(Uuid::from_u128(5))]);
    store(
        &mut world,
        Event::Merged {
            conversations: absorbed,
            into: None,
            through: Vec::new(),
            threads: Vec::new(),
            carried: None,
        },
    );
    resume(
        &mut world,
        "priya reply seen=3 Hi | stale\n priya reply seen=4 Hi | message_sent status_changed:open",
    );
}

#[test]
fn nobody_replies_into_a_closed_one_whatever_the_state_says() {
    let mut world = play("customer writes Hello\n priya claim");
    world.state.as_mut().unwrap().status = Status::Closed;
    resume(&mut world, "priya reply Hi | claim_lost");
}
