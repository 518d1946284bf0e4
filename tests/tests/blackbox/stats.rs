//! Statistics: everything to whoever begins, then what changed, to supervisors only; and the collisions that customers never
//! saw.

use crate::desk::{claim, conversation, push_where, watch};
use crate::hub::{Hub, PATIENCE};
use dibs_client::Client;
use dibs_protocol::refusal::Code;
use serde_json::{Value, json};

/// Waits for statistics of the workspace that are as wanted.
async fn workspace(zoe: &Client, wanted: impl Fn(&Value) -> bool) -> Value {
    let wanted = |it: &Value| it["workspace"].is_object() && wanted(&it["workspace"]);
    push_where(zoe, "stats", wanted).await["workspace"].clone()
}

#[tokio::test]
async fn agents_may_not_follow_them() {
    let hub = Hub::start(&[]);
    let priya = hub.agent("priya").await;
    assert_eq!(
        priya.refused(cmd!("watch_stats")).await.unwrap().code,
        Code::Forbidden
    );
}

#[tokio::test]
async fn a_desk_is_counted_as_it_goes_on() {
    let hub = Hub::start(&[]);
    let zoe = hub.supervisor("zoe").await;
    assert!(zoe.welcome().features.contains(&"stats".to_owned()));
    let c = conversation(&hub, "c").await;
    zoe.call(cmd!("watch_stats")).await.unwrap();
    let whole = push_where(&zoe, "stats", |_| true).await;
    assert_eq!(whole["whole"], true, "first comes everything");
    let began = &whole["workspace"];
    assert_eq!(
        (
            &began["waiting"],
            &began["unclaimed"],
            &began["arrivals_per_minute"]
        ),
        (&json!(1), &json!(1), &json!(1))
    );
    assert_eq!(whole["queues"][0]["waiting"], 1);
    let priya = hub.member("priya", &["billing"]).await;
    let seen = watch(&priya, c).await.version;
    let token = claim(&priya, c).await;
    let held = workspace(&zoe, |it| it["claimed"] == 1).await;
    assert_eq!((&held["unclaimed"], &held["waiting"]), (&json!(0), &json!(1)));
    let reply = cmd!("reply", "conversation": c, "token": token, "key": "k", "seen": seen, "text": "Hi");
    priya.call(reply).await.unwrap();
    let answered = push_where(&zoe, "stats", |it| it["workspace"]["replies_per_minute"] == 1).await;
    assert_eq!(answered["whole"], false);
    let all = &answered["workspace"];
    assert_eq!(
        (&all["waiting"], &all["oldest_waiting_since"]),
        (&json!(0), &Value::Null)
    );
    assert_eq!(all["first_response"]["hour"]["count"], 1);
    assert_eq!(all["agents"]["online"], 2);
    let mine = answered["agents"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["id"] == "priya")
        .unwrap();
    assert_eq!(
        (&mine["load"], &mine["replies_per_minute"]),
        (&json!(1), &json!(1))
    );
    priya
        .call(cmd!("release", "conversation": c, "token": token))
        .await
        .unwrap();
    let done = workspace(&zoe, |it| it["claimed"] == 0).await;
    assert_eq!(done["handle_time"]["day"]["count"], 1);
}

#[tokio::test]
async fn collisions_are_counted_and_what_is_counted_survives_a_restart() {
    let mut hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let (zoe, priya, sam) = (
        hub.supervisor("zoe").await,
        hub.agent("priya").await,
        hub.agent("sam").await,
    );
    zoe.call(cmd!("watch_stats")).await.unwrap();
    let token = claim(&priya, c).await;
    sam.refused(cmd!("claim", "conversation": c)).await.unwrap();
    let reply = |key: &str, seen: u64, text: &str| cmd!("reply", "conversation": c, "token": token, "key": key, "seen": seen, "text": text);
    sam.refused(reply("a", 1, "Hi")).await.unwrap();
    priya.refused(reply("b", 0, "Hi")).await.unwrap();
    let seen = watch(&priya, c).await.version;
    priya.call(reply("c", seen, "Hi")).await.unwrap();
    priya.call(reply("c", seen, "Hi")).await.unwrap();
    let counted = workspace(&zoe, |it| it["collisions"]["repeats_absorbed"] == 1).await;
    let expected =
        json!({"claims_contested": 1, "replies_stale": 1, "replies_fenced": 1, "repeats_absorbed": 1});
    assert_eq!(counted["collisions"], expected);
    assert_eq!(counted["collisions_hour"], expected);
    let release = cmd!("release", "conversation": c, "token": token);
    priya.call(release).await.unwrap();
    let handled = workspace(&zoe, |it| it["handle_time"]["day"]["count"] == 1).await;
    drop((zoe, priya, sam));
    hub.term();
    hub.exited(PATIENCE).await.expect("it ends");
    hub.restart();
    let zoe = hub.supervisor("zoe").await;
    zoe.call(cmd!("watch_stats")).await.unwrap();
    let whole = push_where(&zoe, "stats", |it| it["whole"] == true).await;
    let after = &whole["workspace"];
    for what in ["collisions", "collisions_hour", "handle_time", "first_response"] {
        assert_eq!(
            after[what], handled[what],
            "{what} is as it was before the restart"
        );
    }
    let agents = whole["agents"].as_array().unwrap();
    let priya = agents.iter().find(|it| it["id"] == "priya").unwrap();
    assert_eq!(priya["handle_time"]["day"]["count"], 1);
}

#[tokio::test]
async fn a_team_shows_what_it_is_responsible_for_and_how_its_members_do() {
    let hub = Hub::start(&[]);
    let settings = json!({"capacity": {"default": 4}, "teams": [{"id": "night", "members": ["sam"]}]});
    let ada = hub
        .connect(json!({ "sub": "ada", "role": "admin" }))
        .await
        .unwrap();
    ada.call(cmd!("set_settings", "settings": settings))
        .await
        .unwrap();
    let c = conversation(&hub, "c").await;
    let (nora, sam) = (hub.member("nora", &["night"]).await, hub.agent("sam").await);
    nora.call(cmd!("set_presence", "status": "busy")).await.unwrap();
    claim(&sam, c).await;
    sam.call(cmd!("update", "conversation": c, "team": "night"))
        .await
        .unwrap();
    ada.call(cmd!("watch_stats")).await.unwrap();
    let night = |it: &Value| {
        let teams = it["teams"].as_array().cloned().unwrap_or_default();
        teams.into_iter().find(|it| it["id"] == "night")
    };
    let wanted = |it: &Value| night(it).is_some_and(|it| it["claimed"] == 1 && it["agents"]["busy"] == 1);
    let team = night(&push_where(&ada, "stats", wanted).await).unwrap();
    let agents = json!({"online": 1, "away": 0, "busy": 1, "gone": 0, "load": 1, "capacity": 8});
    assert_eq!((&team["waiting"], &team["agents"]), (&json!(1), &agents));
}

#[tokio::test]
async fn a_queue_that_nobody_can_serve_says_so() {
    let hub = Hub::start(&[]);
    let queue = json!({"id": "inbox", "routing": "least_loaded", "teams": ["night"]});
    let settings = json!({"queues": [queue], "teams": [{"id": "night"}]});
    let ada = hub
        .connect(json!({ "sub": "ada", "role": "admin" }))
        .await
        .unwrap();
    ada.call(cmd!("set_settings", "settings": settings))
        .await
        .unwrap();
    ada.call(cmd!("watch_stats")).await.unwrap();
    let first = push_where(&ada, "stats", |it| it["queues"][0]["id"] == "inbox").await;
    assert_eq!(first["queues"][0]["routing"]["agents"], 0, "nobody works it");
    let night = hub.member("nora", &["night"]).await;
    let free = |it: &Value| it["queues"][0]["routing"]["free"] == 1;
    let theirs = push_where(&ada, "stats", free).await;
    assert_eq!(theirs["queues"][0]["routing"]["agents"], 1);
    drop(night);
}
