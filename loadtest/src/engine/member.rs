//! A member: one session from its first dial to the end, following its script, coming back when its connection ends.
//! What it knows and decides is in `desk`.

use crate::engine::clock;
use crate::engine::desk::Desk;
use crate::engine::recorder::Recorder;
use crate::engine::script::{Action, Deed, Part, Script, watched};
use crate::engine::stage::{Phase, Stage};
use crate::engine::tally::{Count, Lag};
use crate::engine::wire;
use crate::lean::kind;
use dibs_client::backoff::Backoff;
use dibs_client::dial::{self, Socket};
use dibs_client::{Closed, ConnectError};
use dibs_protocol::close::ComeBack;
use dibs_protocol::event::{Actor, EventEntry};
use dibs_protocol::frame::{Hello, ServerFrame, TypingSignal};
use dibs_protocol::ids::ConversationId;
use dibs_protocol::terms::Typing;
use dibs_protocol::time::Time;
use futures_util::{SinkExt, StreamExt};
use std::iter::Peekable;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Message;

/// How long a slow reader pauses after each frame, in microseconds.
const PAUSE_US: u64 = 500_000;
/// How long dialling and the welcome may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a connection ended.
enum End {
    /// Everything is over.
    Over,
    /// The plan ended it, then.
    Dropped(u64),
    /// Something else did.
    Closed(Closed),
}

/// One session.
pub struct Member {
    stage: Rc<Stage>,
    desk: Desk,
    index: usize,
    phase: watch::Receiver<Phase>,
    now: Phase,
    script: Peekable<Script>,
    window: usize,
    watching: Vec<ConversationId>,
    list: bool,
    slow: bool,
    read_again_us: u64,
    /// The hello was resumed, and the replay is still coming.
    replaying: bool,
    /// When the connection was lost, until everything is there again.
    lost_us: Option<u64>,
    is_ready: bool,
    is_rested: bool,
    is_settled: bool,
}

impl Member {
    /// A member that has not dialled yet.
    #[must_use]
    pub fn new(stage: &Rc<Stage>, part: Part, phase: watch::Receiver<Phase>) -> Self {
        let settings = &stage.plan.settings;
        let agents = settings.agents as usize;
        let (name, index, window) = match part {
            Part::Agent(index) => (format!("a{index}"), index as usize, 1),
            Part::Writer(index) => (
                format!("writer{index}"),
                agents + index as usize,
                settings.in_flight.into(),
            ),
        };
        let agent = match part {
            Part::Agent(index) => Some(index),
            Part::Writer(_) => None,
        };
        let places = agent.into_iter().flat_map(|index| watched(settings, index));
        let now = phase.borrow().clone();
        Self {
            desk: Desk::new(name, stage),
            index,
            now,
            phase,
            script: Script::new(settings, part).peekable(),
            window,
            watching: places.map(|place| stage.conversation(place)).collect(),
            list: settings.list && agent.is_some(),
            // The last agents are the slow ones.
            slow: agent.is_some_and(|index| index >= settings.agents - settings.slow),
            read_again_us: 0,
            replaying: false,
            lost_us: None,
            is_ready: false,
            is_rested: false,
            is_settled: false,
            stage: Rc::clone(stage),
        }
    }

    /// Lives until the end of the run; what is left is what the oracle is shown.
    pub async fn live(mut self, delay: Duration) -> Recorder {
        tokio::time::sleep(delay).await;
        let mut backoff = Backoff::default();
        loop {
            let closed = match self.connect().await {
                Ok(socket) => {
                    backoff = Backoff::default();
                    self.stage.tally.borrow_mut().connected += 1;
                    let end = self.converse(socket).await;
                    self.stage.tally.borrow_mut().connected -= 1;
                    self.desk.cut();
                    match end {
                        End::Over => break,
                        End::Dropped(at_us) => {
                            self.lost(at_us, Count::Drops);
                            continue;
                        }
                        End::Closed(closed) => {
                            self.lost(clock::now_us(), Count::Cuts);
                            closed
                        }
                    }
                }
                Err(ConnectError::Closed(closed)) => closed,
                Err(error) => Closed::cut(&error.to_string()),
            };
            if matches!(self.now, Phase::Gather) || closed.then() == ComeBack::StayAway {
                self.desk.trouble(format!("is out: {closed}"));
                self.stage.changed.notify_one();
                break;
            }
            let Some(wait) = backoff.next(closed.then(), Duration::ZERO) else {
                break;
            };
            if self.wait(wait).await {
                break;
            }
        }
        self.desk.recorder
    }

    fn lost(&mut self, at_us: u64, count: Count) {
        self.stage.tally.borrow_mut().count(count);
        self.lost_us.get_or_insert(at_us);
        self.read_again_us = 0;
    }

    /// Waits before dialling again; true when everything is over.
    async fn wait(&mut self, wait: Duration) -> bool {
        let end = tokio::time::Instant::now() + wait;
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(end) => return false,
                changed = self.phase.changed() => {
                    self.now = self.phase.borrow_and_update().clone();
                    if changed.is_err() || matches!(self.now, Phase::End) {
                        return true;
                    }
                }
            }
        }
    }

    async fn connect(&mut self) -> Result<Socket, ConnectError> {
        let permit = self.stage.dialling.acquire().await;
        let begun = clock::now_us();
        let options = self.stage.dialling(self.index, self.slow);
        let mut socket = dial::websocket(&self.stage.url(self.index), &options).await?;
        let token = self
            .stage
            .token(&self.desk.name)
            .map_err(|error| Closed::cut(&error.to_string()))?;
        let hello = Hello {
            token,
            client: options.name,
            resume: self.desk.cursor.resume(),
        };
        self.desk.recorder.hello(1, &hello);
        send(&mut socket, wire::hello(1, &hello)?).await?;
        socket.flush().await.map_err(Closed::from)?;
        let welcome = async {
            loop {
                let text = read(&mut socket).await?;
                match serde_json::from_str(&text)? {
                    ServerFrame::Welcome(welcome) => return Ok::<_, ConnectError>(welcome),
                    ServerFrame::Error(error) => {
                        return Err(Closed {
                            refusal: Some(error.refusal.clone()),
                            ..Closed::cut(&error.refusal.to_string())
                        }
                        .into());
                    }
                    _ => {}
                }
            }
        };
        let welcome = tokio::time::timeout(PATIENCE, welcome)
            .await
            .unwrap_or(Err(ConnectError::Timeout))?;
        drop(permit);
        let mut tally = self.stage.tally.borrow_mut();
        tally.lag(Lag::Welcome, begun);
        if hello.resume.is_some() {
            tally.count(if welcome.resumed {
                Count::Resumed
            } else {
                Count::Anew
            });
        }
        drop(tally);
        self.replaying = welcome.resumed;
        self.desk.cursor.welcomed(&welcome);
        self.desk
            .holds(welcome.claims.iter().map(|it| (it.conversation, it.token)));
        self.desk.recorder.frame(&ServerFrame::Welcome(welcome));
        for (id, command) in self.desk.standing(&self.watching, self.list) {
            send(&mut socket, wire::command(id, &command)?).await?;
        }
        socket.flush().await.map_err(Closed::from)?;
        self.standing_done();
        Ok(socket)
    }

    async fn converse(&mut self, mut socket: Socket) -> End {
        loop {
            let wake = match self.act(&mut socket).await {
                Ok(wake) => wake,
                Err(end) => return end,
            };
            let reads = clock::now_us() >= self.read_again_us;
            let wake = if reads { wake } else { wake.min(self.read_again_us) };
            tokio::select! {
                biased;
                changed = self.phase.changed() => {
                    self.now = self.phase.borrow_and_update().clone();
                    if changed.is_err() || matches!(self.now, Phase::End) {
                        return End::Over;
                    }
                    if !matches!(self.now, Phase::Work) {
                        self.read_again_us = 0;
                    }
                    self.look_around();
                }
                () = tokio::time::sleep_until(clock::instant(wake)), if wake < u64::MAX => {}
                text = read(&mut socket), if reads => match text {
                    Ok(text) => {
                        if let Err(end) = self.take(&text, &mut socket).await {
                            return end;
                        }
                    }
                    Err(closed) => return End::Closed(closed),
                }
            }
        }
    }

    /// Does what is due, and says when the next step is: never, while nothing may be begun.
    async fn act(&mut self, socket: &mut Socket) -> Result<u64, End> {
        if !matches!(self.now, Phase::Work) || self.lost_us.is_some() {
            return Ok(u64::MAX);
        }
        let (start, closed_loop) = (self.stage.start_us.get(), self.stage.plan.settings.rate <= 0.0);
        let mut fed = false;
        let wake = loop {
            let Some(action) = self.script.peek().copied() else {
                break u64::MAX;
            };
            let now = clock::now_us();
            let due = if closed_loop {
                now.max(start + action.at_us)
            } else {
                start + action.at_us
            };
            if due > now {
                break due;
            }
            if action.deed == Deed::Drop {
                self.script.next();
                return Err(End::Dropped(due));
            }
            if self.desk.pending.len() >= self.window {
                break u64::MAX;
            }
            self.script.next();
            if let Some(text) = self.text_of(action, due) {
                send(socket, text).await.map_err(End::Closed)?;
                fed = true;
            }
        };
        if fed {
            socket.flush().await.map_err(|error| End::Closed(error.into()))?;
        }
        Ok(wake)
    }

    /// A step of the plan as a frame; nothing where it does not apply.
    fn text_of(&mut self, action: Action, due_us: u64) -> Option<String> {
        if let Deed::Typing(on) = action.deed {
            let conversation = self.stage.conversation(action.conversation);
            self.desk.cursor.version(conversation)?;
            let signal = TypingSignal {
                conversation,
                into: Typing::Reply,
                on,
            };
            self.desk.recorder.typing(&signal);
            self.stage.tally.borrow_mut().count(Count::Typing);
            return wire::typing(&signal).ok();
        }
        let (id, command) = self.desk.command(action, due_us)?;
        wire::command(id, &command).ok()
    }

    /// A frame came.
    async fn take(&mut self, text: &str, socket: &mut Socket) -> Result<(), End> {
        self.stage.tally.borrow_mut().add(Count::Bytes, text.len() as u64);
        if self.slow && matches!(self.now, Phase::Work) && self.is_ready {
            self.read_again_us = clock::now_us() + PAUSE_US;
        }
        match kind(text) {
            "event" => self.event(text),
            "view_changed" => self.list_changed(text),
            "viewers" | "activity" | "presence" | "summary" | "read_marks" | "mention" => self.other(text),
            _ => {
                if let Some(next) = self.decoded(text) {
                    send(socket, next).await.map_err(End::Closed)?;
                    socket.flush().await.map_err(|error| End::Closed(error.into()))?;
                }
            }
        }
        self.look_around();
        Ok(())
    }

    fn event(&mut self, text: &str) {
        let Some((seq, conversation)) = wire::event_header(text) else {
            self.desk.trouble("an event that cannot be read".to_owned());
            return;
        };
        let mut tally = self.stage.tally.borrow_mut();
        tally.count(Count::Events);
        if let Some(mark) = wire::mark(text).filter(|mark| *mark >= self.stage.start_us.get()) {
            tally.lag(Lag::Delivery, mark);
        }
        drop(tally);
        self.desk.recorder.event(conversation, seq);
        let event = serde_json::Value::Null;
        self.desk.cursor.event(&EventEntry {
            seq,
            conversation: Some(conversation),
            at: Time(0),
            actor: Actor::System,
            event,
        });
    }

    fn list_changed(&mut self, text: &str) {
        let next = self
            .stage
            .screens
            .borrow_mut()
            .next(self.desk.screen.as_ref(), text);
        let mut tally = self.stage.tally.borrow_mut();
        tally.count(Count::Lists);
        let mark = next.as_ref().and_then(|it| it.mark_us);
        if let Some(mark) = mark.filter(|mark| *mark >= self.stage.start_us.get()) {
            tally.lag(Lag::List, mark);
        }
        drop(tally);
        match next {
            Some(screen) => self.desk.screen = Some(screen),
            None => self
                .desk
                .trouble("a change of a list that is not open or cannot be read".to_owned()),
        }
    }

    fn other(&mut self, _text: &str) {
        self.stage.tally.borrow_mut().count(Count::Others);
    }

    /// A frame that is decoded; gives what is to be sent at once.
    fn decoded(&mut self, text: &str) -> Option<String> {
        // A frame of a kind that this program does not know is no fault.
        let frame: ServerFrame = serde_json::from_str(text).ok()?;
        self.desk.recorder.frame(&frame);
        self.desk.cursor.push(&frame);
        match frame {
            ServerFrame::Ok(ok) => self.answer(ok.id, Ok(ok.fields)),
            ServerFrame::Error(error) => match error.id {
                Some(id) => self.answer(id, Err(error.refusal)),
                None => {
                    self.desk.trouble(format!("was told {}", error.refusal));
                    None
                }
            },
            ServerFrame::Position { .. } => {
                self.replaying = false;
                self.standing_done();
                None
            }
            ServerFrame::Resync { .. } => {
                self.stage.tally.borrow_mut().count(Count::Resyncs);
                None
            }
            ServerFrame::Snapshot(_) => {
                if let Some(screen) = self
                    .stage
                    .screens
                    .borrow_mut()
                    .next(self.desk.screen.as_ref(), text)
                {
                    self.desk.screen = Some(screen);
                }
                None
            }
            ServerFrame::ClaimLost {
                conversation, token, ..
            } => {
                self.desk.lost(conversation, token);
                None
            }
            _ => None,
        }
    }

    fn answer(
        &mut self,
        id: i64,
        result: Result<dibs_client::Fields, dibs_protocol::refusal::Refusal>,
    ) -> Option<String> {
        let next = self.desk.answered(id, result);
        self.standing_done();
        next.and_then(|(id, command)| wire::command(id, &command).ok())
    }

    /// Whether all that one has open all the time is there: for the first time, or again.
    fn standing_done(&mut self) {
        if self.replaying || self.desk.pending.values().any(|it| it.standing) {
            return;
        }
        if let Some(lost_us) = self.lost_us.take() {
            self.stage.tally.borrow_mut().lag(Lag::Back, lost_us);
        }
        if !self.is_ready {
            self.is_ready = true;
            self.stage.bump(&self.stage.ready);
        }
    }

    /// Whether what the phase waits for is so.
    fn look_around(&mut self) {
        let free = self.desk.pending.is_empty() && self.lost_us.is_none();
        match &self.now {
            Phase::Rest if free && !self.is_rested => {
                self.is_rested = true;
                self.stage.bump(&self.stage.rested);
            }
            Phase::Quiet(targets) if free && !self.is_settled => {
                let versions = |id: ConversationId| targets.versions.get(&id).copied().unwrap_or_default();
                let mut watching = self.desk.cursor.watching();
                let events = watching.all(|id| self.desk.cursor.version(id) >= Some(versions(id)));
                let list = match (&targets.list, &self.desk.screen) {
                    (Some(rows), Some(screen)) if self.list => screen.shows(rows),
                    _ => true,
                };
                if events && list {
                    self.is_settled = true;
                    self.stage.bump(&self.stage.settled);
                }
            }
            _ => {}
        }
    }
}

async fn send(socket: &mut Socket, text: String) -> Result<(), Closed> {
    Ok(socket.feed(Message::text(text)).await?)
}

/// The next text frame. Cancelling loses nothing.
async fn read(socket: &mut Socket) -> Result<tokio_tungstenite::tungstenite::Utf8Bytes, Closed> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => return Ok(text),
            Some(Ok(Message::Close(frame))) => {
                socket.flush().await.ok();
                let (code, reason) = frame.map_or((1005, String::new()), |it| {
                    (it.code.into(), it.reason.to_string())
                });
                return Err(Closed {
                    code,
                    reason,
                    refusal: None,
                });
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(error.into()),
            None => return Err(Closed::cut("the line was cut")),
        }
    }
}
