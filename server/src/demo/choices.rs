//! What simulated agents decide: which conversation to take, and what to do about each refusal. Pure.

use super::stories;
use dibs_protocol::ids::ConversationId;
use dibs_protocol::refusal::{Code, Refusal};
use dibs_protocol::summary::Summary;
use rand::Rng;
use rand::rngs::StdRng;
use std::time::Duration;

/// How many of the longest waiting an agent chooses among: more than one, because people do not all take the first,
/// and few, so that two of them now and then reach for the same.
const CHOICE: usize = 3;
/// How often a reply is sent again before it is given up.
pub(super) const ATTEMPTS: usize = 6;
/// How long to wait where the server does not say.
const A_WHILE: Duration = Duration::from_secs(1);

/// What to do after a refused reply.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum AfterReply {
    /// Read what was missed, and send it again with this `seen`.
    Resend {
        /// The highest `seq` of what was missed.
        seen: u64,
    },
    /// Send the same again after this long.
    Later(Duration),
    /// It is no longer ours.
    Drop,
}

/// What to do after a refused reply whose sender had seen the conversation up to `seen`.
pub(super) fn after_reply(refusal: &Refusal, seen: u64) -> AfterReply {
    match refusal.code {
        Code::Stale => {
            let missed = refusal.details.missed.iter().flatten();
            match missed.map(|entry| entry.seq).max() {
                Some(newest) if newest > seen => AfterReply::Resend { seen: newest },
                _ => AfterReply::Drop,
            }
        }
        Code::RateLimited | Code::Unavailable => AfterReply::Later(pause(refusal)),
        _ => AfterReply::Drop,
    }
}

/// How long the server asks to wait.
pub(super) fn pause(refusal: &Refusal) -> Duration {
    refusal
        .details
        .retry_after_ms
        .map_or(A_WHILE, Duration::from_millis)
}

/// Whether a refusal kept two people from answering the same customer, or one from answering too early.
pub(super) fn is_collision(code: Code) -> bool {
    matches!(code, Code::AlreadyClaimed | Code::ClaimLost | Code::Stale)
}

/// The conversation that an agent reaches for: among the longest waiting that nobody holds and `wanted` accepts, as
/// long as more than `reserve` wait.
pub(super) fn pick<'a>(
    rows: impl Iterator<Item = &'a Summary>,
    reserve: usize,
    wanted: impl Fn(&Summary) -> bool,
    dice: &mut StdRng,
) -> Option<ConversationId> {
    let free = |row: &&Summary| row.unanswered > 0 && row.claim.is_none() && row.offer.is_none();
    let waiting: Vec<&Summary> = rows.filter(free).collect();
    let spare = waiting.len().saturating_sub(reserve);
    let choice: Vec<&Summary> = waiting
        .into_iter()
        .filter(|row| wanted(row))
        .take(spare.min(CHOICE))
        .collect();
    if choice.is_empty() {
        return None;
    }
    Some(choice[dice.random_range(0..choice.len())].id)
}

/// How many conversations are left waiting on purpose, for whoever comes and tries the demo.
pub(super) fn reserve(customers: usize) -> usize {
    (customers / 3).min(4)
}

/// Whether a bot may try: its own matter, at the first message.
pub(super) fn is_for_bots(summary: &Summary) -> bool {
    summary.first_response_at.is_none()
        && stories::of(summary).is_some_and(|story| story.topic == stories::FOR_BOTS)
}

/// What an agent does with a conversation after reading it.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(super) enum Plan {
    /// Answer, and keep it open.
    Answer,
    /// Answer, and wait for the customer.
    AnswerAndWait,
    /// Answer, and be done.
    AnswerAndResolve,
    /// Nothing to say: be done.
    Resolve,
    /// Offer it to a colleague.
    HandOver,
    /// Let go of it.
    Release,
}

/// Decides it.
pub(super) fn plan(summary: &Summary, dice: &mut StdRng) -> Plan {
    if stories::says_thanks(summary) {
        return if dice.random_bool(0.5) {
            Plan::AnswerAndResolve
        } else {
            Plan::Resolve
        };
    }
    match dice.random_range(0..100) {
        0..8 => Plan::HandOver,
        8..12 => Plan::Release,
        12..47 => Plan::AnswerAndWait,
        47..62 => Plan::AnswerAndResolve,
        _ => Plan::Answer,
    }
}

#[cfg(test)]
#[path = "choices_tests.rs"]
mod tests;
