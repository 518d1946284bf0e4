//! Refusals: why a command was not done, with a stable code and what a client needs to go on.

use crate::answer::SettingsAnswer;
use crate::event::EventEntry;
use crate::ids::AgentId;
use crate::settings::Fault;
use crate::summary::Summary;
use crate::time::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// The stable code of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// Something in the frame is not as the contract says; `field` names it.
    Invalid,
    /// There is no such command.
    UnknownCommand,
    /// The token is missing, wrong or over.
    Unauthenticated,
    /// The sender may not do this; `holder` names whose claim stands in the way, if that is it.
    Forbidden,
    /// There is no such thing, or the sender may not see it.
    NotFound,
    /// Somebody else holds the claim.
    AlreadyClaimed,
    /// Nobody holds the claim.
    NotClaimed,
    /// The sender does not hold the claim, or the token is not the current one.
    ClaimLost,
    /// Something happened that the sender has not seen; `missed` shows it.
    Stale,
    /// The key was used for something else.
    KeyReused,
    /// The state is not what the command expects; `current` shows it.
    Conflict,
    /// Too many commands.
    RateLimited,
    /// The text or body is too large.
    TooLarge,
    /// The log could not be reached or is full; a retry with the same key is safe.
    Unavailable,
    /// A fault of the server.
    Internal,
}

impl Code {
    /// As the wire writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::UnknownCommand => "unknown_command",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::AlreadyClaimed => "already_claimed",
            Self::NotClaimed => "not_claimed",
            Self::ClaimLost => "claim_lost",
            Self::Stale => "stale",
            Self::KeyReused => "key_reused",
            Self::Conflict => "conflict",
            Self::RateLimited => "rate_limited",
            Self::TooLarge => "too_large",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }

    /// The HTTP status that goes with the code.
    #[must_use]
    pub fn http_status(self) -> u16 {
        match self {
            Self::Invalid | Self::UnknownCommand => 400,
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::TooLarge => 413,
            Self::RateLimited => 429,
            Self::Internal => 500,
            Self::Unavailable => 503,
            Self::AlreadyClaimed
            | Self::NotClaimed
            | Self::ClaimLost
            | Self::Stale
            | Self::KeyReused
            | Self::Conflict => 409,
        }
    }
}

/// What is, where a command expected something else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(untagged)]
pub enum Current {
    /// A conversation.
    Conversation(Box<Summary>),
    /// The workspace's settings.
    Settings(Box<SettingsAnswer>),
}

impl Current {
    /// The conversation, if it is one.
    #[must_use]
    pub fn conversation(&self) -> Option<&Summary> {
        match self {
            Self::Conversation(summary) => Some(summary),
            Self::Settings(_) => None,
        }
    }
}

/// Details that only some codes have. A field that does not apply is absent.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
pub struct Details {
    /// `invalid`, `too_large`: which field was wrong, as a path such as `customer.id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub field: Option<String>,
    /// `already_claimed`, `claim_lost`, `forbidden`: who holds the claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub holder: Option<AgentId>,
    /// `already_claimed`: since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub since: Option<Time>,
    /// `stale`: the newest entries that the sender had not seen, ascending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub missed: Option<Vec<EventEntry>>,
    /// `conflict`: the conversation, or the settings, as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub current: Option<Current>,
    /// `invalid` settings: everything that is wrong with them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub faults: Option<Vec<Fault>>,
    /// `rate_limited`, `unavailable`: when to try again, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub retry_after_ms: Option<u64>,
}

/// A refusal as `error` frames, `bulk` results and problem details carry it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS, thiserror::Error)]
#[error("{}: {message}", .code.as_str())]
pub struct Refusal {
    /// The stable code.
    pub code: Code,
    /// One sentence for a person: what was wrong and what to do.
    pub message: String,
    /// What else a client needs.
    #[serde(flatten)]
    pub details: Box<Details>,
}

impl Refusal {
    /// A refusal without details.
    #[must_use]
    pub fn new(code: Code, message: &str) -> Self {
        Self {
            code,
            message: message.to_owned(),
            details: Box::default(),
        }
    }

    fn with(code: Code, message: &str, details: Details) -> Self {
        Self {
            code,
            message: message.to_owned(),
            details: Box::new(details),
        }
    }

    /// `invalid`: `field` is not as the contract says.
    #[must_use]
    pub fn invalid(field: &str, message: &str) -> Self {
        let details = Details {
            field: Some(field.to_owned()),
            ..Details::default()
        };
        Self::with(Code::Invalid, message, details)
    }

    /// `too_large`: the text in `field` is too long.
    #[must_use]
    pub fn too_large(field: &str, message: &str) -> Self {
        let details = Details {
            field: Some(field.to_owned()),
            ..Details::default()
        };
        Self::with(Code::TooLarge, message, details)
    }

    /// `not_found`: there is no such `what`, or the sender may not see it.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::new(Code::NotFound, &format!("There is no such {what}."))
    }

    /// `forbidden`, whatever the state of the conversation.
    #[must_use]
    pub fn forbidden(message: &str) -> Self {
        Self::new(Code::Forbidden, message)
    }

    /// `forbidden` because `holder` holds the conversation.
    #[must_use]
    pub fn held(holder: &AgentId) -> Self {
        let details = Details {
            holder: Some(holder.clone()),
            ..Details::default()
        };
        Self::with(
            Code::Forbidden,
            &format!("This is for {holder}, who holds the conversation, and for supervisors."),
            details,
        )
    }

    /// `already_claimed` by `holder` since then.
    #[must_use]
    pub fn already_claimed(holder: &AgentId, since: Time) -> Self {
        let details = Details {
            holder: Some(holder.clone()),
            since: Some(since),
            ..Details::default()
        };
        Self::with(
            Code::AlreadyClaimed,
            &format!("{holder} holds this conversation."),
            details,
        )
    }

    /// `not_claimed`: nobody holds the conversation.
    #[must_use]
    pub fn not_claimed() -> Self {
        Self::new(Code::NotClaimed, "Nobody holds this conversation.")
    }

    /// `claim_lost`: the sender does not hold the conversation with this token; `holder` does, if anybody.
    #[must_use]
    pub fn claim_lost(holder: Option<&AgentId>) -> Self {
        let message = match holder {
            Some(holder) => format!("Your claim is not the current one: {holder} holds this conversation."),
            None => "You do not hold this conversation: claim it first.".to_owned(),
        };
        let details = Details {
            holder: holder.cloned(),
            ..Details::default()
        };
        Self::with(Code::ClaimLost, &message, details)
    }

    /// `stale`: the sender has not seen everything. `missed` is filled in by whoever can read the log.
    #[must_use]
    pub fn stale() -> Self {
        Self::new(
            Code::Stale,
            "Something new was said that you have not seen: look at it, then send again with the same key.",
        )
    }

    /// `key_reused`: the key belongs to another command.
    #[must_use]
    pub fn key_reused() -> Self {
        Self::new(
            Code::KeyReused,
            "This key was used for something else: make a new one for each command.",
        )
    }

    /// `conflict` with the conversation as it is.
    #[must_use]
    pub fn conflict(message: &str, current: Summary) -> Self {
        let details = Details {
            current: Some(Current::Conversation(Box::new(current))),
            ..Details::default()
        };
        Self::with(Code::Conflict, message, details)
    }

    /// `conflict` with the settings as they are.
    #[must_use]
    pub fn settings_conflict(current: SettingsAnswer) -> Self {
        let details = Details {
            current: Some(Current::Settings(Box::new(current))),
            ..Details::default()
        };
        let message = "The settings are not as you saw them: look at them and try again.";
        Self::with(Code::Conflict, message, details)
    }

    /// `invalid` with everything that is wrong with the settings; `field` is the first of it.
    #[must_use]
    pub fn faults(faults: Vec<Fault>) -> Self {
        let field = faults.first().map(|it| format!("settings.{}", it.field));
        let message = match faults.len() {
            1 => "Something in the settings makes no sense: see faults.".to_owned(),
            many => format!("{many} things in the settings make no sense: see faults."),
        };
        let details = Details {
            field,
            faults: Some(faults),
            ..Details::default()
        };
        Self::with(Code::Invalid, &message, details)
    }

    /// `rate_limited`: come back after so many milliseconds.
    #[must_use]
    pub fn rate_limited(retry_after_ms: u64) -> Self {
        let details = Details {
            retry_after_ms: Some(retry_after_ms),
            ..Details::default()
        };
        Self::with(Code::RateLimited, "Too many commands: slow down.", details)
    }

    /// `unavailable` for this reason.
    #[must_use]
    pub fn unavailable(reason: &str, retry_after_ms: u64) -> Self {
        let details = Details {
            retry_after_ms: Some(retry_after_ms),
            ..Details::default()
        };
        Self::with(
            Code::Unavailable,
            &format!("Nothing can be stored at present ({reason}): try again with the same key."),
            details,
        )
    }

    /// `internal`: a fault of the server.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(
            Code::Internal,
            "The server made a mistake, which it has written into its log.",
        )
    }
}
