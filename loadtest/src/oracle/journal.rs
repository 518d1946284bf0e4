//! Frames in a few words for a journal: never a text that somebody wrote, and never a token that lets anybody in.

use super::call::{Ask, Outcome};
use dibs_protocol::command::Command;
use dibs_protocol::frame::{ServerFrame, SnapshotFrame};

/// A command.
#[must_use]
pub(crate) fn command(command: &Command) -> String {
    let ask = Ask::of(command);
    let place = ask.conversation().map_or_else(String::new, |id| format!(" {id}"));
    let rest = match &ask {
        Ask::Reply { token, seen, .. } => format!(", token {token}, seen {seen}"),
        Ask::Release(_, token) => format!(", token {token:?}"),
        _ => String::new(),
    };
    let key = command
        .key()
        .map_or_else(String::new, |key| format!(", key {key}"));
    format!("{}{place}{rest}{key}", ask.name())
}

/// A frame of the server.
#[must_use]
pub(crate) fn frame(frame: &ServerFrame) -> String {
    match frame {
        ServerFrame::Welcome(it) => format!("welcome at {}, resumed: {}", it.seq, it.resumed),
        ServerFrame::Ok(it) => format!("ok to {}", it.id),
        ServerFrame::Error(it) => format!("error to {:?}: {}", it.id, it.refusal.code.as_str()),
        ServerFrame::Event(it) => {
            let place = it.conversation.map_or_else(String::new, |id| format!(" of {id}"));
            format!("event {}{place}: {}", it.seq, it.kind())
        }
        ServerFrame::Position { seq, .. } => format!("position {seq}"),
        ServerFrame::ViewChanged {
            view, seq, upserts, ..
        } => format!("view_changed {view} at {seq} with {} rows", upserts.len()),
        ServerFrame::Summary { summary } => format!("summary of {} at {}", summary.id, summary.version),
        ServerFrame::ClaimLost {
            conversation, token, ..
        } => format!("claim_lost {token} of {conversation}"),
        ServerFrame::ClaimGained {
            conversation, token, ..
        } => format!("claim_gained {token} of {conversation}"),
        ServerFrame::Mention { seq, .. } => format!("mention {seq}"),
        ServerFrame::Resync { reason, .. } => format!("resync: {reason}"),
        ServerFrame::Snapshot(it) => match &**it {
            SnapshotFrame::Watch {
                conversation,
                content,
            } => format!("snapshot of {conversation} at {}", content.summary.version),
            SnapshotFrame::View { view, content } => format!("snapshot of view {view} at {}", content.seq),
        },
        ServerFrame::Revoked { conversation } => format!("revoked {conversation}"),
        ServerFrame::Reconnect { after_ms, .. } => format!("reconnect after {after_ms} ms"),
        ServerFrame::Viewers { .. } => "viewers".to_owned(),
        ServerFrame::Activity { .. } => "activity".to_owned(),
        ServerFrame::Presence { .. } => "presence".to_owned(),
        ServerFrame::Stats(_) => "stats".to_owned(),
        ServerFrame::Offer(it) => format!("offer of {}", it.conversation),
        ServerFrame::OfferGone { conversation, .. } => format!("offer_gone of {conversation}"),
        ServerFrame::MentionsRead { up_to, .. } => format!("mentions_read {up_to}"),
        ServerFrame::ReadMarks { .. } => "read_marks".to_owned(),
        ServerFrame::TokenExpiring {} => "token_expiring".to_owned(),
    }
}

/// An outcome.
#[must_use]
pub(crate) fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Unknown => "not known".to_owned(),
        Outcome::No(no) => format!("refused, {}, holder {:?}", no.code.as_str(), no.holder),
        Outcome::Yes(yes) => format!("{yes:?}"),
    }
}
