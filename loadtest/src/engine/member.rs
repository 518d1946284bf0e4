//! A member: one session from its first dial to the end, following its script, coming back when its connection ends.
//! What it knows and decides is in `desk`, what it makes of frames in `reading`.

use crate::engine::clock;
use crate::engine::desk::Desk;
use crate::engine::script::{Action, Deed, Part, Script, watched};
use crate::engine::stage::{Phase, Stage};
use crate::engine::tally::{Count, Lag};
use crate::engine::wire;
use crate::oracle::witness::Witness;
use dibs_client::backoff::Backoff;
use dibs_client::dial::{self, Socket};
use dibs_client::{Closed, ConnectError};
use dibs_protocol::close::ComeBack;
use dibs_protocol::frame::{Hello, ServerFrame, TypingSignal};
use dibs_protocol::ids::ConversationId;
use dibs_protocol::terms::Typing;
use futures_util::{SinkExt, StreamExt};
use std::iter::Peekable;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Message;

/// How many agents show the oracle every byte; the others show what they heard of.
const KEEN: usize = 20;

/// How a connection ended.
pub(super) enum End {
    /// Everything is over.
    Over,
    /// The plan ended it, then.
    Dropped(u64),
    /// Something else did.
    Closed(Closed),
}

/// One session.
pub struct Member {
    pub(super) stage: Rc<Stage>,
    pub(super) desk: Desk,
    pub(super) index: usize,
    /// How often it has gone on to the next hub, where there are several.
    moves: usize,
    pub(super) phase: watch::Receiver<Phase>,
    pub(super) now: Phase,
    pub(super) script: Peekable<Script>,
    pub(super) window: usize,
    pub(super) watching: Vec<ConversationId>,
    pub(super) list: bool,
    pub(super) slow: bool,
    pub(super) read_again_us: u64,
    /// The hello was resumed, and the replay is still coming.
    pub(super) replaying: bool,
    /// Snapshots are still coming, up to a position.
    pub(super) resyncing: bool,
    /// When the connection was lost, until everything is there again.
    pub(super) lost_us: Option<u64>,
    /// The feed's head when everything is quiet.
    pub(super) head: Option<u64>,
    pub(super) is_ready: bool,
    pub(super) is_rested: bool,
    pub(super) is_settled: bool,
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
            desk: Desk::new(name, stage, index < KEEN || agent.is_none()),
            index,
            moves: 0,
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
            resyncing: false,
            lost_us: None,
            head: None,
            is_ready: false,
            is_rested: false,
            is_settled: false,
            stage: Rc::clone(stage),
        }
    }

    /// Lives until the end of the run; what is left is what the oracle is shown.
    pub async fn live(mut self, delay: Duration) -> Option<Witness> {
        tokio::time::sleep(delay).await;
        let mut backoff = Backoff::default();
        loop {
            let closed = match self.connect().await {
                Ok(socket) => {
                    backoff = Backoff::default();
                    self.stage.tally.borrow_mut().connected += 1;
                    let end = self.converse(socket).await;
                    self.stage.tally.borrow_mut().connected -= 1;
                    if matches!(end, End::Over) {
                        self.show_list();
                    }
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
            self.moves += 1;
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
        self.desk.recorder.into_witness()
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
        let mut socket = dial::websocket(&self.stage.url(self.index + self.moves), &options).await?;
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
        let welcome = tokio::time::timeout(self.stage.patience(), welcome)
            .await
            .unwrap_or(Err(ConnectError::Timeout))?;
        drop(permit);
        {
            let mut tally = self.stage.tally.borrow_mut();
            tally.lag(Lag::Welcome, begun);
            if hello.resume.is_some() {
                tally.count(if welcome.resumed {
                    Count::Resumed
                } else {
                    Count::Anew
                });
            }
        }
        self.replaying = welcome.resumed;
        self.resyncing = false;
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
                    if let Phase::Quiet(targets) = &self.now {
                        self.head = Some(targets.head);
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
        let again = self.ask_again(socket).await.map_err(End::Closed)?;
        if !matches!(self.now, Phase::Work) || self.lost_us.is_some() {
            return Ok(again);
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
        Ok(wake.min(again))
    }

    /// Sends what was refused as unavailable once more, and says when there will be something to send again.
    async fn ask_again(&mut self, socket: &mut Socket) -> Result<u64, Closed> {
        let again_us = self.desk.again_us();
        if again_us > clock::now_us() {
            return Ok(again_us);
        }
        for (id, command) in self.desk.ask_again() {
            let text = wire::command(id, &command).map_err(|error| Closed::cut(&error.to_string()))?;
            send(socket, text).await?;
        }
        socket.flush().await?;
        Ok(u64::MAX)
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
            self.stage.tally.borrow_mut().count(Count::Typing);
            return wire::typing(&signal).ok();
        }
        let (id, command) = self.desk.command(action, due_us)?;
        wire::command(id, &command).ok()
    }
}

pub(super) async fn send(socket: &mut Socket, text: String) -> Result<(), Closed> {
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
