//! The difference between what a subscriber of a window has and what the window is, as frames.

use super::outbox::Frame;
use super::views::Rows;
use crate::maps::{Map, Set};
use bytes::Bytes;
use dibs_protocol::ids::ConversationId;
use std::fmt::Write;

/// The difference between what a subscriber has and what the window is.
pub(crate) struct Delta<'a> {
    pub(crate) old: &'a [ConversationId],
    pub(crate) new: &'a [ConversationId],
    pub(crate) old_total: usize,
    pub(crate) total: usize,
    pub(crate) changed: &'a Map<ConversationId, u64>,
    /// Versions up to this one the subscriber has already.
    pub(crate) above: u64,
}

pub(crate) fn push_json(body: &mut String, json: &Bytes, first: bool) {
    if !first {
        body.push(',');
    }
    body.push_str(std::str::from_utf8(json).unwrap_or("null"));
}

pub(crate) fn push_ids<'a>(text: &mut String, ids: impl Iterator<Item = &'a ConversationId>) {
    for (i, id) in ids.enumerate() {
        let comma = if i == 0 { "" } else { "," };
        // Writing into a String cannot fail.
        if write!(text, "{comma}\"{id}\"").is_err() {
            return;
        }
    }
}

/// Upserts of one frame are cut here, well below the largest frame of the server.
pub(crate) const UPSERT_BYTES: usize = 768 * 1024;

impl Delta<'_> {
    pub(crate) fn frames(&self, name: &str, seq: u64, rows: &mut dyn Rows) -> Vec<Frame> {
        let had: Set<_> = self.old.iter().collect();
        let has: Set<_> = self.new.iter().collect();
        let fresh = |id: &ConversationId| self.changed.get(id).is_some_and(|version| *version > self.above);
        let upserts: Vec<_> = self
            .new
            .iter()
            .filter(|id| !had.contains(id) || fresh(id))
            .collect();
        let removes: Vec<_> = self.old.iter().filter(|id| !has.contains(id)).collect();
        let moved = self.old != self.new;
        if upserts.is_empty() && removes.is_empty() && !moved && self.total == self.old_total {
            return Vec::new();
        }
        let view = serde_json::to_string(name).unwrap_or_default();
        let head = format!(
            "{{\"type\":\"view_changed\",\"view\":{view},\"seq\":{seq},\"total\":{},\"upserts\":[",
            self.total
        );
        let mut frames = Vec::new();
        let mut text = head.clone();
        let mut first = true;
        for id in upserts {
            let Some(summary) = rows.summary(*id) else {
                continue;
            };
            if !first && text.len() + summary.len() > UPSERT_BYTES {
                text.push_str("],\"removes\":[]}");
                frames.push(Frame::text(&text));
                text.clone_from(&head);
                first = true;
            }
            push_json(&mut text, &summary, first);
            first = false;
        }
        text.push_str("],\"removes\":[");
        push_ids(&mut text, removes.into_iter());
        text.push(']');
        if moved {
            text.push_str(",\"order\":[");
            push_ids(&mut text, self.new.iter());
            text.push(']');
        }
        text.push('}');
        frames.push(Frame::text(&text));
        frames
    }
}
