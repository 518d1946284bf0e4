//! Ids: what may name a thing, checked once, at the edge. No meaning beyond their alphabet lives here.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use std::borrow::{Borrow, Cow};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use ts_rs::TS;
use uuid::Uuid;

/// Why a text is not an id of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be {rule}")]
pub struct BadId {
    /// What the id names, as a person would say it.
    pub what: &'static str,
    /// The rule it breaks.
    pub rule: &'static str,
}

/// Longest workspace, agent, team, queue or channel id, in characters.
pub const NAME_MAX: usize = 64;
/// Longest customer id, handle or thread, in characters.
pub const FOREIGN_MAX: usize = 256;

const NAME_RULE: &str = "1 to 64 of a-z, 0-9, '.', '_' and '-'";
const FOREIGN_RULE: &str = "1 to 256 characters without control characters";
const UUID_RULE: &str = "a UUID such as 0190c2c4-7f3e-7d5a-9a51-0f3c2b1a4d5e";

/// Whether `c` may stand in a workspace, agent, team, queue or channel id.
#[must_use]
pub fn is_name_char(c: char) -> bool {
    matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '-')
}

fn name_ok(text: &str) -> bool {
    (1..=NAME_MAX).contains(&text.len()) && text.chars().all(is_name_char)
}

fn foreign_ok(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= FOREIGN_MAX * 4
        && text.chars().count() <= FOREIGN_MAX
        && !text.chars().any(char::is_control)
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $ok:ident, $rule:ident, $pattern:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, TS)]
        #[serde(transparent)]
        #[ts(type = "string")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks `text` and makes an id of it.
            ///
            /// # Errors
            /// [`BadId`] when the text is not of the id's alphabet or length.
            pub fn new(text: &str) -> Result<Self, BadId> {
                if $ok(text) { Ok(Self(Arc::from(text))) } else { Err(BadId { what: $what, rule: $rule }) }
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                Self::new(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(input)?;
                Self::new(&text).map_err(serde::de::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "description": $rule, "pattern": $pattern })
            }
        }
    };
}

const NAME_PATTERN: &str = "^[a-z0-9._-]{1,64}$";
const FOREIGN_PATTERN: &str = "^[^\\u0000-\\u001f\\u007f-\\u009f]{1,256}$";

text_id!(
    /// A tenant: a wall between everything.
    WorkspaceId, "a workspace id", name_ok, NAME_RULE, NAME_PATTERN);
text_id!(
    /// A person or bot that answers customers.
    AgentId, "an agent id", name_ok, NAME_RULE, NAME_PATTERN);
text_id!(
    /// A named group of agents.
    TeamId, "a team id", name_ok, NAME_RULE, NAME_PATTERN);
text_id!(
    /// Where conversations wait.
    QueueId, "a queue id", name_ok, NAME_RULE, NAME_PATTERN);
text_id!(
    /// A way in and out for messages: an address, a widget, a number.
    ChannelId, "a channel id", name_ok, NAME_RULE, NAME_PATTERN);
text_id!(
    /// The channel's own name for a customer, compared bytewise.
    CustomerId, "a customer id", foreign_ok, FOREIGN_RULE, FOREIGN_PATTERN);
text_id!(
    /// How the customer appears on a channel: an address, a number, a nickname.
    Handle, "a handle", foreign_ok, FOREIGN_RULE, FOREIGN_PATTERN);
text_id!(
    /// The channel's own name for a thread of messages, compared bytewise.
    ThreadId, "a thread", foreign_ok, FOREIGN_RULE, FOREIGN_PATTERN);

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, TS)]
        #[serde(transparent)]
        #[ts(type = "string")]
        pub struct $name(pub Uuid);

        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                let bad = BadId { what: $what, rule: UUID_RULE };
                if text.len() != 36 {
                    return Err(bad);
                }
                Uuid::try_parse(text).map(Self).map_err(|_| bad)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(input)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "format": "uuid" })
            }
        }
    };
}

uuid_id!(
    /// A conversation with a customer.
    ConversationId, "a conversation id");
uuid_id!(
    /// A message from or to a customer.
    MessageId, "a message id");
uuid_id!(
    /// A note among colleagues.
    NoteId, "a note id");
