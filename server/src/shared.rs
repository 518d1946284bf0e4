//! What every socket and every HTTP request uses: the hub, the keys, the configuration, limits by token.

use crate::auth::{Identity, Keys};
use crate::config::Config;
use crate::hub::{Hub, TokenMark};
use dibs_protocol::ids::{AgentId, WorkspaceId};
use dibs_protocol::refusal::Refusal;
use dibs_rules::context::Agent;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, NotUntil, Quota, RateLimiter};
use std::num::NonZeroU32;
use std::sync::Arc;

/// What every session and request uses.
pub struct Shared {
    /// The hub.
    pub hub: Arc<Hub>,
    /// The keys that tokens are verified with.
    pub keys: Arc<Keys>,
    /// The configuration.
    pub config: Config,
    /// How many messages a token may bring in.
    pub ingest_limit: IngestLimit,
}

/// Limits ingested messages by token; tokens of the same subject share.
pub struct IngestLimit(Option<DefaultKeyedRateLimiter<(WorkspaceId, AgentId)>>);

/// Subjects remembered before those without recent messages are forgotten.
const REMEMBERED: usize = 10_000;

impl IngestLimit {
    /// At most so many a second and token, with a burst of the same size.
    #[must_use]
    pub fn new(per_second: Option<NonZeroU32>) -> Self {
        Self(per_second.map(|rate| RateLimiter::keyed(Quota::per_second(rate))))
    }

    /// Takes one message.
    ///
    /// # Errors
    /// `rate_limited` when the token has no more.
    pub fn check(&self, identity: &Identity) -> Result<(), Refusal> {
        let Some(limiter) = &self.0 else { return Ok(()) };
        if limiter.len() > REMEMBERED {
            limiter.retain_recent();
        }
        limiter
            .check_key(&(identity.workspace.clone(), identity.id.clone()))
            .map_err(|until| Refusal::rate_limited(retry_after_ms(&until)))
    }
}

/// After how many milliseconds, rounded up, a limiter lets the next one pass; at least 1.
pub(crate) fn retry_after_ms(until: &NotUntil<<DefaultClock as Clock>::Instant>) -> u64 {
    let wait = until.wait_time_from(DefaultClock::default().now());
    let wait_ms = wait.as_nanos().div_ceil(1_000_000);
    u64::try_from(wait_ms).unwrap_or(u64::MAX).max(1)
}

/// What the hub remembers of a verified token.
pub(crate) fn mark_of(identity: &Identity) -> TokenMark {
    TokenMark {
        digest: identity.token_digest,
        issued_s: identity.issued_s,
    }
}

/// The agent whom a verified token names, as the rules know them.
pub(crate) fn agent_of(identity: Identity) -> Agent {
    let Identity {
        id,
        name,
        kind,
        role,
        teams,
        skills,
        ..
    } = identity;
    Agent {
        id,
        name,
        kind,
        role,
        teams,
        skills,
    }
}
