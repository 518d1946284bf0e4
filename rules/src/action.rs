//! What may be asked of a conversation: agents' commands, channels' requests, and what time itself asks.

use crate::merge::Merge;
use crate::routing::Route;
use crate::split::Split;
use dibs_protocol::command;
use dibs_protocol::http::{Delivery, Ingest, RatingBody};
use dibs_protocol::ids::AgentId;
use dibs_protocol::terms::RedactReason;

/// Something that may change a conversation.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// An agent begins a conversation and holds it.
    Open(command::Open),
    /// An agent calls dibs.
    Claim(command::Claim),
    /// A holder lets go.
    Release(command::Release),
    /// An agent lets go of whatever they hold here (`bulk` without a token).
    ReleaseHeld,
    /// A holder offers the conversation.
    Transfer(command::Transfer),
    /// A holder withdraws the offer.
    CancelTransfer(command::CancelTransfer),
    /// Somebody accepts or declines an offer.
    AnswerTransfer(command::AnswerTransfer),
    /// Somebody takes the conversation.
    TakeOver(command::TakeOver),
    /// A holder answers the customer.
    Reply(command::Reply),
    /// A holder answers the customer later.
    ScheduleReply(command::ScheduleReply),
    /// Somebody drops the reply that waits.
    CancelScheduled(command::CancelScheduled),
    /// Somebody writes to colleagues.
    Note(command::Note),
    /// Somebody changes the conversation.
    Update(command::Update),
    /// Somebody makes one conversation of several; the action is about the survivor.
    Merge(Box<Merge>),
    /// Somebody makes two conversations of one.
    Split(Box<Split>),
    /// The customer wrote.
    Ingest(Box<Ingest>),
    /// A channel says what became of a message of this conversation.
    Delivery(Delivery),
    /// The customer rates the conversation.
    Rate(RatingBody),
    /// Somebody looks, and changes nothing.
    Look,
    /// The action, if the conversation is still as expected (`bulk` with `expect`).
    Expecting(Box<Action>, command::Expect),
    /// Routing gives it to an agent, or asks them.
    Route(Box<Route>),
    /// A deadline may have passed: snooze, offer, idle claim, promise, escalation, scheduled reply, closing.
    Deadline,
    /// The agent has had no seat for the whole grace period; proved by a guard when committed.
    HolderGone(AgentId),
    /// A closed conversation has been kept for long enough: these are all its entries, as of this version.
    Retain {
        /// Which entries, by `seq`.
        entries: Vec<u64>,
        /// As of which version.
        version: u64,
    },
    /// The content of these entries is to be forgotten, with everything personal in the state.
    Redact {
        /// Which entries, by `seq`.
        entries: Vec<u64>,
        /// Why.
        reason: RedactReason,
    },
}

impl Action {
    /// The action's name in the permission table, which for agents' commands is the wire's.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Open(_) => "open",
            Self::Claim(_) => "claim",
            Self::Release(_) | Self::ReleaseHeld => "release",
            Self::Transfer(_) => "transfer",
            Self::CancelTransfer(_) => "cancel_transfer",
            Self::AnswerTransfer(_) => "answer_transfer",
            Self::TakeOver(_) => "take_over",
            Self::Reply(_) => "reply",
            Self::ScheduleReply(_) => "schedule_reply",
            Self::CancelScheduled(_) => "cancel_scheduled",
            Self::Note(_) => "note",
            Self::Update(_) => "update",
            Self::Merge(_) => "merge",
            Self::Split(_) => "split",
            Self::Ingest(_) => "ingest",
            Self::Delivery(_) => "deliveries",
            Self::Rate(_) => "ratings",
            Self::Look => "watch",
            Self::Expecting(inner, _) => inner.name(),
            Self::Route(_) => "route",
            Self::Deadline => "deadline",
            Self::HolderGone(_) => "holder_gone",
            Self::Retain { .. } => "retain",
            Self::Redact { .. } => "redact",
        }
    }
}
