//! Routing: conversations find an agent who is there and has room, with the reason kept; offers go from one to the next;
//! nobody is given what somebody else has taken; a thousand arrivals are given once each.

use crate::desk::{claim, count, events, message_with, push, push_where, summary, watch};
use crate::hub::Hub;
use crate::token::mint;
use dibs_client::{Client, Options};
use dibs_protocol::answer::WatchAgentsAnswer;
use dibs_protocol::ids::ConversationId;
use dibs_protocol::refusal::Code;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Sets a queue that is routed, and whatever else.
async fn set(hub: &Hub, queue: Value, more: Value) {
    let mut routed = json!({ "id": "inbox", "routing": "least_loaded" });
    routed
        .as_object_mut()
        .unwrap()
        .extend(queue.as_object().unwrap().clone());
    let mut settings = json!({ "queues": [routed] });
    settings
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    crate::desk::set(hub, settings).await;
}

async fn write(hub: &Hub, customer: &str, more: Value) -> ConversationId {
    let mut fields = json!({ "queue": "inbox" });
    fields
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let message = message_with(&format!("m-{customer}"), customer, "Hello?", fields);
    hub.channel().ingest(&message).await.unwrap().1.conversation
}

async fn presence(agent: &Client, status: &str) {
    agent.call(cmd!("set_presence", "status": status)).await.unwrap();
}

#[tokio::test]
async fn what_arrives_is_given_to_whoever_has_the_most_room_and_the_event_says_why() {
    let hub = Hub::start(&[]);
    let agents = json!([{ "id": "priya", "capacity": 5 }, { "id": "sam", "capacity": 2 }]);
    set(&hub, json!({}), json!({ "agents": agents })).await;
    let (sam, priya) = (hub.agent("sam").await, hub.agent("priya").await);
    assert!(priya.welcome().features.contains(&"routing".to_owned()));
    let c = write(&hub, "c1", json!({})).await;
    let gained = push(&priya, "claim_gained").await;
    assert_eq!(
        (&gained["conversation"], &gained["via"]),
        (&json!(c), &json!("routed"))
    );
    let granted = event_of(&hub, c, "claim_granted").await;
    assert_eq!(
        granted["reason"],
        "had the most room among 2 who were free, holding 0 of 5"
    );
    let seen = watch(&priya, c).await.version;
    let token = gained["token"].clone();
    let reply = cmd!("reply", "conversation": c, "token": token, "key": "k", "seen": seen, "text": "Hi");
    priya.call(reply).await.unwrap();
    assert_eq!(summary(&sam, c).await.claim.unwrap().agent.as_str(), "priya");
}

/// The first event of this kind.
async fn event_of(hub: &Hub, c: ConversationId, kind: &str) -> Value {
    let all = events(&hub.http(json!({ "sub": "reader" })), c).await;
    let found = all.into_iter().find(|it| it.kind() == kind);
    serde_json::to_value(found.expect("such an event").event).unwrap()
}

#[tokio::test]
async fn never_to_somebody_away_busy_full_or_gone_and_at_once_when_they_are_back() {
    let hub = Hub::start(&[]);
    set(&hub, json!({}), json!({ "capacity": { "default": 1 } })).await;
    let (priya, sam, ben) = (
        hub.agent("priya").await,
        hub.agent("sam").await,
        hub.agent("ben").await,
    );
    presence(&priya, "away").await;
    presence(&ben, "busy").await;
    let one = write(&hub, "c1", json!({})).await;
    assert_eq!(push(&sam, "claim_gained").await["conversation"], json!(one));
    let two = write(&hub, "c2", json!({})).await;
    // Taken by hand, it may be more than one is given.
    let three = write(&hub, "c3", json!({})).await;
    claim(&sam, three).await;
    assert_eq!(summary(&sam, two).await.claim, None);
    presence(&priya, "online").await;
    assert_eq!(push(&priya, "claim_gained").await["conversation"], json!(two));
    priya.close().await;
    // What the one who left held goes to the next one who is there.
    presence(&ben, "online").await;
    let gained = push(&ben, "claim_gained").await;
    assert_eq!(gained["conversation"], json!(two), "after the grace");
    assert_eq!(
        count(
            &events(&hub.http(json!({ "sub": "reader" })), two).await,
            "claim_expired"
        ),
        1
    );
}

#[tokio::test]
async fn an_offer_goes_to_one_and_declined_or_unanswered_to_the_next() {
    let hub = Hub::start(&[]);
    let queue = json!({ "routing": "round_robin", "delivery": "offer", "offer_s": 1 });
    set(&hub, queue, json!({})).await;
    let (ben, priya, sam) = (
        hub.agent("ben").await,
        hub.agent("priya").await,
        hub.agent("sam").await,
    );
    let c = write(&hub, "c1", json!({})).await;
    let offer = push(&ben, "offer").await;
    assert_eq!(
        (&offer["from"], &offer["summary"]["claim"]),
        (&json!("system"), &Value::Null)
    );
    let not_theirs = sam.refused(cmd!("answer_transfer", "conversation": c, "accept": true));
    assert_eq!(not_theirs.await.unwrap().code, Code::Forbidden);
    ben.call(cmd!("answer_transfer", "conversation": c, "accept": false))
        .await
        .unwrap();
    push(&priya, "offer").await;
    // Priya says nothing.
    assert_eq!(push(&priya, "offer_gone").await["reason"], "expired");
    push(&sam, "offer").await;
    let accepted = sam
        .call(cmd!("answer_transfer", "conversation": c, "accept": true))
        .await
        .unwrap();
    let granted = event_of(&hub, c, "claim_granted").await;
    assert_eq!(
        (&granted["via"], &granted["agent"]),
        (&json!("routed"), &json!("sam"))
    );
    assert_eq!(granted["token"], accepted["token"]);
    assert!(
        granted["reason"]
            .as_str()
            .unwrap()
            .starts_with("was next in turn")
    );
}

#[tokio::test]
async fn an_offer_that_somebody_else_takes_by_hand_is_over_and_theirs() {
    let hub = Hub::start(&[]);
    let queue = json!({ "routing": "round_robin", "delivery": "offer", "offer_s": 600 });
    set(&hub, queue, json!({})).await;
    let (ben, sam) = (hub.agent("ben").await, hub.agent("sam").await);
    let c = write(&hub, "c1", json!({})).await;
    push(&ben, "offer").await;
    claim(&sam, c).await;
    assert_eq!(push(&ben, "offer_gone").await["reason"], "superseded");
    let late = ben.refused(cmd!("answer_transfer", "conversation": c, "accept": true));
    assert_eq!(late.await.unwrap().code, Code::Conflict);
    assert_eq!(summary(&ben, c).await.claim.unwrap().agent.as_str(), "sam");
}

#[tokio::test]
async fn skills_are_asked_for_until_nobody_with_them_was_found_for_long() {
    let hub = Hub::start(&[]);
    set(
        &hub,
        json!({ "skills": ["french"], "relax_skills_after_s": 2 }),
        json!({}),
    )
    .await;
    let sam = hub.agent("sam").await;
    let claims = json!({ "sub": "priya", "skills": ["french"] });
    let priya = hub.connect(claims).await.unwrap();
    let one = write(&hub, "c1", json!({})).await;
    assert_eq!(push(&priya, "claim_gained").await["conversation"], json!(one));
    presence(&priya, "away").await;
    let two = write(&hub, "c2", json!({})).await;
    let gained = push(&sam, "claim_gained").await;
    assert_eq!(gained["conversation"], json!(two));
    let granted = event_of(&hub, two, "claim_granted").await;
    assert!(
        granted["reason"]
            .as_str()
            .unwrap()
            .ends_with("skills were not asked for after so long")
    );
}

#[tokio::test]
async fn a_supervisor_says_how_present_somebody_is_and_others_may_not() {
    let hub = Hub::start(&[]);
    let (priya, sam) = (hub.agent("priya").await, hub.agent("sam").await);
    let zoe = hub.supervisor("zoe").await;
    zoe.call(cmd!("watch_agents")).await.unwrap();
    let say = || cmd!("set_presence", "agent": "priya", "status": "away", "reason": "lunch");
    assert_eq!(sam.refused(say()).await.unwrap().code, Code::Forbidden);
    zoe.call(say()).await.unwrap();
    let seen = push_where(&zoe, "presence", |it| {
        let mut agents = it["agents"].as_array().unwrap().iter();
        agents.any(|it| {
            it["id"] == "priya"
                && it["status"] == "away"
                && it["reason"] == "lunch"
                && it["since"].is_string()
        })
    });
    seen.await;
    set(&hub, json!({}), json!({ "capacity": { "default": 3 } })).await;
    let c = write(&hub, "c1", json!({})).await;
    // Whoever else is there was given it: a supervisor is an agent, too.
    let holder = loop {
        if let Some(claim) = summary(&priya, c).await.claim {
            break claim.agent;
        }
    };
    assert_ne!(holder.as_str(), "priya");
    let rows = zoe.call(cmd!("watch_agents")).await.unwrap();
    let row = rows["agents"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["id"] == "sam")
        .unwrap()
        .clone();
    assert_eq!(row["capacity"], 3);
    drop(sam);
}

#[tokio::test]
async fn whoever_does_nothing_for_long_is_away_until_they_do_something_but_not_on_a_mobile() {
    let hub = Hub::start(&[]);
    set(&hub, json!({}), json!({ "away_after_s": 1 })).await;
    let zoe = hub.supervisor("zoe").await;
    let mobile = Options {
        name: Some("mobile/2.1".to_owned()),
        ..Options::default()
    };
    let mo = Client::connect(&hub.url(), &mint(json!({ "sub": "mo" })), &mobile)
        .await
        .unwrap();
    let priya = hub.agent("priya").await;
    zoe.call(cmd!("watch_agents")).await.unwrap();
    let is = |status: &'static str| {
        push_where(&zoe, "presence", move |it| {
            let mut agents = it["agents"].as_array().unwrap().iter();
            agents.any(|it| it["id"] == "priya" && it["status"] == status)
        })
    };
    is("away").await;
    let rows = zoe.call(cmd!("watch_agents")).await.unwrap();
    let rows = rows["agents"].as_array().unwrap();
    assert_eq!(
        rows.iter().find(|it| it["id"] == "mo").unwrap()["status"],
        "online"
    );
    assert!(mo.welcome().claims.is_empty());
    priya.call(cmd!("watch_agents")).await.unwrap();
    is("online").await;
}

#[tokio::test]
async fn a_crash_gives_nothing_twice_and_goes_on_giving() {
    let mut hub = Hub::start(&[]);
    set(&hub, json!({}), json!({ "capacity": { "default": 2 } })).await;
    let priya = hub.agent("priya").await;
    let mut all = Vec::new();
    for n in 0..3 {
        all.push(write(&hub, &format!("c{n}"), json!({})).await);
    }
    push(&priya, "claim_gained").await;
    push(&priya, "claim_gained").await;
    hub.kill9();
    hub.restart();
    let priya = hub.agent("priya").await;
    let held = priya.welcome().claims.clone();
    assert_eq!(held.len(), 2);
    let release = cmd!("release", "conversation": held[0].conversation, "token": held[0].token);
    priya.call(release).await.unwrap();
    let gained = push(&priya, "claim_gained").await;
    assert_eq!(
        gained["conversation"],
        json!(all[2]),
        "what she let go is not given back to her"
    );
}

/// A thousand customers at once, by twenty agents' capacity of fifty: each conversation has one grant, each agent fifty.
#[tokio::test]
async fn a_thousand_arrivals_are_given_once_each() {
    let hub = Hub::start(&[]);
    set(&hub, json!({}), json!({ "capacity": { "default": 50 } })).await;
    let mut agents = Vec::new();
    for n in 0..20 {
        agents.push(hub.agent(&format!("a{n}")).await);
    }
    let begun = std::time::Instant::now();
    let channel = std::sync::Arc::new(hub.channel());
    let mut asked = tokio::task::JoinSet::new();
    for worker in 0..50 {
        let channel = channel.clone();
        asked.spawn(async move {
            let mut opened = Vec::new();
            for n in 0..20 {
                let customer = format!("c{worker}-{n}");
                let message = message_with(&customer, &customer, "Hello?", json!({ "queue": "inbox" }));
                opened.push(channel.ingest(&message).await.unwrap().1.conversation);
            }
            opened
        });
    }
    let opened: Vec<ConversationId> = asked.join_all().await.into_iter().flatten().collect();
    let arrived = begun.elapsed();
    let mut load: BTreeMap<String, usize> = BTreeMap::new();
    for agent in &agents {
        for _ in 0..50 {
            push(agent, "claim_gained").await;
            *load.entry(agent.welcome().agent.id.to_string()).or_default() += 1;
        }
    }
    println!(
        "1,000 arrivals in {arrived:?}, all given after {:?}",
        begun.elapsed()
    );
    assert_eq!(load.len(), 20);
    let reader = hub.http(json!({ "sub": "reader" }));
    for c in opened.iter().step_by(10) {
        assert_eq!(count(&events(&reader, *c).await, "claim_granted"), 1);
    }
}

#[tokio::test]
async fn capacity_bounds_what_is_given_and_never_what_is_taken_and_the_agents_say_both() {
    let hub = Hub::start(&[]);
    let agents = json!([{ "id": "priya", "capacity": 1 }]);
    set(
        &hub,
        json!({}),
        json!({ "agents": agents, "capacity": { "default": 7 } }),
    )
    .await;
    let priya = hub.agent("priya").await;
    let given = write(&hub, "c1", json!({})).await;
    assert_eq!(push(&priya, "claim_gained").await["conversation"], json!(given));
    let waits = write(&hub, "c2", json!({})).await;
    assert_eq!(summary(&priya, waits).await.claim, None, "she has one already");
    claim(&priya, waits).await;
    claim(&priya, write(&hub, "c3", json!({ "queue": "by-hand" })).await).await;
    let zoe = hub.supervisor("zoe").await;
    let known: WatchAgentsAnswer = zoe.call_as(cmd!("watch_agents")).await.unwrap();
    let row = |id: &str| known.agents.iter().find(|it| it.id.as_str() == id).unwrap();
    assert_eq!((row("priya").capacity, row("priya").claims), (Some(1), 3));
    assert_eq!((row("zoe").capacity, row("zoe").claims), (Some(7), 0));
}

#[tokio::test]
async fn who_is_only_named_in_settings_is_known_and_can_be_handed_something_from_their_first_hello() {
    let hub = Hub::start(&[]);
    let teams = json!([{ "id": "night", "members": ["nora", "priya"] }]);
    set(&hub, json!({}), json!({ "teams": teams })).await;
    let priya = hub.agent("priya").await;
    let c = write(&hub, "c", json!({ "queue": "by-hand" })).await;
    let token = claim(&priya, c).await;
    let to_nora = cmd!("transfer", "conversation": c, "token": token, "to": { "agent": "nora" });
    let known: WatchAgentsAnswer = priya.call_as(cmd!("watch_agents")).await.unwrap();
    let ids = |it: &WatchAgentsAnswer| it.agents.iter().map(|it| it.id.to_string()).collect::<Vec<_>>();
    assert_eq!(ids(&known), ["priya"]);
    assert_eq!(known.teams[0].members.len(), 1, "as in the list of agents");
    assert_eq!(
        known.agents[0].teams.len(),
        1,
        "and an agent's row says what the team's says"
    );
    assert_eq!(priya.refused(to_nora.clone()).await.unwrap().code, Code::NotFound);
    let nora = hub.agent("nora").await;
    let known: WatchAgentsAnswer = priya.call_as(cmd!("watch_agents")).await.unwrap();
    assert_eq!(ids(&known), ["nora", "priya"]);
    assert_eq!(known.teams[0].members.len(), 2);
    priya.call(to_nora).await.unwrap();
    assert_eq!(push(&nora, "offer").await["conversation"], json!(c));
}
