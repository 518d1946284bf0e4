//! A table of faults in what is stored, said and delivered: the story, spoilt in one way each time, and the promise that the oracle
//! must find broken.

use crate::desk::ADAPTER;
use crate::script::Step;
use crate::story::*;
use dibs_loadtest::oracle::Promise::{AnsweredOnce, Kept, OneHolder, SeenOnce};
use dibs_protocol::command::Command;
use dibs_protocol::frame::ServerFrame;
use dibs_protocol::refusal::{Code, Refusal};
use serde_json::{Value, json};
use uuid::Uuid;

#[test]
fn an_honest_story_passes() {
    let (script, ..) = story();
    let verdict = script.verdict();
    assert!(verdict.is_clean(), "{verdict}");
    for what in [
        "watches",
        "refusals",
        "reads",
        "keys",
        "lists at rest",
        "summaries",
        "origins of events",
        "positions",
    ] {
        assert!(verdict.checked[what] > 0, "no {what} were checked: {verdict}");
    }
    assert!(verdict.unchecked.is_empty(), "{verdict}");
}

#[test]
fn holders() {
    finds(OneHolder, "two holders", |it, _, _| {
        let seq = it.log.iter().find(|it| it.kind() == "note_added").unwrap().seq;
        *it.logged("note_added", 0) =
            json!({"kind": "claim_granted", "agent": "sam", "token": seq, "via": "claim"});
    });
    finds(OneHolder, "a token that is not its number", |it, _, _| {
        it.logged("claim_granted", 0)["token"] = json!(3);
    });
    finds(OneHolder, "somebody else's claim ends", |it, _, _| {
        it.logged("claim_released", 0)["agent"] = json!("ben");
    });
}

#[test]
fn replies() {
    finds(AnsweredOnce, "a reply with a dead token", |it, _, _| {
        it.logged("message_sent", 1)["token"] = json!(2);
    });
    finds(AnsweredOnce, "a reply by somebody else", |it, _, _| {
        it.logged("message_sent", 1)["agent"] = json!("ben");
    });
    finds(AnsweredOnce, "a key twice", |it, _, _| {
        it.logged("message_sent", 1)["key"] = json!("r1")
    });
    finds(AnsweredOnce, "a message twice", |it, _, _| {
        let id = it.logged("message_sent", 0)["message"]["id"].clone();
        it.logged("message_sent", 1)["message"]["id"] = id;
    });
    finds(AnsweredOnce, "a stale reply accepted", |it, _, _| {
        for (_, step) in &mut it.steps {
            if let Step::Sent(_, Command::Reply(reply)) = step {
                reply.seen = reply.seen.min(5);
            }
        }
    });
    finds(AnsweredOnce, "a repetition as new", |it, _, _| {
        let place = it.answer(PRIYA, "reply", 1);
        it.ok(place).fields.insert("duplicate".to_owned(), json!(false));
    });
    finds(AnsweredOnce, "a repetition with another answer", |it, _, _| {
        let place = it.answer(PRIYA, "reply", 1);
        it.ok(place)
            .fields
            .insert("message".to_owned(), json!(Uuid::nil()));
    });
}

#[test]
fn deliveries() {
    finds(SeenOnce, "one is lost", |it, _, _| {
        drop(it.steps.remove(it.event(BEN, 2)))
    });
    finds(SeenOnce, "the last is lost", |it, _, _| {
        let last = it
            .steps
            .iter()
            .rposition(|it| it.0 == ZOE && matches!(it.1, Step::Got(ServerFrame::Event(_))));
        it.steps.remove(last.unwrap());
    });
    finds(SeenOnce, "one comes twice", |it, _, _| {
        let place = it.event(ZOE, 3);
        it.steps.insert(place, it.steps[place].clone());
    });
    finds(SeenOnce, "two change places", |it, _, _| {
        let event = |at: &(usize, Step)| at.0 == ZOE && matches!(at.1, Step::Got(ServerFrame::Event(_)));
        let place = it.steps.windows(2).position(|two| two.iter().all(event)).unwrap();
        it.steps.swap(place, place + 1);
    });
    finds(SeenOnce, "one is altered", |it, _, _| {
        let place = it.event(ZOE, 0);
        if let Step::Got(ServerFrame::Event(entry)) = &mut it.steps[place].1 {
            entry.event =
                json!({"kind": "claim_granted", "agent": "ben", "token": entry.seq, "via": "claim"});
        }
    });
    finds(SeenOnce, "a replay loses one", |it, _, _| {
        let back = it
            .steps
            .iter()
            .rposition(|it| it.0 == BEN && matches!(it.1, Step::Dialled))
            .unwrap();
        let lost = it.steps[back..]
            .iter()
            .position(|it| it.0 == BEN && matches!(it.1, Step::Got(ServerFrame::Event(_))));
        it.steps.remove(back + lost.unwrap());
    });
    finds(SeenOnce, "a position comes too early", |it, _, _| {
        let place = it.event(ZOE, 0);
        let Step::Got(ServerFrame::Event(entry)) = &it.steps[place].1 else {
            panic!()
        };
        let position = ServerFrame::Position {
            seq: entry.seq,
            hash: format!("{:016x}", entry.seq),
            time: entry.at,
        };
        it.steps.insert(place, (ZOE, Step::Got(position)));
    });
}

#[test]
fn watches_and_resyncs() {
    finds(
        SeenOnce,
        "an event overtakes the answer to its watch",
        |it, _, _| {
            let (answer, event) = (it.answer(ZOE, "watch", 0), it.event(ZOE, 0));
            let moved = it.steps.remove(event);
            it.steps.insert(answer, moved);
        },
    );
    finds(SeenOnce, "a resync without its snapshot", |it, _, _| {
        let place = it.place(SAM, |step| matches!(step, Step::Got(ServerFrame::Snapshot(_))));
        it.steps.remove(place);
    });
    finds(SeenOnce, "a snapshot older than what was told", |it, _, _| {
        let place = it.place(SAM, |step| matches!(step, Step::Got(ServerFrame::Snapshot(_))));
        let old = it.answer(SAM, "watch", 0);
        let old: Value = serde_json::to_value(&it.ok(old).fields).unwrap();
        let mut frame = json!({"type": "snapshot", "of": "watch", "conversation": old["summary"]["id"]});
        frame
            .as_object_mut()
            .unwrap()
            .extend(old.as_object().unwrap().clone());
        it.steps[place].1 = Step::Got(serde_json::from_value(frame).unwrap());
    });
}

#[test]
fn acknowledgements() {
    finds(Kept, "an acknowledged event is lost", |it, _, _| {
        it.log.retain(|it| it.kind() != "note_added");
    });
    finds(Kept, "the last commit is lost", |it, _, _| drop(it.log.pop()));
    finds(Kept, "two events have one number", |it, _, _| {
        it.log[5].seq = it.log[4].seq
    });
    finds(Kept, "time runs backwards", |it, _, _| {
        it.log[5].at = it.log[1].at
    });
    finds(Kept, "the opening is lost", |it, _, _| drop(it.log.remove(0)));
    finds(Kept, "another text is stored", |it, _, _| {
        it.logged("note_added", 0)["note"]["text"] = json!("something else");
    });
    finds(Kept, "another message is stored", |it, _, _| {
        it.logged("message_received", 0)["message"]["text"] = json!("something else");
    });
    finds(Kept, "an update is not there", |it, _, _| {
        it.logged("priority_changed", 0)["to"] = json!("low");
    });
    finds(Kept, "an update that changed nothing was never so", |it, _, b| {
        it.add(SAM, urgent(b), Ok(json!({})));
    });
    finds(Kept, "a refused reply is stored", |it, _, _| {
        let place = it.answer(PRIYA, "reply", 3);
        it.refuse(place, Refusal::claim_lost(None));
    });
    finds(Kept, "a refused note is stored", |it, _, _| {
        let place = it.answer(BEN, "note", 0);
        it.refuse(place, Refusal::new(Code::RateLimited, "slow down"));
    });
    finds(Kept, "a message that nobody sent", |it, _, _| {
        let answer = it.place(ADAPTER, |step| matches!(step, Step::Ingested(_)));
        it.steps.drain(answer - 1..=answer);
    });
    finds(Kept, "as new with an old number", |it, _, _| {
        // The first message is acknowledged once more, with another key, long after.
        let answer = it.place(ADAPTER, |step| matches!(step, Step::Ingested(_)));
        let (mut ask, answer) = (it.steps[answer - 1].clone(), it.steps[answer].clone());
        if let Step::Ingest(body) = &mut ask.1 {
            body.key = "other".to_owned();
        }
        it.steps.extend([ask, answer]);
    });
    finds(Kept, "a customer with two open conversations", |it, _, _| {
        it.logged("conversation_opened", 1)["customer"]["id"] = json!("nora");
        let mut bodies = it.steps.iter_mut().filter_map(|it| match &mut it.1 {
            Step::Ingest(body) => Some(body),
            _ => None,
        });
        bodies.nth(1).unwrap().customer.id = "nora".parse().unwrap();
    });
    finds(Kept, "two hashes at one number", |it, _, _| {
        let place = it
            .steps
            .iter()
            .rposition(|it| matches!(it.1, Step::Got(ServerFrame::Position { .. })));
        if let Step::Got(ServerFrame::Position { hash, .. }) = &mut it.steps[place.unwrap()].1 {
            *hash = "ffff".to_owned();
        }
    });
}
