//! A client as a console is one: it dials, resumes, sends commands, remembers what it was shown, and repeats under the
//! same key what it does not know the end of. What it likes to do is in `workload`.
//! Deliberately absent: judging what it is told, but for answers that nobody asked for.

mod hearing;

use super::cluster::Cluster;
use super::dice::Dice;
use super::env::Env;
use super::network::{Connection, Down, Greeting, Up};
use super::shared::{Phase, Shared};
use super::view::View;
use dibs_loadtest::oracle::Witness;
use dibs_protocol::command::Command;
use dibs_protocol::frame::Resume;
use dibs_protocol::ids::ConversationId;
use dibs_protocol::time::Time;
use dibs_rules::context::Agent;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::time::{Instant, sleep, sleep_until};

/// Where a client is in the feed, as it may say in `resume`.
#[derive(Debug, Clone)]
pub(super) struct Cursor {
    epoch: String,
    seq: u64,
    hash: Option<String>,
}

/// One client.
pub(super) struct Client {
    pub(super) env: Arc<Env>,
    pub(super) cluster: Arc<Cluster>,
    pub(super) shared: Arc<Shared>,
    /// Its number among all clients.
    pub(super) number: usize,
    pub(super) name: String,
    pub(super) me: Arc<Agent>,
    pub(super) dice: Dice,
    pub(super) connection: Option<Connection>,
    /// The stay that began with the welcome.
    stay: Option<usize>,
    pub(super) next_at: Instant,
    pub(super) left: usize,
    next_id: i64,
    pub(super) keys: usize,
    /// Asked and not answered.
    pub(super) pending: BTreeMap<i64, (Instant, Command)>,
    /// Replies and notes: they leave a key whenever they are answered yes, and may be repeated.
    pub(super) keyed: Vec<Command>,
    /// Sent with a key, and not answered before the line was cut, or answered `unavailable`.
    pub(super) unknown: Vec<Command>,
    cursor: Option<Cursor>,
    resyncing: bool,
    pub(super) watching: BTreeSet<ConversationId>,
    /// The highest `seq` shown, by conversation.
    pub(super) shown: BTreeMap<ConversationId, u64>,
    /// The claims it holds, as far as it knows.
    pub(super) tokens: BTreeMap<ConversationId, u64>,
    pub(super) views: BTreeMap<String, View>,
    /// What it was told when it looked at everything.
    pub(super) looked: BTreeMap<i64, (Command, Option<BTreeMap<String, Value>>)>,
    looking: bool,
    satisfied: bool,
    /// What the oracle gets to see.
    pub(super) witness: Witness,
}

impl Client {
    pub(super) fn new(
        (env, cluster, shared): (&Arc<Env>, &Arc<Cluster>, &Arc<Shared>),
        number: usize,
        name: String,
        me: Arc<Agent>,
    ) -> Self {
        Self {
            witness: Witness::new(&name, env.detail).of(&env.workspace),
            env: env.clone(),
            cluster: cluster.clone(),
            shared: shared.clone(),
            number,
            name,
            me,
            dice: Dice::new(env.plan.seed, 1_000_000 + number as u64),
            connection: None,
            stay: None,
            next_at: Instant::now(),
            left: env.plan.actions,
            next_id: 1,
            keys: 0,
            pending: BTreeMap::new(),
            keyed: Vec::new(),
            unknown: Vec::new(),
            cursor: None,
            resyncing: false,
            watching: BTreeSet::new(),
            shown: BTreeMap::new(),
            tokens: BTreeMap::new(),
            views: BTreeMap::new(),
            looked: BTreeMap::new(),
            looking: false,
            satisfied: false,
        }
    }

    /// Lives until everybody leaves.
    pub(super) async fn run(mut self) -> Self {
        let shared = self.shared.clone();
        loop {
            let phase = shared.phase.get();
            if phase == Phase::Leave {
                // What it was shown stays, to be judged.
                self.connection = None;
                if let Some(stay) = self.stay.take() {
                    self.shared.gone(stay);
                }
                return self;
            }
            self.looking &= phase == Phase::Look;
            let Some(connection) = &mut self.connection else {
                self.dial().await;
                continue;
            };
            tokio::select! {
                biased;
                down = connection.down.recv() => match down {
                    Some(Down::Frame(bytes)) => self.hear(&bytes),
                    Some(Down::Closed) | None => self.cut(true),
                },
                _ = shared.phase.until(|it| it != phase) => self.next_at = Instant::now(),
                () = sleep_until(self.next_at) => self.turn(phase),
            }
            self.tell_how_it_is();
        }
    }

    fn tell_how_it_is(&self) {
        // Who fell behind waits for the snapshots that were announced.
        let idle = self.stay.is_some() && self.pending.is_empty() && !self.resyncing;
        let mut how = self.shared.how.lock();
        how[self.number].satisfied = self.satisfied;
        how[self.number].idle = idle;
        how[self.number].looked = self.looking && idle;
    }

    /// The client's own time has come.
    fn turn(&mut self, phase: Phase) {
        let patience = self.env.plan.patience();
        if self.stay.is_none() {
            // No welcome came: it tries elsewhere.
            return self.cut(true);
        }
        match phase {
            Phase::Busy if self.left > 0 => {
                self.left -= 1;
                self.next_at = Instant::now() + self.dice.ms(1, self.env.plan.think_ms);
                self.act();
            }
            Phase::Look if !self.looking => {
                self.looking = true;
                self.look();
                self.next_at = Instant::now() + patience;
            }
            _ => {
                self.satisfied = self.left == 0;
                self.next_at = Instant::now() + patience;
            }
        }
    }

    async fn dial(&mut self) {
        if self.env.plan.redial_ms > 0 {
            sleep(self.dice.ms(0, self.env.plan.redial_ms)).await;
        }
        let instances = self.env.plan.instances;
        let at = match self.env.plan.pinned {
            true => self.number % instances,
            false => self.dice.below(instances),
        };
        let Some(to) = self.cluster.running(at) else {
            return sleep(self.dice.ms(50, 500)).await;
        };
        let hello = self.take_id();
        let resume = self.cursor.clone().filter(|_| self.dice.chance(850));
        let resume = resume.map(|it| Resume {
            epoch: it.epoch,
            seq: it.seq,
            hash: it.hash,
            watching: self.watching.iter().copied().collect(),
        });
        self.env
            .note(|| format!("{} dials {at} with {resume:?}", self.name));
        if resume.is_none() {
            self.forget();
        }
        self.shared.dialled(&self.me.id, &to.life);
        self.witness.dialled(self.env.moment());
        self.witness.hello(self.env.moment(), hello, resume.as_ref());
        let greeting = Greeting {
            agent: self.me.clone(),
            hello,
            resume,
        };
        self.connection = Some(Connection::dial(&self.env, to, greeting));
        self.next_at = Instant::now() + self.env.plan.patience();
    }

    fn forget(&mut self) {
        self.watching.clear();
        self.cursor = None;
    }

    /// The line is cut.
    pub(super) fn cut(&mut self, lost: bool) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        self.env.note(|| format!("{} is cut", self.name));
        connection.cut(lost);
        self.witness.cut(self.env.moment());
        if let Some(stay) = self.stay.take() {
            self.shared.gone(stay);
        }
        let pending = std::mem::take(&mut self.pending).into_values();
        let pending = pending.map(|(_, command)| command);
        self.unknown.extend(pending.filter(|it| it.key().is_some()));
        self.views.clear();
        self.tokens.clear();
        self.resyncing = false;
        self.looking = false;
        self.next_at = Instant::now() + self.dice.ms(1, 800);
    }

    pub(super) fn take_id(&mut self) -> i64 {
        self.next_id += 1;
        self.next_id
    }

    /// Sends a command.
    pub(super) fn ask(&mut self, command: impl Into<Command>) -> i64 {
        let (id, command) = (self.take_id(), command.into());
        let Some(connection) = &mut self.connection else {
            return id;
        };
        self.env.note(|| format!("{} > {id} {command:?}", self.name));
        if matches!(command, Command::Reply(_) | Command::Note(_)) {
            self.keyed.push(command.clone());
        }
        self.pending.insert(id, (Instant::now(), command.clone()));
        self.witness.sent_command(self.env.moment(), id, &command);
        connection.send(&self.env, Up::Command(id, Box::new(command)));
        id
    }

    /// Tells the oracle what it shows now that all is quiet, at this head of the feed.
    pub(super) fn bear_witness(&mut self, head: u64, now: Time) {
        if !self.looking {
            return;
        }
        let moment = self.env.moment();
        self.witness.quiet(moment, head);
        for view in self.views.values() {
            self.witness.view_at_quiet(view.at_quiet(moment, &self.me, now));
        }
    }
}
