//! Routing: who is given what, in which order, and that it is never too much, never twice and never nobody's fault.

use crate::script::{play, resume};
use crate::world::{START, World, agent_id, sender};
use dibs_protocol::event::Event;
use dibs_protocol::ids::ConversationId;
use dibs_protocol::settings::QueueSettings;
use dibs_protocol::terms::{GrantVia, Priority};
use dibs_rules::routing::{Candidate, Route, Standing, pick, place, routable};
use dibs_rules::{Action, Conversation};
use rstest::rstest;
use serde_json::{Value, json};
use uuid::Uuid;

fn queue(more: Value) -> QueueSettings {
    let mut queue = json!({"id": "inbox", "routing": "least_loaded"});
    queue
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    serde_json::from_value(queue).unwrap()
}

/// `id standing load/limit given_at_s words…`; words are skills, `chat=load/limit`, and `senior:tier`.
fn candidate(line: &str) -> Candidate {
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut it = Candidate::new(agent_id(words[0]));
    it.standing = match words[1] {
        "online" => Standing::Online,
        "away" => Standing::Away,
        "busy" => Standing::Busy,
        _ => Standing::Gone,
    };
    let (load, limit) = words[2].split_once('/').unwrap();
    it.load.total = load.parse().unwrap();
    it.limits.total = limit.parse().ok();
    it.given_at = words[3].parse().ok().map(|s: i64| START.plus_ms(s * 1_000));
    for word in &words[4..] {
        if let Some((channel, counts)) = word.split_once('=') {
            let (load, limit) = counts.split_once('/').unwrap();
            it.load
                .by_channel
                .insert(channel.parse().unwrap(), load.parse().unwrap());
            it.limits
                .by_channel
                .insert(channel.parse().unwrap(), limit.parse().unwrap());
        } else if let Some(tier) = word.strip_prefix("senior:") {
            it.senior_for.push(tier.to_owned());
        } else {
            it.skills.push((*word).to_owned());
        }
    }
    it
}

pub fn waiting(table: &str) -> Conversation {
    play(&format!("customer writes tier=gold Hello\n{table}"))
        .state
        .unwrap()
}

fn chosen(
    queue: &QueueSettings,
    state: &Conversation,
    table: &str,
    turn: Option<&str>,
    after_s: i64,
) -> String {
    let candidates: Vec<Candidate> = table
        .lines()
        .map(str::trim)
        .filter(|it| !it.is_empty())
        .map(candidate)
        .collect();
    let turn = turn.map(agent_id);
    match pick(
        state,
        queue,
        &candidates,
        turn.as_ref(),
        START.plus_ms(after_s * 1_000),
    ) {
        Ok(pick) => pick.agent.to_string(),
        Err(nobody) => format!("nobody: {nobody}"),
    }
}

#[rstest]
#[case::least_loaded_has_the_most_room(json!({}), "ben online 3/9 1\n priya online 2/4 0", None, 0, "ben")]
#[case::no_limit_is_the_most_room(json!({}), "ben online 3/9 1\n priya online 7/- 0", None, 0, "priya")]
#[case::equal_room_goes_to_the_longest_idle(json!({}), "ben online 1/3 9\n priya online 1/3 4", None, 0, "priya")]
#[case::longest_idle(json!({"routing": "longest_idle"}), "ben online 0/3 9\n priya online 2/3 4", None, 0, "priya")]
#[case::never_given_is_the_longest_idle(json!({"routing": "longest_idle"}), "ben online 2/3 -\n priya online 0/3 4", None, 0, "ben")]
#[case::round_robin_begins(json!({"routing": "round_robin"}), "ben online 0/3 0\n priya online 0/3 0", None, 0, "ben")]
#[case::round_robin_goes_on(json!({"routing": "round_robin"}), "ben online 0/3 0\n priya online 2/3 0", Some("ben"), 0, "priya")]
#[case::round_robin_begins_again(json!({"routing": "round_robin"}), "ben online 0/3 0\n priya online 2/3 0", Some("sam"), 0, "ben")]
#[case::round_robin_passes_over_the_full(json!({"routing": "round_robin"}), "ben online 0/3 0\n priya online 3/3 0", Some("ben"), 0, "ben")]
#[case::by_hand(json!({"routing": "manual"}), "ben online 0/3 0", None, 0, "nobody: the queue is worked by hand")]
#[case::without_anybody(json!({}), "", None, 0, "nobody: nobody works this queue")]
#[case::never_away_busy_gone_or_full(json!({}), "a away 0/3 0\n b busy 0/3 0\n c gone 0/3 0\n d online 3/3 0", None, 0, "nobody: 1 gone, 1 away, 1 busy, 1 full")]
#[case::capacity_nought_is_full(json!({}), "a online 0/0 0", None, 0, "nobody: 1 full")]
#[case::full_of_this_channel(json!({}), "a online 1/9 0 mail=1/1\n b online 8/9 0 chat=1/1", None, 0, "b")]
#[case::skilled(json!({"skills": ["french"]}), "a online 0/9 0\n b online 5/9 0 french", None, 9_999, "b")]
#[case::all_skills_are_asked_for(json!({"skills": ["french", "tax"]}), "a online 0/9 0 french", None, 9_999, "nobody: 1 without the skills")]
#[case::relaxed_not_yet(json!({"skills": ["french"], "relax_skills_after_s": 60}), "a online 0/9 0", None, 59, "nobody: 1 without the skills")]
#[case::relaxed(json!({"skills": ["french"], "relax_skills_after_s": 60}), "a online 0/9 0", None, 60, "a")]
#[case::relaxed_and_somebody_is_skilled(json!({"skills": ["french"], "relax_skills_after_s": 60}), "a online 0/9 0\n b online 8/9 0 french", None, 60, "b")]
#[case::a_named_senior_first(json!({}), "a online 0/9 0\n b online 8/9 0 senior:gold", None, 0, "b")]
#[case::a_senior_of_another_tier(json!({}), "a online 0/9 0\n b online 8/9 0 senior:iron", None, 0, "a")]
#[case::the_senior_is_full(json!({}), "a online 0/9 0\n b online 9/9 0 senior:gold", None, 0, "a")]
fn who_is_picked(
    #[case] more: Value,
    #[case] candidates: &str,
    #[case] turn: Option<&str>,
    #[case] after_s: i64,
    #[case] expected: &str,
) {
    assert_eq!(
        chosen(&queue(more), &waiting(""), candidates, turn, after_s),
        expected
    );
}

const ANSWERED: &str = "sam claim\n sam reply Hi\n sam release\n customer writes tier=gold More";

#[rstest]
#[case::sticks_to_the_last(json!({"sticky_s": 60}), "ben online 0/9 0\n sam online 8/9 0", 0, "sam")]
#[case::before_a_senior(json!({"sticky_s": 60}), "ben online 0/9 0 senior:gold\n sam online 8/9 0", 0, "sam")]
#[case::not_after_so_long(json!({"sticky_s": 60}), "ben online 0/9 0\n sam online 8/9 0", 61, "ben")]
#[case::not_where_it_is_not_set(json!({}), "ben online 0/9 0\n sam online 8/9 0", 0, "ben")]
#[case::not_to_somebody_away(json!({"sticky_s": 60}), "ben online 0/9 0\n sam away 0/9 0", 0, "ben")]
fn a_returning_customer(
    #[case] more: Value,
    #[case] candidates: &str,
    #[case] after_s: i64,
    #[case] expected: &str,
) {
    assert_eq!(
        chosen(&queue(more), &waiting(ANSWERED), candidates, None, after_s),
        expected
    );
}

#[test]
fn the_reason_says_why_among_how_many_and_with_how_much() {
    let candidates = [
        candidate("ben online 2/5 0"),
        candidate("sam online 4/5 0"),
        candidate("priya gone 0/5 0"),
    ];
    let picked = pick(&waiting(""), &queue(json!({})), &candidates, None, START).unwrap();
    assert_eq!(
        picked.why,
        "had the most room among 2 who were free, holding 2 of 5"
    );
}

fn route(world: &World, agent: &str, offer_ms: Option<i64>) -> Action {
    Action::Route(Box::new(Route {
        agent: agent_id(agent),
        queue: world.state().queue.clone(),
        reason: "had the most room".to_owned(),
        offer_ms,
    }))
}

/// Lets routing act, and says what happened.
fn routed(world: &mut World, agent: &str, offer_ms: Option<i64>) -> Vec<&'static str> {
    let action = route(world, agent, offer_ms);
    let done = world.act(&sender("time"), &action).unwrap();
    done.decision
        .events
        .iter()
        .map(|(_, event)| event.kind())
        .collect()
}

#[rstest]
#[case::waiting("", &["claim_granted"])]
#[case::claimed("sam claim", &[])]
#[case::answered("sam claim\n sam reply Hi\n sam release", &[])]
#[case::pending("sam update status=pending", &[])]
#[case::resolved("sam update status=resolved", &[])]
#[case::closed("sam update status=closed", &[])]
#[case::let_go_by_them("ben claim\n ben release", &[])]
#[case::let_go_by_another("sam claim\n sam release", &["claim_granted"])]
#[case::fell_asleep_on_it("ben claim\n time deadline after=600", &[])]
#[case::left("ben claim\n time gone ben", &["claim_granted"])]
fn what_is_granted_to_ben(#[case] table: &str, #[case] expected: &[&str]) {
    let mut world = play(&format!("customer writes Hello\n{table}"));
    assert_eq!(routed(&mut world, "ben", None), expected, "after: {table}");
}

#[test]
fn a_grant_says_that_it_was_routed_and_why() {
    let mut world = play("customer writes Hello");
    routed(&mut world, "ben", None);
    let Event::ClaimGranted {
        agent,
        via,
        from,
        reason,
        ..
    } = &world.feed.last().unwrap().event
    else {
        panic!("a grant")
    };
    assert_eq!((agent.as_str(), *via, from), ("ben", GrantVia::Routed, &None));
    assert_eq!(reason.as_deref(), Some("had the most room"));
}

#[rstest]
#[case::accepted(
    "ben accept",
    "claim_granted:routed\n ben reply Hi | message_sent status_changed:open"
)]
#[case::declined("ben decline busy", "transfer_declined:declined")]
#[case::expired("time deadline after=30", "transfer_declined:expired")]
#[case::not_yet("time deadline after=29", "nothing")]
#[case::by_somebody_else("sam accept", "forbidden")]
#[case::claimed_by_them("ben claim", "claim_granted:claim")]
#[case::claimed_by_another("sam claim", "transfer_declined:superseded claim_granted:claim")]
#[case::taken_over("zoe take_over", "transfer_declined:superseded claim_granted:take_over")]
#[case::too_late("ben accept after=30", "conflict")]
fn what_becomes_of_an_offer(#[case] then: &str, #[case] expected: &str) {
    let mut world = play("customer writes Hello");
    assert_eq!(routed(&mut world, "ben", Some(30_000)), ["transfer_offered"]);
    assert_eq!(
        routed(&mut world, "sam", Some(30_000)),
        [""; 0],
        "one is asked at a time"
    );
    resume(&mut world, &format!("{then} | {expected}"));
}

#[rstest]
#[case::declined("ben decline")]
#[case::expired("time deadline after=30")]
fn who_declined_is_not_asked_again_until_the_customer_waits_anew(#[case] declined: &str) {
    let mut world = play("customer writes Hello");
    routed(&mut world, "ben", Some(30_000));
    resume(&mut world, declined);
    let ben = [candidate("ben online 0/9 0")];
    let nobody = pick(world.state(), &queue(json!({})), &ben, None, world.now).unwrap_err();
    assert_eq!(nobody.to_string(), "1 already declined");
    assert_eq!(routed(&mut world, "ben", Some(30_000)), [""; 0]);
    assert_eq!(
        routed(&mut world, "sam", Some(30_000)),
        ["transfer_offered"],
        "the next one is asked"
    );
    resume(
        &mut world,
        "sam accept\n sam reply Hi\n sam release\n customer writes More",
    );
    assert_eq!(routed(&mut world, "ben", Some(30_000)), ["transfer_offered"]);
}

fn state(id: u128, since_s: i64, priority: Priority, tier: &str, returned: bool) -> Conversation {
    let mut it = waiting("");
    it.id = ConversationId(Uuid::from_u128(id));
    it.waiting_since = Some(START.plus_ms(since_s * 1_000));
    (it.priority, it.returned) = (priority, returned);
    it.customer.tier = Some(tier.to_owned());
    it
}

#[test]
fn those_given_up_come_first_then_tiers_then_who_waits_longest_and_priority_ages() {
    let queue = queue(json!({"tiers_first": ["gold", "silver"]}));
    let expected = [
        state(9, 900, Priority::Low, "none", true),
        state(8, 800, Priority::Low, "gold", false),
        state(7, 700, Priority::Urgent, "silver", false),
        // 30 minutes of waiting are worth as much as being urgent.
        state(6, -1_801, Priority::Normal, "none", false),
        state(5, 0, Priority::Urgent, "none", false),
        state(4, -1_799, Priority::Normal, "none", false),
        state(3, 0, Priority::High, "none", false),
        state(1, 0, Priority::Normal, "none", false),
        state(2, 0, Priority::Normal, "none", false),
        state(10, 0, Priority::Low, "none", false),
    ];
    let mut sorted = expected.clone();
    sorted.sort_by_key(|it| place(it, &queue));
    let ids = |list: &[Conversation]| list.iter().map(|it| it.id.0.as_u128()).collect::<Vec<_>>();
    assert_eq!(ids(&sorted), ids(&expected));
}

#[test]
fn a_claim_whose_holder_left_goes_to_the_head_with_its_old_waiting_time() {
    let mut world = play("customer writes Hello");
    let since = world.state().waiting_since;
    resume(&mut world, "ben claim after=100\n time gone ben after=100");
    assert!(routable(world.state()) && world.state().returned);
    assert_eq!(world.state().waiting_since, since);
    resume(&mut world, "sam claim");
    assert!(!world.state().returned, "until somebody holds it again");
}

#[test]
fn a_claim_that_fell_asleep_goes_to_the_head_with_its_old_waiting_time_and_to_somebody_else() {
    let mut world = play("customer writes Hello");
    let since = world.state().waiting_since;
    resume(
        &mut world,
        "ben claim after=100\n time deadline after=600 | claim_expired:idle",
    );
    assert!(routable(world.state()) && world.state().returned);
    assert_eq!(world.state().waiting_since, since);
    let mut newer = state(1, -9_999, Priority::Urgent, "none", false);
    newer.id = ConversationId(Uuid::from_u128(1));
    let inbox = queue(json!({}));
    assert!(place(world.state(), &inbox) < place(&newer, &inbox));
    let both = [candidate("ben online 0/9 0"), candidate("sam online 8/9 0")];
    let picked = pick(world.state(), &inbox, &both, None, world.now).unwrap();
    assert_eq!(picked.agent.as_str(), "sam");
}
