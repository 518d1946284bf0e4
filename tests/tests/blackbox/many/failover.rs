//! A primary that dies and a standby that takes its place, as real servers: what was acknowledged is there where the
//! standby was synchronous, and where it was not, nobody goes on with what is gone.

use super::forked::everybody_starts_anew;
use super::site::{Site, THROUGH, told};
use super::worker::{all_is_right, crew, through};
use crate::desk::{claim, conversation, watch, write};
use crate::hub::{Hub, program};
use dibs_client::Client;
use dibs_protocol::refusal::Code;
use dibs_tests::cut::Line;
use dibs_tests::postgres::Postgres;
use dibs_tests::process::until;
use dibs_tests::redis::Redis;
use std::process::Command;
use std::time::{Duration, Instant};
use tokio::task::block_in_place;

/// What cannot be stored is answered within this time, also where the database says nothing.
const IN_THE_END: Duration = Duration::from_secs(12);

/// A primary and its standby, each in a place of its own.
struct Pair {
    primary: Postgres,
    standby: Postgres,
    /// Over which the standby receives what the primary writes.
    stream: Line,
    database: String,
    redis: Redis,
}

impl Pair {
    fn new() -> Self {
        let primary = Postgres::start();
        let database = primary.database();
        let stream = Line::to(primary.port());
        Self {
            standby: Postgres::standby_of(stream.port()),
            primary,
            stream,
            database,
            redis: Redis::start(&[]),
        }
    }

    /// An instance that was told of both servers.
    fn hub(&self) -> Hub {
        let (one, other) = (self.primary.port(), self.standby.port());
        self.hub_at(&format!(
            "postgres://dibs@127.0.0.1:{one},127.0.0.1:{other}/{}",
            self.database
        ))
    }

    fn hub_at(&self, url: &str) -> Hub {
        // A lease lapses while the database says nothing: the grace is longer than that takes.
        let redis = self.redis.url();
        Hub::start(&["--postgres", url, "--redis", &redis, "--claim-grace", "20s"])
    }

    /// The log as the server that lives has it, every event, state, key and timer.
    fn is_whole(&self) {
        let url = self.standby.url(&self.database, self.standby.port());
        let data = tempfile::tempdir().unwrap();
        let mut command = Command::new(program());
        let checked = command
            .args(["verify", "--postgres", &url, "--data"])
            .arg(data.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&checked.stderr).into_owned();
        assert!(
            checked.status.success(),
            "{said}{}",
            String::from_utf8_lossy(&checked.stdout)
        );
    }
}

/// Waits until an instance's `/readyz` says, or does not say, that no standby is synchronous.
async fn says_it_is_alone(hub: &Hub, alone: bool) {
    let asked = async {
        loop {
            let text = reqwest::get(format!("{}/readyz", hub.base()))
                .await
                .unwrap()
                .text()
                .await
                .unwrap();
            if text.contains("no synchronous standby") == alone && text.contains("log: ok") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let said = tokio::time::timeout(THROUGH, asked).await;
    said.unwrap_or_else(|_| panic!("it does not say that it is alone: {alone}"));
}

async fn is_unavailable(agent: &Client, c: dibs_protocol::ids::ConversationId, within: Duration) {
    let asked = Instant::now();
    let refusal = agent.refused(cmd!("claim", "conversation": c)).await.unwrap();
    assert_eq!(refusal.code, Code::Unavailable);
    assert!(asked.elapsed() < within, "{:?}", asked.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_synchronous_standby_has_all_that_was_acknowledged_and_instances_find_it() {
    let pair = block_in_place(Pair::new);
    block_in_place(|| pair.primary.needs_a_standby());
    // One knows both servers; for the other one, an address moves.
    let address = Line::to(pair.primary.port());
    let here = pair.hub();
    let there = pair.hub_at(&pair.primary.url(&pair.database, address.port()));
    says_it_is_alone(&here, false).await;
    let c = conversation(&here, "untouched").await;
    let sam = there.agent("sam").await;
    let workers = crew(6, &[&here, &there]).await;
    let (workers, ()) = through(workers, async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        block_in_place(|| pair.primary.kill());
        is_unavailable(&sam, c, IN_THE_END).await;
        block_in_place(|| pair.standby.promote());
        address.lead_to(pair.standby.port());
        tokio::time::sleep(Duration::from_secs(2)).await;
    })
    .await;
    assert!(workers.iter().all(|it| it.unavailable > 0), "they were told");
    assert!(
        workers.iter().all(|it| it.cuts + it.anew == 0),
        "and stay where they are"
    );
    all_is_right(workers, &there).await;
    claim(&sam, c).await;
    for hub in [&here, &there] {
        says_it_is_alone(hub, true).await;
    }
    block_in_place(|| pair.is_whole());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_says_nothing_any_more_is_left_for_the_one_that_takes_writes() {
    let pair = block_in_place(Pair::new);
    block_in_place(|| pair.primary.needs_a_standby());
    let (here, there) = (pair.hub(), pair.hub());
    let workers = crew(4, &[&here, &there]).await;
    let (workers, ()) = through(workers, async {
        block_in_place(|| {
            pair.primary.freeze();
            pair.standby.promote();
        });
        // It is noticed by the deadline of what was asked of it.
        tokio::time::sleep(IN_THE_END).await;
    })
    .await;
    block_in_place(|| pair.primary.kill());
    assert!(
        workers
            .iter()
            .all(|it| it.unavailable > 0 && it.cuts + it.anew == 0)
    );
    all_is_right(workers, &here).await;
    block_in_place(|| pair.is_whole());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_synchronous_standby_a_primary_acknowledges_nothing() {
    let pair = block_in_place(Pair::new);
    block_in_place(|| pair.primary.needs_a_standby());
    let hub = pair.hub();
    let c = conversation(&hub, "c").await;
    let mut priya = super::worker::Worker::new("priya", c, &[&hub]).await;
    priya.reply().await;
    let sam = hub.agent("sam").await;
    let other = conversation(&hub, "other").await;
    block_in_place(|| pair.standby.kill());
    is_unavailable(&sam, other, IN_THE_END).await;
    block_in_place(|| pair.standby.start_again());
    priya.reply().await;
    all_is_right(vec![priya], &hub).await;
    let now = async {
        while sam.call(cmd!("claim", "conversation": other)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(THROUGH, now)
        .await
        .expect("the claim is not granted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failover_that_lost_something_everybody_starts_anew_from_what_is_true() {
    let pair = block_in_place(Pair::new);
    let (here, there) = (pair.hub(), pair.hub());
    says_it_is_alone(&here, true).await;
    let c = conversation(&here, "c").await;
    let (priya, sam) = (here.agent("priya").await, there.agent("sam").await);
    watch(&priya, c).await;
    watch(&sam, c).await;
    let epoch = priya.welcome().epoch.clone();
    block_in_place(|| {
        let stored = "SELECT coalesce(max(seq), 0) FROM dibs.events";
        let last = pair.primary.sql(&pair.database, stored);
        until("the standby does not follow", || {
            pair.standby.sql(&pair.database, stored) == last
        });
    });
    pair.stream.cut();
    let lost = write(&here.channel(), "lost", "c", "This will be forgotten.")
        .await
        .seq;
    for agent in [&priya, &sam] {
        told(agent, c, lost).await;
    }
    claim(&priya, c).await;
    block_in_place(|| {
        pair.primary.kill();
        pair.standby.promote();
    });
    let members = vec![(priya, "priya", &here), (sam, "sam", &there)];
    let now = everybody_starts_anew(members, c, lost).await;
    assert_ne!(now, epoch);
    let again = write(&there.channel(), "lost", "c", "This will be forgotten.").await;
    assert!(!again.opened);
    block_in_place(|| pair.is_whole());
}

#[test]
fn a_url_that_names_standbys_only_is_refused_and_says_why() {
    let site = Site::of_its_own();
    let standby = Postgres::standby_of(site.postgres().port());
    let url = standby.url(site.database(), standby.port());
    let data = tempfile::tempdir().unwrap();
    let mut command = Command::new(program());
    let asked = command
        .args(["verify", "--postgres", &url, "--data"])
        .arg(data.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&asked.stderr).into_owned();
    assert!(
        !asked.status.success() && said.contains("does not allow writes"),
        "{said}"
    );
}
