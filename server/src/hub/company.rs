//! Whether a workspace's submissions may expect company: several senders are at work at the same time.
//!
//! One who sends one command after the other would only wait for nothing. Deliberately absent: time, and what is sent.

use crate::maps::Hashing;
use dibs_rules::Sender;
use std::collections::BTreeSet;
use std::hash::BuildHasher;

/// How many of the latest commits are looked at.
const LATEST: usize = 8;
/// So many different senders among them are company.
const SENDERS: usize = 4;

/// Who sent the latest commits.
#[derive(Debug, Default)]
pub(crate) struct Company {
    latest: [u64; LATEST],
    next: usize,
    hashing: Hashing,
}

impl Company {
    /// Somebody sent something.
    pub(crate) fn add(&mut self, sender: &Sender) {
        let id = match sender {
            Sender::Agent(agent) => agent.id.as_str(),
            Sender::Channel { id, .. } => id.as_str(),
            Sender::System => "",
        };
        self.latest[self.next] = self.hashing.hash_one(id);
        self.next = (self.next + 1) % LATEST;
    }

    /// Whether others are likely to come within a moment.
    pub(crate) fn is_expected(&self) -> bool {
        let senders: BTreeSet<_> = self.latest.iter().filter(|it| **it != 0).collect();
        senders.len() >= SENDERS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dibs_protocol::ids::AgentId;

    fn sender(name: &str) -> Sender {
        let id = AgentId::new(name).unwrap();
        Sender::Channel { id, channels: None }
    }

    #[test]
    fn company_is_expected_among_several_and_no_longer_when_one_goes_on_alone() {
        let mut company = Company::default();
        for name in ["a", "b", "a", "c", "b", "c"] {
            company.add(&sender(name));
        }
        assert!(!company.is_expected());
        company.add(&sender("d"));
        assert!(company.is_expected());
        (0..LATEST).for_each(|_| company.add(&sender("a")));
        assert!(!company.is_expected());
    }
}
