//! A history as a list of steps, so that it can be spoilt before witnesses see it.

use dibs_client::HttpError;
use dibs_loadtest::oracle::{Detail, Feed, QuietView, Verdict, Witness, check};
use dibs_protocol::command::Command;
use dibs_protocol::event::EventEntry;
use dibs_protocol::frame::{Resume, ServerFrame};
use dibs_protocol::http::{Ingest, IngestAnswer, Problem};
use dibs_protocol::refusal::Refusal;
use std::collections::HashMap;

/// What one client did or was told.
#[derive(Debug, Clone)]
pub enum Step {
    Dialled,
    Cut,
    Hello(i64, Option<Resume>),
    Sent(i64, Command),
    Got(ServerFrame),
    Ingest(Ingest),
    Ingested(Result<(bool, IngestAnswer), Refusal>),
    Quiet(u64),
    View(Box<QuietView>),
}

/// A history: the steps of all clients in one order, and the log.
#[derive(Debug, Clone, Default)]
pub struct Script {
    pub clients: Vec<String>,
    pub steps: Vec<(usize, Step)>,
    pub log: Vec<EventEntry>,
}

impl Script {
    pub fn witnesses(&self) -> Vec<Witness> {
        let of = |name: &String| Witness::new(name, Detail::Full);
        let mut witnesses: Vec<Witness> = self.clients.iter().map(of).collect();
        let mut asked = HashMap::new();
        for (moment, (client, step)) in (1_000..).step_by(10).zip(&self.steps) {
            let witness = &mut witnesses[*client];
            match step {
                Step::Dialled => witness.dialled(moment),
                Step::Cut => witness.cut(moment),
                Step::Hello(id, resume) => witness.hello(moment, *id, resume.as_ref()),
                Step::Sent(id, command) => drop(witness.sent_command(moment, *id, command)),
                Step::Got(frame) => witness.received(moment, frame),
                Step::Ingest(body) => drop(asked.insert(*client, witness.ingest(moment, body))),
                Step::Ingested(answer) => {
                    let answer = answer.clone().map_err(problem);
                    witness.ingested(moment, asked[client], &answer);
                }
                Step::Quiet(head) => witness.quiet(moment, *head),
                Step::View(view) => witness.view_at_quiet((**view).clone()),
            }
        }
        witnesses
    }

    pub fn feed(&self) -> Feed {
        let mut feed = Feed::new();
        feed.whole = true;
        feed.everybody = true;
        self.log.iter().for_each(|entry| feed.push_entry(entry));
        feed
    }

    pub fn verdict(&self) -> Verdict {
        check(&self.feed(), &self.witnesses())
    }
}

fn problem(refusal: Refusal) -> HttpError {
    HttpError::Problem(Box::new(Problem {
        kind: "about:blank".to_owned(),
        title: String::new(),
        status: refusal.code.http_status(),
        detail: refusal.message.clone(),
        refusal,
    }))
}
