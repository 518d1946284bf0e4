//! Keeps one connection to each node that serves something, as sentinels or the Cluster say.
//!
//! It asks when a connection fails and now and then: a primary that was cut off still serves those who are cut off with
//! it, and only the others know. Deliberately absent: what goes over a connection (`link`).

use super::Shared;
use super::backoff::Backoff;
use super::counters::add;
use super::link::{self, Link};
use super::options::{Kind, Node};
use super::resolve::resolve;
use super::routes::{Routes, SLOTS, Topology};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};

/// At least so long is between two questions, however many connections fail.
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(100);

/// The connections, and the tasks that keep them. They end with it.
struct Supervisor {
    shared: Arc<Shared>,
    links: BTreeMap<Node, Arc<Link>>,
    keepers: BTreeMap<Node, AbortHandle>,
    tasks: JoinSet<()>,
    topology: Option<Topology>,
}

/// Runs a bus. Never ends by itself.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut supervisor = Supervisor {
        shared,
        links: BTreeMap::new(),
        keepers: BTreeMap::new(),
        tasks: JoinSet::new(),
        topology: None,
    };
    let mut backoff = Backoff::default();
    loop {
        if supervisor.ask().await {
            backoff.reset();
            supervisor.watch().await;
            sleep(BETWEEN_QUESTIONS).await;
        } else {
            backoff.wait().await;
        }
    }
}

impl Supervisor {
    /// Asks who serves what, and acts on it. Returns whether anybody answered.
    async fn ask(&mut self) -> bool {
        let known: Vec<Node> = self.links.keys().cloned().collect();
        let answer = resolve(&self.shared.options, &known).await;
        match answer {
            Ok(topology) => {
                if self.topology.as_ref() != Some(&topology) {
                    self.apply(topology);
                }
                true
            }
            Err(reason) => {
                tracing::debug!(reason, "redis could not be found");
                if self.topology.is_none() {
                    *self.shared.unresolved.lock() = Some(reason);
                }
                false
            }
        }
    }

    /// Waits until it is time to ask again. Meanwhile, forgets who has left.
    async fn watch(&mut self) {
        let options = &self.shared.options;
        let ask_again = Instant::now() + options.check;
        loop {
            tokio::select! {
                () = self.shared.refresh.notified(), if options.kind != Kind::Single => return,
                () = sleep_until(ask_again), if options.kind != Kind::Single => return,
                Some(_) = self.tasks.join_next() => {
                    // One that was aborted is on the list no more. One that ended by itself is a fault of ours: the
                    // node's connection is made again.
                    if self.keepers.values().any(AbortHandle::is_finished) {
                        self.keepers.retain(|_, keeper| !keeper.is_finished());
                        self.topology = None;
                        return;
                    }
                }
                () = sleep(options.probe) => {
                    for workspace in self.shared.local.forget_left() {
                        if let Some(link) = self.shared.link(&workspace) {
                            link.touch(workspace);
                        }
                    }
                }
            }
        }
    }

    fn apply(&mut self, topology: Topology) {
        let nodes = topology.nodes();
        tracing::debug!(?nodes, "redis is served by these");
        self.links.retain(|node, link| {
            let stays = nodes.contains(node);
            if !stays {
                add(&self.shared.counters.dropped, link.outgoing.close());
            }
            stays
        });
        self.keepers.retain(|node, keeper| {
            let stays = nodes.contains(node);
            if !stays {
                keeper.abort();
            }
            stays
        });
        for node in nodes {
            let link = || Arc::new(Link::new(node.clone()));
            self.links.entry(node.clone()).or_insert_with(link);
        }
        *self.shared.unresolved.lock() = missing(&topology);
        let over =
            |(first, last, node): &(u16, u16, Node)| Some((*first, *last, self.links.get(node)?.clone()));
        let routes = Routes(topology.0.iter().filter_map(over).collect());
        *self.shared.routes.write() = Arc::new(routes);
        // Only now, as a connection subscribes to what goes over it.
        for (node, link) in &self.links {
            if self.keepers.contains_key(node) {
                link.touch_all();
            } else {
                let keeper = self.tasks.spawn(link::run(self.shared.clone(), link.clone()));
                self.keepers.insert(node.clone(), keeper);
            }
        }
        self.topology = Some(topology);
    }
}

/// Says how many slots nobody serves, if there are any.
fn missing(topology: &Topology) -> Option<String> {
    let ranges = topology.0.iter();
    let served: usize = ranges.map(|(first, last, _)| usize::from(last - first) + 1).sum();
    let missing = usize::from(SLOTS).saturating_sub(served);
    (missing > 0).then(|| format!("redis: nobody serves {missing} slots of the cluster"))
}
