//! Claims: who holds a conversation, and how one comes to hold it or lets go. Transfers have a file of their own.

use crate::context::Agent;
use crate::conversation::{Conversation, Held};
use crate::decision::{Answer, Decision};
use crate::transfers::offered_to;
use dibs_protocol::command::{Release, TakeOver};
use dibs_protocol::event::{Actor, Event};
use dibs_protocol::refusal::Refusal;
use dibs_protocol::terms::{AgentKind, DeclineReason, GrantVia, ReleaseVia};

/// The agent as an actor.
pub(crate) fn actor(me: &Agent) -> Actor {
    match me.kind {
        AgentKind::Human => Actor::Agent { id: me.id.clone() },
        AgentKind::Bot => Actor::Bot { id: me.id.clone() },
    }
}

/// The claim, if `me` holds it with this token.
///
/// # Errors
/// `not_claimed` when nobody holds the conversation; `claim_lost` when somebody else does, or with another token.
pub(crate) fn held<'a>(state: &'a Conversation, me: &Agent, token: u64) -> Result<&'a Held, Refusal> {
    let claim = state.claim.as_ref().ok_or_else(Refusal::not_claimed)?;
    if claim.agent == me.id && claim.token == token {
        return Ok(claim);
    }
    Err(Refusal::claim_lost(Some(&claim.agent)))
}

/// The event by which a standing offer ends because its claim does or another offer replaces it, if one stands.
pub(crate) fn superseded(state: &Conversation) -> Option<Event> {
    state.offer.as_ref().map(|offer| Event::TransferDeclined {
        from: offer.from.clone(),
        to: offer.to.clone(),
        reason: DeclineReason::Superseded,
        note: None,
    })
}

/// The events by which whoever holds the conversation lets go: the end of a standing offer, then of the claim.
pub(crate) fn let_go(state: &Conversation, via: ReleaseVia, by: &Actor) -> Vec<(Actor, Event)> {
    let released = state.claim.as_ref().map(|claim| Event::ClaimReleased {
        agent: claim.agent.clone(),
        token: claim.token,
        via,
    });
    superseded(state)
        .into_iter()
        .chain(released)
        .map(|event| (by.clone(), event))
        .collect()
}

/// Calls dibs. What one already holds is answered with the same token and no event.
///
/// # Errors
/// `conflict` when closed; `already_claimed` when somebody else holds it.
pub(crate) fn claim(state: &Conversation, me: &Agent) -> Result<Decision, Refusal> {
    refuse_closed(state)?;
    match &state.claim {
        Some(claim) if claim.agent == me.id => {
            Ok(Decision::nothing(Answer::AlreadyHeld { token: claim.token }))
        }
        Some(claim) => Err(Refusal::already_claimed(&claim.agent, claim.since)),
        None => {
            let via = GrantVia::Claim;
            let granted = Event::ClaimGranted {
                agent: me.id.clone(),
                token: 0,
                via,
                from: None,
                reason: None,
            };
            // What routing offers to somebody else is over; what it offers to the sender they have taken.
            let over = superseded(state).filter(|_| !offered_to_me(state, me));
            let events = over.into_iter().chain([granted]);
            let events = events.map(|event| (actor(me), event)).collect();
            Ok(Decision::with(Answer::Claimed, events))
        }
    }
}

fn offered_to_me(state: &Conversation, me: &Agent) -> bool {
    let offer = state.offer.as_ref();
    offer.is_some_and(|offer| offered_to(offer, &me.id, &me.teams))
}

/// Lets go.
///
/// # Errors
/// `not_claimed`; `claim_lost`.
pub(crate) fn release(state: &Conversation, command: &Release, me: &Agent) -> Result<Decision, Refusal> {
    held(state, me, command.token)?;
    Ok(Decision::with(
        Answer::Done,
        let_go(state, ReleaseVia::Release, &actor(me)),
    ))
}

/// Lets go of whatever the sender holds here.
///
/// # Errors
/// `not_claimed`; `claim_lost` when somebody else holds it.
pub(crate) fn release_held(state: &Conversation, me: &Agent) -> Result<Decision, Refusal> {
    let claim = state.claim.as_ref().ok_or_else(Refusal::not_claimed)?;
    held(state, me, claim.token)?;
    Ok(Decision::with(
        Answer::Done,
        let_go(state, ReleaseVia::Release, &actor(me)),
    ))
}

/// Takes the conversation from its holder, or claims a free one with a reason. What one already holds is answered
/// with the same token and no event. Whether the sender may take over at all is a matter of permissions.
///
/// # Errors
/// `conflict` when closed.
pub(crate) fn take_over(state: &Conversation, command: &TakeOver, me: &Agent) -> Result<Decision, Refusal> {
    refuse_closed(state)?;
    let from = state.holder().cloned();
    if let Some(claim) = state.claim.as_ref().filter(|claim| claim.agent == me.id) {
        return Ok(Decision::nothing(Answer::AlreadyHeld { token: claim.token }));
    }
    let by = actor(me);
    let mut events = let_go(state, ReleaseVia::TakeOver, &by);
    let reason = Some(command.reason.clone()).filter(|reason| !reason.is_empty());
    let granted = Event::ClaimGranted {
        agent: me.id.clone(),
        token: 0,
        via: GrantVia::TakeOver,
        from,
        reason,
    };
    events.push((by, granted));
    Ok(Decision::with(Answer::Claimed, events))
}

fn refuse_closed(state: &Conversation) -> Result<(), Refusal> {
    if state.is_closed() {
        return Err(Refusal::conflict(
            "This conversation is closed: open it again first.",
            state.summary(),
        ));
    }
    Ok(())
}
