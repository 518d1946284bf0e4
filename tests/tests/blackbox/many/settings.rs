//! Settings over instances: what one is told holds on all at once, what makes no sense is refused whole, and of two who set
//! at the same moment one is told that they have not seen what the other did.

use super::site::{Site, THROUGH};
use crate::desk::{claim, conversation, put};
use crate::hub::Hub;
use dibs_client::{Http, HttpError};
use dibs_protocol::refusal::{Code, Current};
use serde_json::json;
use std::time::{Duration, Instant};

/// What is set on one instance holds on the others within this time.
const SOON: Duration = Duration::from_secs(1);
/// So often two set at the same moment.
const ROUNDS: u64 = 10;

fn admin(hub: &Hub) -> Http {
    hub.http(json!({ "sub": "ada", "role": "admin" }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_set_on_one_instance_holds_on_the_other_within_a_second() {
    let site = Site::new();
    let (here, there) = site.two();
    let c = conversation(&here, "c").await;
    let (priya, sam) = (here.agent("priya").await, there.agent("sam").await);
    claim(&priya, c).await;
    let take = || cmd!("take_over", "conversation": c, "reason": "mine");
    assert_eq!(sam.refused(take()).await.unwrap().code, Code::Forbidden);
    let asked = put(json!({ "claims": { "agents_take_over": true } }), Some(0));
    assert_eq!(admin(&here).set_settings(&asked).await.unwrap().version, 1);
    let set = Instant::now();
    while let Err(error) = sam.call(take()).await {
        assert_eq!(error.code(), Some(Code::Forbidden), "{error}");
        assert!(set.elapsed() < SOON, "it does not hold after {:?}", set.elapsed());
    }
    // And back again, from the other one, for a person who is at the first.
    let asked = put(json!({}), Some(1));
    assert_eq!(admin(&there).set_settings(&asked).await.unwrap().version, 2);
    let set = Instant::now();
    while admin(&here).settings().await.unwrap().version < 2 {
        assert!(set.elapsed() < SOON, "it is not known after {:?}", set.elapsed());
    }
    assert_eq!(priya.refused(take()).await.unwrap().code, Code::Forbidden);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_makes_no_sense_is_refused_whole_with_all_that_is_wrong_on_any_instance() {
    let site = Site::new();
    let (here, there) = site.two();
    let good = json!({ "teams": [{ "id": "night", "members": ["priya"] }], "away_after_s": 60 });
    admin(&here).set_settings(&put(good, None)).await.unwrap();
    let wrong = json!({
        "away_after_s": 5,
        "queues": [{ "id": "inbox", "teams": ["nobody"] }],
        "service_levels": [{ "name": "all", "first_response_s": 0, "hours": "never" }],
        "escalations": [{ "name": "late", "on": { "breached": ["first_response"] },
            "actions": [{ "move_to_queue": "nowhere" }] }],
    });
    let HttpError::Problem(problem) = admin(&there).set_settings(&put(wrong, None)).await.unwrap_err() else {
        panic!("a refusal");
    };
    assert_eq!(problem.refusal.code, Code::Invalid);
    let faults = problem.refusal.details.faults.unwrap();
    let fields: Vec<&str> = faults.iter().map(|it| it.field.as_str()).collect();
    for field in [
        "queues[0].teams[0]",
        "service_levels[0].first_response_s",
        "service_levels[0].hours",
        "escalations[0].actions[0]",
    ] {
        let named = fields.iter().any(|it| it.starts_with(field));
        assert!(named, "{field} is not among {fields:?}");
    }
    for hub in [&here, &there] {
        let kept = admin(hub).settings().await.unwrap();
        assert_eq!((kept.version, kept.settings.away_after_s), (1, Some(60)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_who_set_at_once_one_wins_and_the_other_is_shown_what_is() {
    let site = Site::new();
    let (here, there) = site.two();
    let admins = [admin(&here), admin(&there)];
    for seen in 0..ROUNDS {
        let ask = |which: u64| put(json!({ "away_after_s": 10 * (seen + 1) + which }), Some(seen));
        let (first, second) = (ask(1), ask(2));
        let (one, other) = tokio::join!(admins[0].set_settings(&first), admins[1].set_settings(&second));
        let (won, lost, mine) = match (one, other) {
            (Ok(won), Err(lost)) => (won, lost, 1),
            (Err(lost), Ok(won)) => (won, lost, 2),
            both => panic!("one wins: {both:?}"),
        };
        assert_eq!(won.version, seen + 1);
        let HttpError::Problem(problem) = lost else {
            panic!("a refusal")
        };
        assert_eq!(problem.refusal.code, Code::Conflict);
        let Some(Current::Settings(current)) = problem.refusal.details.current else {
            panic!("the settings as they are")
        };
        let value = Some(10 * (seen + 1) + mine);
        assert_eq!(
            (current.version, current.settings.away_after_s),
            (seen + 1, value)
        );
        // Both see it before they set again.
        let end = Instant::now() + THROUGH;
        for admin in &admins {
            while admin.settings().await.unwrap().version <= seen {
                assert!(Instant::now() < end, "version {} is not seen", seen + 1);
            }
        }
    }
}
