//! Instances over a log in memory, in virtual time, for tests of what outlives an instance.

use super::instances_tests::{acme, hub_of};
use super::outbox::Outbox;
use super::{Hub, Input, Join, Link};
use crate::bus::local::LocalBus;
use crate::log::Log;
use crate::ports::Clock;
use bytes::Bytes;
use dibs_protocol::command::Command;
use dibs_protocol::ids::AgentId;
use dibs_protocol::terms::{AgentKind, Role};
use dibs_rules::Settings;
use dibs_rules::context::Agent;
use dibs_rules::settings::LONGEST_GRACE_MS;
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// A clock that goes with virtual time.
pub(super) struct Virtual(Instant);

impl Virtual {
    pub(super) fn begin() -> Arc<dyn Clock> {
        Arc::new(Self(Instant::now()))
    }
}

impl Clock for Virtual {
    fn now_ms(&self) -> i64 {
        1_795_255_200_000 + i64::try_from(self.0.elapsed().as_millis()).unwrap()
    }
}

/// An instance, until it is dropped, which is what `kill -9` leaves of it.
pub(super) struct Instance {
    pub(super) hub: Arc<Hub>,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Starts an instance that hears nothing of others but what the log says.
pub(super) async fn start(log: &Arc<dyn Log>, clock: &Arc<dyn Clock>, configured_ms: i64) -> Instance {
    let settings = Settings {
        claim_grace_ms: configured_ms,
        ..Settings::default()
    };
    let hub = hub_of(log, &Arc::new(LocalBus::new()), clock, settings);
    log.begin(hub.deps.instance, clock.now_ms(), LONGEST_GRACE_MS)
        .await
        .unwrap();
    let tasks = vec![
        tokio::spawn(hub.clone().run_pulse()),
        tokio::spawn(hub.clone().run_timers()),
    ];
    Instance { hub, tasks }
}

/// Somebody comes to an instance.
pub(super) async fn come(hub: &Arc<Hub>, id: &str, role: Role) -> Arc<Link> {
    let handle = hub.workspace(&acme()).await.unwrap();
    let link = Arc::new(Link::new(Uuid::now_v7(), Outbox::new(1 << 20, 0)));
    let join = Join {
        link: link.clone(),
        agent: Arc::new(agent(id, role)),
        expires_s: i64::MAX >> 12,
        hello: 1,
        resume: None,
        token: crate::hub::TokenMark::default(),
        quiet: false,
    };
    handle.send(Input::Join(Box::new(join))).unwrap();
    while !link.joined() {
        sleep(Duration::from_millis(5)).await;
    }
    link
}

pub(super) fn agent(id: &str, role: Role) -> Agent {
    Agent {
        id: AgentId::new(id).unwrap(),
        name: id.to_owned(),
        kind: AgentKind::Human,
        role,
        teams: Vec::new(),
        skills: Vec::new(),
    }
}

/// Sends a command, as JSON, whose answer nobody waits for.
pub(super) async fn ask(hub: &Arc<Hub>, link: &Arc<Link>, command: Value) {
    let handle = hub.workspace(&acme()).await.unwrap();
    let command = Box::new(serde_json::from_value::<Command>(command).unwrap());
    handle.send(Input::Command(link.clone(), 2, command)).unwrap();
}

/// The frames that have come since the last look.
pub(super) fn frames(link: &Link) -> Vec<Value> {
    let mut taken = VecDeque::new();
    link.outbox.take(&mut taken, usize::MAX);
    let json = |frame: Bytes| {
        let begin = frame.iter().position(|it| *it == b'{')?;
        serde_json::from_slice(&frame[begin..]).ok()
    };
    taken.into_iter().filter_map(json).collect()
}
