//! The contract's limits on commands, which need no state to be checked.

use crate::command::{
    Bulk, BulkAction, CancelTransfer, Command, MarkRead, Merge, OpenView, ReadMentions, Release, Transfer,
};
use crate::event::{Attachment, Customer};
use crate::limits;
use crate::refusal::Refusal;
use std::collections::BTreeSet;

type Checked = Result<(), Refusal>;

impl Command {
    /// Checks the contract's limits, which need no state.
    ///
    /// # Errors
    /// `too_large` or `invalid`, naming the field.
    pub fn check(&self) -> Checked {
        if let Some(key) = self.key() {
            limits::key(key)?;
        }
        match self {
            Self::OpenView(it) => open_view(it),
            Self::CloseView(it) => view_name(&it.view),
            Self::Watch(it) => limits::list(it.limit, true).map(|_| ()),
            Self::History(it) => {
                limits::integer("before", it.before)?;
                limits::list(it.limit, false).map(|_| ())
            }
            Self::List(it) => {
                it.filter.check()?;
                limits::list(it.limit, false).map(|_| ())
            }
            Self::Mentions(it) => {
                limits::integer("before", it.before.unwrap_or(0))?;
                limits::list(it.limit, false).map(|_| ())
            }
            Self::Open(it) => {
                customer(&it.customer)?;
                line("subject", it.subject.as_deref())
            }
            Self::Transfer(Transfer { note, token, .. }) => {
                limits::integer("token", *token)?;
                line("note", note.as_deref())
            }
            Self::AnswerTransfer(it) => line("note", it.note.as_deref()),
            Self::TakeOver(it) => limits::line("reason", &it.reason),
            Self::Reply(it) => said(it.token, it.seen, &it.text, it.attachments.as_deref()),
            Self::ScheduleReply(it) => said(it.token, it.seen, &it.text, it.attachments.as_deref()),
            Self::Note(it) => limits::text("text", &it.text, limits::TEXT_BYTES),
            Self::Update(it) => update(
                "",
                it.subject.as_ref(),
                it.add_tags.as_deref(),
                it.remove_tags.as_deref(),
            ),
            Self::Bulk(it) => bulk(it),
            Self::Merge(it) => merge(it),
            Self::Split(it) => {
                once("messages", &it.messages)?;
                line("subject", it.subject.as_deref())
            }
            Self::SetPresence(it) => line("reason", it.reason.as_deref()),
            Self::MarkRead(MarkRead { up_to, .. }) | Self::ReadMentions(ReadMentions { up_to, .. }) => {
                limits::integer("up_to", *up_to)
            }
            Self::SetSettings(it) => limits::integer("expect", it.expect.unwrap_or(0)),
            Self::Release(Release { token, .. }) | Self::CancelTransfer(CancelTransfer { token, .. }) => {
                limits::integer("token", *token)
            }
            Self::Unwatch(_)
            | Self::Claim(_)
            | Self::CancelScheduled(_)
            | Self::ReadMarks(_)
            | Self::WatchAgents(_)
            | Self::UnwatchAgents(_)
            | Self::WatchStats(_)
            | Self::UnwatchStats(_)
            | Self::Settings(_)
            | Self::Refresh(_)
            | Self::Ping(_) => Ok(()),
        }
    }
}

/// A short text, if there is one.
fn line(field: &str, text: Option<&str>) -> Checked {
    text.map_or(Ok(()), |text| limits::line(field, text))
}

/// What an agent says to the customer, now or later.
fn said(token: u64, seen: u64, text: &str, files: Option<&[Attachment]>) -> Checked {
    limits::integer("token", token)?;
    limits::integer("seen", seen)?;
    limits::text("text", text, limits::TEXT_BYTES)?;
    attachments(files.unwrap_or_default())
}

fn open_view(it: &OpenView) -> Checked {
    view_name(&it.view)?;
    it.filter.check()?;
    let limit = limits::list(it.limit, true)? as u64;
    let offset = it.offset.unwrap_or(0);
    let aligned = if limit == 0 {
        offset == 0
    } else {
        offset.is_multiple_of(limit)
    };
    if !aligned || offset > limits::INTEGER_MAX {
        return Err(Refusal::invalid("offset", "offset must be a multiple of limit"));
    }
    Ok(())
}

fn view_name(name: &str) -> Checked {
    if (1..=64).contains(&name.chars().count()) && !name.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Refusal::invalid(
        "view",
        "view must be 1 to 64 characters without control characters",
    ))
}

fn bulk(it: &Bulk) -> Checked {
    limits::count("conversations", it.conversations.len(), limits::BULK)?;
    match &it.action {
        BulkAction::Update(changes) => update(
            "action.",
            changes.subject.as_ref(),
            changes.add_tags.as_deref(),
            changes.remove_tags.as_deref(),
        ),
        BulkAction::Claim(_) => Ok(()),
        BulkAction::Release(it) => limits::integer("action.token", it.token.unwrap_or(0)),
    }
}

fn merge(it: &Merge) -> Checked {
    limits::count("conversations", it.conversations.len(), limits::MERGE)?;
    once("conversations", &it.conversations)?;
    if it.conversations.contains(&it.into) {
        return Err(Refusal::invalid(
            "conversations",
            "a conversation cannot be merged into itself",
        ));
    }
    Ok(())
}

/// Checks that a list names something, and nothing twice.
fn once<T: Ord>(field: &str, list: &[T]) -> Checked {
    if list.is_empty() {
        return Err(Refusal::invalid(
            field,
            &format!("{field} must name at least one"),
        ));
    }
    let mut seen = BTreeSet::new();
    if !list.iter().all(|it| seen.insert(it)) {
        return Err(Refusal::invalid(field, &format!("{field} must name each once")));
    }
    Ok(())
}

fn update(
    prefix: &str,
    subject: Option<&Option<String>>,
    add: Option<&[String]>,
    remove: Option<&[String]>,
) -> Checked {
    if let Some(Some(subject)) = subject {
        limits::line(&format!("{prefix}subject"), subject)?;
    }
    limits::tags(&format!("{prefix}add_tags"), add.unwrap_or_default())?;
    limits::tags(&format!("{prefix}remove_tags"), remove.unwrap_or_default())
}

/// Checks a customer's name and tier.
///
/// # Errors
/// `invalid`.
pub fn customer(it: &Customer) -> Checked {
    limits::line("customer.name", &it.name)?;
    it.tier
        .as_deref()
        .map_or(Ok(()), |tier| limits::line("customer.tier", tier))
}

/// Checks attachments: their number, names and that each is an https URL.
///
/// # Errors
/// `invalid`.
pub fn attachments(list: &[Attachment]) -> Checked {
    limits::count("attachments", list.len(), limits::ATTACHMENTS)?;
    for (i, it) in list.iter().enumerate() {
        limits::line(&format!("attachments[{i}].name"), &it.name)?;
        limits::line(&format!("attachments[{i}].media_type"), &it.media_type)?;
        limits::integer(&format!("attachments[{i}].size"), it.size)?;
        let url_ok = it.url.len() > "https://".len()
            && it.url.len() <= 2_048
            && it.url.starts_with("https://")
            && !it.url.chars().any(|c| c.is_control() || c.is_whitespace());
        if !url_ok {
            return Err(Refusal::invalid(
                &format!("attachments[{i}].url"),
                "an attachment's url must begin with https:// and have at most 2,048 characters",
            ));
        }
    }
    Ok(())
}
