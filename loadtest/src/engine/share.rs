//! A share of a run in one process: its members, its customers, and the phases as they are ordered. How the orders come,
//! from the same process or by pipe, is not known here.

use crate::engine::clock;
use crate::engine::customers;
use crate::engine::member::Member;
use crate::engine::recorder::Recorder;
use crate::engine::script::Part;
use crate::engine::stage::{Phase, Plan, Stage, Targets};
use crate::engine::tally::{Beat, Totals};
use crate::failure::Failure;
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How long everybody may take to come in, besides the ramp.
const GATHERING: Duration = Duration::from_secs(120);
/// How long what is under way may take to end, and what was stored to arrive.
const RESTING: Duration = Duration::from_secs(60);

/// What a share is told to do, in this order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Order {
    /// Begin to work, at this moment of the run's clock in microseconds.
    Work(u64),
    /// Begin nothing more.
    Rest,
    /// Wait until everybody has these.
    Quiet(Targets),
    /// End.
    End,
}

/// What a share tells.
#[derive(Serialize, Deserialize)]
pub enum News {
    /// Everybody is in.
    Ready,
    /// A slice of time is over.
    Beat(Beat),
    /// Nothing is under way any longer, but for so many members.
    Rested(usize),
    /// Everybody has everything, but for so many members.
    Settled(usize),
    /// The end.
    Finished(Box<Totals>, Vec<Recorder>),
    /// It cannot go on.
    Failed(String),
}

/// The sending end of a share's news.
pub type Teller = mpsc::UnboundedSender<News>;

struct Share {
    stage: Rc<Stage>,
    phase: watch::Sender<Phase>,
    members: Vec<JoinHandle<Recorder>>,
    customers: Vec<JoinHandle<Recorder>>,
    orders: mpsc::UnboundedReceiver<Order>,
    news: Teller,
}

/// Runs a share until its end, or until whoever gives the orders is gone.
///
/// # Errors
/// [`Failure`].
pub async fn run(plan: Plan, orders: mpsc::UnboundedReceiver<Order>, news: Teller) -> Result<(), Failure> {
    let stage = Rc::new(Stage::new(plan)?);
    let (phase, _) = watch::channel(Phase::Gather);
    let mut share = Share {
        stage,
        phase,
        members: Vec::new(),
        customers: Vec::new(),
        orders,
        news,
    };
    let ended = share.phases().await;
    for task in share.members.iter().chain(&share.customers) {
        task.abort();
    }
    ended
}

impl Share {
    async fn phases(&mut self) -> Result<(), Failure> {
        self.gather().await?;
        self.tell(News::Ready);
        let Some(Order::Work(start_us)) = self.orders.recv().await else {
            return Ok(());
        };
        if !self.work(start_us).await? {
            return Ok(());
        }
        self.phase.send_replace(Phase::Rest);
        let left = self.wait(|stage| &stage.rested, RESTING).await;
        self.stop_customers().await;
        let beat = self.stage.tally.borrow_mut().beat();
        self.tell(News::Beat(beat));
        self.stage.tally.borrow_mut().working = false;
        self.tell(News::Rested(left));
        match self.orders.recv().await {
            Some(Order::Quiet(targets)) => {
                self.phase.send_replace(Phase::Quiet(Rc::new(targets)));
                let left = self.wait(|stage| &stage.settled, RESTING).await;
                self.tell(News::Settled(left));
                self.orders.recv().await;
            }
            Some(Order::End) => {}
            _ => return Ok(()),
        }
        self.phase.send_replace(Phase::End);
        let mut recorders = Vec::new();
        for task in self.members.drain(..).chain(self.customers.drain(..)) {
            recorders.push(task.await.map_err(|error| Failure::wrong(error.to_string()))?);
        }
        recorders.retain(Recorder::is_on);
        let totals = self.stage.tally.borrow().totals();
        self.tell(News::Finished(Box::new(totals), recorders));
        Ok(())
    }

    fn tell(&self, news: News) {
        // Nobody to hear it means that the run is over.
        self.news.send(news).ok();
    }

    fn parts(&self) -> impl Iterator<Item = Part> + use<> {
        let settings = &self.stage.plan.settings;
        let (share, processes) = (self.stage.plan.share, u32::from(settings.processes));
        let agents = (0..settings.agents).map(Part::Agent);
        let writers = (0..settings.writers()).map(Part::Writer);
        let mine =
            move |part: &Part| matches!(part, Part::Agent(it) | Part::Writer(it) if it % processes == share);
        agents.chain(writers).filter(mine)
    }

    /// Everybody comes in, spread over the ramp.
    async fn gather(&mut self) -> Result<(), Failure> {
        let settings = self.stage.plan.settings.clone();
        for part in self.parts() {
            let member = Member::new(&self.stage, part, self.phase.subscribe());
            let delay = match part {
                Part::Agent(index) => settings
                    .ramp
                    .0
                    .mul_f64(f64::from(index) / f64::from(settings.agents)),
                Part::Writer(_) => Duration::ZERO,
            };
            self.members.push(tokio::task::spawn_local(member.live(delay)));
        }
        let stage = Rc::clone(&self.stage);
        let end = Instant::now() + settings.ramp.0 + GATHERING;
        while stage.ready.get() < self.members.len() {
            if let Some(trouble) = stage.tally.borrow().troubles.first() {
                return Err(Failure::wrong(format!("not everybody came in: {trouble}")));
            }
            let late = |_| {
                let (ready, all) = (stage.ready.get(), self.members.len());
                Failure::wrong(format!(
                    "only {ready} of {all} sessions came in within {GATHERING:?}: give a longer --ramp"
                ))
            };
            tokio::select! {
                changed = tokio::time::timeout_at(end, stage.changed.notified()) => changed.map_err(late)?,
                gone = self.orders.recv() => return Err(Failure::wrong(format!("told to end while gathering: {}", gone.is_none()))),
            }
        }
        Ok(())
    }

    /// Everybody works until the order to rest; false when nobody is there to give it.
    async fn work(&mut self, start_us: u64) -> Result<bool, Failure> {
        let stage = &self.stage;
        stage.start_us.set(start_us);
        {
            let mut tally = stage.tally.borrow_mut();
            tally.working = true;
        }
        self.customers = customers::start(stage, &self.phase)?;
        tokio::time::sleep_until(clock::instant(start_us)).await;
        self.phase.send_replace(Phase::Work);
        for slice in 1.. {
            let end = clock::instant(start_us + slice * self.stage.plan.slice_ms * 1_000);
            match tokio::time::timeout_at(end, self.orders.recv()).await {
                Ok(Some(Order::Rest)) => break,
                Ok(_) => return Ok(false),
                Err(_) => {
                    let beat = self.stage.tally.borrow_mut().beat();
                    self.tell(News::Beat(beat));
                }
            }
        }
        Ok(true)
    }

    /// Waits until a counter has counted everybody, so long at most, and gives how many are missing.
    async fn wait(&self, counter: impl Fn(&Stage) -> &Cell<usize>, patience: Duration) -> usize {
        let end = Instant::now() + patience;
        loop {
            let left = self.members.len().saturating_sub(counter(&self.stage).get());
            if left == 0
                || tokio::time::timeout_at(end, self.stage.changed.notified())
                    .await
                    .is_err()
            {
                return left;
            }
        }
    }

    /// Customers and adapters end by themselves at rest.
    async fn stop_customers(&mut self) {
        let end = Instant::now() + RESTING;
        while self.customers.iter().any(|it| !it.is_finished()) && Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
