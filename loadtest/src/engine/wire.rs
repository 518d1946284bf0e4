//! Frames as bytes: what of them can be read without decoding them, and those that the engine sends. No state.

use dibs_protocol::command::{Claim, Command, Note, OpenView, Release, Reply, Update, Watch};
use dibs_protocol::filter::Filter;
use dibs_protocol::frame::{Hello, TypingSignal};
use dibs_protocol::ids::ConversationId;
use dibs_protocol::terms::{Sort, Then};
use serde::Serialize;
use uuid::Uuid;

/// What stands before a moment, in microseconds of the run's clock, in texts and subjects.
pub const MARK: &str = "due at ";
/// The name of the list that agents have open.
pub const LIST: &str = "all";

/// Conversation and `seq` of an event frame, read from its beginning; nothing when it does not begin as usual.
#[must_use]
pub fn event_header(text: &str) -> Option<(u64, ConversationId)> {
    let rest = text.strip_prefix(r#"{"type":"event","seq":"#)?;
    let (seq, rest) = rest.split_once(',')?;
    let id = rest.strip_prefix(r#""conversation":""#)?.get(..36)?;
    Some((seq.parse().ok()?, ConversationId(Uuid::try_parse(id).ok()?)))
}

/// The moment that a text carries.
#[must_use]
pub fn mark(text: &str) -> Option<u64> {
    let digits = &text[text.find(MARK)? + MARK.len()..];
    let end = digits
        .bytes()
        .position(|it| !it.is_ascii_digit())
        .unwrap_or(digits.len());
    digits[..end].parse().ok()
}

/// A text of so many bytes that carries a moment.
#[must_use]
pub fn marked(due_us: u64, bytes: u32, what: &str) -> String {
    const FILLER: &str =
        " The parcel left the warehouse on Monday, and the carrier has not scanned it since.";
    let mut text = format!("{what}, {MARK}{due_us}.");
    while text.len() < bytes as usize {
        text.push_str(FILLER);
    }
    text.truncate((bytes as usize).max(40));
    text
}

#[derive(Serialize)]
struct Numbered<'a, T> {
    id: i64,
    #[serde(flatten)]
    command: &'a T,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Other<'a> {
    Hello {
        id: i64,
        #[serde(flatten)]
        hello: &'a Hello,
    },
    Typing(&'a TypingSignal),
}

/// A command as text.
///
/// # Errors
/// None in practice: commands can be written.
pub fn command(id: i64, command: &Command) -> Result<String, serde_json::Error> {
    serde_json::to_string(&Numbered { id, command })
}

/// A hello as text.
///
/// # Errors
/// None in practice.
pub fn hello(id: i64, hello: &Hello) -> Result<String, serde_json::Error> {
    serde_json::to_string(&Other::Hello { id, hello })
}

/// A sign of typing as text.
///
/// # Errors
/// None in practice.
pub fn typing(signal: &TypingSignal) -> Result<String, serde_json::Error> {
    serde_json::to_string(&Other::Typing(signal))
}

/// Opens the list of all that wait.
#[must_use]
pub fn open_list() -> Command {
    OpenView {
        view: LIST.to_owned(),
        filter: Filter::default(),
        sort: Sort::Waiting,
        offset: None,
        limit: None,
    }
    .into()
}

/// Follows a conversation.
#[must_use]
pub fn watch(conversation: ConversationId) -> Command {
    Watch {
        conversation,
        limit: Some(5),
        silent: None,
    }
    .into()
}

/// Calls dibs.
#[must_use]
pub fn claim(conversation: ConversationId) -> Command {
    Claim {
        conversation,
        key: None,
    }
    .into()
}

/// Lets go.
#[must_use]
pub fn release(conversation: ConversationId, token: u64) -> Command {
    Release {
        conversation,
        token,
        key: None,
    }
    .into()
}

/// Writes to colleagues.
#[must_use]
pub fn note(conversation: ConversationId, key: String, text: String) -> Command {
    Note {
        conversation,
        key,
        text,
    }
    .into()
}

/// Answers the customer.
#[must_use]
pub fn reply(
    conversation: ConversationId,
    token: u64,
    key: String,
    seen: u64,
    text: String,
    resolve: bool,
) -> Command {
    let then = resolve.then_some(Then::Resolved);
    Reply {
        conversation,
        token,
        key,
        seen,
        text,
        attachments: None,
        then,
    }
    .into()
}

/// Changes the subject.
#[must_use]
pub fn subject(conversation: ConversationId, subject: String) -> Command {
    Update {
        conversation,
        key: None,
        expect: None,
        status: None,
        snoozed_until: None,
        priority: None,
        queue: None,
        assignee: None,
        team: None,
        subject: Some(Some(subject)),
        add_tags: None,
        remove_tags: None,
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const C: &str = "0190c2c4-7f3e-7d5a-9a51-0f3c2b1a4d5e";

    #[test]
    fn an_event_is_known_by_its_beginning() {
        let text = format!(r#"{{"type":"event","seq":4712,"conversation":"{C}","at":"x"}}"#);
        assert_eq!(event_header(&text), Some((4_712, C.parse().unwrap())));
        for other in [
            "",
            r#"{"type":"event","seq":1}"#,
            r#"{"type":"event","seq":1,"conversation":"short"}"#,
        ] {
            assert_eq!(event_header(other), None, "{other}");
        }
    }

    #[test]
    fn a_text_carries_its_moment_and_has_its_length() {
        let text = marked(1_234_567, 200, "note 3");
        assert_eq!((text.len(), mark(&text)), (200, Some(1_234_567)));
        assert_eq!(mark("nothing due at all"), None);
    }

    #[test]
    fn commands_are_written_with_their_id() {
        let text = command(7, &claim(C.parse().unwrap())).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value, json!({ "type": "claim", "id": 7, "conversation": C }));
    }
}
