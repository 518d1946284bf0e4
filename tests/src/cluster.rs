//! A Redis Cluster: three primaries, each with a replica. Primaries can die, and slots can move.

use crate::process::until;
use crate::redis::{Redis, cli};
use std::process::Command;

/// Six servers. Dropping them ends them.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Redis>,
}

impl Cluster {
    /// Starts it, and waits until every node serves.
    ///
    /// # Panics
    /// When it does not come together.
    #[must_use]
    pub fn start() -> Self {
        let nodes: Vec<Redis> = (0..6)
            .map(|_| {
                let port = crate::process::free_port().to_string();
                Redis::start(&[
                    "--cluster-enabled",
                    "yes",
                    "--cluster-node-timeout",
                    "1500",
                    "--cluster-require-full-coverage",
                    "no",
                    "--cluster-port",
                    &port,
                ])
            })
            .collect();
        let hosts = nodes.iter().map(|it| format!("127.0.0.1:{}", it.port()));
        let made = Command::new("redis-cli")
            .args(["--cluster", "create"])
            .args(hosts)
            .args(["--cluster-replicas", "1", "--cluster-yes"])
            .output()
            .expect("redis-cli is missing: install Debian's package redis-tools");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));
        let it = Self { nodes };
        it.settles();
        it
    }

    /// Waits until all nodes know of three primaries with all slots and a replica each that follows.
    pub fn settles(&self) {
        for node in &self.nodes {
            until("the cluster does not come together", || {
                let info = cli(node.port(), &["CLUSTER", "INFO"], None).unwrap_or_default();
                let nodes = cli(node.port(), &["CLUSTER", "NODES"], None).unwrap_or_default();
                let replicas = nodes.lines().filter(|it| it.contains("slave")).count();
                let whole = info.contains("cluster_state:ok") && info.contains("cluster_slots_ok:16384");
                whole && replicas == 3 && !nodes.contains("fail") && !nodes.contains("disconnected")
            });
            until("a replica does not follow", || {
                let info = node.ask(&["INFO", "replication"]);
                info.contains("state=online") || info.contains("master_link_status:up")
            });
        }
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        let hosts: Vec<String> = self
            .nodes
            .iter()
            .map(|it| format!("127.0.0.1:{}", it.port()))
            .collect();
        format!("redis+cluster://{}", hosts.join(","))
    }

    /// The slot of a channel.
    ///
    /// # Panics
    /// When no node says so.
    #[must_use]
    pub fn slot(&self, channel: &str) -> u16 {
        let any = self
            .nodes
            .iter()
            .find_map(|it| cli(it.port(), &["CLUSTER", "KEYSLOT", channel], None).ok());
        any.unwrap().parse().unwrap()
    }

    /// The place of the primary that serves a slot.
    ///
    /// # Panics
    /// When none does.
    #[must_use]
    pub fn serving(&self, slot: u16) -> usize {
        let place = self.nodes.iter().position(|node| {
            let nodes = cli(node.port(), &["CLUSTER", "NODES"], None).unwrap_or_default();
            let myself = nodes
                .lines()
                .find(|it| it.contains("myself,master"))
                .unwrap_or_default();
            let slots = myself.split(' ').skip(8).filter(|it| !it.starts_with('['));
            slots
                .filter_map(range)
                .any(|(first, last)| (first..=last).contains(&slot))
        });
        place.expect("a node serves each slot")
    }

    /// Kills a node, and waits until another one serves its slot.
    pub fn fail_over(&mut self, slot: u16) -> usize {
        let dead = self.serving(slot);
        self.nodes[dead].kill();
        let others: Vec<u16> = self
            .nodes
            .iter()
            .map(Redis::port)
            .filter(|it| *it != self.nodes[dead].port())
            .collect();
        until("no replica takes the slots over", || {
            others.iter().all(|port| {
                let info = cli(*port, &["CLUSTER", "INFO"], None).unwrap_or_default();
                info.contains("cluster_state:ok") && info.contains("cluster_slots_ok:16384")
            })
        });
        dead
    }

    /// Starts a node that was killed again, and waits until all is as it was.
    pub fn start_again(&mut self, place: usize) {
        self.nodes[place].start_again();
        self.settles();
    }

    /// Moves a slot in place to another primary, as resharding does, while everything runs.
    pub fn migrate(&self, slot: u16) {
        let from = self.serving(slot);
        let (mut next, mut to) = (slot, from);
        while to == from {
            next = (next + 5_461) % 16_384;
            to = self.serving(next);
        }
        let id = |place: usize| self.nodes[place].ask(&["CLUSTER", "MYID"]);
        let (source, target, slot) = (id(from), id(to), slot.to_string());
        let steps = [
            (to, ["IMPORTING", &source]),
            (from, ["MIGRATING", &target]),
            (to, ["NODE", &target]),
            (from, ["NODE", &target]),
        ];
        for (place, words) in steps {
            let said = self.nodes[place].ask(&[&["CLUSTER", "SETSLOT", &slot][..], &words].concat());
            assert_eq!(said, "OK");
        }
    }
}

/// A range of slots such as `0-5460` or `7`.
fn range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some((first.parse().ok()?, last.parse().ok()?))
}
