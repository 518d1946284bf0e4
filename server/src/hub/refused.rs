//! Tokens that are refused though they have not ended, because an admin sent their bearer away.
//!
//! A token is refused when it was issued (`iat`) no later than its agent was sent away, or when it is listed. Listed are
//! those that were in use then and cannot be told by `iat`: they have none, or one of a clock that runs ahead. So a token
//! without `iat` that nobody used at that moment is not refused: it cannot be told from one that was made afterwards.
//! Deliberately absent: sessions, the log.

use dibs_protocol::event::RefusedToken;
use dibs_protocol::ids::AgentId;
use dibs_protocol::time::Time;
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is remembered of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TokenMark {
    /// A digest that tells it from others.
    pub digest: [u8; 16],
    /// When it was issued, in seconds since the Unix epoch, if it says so.
    pub issued_s: Option<i64>,
}

/// What is refused of one agent, as it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refused {
    /// Tokens that were issued until then.
    pub(crate) before_ms: i64,
    /// Other tokens: digest in hexadecimal, and when they end in seconds since the Unix epoch.
    pub(crate) tokens: BTreeMap<String, i64>,
}

impl Refused {
    /// Whether a token is refused. Seconds are compared, for `iat` has no more: one that was issued within the same
    /// second is refused.
    pub(crate) fn refuses(&self, token: &TokenMark) -> bool {
        let before_s = self.before_ms.div_euclid(1_000);
        token.issued_s.is_some_and(|at| at <= before_s)
            || self.tokens.contains_key(&hex::encode(token.digest))
    }

    /// Adds what a later event says; forgets tokens that have ended at `now_ms` by themselves.
    pub(crate) fn add(&mut self, before: Time, tokens: &[RefusedToken], now_ms: i64) {
        self.before_ms = self.before_ms.max(before.0);
        self.tokens
            .extend(tokens.iter().map(|it| (it.digest.clone(), it.exp)));
        self.tokens.retain(|_, exp| exp.saturating_mul(1_000) > now_ms);
    }
}

impl crate::log::Snapshot for Refused {
    fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// What is refused of everybody in a workspace. Few agents were ever sent away; it is asked at each arrival.
#[derive(Debug, Default)]
pub(crate) struct Refusals(RwLock<BTreeMap<AgentId, Refused>>);

impl Refusals {
    /// Whether a token of this agent is refused.
    pub(crate) fn refuses(&self, agent: &AgentId, token: &TokenMark) -> bool {
        self.0.read().get(agent).is_some_and(|it| it.refuses(token))
    }

    /// What is refused of an agent.
    pub(crate) fn of(&self, agent: &AgentId) -> Refused {
        self.0.read().get(agent).cloned().unwrap_or_default()
    }

    /// Replaces what is refused of an agent.
    pub(crate) fn set(&self, agent: AgentId, refused: Refused) {
        self.0.write().insert(agent, refused);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(digest: u8, issued_s: Option<i64>) -> TokenMark {
        TokenMark {
            digest: [digest; 16],
            issued_s,
        }
    }

    fn listed(digest: u8, exp: i64) -> RefusedToken {
        RefusedToken {
            digest: hex::encode([digest; 16]),
            exp,
        }
    }

    #[test]
    fn what_was_issued_before_is_refused_and_what_comes_after_is_not() {
        let mut refused = Refused::default();
        refused.add(Time(10_900), &[], 10_900);
        let issued = |at| refused.refuses(&token(1, Some(at)));
        assert!(issued(9) && issued(10), "the same second counts as before");
        assert!(!issued(11));
        assert!(!refused.refuses(&token(1, None)), "nobody had it");
    }

    #[test]
    fn listed_tokens_are_refused_whatever_they_say_until_they_end() {
        let mut refused = Refused::default();
        refused.add(Time(10_000), &[listed(1, 100), listed(2, 50)], 10_000);
        assert!(refused.refuses(&token(1, None)) && refused.refuses(&token(2, Some(30))));
        refused.add(Time(9_000), &[listed(3, 100)], 60_000);
        assert_eq!(refused.before_ms, 10_000, "it never goes back");
        assert!(refused.refuses(&token(1, None)) && refused.refuses(&token(3, None)));
        assert_eq!(refused.tokens.len(), 2, "who has ended need not be listed");
    }

    #[test]
    fn others_are_not_concerned() {
        let refusals = Refusals::default();
        let id = |text: &str| AgentId::new(text).unwrap();
        let mut refused = Refused::default();
        refused.add(Time(10_000), &[], 0);
        refusals.set(id("priya"), refused);
        assert!(refusals.refuses(&id("priya"), &token(1, Some(1))));
        assert!(!refusals.refuses(&id("sam"), &token(1, Some(1))));
    }
}
