//! The contract's limits. `welcome.limits` repeats them.

use crate::refusal::Refusal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Longest message or note from an agent, in bytes of UTF-8.
pub const TEXT_BYTES: usize = 32_768;
/// Longest ingested message, in bytes of UTF-8.
pub const INGEST_TEXT_BYTES: usize = 65_536;
/// Largest HTTP body, in bytes.
pub const HTTP_BODY_BYTES: usize = 256 * 1024;
/// Largest frame or message from a client, in bytes.
pub const CLIENT_FRAME_BYTES: usize = 64 * 1024;
/// Largest frame of the server, in bytes.
pub const SERVER_FRAME_BYTES: usize = 1024 * 1024;
/// Longest subject, name or reason, in characters.
pub const LINE_CHARS: usize = 500;
/// Longest key, in printable ASCII characters.
pub const KEY_CHARS: usize = 128;
/// Longest tag, in characters.
pub const TAG_CHARS: usize = 64;
/// Most tags of a conversation.
pub const TAGS: usize = 50;
/// Most attachments of a message.
pub const ATTACHMENTS: usize = 10;
/// Most mentions of a note.
pub const MENTIONS: usize = 20;
/// Most watches of a session.
pub const WATCHES: usize = 200;
/// Most open views of a session.
pub const VIEWS: usize = 32;
/// Most conversations of a `bulk`.
pub const BULK: usize = 500;
/// Most conversations of a `merge`.
pub const MERGE: usize = 100;
/// Largest `limit` of a list.
pub const LIST: usize = 200;
/// `limit` where the client names none.
pub const LIST_DEFAULT: usize = 50;
/// Longest excerpt, in characters.
pub const EXCERPT_CHARS: usize = 140;
/// Entries of an answer are cut at so many bytes.
pub const ENTRIES_BYTES: usize = 256 * 1024;
/// The newest missed entries that `stale` shows.
pub const MISSED: usize = 50;
/// Largest integer that every JSON reader keeps exact: 2^53 − 1.
pub const INTEGER_MAX: u64 = (1 << 53) - 1;
/// Most values in one array of a filter.
pub const FILTER_VALUES: usize = 100;

/// The limits as `welcome` tells them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Limits {
    /// Longest message or note, in bytes of UTF-8.
    pub text_bytes: usize,
    /// Longest ingested message, in bytes of UTF-8.
    pub ingest_text_bytes: usize,
    /// Largest HTTP body, in bytes.
    pub http_body_bytes: usize,
    /// Largest frame from a client, in bytes.
    pub frame_bytes: usize,
    /// Longest subject, name or reason, in characters.
    pub line_chars: usize,
    /// Longest key, in characters.
    pub key_chars: usize,
    /// Longest tag, in characters.
    pub tag_chars: usize,
    /// Most tags of a conversation.
    pub tags: usize,
    /// Most attachments of a message.
    pub attachments: usize,
    /// Most mentions of a note.
    pub mentions: usize,
    /// Most watches of a session.
    pub watches: usize,
    /// Most views of a session.
    pub views: usize,
    /// Most conversations of a `bulk`.
    pub bulk: usize,
    /// Most conversations of a `merge`.
    pub merge: usize,
    /// Largest `limit` of a list.
    pub list: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            text_bytes: TEXT_BYTES,
            ingest_text_bytes: INGEST_TEXT_BYTES,
            http_body_bytes: HTTP_BODY_BYTES,
            frame_bytes: CLIENT_FRAME_BYTES,
            line_chars: LINE_CHARS,
            key_chars: KEY_CHARS,
            tag_chars: TAG_CHARS,
            tags: TAGS,
            attachments: ATTACHMENTS,
            mentions: MENTIONS,
            watches: WATCHES,
            views: VIEWS,
            bulk: BULK,
            merge: MERGE,
            list: LIST,
        }
    }
}

type Checked = Result<(), Refusal>;

/// Checks the text of a message or note.
///
/// # Errors
/// `too_large` above `max` bytes; `invalid` when empty or with a NUL character.
pub fn text(field: &str, text: &str, max: usize) -> Checked {
    if text.len() > max {
        return Err(Refusal::too_large(
            field,
            &format!("{field} may have at most {max} bytes of UTF-8"),
        ));
    }
    if text.is_empty() {
        return Err(Refusal::invalid(field, &format!("{field} must not be empty")));
    }
    if text.contains('\0') {
        return Err(Refusal::invalid(
            field,
            &format!("{field} must not contain NUL characters"),
        ));
    }
    Ok(())
}

/// Checks a subject, name, reason or comment.
///
/// # Errors
/// `invalid` above 500 characters or with control characters.
pub fn line(field: &str, text: &str) -> Checked {
    if text.chars().count() > LINE_CHARS || text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err(Refusal::invalid(
            field,
            &format!("{field} may have at most {LINE_CHARS} characters and no control characters"),
        ));
    }
    Ok(())
}

/// Checks a key.
///
/// # Errors
/// `invalid` unless 1 to 128 printable ASCII characters.
pub fn key(text: &str) -> Checked {
    let ok = (1..=KEY_CHARS).contains(&text.len()) && text.bytes().all(|b| (0x20..0x7f).contains(&b));
    if ok {
        Ok(())
    } else {
        Err(Refusal::invalid(
            "key",
            "key must be 1 to 128 printable ASCII characters",
        ))
    }
}

/// Checks a list of tags: the alphabet and length of each, and their number.
///
/// # Errors
/// `invalid`.
pub fn tags(field: &str, tags: &[String]) -> Checked {
    if tags.len() > TAGS {
        return Err(Refusal::invalid(
            field,
            &format!("{field} may have at most {TAGS} tags"),
        ));
    }
    let ok =
        |tag: &String| (1..=TAG_CHARS).contains(&tag.chars().count()) && !tag.chars().any(char::is_control);
    match tags.iter().position(|tag| !ok(tag)) {
        None => Ok(()),
        Some(i) => Err(Refusal::invalid(
            &format!("{field}[{i}]"),
            &format!("a tag must be 1 to {TAG_CHARS} characters without control characters"),
        )),
    }
}

/// Checks that a list is not longer than allowed.
///
/// # Errors
/// `invalid`.
pub fn count(field: &str, len: usize, max: usize) -> Checked {
    if len > max {
        return Err(Refusal::invalid(
            field,
            &format!("{field} may have at most {max} entries"),
        ));
    }
    Ok(())
}

/// Checks a sequence number.
///
/// # Errors
/// `invalid` above 2^53 − 1.
pub fn integer(field: &str, value: u64) -> Checked {
    if value > INTEGER_MAX {
        return Err(Refusal::invalid(field, &format!("{field} must be below 2^53")));
    }
    Ok(())
}

/// Checks the `limit` of a list and gives the one to use.
///
/// # Errors
/// `invalid` above 200, or 0 where that means nothing.
pub fn list(limit: Option<u64>, zero_allowed: bool) -> Result<usize, Refusal> {
    let limit = limit.unwrap_or(LIST_DEFAULT as u64);
    if limit > LIST as u64 || (limit == 0 && !zero_allowed) {
        let least = u8::from(!zero_allowed);
        return Err(Refusal::invalid(
            "limit",
            &format!("limit must be {least} to {LIST}"),
        ));
    }
    Ok(usize::try_from(limit).unwrap_or(LIST))
}
