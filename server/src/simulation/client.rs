//! A client as a console is one: it dials, resumes, sends commands, remembers what it was shown, and repeats under the
//! same key what it does not know the end of. What it likes to do is in `workload`.
//! Deliberately absent: judging what it is told, but for answers that nobody asked for.

use super::cluster::Cluster;
use super::dice::Dice;
use super::env::{Broken, Env};
use super::network::{Connection, Down, Greeting, Up};
use super::view::View;
use super::shared::{Phase, Shared};
use bytes::Bytes;
use dibs_loadtest::oracle::Witness;
use dibs_protocol::command::Command;
use dibs_protocol::event::{Event, EventEntry};
use dibs_protocol::frame::{Resume, ServerFrame, SnapshotFrame, Welcome};
use dibs_protocol::ids::ConversationId;
use dibs_protocol::refusal::{Code, Refusal};
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
    /// Sent with a key: may be repeated.
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
        let idle = self.stay.is_some() && self.pending.is_empty();
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
        if command.key().is_some() {
            self.keyed.push(command.clone());
        }
        self.pending.insert(id, (Instant::now(), command.clone()));
        self.witness.sent_command(self.env.moment(), id, &command);
        connection.send(&self.env, Up::Command(id, Box::new(command)));
        id
    }

    fn hear(&mut self, bytes: &Bytes) {
        self.env.trace(&self.name, bytes);
        match serde_json::from_slice::<ServerFrame>(bytes) {
            Ok(frame) => self.heard(frame),
            Err(error) => {
                let text = String::from_utf8_lossy(bytes);
                self.env
                    .fault(Broken::Answers, format!("{} cannot read a frame: {error}: {text}", self.name));
            }
        }
    }

    fn heard(&mut self, frame: ServerFrame) {
        self.witness.received(self.env.moment(), &frame);
        match frame {
            ServerFrame::Welcome(welcome) => self.welcomed(*welcome),
            ServerFrame::Ok(ok) => match self.pending.remove(&ok.id) {
                Some((sent, command)) => {
                    self.env.answered("ok", sent.elapsed());
                    self.done(ok.id, &command, ok.fields);
                }
                None => self.unasked(ok.id),
            },
            ServerFrame::Error(error) => {
                let id = error.id.unwrap_or(-1);
                match self.pending.remove(&id) {
                    Some((sent, command)) => {
                        self.env.answered(error.refusal.code.as_str(), sent.elapsed());
                        self.refused(id, command, &error.refusal);
                    }
                    None if self.stay.is_none() => {}
                    None => self.unasked(id),
                }
            }
            ServerFrame::Event(entry) => {
                if !self.resyncing {
                    self.advance(entry.seq, None);
                }
                self.see(&entry);
            }
            ServerFrame::Position { seq, hash, .. } => {
                self.resyncing = false;
                self.advance(seq, Some(hash));
            }
            ServerFrame::Resync { .. } => self.resyncing = true,
            ServerFrame::Snapshot(snapshot) => match *snapshot {
                SnapshotFrame::Watch { content, .. } => self.see_all(&content.entries),
                SnapshotFrame::View { view, content } => {
                    if let Some(it) = self.views.get_mut(&view) {
                        it.show(content);
                    }
                }
            },
            ServerFrame::ViewChanged {
                view,
                total,
                upserts,
                removes,
                order,
                ..
            } => {
                if let Some(it) = self.views.get_mut(&view) {
                    it.change(total, upserts, &removes, order);
                }
            }
            ServerFrame::ClaimLost { conversation, .. } => {
                self.tokens.remove(&conversation);
            }
            ServerFrame::ClaimGained { conversation, token, .. } => {
                self.tokens.insert(conversation, token);
            }
            _ => {}
        }
    }

    fn unasked(&self, id: i64) {
        self.env.fault(Broken::Answers, format!(
            "{} was answered {id}, which it did not ask or was answered already.",
            self.name
        ));
    }

    fn advance(&mut self, seq: u64, hash: Option<String>) {
        if let Some(cursor) = &mut self.cursor
            && (seq > cursor.seq || seq == cursor.seq && hash.is_some())
        {
            (cursor.seq, cursor.hash) = (seq, hash);
        }
    }

    fn welcomed(&mut self, welcome: Welcome) {
        let Some(connection) = &self.connection else {
            return;
        };
        self.stay = Some(self.shared.arrived(&self.me.id, &connection.life));
        self.next_at = Instant::now() + self.dice.ms(1, self.env.plan.think_ms);
        if !welcome.resumed {
            self.watching.clear();
            self.cursor = Some(Cursor {
                epoch: welcome.epoch,
                seq: welcome.seq,
                hash: Some(welcome.hash),
            });
        }
        let claims = welcome.claims.into_iter().map(|it| (it.conversation, it.token));
        self.tokens = claims.collect();
    }

    fn see(&mut self, entry: &EventEntry) {
        let Some(conversation) = entry.conversation else { return };
        let shown = self.shown.entry(conversation).or_default();
        *shown = entry.seq.max(*shown);
        if let Some(Event::ClaimGranted { agent, token, .. }) = entry.known() {
            self.shared.learn_token(conversation, token);
            if agent == self.me.id {
                self.tokens.insert(conversation, token);
            }
        }
    }

    fn see_all(&mut self, entries: &[EventEntry]) {
        for entry in entries {
            self.see(entry);
        }
    }

    fn done(&mut self, id: i64, command: &Command, fields: BTreeMap<String, Value>) {
        if let Some(asked) = self.looked.get_mut(&id) {
            asked.1 = Some(fields);
            return;
        }
        let number = |name: &str| fields.get(name).and_then(Value::as_u64);
        match command {
            Command::Watch(it) => {
                self.watching.insert(it.conversation);
                let entries = fields.get("entries").cloned().unwrap_or_default();
                let entries: Vec<EventEntry> = serde_json::from_value(entries).unwrap_or_default();
                self.see_all(&entries);
            }
            Command::Unwatch(it) => {
                self.watching.remove(&it.conversation);
            }
            Command::OpenView(it) => {
                if let Some(view) = View::opened(it, &fields) {
                    self.views.insert(it.view.clone(), view);
                }
            }
            Command::CloseView(it) => {
                self.views.remove(&it.view);
            }
            Command::Release(it) => {
                self.tokens.remove(&it.conversation);
            }
            _ => {
                let opened = fields.get("conversation").and_then(Value::as_str);
                let conversation = opened.and_then(|it| it.parse().ok()).or(command.conversation());
                if let (Some(conversation), Some(token)) = (conversation, number("token")) {
                    self.shared.learn_conversation(conversation);
                    self.shared.learn_token(conversation, token);
                    self.tokens.insert(conversation, token);
                }
            }
        }
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

    fn refused(&mut self, id: i64, command: Command, refusal: &Refusal) {
        if let Some(missed) = &refusal.details.missed {
            self.see_all(missed);
        }
        let (name, code) = (&self.name, refusal.code);
        match code {
            Code::Unavailable if command.key().is_some() => self.unknown.push(command),
            // Whom to give it to may not be known yet.
            Code::Invalid if matches!(command, Command::Transfer(_) | Command::Update(_)) => {}
            Code::Internal | Code::Invalid | Code::UnknownCommand => {
                let fault = format!("{name} was refused {id} {command:?} as {code:?}.");
                self.env.fault(Broken::Answers, fault);
            }
            _ => {}
        }
    }
}
