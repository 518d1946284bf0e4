//! What the bus over Redis promises when something breaks: real servers are killed, stopped, failed over and resharded.
//!
//! Deliberately absent: sleeping until something should have happened. Each test waits for what it expects.

mod access;
mod cluster;
mod fake;
mod faults;
mod sentinel;
mod servers;
mod speed;

use super::{Options, RedisBus};
use crate::bus::conformance::{Buses, hear, promises};
use crate::bus::{Bus, Heard};
use servers::Server;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, sleep, timeout};

/// The key that the instances of a test share.
const KEY: [u8; 32] = [7; 32];
/// Between two probes of a test's bus, and what Redis has for an answer. On a busy machine, less would fail at random.
const PROBE: Duration = Duration::from_millis(400);
/// Nothing that is waited for takes longer.
const DEADLINE: Duration = Duration::from_secs(40);

fn options(url: &str) -> Options {
    let options = Options::parse(&[url]).unwrap();
    options.with_intervals(PROBE, Duration::from_millis(500))
}

fn open(url: &str) -> Arc<RedisBus> {
    Arc::new(RedisBus::open(options(url), &KEY))
}

/// Waits until something holds.
async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let waiting = async {
        while !holds().await {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(DEADLINE, waiting).await.expect(what);
}

async fn connected(bus: &RedisBus) {
    until("the bus has trouble", || async { bus.trouble().is_none() }).await;
}

/// Waits for trouble, and returns it.
async fn in_trouble(bus: &RedisBus) -> String {
    until("the bus has no trouble", || async { bus.trouble().is_some() }).await;
    bus.trouble().unwrap_or_default()
}

/// Hears a doubt, whatever comes before it.
async fn doubts(receiver: &mut Receiver<Heard>) {
    while hear(receiver).await != Heard::Doubt {}
}

/// Two instances over one server.
async fn one_server() -> Buses {
    let server = Server::start(&[]).await;
    let (here, there) = (open(&server.url()), open(&server.url()));
    connected(&here).await;
    connected(&there).await;
    Buses {
        here,
        there,
        announced: true,
        behind: Box::new(server),
    }
}

promises!(one_server);
