//! One story, honest, and the tools to spoil it in one way.

use crate::desk::Desk;
use crate::hub::fields;
use crate::script::{Script, Step};
use dibs_loadtest::oracle::Promise;
use dibs_protocol::command::{Claim, Command, Note, Release, Reply, TakeOver, Update};
use dibs_protocol::frame::{ErrorFrame, OkFrame, ServerFrame};
use dibs_protocol::ids::{AgentId, ConversationId};
use dibs_protocol::refusal::Refusal;
use serde_json::{Value, json};

pub const PRIYA: usize = 0;
pub const BEN: usize = 1;
pub const SAM: usize = 2;
pub const ZOE: usize = 3;
/// The `id` of commands that the table adds.
pub const ADDED: i64 = 900;

pub fn claim(conversation: ConversationId) -> Command {
    let key = None;
    Command::Claim(Claim { conversation, key })
}

pub fn reply(conversation: ConversationId, token: u64, key: &str, seen: u64) -> Command {
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

pub fn release(conversation: ConversationId, token: u64) -> Command {
    Command::Release(Release {
        conversation,
        token,
        key: None,
    })
}

pub fn urgent(conversation: ConversationId) -> Command {
    let mut update = json!({ "conversation": conversation, "priority": "urgent" });
    let update: Update = serde_json::from_value(update.take()).unwrap();
    Command::Update(update)
}

/// Two conversations; the first is claimed, contested, answered, repeated, noted; lines are cut, a session falls behind.
pub fn story() -> (Script, ConversationId, ConversationId) {
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
    pub fn place(&self, who: usize, what: impl Fn(&Step) -> bool) -> usize {
        let mut places = self
            .steps
            .iter()
            .enumerate()
            .filter(|(_, it)| it.0 == who && what(&it.1));
        places.next().expect("the story has such a step").0
    }

    pub fn event(&self, who: usize, nth: usize) -> usize {
        let events = self.steps.iter().enumerate();
        let mut events =
            events.filter(|(_, it)| it.0 == who && matches!(it.1, Step::Got(ServerFrame::Event(_))));
        events.nth(nth).expect("the story has so many deliveries").0
    }

    /// The place of the answer to the nth command of that name.
    pub fn answer(&self, who: usize, name: &str, nth: usize) -> usize {
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

    pub fn ok(&mut self, place: usize) -> &mut OkFrame {
        match &mut self.steps[place].1 {
            Step::Got(ServerFrame::Ok(ok)) => ok,
            other => panic!("{other:?} is no ok"),
        }
    }

    pub fn refusal(&mut self, place: usize) -> &mut Refusal {
        match &mut self.steps[place].1 {
            Step::Got(ServerFrame::Error(error)) => &mut error.refusal,
            other => panic!("{other:?} is no refusal"),
        }
    }

    pub fn logged(&mut self, kind: &str, nth: usize) -> &mut Value {
        let mut events = self.log.iter_mut().filter(|it| it.kind() == kind);
        &mut events.nth(nth).expect("the story has such an event").event
    }

    pub fn refuse(&mut self, place: usize, refusal: Refusal) {
        let Step::Got(ServerFrame::Ok(ok)) = &self.steps[place].1 else {
            panic!("no ok")
        };
        let id = Some(ok.id);
        self.steps[place].1 = Step::Got(ServerFrame::Error(ErrorFrame { id, refusal }));
    }

    /// Adds a command and its answer, after everything but the rest.
    pub fn add(&mut self, who: usize, command: Command, answer: Result<Value, Refusal>) {
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

pub fn name(who: &str) -> AgentId {
    who.parse().unwrap()
}

/// Spoils the story and wants this promise to be found broken.
pub fn finds(promise: Promise, what: &str, spoil: impl FnOnce(&mut Script, ConversationId, ConversationId)) {
    let (mut script, a, b) = story();
    spoil(&mut script, a, b);
    let verdict = script.verdict();
    let found = verdict.faults.iter().any(|it| it.promise == promise);
    assert!(found, "{what}: {promise:?} is not among the faults\n{verdict}");
}

/// The first conversation as its first watcher saw it.
pub fn old_summary(script: &Script, id: ConversationId) -> dibs_protocol::summary::Summary {
    let mut script = script.clone();
    let place = script.answer(ZOE, "watch", 0);
    let summary = script.ok(place).fields["summary"].clone();
    let summary: dibs_protocol::summary::Summary = serde_json::from_value(summary).unwrap();
    assert_eq!(summary.id, id);
    summary
}
