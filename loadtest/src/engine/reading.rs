//! What a member makes of the frames that come: those that thousands get are counted by their first bytes, the others are
//! decoded. Nothing is begun here but what an answer asks for.

use crate::engine::clock;
use crate::engine::member::{End, Member, send};
use crate::engine::stage::Phase;
use crate::engine::tally::{Count, Lag};
use crate::engine::wire;
use crate::lean::kind;
use dibs_client::Fields;
use dibs_client::dial::Socket;
use dibs_protocol::event::{Actor, EventEntry};
use dibs_protocol::frame::ServerFrame;
use dibs_protocol::ids::ConversationId;
use dibs_protocol::refusal::Refusal;
use dibs_protocol::time::Time;
use futures_util::SinkExt;

/// How long a slow reader pauses after each frame, in microseconds.
const PAUSE_US: u64 = 500_000;

impl Member {
    /// A frame came.
    pub(super) async fn take(&mut self, text: &str, socket: &mut Socket) -> Result<(), End> {
        self.stage.tally.borrow_mut().add(Count::Bytes, text.len() as u64);
        if self.slow && matches!(self.now, Phase::Work) && self.is_ready && self.lost_us.is_none() {
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
        if self.desk.recorder.is_keen() {
            self.desk.recorder.text(text);
        } else {
            self.desk.recorder.event(conversation, seq);
        }
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
        self.desk.recorder.text(text);
        match next {
            Some(screen) => self.desk.screen = Some(screen),
            None => self
                .desk
                .trouble("a change of a list that is not open or cannot be read".to_owned()),
        }
    }

    fn other(&mut self, text: &str) {
        self.desk.recorder.text(text);
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
                self.resyncing = false;
                self.standing_done();
                None
            }
            ServerFrame::Resync { .. } => {
                self.resyncing = true;
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

    fn answer(&mut self, id: i64, result: Result<Fields, Refusal>) -> Option<String> {
        let next = self.desk.answered(id, result);
        self.standing_done();
        next.and_then(|(id, command)| wire::command(id, &command).ok())
    }

    /// Whether all that one has open all the time is there: for the first time, or again.
    pub(super) fn standing_done(&mut self) {
        if self.replaying || !self.desk.is_standing() {
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

    /// At the end, the oracle is shown the list; of those who see the same, one shows it.
    pub(super) fn show_list(&mut self) {
        if let (Some(head), false) = (self.head, self.is_settled) {
            self.desk.recorder.quiet(head);
        }
        let Some(screen) = &self.desk.screen else { return };
        if self.stage.shown.borrow_mut().insert(screen.sight()) {
            self.desk.recorder.list(&self.desk.name, screen);
        }
    }

    /// Whether what the phase waits for is so.
    pub(super) fn look_around(&mut self) {
        let free = self.desk.is_free() && self.lost_us.is_none() && !self.resyncing;
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
                    self.desk.recorder.quiet(targets.head);
                    self.stage.bump(&self.stage.settled);
                }
            }
            _ => {}
        }
    }
}
