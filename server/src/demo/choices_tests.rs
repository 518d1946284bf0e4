//! Decisions of simulated agents: every refusal is taken seriously, and a newcomer finds work.

use super::*;
use rand::SeedableRng;
use rstest::rstest;
use serde_json::json;

fn id(n: usize) -> ConversationId {
    format!("0190c2c4-7f3e-7d5a-9a51-{n:012}").parse().unwrap()
}

fn row(n: usize, tags: &[&str], unanswered: u32, holder: Option<&str>) -> Summary {
    let at = "2026-11-21T10:00:00.000Z";
    let claim = holder.map(|agent| json!({"agent": agent, "token": 1, "since": at}));
    serde_json::from_value(json!({"id": id(n), "version": 1, "status": "new", "snoozed_until": null,
        "channel": "email", "customer": {"id": "c", "name": "Ada"}, "subject": null, "queue": "default",
        "priority": "normal", "tags": tags, "assignee": null, "team": null, "claim": claim, "offer": null,
        "waiting_since": at, "unanswered": unanswered, "last_message": null, "first_response_at": null, "sla": null,
        "rating": null, "opened_at": at}))
    .unwrap()
}

fn stale(seqs: &[u64]) -> Refusal {
    let mut refusal = Refusal::stale();
    let entry = |seq: &u64| {
        serde_json::from_value(
            json!({"seq": seq, "at": "2026-11-21T10:00:00.000Z", "actor": {"kind": "system"},
            "event": {"kind": "message_received"}}),
        )
        .unwrap()
    };
    refusal.details.missed = Some(seqs.iter().map(entry).collect());
    refusal
}

#[test]
fn a_stale_reply_is_sent_again_with_the_highest_of_what_was_missed() {
    assert_eq!(
        after_reply(&stale(&[12, 15]), 10),
        AfterReply::Resend { seen: 15 }
    );
    assert_eq!(after_reply(&stale(&[]), 10), AfterReply::Drop);
    assert_eq!(
        after_reply(&stale(&[9]), 10),
        AfterReply::Drop,
        "or it would go on for ever"
    );
}

#[rstest]
#[case(Refusal::rate_limited(250), AfterReply::Later(Duration::from_millis(250)))]
#[case(
    Refusal::unavailable("full", 700),
    AfterReply::Later(Duration::from_millis(700))
)]
#[case(Refusal::claim_lost(None), AfterReply::Drop)]
#[case(Refusal::key_reused(), AfterReply::Drop)]
#[case(Refusal::internal(), AfterReply::Drop)]
fn every_other_refusal_is_waited_for_or_ends_it(#[case] refusal: Refusal, #[case] next: AfterReply) {
    assert_eq!(after_reply(&refusal, 10), next);
}

#[test]
fn the_same_seed_chooses_the_same_and_only_among_the_longest_waiting() {
    let rows: Vec<Summary> = (0..10).map(|n| row(n, &[], 1, None)).collect();
    let chosen = |seed| pick(rows.iter(), 2, |_| true, &mut StdRng::seed_from_u64(seed));
    for seed in 0..50 {
        assert_eq!(chosen(seed), chosen(seed));
        assert!((0..CHOICE).map(id).any(|it| Some(it) == chosen(seed)));
    }
}

#[test]
fn what_is_held_answered_or_reserved_is_left_alone() {
    let dice = &mut StdRng::seed_from_u64(1);
    let rows = [
        row(1, &[], 1, Some("ben")),
        row(2, &[], 0, None),
        row(3, &[], 1, None),
        row(4, &[], 1, None),
    ];
    assert_eq!(pick(rows.iter(), 1, |_| true, dice), Some(id(3)));
    assert_eq!(pick(rows.iter(), 2, |_| true, dice), None);
    assert_eq!(pick(rows.iter(), 0, is_for_bots, dice), None);
}

#[test]
fn the_reserve_never_starves_the_customers() {
    for customers in 0..100 {
        assert!(reserve(customers) <= 4 && (customers == 0 || reserve(customers) < customers));
    }
}

#[test]
fn bots_take_only_the_first_message_of_their_own_matter() {
    assert!(is_for_bots(&row(1, &["tracking", "en"], 1, None)));
    assert!(!is_for_bots(&row(1, &["billing", "en"], 1, None)));
    let mut answered = row(1, &["tracking", "en"], 1, None);
    answered.first_response_at = Some(answered.opened_at);
    assert!(!is_for_bots(&answered));
}

#[test]
fn a_good_bye_is_never_handed_over() {
    let mut done = row(1, &["returns", "en"], 1, None);
    let thanks = stories::of(&done).unwrap().thanks;
    done.last_message = Some(
        serde_json::from_value(
            json!({"seq": 5, "at": "2026-11-21T10:00:00.000Z", "from": "customer", "excerpt": thanks}),
        )
        .unwrap(),
    );
    for seed in 0..50 {
        let plan = plan(&done, &mut StdRng::seed_from_u64(seed));
        assert!(matches!(plan, Plan::AnswerAndResolve | Plan::Resolve), "{plan:?}");
    }
}

#[test]
fn only_what_kept_people_apart_counts_as_a_collision() {
    assert!(
        [Code::AlreadyClaimed, Code::ClaimLost, Code::Stale]
            .into_iter()
            .all(is_collision)
    );
    assert!(
        ![Code::RateLimited, Code::Conflict, Code::NotFound]
            .into_iter()
            .any(is_collision)
    );
}
