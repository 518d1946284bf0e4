//! Properties of random histories: whatever is asked, in whatever order, these hold.

use crate::world::{People, Stored, World, replay, sender, settings};
use dibs_protocol::command as c;
use dibs_protocol::event::{Event, TransferTo};
use dibs_protocol::http::{Delivery, RatingBody};
use dibs_protocol::ids::{AgentId, ConversationId, MessageId, QueueId};
use dibs_protocol::settings::WorkspaceSettings;
use dibs_protocol::terms::{DeliveryState, Priority, RedactReason, SlaTarget, Status, Then};
use dibs_protocol::time::Time;
use dibs_rules::deadlines::next_deadline;
use dibs_rules::personal::{skeleton, skeleton_actor};
use dibs_rules::routing::Route;
use dibs_rules::{Action, Context, Conversation, Sender, decide};
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;
use uuid::Uuid;

const WHO: [&str; 9] = [
    "priya", "ben", "sam", "zoe", "ada", "robo", "adapter", "chatty", "time",
];

/// Who asks, what, and three numbers that choose the fields.
pub type Step = (usize, usize, u8, u8, u8);

pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec(
        (0..WHO.len(), 0..KINDS, any::<u8>(), any::<u8>(), any::<u8>()),
        1..60,
    )
}

const KINDS: usize = 18;

fn pick<T: Clone>(list: &[T], by: u8) -> T {
    list[usize::from(by) % list.len()].clone()
}

fn maybe<T>(value: T, by: u8) -> Option<T> {
    by.is_multiple_of(2).then_some(value)
}

fn action(state: Option<&Conversation>, step: Step) -> Action {
    let (_, what, a, b, c) = step;
    let conversation = state.map_or(ConversationId(Uuid::nil()), |it| it.id);
    let current = state.and_then(|it| it.claim.as_ref()).map_or(0, |it| it.token);
    let version = state.map_or(0, |it| it.version);
    let token = if a < 200 { current } else { u64::from(b) };
    let key = maybe(format!("k{}", c % 3), a / 2);
    let fresh = format!("k{}", u16::from(b) * 256 + u16::from(c));
    let text = pick(&["Hello", "hm @ben @billing", "  ", "ä\n\u{0}"], b).to_owned();
    let note = maybe("a word".to_owned(), c);
    match what {
        0..=8 => of_claims(conversation, token, key, step),
        9 | 10 => {
            let seen = if b < 200 { version } else { u64::from(c) };
            let then = pick(&[None, None, Some(Then::Pending), Some(Then::Resolved)], c);
            Action::Reply(c::Reply {
                conversation,
                token,
                key: fresh,
                seen,
                text,
                attachments: None,
                then,
            })
        }
        11 => Action::Note(c::Note {
            conversation,
            key: fresh,
            text,
        }),
        12 => Action::Update(update(conversation, a, b, c, key)),
        13 => ingest(a, b, c, fresh),
        14 => {
            let state = pick(DeliveryState::ALL, a);
            Action::Delivery(Delivery {
                message: MessageId(Uuid::from_u128(b.into())),
                state,
                reason: note,
            })
        }
        16 if a < 60 => Action::CancelScheduled(c::CancelScheduled { conversation, key }),
        16 => Action::ScheduleReply(c::ScheduleReply {
            conversation,
            token,
            key: fresh,
            seen: version,
            text,
            attachments: None,
            then: pick(&[None, Some(Then::Resolved)], c),
            at: crate::world::START.plus_ms(i64::from(b) * 10_000),
        }),
        15 => Action::Rate(RatingBody {
            conversation,
            score: 1 + a % 5,
            comment: note,
        }),
        _ => of_time(state, step),
    }
}

/// What nobody sends: deadlines, absences, redactions, routing.
fn of_time(state: Option<&Conversation>, (_, _, a, b, c): Step) -> Action {
    let agent = AgentId::new(pick(&WHO[..6], c)).unwrap();
    let holder = state.and_then(|it| it.holder()).cloned();
    let gone = Action::HolderGone(holder.unwrap_or_else(|| AgentId::new("priya").unwrap()));
    let redact = Action::Redact {
        entries: vec![b.into(), c.into()],
        reason: RedactReason::Manual,
    };
    let route = Action::Route(Box::new(Route {
        agent,
        queue: state.map_or_else(|| "inbox".parse().unwrap(), |it| it.queue.clone()),
        reason: "had the most room".to_owned(),
        offer_ms: maybe(i64::from(b) * 1_000, c),
    }));
    pick(
        &[
            Action::Deadline,
            Action::Deadline,
            gone,
            redact,
            route.clone(),
            route,
        ],
        a,
    )
}

fn of_claims(
    conversation: ConversationId,
    token: u64,
    key: Option<String>,
    (_, what, a, b, c): Step,
) -> Action {
    let agent = AgentId::new(pick(&WHO[..6], b)).unwrap();
    let note = maybe("a word".to_owned(), c);
    match what {
        0 => Action::Claim(c::Claim { conversation, key }),
        1 => Action::Release(c::Release {
            conversation,
            token,
            key,
        }),
        2 => Action::ReleaseHeld,
        3 | 4 => {
            let team = TransferTo::Team("billing".parse().unwrap());
            let to = if c < 128 { TransferTo::Agent(agent) } else { team };
            Action::Transfer(c::Transfer {
                conversation,
                token,
                to,
                note,
                key,
            })
        }
        5 => Action::CancelTransfer(c::CancelTransfer {
            conversation,
            token,
            key,
        }),
        6 | 7 => Action::AnswerTransfer(c::AnswerTransfer {
            conversation,
            accept: a < 200,
            note,
            key,
        }),
        _ => Action::TakeOver(c::TakeOver {
            conversation,
            reason: "mine".to_owned(),
            key,
        }),
    }
}

fn update(conversation: ConversationId, a: u8, b: u8, c: u8, key: Option<String>) -> c::Update {
    let mut update: c::Update = serde_json::from_value(json!({"conversation": conversation})).unwrap();
    update.key = key;
    update.status = maybe(pick(Status::ALL, b), a);
    update.snoozed_until = maybe(
        maybe(crate::world::START.plus_ms(i64::from(c) * 30_000), b),
        a / 4,
    );
    update.priority = maybe(pick(Priority::ALL, c), a / 8);
    update.queue = maybe(pick(&["inbox", "vip"], c).parse::<QueueId>().unwrap(), a / 16);
    update.assignee = maybe(maybe(AgentId::new(pick(&WHO[..8], c)).unwrap(), b), a / 32);
    update.subject = maybe(maybe("Invoice".to_owned(), c), b / 2);
    update.add_tags = maybe(vec![format!("t{}", c % 5)], b / 4);
    update.remove_tags = maybe(vec![format!("t{}", b % 5)], c / 2);
    update
}

fn ingest(a: u8, b: u8, c: u8, key: String) -> Action {
    let (id, name) = (
        pick(&["c1", "c1", "c1", "c2"], a),
        pick(&["Carla", "Carla", "Karla"], b),
    );
    let mut body =
        json!({"key": key, "channel": "mail", "customer": {"id": id, "name": name}, "text": "Hello"});
    if c < 60 {
        body["customer"]["tier"] = json!("gold");
        body["subject"] = json!("Invoice");
        body["thread"] = json!("t1");
    }
    Action::Ingest(Box::new(serde_json::from_value(body).unwrap()))
}

/// Who asks: mostly somebody who may, so that histories get somewhere.
fn asker(state: Option<&Conversation>, action: &Action, step: &Step) -> String {
    let anybody = WHO[step.0].to_owned();
    if step.4.is_multiple_of(4) {
        return anybody;
    }
    let holder = state.and_then(|it| it.holder()).map(ToString::to_string);
    match action {
        Action::Release(_)
        | Action::ReleaseHeld
        | Action::Transfer(_)
        | Action::CancelTransfer(_)
        | Action::ScheduleReply(_)
        | Action::CancelScheduled(_)
        | Action::Reply(_) => holder.unwrap_or(anybody),
        Action::AnswerTransfer(_) => match state.and_then(|it| it.offer.as_ref()).map(|offer| &offer.to) {
            Some(TransferTo::Agent(agent)) => agent.to_string(),
            Some(TransferTo::Team(_)) | None => pick(&["priya", "ben"], step.2).to_owned(),
        },
        Action::Update(_) | Action::Merge(_) | Action::Split(_) => {
            holder.filter(|_| step.3 < 128).unwrap_or(anybody)
        }
        Action::Open(_) | Action::Claim(_) | Action::Note(_) => pick(&WHO[..6], step.2).to_owned(),
        Action::TakeOver(_) => "zoe".to_owned(),
        Action::Ingest(_) | Action::Delivery(_) | Action::Rate(_) => "adapter".to_owned(),
        Action::Deadline | Action::HolderGone(_) | Action::Retain { .. } | Action::Route(_) => {
            "time".to_owned()
        }
        Action::Redact { .. } => "ada".to_owned(),
        Action::Look | Action::Expecting(..) => anybody,
    }
}

/// Short promises, and rules that chase one another.
fn promises() -> WorkspaceSettings {
    serde_json::from_value(json!({
        "service_levels": [
            { "name": "vip", "match": { "queue": ["vip"] }, "first_response_s": 20, "next_response_s": 30 },
            { "name": "all", "first_response_s": 30, "next_response_s": 60, "resolution_s": 300, "hours": "day" },
        ],
        "hours": { "day": { "zone": "Europe/Berlin", "weekly": [
            { "days": ["sat", "sun"], "from": "11:00", "to": "11:10" }, { "days": ["sat"], "from": "11:12", "to": "24:00" }] } },
        "escalations": [
            { "name": "there", "on": { "breached": [] }, "match": { "queue": ["inbox"] }, "actions": [{ "move_to_queue": "vip" }] },
            { "name": "back", "on": { "warned": [] }, "match": { "queue": ["vip"] }, "actions": [{ "move_to_queue": "inbox" }, "unassign"] },
            { "name": "long", "on": { "waiting_longer_than_s": 40 }, "actions": [{ "mention_team": "billing" }, { "add_tags": ["long"] }] },
        ],
        "auto_close_after_days": 1,
    }))
    .unwrap()
}

/// What a reader of the feed alone can tell about promises: each is broken or kept at most once, and at its time.
fn check_promises(feed: &[Stored]) {
    let mut running: BTreeMap<SlaTarget, (Option<Time>, bool)> = BTreeMap::new();
    for (at, commit) in feed.chunk_by(|a, b| a.at == b.at).map(|it| (it[0].at, it)) {
        let mut over: Vec<(SlaTarget, Time)> = Vec::new();
        for it in commit {
            let ended: &[SlaTarget] = match &it.event {
                Event::MessageSent { .. } => &[SlaTarget::FirstResponse, SlaTarget::NextResponse],
                Event::StatusChanged {
                    to: Status::Resolved | Status::Closed,
                    ..
                } => SlaTarget::ALL,
                _ => &[],
            };
            for target in ended {
                let ended = running.remove(target);
                let due = ended.and_then(|(due, broken)| due.filter(|due| !broken && *due <= at));
                over.extend(due.map(|due| (*target, due)));
            }
            match &it.event {
                Event::SlaPlanned { promises } => {
                    let old = std::mem::take(&mut running);
                    let broken = |target| old.get(target).is_some_and(|it: &(_, bool)| it.1);
                    running.extend(
                        promises
                            .iter()
                            .map(|it| (it.target, (it.due_at, broken(&it.target)))),
                    );
                }
                Event::SlaBreached { target, due_at } => {
                    assert!(*due_at <= at, "broken before its time");
                    match running.get_mut(target) {
                        Some((due, broken)) => {
                            assert_eq!((*due, *broken), (Some(*due_at), false), "broken once");
                            *broken = true;
                        }
                        None => {
                            let place = over.iter().position(|it| *it == (*target, *due_at));
                            over.remove(place.expect("what is broken was promised"));
                        }
                    }
                }
                Event::SlaMet { due_at, .. } => assert!(*due_at > at, "kept in time"),
                _ => {}
            }
        }
        assert_eq!(over, [], "what ended late was broken");
    }
}

proptest! {
    #[test]
    fn promises_are_broken_or_kept_once_and_time_comes_to_rest(steps in steps()) {
        let mut world = play(&steps, |_, _, _| {});
        check_promises(&world.feed);
        // A deadline always does something, and in the end none is left.
        let time = sender("time");
        for _ in 0..200 {
            let Some(due) = next_deadline(world.state(), &world.settings) else { break };
            world.now = world.now.max(due);
            let done = world.act(&time, &Action::Deadline).unwrap();
            prop_assert!(!done.decision.events.is_empty(), "a deadline that asks for nothing");
        }
        prop_assert_eq!(next_deadline(world.state(), &world.settings), None);
        check_promises(&world.feed);
        let replayed = replay(&world.feed);
        prop_assert_eq!(replayed.as_ref(), Some(world.state()));
    }
}

/// Plays the steps; each is asked at its own time, a few seconds apart.
pub fn play(steps: &[Step], mut after: impl FnMut(&mut World, &Sender, &Action)) -> World {
    let mut world = World::new();
    world.settings.claim_idle_ms = Some(40_000);
    if !steps.len().is_multiple_of(3) {
        world.settings = world.settings.with(promises());
    }
    crate::script::resume(&mut world, "customer writes thread=t1 subject=Bill Hello");
    for step in steps {
        world.now = world.now.plus_ms(i64::from(step.4) * 100);
        let action = action(world.state.as_ref(), *step);
        let who = sender(&asker(world.state.as_ref(), &action, step));
        if world.act(&who, &action).is_ok() {
            after(&mut world, &who, &action);
        }
    }
    world
}

/// What a reader of the feed alone can tell about claims.
fn check_claims(feed: &[Stored]) {
    let mut held: Option<(AgentId, u64)> = None;
    let mut last = 0;
    for it in feed {
        match &it.event {
            Event::ClaimGranted { agent, token, .. } => {
                assert_eq!((&held, *token), (&None, 0), "at most one holder");
                assert!(it.seq > last, "tokens only grow");
                last = it.seq;
                held = Some((agent.clone(), it.seq));
            }
            Event::ClaimReleased { agent, token, .. } | Event::ClaimExpired { agent, token, .. } => {
                assert_eq!(held.take(), Some((agent.clone(), *token)));
            }
            Event::MessageSent { agent, token, .. } => {
                assert_eq!(held, Some((agent.clone(), *token)), "only the holder replies");
            }
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn replay_is_live_and_a_snapshot_with_its_tail_is_too(steps in steps(), cut in any::<prop::sample::Index>()) {
        let world = play(&steps, |_, _, _| {});
        prop_assert_eq!(&replay(&world.feed), &world.state);
        let (head, tail) = world.feed.split_at(1 + cut.index(world.feed.len()));
        let snapshot = serde_json::to_string(&replay(head)).unwrap();
        let mut state: Conversation = serde_json::from_str(&snapshot).unwrap();
        tail.iter().for_each(|it| state.apply(&it.fact()));
        prop_assert_eq!(Some(state), world.state);
    }

    #[test]
    fn at_most_one_holds_and_tokens_only_grow(steps in steps()) {
        check_claims(&play(&steps, |_, _, _| {}).feed);
    }

    #[test]
    fn a_repeated_key_adds_nothing_and_answers_the_same(steps in steps()) {
        play(&steps, |world, who, action| {
            if dibs_rules::keys::key_of(action, who).is_none() {
                return;
            }
            let (length, state) = (world.feed.len(), world.state.clone());
            let once = world.act(who, action).unwrap();
            let twice = world.act(who, action).unwrap();
            assert!(once.decision.duplicate && twice.decision.duplicate);
            assert_eq!((&once.decision.answer, once.seq), (&twice.decision.answer, twice.seq));
            assert_eq!((world.feed.len(), &world.state), (length, &state));
        });
    }

    #[test]
    fn after_a_deadline_the_next_is_in_the_future(steps in steps(), later in 0..2_000_000i64) {
        let mut world = play(&steps, |_, _, _| {});
        world.now = world.now.plus_ms(later);
        let due = next_deadline(world.state(), &world.settings).is_some_and(|at| at <= world.now);
        let fired = world.act(&sender("time"), &Action::Deadline).unwrap();
        prop_assert_eq!(due, !fired.decision.events.is_empty());
        prop_assert!(next_deadline(world.state(), &world.settings).is_none_or(|at| at > world.now));
    }

    #[test]
    fn replay_after_erasure_is_the_snapshot_after_it(steps in steps(), erase in any::<u64>(), tail in steps()) {
        let mut world = play(&steps, |_, _, _| {});
        let erased = |seq: &u64| erase >> (seq % 64) & 1 == 1;
        let entries: Vec<u64> = (1..=world.seq).filter(erased).collect();
        let redact = Action::Redact { entries: entries.clone(), reason: RedactReason::Request };
        world.act(&sender("ada"), &redact).unwrap();
        for step in &tail {
            let action = action(world.state.as_ref(), *step);
            let who = sender(&asker(world.state.as_ref(), &action, step));
            drop(world.act(&who, &action));
        }
        let feed: Vec<Stored> = world.feed.iter().map(|it| {
            let mut it = it.clone();
            if entries.contains(&it.seq) {
                it.event = skeleton(&it.event, Some(it.conversation)).unwrap_or(it.event);
                it.actor = skeleton_actor(&it.actor);
            }
            it
        }).collect();
        prop_assert_eq!(replay(&feed), world.state);
    }

    #[test]
    fn a_state_of_skeletons_is_the_redacted_state(steps in steps()) {
        let world = play(&steps, |_, _, _| {});
        let feed: Vec<Stored> = world.feed.iter().cloned().map(|mut it| {
            it.event = skeleton(&it.event, Some(it.conversation)).unwrap_or(it.event);
            it.actor = skeleton_actor(&it.actor);
            it
        }).collect();
        let mut redacted = world.state.clone();
        redacted.as_mut().unwrap().redact();
        prop_assert_eq!(replay(&feed), redacted);
    }

    #[test]
    fn deciding_never_panics_whatever_the_state(steps in steps(), asked in steps(), odd in any::<[u8; 6]>()) {
        let mut state = play(&steps, |_, _, _| {}).state.unwrap();
        state.status = pick(Status::ALL, odd[0]);
        state.version = u64::from(odd[1]);
        state.snoozed_until = maybe(crate::world::START, odd[2]);
        state.merged_into = maybe(state.id, odd[3]);
        state.claim = state.claim.filter(|_| odd[4] < 128);
        state.unanswered = if odd[5] < 128 { u32::MAX } else { 0 };
        let settings = settings();
        for step in &asked {
            let action = action(Some(&state), *step);
            let who = sender(&asker(Some(&state), &action, step));
            let ctx = Context {
                sender: &who,
                now: crate::world::START.plus_ms(i64::from(step.4) * 10_000),
                ids: (Uuid::from_u128(1), Uuid::from_u128(2)),
                settings: &settings,
                people: &People,
                first: None,
            };
            let Ok(decision) = decide(Some(&state), &action, &ctx) else { continue };
            prop_assert!(decision.answers_event.is_none_or(|i| i < decision.events.len()));
            for (i, (actor, event)) in decision.events.into_iter().enumerate() {
                let (seq, conversation) = (state.version + 1 + i as u64, state.id);
                state.apply(&Stored { seq, at: ctx.now, conversation, actor, event }.fact());
            }
        }
    }
}
