//! A table of faults: one story, spoilt in one way each time, and the promise that the oracle must find broken.

use crate::desk::{ADAPTER, Desk, welcome};
use crate::hub::{agent, fields};
use crate::script::{Script, Step};
use dibs_loadtest::oracle::Promise::{
    AnsweredOnce, Kept, OneHolder, SameState, SeenOnce, TrueAnswers, Walls,
};
use dibs_loadtest::oracle::{Detail, Promise, Witness, check};
use dibs_protocol::command::{Claim, Command, Note, Release, Reply, TakeOver, Update};
use dibs_protocol::frame::{ErrorFrame, OkFrame, ServerFrame};
use dibs_protocol::http::OutboxAnswer;
use dibs_protocol::ids::{AgentId, ConversationId};
use dibs_protocol::refusal::{Code, Refusal};
use dibs_protocol::terms::Priority;
use serde_json::{Value, json};
use uuid::Uuid;

const PRIYA: usize = 0;
const BEN: usize = 1;
const SAM: usize = 2;
const ZOE: usize = 3;
/// The `id` of commands that the table adds.
const ADDED: i64 = 900;

fn claim(conversation: ConversationId) -> Command {
    let key = None;
    Command::Claim(Claim { conversation, key })
}

fn reply(conversation: ConversationId, token: u64, key: &str, seen: u64) -> Command {
    Command::Reply(Reply {
        conversation,
        token,
        key: key.to_owned(),
        seen,
        text: format!("answer {key}"),
        attachments: None,
        then: None,
    })
}

fn release(conversation: ConversationId, token: u64) -> Command {
    Command::Release(Release {
        conversation,
        token,
        key: None,
    })
}

fn urgent(conversation: ConversationId) -> Command {
    let mut update = json!({ "conversation": conversation, "priority": "urgent" });
    let update: Update = serde_json::from_value(update.take()).unwrap();
    Command::Update(update)
}

/// Two conversations; the first is claimed, contested, answered, repeated, noted; lines are cut, a session falls behind.
fn story() -> (Script, ConversationId, ConversationId) {
    let mut desk = Desk::new();
    (0..4).for_each(|who| desk.come(who));
    let a = desk.ingest("nora", "m1", "where is it?");
    let b = desk.ingest("omar", "m2", "what is it?");
    (0..4).for_each(|who| desk.watch(who, a));
    desk.watch(PRIYA, b);
    let token = desk.command(PRIYA, &claim(a), false).unwrap();
    desk.command(BEN, &claim(a), false);
    desk.command(BEN, &release(b, 1), false);
    desk.command(BEN, &reply(a, token, "x1", token), false);
    desk.command(PRIYA, &reply(a, token, "r1", token), false);
    desk.command(PRIYA, &reply(a, token, "r1", token), false);
    desk.ingest("nora", "m3", "hello?");
    (0..4).for_each(|who| desk.flush(who));
    desk.command(PRIYA, &reply(a, token, "r2", token), false);
    let seen = desk.hub.states[&a].version;
    desk.command(PRIYA, &reply(a, token, "r2", seen), false);
    let note = |text: &str| {
        Command::Note(Note {
            conversation: a,
            key: text.to_owned(),
            text: format!("note {text} for @sam"),
        })
    };
    desk.command(BEN, &note("n1"), false);
    desk.command(PRIYA, &urgent(a), false);
    desk.command(PRIYA, &urgent(a), false);
    desk.command(PRIYA, &claim(a), false);
    (0..4).for_each(|who| desk.flush(who));
    desk.cut(BEN);
    desk.ingest("nora", "m4", "anybody?");
    desk.command(SAM, &note("n2"), false);
    desk.fall_behind(SAM);
    desk.come(BEN);
    (0..4).for_each(|who| desk.flush(who));
    let take = TakeOver {
        conversation: b,
        reason: "mine".to_owned(),
        key: None,
    };
    desk.command(ZOE, &Command::TakeOver(take), false);
    desk.command(PRIYA, &release(a, token), false);
    desk.rest();
    (desk.script, a, b)
}

impl Script {
    fn place(&self, who: usize, what: impl Fn(&Step) -> bool) -> usize {
        let mut places = self
            .steps
            .iter()
            .enumerate()
            .filter(|(_, it)| it.0 == who && what(&it.1));
        places.next().expect("the story has such a step").0
    }

    fn event(&self, who: usize, nth: usize) -> usize {
        let events = self.steps.iter().enumerate();
        let mut events =
            events.filter(|(_, it)| it.0 == who && matches!(it.1, Step::Got(ServerFrame::Event(_))));
        events.nth(nth).expect("the story has so many deliveries").0
    }

    /// The place of the answer to the nth command of that name.
    fn answer(&self, who: usize, name: &str, nth: usize) -> usize {
        let ids = self.steps.iter().filter_map(|it| match it {
            (by, Step::Sent(id, command)) if *by == who && command.name() == name => Some(*id),
            _ => None,
        });
        let wanted = ids.clone().nth(nth).expect("the story has so many commands");
        self.place(who, |step| match step {
            Step::Got(ServerFrame::Ok(it)) => it.id == wanted,
            Step::Got(ServerFrame::Error(it)) => it.id == Some(wanted),
            _ => false,
        })
    }

    fn ok(&mut self, place: usize) -> &mut OkFrame {
        match &mut self.steps[place].1 {
            Step::Got(ServerFrame::Ok(ok)) => ok,
            other => panic!("{other:?} is no ok"),
        }
    }

    fn refusal(&mut self, place: usize) -> &mut Refusal {
        match &mut self.steps[place].1 {
            Step::Got(ServerFrame::Error(error)) => &mut error.refusal,
            other => panic!("{other:?} is no refusal"),
        }
    }

    fn logged(&mut self, kind: &str, nth: usize) -> &mut Value {
        let mut events = self.log.iter_mut().filter(|it| it.kind() == kind);
        &mut events.nth(nth).expect("the story has such an event").event
    }

    fn refuse(&mut self, place: usize, refusal: Refusal) {
        let Step::Got(ServerFrame::Ok(ok)) = &self.steps[place].1 else {
            panic!("no ok")
        };
        let id = Some(ok.id);
        self.steps[place].1 = Step::Got(ServerFrame::Error(ErrorFrame { id, refusal }));
    }

    /// Adds a command and its answer, after everything but the rest.
    fn add(&mut self, who: usize, command: Command, answer: Result<Value, Refusal>) {
        let rest = self.place(PRIYA, |step| matches!(step, Step::Quiet(_)));
        let frame = match answer {
            Ok(answer) => ServerFrame::Ok(OkFrame {
                id: ADDED,
                fields: fields(&answer),
            }),
            Err(refusal) => ServerFrame::Error(ErrorFrame {
                id: Some(ADDED),
                refusal,
            }),
        };
        self.steps.insert(rest, (who, Step::Sent(ADDED, command)));
        self.steps.insert(rest + 1, (who, Step::Got(frame)));
    }
}

fn name(who: &str) -> AgentId {
    who.parse().unwrap()
}

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

/// Spoils the story and wants this promise to be found broken.
fn finds(promise: Promise, what: &str, spoil: impl FnOnce(&mut Script, ConversationId, ConversationId)) {
    let (mut script, a, b) = story();
    spoil(&mut script, a, b);
    let verdict = script.verdict();
    let found = verdict.faults.iter().any(|it| it.promise == promise);
    assert!(found, "{what}: {promise:?} is not among the faults\n{verdict}");
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

#[test]
fn states_and_lists() {
    finds(SameState, "a summary is wrong", |it, _, _| {
        let place = it.answer(BEN, "watch", 0);
        let summary = it.ok(place).fields.get_mut("summary").unwrap();
        summary["priority"] = json!(Priority::Low);
    });
    finds(SameState, "a version is none", |it, _, _| {
        let place = it.answer(ZOE, "watch", 0);
        it.ok(place).fields.get_mut("summary").unwrap()["version"] = json!(4);
    });
    finds(SameState, "a timeline misses an entry", |it, _, _| {
        let place = it.answer(BEN, "watch", 0);
        it.ok(place)
            .fields
            .get_mut("entries")
            .unwrap()
            .as_array_mut()
            .unwrap()
            .remove(0);
    });
    finds(SameState, "a timeline hides that there is more", |it, _, _| {
        let place = it.answer(BEN, "watch", 0);
        it.ok(place).fields.insert("more".to_owned(), json!(true));
    });
    let view = |it: &mut Script, change: fn(&mut dibs_loadtest::oracle::QuietView)| {
        let place = it.place(BEN, |step| matches!(step, Step::View(_)));
        if let Step::View(view) = &mut it.steps[place].1 {
            change(view);
        }
    };
    finds(SameState, "a list misses a row", |it, _, _| {
        view(it, |it| it.rows.truncate(1))
    });
    finds(SameState, "a list is in another order", |it, _, _| {
        view(it, |it| it.rows.swap(0, 1))
    });
    finds(SameState, "a list is behind", |it, _, _| {
        view(it, |it| it.rows[0].1 -= 1)
    });
    finds(SameState, "a total is wrong", |it, _, _| {
        view(it, |it| it.total = Some(7))
    });
    let (script, a, _) = story();
    let mut feed = script.feed();
    let mut old = agentless_summary(&script, a);
    old.version -= 1;
    feed.push_fresh(&old);
    let verdict = check(&feed, &script.witnesses());
    assert!(
        verdict.broken.contains_key(&SameState),
        "a fresh read is behind: {verdict}"
    );
}

/// Some summary of the conversation.
fn agentless_summary(script: &Script, id: ConversationId) -> dibs_protocol::summary::Summary {
    let mut script = script.clone();
    let place = script.answer(ZOE, "watch", 0);
    let summary = script.ok(place).fields["summary"].clone();
    let summary: dibs_protocol::summary::Summary = serde_json::from_value(summary).unwrap();
    assert_eq!(summary.id, id);
    summary
}

#[test]
fn walls() {
    finds(
        Walls,
        "an event of a conversation that is not watched",
        |it, _, b| {
            let entry = it
                .log
                .iter()
                .rfind(|it| it.conversation == Some(b))
                .unwrap()
                .clone();
            it.steps.push((BEN, Step::Got(ServerFrame::Event(entry))));
        },
    );
    finds(Walls, "another workspace's conversation", |it, _, _| {
        let foreign = json!(Uuid::from_u128(1));
        let place = it.answer(PRIYA, "watch", 1);
        it.ok(place).fields.get_mut("summary").unwrap()["id"] = foreign;
    });
    finds(Walls, "another workspace's row", |it, a, _| {
        let mut foreign = agentless_summary(it, a);
        foreign.id = ConversationId(Uuid::from_u128(1));
        let summary = Box::new(foreign);
        it.steps.push((BEN, Step::Got(ServerFrame::Summary { summary })));
    });
    finds(Walls, "another workspace's welcome", |it, _, _| {
        let mut other = welcome(&agent(BEN), 1, false, crate::hub::START);
        other.workspace = "other".parse().unwrap();
        let place = it.steps.len();
        it.steps.insert(place, (BEN, Step::Dialled));
        it.steps.insert(place + 1, (BEN, Step::Hello(1, None)));
        it.steps
            .insert(place + 2, (BEN, Step::Got(ServerFrame::Welcome(Box::new(other)))));
    });
    finds(Walls, "a claim_gained for somebody else", |it, a, _| {
        let token = it.logged("claim_granted", 0)["token"].as_u64().unwrap();
        let frame = json!({"type": "claim_gained", "conversation": a, "token": token, "via": "claim"});
        it.steps
            .push((BEN, Step::Got(serde_json::from_value(frame).unwrap())));
    });
    finds(Walls, "a mention for somebody else", |it, a, _| {
        let note = it.log.iter().find(|it| it.kind() == "note_added").unwrap();
        let frame = json!({"type": "mention", "seq": note.seq, "conversation": a, "note": note.event["note"]["id"],
            "by": "ben", "excerpt": note.event["note"]["text"], "unread": 1});
        it.steps
            .push((ZOE, Step::Got(serde_json::from_value(frame).unwrap())));
    });
}

#[test]
fn a_mention_for_who_is_mentioned_is_honest() {
    let (mut script, a, _) = story();
    let note = script.log.iter().find(|it| it.kind() == "note_added").unwrap();
    let frame = json!({"type": "mention", "seq": note.seq, "conversation": a, "note": note.event["note"]["id"],
        "by": "ben", "excerpt": note.event["note"]["text"], "unread": 1});
    script
        .steps
        .push((SAM, Step::Got(serde_json::from_value(frame).unwrap())));
    assert!(script.verdict().is_clean(), "{}", script.verdict());
}

#[test]
fn a_text_of_another_workspace_is_found_in_raw_frames() {
    let mut witness = Witness::new("ben", Detail::Lean).never("secret of the others");
    witness.dialled(1);
    let text = r#"{"type":"resync","reason":"secret of the others"}"#;
    witness.received_text(2, text).unwrap();
    let verdict = check(&story().0.feed(), &[witness]);
    assert_eq!(verdict.broken.get(&Walls), Some(&1), "{verdict}");
}

#[test]
fn outboxes() {
    let (script, ..) = story();
    let replies: Vec<_> = script
        .log
        .iter()
        .filter(|it| it.kind() == "message_sent")
        .cloned()
        .collect();
    let next = replies.last().unwrap().seq;
    let outbox = |events: Vec<_>| {
        let mut witness = Witness::new("adapter", Detail::Usual);
        witness.outbox(u64::MAX, "mail", 0, &OutboxAnswer { events, next });
        check(
            &script.feed(),
            &[witness]
                .into_iter()
                .chain(script.witnesses())
                .collect::<Vec<_>>(),
        )
    };
    assert!(outbox(replies.clone()).is_clean());
    let lost = outbox(replies[1..].to_vec());
    assert!(
        lost.broken.contains_key(&SeenOnce),
        "a reply never leaves: {lost}"
    );
    let note = script
        .log
        .iter()
        .find(|it| it.kind() == "note_added")
        .unwrap()
        .clone();
    let noted = outbox(replies.into_iter().chain([note]).collect());
    assert!(
        noted.broken.contains_key(&Walls),
        "a note leaves to the customer: {noted}"
    );
}

#[test]
fn refusals() {
    finds(
        TrueAnswers,
        "already claimed by somebody who never held it",
        |it, _, _| {
            let place = it.answer(BEN, "claim", 0);
            it.refusal(place).details.holder = Some(name("sam"));
        },
    );
    finds(TrueAnswers, "already claimed by oneself", |it, _, _| {
        let place = it.answer(BEN, "claim", 0);
        it.refusal(place).details.holder = Some(name("ben"));
    });
    finds(TrueAnswers, "already claimed since another time", |it, _, _| {
        let place = it.answer(BEN, "claim", 0);
        it.refusal(place).details.since = Some(crate::hub::START);
    });
    finds(
        TrueAnswers,
        "already claimed, long after the release",
        |it, a, _| {
            let refusal = Refusal::already_claimed(&name("priya"), crate::hub::START);
            it.add(BEN, claim(a), Err(refusal));
        },
    );
    finds(
        TrueAnswers,
        "already claimed, before the claim was asked for",
        |it, _, _| {
            // Zoe's claim of the second conversation comes long after Ben asked for it.
            let place = it.answer(BEN, "release", 0);
            *it.refusal(place) = Refusal::claim_lost(Some(&name("zoe")));
            let place = it.place(ZOE, |step| matches!(step, Step::Sent(_, Command::TakeOver(_))));
            let id = it.log[0].conversation.unwrap();
            let key = "before".to_owned();
            let note = Note {
                conversation: id,
                key,
                text: "before".to_owned(),
            };
            // Whoever commits something new in between proves the order.
            let seq = it
                .log
                .iter()
                .rfind(|it| it.kind() == "claim_granted")
                .unwrap()
                .seq;
            let ok = fields(
                &json!({"seq": seq, "note": Uuid::nil(), "mentions": {"agents": [], "teams": []},
            "unknown": [], "duplicate": false}),
            );
            it.steps
                .insert(place, (ZOE, Step::Sent(ADDED, Command::Note(note))));
            let end = it.steps.len();
            it.steps.insert(
                end,
                (
                    ZOE,
                    Step::Got(ServerFrame::Ok(OkFrame {
                        id: ADDED,
                        fields: ok,
                    })),
                ),
            );
        },
    );
    finds(TrueAnswers, "not claimed, but held", |it, a, _| {
        let place = it.answer(BEN, "claim", 0);
        let token = it.logged("claim_granted", 0)["token"].as_u64().unwrap();
        *it.refusal(place) = Refusal::not_claimed();
        if let Step::Sent(_, command) = &mut it.steps[place - 1].1 {
            *command = release(a, token);
        }
    });
    finds(TrueAnswers, "claim lost to nobody, but held", |it, _, _| {
        let place = it.answer(BEN, "reply", 0);
        it.refusal(place).details.holder = None;
    });
    finds(
        TrueAnswers,
        "claim lost to oneself with the right token",
        |it, a, _| {
            let place = it.answer(PRIYA, "claim", 1);
            let token = it.logged("claim_granted", 0)["token"].as_u64().unwrap();
            if let Step::Sent(_, command) = &mut it.steps[place - 1].1 {
                *command = reply(a, token, "lost", token);
            }
            it.refuse(place, Refusal::claim_lost(Some(&name("priya"))));
        },
    );
    finds(TrueAnswers, "stale without anything new", |it, _, _| {
        let place = it.answer(PRIYA, "reply", 2);
        if let Step::Sent(_, Command::Reply(reply)) = &mut it.steps[place - 1].1 {
            reply.seen = 1_000;
        }
    });
    finds(TrueAnswers, "missed entries that are not", |it, _, _| {
        let place = it.answer(PRIYA, "reply", 2);
        it.refusal(place).details.missed.as_mut().unwrap()[0].seq = 2;
    });
    finds(TrueAnswers, "closed, but never was", |it, a, _| {
        let current = agentless_summary(it, a);
        let place = it.answer(BEN, "claim", 0);
        *it.refusal(place) = Refusal::conflict("closed", current);
    });
    finds(TrueAnswers, "forbidden by who does not hold it", |it, _, _| {
        let place = it.answer(BEN, "claim", 0);
        *it.refusal(place) = Refusal::held(&name("zoe"));
    });
    finds(TrueAnswers, "not found, but known", |it, _, _| {
        let place = it.answer(BEN, "claim", 0);
        *it.refusal(place) = Refusal::not_found("conversation");
    });
    finds(TrueAnswers, "a key that nothing else had", |it, _, _| {
        let place = it.answer(BEN, "note", 0);
        it.refuse(place, Refusal::key_reused());
    });
}

#[test]
fn answers_from_stale_caches() {
    finds(TrueAnswers, "a claim that ended long ago", |it, a, _| {
        let token = it.logged("claim_granted", 0)["token"].as_u64().unwrap();
        let summary = agentless_summary(it, a);
        it.add(PRIYA, claim(a), Ok(json!({"token": token, "summary": summary})));
    });
    finds(TrueAnswers, "a watch behind its own session", |it, a, _| {
        let old = it.answer(PRIYA, "watch", 0);
        let old = serde_json::to_value(&it.ok(old).fields).unwrap();
        let watch = json!({"type": "watch", "conversation": a, "limit": 3});
        it.add(PRIYA, serde_json::from_value(watch).unwrap(), Ok(old));
    });
    finds(TrueAnswers, "a list behind its own session", |it, a, _| {
        let old = agentless_summary(it, a);
        let list = json!({"type": "list", "filter": {}, "sort": "newest"});
        it.add(
            BEN,
            serde_json::from_value(list).unwrap(),
            Ok(json!({"conversations": [old]})),
        );
    });
    finds(TrueAnswers, "a claim_lost of a claim that goes on", |it, _, b| {
        let token = it
            .log
            .iter()
            .rfind(|it| it.kind() == "claim_granted")
            .unwrap()
            .seq;
        let frame = json!({"type": "claim_lost", "conversation": b, "token": token, "reason": "release"});
        it.steps
            .push((ZOE, Step::Got(serde_json::from_value(frame).unwrap())));
    });
    finds(TrueAnswers, "an answer that nobody asked for", |it, _, _| {
        let ok = OkFrame {
            id: 77_777,
            fields: fields(&json!({})),
        };
        it.steps.push((ZOE, Step::Got(ServerFrame::Ok(ok))));
    });
    finds(TrueAnswers, "an answer without what it must carry", |it, _, _| {
        let place = it.answer(PRIYA, "claim", 0);
        it.ok(place).fields.remove("token");
    });
}
