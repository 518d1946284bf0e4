//! A Cluster of three nodes with sharded channels: workspaces in all of them, a slot that moves, a node that dies.

use super::servers::{Server, free_port};
use super::*;
use crate::bus::conformance::{hears, text, workspace};

/// Three nodes without replicas.
struct Cluster {
    nodes: Vec<Server>,
    bus_ports: Vec<u16>,
}

impl Cluster {
    async fn start() -> Self {
        let (mut nodes, mut bus_ports) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            let port = free_port();
            let cluster = [
                "--cluster-enabled",
                "yes",
                "--cluster-node-timeout",
                "1000",
                "--cluster-require-full-coverage",
                "no",
                "--cluster-port",
                &port.to_string(),
            ];
            nodes.push(Server::start(&cluster).await);
            bus_ports.push(port);
        }
        let cluster = Self { nodes, bus_ports };
        for (node, slots) in cluster.nodes.iter().zip(["0 5460", "5461 10922", "10923 16383"]) {
            let _: String = node.ask(&format!("CLUSTER ADDSLOTSRANGE {slots}")).await;
        }
        for (node, bus_port) in cluster.nodes.iter().zip(&cluster.bus_ports).skip(1) {
            let meet = format!("CLUSTER MEET 127.0.0.1 {} {bus_port}", node.port);
            let _: String = cluster.nodes[0].ask(&meet).await;
        }
        for node in &cluster.nodes {
            cluster.agrees(node).await;
        }
        cluster
    }

    /// Waits until a node knows of all slots.
    async fn agrees(&self, node: &Server) {
        until("the cluster does not come together", || async {
            let info: String = node.ask("CLUSTER INFO").await;
            info.contains("cluster_state:ok") && info.contains("cluster_slots_ok:16384")
        })
        .await;
    }

    fn url(&self) -> String {
        let hosts: Vec<_> = self
            .nodes
            .iter()
            .map(|it| format!("127.0.0.1:{}", it.port))
            .collect();
        format!("redis+cluster://{}", hosts.join(","))
    }

    /// Moves a slot in place, as resharding does.
    async fn migrate(&self, slot: u16, from: usize, to: usize) {
        let mut ids: Vec<String> = Vec::new();
        for node in &self.nodes {
            ids.push(node.ask("CLUSTER MYID").await);
        }
        let steps = [
            (to, format!("CLUSTER SETSLOT {slot} IMPORTING {}", ids[from])),
            (from, format!("CLUSTER SETSLOT {slot} MIGRATING {}", ids[to])),
            (to, format!("CLUSTER SETSLOT {slot} NODE {}", ids[to])),
            (from, format!("CLUSTER SETSLOT {slot} NODE {}", ids[to])),
        ];
        for (node, command) in steps {
            let _: String = self.nodes[node].ask(&command).await;
        }
    }

    /// The slot of a workspace's channel, and the node that serves it at first.
    async fn place(&self, name: &str) -> (u16, usize) {
        let asked = format!("CLUSTER KEYSLOT dibs:w:{name}");
        let slot: u16 = self.nodes[0].ask(&asked).await;
        (slot, usize::from(slot > 5_460) + usize::from(slot > 10_922))
    }
}

/// Publishes until it is heard: which of both ends knows of a change first is chance.
async fn flows(here: &RedisBus, name: &str, heard: &mut Receiver<Heard>) {
    let a = workspace(name);
    let flowing = async {
        loop {
            here.publish(&a, text("again"));
            let deadline = timeout(Duration::from_millis(50), heard.recv());
            if let Ok(Some(Heard::Message(_))) = deadline.await {
                return;
            }
        }
    };
    timeout(DEADLINE, flowing).await.expect("nothing flows");
}

#[tokio::test]
async fn messages_flow_in_every_slot_and_again_after_one_has_moved() {
    let cluster = Cluster::start().await;
    let (here, there) = (open(&cluster.url()), open(&cluster.url()));
    connected(&here).await;
    connected(&there).await;
    let mut used = [0; 3];
    let mut subscribers = Vec::new();
    for name in (0..12).map(|number| format!("w-{number}")) {
        used[cluster.place(&name).await.1] += 1;
        let mut heard = there.subscribe(&workspace(&name));
        doubts(&mut heard).await;
        here.publish(&workspace(&name), text("before"));
        hears(&mut heard, &["before"]).await;
        subscribers.push((name, heard));
    }
    assert!(used.iter().all(|it| *it > 0), "{used:?}");
    // The nodes hold what they serve and nothing else: nothing crosses the cluster.
    for (node, used) in cluster.nodes.iter().zip(used) {
        let channels: Vec<String> = node.ask("PUBSUB SHARDCHANNELS dibs:w:*").await;
        assert_eq!(channels.len(), used);
    }

    let (name, heard) = &mut subscribers[0];
    let (slot, from) = cluster.place(name).await;
    cluster.migrate(slot, from, (from + 1) % 3).await;
    doubts(heard).await;
    flows(&here, name, heard).await;
    for (name, heard) in &mut subscribers {
        flows(&here, name, heard).await;
    }
    connected(&here).await;
    connected(&there).await;
}

#[tokio::test]
async fn a_dead_node_silences_its_own_workspaces_only() {
    let mut cluster = Cluster::start().await;
    let (here, there) = (open(&cluster.url()), open(&cluster.url()));
    let mut names = vec![None; 3];
    for name in (0..12).map(|number| format!("w-{number}")) {
        let (_, node) = cluster.place(&name).await;
        names[node] = Some(name);
    }
    let names: Vec<String> = names.into_iter().map(Option::unwrap).collect();
    let mut dead = there.subscribe(&workspace(&names[0]));
    let mut alive = there.subscribe(&workspace(&names[2]));
    flows(&here, &names[0], &mut dead).await;
    flows(&here, &names[2], &mut alive).await;
    while dead.try_recv().is_ok() || alive.try_recv().is_ok() {}

    cluster.nodes[0].kill();
    in_trouble(&here).await;
    doubts(&mut dead).await;
    here.publish(&workspace(&names[2]), text("we are fine"));
    let other = hear(&mut alive).await;
    // What was still on its way may come first, but no doubt.
    assert!(matches!(other, Heard::Message(_)));
    flows(&here, &names[2], &mut alive).await;
    cluster.nodes[0].restart().await;
    flows(&here, &names[0], &mut dead).await;
    connected(&here).await;
    connected(&there).await;
}
