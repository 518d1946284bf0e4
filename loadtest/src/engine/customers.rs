//! The side of the customers: messages over HTTP at their pace, and an adapter that reads the outbox and reports what it
//! has delivered. They end by themselves at rest.

use crate::engine::clock;
use crate::engine::recorder::Recorder;
use crate::engine::stage::{Phase, Stage};
use crate::engine::tally::{Count, Lag};
use crate::engine::wire;
use crate::failure::Failure;
use dibs_client::{Http, HttpError};
use dibs_protocol::event::{Customer, Event};
use dibs_protocol::http::{Delivery, Ingest, IngestAnswer};
use dibs_protocol::ids::{BadId, ChannelId, CustomerId};
use dibs_protocol::refusal::Code;
use dibs_protocol::terms::{DeliveryState, Role};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::rc::Rc;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// The channel of all customers.
pub const CHANNEL: &str = "mail";
/// How many requests of a process may be under way; at the bound customers wait, which counts as latency.
const UNDER_WAY: usize = 256;
/// How long the adapter waits for the first reply.
const POLL_S: u64 = 1;
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
pub fn start(stage: &Rc<Stage>, phase: &watch::Sender<Phase>) -> Result<Vec<JoinHandle<Recorder>>, Failure> {
    let share = stage.plan.share as usize;
    let mut tasks = Vec::new();
    if stage.plan.settings.messages > 0.0 {
        let http = stage.http(share, "adapter", Role::Channel)?;
        tasks.push(tokio::task::spawn_local(write(
            Rc::clone(stage),
            http,
            phase.subscribe(),
        )));
    }
    if stage.plan.settings.adapter && share == 0 {
        let http = stage.http(share, "adapter", Role::Channel)?;
        tasks.push(tokio::task::spawn_local(read(
            Rc::clone(stage),
            http,
            phase.subscribe(),
        )));
    }
    Ok(tasks)
}

type Sent = (Ingest, Result<(bool, IngestAnswer), HttpError>);

/// Customers write: mostly those who have written before, now and then a new one, now and then the same twice.
async fn write(stage: Rc<Stage>, http: Http, mut phase: watch::Receiver<Phase>) -> Recorder {
    let plan = &stage.plan;
    let mut recorder = Recorder::new("adapter", plan.oracle);
    let mut rng = ChaCha8Rng::seed_from_u64(plan.settings.seed);
    rng.set_stream((1 << 41) + u64::from(plan.share));
    let rate = plan.settings.messages / f64::from(plan.settings.processes);
    let end_us = u64::try_from(plan.settings.duration.0.as_micros()).unwrap_or(u64::MAX);
    let mut under_way: JoinSet<Sent> = JoinSet::new();
    let mut known = plan.settings.conversations as usize;
    for round in 0_u64.. {
        let at_us = clock::micros(round as f64 / rate);
        let due_us = stage.start_us.get() + at_us;
        if at_us >= end_us || rested(&mut phase, due_us).await {
            break;
        }
        while under_way.len() >= UNDER_WAY {
            settle(&stage, &mut recorder, under_way.join_next().await);
        }
        while let Some(done) = under_way.try_join_next() {
            settle(&stage, &mut recorder, Some(done));
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
            let (http, message, stage) = (http.clone(), message.clone(), Rc::clone(&stage));
            recorder.ingest(&message);
            under_way.spawn_local(async move {
                let answer = http.ingest(&message).await;
                stage.tally.borrow_mut().lag(Lag::Message, due_us);
                (message, answer)
            });
        }
    }
    while let Some(done) = under_way.join_next().await {
        settle(&stage, &mut recorder, Some(done));
    }
    recorder
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

fn settle(stage: &Stage, recorder: &mut Recorder, done: Option<Result<Sent, tokio::task::JoinError>>) {
    let Some(Ok((message, answer))) = done else {
        return;
    };
    recorder.ingested(&message, &answer);
    let mut tally = stage.tally.borrow_mut();
    match answer {
        Ok(_) => tally.count(Count::Messages),
        Err(error) if matches!(error.code(), Some(Code::Unavailable | Code::RateLimited)) => {
            tally.count(Count::Refused)
        }
        Err(error) => tally.trouble(format!("a message over HTTP was not taken: {error}")),
    }
}

/// An adapter: every reply of the channel, once and in order, each reported as delivered.
async fn read(stage: Rc<Stage>, http: Http, mut phase: watch::Receiver<Phase>) -> Recorder {
    let mut recorder = Recorder::new("adapter", stage.plan.oracle);
    let mut after = 0;
    let mut last_look = false;
    loop {
        let resting = !matches!(*phase.borrow_and_update(), Phase::Gather | Phase::Work);
        let page = http
            .outbox(CHANNEL, after, PAGE, if resting { 0 } else { POLL_S })
            .await;
        let page = match page {
            Ok(page) => page,
            Err(error) => {
                stage
                    .tally
                    .borrow_mut()
                    .trouble(format!("the outbox cannot be read: {error}"));
                break;
            }
        };
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
            let delivery = Delivery {
                message: message.id,
                state: DeliveryState::Delivered,
                reason: None,
            };
            let done = http.deliver(&delivery).await;
            recorder.delivered(&delivery, &done);
            if let Err(error) = done {
                stage
                    .tally
                    .borrow_mut()
                    .trouble(format!("a delivery was not taken: {error}"));
            }
        }
        recorder.outbox(&page.events);
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
    recorder
}
