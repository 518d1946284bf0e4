//! Which connection carries which workspace: slots of the Cluster; one server has all of them.
//!
//! Deliberately absent: asking anybody (`resolve`), connecting (`link`).

use super::link::Link;
use super::options::Node;
use std::sync::Arc;

/// Slots of a Redis Cluster.
pub(super) const SLOTS: u16 = 16_384;
/// How many names are tried for one that lies in a node's slots: with a single slot, 1 of 16,384 does.
const NAMES_TRIED: u32 = 1_000_000;

/// Who serves what: first slot, last slot, node. A slot that nobody serves is in no range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Topology(pub(super) Vec<(u16, u16, Node)>);

impl Topology {
    /// One node serves everything.
    pub(super) fn single(node: Node) -> Self {
        Self(vec![(0, SLOTS - 1, node)])
    }

    /// The nodes, each once.
    pub(super) fn nodes(&self) -> Vec<Node> {
        let mut nodes: Vec<Node> = self.0.iter().map(|(_, _, node)| node.clone()).collect();
        nodes.sort();
        nodes.dedup();
        nodes
    }
}

/// The connections, and what goes over each: first slot, last slot, connection, in the order of slots.
#[derive(Default)]
pub(super) struct Routes(pub(super) Vec<(u16, u16, Arc<Link>)>);

impl Routes {
    /// The connection that carries a channel.
    pub(super) fn link(&self, channel: &str) -> Option<&Arc<Link>> {
        let slot = slot(channel);
        let after = self.0.partition_point(|(first, ..)| *first <= slot);
        let (_, last, link) = self.0.get(after.checked_sub(1)?)?;
        (slot <= *last).then_some(link)
    }

    /// Whether `link` carries the channel.
    pub(super) fn is_over(&self, channel: &str, link: &Arc<Link>) -> bool {
        self.link(channel).is_some_and(|it| Arc::ptr_eq(it, link))
    }

    /// The first of the numbered channels `name:0`, `name:1`, … that `link` carries.
    pub(super) fn numbered(&self, name: &str, link: &Arc<Link>) -> Option<String> {
        let mut names = (0..NAMES_TRIED).map(|number| format!("{name}:{number}"));
        names.find(|channel| self.is_over(channel, link))
    }
}

/// The slot of a channel: CRC-16/XMODEM modulo 16,384, as the Cluster's specification has it. Names have no braces here.
fn slot(channel: &str) -> u16 {
    let crc = channel.bytes().fold(0_u16, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(byte) << 8), |crc, _| {
            (crc << 1) ^ if crc & 0x8000 == 0 { 0 } else { 0x1021 }
        })
    });
    crc % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        // The specification's own example, and what `CLUSTER KEYSLOT` answers.
        assert_eq!(slot("123456789"), 0x31C3);
        assert_eq!(slot("foo"), 12_182);
        assert_eq!(slot("dibs:w:acme"), slot_of_the_server("dibs:w:acme"));
    }

    /// The checksum once more, by polynomial division of the whole text.
    fn slot_of_the_server(text: &str) -> u16 {
        let mut bits: Vec<bool> = text
            .bytes()
            .flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1 == 1))
            .collect();
        let length = bits.len();
        bits.extend([false; 16]);
        for at in 0..length {
            if bits[at] {
                for (offset, bit) in format!("{:017b}", 0x11021).chars().enumerate() {
                    bits[at + offset] ^= bit == '1';
                }
            }
        }
        let rest = bits[length..]
            .iter()
            .fold(0, |sum, bit| sum * 2 + u16::from(*bit));
        rest % SLOTS
    }

    fn node(port: u16) -> Node {
        let host = "a".to_owned();
        Node { host, port }
    }

    #[test]
    fn each_channel_has_one_connection_and_each_connection_a_channel_for_its_probe() {
        let links = [Arc::new(Link::new(node(1))), Arc::new(Link::new(node(2)))];
        let routes = Routes(vec![
            (0, 12_181, links[0].clone()),
            (12_182, 12_182, links[1].clone()),
        ]);
        assert!(routes.is_over("foo", &links[1]));
        for link in &links {
            let channel = routes.numbered("dibs:probe:x", link).unwrap();
            assert!(routes.is_over(&channel, link), "{channel}");
        }
        // Nobody serves the slot of this one.
        assert!(routes.link("123456789").is_none());
    }
}
