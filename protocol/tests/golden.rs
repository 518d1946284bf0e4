//! Golden frames: what the wire looked like when v1 was fixed still reads, and is written back the same.
#![allow(
    clippy::unwrap_used,
    clippy::too_many_lines,
    reason = "a test that cannot go on panics; tables are long"
)]

use dibs_protocol::answer::{EntriesAnswer, ListAnswer};
use dibs_protocol::command::Command;
use dibs_protocol::event::Event;
use dibs_protocol::frame::{ClientFrame, ServerFrame};
use dibs_protocol::refusal::Code;
use dibs_protocol::{answer, http, parse};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// All golden files of a group, as (name without group, text).
fn golden(group: &str) -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden");
    let mut found = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if let Some(name) = stem.strip_prefix(&format!("{group}.")) {
            found.push((name.to_owned(), std::fs::read_to_string(&path).unwrap()));
        }
    }
    found.sort();
    found
}

/// The names in a group; what follows a hyphen tells variants apart.
fn names(group: &str) -> BTreeSet<String> {
    golden(group)
        .into_iter()
        .map(|(name, _)| name.split('-').next().unwrap().to_owned())
        .collect()
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn round_trip<T: Serialize + DeserializeOwned>(name: &str, text: &str) -> T {
    let read: T = serde_json::from_str(text).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert_eq!(serde_json::to_value(&read).unwrap(), value(text), "{name}");
    read
}

fn with_type(name: &str, id: Option<i64>, body: impl Serialize) -> Value {
    let mut frame = serde_json::to_value(body).unwrap();
    frame["type"] = json!(name);
    if let Some(id) = id {
        frame["id"] = json!(id);
    }
    frame
}

#[test]
fn every_client_frame_is_read_strictly_and_written_back_the_same() {
    for (name, text) in golden("client") {
        let written = match parse::client_frame(&text).unwrap_or_else(|e| panic!("{name}: {e:?}")) {
            ClientFrame::Hello(id, hello) => with_type("hello", Some(id), hello),
            ClientFrame::Command(id, command) => with_type(command.name(), Some(id), command),
            ClientFrame::Typing(signal) => with_type("typing", None, signal),
        };
        assert_eq!(written, value(&text), "{name}");
    }
    let expected: BTreeSet<String> = Command::NAMES
        .iter()
        .copied()
        .chain(["hello", "typing"])
        .map(str::to_owned)
        .collect();
    assert_eq!(names("client"), expected, "one file for each client frame");
}

#[test]
fn every_server_frame_reads_back_the_same() {
    for (name, text) in golden("server") {
        round_trip::<ServerFrame>(&name, &text);
    }
    let schema = schemars::schema_for!(ServerFrame).to_value();
    let all: BTreeSet<String> = schema["oneOf"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["properties"]["type"]["const"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names("server"), all, "one file for each server frame");
}

#[test]
fn every_event_kind_reads_back_the_same() {
    for (name, text) in golden("event") {
        let event: Event = round_trip(&name, &text);
        assert_eq!(event.kind(), name.split('-').next().unwrap());
    }
    assert_eq!(
        names("event"),
        Event::KINDS.iter().map(|it| (*it).to_owned()).collect()
    );
}

#[test]
fn every_error_code_reads_back_the_same() {
    for (name, text) in golden("error") {
        let ServerFrame::Error(error) = round_trip(&name, &text) else {
            panic!("{name} is no error")
        };
        assert_eq!(error.refusal.code.as_str(), name.split('-').next().unwrap());
    }
    let schema = schemars::schema_for!(Code).to_value();
    let all = schema["oneOf"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["const"].as_str().unwrap().to_owned());
    assert_eq!(names("error"), all.collect(), "one file for each code");
}

#[test]
fn every_http_body_reads_back_the_same() {
    for (name, text) in golden("http") {
        match name.as_str() {
            "ingest" => drop(round_trip::<http::Ingest>(&name, &text)),
            "ingest_answer" => drop(round_trip::<http::IngestAnswer>(&name, &text)),
            "delivery" => drop(round_trip::<http::Delivery>(&name, &text)),
            "disconnect" => drop(round_trip::<http::Disconnect>(&name, &text)),
            "rating" => drop(round_trip::<http::RatingBody>(&name, &text)),
            "put_settings" => drop(round_trip::<http::PutSettings>(&name, &text)),
            "outbox" => drop(round_trip::<http::OutboxAnswer>(&name, &text)),
            "problem" => drop(round_trip::<http::Problem>(&name, &text)),
            "conversations" => drop(round_trip::<ListAnswer>(&name, &text)),
            "events" => drop(round_trip::<EntriesAnswer>(&name, &text)),
            other => panic!("nobody reads http.{other}"),
        }
    }
    assert_eq!(golden("http").len(), 10);
}

/// An answer without its `type` and `id`.
fn fields(text: &str) -> String {
    let mut answer = value(text);
    answer
        .as_object_mut()
        .unwrap()
        .retain(|name, _| name != "type" && name != "id");
    answer.to_string()
}

#[test]
fn every_answer_reads_back_the_same() {
    for (name, text) in golden("ok") {
        round_trip::<ServerFrame>(&name, &text);
        let text = fields(&text);
        match name.as_str() {
            "watch" => drop(round_trip::<answer::WatchAnswer>(&name, &text)),
            "history" => drop(round_trip::<answer::EntriesAnswer>(&name, &text)),
            "open_view" => drop(round_trip::<answer::OpenViewAnswer>(&name, &text)),
            "list" => drop(round_trip::<answer::ListAnswer>(&name, &text)),
            "open" => drop(round_trip::<answer::OpenAnswer>(&name, &text)),
            "claim" => drop(round_trip::<answer::ClaimAnswer>(&name, &text)),
            "release" | "cancel_transfer" | "merge" => drop(round_trip::<answer::SeqAnswer>(&name, &text)),
            "cancel_scheduled" => drop(round_trip::<answer::SeqAnswer>(&name, &text)),
            "transfer" => drop(round_trip::<answer::TransferAnswer>(&name, &text)),
            "answer_transfer" | "take_over" => drop(round_trip::<answer::TokenAnswer>(&name, &text)),
            "reply" | "schedule_reply" => drop(round_trip::<answer::ReplyAnswer>(&name, &text)),
            "note" => drop(round_trip::<answer::NoteAnswer>(&name, &text)),
            "update" => drop(round_trip::<answer::UpdateAnswer>(&name, &text)),
            "bulk" => drop(round_trip::<answer::BulkAnswer>(&name, &text)),
            "split" => drop(round_trip::<answer::SplitAnswer>(&name, &text)),
            "read_marks" => drop(round_trip::<answer::ReadMarksAnswer>(&name, &text)),
            "mentions" => drop(round_trip::<answer::MentionsAnswer>(&name, &text)),
            "read_mentions" => drop(round_trip::<answer::ReadMentionsAnswer>(&name, &text)),
            "watch_agents" => drop(round_trip::<answer::WatchAgentsAnswer>(&name, &text)),
            "settings" => drop(round_trip::<answer::SettingsAnswer>(&name, &text)),
            "set_settings" => drop(round_trip::<answer::SetSettingsAnswer>(&name, &text)),
            "ping" => drop(round_trip::<answer::PingAnswer>(&name, &text)),
            _ => assert_eq!(text, "{}", "{name} has no fields"),
        }
    }
    assert_eq!(
        names("ok"),
        Command::NAMES.iter().map(|it| (*it).to_owned()).collect()
    );
}
