//! Sentences of a terminal: what each says, and that no message can command the terminal.

use super::*;
use dibs_protocol::answer::OpenViewAnswer;
use rstest::rstest;
use serde_json::{Value, json};

const C: &str = "0190c2c4-7f3e-7d5a-9a51-0f3c2b1a4d5e";

fn entry(actor: Value, event: Value) -> EventEntry {
    serde_json::from_value(
        json!({"seq": 7, "conversation": C, "at": "2026-11-21T10:00:04.000Z", "actor": actor, "event": event}),
    )
    .unwrap()
}

fn summary(changes: Value) -> Summary {
    let mut all = json!({"id": C, "version": 1, "status": "new", "snoozed_until": null, "channel": "email",
        "customer": {"id": "c", "name": "Ada"}, "subject": "My parcel", "queue": "default", "priority": "normal",
        "tags": [], "assignee": null, "team": null, "claim": null, "offer": null,
        "waiting_since": "2026-11-21T10:00:00.000Z", "unanswered": 1, "last_message": null,
        "first_response_at": null, "sla": null, "rating": null, "opened_at": "2026-11-21T10:00:00.000Z"});
    for (name, value) in changes.as_object().unwrap() {
        all[name] = value.clone();
    }
    serde_json::from_value(all).unwrap()
}

fn view(rows: Vec<Summary>) -> View {
    let answer = OpenViewAnswer {
        seq: 1,
        total: rows.len(),
        conversations: rows,
        more: false,
    };
    View::new("v", answer)
}

#[rstest]
#[case(json!({"kind": "claim_granted", "agent": "priya", "token": 4712, "via": "claim"}),
    "priya holds it (claim, token 4712)")]
#[case(json!({"kind": "claim_granted", "agent": "sam", "token": 9, "via": "take_over", "from": "priya", "reason": "gone"}),
    "sam holds it (take_over from priya, token 9): “gone”")]
#[case(json!({"kind": "claim_expired", "agent": "priya", "token": 4712, "reason": "holder_gone"}),
    "priya's claim expires (holder_gone)")]
#[case(json!({"kind": "status_changed", "from": "new", "to": "open"}), "priya sets it from new to open")]
#[case(json!({"kind": "assigned"}), "priya makes nobody responsible")]
#[case(json!({"kind": "tagged", "added": ["vip"], "removed": []}), "priya tags it +“vip”")]
#[case(json!({"kind": "note_added", "redacted": true}), "note_added (erased)")]
#[case(json!({"kind": "invented_later"}), "invented_later by priya")]
fn an_event_is_one_sentence(#[case] event: Value, #[case] sentence: &str) {
    let told = super::event(&entry(json!({"kind": "agent", "id": "priya"}), event));
    assert_eq!(told.replace("  ", " "), sentence);
}

#[test]
fn a_message_cannot_command_the_terminal() {
    let message = json!({"id": C, "text": "a\u{1b}[2Jb\r\nc\u{9b}31m \u{202e}d", "attachments": []});
    let told = super::event(&entry(
        json!({"kind": "customer", "id": "c"}),
        json!({"kind": "message_received", "message": message}),
    ));
    assert_eq!(told, "the customer writes “a [2Jb c 31m d”");
}

#[test]
fn a_long_text_is_cut_by_characters() {
    let shown = quoted(&"ä".repeat(500));
    assert_eq!(shown.chars().count(), TEXT_MAX + 3);
}

#[test]
fn a_clock_shows_the_hour_of_its_zone() {
    let at = "2026-11-21T10:00:04.999Z".parse().unwrap();
    assert_eq!(clock(at, &TimeZone::UTC), "10:00:04");
    let two_hours = TimeZone::fixed(jiff::tz::offset(2));
    assert_eq!(clock(at, &two_hours), "12:00:04");
}

#[test]
fn a_list_tells_what_changed_in_it() {
    let claim = json!({"agent": "priya", "token": 3, "since": "2026-11-21T10:00:00.000Z"});
    let free = summary(json!({}));
    let held = summary(json!({"version": 3, "claim": claim, "status": "open"}));
    let told = |old: Vec<Summary>, new: Vec<Summary>| -> Vec<String> {
        changes(&view(old), &view(new))
            .into_iter()
            .map(|(_, it)| it)
            .collect()
    };
    assert_eq!(
        told(vec![], vec![free.clone()]),
        ["appears: “Ada” on email, new, waiting: “My parcel”"]
    );
    assert_eq!(
        told(vec![free.clone()], vec![held.clone()]),
        ["priya holds it (token 3)", "is open"]
    );
    assert_eq!(
        told(vec![held], vec![free.clone()]),
        ["priya holds it no longer", "is new"]
    );
    assert_eq!(told(vec![free.clone()], vec![]), ["leaves the list"]);
    assert!(told(vec![free.clone()], vec![free]).is_empty());
}

#[test]
fn viewers_come_type_and_go() {
    let viewer = |typing: Value| -> Viewer {
        let mut it = json!({"agent": "sam", "since": "2026-11-21T10:00:00.000Z"});
        if !typing.is_null() {
            it["typing"] = typing;
        }
        serde_json::from_value(it).unwrap()
    };
    let (idle, typing) = (vec![viewer(json!(null))], vec![viewer(json!("reply"))]);
    assert_eq!(viewers(&[], &idle), ["sam looks at it"]);
    assert_eq!(viewers(&idle, &typing), ["sam is typing a reply"]);
    assert!(viewers(&typing, &idle).is_empty());
    assert_eq!(viewers(&typing, &[]), ["sam looks away"]);
}
