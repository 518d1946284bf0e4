//! Tables as text. A line is `who command words… | answer`; lines without `|` must succeed.
//!
//! Words of the form `name=value` are fields. `token` is the current one and `seen` the version unless given; durations
//! are in seconds. An answer is the kinds of the events, each with what tells it apart, or `nothing`, `duplicate`, or the
//! refusal's code with its field or holder.

use crate::world::{Done, World, agent_id, sender};
use dibs_protocol::command as c;
use dibs_protocol::event::{Customer, Event, TransferTo};
use dibs_protocol::http::{Delivery, Ingest, RatingBody};
use dibs_protocol::ids::{ConversationId, MessageId};
use dibs_protocol::refusal::Refusal;
use dibs_protocol::terms::RedactReason;
use dibs_rules::Action;
use serde_json::{Value, json};
use uuid::Uuid;

/// Plays a table and asserts its last column.
pub fn play(table: &str) -> World {
    let mut world = World::new();
    resume(&mut world, table);
    world
}

/// Plays more of a table.
pub fn resume(world: &mut World, table: &str) {
    for line in table
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let (command, expected) = match line.split_once('|') {
            Some((command, expected)) => (command.trim(), Some(expected.trim())),
            None => (line, None),
        };
        let outcome = step(world, command);
        match expected {
            Some(expected) => assert_eq!(shown(&outcome), expected, "answer to: {command}"),
            None => assert!(outcome.is_ok(), "{command}: {outcome:?}"),
        }
    }
}

fn step(world: &mut World, line: &str) -> Result<Done, Refusal> {
    let mut words = line.split_whitespace();
    let (who, verb) = (words.next().expect("who"), words.next().expect("a command"));
    let line = Line {
        words: words.collect(),
    };
    if let Some(seconds) = line.number("after") {
        world.now = world.now.plus_ms(i64::try_from(seconds).unwrap() * 1_000);
    }
    let action = action(world, verb, &line);
    world.act(&sender(who), &action)
}

struct Line<'a> {
    words: Vec<&'a str>,
}

impl<'a> Line<'a> {
    fn field(&self, name: &str) -> Option<&'a str> {
        self.words
            .iter()
            .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
    }
    fn number(&self, name: &str) -> Option<u64> {
        self.field(name).map(|value| value.parse().expect("a number"))
    }
    fn text(&self) -> String {
        let plain: Vec<&str> = self
            .words
            .iter()
            .filter(|word| !word.contains('='))
            .copied()
            .collect();
        plain.join(" ")
    }
    fn key(&self) -> Option<String> {
        self.field("key").map(str::to_owned)
    }
}

fn action(world: &World, verb: &str, line: &Line<'_>) -> Action {
    let state = world.state.as_ref();
    let conversation = state.map_or(ConversationId(Uuid::nil()), |it| it.id);
    let claim = state.and_then(|it| it.claim.as_ref());
    let token = line
        .number("token")
        .unwrap_or_else(|| claim.map_or(0, |claim| claim.token));
    let fresh = || line.key().unwrap_or_else(|| format!("k{}", world.drawn));
    let text = line.text();
    match verb {
        "open" => Action::Open(c::Open {
            key: fresh(),
            customer: customer(line),
            channel: "mail".parse().unwrap(),
            queue: line.field("queue").map(|it| it.parse().unwrap()),
            subject: Some(text),
        }),
        "reply" => Action::Reply(c::Reply {
            conversation,
            token,
            key: fresh(),
            seen: line
                .number("seen")
                .unwrap_or_else(|| state.map_or(0, |it| it.version)),
            text,
            attachments: None,
            then: line.field("then").map(|it| it.parse().unwrap()),
        }),
        "note" => Action::Note(c::Note {
            conversation,
            key: fresh(),
            text,
        }),
        "update" => Action::Update(update(world, conversation, line)),
        "writes" => Action::Ingest(Box::new(ingest(line, fresh(), text))),
        "deliver" => Action::Delivery(Delivery {
            message: MessageId(Uuid::from_u128(line.number("message").unwrap_or(1).into())),
            state: line.words[0].parse().unwrap(),
            reason: line.field("reason").map(str::to_owned),
        }),
        "rate" => {
            let (score, comment) = (
                line.words[0].parse().unwrap(),
                line.field("comment").map(str::to_owned),
            );
            Action::Rate(RatingBody {
                conversation,
                score,
                comment,
            })
        }
        "deadline" => Action::Deadline,
        "gone" => Action::HolderGone(agent_id(line.words[0])),
        "redact" => {
            let entries = line.words[0].split(',').map(|it| it.parse().unwrap()).collect();
            Action::Redact {
                entries,
                reason: RedactReason::Request,
            }
        }
        "schedule" => Action::ScheduleReply(schedule(world, conversation, token, line)),
        "cancel_scheduled" => Action::CancelScheduled(c::CancelScheduled {
            conversation,
            key: line.key(),
        }),
        _ => of_claims(conversation, token, verb, line),
    }
}

fn schedule(world: &World, conversation: ConversationId, token: u64, line: &Line<'_>) -> c::ScheduleReply {
    let version = world.state.as_ref().map_or(0, |it| it.version);
    let seconds = i64::try_from(line.number("at").expect("at")).unwrap();
    c::ScheduleReply {
        conversation,
        token,
        key: line.key().unwrap_or_else(|| format!("k{}", world.drawn)),
        seen: line.number("seen").unwrap_or(version),
        text: line.text(),
        attachments: None,
        then: line.field("then").map(|it| it.parse().unwrap()),
        at: world.now.plus_ms(seconds * 1_000),
    }
}

fn of_claims(conversation: ConversationId, token: u64, verb: &str, line: &Line<'_>) -> Action {
    let key = line.key();
    let text = line.text();
    let note = Some(text.clone()).filter(|text| !text.is_empty());
    match verb {
        "claim" => Action::Claim(c::Claim { conversation, key }),
        "release" => Action::Release(c::Release {
            conversation,
            token,
            key,
        }),
        "release_held" => Action::ReleaseHeld,
        "transfer" => {
            let to = transfer_to(line.field("to").expect("to"));
            Action::Transfer(c::Transfer {
                conversation,
                token,
                to,
                note,
                key,
            })
        }
        "cancel_transfer" => Action::CancelTransfer(c::CancelTransfer {
            conversation,
            token,
            key,
        }),
        "accept" | "decline" => {
            let accept = verb == "accept";
            Action::AnswerTransfer(c::AnswerTransfer {
                conversation,
                accept,
                note,
                key,
            })
        }
        "take_over" => Action::TakeOver(c::TakeOver {
            conversation,
            reason: text,
            key,
        }),
        other => panic!("no such command: {other}"),
    }
}

fn transfer_to(text: &str) -> TransferTo {
    match text.strip_prefix("team:") {
        Some(team) => TransferTo::Team(team.parse().unwrap()),
        None => TransferTo::Agent(agent_id(text)),
    }
}

fn customer(line: &Line<'_>) -> Customer {
    let id = line.field("id").unwrap_or("c1").parse().unwrap();
    Customer {
        id,
        name: line.field("name").unwrap_or("Carla").to_owned(),
        handle: line.field("handle").map(|it| it.parse().unwrap()),
        tier: line.field("tier").map(str::to_owned),
    }
}

fn ingest(line: &Line<'_>, key: String, text: String) -> Ingest {
    Ingest {
        key,
        channel: line.field("channel").unwrap_or("mail").parse().unwrap(),
        customer: customer(line),
        thread: line.field("thread").map(|it| it.parse().unwrap()),
        conversation: None,
        text,
        subject: line.field("subject").map(str::to_owned),
        queue: line.field("queue").map(|it| it.parse().unwrap()),
        priority: line.field("priority").map(|it| it.parse().unwrap()),
        tags: line
            .field("tags")
            .map(|it| it.split(',').map(str::to_owned).collect()),
        attachments: None,
    }
}

/// An update, read as from the wire. `null` clears; `snooze` is in seconds from now; `expect` is JSON.
fn update(world: &World, conversation: ConversationId, line: &Line<'_>) -> c::Update {
    let mut fields = serde_json::Map::new();
    fields.insert("conversation".into(), json!(conversation));
    for word in &line.words {
        let Some((name, value)) = word.split_once('=') else {
            panic!("not a field: {word}")
        };
        let value = match (name, value) {
            ("after", _) => continue,
            (_, "null") => Value::Null,
            ("snooze", seconds) => json!(world.now.plus_ms(seconds.parse::<i64>().unwrap() * 1_000)),
            ("add" | "remove", list) => json!(list.split(',').collect::<Vec<_>>()),
            ("expect", text) => serde_json::from_str(text).unwrap(),
            (_, text) => json!(text),
        };
        let name = match name {
            "snooze" => "snoozed_until",
            "add" => "add_tags",
            "remove" => "remove_tags",
            other => other,
        };
        fields.insert(name.into(), value);
    }
    serde_json::from_value(Value::Object(fields)).unwrap()
}

fn shown(outcome: &Result<Done, Refusal>) -> String {
    match outcome {
        Err(refusal) => {
            let details = &refusal.details;
            let holder = details.holder.as_ref().map(ToString::to_string);
            match details.field.clone().or(holder) {
                Some(detail) => format!("{}:{detail}", refusal.code.as_str()),
                None => refusal.code.as_str().to_owned(),
            }
        }
        Ok(done) if done.decision.duplicate => "duplicate".to_owned(),
        Ok(done) if done.decision.events.is_empty() => "nothing".to_owned(),
        Ok(done) => {
            let kinds: Vec<String> = done
                .decision
                .events
                .iter()
                .map(|(_, event)| kind(event))
                .collect();
            kinds.join(" ")
        }
    }
}

/// The kind of an event, with what tells it apart.
pub fn kind(event: &Event) -> String {
    let detail = match event {
        Event::ClaimGranted { via, .. } => via.to_string(),
        Event::ClaimReleased { via, .. } => via.to_string(),
        Event::ClaimExpired { reason, .. } => reason.to_string(),
        Event::TransferDeclined { reason, .. } => reason.to_string(),
        Event::StatusChanged { to, .. } => to.to_string(),
        Event::MessageDelivery { state, .. } => state.to_string(),
        Event::SlaWarned { target, .. }
        | Event::SlaBreached { target, .. }
        | Event::SlaMet { target, .. } => target.to_string(),
        Event::Escalated { rule, .. } => rule.clone(),
        Event::ScheduleDropped { reason, .. } => reason.to_string(),
        _ => return event.kind().to_owned(),
    };
    format!("{}:{detail}", event.kind())
}
