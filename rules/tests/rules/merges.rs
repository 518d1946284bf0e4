//! Merging and splitting: what of several conversations becomes what, and what holds after any history of both.

use crate::script::kind;
use crate::town::Town;
use crate::world::replay;
use dibs_protocol::event::Event;
use dibs_protocol::http::Delivery;
use dibs_protocol::ids::{ConversationId, MessageId};
use dibs_protocol::refusal::Code;
use dibs_protocol::terms::{DeliveryState, SlaTarget, Status};
use dibs_rules::personal::{skeleton, skeleton_actor};
use dibs_rules::{Action, Conversation, Decision};
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

fn kinds(decision: &Decision) -> String {
    let others = decision.others.iter().flat_map(|it| &it.events);
    let all: Vec<String> = others.chain(&decision.events).map(|it| kind(&it.1)).collect();
    all.join(" ")
}

/// Two conversations, each with one message that waits.
fn two() -> (Town, ConversationId, ConversationId) {
    let mut town = Town::new();
    let (a, b) = (town.opened_by("c1"), town.opened_by("c2"));
    (town, a, b)
}

#[test]
fn a_merge_ends_what_is_absorbed_and_tells_the_survivor() {
    let (mut town, a, b) = two();
    let done = town.merge("priya", b, &[a]).unwrap();
    assert_eq!(kinds(&done), "merged merged");
    assert_eq!(done.answers_event, Some(0));
    let (absorbed, survivor) = (&town.states[&a], &town.states[&b]);
    assert_eq!((absorbed.status, absorbed.merged_into), (Status::Closed, Some(b)));
    assert_eq!((absorbed.unanswered, absorbed.waiting_since), (0, None));
    assert_eq!((survivor.unanswered, survivor.merged_seq), (2, survivor.version));
    assert_eq!(survivor.waiting_since, Some(absorbed.opened_at));
    let again = town.merge("priya", b, &[a]).unwrap();
    assert_eq!((kinds(&again).as_str(), again.known_seq), ("", Some(4 + 2)));
}

#[test]
fn what_is_held_ends_by_the_merge_and_the_survivor_keeps_its_claim() {
    let (mut town, a, b) = two();
    town.claim("ben", a).unwrap();
    town.claim("ben", b).unwrap();
    let refused = town.merge("priya", b, &[a]).unwrap_err();
    assert_eq!(
        (refused.code, refused.details.holder.unwrap().as_str()),
        (Code::Forbidden, "ben")
    );
    let done = town.merge("ben", b, &[a]).unwrap();
    assert_eq!(kinds(&done), "claim_released:merged merged merged");
    assert_eq!(town.states[&b].holder().unwrap().as_str(), "ben");
    assert_eq!(town.states[&a].claim, None);
}

#[test]
fn a_reply_that_was_scheduled_where_all_ends_is_dropped() {
    let (mut town, a, b) = two();
    town.claim("ben", a).unwrap();
    let state = &town.states[&a];
    let schedule = json!({ "conversation": a, "token": state.version, "key": "s", "seen": state.version,
        "text": "Later", "at": town.now.plus_ms(60_000) });
    let schedule = serde_json::from_value(schedule).unwrap();
    town.act("ben", Some(a), &Action::ScheduleReply(schedule))
        .unwrap();
    let done = town.merge("zoe", b, &[a]).unwrap();
    assert_eq!(
        kinds(&done),
        "claim_released:merged merged schedule_dropped:claim_lost merged"
    );
}

#[test]
fn whoever_waits_opens_a_survivor_that_waited_for_nobody() {
    for status in ["pending", "resolved"] {
        let (mut town, a, b) = two();
        town.update("priya", b, json!({ "status": status })).unwrap();
        let done = town.merge("priya", b, &[a]).unwrap();
        assert_eq!(kinds(&done), "merged merged status_changed:open");
        assert_eq!(done.answers_event, Some(1));
    }
    let (mut town, a, b) = two();
    for id in [a, b] {
        town.update("priya", id, json!({ "status": "resolved" })).unwrap();
    }
    assert_eq!(kinds(&town.merge("priya", b, &[a]).unwrap()), "merged merged");
    assert_eq!(
        town.states[&b].unanswered, 1,
        "what was resolved waits for nobody"
    );
}

#[test]
fn what_cannot_be_merged_is_refused_in_this_order() {
    let (mut town, a, b) = two();
    let nobody = ConversationId(Uuid::from_u128(1));
    let (c, d) = (town.opened_by("c3"), town.opened_by("c4"));
    town.merge("priya", d, &[c]).unwrap();
    town.claim("ben", a).unwrap();
    let code = |refused: Result<Decision, _>| refused.map_err(|it: dibs_protocol::refusal::Refusal| it.code);
    assert_eq!(code(town.merge("priya", b, &[a, nobody])), Err(Code::NotFound));
    assert_eq!(code(town.merge("priya", b, &[c, a])), Err(Code::Forbidden));
    assert_eq!(
        code(town.merge("ben", b, &[c, a])),
        Err(Code::Conflict),
        "absorbed by a third"
    );
    assert_eq!(
        code(town.merge("priya", c, &[b])),
        Err(Code::Conflict),
        "it goes on elsewhere"
    );
    assert!(
        town.merge("zoe", b, &[a, d]).is_ok(),
        "what has absorbed may be absorbed"
    );
}

#[test]
fn the_longest_wait_keeps_its_promise() {
    let (mut town, a, b) = two();
    town.settings.workspace = serde_json::from_value(json!({
        "service_levels": [{ "name": "all", "first_response_s": 600 }]
    }))
    .unwrap();
    let due = |state: &Conversation| {
        let promise = state
            .sla
            .iter()
            .find(|it| it.promise.target == SlaTarget::FirstResponse);
        promise.and_then(|it| it.promise.due_at)
    };
    // Any event makes the promises of a level that came later.
    for id in [a, b] {
        town.update("priya", id, json!({ "priority": "high" })).unwrap();
    }
    let (first, second) = (due(&town.states[&a]), due(&town.states[&b]));
    assert!(first < second);
    let done = town.merge("priya", b, &[a]).unwrap();
    assert_eq!(kinds(&done), "merged merged sla_planned");
    assert_eq!(due(&town.states[&b]), first);
    assert_eq!(town.states[&a].sla, []);
    assert_eq!(done.answers_event, Some(0), "promises are nobody's answer");
}

#[test]
fn a_promise_that_is_found_broken_by_a_merge_is_broken_once_and_not_handed_on() {
    let (mut town, a, b) = two();
    town.settings.workspace = serde_json::from_value(json!({
        "service_levels": [{ "name": "all", "first_response_s": 600 }]
    }))
    .unwrap();
    for id in [a, b] {
        town.update("priya", id, json!({ "priority": "high" })).unwrap();
    }
    let running = |state: &Conversation| state.sla[0].promise.due_at;
    let due = running(&town.states[&b]);
    // Nothing fired meanwhile.
    town.now = town.now.plus_ms(700_000);
    let done = town.merge("priya", b, &[a]).unwrap();
    let broken = done.events.iter().filter_map(|(_, event)| match event {
        Event::SlaBreached { due_at, .. } => Some(*due_at),
        _ => None,
    });
    assert_eq!(
        broken.map(Some).collect::<Vec<_>>(),
        [due],
        "what was promised here"
    );
    assert_eq!(running(&town.states[&b]), due, "and nothing in its place");
    assert_eq!(kinds(&done).matches("sla_breached").count(), 2, "each its own");
}

#[test]
fn a_split_divides_who_waits() {
    let mut town = Town::new();
    let a = town.opened_by("c1");
    let first = town.messages()[0];
    let (second, before) = (town.asks(a), town.states[&a].clone());
    let new = town.split("priya", a, &[first]).unwrap();
    let (stays, moved) = (&town.states[&a], &town.states[&new]);
    assert_eq!((stays.unanswered, moved.unanswered), (1, 1));
    assert_eq!(moved.waiting_since, before.waiting_since);
    assert_eq!(stays.last_message, before.last_message);
    assert_eq!((&moved.queue, moved.priority), (&stays.queue, stays.priority));
    assert_eq!((&moved.thread, moved.customer == stays.customer), (&None, true));
    for (id, message, has) in [
        (a, first, false),
        (a, second, true),
        (new, first, true),
        (new, second, false),
    ] {
        assert_eq!(town.contents(id).has(message), has);
    }
    let gone = town.split("priya", a, &[first]).unwrap_err();
    assert_eq!(gone.code, Code::NotFound);
    town.claim("ben", a).unwrap();
    assert_eq!(
        town.split("priya", a, &[second]).unwrap_err().code,
        Code::Forbidden
    );
    town.split("zoe", a, &[second]).unwrap();
    assert_eq!(
        (town.states[&a].unanswered, &town.states[&a].last_message),
        (0, &None)
    );
}

#[test]
fn a_split_whose_messages_were_read_before_the_latest_event_is_not_decided() {
    let mut town = Town::new();
    let a = town.opened_by("c1");
    let contents = Some((town.states[&a].version - 1, town.contents(a)));
    let command = json!({ "conversation": a, "messages": town.messages() });
    let command = serde_json::from_value(command).unwrap();
    let split = Action::Split(Box::new(dibs_rules::split::Split { command, contents }));
    assert_eq!(
        town.act("priya", Some(a), &split).unwrap_err().code,
        Code::Internal
    );
}

/// What happens, to which conversations, and a number that chooses.
type Step = (u8, usize, usize, u16);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec((0..10_u8, 0..32_usize, 0..32_usize, any::<u16>()), 1..80)
}

fn step(town: &mut Town, (what, a, b, by): Step) {
    let ids: Vec<ConversationId> = town.states.keys().copied().collect();
    let Some(a) = ids.get(a % ids.len().max(1)).copied() else {
        town.opened_by("c1");
        return;
    };
    let b = ids[b % ids.len()];
    let agent = ["priya", "ben", "zoe"][usize::from(by) % 3];
    // A refusal is as good as anything.
    match what {
        0 => drop(town.opened_by(["c1", "c2"][usize::from(by) % 2])),
        1 | 2 if !town.states[&a].is_closed() => drop(town.asks(a)),
        3 => drop(town.claim(agent, a)),
        4 => drop(town.answers(a)),
        5 => {
            let to = ["resolved", "pending", "open", "closed"][usize::from(by) % 4];
            drop(town.update("zoe", a, json!({ "status": to })));
        }
        6 | 7 if a != b => drop(town.merge("zoe", a, &[b])),
        8 => {
            let all = town.messages();
            let some: Vec<MessageId> = (0..16_usize)
                .filter(|bit| by >> bit & 1 == 1)
                .filter_map(|bit| all.get(bit * 3 % all.len()).copied())
                .filter(|id| town.contents(a).has(*id))
                .collect();
            if !some.is_empty() {
                drop(town.split("zoe", a, &some));
            }
        }
        9 if town.states[&a].merged_into.is_none() => {
            let message = town.messages()[usize::from(by) % town.messages().len()];
            let failed = Delivery {
                message,
                state: DeliveryState::Failed,
                reason: None,
            };
            drop(town.act("adapter", Some(a), &Action::Delivery(failed)));
        }
        _ => {}
    }
}

/// The feed of a conversation, as it is or as an erasure would leave it.
fn folded(town: &Town, id: ConversationId, erased: bool) -> Conversation {
    let own = town.feed.iter().filter(|it| it.conversation == id).cloned();
    let own: Vec<_> = own
        .map(|mut it| {
            if erased {
                it.event = skeleton(&it.event, Some(id)).unwrap_or(it.event);
                it.actor = skeleton_actor(&it.actor);
            }
            it
        })
        .collect();
    replay(&own).unwrap()
}

proptest! {
    #[test]
    fn no_message_and_nobody_who_waits_is_lost_or_doubled(steps in steps()) {
        let mut town = Town::new();
        for it in steps {
            step(&mut town, it);
        }
        let mut seen: Vec<MessageId> = Vec::new();
        for (id, state) in &town.states {
            let contents = town.contents(*id);
            if state.merged_into.is_none() {
                let carried = contents.carried();
                prop_assert_eq!(carried.unanswered, state.unanswered);
                prop_assert_eq!(carried.waiting_since, state.waiting_since);
                prop_assert_eq!(&carried.last_message, &state.last_message);
                seen.extend(town.messages().into_iter().filter(|it| contents.has(*it)));
            }
            prop_assert_eq!(&folded(&town, *id, false), state, "replay is live");
            let mut forgotten = state.clone();
            forgotten.redact();
            prop_assert_eq!(folded(&town, *id, true), forgotten, "what is forgotten is as if never known");
        }
        let mut all = town.messages();
        all.sort();
        seen.sort();
        prop_assert_eq!(seen, all, "each message is in exactly one conversation that goes on");
    }

    #[test]
    fn a_merge_is_told_once_on_each_side(steps in steps()) {
        let mut town = Town::new();
        for it in steps {
            step(&mut town, it);
        }
        for stored in &town.feed {
            let Event::Merged { into: Some(into), .. } = &stored.event else { continue };
            let absorbs = |it: &&crate::world::Stored| it.conversation == *into
                && matches!(&it.event, Event::Merged { conversations: Some(list), .. } if list.contains(&stored.conversation));
            prop_assert_eq!(town.feed.iter().filter(absorbs).count(), 1);
            let later = town.feed.iter().filter(|it| it.conversation == stored.conversation && it.seq > stored.seq);
            prop_assert_eq!(later.count(), 0, "nothing happens where all is over");

        }
    }
}
