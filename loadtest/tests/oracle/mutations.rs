//! Properties: random honest histories pass, and a random one that is spoilt does not.

use crate::desk::Desk;
use crate::hub::PEOPLE;
use crate::script::{Script, Step};
use dibs_protocol::command::{
    AnswerTransfer, CancelTransfer, Claim, Command, Note, Open, Release, Reply, TakeOver, Transfer, Update,
};
use dibs_protocol::event::{Customer, TransferTo};
use dibs_protocol::frame::ServerFrame;
use dibs_protocol::ids::ConversationId;
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeSet;

/// Who, what, and two numbers that choose the rest.
type Turn = (usize, u8, u8, u8);

fn turns(most: usize) -> impl Strategy<Value = Vec<Turn>> {
    proptest::collection::vec((0..PEOPLE.len(), any::<u8>(), any::<u8>(), any::<u8>()), 1..most)
}

fn work(turns: &[Turn]) -> Script {
    let mut desk = Desk::new();
    (0..PEOPLE.len()).for_each(|who| desk.come(who));
    desk.ingest("customer 0", "first", "hello");
    for who in 0..PEOPLE.len() {
        let id = desk.conversation(0).unwrap();
        desk.watch(who, id);
    }
    for turn in turns {
        take_turn(&mut desk, *turn);
    }
    desk.rest();
    desk.script
}

fn take_turn(desk: &mut Desk, (who, what, a, b): Turn) {
    let id = desk.conversation(usize::from(a)).unwrap();
    match what % 20 {
        0 | 1 => desk.flush(who),
        2 => desk.watch(who, id),
        3 => desk.cut(who),
        4 => desk.come(who),
        5 => desk.fall_behind(who),
        6 | 7 => {
            let customer = format!("customer {}", a % 3);
            desk.ingest(&customer, &format!("m{}", b % 40), &format!("text {}", b % 40));
        }
        8 => desk.position(who),
        _ => {
            let command = command(desk, who, id, (what, a, b));
            desk.command(who, &command, b % 16 == 0);
        }
    }
}

fn command(desk: &Desk, who: usize, conversation: ConversationId, (what, a, b): (u8, u8, u8)) -> Command {
    let state = &desk.hub.states[&conversation];
    let current = state.claim.as_ref().map_or(1, |it| it.token);
    let token = if a % 8 == 7 { 1 } else { current };
    let key = (b % 4 == 1).then(|| format!("k{}", b % 32));
    match what % 20 {
        9..=11 => Command::Claim(Claim { conversation, key }),
        12 => Command::Release(Release {
            conversation,
            token,
            key,
        }),
        13 | 14 => Command::Reply(Reply {
            conversation,
            token,
            key: format!("r{b}"),
            seen: if a % 4 == 3 {
                state.opened_at.0.unsigned_abs() % 9
            } else {
                state.version
            },
            text: format!("answer {}", b % 128),
            attachments: None,
            then: None,
        }),
        15 => Command::Note(Note {
            conversation,
            key: format!("n{b}"),
            text: format!("note {b} for @ben"),
        }),
        16 => update(conversation, a, b),
        17 => Command::TakeOver(TakeOver {
            conversation,
            reason: "mine".to_owned(),
            key,
        }),
        18 if b < 128 => Command::Transfer(Transfer {
            conversation,
            token,
            to: TransferTo::Agent(PEOPLE[(who + 1) % PEOPLE.len()].0.parse().unwrap()),
            note: None,
            key,
        }),
        18 => Command::CancelTransfer(CancelTransfer {
            conversation,
            token,
            key,
        }),
        _ if b < 200 => Command::AnswerTransfer(AnswerTransfer {
            conversation,
            accept: b < 150,
            note: None,
            key,
        }),
        _ => Command::Open(Open {
            key: format!("o{b}"),
            customer: Customer {
                id: format!("customer {}", a % 3).parse().unwrap(),
                name: "Somebody".to_owned(),
                handle: None,
                tier: None,
            },
            channel: "mail".parse().unwrap(),
            queue: None,
            subject: None,
        }),
    }
}

fn update(conversation: ConversationId, a: u8, b: u8) -> Command {
    let status = ["open", "pending", "resolved", "closed"][usize::from(b % 4)];
    let priority = ["low", "high"][usize::from(a % 2)];
    let update = if b < 200 {
        json!({"conversation": conversation, "priority": priority, "add_tags": [format!("t{}", a % 3)]})
    } else {
        json!({"conversation": conversation, "status": status})
    };
    Command::Update(serde_json::from_value::<Update>(update).unwrap())
}

/// Ways to spoil a history. Each gives the places where it can be done.
#[derive(Debug, Clone, Copy)]
enum Spoil {
    Lose,
    Double,
    Swap,
    Alter,
    ForgeToken,
    ForgeReply,
    LoseCommit,
    LoseEvent,
    WrongNumber,
    WrongHolder,
    WrongVersion,
    LoseRow,
    LoseReplay,
}

const SPOILS: [Spoil; 13] = [
    Spoil::Lose,
    Spoil::Double,
    Spoil::Swap,
    Spoil::Alter,
    Spoil::ForgeToken,
    Spoil::ForgeReply,
    Spoil::LoseCommit,
    Spoil::LoseEvent,
    Spoil::WrongNumber,
    Spoil::WrongHolder,
    Spoil::WrongVersion,
    Spoil::LoseRow,
    Spoil::LoseReplay,
];

fn is_event(step: &Step) -> bool {
    matches!(step, Step::Got(ServerFrame::Event(_)))
}

/// Whether the event that came at this place had been contained in what the client had already: after a resync that was cut short,
/// a replay brings such again, and clients drop them.
fn again(script: &Script, place: usize) -> bool {
    let (who, Step::Got(ServerFrame::Event(it))) = &script.steps[place] else {
        return false;
    };
    let before = script.steps[..place].iter().filter(|(by, _)| by == who);
    before.into_iter().any(|(_, step)| {
        let had = match step {
            Step::Got(ServerFrame::Event(had)) => (had.conversation, had.seq),
            Step::Got(ServerFrame::Ok(ok)) => summary(ok.fields.get("summary")),
            Step::Got(ServerFrame::Snapshot(snapshot)) => {
                summary(serde_json::to_value(snapshot).unwrap().get("summary"))
            }
            _ => return false,
        };
        had.0 == it.conversation && had.1 >= it.seq
    })
}

/// Whether the next that this client was told is a snapshot that may contain the event: then nobody can tell that it was lost.
fn contained(script: &Script, place: usize) -> bool {
    let who = script.steps[place].0;
    let after = script.steps[place + 1..].iter().filter(|it| it.0 == who);
    let next = after.map(|it| &it.1).find(|step| match step {
        Step::Got(ServerFrame::Ok(ok)) => ok.fields.contains_key("entries"),
        Step::Got(ServerFrame::Event(_) | ServerFrame::Position { .. } | ServerFrame::Resync { .. }) => true,
        Step::Hello(..) | Step::Quiet(_) => true,
        _ => false,
    });
    let told = matches!(
        next,
        Some(Step::Got(ServerFrame::Ok(_) | ServerFrame::Resync { .. }))
    );
    told || watch_is_asked(script, place)
}

/// Whether the client waits for the answer to a `watch` at this place: it may contain the event, whatever came before it.
fn watch_is_asked(script: &Script, place: usize) -> bool {
    let who = script.steps[place].0;
    let mut asked = BTreeSet::new();
    for (_, step) in script.steps[..place].iter().filter(|it| it.0 == who) {
        match step {
            Step::Dialled | Step::Cut => asked.clear(),
            Step::Sent(id, Command::Watch(_)) => drop(asked.insert(*id)),
            Step::Got(ServerFrame::Ok(ok)) => drop(asked.remove(&ok.id)),
            _ => {}
        }
    }
    !asked.is_empty()
}

fn summary(value: Option<&serde_json::Value>) -> (Option<ConversationId>, u64) {
    let id = value.and_then(|it| it["id"].as_str()?.parse().ok());
    (id, value.and_then(|it| it["version"].as_u64()).unwrap_or(0))
}

impl Spoil {
    fn places(self, script: &Script) -> Vec<usize> {
        let steps = |test: &dyn Fn(usize) -> bool| (0..script.steps.len()).filter(|at| test(*at)).collect();
        let log = |kind: &str| {
            (0..script.log.len())
                .filter(|at| script.log[*at].kind() == kind)
                .collect()
        };
        let ok = |at: usize, field: &str| matches!(&script.steps[at].1, Step::Got(ServerFrame::Ok(ok)) if ok.fields.contains_key(field));
        let new = |at: usize| is_event(&script.steps[at].1) && !again(script, at);
        match self {
            Self::Lose => steps(&|at| new(at) && !contained(script, at)),
            Self::Double | Self::Alter => steps(&new),
            Self::Swap => steps(&|at| {
                let next = script.steps.get(at + 1);
                new(at) && next.is_some_and(|it| it.0 == script.steps[at].0) && new(at + 1)
            }),
            Self::ForgeToken => steps(&|at| ok(at, "token")),
            Self::ForgeReply => log("message_sent"),
            Self::LoseCommit | Self::LoseEvent => (0..script.log.len()).collect(),
            Self::WrongNumber => steps(&|at| ok(at, "seq") && ok(at, "duplicate")),
            Self::WrongHolder => steps(&|at| match &script.steps[at].1 {
                Step::Got(ServerFrame::Error(it)) => it.refusal.details.holder.is_some(),
                _ => false,
            }),
            Self::WrongVersion => steps(&|at| ok(at, "summary")),
            Self::LoseRow => {
                steps(&|at| matches!(&script.steps[at].1, Step::View(it) if !it.rows.is_empty()))
            }
            Self::LoseReplay => steps(&|at| {
                let before = at.checked_sub(1).map(|at| &script.steps[at]);
                new(at)
                    && !contained(script, at)
                    && matches!(before, Some((who, Step::Got(ServerFrame::Welcome(_)))) if *who == script.steps[at].0)
            }),
        }
    }

    fn spoil(self, script: &mut Script, at: usize) {
        match self {
            Self::Lose | Self::LoseReplay => drop(script.steps.remove(at)),
            Self::Double => script.steps.insert(at, script.steps[at].clone()),
            Self::Swap => script.steps.swap(at, at + 1),
            Self::Alter => {
                if let Step::Got(ServerFrame::Event(it)) = &mut script.steps[at].1 {
                    it.at = it.at.plus_ms(1);
                }
            }
            Self::ForgeToken => self.number(script, at, "token"),
            Self::ForgeReply => {
                let token = script.log[at].event["token"].as_u64().unwrap();
                script.log[at].event["token"] = json!(token - 1);
            }
            Self::LoseCommit => script.log.truncate(at),
            Self::LoseEvent => drop(script.log.remove(at)),
            Self::WrongNumber => self.number(script, at, "seq"),
            Self::WrongHolder => {
                if let Step::Got(ServerFrame::Error(it)) = &mut script.steps[at].1 {
                    it.refusal.details.holder = Some("nobody".parse().unwrap());
                }
            }
            Self::WrongVersion => {
                if let Step::Got(ServerFrame::Ok(ok)) = &mut script.steps[at].1 {
                    let summary = ok.fields.get_mut("summary").unwrap();
                    summary["unanswered"] = json!(summary["unanswered"].as_u64().unwrap() + 1);
                }
            }
            Self::LoseRow => {
                if let Step::View(view) = &mut script.steps[at].1 {
                    view.rows.pop();
                }
            }
        }
    }

    fn number(self, script: &mut Script, at: usize, field: &str) {
        if let Step::Got(ServerFrame::Ok(ok)) = &mut script.steps[at].1 {
            let number = ok.fields[field].as_u64().unwrap();
            ok.fields.insert(field.to_owned(), json!(number - 1));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn honest_histories_pass(turns in turns(120)) {
        let verdict = work(&turns).verdict();
        prop_assert!(verdict.is_clean(), "{verdict}");
    }

    #[test]
    fn every_way_of_spoiling_is_found(turns in turns(80), chosen in any::<usize>()) {
        let honest = work(&turns);
        for spoil in SPOILS {
            let places = spoil.places(&honest);
            if places.is_empty() {
                continue;
            }
            let at = places[chosen % places.len()];
            let mut script = honest.clone();
            spoil.spoil(&mut script, at);
            let verdict = script.verdict();
            prop_assert!(!verdict.is_clean(), "{spoil:?} at {at} is not found: {:?}\n{verdict}", honest.steps.get(at));
        }
    }
}

#[test]
fn every_way_of_spoiling_happens() {
    // A long history has places for each, so that the property above says something about all of them.
    let turns: Vec<Turn> = (0..3_000_u32)
        .map(|it| {
            let mixed = it.wrapping_mul(2_654_435_761) ^ (it << 7);
            let [a, b, c, d] = mixed.to_be_bytes();
            (usize::from(a) % PEOPLE.len(), b, c, d)
        })
        .collect();
    let script = work(&turns);
    let verdict = script.verdict();
    assert!(verdict.is_clean(), "{verdict}");
    for spoil in SPOILS {
        assert!(!spoil.places(&script).is_empty(), "no place for {spoil:?}");
    }
}
