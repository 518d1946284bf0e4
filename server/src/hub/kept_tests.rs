//! What is counted outlives the instance that counted it, and is the same on all instances, heard or not.

use super::instances_tests::{acme, ingest};
use super::virtual_desk::{Instance, Virtual, ask, come, frames, start};
use super::{Input, Link};
use crate::log::Log;
use crate::log::memory::MemoryLog;
use dibs_protocol::ids::ConversationId;
use dibs_protocol::terms::Role;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// After so long in virtual time nothing is waited for any more.
const BOUND: Duration = Duration::from_secs(200);

/// A supervisor at an instance.
struct Wall {
    link: Arc<Link>,
    workspace: Value,
}

impl Wall {
    async fn at(instance: &Instance) -> Self {
        let link = come(&instance.hub, "zoe", Role::Supervisor).await;
        ask(&instance.hub, &link, json!({ "type": "watch_stats" })).await;
        let workspace = Value::Null;
        Self { link, workspace }
    }

    /// Looks until the workspace's statistics are as wanted.
    async fn shows(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) {
        let until = Instant::now() + BOUND;
        loop {
            let mut news = frames(&self.link);
            news.retain(|it| it["type"] == "stats");
            if let Some(last) = news.iter().rfind(|it| it["workspace"].is_object()) {
                self.workspace = last["workspace"].clone();
            }
            if self.workspace.is_object() && wanted(&self.workspace) {
                return;
            }
            assert!(Instant::now() < until, "{what}: {}", self.workspace);
            sleep(Duration::from_millis(50)).await;
        }
    }
}

fn contested(n: u64) -> impl Fn(&Value) -> bool {
    move |it| it["collisions"]["claims_contested"] == n && it["collisions_hour"]["claims_contested"] == n
}

/// One agent claims a conversation at an instance, and another one tries so many times.
async fn contest(instance: &Instance, customer: &str, times: u64) -> ConversationId {
    let hub = &instance.hub;
    let opened = ingest(hub.clone(), customer.len(), customer.to_owned()).await;
    let claim = json!({ "type": "claim", "conversation": opened.conversation });
    let (one, other) = (
        come(hub, "priya", Role::Agent).await,
        come(hub, "sam", Role::Agent).await,
    );
    ask(hub, &one, claim.clone()).await;
    sleep(Duration::from_millis(50)).await;
    for _ in 0..times {
        ask(hub, &other, claim.clone()).await;
    }
    opened.conversation
}

#[tokio::test(start_paused = true)]
async fn collisions_and_durations_are_there_after_a_kill_but_for_the_last_ones() {
    let clock = Virtual::begin();
    let log: Arc<dyn Log> = Arc::new(MemoryLog::new(clock.clone()));
    let first = start(&log, &clock, 30_000).await;
    let mut wall = Wall::at(&first).await;
    let c = contest(&first, "c", 3).await;
    wall.shows("three were contested", contested(3)).await;
    let close = json!({ "type": "update", "conversation": c, "status": "resolved" });
    ask(&first.hub, &wall.link, close).await;
    let handled =
        |it: &Value| it["handle_time"]["day"]["count"] == 1 && it["handle_time"]["hour"]["count"] == 1;
    wall.shows("one was handled", handled).await;
    sleep(Duration::from_secs(61)).await;
    drop((wall, first));
    let second = start(&log, &clock, 30_000).await;
    let mut wall = Wall::at(&second).await;
    wall.shows("three are still contested", contested(3)).await;
    wall.shows("one is still handled", handled).await;
    contest(&second, "cc", 2).await;
    wall.shows("two more were contested", contested(5)).await;
    // Whatever was written is written again with what came after it.
    sleep(Duration::from_secs(11)).await;
    drop((wall, second));
    let third = start(&log, &clock, 30_000).await;
    let mut wall = Wall::at(&third).await;
    wall.shows("five are contested", contested(5)).await;
    wall.shows("one is handled", handled).await;
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_leaves_writes_at_once() {
    let clock = Virtual::begin();
    let log: Arc<dyn Log> = Arc::new(MemoryLog::new(clock.clone()));
    let first = start(&log, &clock, 30_000).await;
    let mut wall = Wall::at(&first).await;
    // Just after something was written, so that it would not be its turn for long.
    contest(&first, "c", 1).await;
    sleep(Duration::from_secs(12)).await;
    contest(&first, "cc", 1).await;
    wall.shows("two were contested", contested(2)).await;
    first
        .hub
        .workspace(&acme())
        .await
        .unwrap()
        .send(Input::Drain(100))
        .unwrap();
    sleep(Duration::from_millis(100)).await;
    drop((wall, first));
    let second = start(&log, &clock, 30_000).await;
    let mut wall = Wall::at(&second).await;
    wall.shows("both are still contested", contested(2)).await;
}

#[tokio::test(start_paused = true)]
async fn every_instance_shows_what_all_counted_also_those_that_hear_nothing_of_one_another() {
    let clock = Virtual::begin();
    let log: Arc<dyn Log> = Arc::new(MemoryLog::shared(clock.clone()));
    let (one, two) = (
        start(&log, &clock, 30_000).await,
        start(&log, &clock, 30_000).await,
    );
    let (mut here, mut there) = (Wall::at(&one).await, Wall::at(&two).await);
    // Both count, and write, at the same time.
    contest(&one, "c", 2).await;
    contest(&two, "cc", 3).await;
    here.shows("both are shown here", contested(5)).await;
    there.shows("both are shown there", contested(5)).await;
    drop((there, two));
    contest(&one, "ccc", 1).await;
    here.shows("one more here", contested(6)).await;
    sleep(Duration::from_secs(21)).await;
    drop((here, one));
    let three = start(&log, &clock, 30_000).await;
    let mut wall = Wall::at(&three).await;
    wall.shows("all of it after both are gone", contested(6)).await;
}
