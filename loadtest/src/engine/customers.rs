//! The side of the customers: messages over HTTP at their pace, and an adapter that reads the outbox and reports what it
//! has delivered. They end by themselves at rest.

use crate::engine::clock;
use crate::engine::recorder::Recorder;
use crate::engine::stage::{Phase, Stage};
use crate::engine::tally::{Count, Lag};
use crate::engine::wire;
use crate::failure::Failure;
use crate::oracle::witness::{CallId, Witness};
use dibs_client::{Http, HttpError};
use dibs_protocol::event::{Customer, Event};
use dibs_protocol::http::{Delivery, Ingest, IngestAnswer};
use dibs_protocol::ids::{BadId, ChannelId, CustomerId, MessageId};
use dibs_protocol::refusal::Code;
use dibs_protocol::terms::{DeliveryState, Role};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// The channel of all customers.
pub const CHANNEL: &str = "mail";
/// How many requests of a process may be under way; at the bound customers wait, which counts as latency.
const UNDER_WAY: usize = 256;
/// How long the adapter waits for the first reply.
const POLL_S: u64 = 1;
/// Where faults are made, who was refused or cut off tries again after so long, and so often.
const AGAIN: Duration = Duration::from_millis(250);
const TRIES: usize = 120;
/// How many replies it reads at a time.
const PAGE: u64 = 200;

/// The message of a customer who has a place among the conversations, or of one beyond.
///
/// # Errors
/// None in practice: the ids fit.
pub fn message(run: &str, key: String, customer: usize, text: String) -> Result<Ingest, Failure> {
    let bad = |error: BadId| Failure::wrong(error.to_string());
    Ok(Ingest {
        key,
        channel: ChannelId::new(CHANNEL).map_err(bad)?,
        customer: Customer {
            id: CustomerId::new(&format!("{customer}-{run}@example.com")).map_err(bad)?,
            name: format!("Customer {customer}"),
            handle: None,
            tier: None,
        },
        thread: None,
        conversation: None,
        text,
        subject: Some(format!("Where is order {customer}?")),
        queue: None,
        priority: None,
        tags: Some(vec!["orders".to_owned()]),
        attachments: None,
    })
}

/// Starts a process's customers, and in the first one the adapter.
///
/// # Errors
/// [`Failure::Token`].
pub fn start(
    stage: &Rc<Stage>,
    phase: &watch::Sender<Phase>,
) -> Result<Vec<JoinHandle<Option<Witness>>>, Failure> {
    let share = stage.plan.share as usize;
    let mut tasks = Vec::new();
    if stage.plan.settings.messages > 0.0 {
        tasks.push(tokio::task::spawn_local(write(
            Rc::clone(stage),
            ways(stage, share)?,
            phase.subscribe(),
        )));
    }
    if stage.plan.settings.adapter && share == 0 {
        tasks.push(tokio::task::spawn_local(read(
            Rc::clone(stage),
            ways(stage, share)?,
            phase.subscribe(),
        )));
    }
    Ok(tasks)
}

/// HTTP at each hub, this share's own first.
fn ways(stage: &Stage, share: usize) -> Result<Vec<Http>, Failure> {
    (0..stage.plan.bases.len())
        .map(|more| stage.http(share + more, "adapter", Role::Channel))
        .collect()
}

/// A message that was sent, when it was due, by which way, and what came of it.
struct Sent {
    call: Option<CallId>,
    answer: Result<(bool, IngestAnswer), HttpError>,
    message: Ingest,
    due_us: u64,
    tries: usize,
}

/// Messages under way, and by which ways they go.
struct Post {
    stage: Rc<Stage>,
    ways: Vec<Http>,
    recorder: Recorder,
    under_way: JoinSet<Sent>,
}

impl Post {
    /// Sends a message for the so-manieth time, from 0.
    fn send(&mut self, message: Ingest, due_us: u64, tries: usize) {
        let (http, stage) = (self.ways[tries % self.ways.len()].clone(), Rc::clone(&self.stage));
        let call = self.recorder.ingest(&message);
        self.under_way.spawn_local(async move {
            if tries > 0 {
                tokio::time::sleep(AGAIN).await;
            }
            let answer = http.ingest(&message).await;
            stage.tally.borrow_mut().lag(Lag::Message, due_us);
            Sent {
                call,
                answer,
                message,
                due_us,
                tries,
            }
        });
    }

    /// Takes note of what came of one; where faults are made, it is tried again with its key.
    fn settle(&mut self, done: Option<Result<Sent, tokio::task::JoinError>>) {
        let Some(Ok(sent)) = done else {
            return;
        };
        self.recorder.ingested(sent.call, &sent.answer);
        let error = match sent.answer {
            Ok(_) => return self.stage.tally.borrow_mut().count(Count::Messages),
            Err(error) => error,
        };
        let faults = self.stage.plan.faults;
        let mut tally = self.stage.tally.borrow_mut();
        if passes(&error) && (faults || error.code().is_some()) {
            tally.count(Count::Refused);
        } else {
            tally.trouble(format!("a message over HTTP was not taken: {error}"));
        }
        drop(tally);
        if faults && passes(&error) && sent.tries < TRIES {
            self.send(sent.message, sent.due_us, sent.tries + 1);
        }
    }
}

/// Customers write: mostly those who have written before, now and then a new one, now and then the same twice.
async fn write(stage: Rc<Stage>, ways: Vec<Http>, mut phase: watch::Receiver<Phase>) -> Option<Witness> {
    let plan = &stage.plan;
    let mut post = Post {
        recorder: Recorder::new("customers", &plan.workspace, plan.oracle, false),
        stage: Rc::clone(&stage),
        ways,
        under_way: JoinSet::new(),
    };
    let mut rng = ChaCha8Rng::seed_from_u64(plan.settings.seed);
    rng.set_stream((1 << 41) + u64::from(plan.share));
    let rate = plan.settings.messages / f64::from(plan.settings.processes);
    let end_us = u64::try_from(plan.settings.duration.0.as_micros()).unwrap_or(u64::MAX);
    let mut known = plan.settings.conversations as usize;
    for round in 0_u64.. {
        let at_us = clock::micros(round as f64 / rate);
        let due_us = stage.start_us.get() + at_us;
        if at_us >= end_us || rested(&mut phase, due_us).await {
            break;
        }
        while post.under_way.len() >= UNDER_WAY {
            let done = post.under_way.join_next().await;
            post.settle(done);
        }
        while let Some(done) = post.under_way.try_join_next() {
            post.settle(Some(done));
        }
        let is_new = rng.random_bool(0.1);
        let customer = if is_new {
            known
        } else {
            rng.random_range(0..plan.settings.conversations as usize)
        };
        known += usize::from(is_new);
        let key = format!("{}-{}-{round}", plan.run, plan.share);
        // Shares do not know of one another's new customers.
        let customer = if is_new {
            customer * plan.settings.processes as usize + plan.share as usize
        } else {
            customer
        };
        let text = wire::marked(due_us, plan.settings.text_bytes, "message");
        let Ok(message) = message(&plan.run, key, customer, text) else {
            break;
        };
        let times = if rng.random_bool(0.02) { 2 } else { 1 };
        for _ in 0..times {
            post.send(message.clone(), due_us, 0);
        }
    }
    while let Some(done) = post.under_way.join_next().await {
        post.settle(Some(done));
    }
    post.recorder.into_witness()
}

/// Waits for a moment; true when it is time to rest.
async fn rested(phase: &mut watch::Receiver<Phase>, due_us: u64) -> bool {
    loop {
        if !matches!(*phase.borrow_and_update(), Phase::Gather | Phase::Work) {
            return true;
        }
        tokio::select! {
            () = tokio::time::sleep_until(clock::instant(due_us)) => return false,
            changed = phase.changed() => if changed.is_err() { return true },
        }
    }
}

/// Whether an error may be gone at the next try.
fn passes(error: &HttpError) -> bool {
    matches!(error.code(), None | Some(Code::Unavailable | Code::RateLimited))
}

/// An adapter: every reply of the channel, once and in order, each reported as delivered.
async fn read(stage: Rc<Stage>, ways: Vec<Http>, mut phase: watch::Receiver<Phase>) -> Option<Witness> {
    let mut recorder = Recorder::new("adapter", &stage.plan.workspace, stage.plan.oracle, false);
    let mut after = 0;
    let mut last_look = false;
    let faults = stage.plan.faults;
    let mut way = 0;
    loop {
        let http = &ways[way % ways.len()];
        let resting = !matches!(*phase.borrow_and_update(), Phase::Gather | Phase::Work);
        let page = http
            .outbox(CHANNEL, after, PAGE, if resting { 0 } else { POLL_S })
            .await;
        let page = match page {
            Ok(page) => page,
            Err(error) if faults && passes(&error) => {
                way += 1;
                tokio::time::sleep(AGAIN).await;
                continue;
            }
            Err(error) => {
                stage
                    .tally
                    .borrow_mut()
                    .trouble(format!("the outbox cannot be read: {error}"));
                break;
            }
        };
        let from = after;
        for entry in &page.events {
            if entry.seq <= after {
                stage
                    .tally
                    .borrow_mut()
                    .trouble(format!("the outbox gave {} after {after}", entry.seq));
            }
            after = after.max(entry.seq);
            let Some(Event::MessageSent { message, .. }) = entry.known() else {
                continue;
            };
            {
                let mut tally = stage.tally.borrow_mut();
                tally.count(Count::Outbox);
                if let Some(mark) = wire::mark(&message.text).filter(|mark| *mark >= stage.start_us.get()) {
                    tally.lag(Lag::Outbox, mark);
                }
            }
            report(&stage, &mut recorder, (&ways, way), message.id).await;
        }
        recorder.outbox(CHANNEL, from, &page);
        after = after.max(page.next);
        // Once more after everybody rests, so that nothing is left in the outbox.
        if resting && page.events.is_empty() {
            if last_look {
                break;
            }
            last_look = stage.rested.get() >= stage.ready.get();
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }
    recorder.into_witness()
}

/// Says that a reply was delivered, by one way after the other where faults are expected.
async fn report(stage: &Stage, recorder: &mut Recorder, (ways, first): (&[Http], usize), message: MessageId) {
    let delivery = Delivery {
        message,
        state: DeliveryState::Delivered,
        reason: None,
    };
    let mut tries = 0;
    let done = loop {
        let call = recorder.deliver(&delivery);
        let done = ways[(first + tries) % ways.len()].deliver(&delivery).await;
        recorder.delivered(call, &done);
        match done {
            Err(error) if stage.plan.faults && passes(&error) && tries < TRIES => tries += 1,
            done => break done,
        }
        tokio::time::sleep(AGAIN).await;
    };
    if let Err(error) = done {
        stage
            .tally
            .borrow_mut()
            .trouble(format!("a delivery was not taken: {error}"));
    }
}
