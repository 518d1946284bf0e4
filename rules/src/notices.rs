//! Whom the facts of one commit concern in person, and what they are told. How it reaches their sessions is not known here.

use crate::conversation::Conversation;
use crate::fact::Fact;
use dibs_protocol::event::{Event, TransferTo};
use dibs_protocol::ids::{AgentId, TeamId};
use dibs_protocol::summary::Offer;
use dibs_protocol::terms::{DeclineReason, GrantVia, ReleaseVia};

/// Who is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// One agent, on every session of theirs.
    Agent(AgentId),
    /// Every agent of a team.
    Team(TeamId),
}

/// What they are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Push {
    /// Their claim is no more, and they did not end it themselves.
    ClaimLost {
        /// Its token.
        token: u64,
        /// Who ended it; `None`: time did.
        by: Option<AgentId>,
        /// Why: the words of who took over, or how it ended.
        reason: String,
    },
    /// They hold the conversation.
    ClaimGained {
        /// The token.
        token: u64,
        /// How they came to it.
        via: GrantVia,
        /// From whom.
        from: Option<AgentId>,
    },
    /// A transfer is offered to them.
    Offer(Offer),
    /// An offer to them, or by them, is over.
    OfferGone {
        /// How it ended.
        reason: String,
    },
}

/// The pushes that follow from the facts of one commit of a conversation, in the order of the facts. `before` is the
/// state before the first of them.
///
/// A maker is told of the end of an offer that others brought about: accepted, declined or expired. An agent may be
/// addressed both by name and as one of a team: once is enough.
#[must_use]
pub fn notices(before: Option<&Conversation>, facts: &[Fact<'_>]) -> Vec<(Audience, Push)> {
    let mut pushes = Vec::new();
    for (i, fact) in facts.iter().enumerate() {
        let rest = facts.get(i + 1..).unwrap_or_default();
        match fact.event {
            Event::ClaimGranted { agent, via, from, .. } => {
                let declined = |it: &Fact<'_>| matches!(it.event, Event::TransferDeclined { .. });
                let offer = before.and_then(|it| it.offer.as_ref());
                if let Some(offer) = offer.filter(|_| !facts[..i].iter().any(declined)) {
                    over(
                        &mut pushes,
                        &offer.from,
                        &offer.to,
                        "accepted",
                        *via == GrantVia::Transfer,
                    );
                }
                let gained = Push::ClaimGained {
                    token: fact.seq,
                    via: *via,
                    from: from.clone(),
                };
                pushes.push((Audience::Agent(agent.clone()), gained));
            }
            Event::ClaimReleased { agent, token, via } => {
                let (by, reason) = released_by(fact, *via, rest);
                if by.as_ref() != Some(agent) {
                    pushes.push((
                        Audience::Agent(agent.clone()),
                        Push::ClaimLost {
                            token: *token,
                            by,
                            reason,
                        },
                    ));
                }
            }
            Event::ClaimExpired { agent, token, reason } => {
                let lost = Push::ClaimLost {
                    token: *token,
                    by: None,
                    reason: reason.to_string(),
                };
                pushes.push((Audience::Agent(agent.clone()), lost));
            }
            Event::TransferOffered {
                from,
                to,
                note,
                expires_at,
            } => {
                let (from, note) = (from.clone(), note.clone());
                let offer = Offer {
                    from,
                    to: to.clone(),
                    note,
                    expires_at: *expires_at,
                };
                pushes.push((audience(to), Push::Offer(offer)));
            }
            Event::TransferDeclined { from, to, reason, .. } => {
                let maker_too = matches!(reason, DeclineReason::Declined | DeclineReason::Expired);
                over(&mut pushes, from, to, reason.as_str(), maker_too);
            }
            _ => {}
        }
    }
    pushes
}

/// Who ended a claim, and why. The words of a take-over stand in the grant that follows.
fn released_by(fact: &Fact<'_>, via: ReleaseVia, rest: &[Fact<'_>]) -> (Option<AgentId>, String) {
    let granted = rest.iter().find_map(|it| match it.event {
        Event::ClaimGranted { agent, reason, .. } => Some((agent, reason)),
        _ => None,
    });
    let words = granted.and_then(|(_, reason)| reason.clone());
    let by = match via {
        ReleaseVia::TakeOver | ReleaseVia::Transfer => granted.map(|(agent, _)| agent),
        ReleaseVia::Release
        | ReleaseVia::Resolved
        | ReleaseVia::Snoozed
        | ReleaseVia::Merged
        | ReleaseVia::Escalated => None,
    };
    let by = by.or_else(|| fact.actor.agent()).cloned();
    let reason = words
        .filter(|_| via == ReleaseVia::TakeOver)
        .unwrap_or_else(|| via.to_string());
    (by, reason)
}

fn over(pushes: &mut Vec<(Audience, Push)>, from: &AgentId, to: &TransferTo, reason: &str, maker_too: bool) {
    let gone = Push::OfferGone {
        reason: reason.to_owned(),
    };
    pushes.push((audience(to), gone.clone()));
    if maker_too {
        pushes.push((Audience::Agent(from.clone()), gone));
    }
}

fn audience(to: &TransferTo) -> Audience {
    match to {
        TransferTo::Agent(agent) => Audience::Agent(agent.clone()),
        TransferTo::Team(team) => Audience::Team(team.clone()),
    }
}
