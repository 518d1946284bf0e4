//! A witness: the history of one client over its life, recorded as it sends and receives. It judges only what needs no log.
//!
//! Every record has a `moment`, taken before a frame leaves and after one has come, from a clock that all witnesses of a run
//! share (nanoseconds of the machine's monotonic clock, or a simulator's step).

use super::call::{Ask, Call, Outcome, Yes, read};
use super::line::Line;
use super::quiet::QuietView;
use super::record::{Detail, Glimpses, Journal, Outboxed, Push, Slips, Told};
use super::span::{Span, Tail};
use super::verdict::Promise;
use super::{digest, journal};
use dibs_client::{Fields, HttpError, Incoming};
use dibs_protocol::answer::{BulkAnswer, EntriesAnswer, ListAnswer, OpenViewAnswer, WatchAnswer};
use dibs_protocol::command::Command;
use dibs_protocol::frame::{AgentInfo, ClientFrame, Resume, ServerFrame, Welcome};
use dibs_protocol::http::{Delivery, Ingest, IngestAnswer, OutboxAnswer, RatingBody};
use dibs_protocol::ids::{AgentId, ConversationId, WorkspaceId};
use dibs_protocol::refusal::Refusal;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A command that was sent, to be answered later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallId(usize);

/// The history of one client: one session at a time, through reconnections.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Witness {
    /// Whose history it is, for people.
    pub name: String,
    /// The workspace that it belongs to.
    pub workspace: Option<WorkspaceId>,
    /// Who it says it is: from the welcome, or a channel's adapter.
    pub agent: Option<AgentInfo>,
    pub(crate) detail: Detail,
    pub(crate) ordered: bool,
    pub(crate) epoch: Option<String>,
    pub(crate) line: Line,
    /// Watches that go on.
    pub(crate) active: BTreeMap<ConversationId, Span>,
    /// Watches that are over.
    pub(crate) spans: Vec<Span>,
    pub(crate) tails: Vec<Tail>,
    pub(crate) calls: Vec<Call>,
    pub(crate) told: Told,
    pub(crate) known: u64,
    pub(crate) glimpses: Glimpses,
    pub(crate) positions: Vec<(String, u64, String)>,
    pub(crate) pushes: Vec<(u64, Push)>,
    pub(crate) outboxed: Vec<Outboxed>,
    pub(crate) views: Vec<QuietView>,
    pub(crate) profiles: BTreeSet<u64>,
    pub(crate) slips: Slips,
    pub(crate) events: u64,
    pub(crate) frames: u64,
    pub(crate) foreign: Vec<String>,
    pub(crate) journal: Option<Journal>,
    /// The `id` of commands that are answered by place: never used on a wire.
    pub(crate) own_ids: i64,
}

impl Witness {
    /// The witness of a client that has done nothing yet.
    #[must_use]
    pub fn new(name: &str, detail: Detail) -> Self {
        Self {
            name: name.to_owned(),
            workspace: None,
            agent: None,
            detail,
            ordered: true,
            epoch: None,
            line: Line::default(),
            active: BTreeMap::new(),
            spans: Vec::new(),
            tails: Vec::new(),
            calls: Vec::new(),
            told: Told::default(),
            known: 0,
            glimpses: Glimpses::default(),
            positions: Vec::new(),
            pushes: Vec::new(),
            outboxed: Vec::new(),
            views: Vec::new(),
            profiles: BTreeSet::new(),
            slips: Slips::default(),
            events: 0,
            frames: 0,
            foreign: Vec::new(),
            journal: (detail == Detail::Full).then(Journal::default),
            own_ids: i64::MIN,
        }
    }

    /// Its answers and its pushes are recorded in an order of their own, as with [`dibs_client::Client`], so that an event may be
    /// recorded before the answer to its watch.
    #[must_use]
    pub fn unordered(mut self) -> Self {
        self.ordered = false;
        self
    }

    /// It belongs to this workspace, whatever a welcome says; HTTP clients get no welcome.
    #[must_use]
    pub fn of(mut self, workspace: &WorkspaceId) -> Self {
        self.workspace = Some(workspace.clone());
        self
    }

    /// A text that only stands in other workspaces: none of its frames may contain it. Only [`Witness::received_text`] looks.
    #[must_use]
    pub fn never(mut self, text: &str) -> Self {
        self.foreign.push(text.to_owned());
        self
    }

    /// How many events it was told.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events
    }

    pub(crate) fn who(&self) -> Option<&AgentId> {
        self.agent.as_ref().map(|it| &it.id)
    }

    pub(crate) fn keeps_all(&self) -> bool {
        self.detail == Detail::Full
    }

    /// A new socket is open; the old one, if any, is gone.
    pub fn dialled(&mut self, moment: u64) {
        self.cut(moment);
        self.note(moment, || "dialled".to_owned());
    }

    /// The socket is gone. Everything that had come over it must have been recorded before.
    pub fn cut(&mut self, moment: u64) {
        self.note(moment, || "the line is gone".to_owned());
        for span in self.active.values_mut() {
            span.heard(self.line.heard);
        }
        self.line = Line::default();
        self.known = 0;
    }

    /// A frame is about to leave.
    pub fn sent(&mut self, moment: u64, frame: &ClientFrame) {
        match frame {
            ClientFrame::Hello(id, hello) => self.hello(moment, *id, hello.resume.as_ref()),
            ClientFrame::Command(id, command) => {
                self.sent_command(moment, *id, command);
            }
            ClientFrame::Typing(_) => {}
        }
    }

    /// A hello is about to leave.
    pub fn hello(&mut self, moment: u64, id: i64, resume: Option<&Resume>) {
        self.note(moment, || {
            format!("-> hello, resuming from {:?}", resume.map(|it| it.seq))
        });
        self.line.resume = resume.cloned();
        self.call(moment, id, Ask::Hello, None, 0);
    }

    /// A command with this `id` is about to leave.
    pub fn sent_command(&mut self, moment: u64, id: i64, command: &Command) -> CallId {
        self.note(moment, || format!("-> {id}: {}", journal::command(command)));
        let ask = Ask::of(command);
        match &ask {
            Ask::Watch(conversation, _) => {
                self.line.watching.entry(*conversation).or_default();
            }
            Ask::Unwatch(conversation) => {
                if let Some(span) = self.active.get_mut(conversation) {
                    span.heard(self.line.heard);
                    span.ending = true;
                }
            }
            _ => {}
        }
        let key = command.key().map(str::to_owned);
        self.call(moment, id, ask, key, digest::body(command))
    }

    /// A command is about to leave whose `id` is not known here; see [`Witness::answered`].
    pub fn asked(&mut self, moment: u64, command: &Command) -> CallId {
        self.own_ids += 1;
        self.sent_command(moment, self.own_ids, command)
    }

    fn call(&mut self, moment: u64, id: i64, ask: Ask, key: Option<String>, body: u64) -> CallId {
        let place = self.calls.len();
        self.line.asked.insert(id, place);
        self.calls.push(Call {
            sent: moment,
            answered: None,
            known: self.known,
            key,
            body,
            ask,
            outcome: Outcome::Unknown,
        });
        CallId(place)
    }

    /// A frame has come, as text. In a lean witness events are not decoded.
    ///
    /// # Errors
    /// When it is no frame of the contract; it is then passed over.
    pub fn received_text(&mut self, moment: u64, text: &str) -> Result<(), serde_json::Error> {
        if let Some(word) = self.foreign.iter().find(|it| text.contains(it.as_str())) {
            let said = format!("a frame contains {word:?}, which only stands in other workspaces");
            self.slip(Promise::Walls, moment, None, said);
        }
        if self.detail == Detail::Lean
            && let Some((seq, conversation)) = lean_event(text)
        {
            self.event(moment, conversation, seq);
            return Ok(());
        }
        self.received(moment, &serde_json::from_str(text)?);
        Ok(())
    }

    /// An event has come of which only the number and the conversation were read.
    pub fn event(&mut self, moment: u64, conversation: ConversationId, seq: u64) {
        self.frames += 1;
        self.tell(moment, seq);
        self.heard_event(moment, conversation, seq, None);
    }

    /// A frame has come.
    pub fn received(&mut self, moment: u64, frame: &ServerFrame) {
        self.frames += 1;
        self.note(moment, || format!("<- {}", journal::frame(frame)));
        match frame {
            ServerFrame::Welcome(welcome) => self.welcomed(moment, welcome),
            ServerFrame::Ok(ok) => self.settle(moment, ok.id, Ok(&ok.fields)),
            ServerFrame::Error(error) => {
                if let Some(id) = error.id {
                    self.settle(moment, id, Err(&error.refusal));
                }
            }
            push => self.pushed(moment, push),
        }
    }

    /// A welcome has come.
    pub fn received_welcome(&mut self, moment: u64, welcome: &Welcome) {
        self.frames += 1;
        self.note(moment, || {
            format!("<- welcome at {}, resumed: {}", welcome.seq, welcome.resumed)
        });
        self.welcomed(moment, welcome);
    }

    /// What [`dibs_client::Connection::next`] gives has come.
    pub fn incoming(&mut self, moment: u64, incoming: &Incoming) {
        match incoming {
            Incoming::Answer { id, result } => {
                self.frames += 1;
                self.settle(moment, *id, result.as_ref());
            }
            Incoming::Push(frame) => self.received(moment, frame),
        }
    }

    /// The answer to a command of [`Witness::asked`] or [`Witness::sent_command`] has come.
    pub fn answered(&mut self, moment: u64, call: CallId, result: Result<&Fields, &Refusal>) {
        let id = self
            .line
            .asked
            .iter()
            .find(|(_, place)| **place == call.0)
            .map(|(id, _)| *id);
        match id {
            Some(id) => self.settle(moment, id, result),
            // The line over which it was asked is gone, and the answer came before that.
            None => self.conclude(moment, call.0, result),
        }
    }

    pub(crate) fn answered_hello(&mut self, moment: u64, id: i64) {
        if let Some(place) = self.line.asked.remove(&id)
            && let Some(call) = self.calls.get_mut(place)
        {
            call.answered = Some(moment);
            call.outcome = Outcome::Yes(Yes::Done);
        }
    }

    fn settle(&mut self, moment: u64, id: i64, result: Result<&Fields, &Refusal>) {
        match self.line.asked.remove(&id) {
            Some(place) => self.conclude(moment, place, result),
            None => {
                let said = format!("an answer to {id}, which was not asked or is answered already");
                self.slip(Promise::TrueAnswers, moment, None, said);
            }
        }
    }

    fn conclude(&mut self, moment: u64, place: usize, result: Result<&Fields, &Refusal>) {
        let Some(ask) = self.calls.get(place).map(|call| call.ask.clone()) else {
            return;
        };
        let outcome = match result {
            Ok(fields) => match ask.yes(fields) {
                Some(yes) => {
                    self.accept(moment, &ask, fields);
                    Outcome::Yes(yes)
                }
                None => {
                    let said = format!("the answer to {} lacks what it must carry", ask.name());
                    self.slip(Promise::TrueAnswers, moment, ask.conversation(), said);
                    Outcome::Unknown
                }
            },
            Err(refusal) => {
                self.refused(moment, &ask, refusal);
                Outcome::refused(refusal)
            }
        };
        self.note(moment, || {
            format!("<- the answer to {}: {}", ask.name(), journal::outcome(&outcome))
        });
        if let Outcome::Yes(yes) = &outcome {
            self.tell(moment, yes.seq());
        }
        if let (Ask::Bulk(..), Ok(fields)) = (&ask, result) {
            self.bulk(moment, place, fields);
        }
        if let Some(call) = self.calls.get_mut(place) {
            call.answered = Some(moment);
            call.outcome = outcome;
        }
    }

    fn accept(&mut self, moment: u64, ask: &Ask, fields: &Fields) {
        match ask {
            Ask::Watch(conversation, limit) => match read::<WatchAnswer>(fields) {
                Some(answer) if answer.summary.id == *conversation => {
                    self.watched(moment, &answer, Some(*limit));
                }
                _ => {
                    let said = "the answer to its watch shows another conversation".to_owned();
                    self.slip(Promise::Walls, moment, *conversation, said);
                }
            },
            Ask::Unwatch(conversation) => self.end(*conversation),
            Ask::History(conversation, before, limit) => {
                if let Some(answer) = read::<EntriesAnswer>(fields) {
                    let of = (None, Some(*before), Some(*limit));
                    self.keep_tail(moment, *conversation, &answer.entries, answer.more, of);
                }
            }
            Ask::List => {
                let rows = read::<OpenViewAnswer>(fields).map(|it| it.conversations);
                let rows = rows.or_else(|| read::<ListAnswer>(fields).map(|it| it.conversations));
                rows.iter().flatten().for_each(|row| self.glimpse(moment, row));
            }
            Ask::Claim(_) => {
                if let Some(answer) = read::<dibs_protocol::answer::ClaimAnswer>(fields) {
                    self.glimpse(moment, &answer.summary);
                }
            }
            _ => {}
        }
    }

    fn refused(&mut self, moment: u64, ask: &Ask, refusal: &Refusal) {
        if let Ask::Watch(conversation, _) = ask {
            self.line.watching.remove(conversation);
        }
        if let Some(current) = &refusal.details.current {
            self.glimpse(moment, current);
        }
        for entry in refusal.details.missed.iter().flatten() {
            self.tell(moment, entry.seq);
        }
    }

    fn bulk(&mut self, moment: u64, place: usize, fields: &Fields) {
        let Some(whole) = self.calls.get(place).cloned() else {
            return;
        };
        let Some(answer) = read::<BulkAnswer>(fields) else {
            return;
        };
        for (ask, outcome) in whole.ask.parts(answer) {
            if let Outcome::Yes(yes) = &outcome {
                self.tell(moment, yes.seq());
            }
            self.calls.push(Call {
                answered: Some(moment),
                key: None,
                body: 0,
                ask,
                outcome,
                ..whole.clone()
            });
        }
    }

    /// An ingest is about to leave; the channel's adapter is this client.
    pub fn ingest(&mut self, moment: u64, body: &Ingest) -> CallId {
        let key = Some(body.key.clone());
        self.request(moment, Ask::ingest(body), key, digest::body(body))
    }

    /// The answer to an ingest has come: whether it is new (201), and what it says.
    pub fn ingested(&mut self, moment: u64, call: CallId, answer: &Result<(bool, IngestAnswer), HttpError>) {
        let yes = match answer {
            Ok((fresh, answer)) => Ok(Yes::Ingested {
                answer: answer.clone(),
                fresh: *fresh,
            }),
            Err(error) => Err(error),
        };
        self.responded(moment, call, yes);
    }

    /// A delivery is about to be reported.
    pub fn deliver(&mut self, moment: u64, body: &Delivery) -> CallId {
        self.request(moment, Ask::Delivery(body.message, body.state), None, 0)
    }

    /// A rating is about to be reported.
    pub fn rate(&mut self, moment: u64, body: &RatingBody) -> CallId {
        self.request(moment, Ask::Rating(body.conversation, body.score), None, 0)
    }

    /// The answer to a delivery or a rating has come.
    pub fn reported(&mut self, moment: u64, call: CallId, answer: &Result<u16, HttpError>) {
        self.responded(moment, call, answer.as_ref().map(|_| Yes::Done));
    }

    fn request(&mut self, moment: u64, ask: Ask, key: Option<String>, body: u64) -> CallId {
        self.own_ids += 1;
        self.note(moment, || format!("-> HTTP {}", ask.name()));
        self.call(moment, self.own_ids, ask, key, body)
    }

    fn responded(&mut self, moment: u64, call: CallId, answer: Result<Yes, &HttpError>) {
        let outcome = match answer {
            Ok(yes) => {
                self.tell(moment, yes.seq());
                Outcome::Yes(yes)
            }
            Err(HttpError::Problem(problem)) => Outcome::refused(&problem.refusal),
            Err(HttpError::Unreadable { .. } | HttpError::Transport(_)) => Outcome::Unknown,
        };
        self.note(moment, || format!("<- HTTP {}", journal::outcome(&outcome)));
        self.line.asked.retain(|_, place| *place != call.0);
        if let Some(call) = self.calls.get_mut(call.0) {
            call.answered = Some(moment);
            call.outcome = outcome;
        }
    }

    /// An outbox was read from `after` on, without a `limit` that cut it.
    pub fn outbox(&mut self, moment: u64, channel: &str, after: u64, answer: &OutboxAnswer) {
        for entry in &answer.events {
            if entry.kind() != "message_sent" {
                let said = format!(
                    "the outbox of {channel} shows a {}: event {}",
                    entry.kind(),
                    entry.seq
                );
                self.slip(Promise::Walls, moment, entry.conversation, said);
            }
            self.tell(moment, entry.seq);
        }
        self.outboxed.push(Outboxed {
            channel: channel.to_owned(),
            after,
            next: answer.next,
            numbers: answer.events.iter().map(|it| it.seq).collect(),
        });
    }

    /// Everything is quiet, and everything that was sent has been recorded: each watch must have heard everything up to `head`.
    pub fn quiet(&mut self, moment: u64, head: u64) {
        self.note(moment, || format!("quiet at {head}"));
        for conversation in self.line.owed.clone() {
            let said = "its snapshot never came".to_owned();
            self.slip(Promise::SeenOnce, moment, conversation, said);
        }
        for span in self.active.values_mut() {
            span.heard(self.line.heard.max(head));
        }
    }

    /// What a list shows when everything is quiet.
    pub fn view_at_quiet(&mut self, view: QuietView) {
        self.views.push(view);
    }

    /// Up to where its agent has read mentions.
    pub(crate) fn read_mentions(&self) -> u64 {
        let read = self
            .calls
            .iter()
            .filter_map(|call| match (&call.ask, &call.outcome) {
                (Ask::ReadMentions(up_to), Outcome::Yes(_)) => Some(*up_to),
                _ => None,
            });
        read.max().unwrap_or(0)
    }

    pub(crate) fn tell(&mut self, moment: u64, seq: u64) {
        self.known = self.known.max(seq);
        self.told.note(moment, seq, self.detail);
    }

    pub(crate) fn note(&mut self, moment: u64, line: impl FnOnce() -> String) {
        if let Some(journal) = &mut self.journal {
            journal.note(moment, line());
        }
    }
}

/// The number and conversation of an `event` frame, read from its beginning; `None` when it is something else or is written
/// in another way.
#[must_use]
pub fn lean_event(text: &str) -> Option<(u64, ConversationId)> {
    let rest = text.strip_prefix(r#"{"type":"event","seq":"#)?;
    let (seq, rest) = rest.split_once(',')?;
    let id = rest.strip_prefix(r#""conversation":""#)?.get(..36)?;
    Some((seq.parse().ok()?, id.parse().ok()?))
}
