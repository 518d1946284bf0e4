//! What the oracle finds of promises about time: told too early, too late, twice, never, or of a promise that does not run; and
//! what it lets pass.

use dibs_loadtest::oracle::{Feed, Promise, check};
use dibs_protocol::event::{Actor, Event};
use dibs_protocol::ids::ConversationId;
use dibs_protocol::time::Time;
use serde_json::{Value, json};
use uuid::Uuid;

const START: Time = Time(1_795_255_200_000);

fn at(s: i64) -> Time {
    START.plus_ms(s * 1_000)
}

fn planned(target: &str, due_s: Option<i64>) -> Value {
    let mut promise = json!({ "target": target, "within_ms": 10_000, "spent_ms": 0 });
    if let Some(due_s) = due_s {
        promise["due_at"] = json!(at(due_s));
    }
    json!({ "kind": "sla_planned", "promises": [promise] })
}

fn said(kind: &str, target: &str, due_s: i64) -> Value {
    json!({ "kind": kind, "target": target, "due_at": at(due_s) })
}

fn replied() -> Value {
    json!({ "kind": "message_sent", "agent": "a", "token": 2, "key": "k",
        "message": { "id": Uuid::from_u128(9), "text": "Hi", "attachments": [] } })
}

fn nothing_runs() -> Value {
    json!({ "kind": "sla_planned", "promises": [] })
}

/// A line of a table: when, in seconds, and what: `plan 10`, `pause`, `breach 10`, `met 10`, `reply`, `resolve`, `none`, `tag`.
fn event(line: &str) -> (Time, Value) {
    let words: Vec<&str> = line.split_whitespace().collect();
    let number = |n: usize| words[n].parse::<i64>().unwrap();
    let what = match words[1] {
        "plan" => planned("first_response", Some(number(2))),
        "pause" => planned("first_response", None),
        "breach" => said("sla_breached", "first_response", number(2)),
        "met" => said("sla_met", "first_response", number(2)),
        "reply" => replied(),
        "resolve" => json!({ "kind": "status_changed", "from": "open", "to": "resolved" }),
        "none" => nothing_runs(),
        "tag" => json!({ "kind": "tagged", "added": ["t"], "removed": [] }),
        other => panic!("{other}"),
    };
    (at(number(0)), what)
}

/// How many faults about time the oracle finds in this history of a conversation.
fn faults(table: &str) -> u64 {
    let id = ConversationId(Uuid::from_u128(1));
    let mut feed = Feed::new();
    let lines = table.lines().map(str::trim).filter(|it| !it.is_empty());
    for (line, seq) in lines.zip(1..) {
        let (at, event) = event(line);
        let event: Event = serde_json::from_value(event).unwrap();
        feed.push(seq, Some(id), at, &Actor::System, &event);
    }
    let verdict = check(&feed, &[]);
    verdict.broken.get(&Promise::InTime).copied().unwrap_or(0)
}

#[test]
fn what_is_said_of_a_promise_is_said_once_and_at_its_time() {
    let table = [
        ("kept", "0 plan 10\n 5 reply\n 5 met 10\n 5 none", 0),
        ("broken", "0 plan 10\n 10 breach 10\n 200 tag", 0),
        (
            "broken_then_answered",
            "0 plan 10\n 10 breach 10\n 20 reply\n 20 none\n 200 tag",
            0,
        ),
        (
            "a_late_reply_says_so_itself",
            "0 plan 10\n 12 reply\n 12 breach 10\n 12 none",
            0,
        ),
        ("paused_is_not_late", "0 plan 10\n 5 pause\n 200 tag", 0),
        (
            "planned_anew_and_broken_then",
            "0 plan 10\n 5 plan 20\n 20 breach 20\n 200 tag",
            0,
        ),
        ("too_early", "0 plan 10\n 9 breach 10", 1),
        ("far_too_late", "0 plan 10\n 100 breach 10", 1),
        ("twice", "0 plan 10\n 10 breach 10\n 11 breach 10", 1),
        (
            "twice_across_another_plan",
            "0 plan 10\n 10 breach 10\n 11 plan 10\n 12 breach 10",
            1,
        ),
        ("never", "0 plan 10\n 200 tag", 1),
        (
            "a_late_reply_hides_it",
            "0 plan 10\n 12 reply\n 12 none\n 13 tag",
            1,
        ),
        (
            "a_late_resolution_hides_it",
            "0 plan 10\n 12 resolve\n 12 none\n 13 tag",
            1,
        ),
        ("of_another_time", "0 plan 10\n 20 breach 20", 1),
        ("of_none_that_runs", "20 breach 10", 1),
        (
            "kept_after_its_time",
            "0 plan 10\n 12 reply\n 12 met 10\n 12 breach 10",
            1,
        ),
    ];
    for (name, history, expected) in table {
        assert_eq!(faults(history), expected, "{name}: {history}");
    }
}
