//! Transfers: a holder offers the conversation, and keeps it until somebody accepts.

use crate::claims::{actor, held, superseded};
use crate::context::{Agent, Context};
use crate::conversation::Conversation;
use crate::decision::{Answer, Decision};
use crate::routing::is_routed_offer;
use dibs_protocol::command::{AnswerTransfer, CancelTransfer, Transfer};
use dibs_protocol::event::{Event, TransferTo};
use dibs_protocol::ids::{AgentId, TeamId};
use dibs_protocol::refusal::Refusal;
use dibs_protocol::summary::Offer;
use dibs_protocol::terms::{DeclineReason, GrantVia, ReleaseVia};

/// Whether the offer is made to this agent, by name or by team. Nobody is offered what they offer themselves.
#[must_use]
pub fn offered_to(offer: &Offer, agent: &AgentId, teams: &[TeamId]) -> bool {
    offer.from != *agent
        && match &offer.to {
            TransferTo::Agent(to) => to == agent,
            TransferTo::Team(to) => teams.contains(to),
        }
}

/// Offers the conversation. A standing offer is superseded first.
///
/// # Errors
/// In this order: `not_claimed`; `claim_lost`; `invalid` (`to`) when offered to oneself; `not_found` when the agent or
/// team is not known.
pub(crate) fn transfer(
    state: &Conversation,
    command: &Transfer,
    me: &Agent,
    ctx: &Context<'_>,
) -> Result<Decision, Refusal> {
    held(state, me, command.token)?;
    match &command.to {
        TransferTo::Agent(to) if *to == me.id => {
            return Err(Refusal::invalid(
                "to",
                "you already hold this conversation: offer it to somebody else",
            ));
        }
        TransferTo::Agent(to) if !ctx.people.knows_agent(to) => return Err(Refusal::not_found("agent")),
        TransferTo::Team(to) if !ctx.people.knows_team(to) => return Err(Refusal::not_found("team")),
        TransferTo::Agent(_) | TransferTo::Team(_) => {}
    }
    let expires_at = ctx.now.plus_ms(ctx.settings.offer_ttl_ms);
    let offered = Event::TransferOffered {
        from: me.id.clone(),
        to: command.to.clone(),
        note: command.note.clone(),
        expires_at,
    };
    let events = superseded(state)
        .into_iter()
        .chain([offered])
        .map(|event| (actor(me), event))
        .collect();
    Ok(Decision::with(Answer::Offered { expires_at }, events))
}

/// Withdraws the standing offer. Without one nothing changes, and the answer's `seq` is the version.
///
/// # Errors
/// `not_claimed`; `claim_lost`.
pub(crate) fn cancel(
    state: &Conversation,
    command: &CancelTransfer,
    me: &Agent,
) -> Result<Decision, Refusal> {
    held(state, me, command.token)?;
    let Some(offer) = &state.offer else {
        return Ok(Decision {
            known_seq: Some(state.version),
            ..Decision::nothing(Answer::Done)
        });
    };
    let withdrawn = declined(offer, DeclineReason::Withdrawn, None);
    Ok(Decision::with(Answer::Done, vec![(actor(me), withdrawn)]))
}

/// Accepts or declines an offer. Accepting ends the offerer's claim and grants a new one in one commit.
///
/// One member's no is not a team's: while another known member is left who may accept, it changes nothing.
///
/// # Errors
/// In this order: `conflict` when no offer stands (any more); `forbidden` when it is not made to the sender.
pub(crate) fn answer(
    state: &Conversation,
    command: &AnswerTransfer,
    me: &Agent,
    ctx: &Context<'_>,
) -> Result<Decision, Refusal> {
    let standing = state.offer.as_ref().filter(|offer| offer.expires_at > ctx.now);
    let Some(offer) = standing else {
        return Err(Refusal::conflict(
            "No transfer of this conversation is offered any more.",
            state.summary(),
        ));
    };
    if !offered_to(offer, &me.id, &me.teams) {
        return Err(Refusal::forbidden("This transfer is not offered to you."));
    }
    if command.accept {
        return Ok(accept(state, offer, me));
    }
    if others_left(offer, me, ctx) {
        return Ok(Decision::nothing(Answer::Done));
    }
    let declined = declined(offer, DeclineReason::Declined, command.note.clone());
    Ok(Decision::with(Answer::Done, vec![(actor(me), declined)]))
}

fn accept(state: &Conversation, offer: &Offer, me: &Agent) -> Decision {
    let released = state.claim.as_ref().map(|claim| Event::ClaimReleased {
        agent: claim.agent.clone(),
        token: claim.token,
        via: ReleaseVia::Transfer,
    });
    let routed = is_routed_offer(state);
    let granted = Event::ClaimGranted {
        agent: me.id.clone(),
        token: 0,
        via: if routed {
            GrantVia::Routed
        } else {
            GrantVia::Transfer
        },
        from: Some(offer.from.clone()).filter(|_| !routed),
        reason: offer.note.clone().filter(|_| routed),
    };
    let events = released
        .into_iter()
        .chain([granted])
        .map(|event| (actor(me), event))
        .collect();
    Decision::with(Answer::Accepted, events)
}

fn others_left(offer: &Offer, me: &Agent, ctx: &Context<'_>) -> bool {
    match &offer.to {
        TransferTo::Agent(_) => false,
        TransferTo::Team(team) => ctx
            .people
            .members(team)
            .iter()
            .any(|it| *it != me.id && *it != offer.from),
    }
}

/// The end of an offer without a transfer.
pub(crate) fn declined(offer: &Offer, reason: DeclineReason, note: Option<String>) -> Event {
    Event::TransferDeclined {
        from: offer.from.clone(),
        to: offer.to.clone(),
        reason,
        note,
    }
}
