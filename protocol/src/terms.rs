//! The protocol's closed vocabularies: statuses, priorities, roles, ways and reasons.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use ts_rs::TS;

macro_rules! terms {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema, TS)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $text)] $variant),+
        }

        impl $name {
            /// All of them, in their order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// As the wire writes it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(format!("must be one of: {}", [$($text),+].join(", "))),
                }
            }
        }
    };
}

terms!(
    /// Where a conversation stands.
    Status {
        /// Nobody has answered yet.
        New = "new",
        /// Being worked on.
        Open = "open",
        /// Waiting for the customer or for a time.
        Pending = "pending",
        /// Answered to satisfaction; a customer's message reopens it.
        Resolved = "resolved",
        /// Over; a customer's message opens a new conversation.
        Closed = "closed",
    }
);

terms!(
    /// How urgent a conversation is.
    Priority {
        /// Can wait.
        Low = "low",
        /// As usual.
        Normal = "normal",
        /// Before the usual.
        High = "high",
        /// At once.
        Urgent = "urgent",
    }
);

terms!(
    /// What a token's bearer may do: `agent` ⊂ `supervisor` ⊂ `admin`; `channel` has HTTP only.
    Role {
        /// Answers customers.
        Agent = "agent",
        /// Also watches and takes over.
        Supervisor = "supervisor",
        /// Also changes settings.
        Admin = "admin",
        /// Speaks for channels: brings customers' messages in and takes replies out.
        Channel = "channel",
    }
);

terms!(
    /// Whether an agent is a person.
    AgentKind {
        /// A person.
        Human = "human",
        /// A program.
        Bot = "bot",
    }
);

terms!(
    /// An agent's own word about themselves.
    Presence {
        /// Takes work.
        Online = "online",
        /// Not at the desk.
        Away = "away",
        /// At the desk, takes no more work.
        Busy = "busy",
    }
);

terms!(
    /// How a claim was granted.
    GrantVia {
        /// Called by the agent.
        Claim = "claim",
        /// Taken from its holder.
        TakeOver = "take_over",
        /// Handed over by its holder.
        Transfer = "transfer",
        /// Given by routing.
        Routed = "routed",
    }
);

terms!(
    /// How a claim was released.
    ReleaseVia {
        /// By its holder.
        Release = "release",
        /// With the conversation resolved or closed.
        Resolved = "resolved",
        /// With the conversation snoozed.
        Snoozed = "snoozed",
        /// Handed over.
        Transfer = "transfer",
        /// Taken over.
        TakeOver = "take_over",
        /// With the conversation merged into another.
        Merged = "merged",
        /// By an escalation.
        Escalated = "escalated",
    }
);

terms!(
    /// Why a claim expired.
    ExpiryReason {
        /// Its holder was gone for the whole grace period.
        HolderGone = "holder_gone",
        /// Its holder did nothing in the conversation for the idle limit.
        Idle = "idle",
    }
);

terms!(
    /// Why an offer ended without a transfer.
    DeclineReason {
        /// Declined by whom it was made to.
        Declined = "declined",
        /// Nobody answered in time.
        Expired = "expired",
        /// Withdrawn by its maker.
        Withdrawn = "withdrawn",
        /// The claim that it was about is no more, or another offer replaced it.
        Superseded = "superseded",
    }
);

terms!(
    /// What became of a message on its channel.
    DeliveryState {
        /// It arrived.
        Delivered = "delivered",
        /// It did not.
        Failed = "failed",
    }
);

terms!(
    /// A promise about time.
    SlaTarget {
        /// The first reply.
        FirstResponse = "first_response",
        /// Each further reply.
        NextResponse = "next_response",
        /// The end.
        Resolution = "resolution",
    }
);

terms!(
    /// What gave an escalation cause to act.
    EscalationCause {
        /// The promise of a first reply.
        FirstResponse = "first_response",
        /// The promise of a further reply.
        NextResponse = "next_response",
        /// The promise of an end.
        Resolution = "resolution",
        /// How long the customer has waited.
        Waiting = "waiting",
        /// How many of the customer's messages are unanswered.
        Unanswered = "unanswered",
    }
);

impl std::convert::From<SlaTarget> for EscalationCause {
    fn from(target: SlaTarget) -> Self {
        match target {
            SlaTarget::FirstResponse => Self::FirstResponse,
            SlaTarget::NextResponse => Self::NextResponse,
            SlaTarget::Resolution => Self::Resolution,
        }
    }
}

terms!(
    /// Why a scheduled reply was not sent.
    DropReason {
        /// Somebody cancelled it.
        Cancelled = "cancelled",
        /// Another one took its place.
        Replaced = "replaced",
        /// Its sender no longer holds the conversation.
        ClaimLost = "claim_lost",
        /// Something was said meanwhile that its sender had not seen.
        Stale = "stale",
        /// Its text was erased.
        Erased = "erased",
    }
);

terms!(
    /// Why entries were redacted.
    RedactReason {
        /// The customer asked for it.
        Request = "request",
        /// Their time was over.
        Retention = "retention",
        /// An admin did it.
        Manual = "manual",
    }
);

terms!(
    /// Where a reply leaves the conversation, when not `open`.
    Then {
        /// Waiting for the customer.
        Pending = "pending",
        /// Done.
        Resolved = "resolved",
    }
);

terms!(
    /// What somebody is typing.
    Typing {
        /// A reply to the customer.
        Reply = "reply",
        /// A note to colleagues.
        Note = "note",
    }
);

terms!(
    /// The order of a list. Total orders; ties by `id`.
    Sort {
        /// Longest unanswered first; those not waiting follow.
        Waiting = "waiting",
        /// Opened last first.
        Newest = "newest",
        /// Opened first first.
        Oldest = "oldest",
        /// Most urgent first, then longest unanswered.
        Priority = "priority",
        /// Changed last first.
        LastActivity = "last_activity",
        /// Promises that are due soonest first; those without any follow.
        Due = "due",
    }
);

terms!(
    /// Who said the last message.
    From {
        /// The customer.
        Customer = "customer",
        /// A person.
        Agent = "agent",
        /// A program.
        Bot = "bot",
    }
);
