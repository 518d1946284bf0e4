//! What a member shows the oracle: everything that it sends and receives, or nothing when nobody asks. Of thousands who get
//! the same bytes, all show what they heard of, and a few show every byte.

use crate::engine::clock;
use crate::engine::screens::Screen;
use crate::engine::wire;
use crate::oracle::{CallId, Detail, ListAsked, QuietView, Witness};
use dibs_client::HttpError;
use dibs_protocol::command::Command;
use dibs_protocol::filter::Filter;
use dibs_protocol::frame::{Hello, ServerFrame, Welcome};
use dibs_protocol::http::{Delivery, Ingest, IngestAnswer, OutboxAnswer};
use dibs_protocol::ids::{AgentId, ConversationId, WorkspaceId};
use dibs_protocol::limits::LIST_DEFAULT;
use dibs_protocol::terms::Sort;
use dibs_protocol::time::Time;

/// What a member shows the oracle.
pub struct Recorder {
    witness: Option<Witness>,
    keen: bool,
}

impl Recorder {
    /// Of `name` in a workspace; with `on` false nothing is kept. A keen one shows every byte.
    #[must_use]
    pub fn new(name: &str, workspace: &str, on: bool, keen: bool) -> Self {
        let witness = on.then(|| {
            let witness = Witness::new(name, if keen { Detail::Usual } else { Detail::Lean });
            match WorkspaceId::new(workspace) {
                Ok(workspace) => witness.of(&workspace),
                // The hub refuses such a workspace before anything can be seen.
                Err(_) => witness,
            }
        });
        Self { witness, keen }
    }

    /// Whether every byte is to be shown.
    #[must_use]
    pub fn is_keen(&self) -> bool {
        self.keen && self.witness.is_some()
    }

    /// What the oracle gets.
    #[must_use]
    pub fn into_witness(self) -> Option<Witness> {
        self.witness
    }

    /// A socket is open, and the hello is sent.
    pub fn hello(&mut self, id: i64, hello: &Hello) {
        if let Some(witness) = &mut self.witness {
            let now = clock::now_ns();
            witness.dialled(now);
            witness.hello(now, id, hello.resume.as_ref());
        }
    }

    /// A client came in by other means than this program's own.
    pub fn came_in(&mut self, welcome: &Welcome) {
        if let Some(witness) = &mut self.witness {
            let now = clock::now_ns();
            witness.dialled(now);
            witness.hello(now, welcome.id, None);
            witness.received_welcome(now, welcome);
        }
    }

    /// A command is sent.
    pub fn command(&mut self, id: i64, command: &Command) {
        if let Some(witness) = &mut self.witness {
            witness.sent_command(clock::now_ns(), id, command);
        }
    }

    /// A frame came.
    pub fn frame(&mut self, frame: &ServerFrame) {
        if let Some(witness) = &mut self.witness {
            witness.received(clock::now_ns(), frame);
        }
    }

    /// A frame came that only those decode who show every byte.
    pub fn text(&mut self, text: &str) {
        if self.keen
            && let Some(witness) = &mut self.witness
            && let Ok(frame) = serde_json::from_str(text)
        {
            witness.received(clock::now_ns(), &frame);
        }
    }

    /// An event came that is not decoded.
    pub fn event(&mut self, conversation: ConversationId, seq: u64) {
        if let Some(witness) = &mut self.witness {
            witness.event(clock::now_ns(), conversation, seq);
        }
    }

    /// The connection ended.
    pub fn cut(&mut self) {
        if let Some(witness) = &mut self.witness {
            witness.cut(clock::now_ns());
        }
    }

    /// Everything is quiet: all that is watched must have been heard of up to `head`.
    pub fn quiet(&mut self, head: u64) {
        if let Some(witness) = &mut self.witness {
            witness.quiet(clock::now_ns(), head);
        }
    }

    /// What the list shows when everything is quiet.
    pub fn list(&mut self, agent: &str, screen: &Screen) {
        let (Some(witness), Ok(me)) = (&mut self.witness, AgentId::new(agent)) else {
            return;
        };
        let asked = ListAsked {
            me,
            teams: Vec::new(),
            filter: Filter::default(),
            sort: Sort::Waiting,
            offset: 0,
            after: None,
            limit: LIST_DEFAULT as u64,
            live: true,
            now: Time(0),
        };
        let rows = screen
            .order
            .iter()
            .filter_map(|id| screen.rows.get(id))
            .map(|row| &**row);
        witness.view_at_quiet(QuietView::new(
            wire::LIST,
            clock::now_ns(),
            asked,
            rows,
            Some(screen.total as u64),
        ));
    }

    /// A customer's message is sent.
    pub fn ingest(&mut self, message: &Ingest) -> Option<CallId> {
        let witness = self.witness.as_mut()?;
        Some(witness.ingest(clock::now_ns(), message))
    }

    /// It is answered, or not.
    pub fn ingested(&mut self, call: Option<CallId>, answer: &Result<(bool, IngestAnswer), HttpError>) {
        if let (Some(witness), Some(call)) = (&mut self.witness, call) {
            witness.ingested(clock::now_ns(), call, answer);
        }
    }

    /// A delivery is reported.
    pub fn deliver(&mut self, delivery: &Delivery) -> Option<CallId> {
        let witness = self.witness.as_mut()?;
        Some(witness.deliver(clock::now_ns(), delivery))
    }

    /// The report is answered, or not.
    pub fn delivered(&mut self, call: Option<CallId>, answer: &Result<u16, HttpError>) {
        if let (Some(witness), Some(call)) = (&mut self.witness, call) {
            witness.reported(clock::now_ns(), call, answer);
        }
    }

    /// The adapter has read replies.
    pub fn outbox(&mut self, channel: &str, after: u64, answer: &OutboxAnswer) {
        if let Some(witness) = &mut self.witness {
            witness.outbox(clock::now_ns(), channel, after, answer);
        }
    }
}
