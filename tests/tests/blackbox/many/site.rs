//! Where instances stand: a database of their own, and a Redis server.

use crate::desk::{count, events};
use crate::hub::Hub;
use dibs_client::Client;
use dibs_protocol::event::EventEntry;
use dibs_protocol::frame::ServerFrame;
use dibs_protocol::ids::ConversationId;
use dibs_tests::postgres::Postgres;
use dibs_tests::redis::Redis;
use serde_json::json;
use std::time::Duration;

/// How long a fault and what follows from it may take: a lease, a grace, and a busy machine.
pub const THROUGH: Duration = Duration::from_secs(30);

/// A database and a Redis server.
pub struct Site {
    /// The database's server where this site has one of its own.
    own: Option<Postgres>,
    database: String,
    /// Where instances meet.
    pub redis: Redis,
}

impl Site {
    /// A site whose database's server others use as well.
    pub fn new() -> Self {
        Self::over(None)
    }

    /// A site whose database's server may be harmed.
    pub fn of_its_own() -> Self {
        Self::over(Some(Postgres::start()))
    }

    fn over(own: Option<Postgres>) -> Self {
        let database = own.as_ref().unwrap_or_else(|| Postgres::shared()).database();
        Self {
            own,
            database,
            redis: Redis::start(&[]),
        }
    }

    /// The database's server.
    pub fn postgres(&self) -> &Postgres {
        self.own.as_ref().unwrap_or_else(|| Postgres::shared())
    }

    /// The database's name.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// Starts an instance.
    pub fn hub(&self) -> Hub {
        self.hub_at(self.postgres().port(), &self.redis.url(), &[])
    }

    /// Starts an instance that reaches the database by this port and Redis by this URL, with further flags.
    pub fn hub_at(&self, port: u16, redis: &str, flags: &[&str]) -> Hub {
        let url = self.postgres().url(&self.database, port);
        Hub::start(&[&["--postgres", &url, "--redis", redis], flags].concat())
    }

    /// Starts two.
    pub fn two(&self) -> (Hub, Hub) {
        (self.hub(), self.hub())
    }
}

/// All events of a conversation as an instance shows them, once it reaches the database.
pub async fn log(hub: &Hub, c: ConversationId) -> Vec<EventEntry> {
    let http = hub.http(json!({ "sub": "auditor" }));
    let reached = tokio::time::timeout(THROUGH, async {
        while http.events(c, 0, 1).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    reached.await.expect("the log cannot be read");
    events(&http, c).await
}

/// Waits until the log has so many events of a kind in a conversation.
pub async fn stored(hub: &Hub, c: ConversationId, kind: &str, wanted: usize) -> Vec<EventEntry> {
    let all = async {
        loop {
            let all = log(hub, c).await;
            if count(&all, kind) >= wanted {
                return all;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let all = tokio::time::timeout(THROUGH, all).await;
    all.unwrap_or_else(|_| panic!("there are not {wanted} {kind}"))
}

/// Waits until an agent was told of an event, and gives the `seq` of every event of this conversation that came up to it.
pub async fn told(agent: &Client, c: ConversationId, up_to: u64) -> Vec<u64> {
    let mut told = Vec::new();
    while told.last().is_none_or(|it| *it < up_to) {
        let next = agent.wait_within(THROUGH, |push| match push {
            ServerFrame::Event(entry) if entry.conversation == Some(c) => Some(entry.seq),
            _ => None,
        });
        let next = next.await;
        told.push(next.unwrap_or_else(|error| panic!("no event up to {up_to} after {told:?}: {error}")));
    }
    told
}

/// The `seq` of the events above one.
pub fn above(all: &[EventEntry], seq: u64) -> Vec<u64> {
    all.iter().map(|it| it.seq).filter(|it| *it > seq).collect()
}
