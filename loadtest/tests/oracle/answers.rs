//! A table of faults in what is shown and answered: the story, spoilt in one way each time, and the promise that the oracle must find
//! broken.

use crate::desk::welcome;
use crate::hub::{agent, fields};
use crate::script::{Script, Step};
use crate::story::*;
use dibs_loadtest::oracle::Promise::{SameState, SeenOnce, TrueAnswers, Walls};
use dibs_loadtest::oracle::{Detail, Witness, check};
use dibs_protocol::command::{Command, Note};
use dibs_protocol::frame::{OkFrame, ServerFrame};
use dibs_protocol::http::OutboxAnswer;
use dibs_protocol::ids::ConversationId;
use dibs_protocol::refusal::Refusal;
use dibs_protocol::terms::Priority;
use serde_json::json;
use uuid::Uuid;

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
    finds(SameState, "a timeline shows another entry", |it, _, _| {
        let place = it.answer(BEN, "watch", 0);
        let entries = it.ok(place).fields.get_mut("entries").unwrap();
        entries[1]["event"]["message"]["text"] = json!("something else");
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
    let mut old = old_summary(&script, a);
    old.version -= 1;
    feed.push_fresh(&old);
    let verdict = check(&feed, &script.witnesses());
    assert!(
        verdict.broken.contains_key(&SameState),
        "a fresh read is behind: {verdict}"
    );
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
        let mut foreign = old_summary(it, a);
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
fn refusals_of_claims() {
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
}

#[test]
fn refusals_before_their_reason() {
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
}

#[test]
fn refusals_of_tokens_and_others() {
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
    finds(TrueAnswers, "closed, but never was", |it, _, _| {
        let won = it.answer(PRIYA, "claim", 0);
        let current = serde_json::from_value(it.ok(won).fields["summary"].clone()).unwrap();
        let place = it.answer(BEN, "claim", 0);
        *it.refusal(place) = Refusal::conflict("closed", current);
    });
    finds(TrueAnswers, "closed, as it was long before", |it, a, _| {
        let current = old_summary(it, a);
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
        let summary = old_summary(it, a);
        it.add(PRIYA, claim(a), Ok(json!({"token": token, "summary": summary})));
    });
    finds(TrueAnswers, "a watch behind its own session", |it, a, _| {
        let old = it.answer(PRIYA, "watch", 0);
        let old = serde_json::to_value(&it.ok(old).fields).unwrap();
        let watch = json!({"type": "watch", "conversation": a, "limit": 3});
        it.add(PRIYA, serde_json::from_value(watch).unwrap(), Ok(old));
    });
    finds(TrueAnswers, "a list behind its own session", |it, a, _| {
        let old = old_summary(it, a);
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
