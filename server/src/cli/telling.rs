//! Events and changes of rows as sentences for a terminal, one line each. Pure.
//!
//! What customers and colleagues wrote is shown without control characters: a terminal must not obey a message.

use dibs_client::View;
use dibs_protocol::event::{Actor, Event, EventEntry, TransferTo};
use dibs_protocol::frame::Viewer;
use dibs_protocol::ids::ConversationId;
use dibs_protocol::summary::Summary;
use dibs_protocol::time::Time;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// How many characters of a text are shown.
const TEXT_MAX: usize = 120;

/// A moment as a clock on the wall shows it.
pub(super) fn clock(at: Time, zone: &TimeZone) -> String {
    Timestamp::from_millisecond(at.0).map_or_else(
        |_| "--:--:--".to_owned(),
        |moment| moment.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string(),
    )
}

/// A text in quotes on one line, cut where it is long.
pub(super) fn quoted(text: &str) -> String {
    // Bidirectional overrides do not move a cursor, but make a line read as something else.
    let odd = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let spaced: String = text.chars().map(|c| if odd(c) { ' ' } else { c }).collect();
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let line = words.join(" ");
    if line.chars().count() <= TEXT_MAX {
        return format!("“{line}”");
    }
    let cut: String = line.chars().take(TEXT_MAX).collect();
    format!("“{cut}…”")
}

/// What an event says. Kinds that are not known yet are named as they are.
pub(super) fn event(entry: &EventEntry) -> String {
    match entry.known() {
        Some(event) => happened(&event, &who(&entry.actor)),
        None if entry.event.get("redacted").is_some() => format!("{} (erased)", entry.kind()),
        None => format!("{} by {}", entry.kind(), who(&entry.actor)),
    }
}

fn who(actor: &Actor) -> String {
    match actor {
        Actor::Agent { id } | Actor::Bot { id } | Actor::Channel { id } => id.to_string(),
        Actor::Customer { .. } => "the customer".to_owned(),
        Actor::System => "dibs".to_owned(),
    }
}

fn happened(event: &Event, who: &str) -> String {
    match event {
        Event::MessageReceived { message } => format!("the customer writes {}", quoted(&message.text)),
        Event::MessageSent { message, agent, .. } => format!("{agent} replies {}", quoted(&message.text)),
        Event::MessageDelivery { state, reason, .. } => {
            format!("the reply is {state}{}", why(reason.as_deref()))
        }
        Event::NoteAdded { note, agent, .. } => format!("{agent} notes {}", quoted(&note.text)),
        Event::ClaimGranted { .. } | Event::ClaimReleased { .. } | Event::ClaimExpired { .. } => claim(event),
        Event::TransferOffered { from, to, note, .. } => {
            format!("{from} offers it to {}{}", party(to), why(note.as_deref()))
        }
        Event::TransferDeclined { to, reason, note, .. } => {
            format!("the offer to {} is {reason}{}", party(to), why(note.as_deref()))
        }
        Event::Assigned { agent, team } => {
            let names: Vec<&str> = agent
                .iter()
                .map(|it| it.as_str())
                .chain(team.iter().map(|it| it.as_str()))
                .collect();
            let names = if names.is_empty() {
                "nobody".to_owned()
            } else {
                names.join(" of ")
            };
            format!("{who} makes {names} responsible")
        }
        Event::StatusChanged { from, to, .. } => format!("{who} sets it from {from} to {to}"),
        Event::Tagged { added, removed } => {
            format!("{who} tags it{}{}", tags(" +", added), tags(" -", removed))
        }
        Event::PriorityChanged { from, to } => format!("{who} changes its priority from {from} to {to}"),
        Event::QueueChanged { from, to } => format!("{who} moves it from {from} to {to}"),
        Event::SubjectChanged { to, .. } => {
            format!("{who} calls it {}", quoted(to.as_deref().unwrap_or_default()))
        }
        Event::Rated { score, comment } => {
            format!("the customer gives {score} of 5{}", why(comment.as_deref()))
        }
        Event::ConversationOpened { .. }
        | Event::SlaWarned { .. }
        | Event::SlaBreached { .. }
        | Event::SlaMet { .. }
        | Event::SlaPlanned { .. }
        | Event::Escalated { .. }
        | Event::ReplyScheduled { .. }
        | Event::ScheduleDropped { .. }
        | Event::CustomerUpdated { .. }
        | Event::Merged { .. }
        | Event::Split { .. }
        | Event::Redacted { .. }
        | Event::SettingsChanged { .. }
        | Event::AgentSeen { .. }
        | Event::AgentDisconnected { .. } => rare(event, who),
    }
}

fn claim(event: &Event) -> String {
    match event {
        Event::ClaimGranted {
            agent,
            token,
            via,
            from,
            reason,
        } => {
            let from = from
                .as_ref()
                .map_or(String::new(), |from| format!(" from {from}"));
            format!(
                "{agent} holds it ({via}{from}, token {token}){}",
                why(reason.as_deref())
            )
        }
        Event::ClaimReleased { agent, via, .. } => format!("{agent} lets go ({via})"),
        Event::ClaimExpired { agent, reason, .. } => format!("{agent}'s claim expires ({reason})"),
        _ => event.kind().to_owned(),
    }
}

fn rare(event: &Event, who: &str) -> String {
    match event {
        Event::ConversationOpened {
            channel,
            customer,
            subject,
            queue,
            ..
        } => {
            let subject = subject
                .as_deref()
                .map_or(String::new(), |it| format!(" about {}", quoted(it)));
            format!(
                "it begins with {} on {channel}{subject} (queue {queue})",
                quoted(&customer.name)
            )
        }
        Event::SlaWarned { target, .. } => format!("{target} is due soon"),
        Event::SlaBreached { target, .. } => format!("{target} is overdue"),
        Event::SlaMet { target, .. } => format!("{target} is in time"),
        Event::SlaPlanned { promises } => {
            let times: Vec<String> = promises
                .iter()
                .map(|it| match it.due_at {
                    Some(at) => format!("{} by {at}", it.target),
                    None => format!("{} paused", it.target),
                })
                .collect();
            format!(
                "promised: {}",
                if times.is_empty() {
                    "nothing".to_owned()
                } else {
                    times.join(", ")
                }
            )
        }
        Event::Escalated { rule, on } => format!("escalation {} ({on})", quoted(rule)),
        Event::ReplyScheduled {
            message, agent, at, ..
        } => format!("{agent} will reply at {at}: {}", quoted(&message.text)),
        Event::ScheduleDropped { reason, .. } => format!("the scheduled reply is dropped ({reason})"),
        Event::CustomerUpdated { customer } => format!("the customer is now {}", quoted(&customer.name)),
        Event::Merged { into: Some(into), .. } => format!("{who} merges it into {into}"),
        Event::Merged { conversations, .. } => {
            format!(
                "{who} merges {} into it",
                conversations.as_ref().map_or(0, Vec::len)
            )
        }
        Event::Split {
            into: Some(into),
            messages,
            ..
        } => format!("{who} moves {} messages to {into}", messages.len()),
        Event::Split { messages, .. } => {
            format!("{who} begins it with {} messages of another", messages.len())
        }
        Event::Redacted { entries, reason } => format!("{who} erases {} entries ({reason})", entries.len()),
        _ => event.kind().to_owned(),
    }
}

fn party(to: &TransferTo) -> String {
    match to {
        TransferTo::Agent(id) => id.to_string(),
        TransferTo::Team(id) => format!("team {id}"),
    }
}

fn why(text: Option<&str>) -> String {
    text.map_or(String::new(), |text| format!(": {}", quoted(text)))
}

fn tags(sign: &str, tags: &[String]) -> String {
    tags.iter().map(|tag| format!("{sign}{}", quoted(tag))).collect()
}

/// A row as lists show it.
pub(super) fn row(summary: &Summary) -> String {
    let subject = summary
        .subject
        .as_deref()
        .or(summary.last_message.as_ref().map(|it| it.excerpt.as_str()));
    let holder = summary
        .claim
        .as_ref()
        .map_or(String::new(), |claim| format!(", {} holds it", claim.agent));
    let waiting = if summary.unanswered > 0 { ", waiting" } else { "" };
    format!(
        "{} on {}, {}{waiting}{holder}: {}",
        quoted(&summary.customer.name),
        summary.channel,
        summary.status,
        quoted(subject.unwrap_or_default()),
    )
}

/// What is different between two states of a list: whose, and a sentence.
pub(super) fn changes(old: &View, new: &View) -> Vec<(ConversationId, String)> {
    let mut told = Vec::new();
    for after in new.rows() {
        match old.rows().find(|before| before.id == after.id) {
            None => told.push((after.id, format!("appears: {}", row(after)))),
            Some(before) => told.extend(differences(before, after).into_iter().map(|it| (after.id, it))),
        }
    }
    let gone = old.ids().iter().filter(|id| !new.ids().contains(id));
    told.extend(gone.map(|id| (*id, "leaves the list".to_owned())));
    told
}

fn differences(before: &Summary, after: &Summary) -> Vec<String> {
    let mut told = Vec::new();
    let said = |it: &Summary| it.last_message.as_ref().map(|message| message.seq);
    if let Some(message) = after.last_message.as_ref().filter(|_| said(before) < said(after)) {
        told.push(format!(
            "the {} writes {}",
            message.from,
            quoted(&message.excerpt)
        ));
    }
    if before.claim != after.claim {
        told.push(match (&before.claim, &after.claim) {
            (_, Some(claim)) => format!("{} holds it (token {})", claim.agent, claim.token),
            (Some(claim), None) => format!("{} holds it no longer", claim.agent),
            (None, None) => String::new(),
        });
    }
    if before.status != after.status {
        told.push(format!("is {}", after.status));
    }
    if let (None, Some(offer)) = (&before.offer, &after.offer) {
        told.push(format!("{} offers it to {}", offer.from, party(&offer.to)));
    }
    if before.priority != after.priority {
        told.push(format!("has priority {}", after.priority));
    }
    if before.rating != after.rating
        && let Some(rating) = &after.rating
    {
        told.push(format!("the customer gives {} of 5", rating.score));
    }
    told
}

/// What became of who looks at a conversation.
pub(super) fn viewers(old: &[Viewer], new: &[Viewer]) -> Vec<String> {
    let mut told = Vec::new();
    for now in new {
        let before = old.iter().find(|it| it.agent == now.agent);
        if before.is_none() {
            told.push(format!("{} looks at it", now.agent));
        }
        if let Some(typing) = now
            .typing
            .filter(|typing| before.and_then(|it| it.typing) != Some(*typing))
        {
            told.push(format!("{} is typing a {typing}", now.agent));
        }
    }
    let gone = old
        .iter()
        .filter(|it| !new.iter().any(|now| now.agent == it.agent));
    told.extend(gone.map(|it| format!("{} looks away", it.agent)));
    told
}

#[cfg(test)]
#[path = "telling_tests.rs"]
mod tests;
