//! How much the oracle takes: many watchers, many deliveries, many commands, and histories of several processes.

use crate::desk::welcome;
use crate::hub::{Hub, agent, fields};
use dibs_loadtest::oracle::{Detail, Feed, Promise, Verdict, Witness, check, file};
use dibs_protocol::answer::NoteAnswer;
use dibs_protocol::command::{Command, Note, Watch};
use dibs_protocol::event::{Actor, Customer, Event, Mentions};
use dibs_protocol::frame::ServerFrame;
use dibs_protocol::ids::{ConversationId, NoteId};
use dibs_protocol::terms::Priority;
use dibs_protocol::time::Time;
use std::time::Instant;
use uuid::Uuid;

const CONVERSATION: ConversationId = ConversationId(Uuid::from_u128(5));

fn feed(notes: u64) -> Feed {
    let mut feed = Feed::new();
    feed.everybody = true;
    let opened = Event::ConversationOpened {
        channel: "mail".parse().unwrap(),
        thread: None,
        customer: Customer {
            id: "nora".parse().unwrap(),
            name: "Nora".to_owned(),
            handle: None,
            tier: None,
        },
        subject: None,
        queue: "inbox".parse().unwrap(),
        priority: Priority::Normal,
        tags: Vec::new(),
    };
    feed.push(1, Some(CONVERSATION), Time(0), &Actor::System, &opened);
    for number in 0..notes {
        let seq = number + 2;
        let by = Actor::Agent {
            id: "priya".parse().unwrap(),
        };
        let event = Event::NoteAdded {
            note: dibs_protocol::event::Note {
                id: NoteId(Uuid::from_u128(number.into())),
                text: format!("note {number}"),
            },
            agent: "priya".parse().unwrap(),
            mentions: Mentions::default(),
        };
        feed.push(seq, Some(CONVERSATION), Time(seq.cast_signed()), &by, &event);
    }
    feed
}

/// A watcher of thousands: its events are not decoded.
fn watcher(number: u64, notes: u64, lost: Option<u64>) -> Witness {
    let mut witness = Witness::new(&format!("w{number}"), Detail::Lean);
    witness.dialled(number);
    witness.hello(number, 1, None);
    let mut me = agent(1);
    me.id = format!("w{number}").parse().unwrap();
    witness.received_welcome(number, &welcome(&me, 1, false, Time(0)));
    let watch = Command::Watch(Watch {
        conversation: CONVERSATION,
        limit: Some(1),
        silent: None,
    });
    witness.sent_command(number, 2, &watch);
    let mut hub = Hub::new();
    let answer = {
        let body = ingestless_watch(&mut hub);
        fields(&body)
    };
    let ok = dibs_protocol::frame::OkFrame {
        id: 2,
        fields: answer,
    };
    witness.received(number, &ServerFrame::Ok(ok));
    for seq in (2..notes + 2).filter(|seq| Some(*seq) != lost) {
        let text = format!(
            r#"{{"type":"event","seq":{seq},"conversation":"{CONVERSATION}","at":"2026-11-21T10:00:00.000Z"}}"#
        );
        witness.received_text(10 * seq, &text).unwrap();
    }
    witness.quiet(u64::MAX, notes + 1);
    witness
}

/// The answer to a watch of the conversation just after it was opened.
fn ingestless_watch(hub: &mut Hub) -> dibs_protocol::answer::WatchAnswer {
    use dibs_rules::{Conversation, Fact};
    let feed = feed(0);
    assert_eq!(feed.head(), 1);
    let entry: dibs_protocol::event::EventEntry = serde_json::from_value(serde_json::json!({
        "seq": 1, "conversation": CONVERSATION, "at": Time(0), "actor": {"kind": "system"},
        "event": {"kind": "conversation_opened", "channel": "mail", "customer": {"id": "nora", "name": "Nora"},
            "queue": "inbox", "priority": "normal", "tags": []}
    }))
    .unwrap();
    let event = entry.known().unwrap();
    let fact = Fact {
        seq: 1,
        at: entry.at,
        conversation: CONVERSATION,
        actor: &entry.actor,
        event: &event,
    };
    hub.states
        .insert(CONVERSATION, Conversation::opened(&fact).unwrap());
    hub.log.push(entry);
    hub.watch(CONVERSATION, 1)
}

fn writer(notes: u64) -> Witness {
    let mut witness = Witness::new("writer", Detail::Usual);
    witness.dialled(0);
    witness.hello(0, 1, None);
    witness.received_welcome(0, &welcome(&agent(0), 1, false, Time(0)));
    for number in 0..notes {
        let note = Command::Note(Note {
            conversation: CONVERSATION,
            key: format!("n{number}"),
            text: format!("note {number}"),
        });
        let call = witness.asked(10 * number, &note);
        let answer = NoteAnswer {
            seq: number + 2,
            mentions: Mentions::default(),
            unknown: Vec::new(),
            duplicate: false,
        };
        witness.answered(10 * number + 5, call, Ok(&fields(&answer)));
    }
    witness
}

fn judged(feed: &Feed, witnesses: &[Witness]) -> Verdict {
    let begun = Instant::now();
    let verdict = check(feed, witnesses);
    println!(
        "checked {} deliveries in {:?}",
        verdict.checked["deliveries"],
        begun.elapsed()
    );
    verdict
}

#[test]
fn millions_of_deliveries_are_judged_in_seconds() {
    let notes = 100_000;
    let begun = Instant::now();
    let mut witnesses: Vec<Witness> = (0..20).map(|it| watcher(it, notes, None)).collect();
    println!("recorded 2,000,000 deliveries in {:?}", begun.elapsed());
    witnesses.push(writer(notes));
    let feed = feed(notes);
    let verdict = judged(&feed, &witnesses);
    assert!(verdict.is_clean(), "{verdict}");
    assert_eq!(verdict.checked["deliveries"], 2_000_000);
    witnesses[7] = watcher(7, notes, Some(70_000));
    let verdict = judged(&feed, &witnesses);
    assert_eq!(verdict.broken.get(&Promise::SeenOnce), Some(&1), "{verdict}");
}

#[test]
fn a_watcher_stays_small() {
    let size = |notes| serde_json::to_vec(&watcher(1, notes, None)).unwrap().len();
    let (few, many) = (size(1_000), size(50_000));
    assert!(
        many < few + 500,
        "{few} bytes after 1,000 deliveries, {many} after 50,000"
    );
}

#[test]
fn histories_of_several_processes_are_judged_together() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    file::save(&first, &[watcher(1, 50, None), writer(50)]).unwrap();
    file::save(&second, &[watcher(2, 50, Some(20))]).unwrap();
    let mut all = file::load(&first).unwrap();
    all.extend(file::load(&second).unwrap());
    let verdict = check(&feed(50), &all);
    assert_eq!(verdict.faults.len(), 1, "{verdict}");
    assert_eq!(verdict.faults[0].who, "w2");
}
