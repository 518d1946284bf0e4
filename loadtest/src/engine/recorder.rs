//! What a member shows the oracle: everything that it sends and receives, or nothing when nobody asks.

use dibs_client::HttpError;
use dibs_protocol::command::Command;
use dibs_protocol::event::EventEntry;
use dibs_protocol::frame::{Hello, ServerFrame, TypingSignal};
use dibs_protocol::http::{Delivery, Ingest, IngestAnswer};
use dibs_protocol::ids::ConversationId;
use serde::{Deserialize, Serialize};

/// What a member shows the oracle.
#[derive(Serialize, Deserialize)]
pub struct Recorder {
    on: bool,
}

impl Recorder {
    /// Of `agent`; with `on` false nothing is kept.
    #[must_use]
    pub fn new(_agent: &str, on: bool) -> Self {
        Self { on }
    }

    /// Whether anything is kept.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.on
    }

    /// The hello is sent.
    pub fn hello(&mut self, _id: i64, _hello: &Hello) {}

    /// A command is sent.
    pub fn command(&mut self, _id: i64, _command: &Command) {}

    /// A sign of typing is sent.
    pub fn typing(&mut self, _signal: &TypingSignal) {}

    /// A frame came.
    pub fn frame(&mut self, _frame: &ServerFrame) {}

    /// An event came that is not decoded.
    pub fn event(&mut self, _conversation: ConversationId, _seq: u64) {}

    /// The connection ended.
    pub fn cut(&mut self) {}

    /// A customer's message is sent.
    pub fn ingest(&mut self, _message: &Ingest) {}

    /// It is answered, or not.
    pub fn ingested(&mut self, _message: &Ingest, _answer: &Result<(bool, IngestAnswer), HttpError>) {}

    /// A delivery is reported.
    pub fn delivered(&mut self, _delivery: &Delivery, _answer: &Result<u16, HttpError>) {}

    /// The adapter reads replies.
    pub fn outbox(&mut self, _events: &[EventEntry]) {}
}
