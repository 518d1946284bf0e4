//! A simulated agent's desk: one session that comes back by itself, its open lists, and what was shown of each
//! conversation. Knows nothing of what an agent wants.

use super::choices;
use super::tally::Tally;
use dibs_client::{CallError, ConnectError, Fields, Options, Session, SessionEvent, View};
use dibs_protocol::answer::{OpenViewAnswer, WatchAnswer};
use dibs_protocol::command::{Command, MarkRead, OpenView, Unwatch, Update, Watch};
use dibs_protocol::filter::Filter;
use dibs_protocol::frame::{ServerFrame, TypingSignal};
use dibs_protocol::ids::{AgentId, ConversationId};
use dibs_protocol::summary::Summary;
use dibs_protocol::terms::{Sort, Status, Typing};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

/// How long an answer may take before the agent asks again.
const PATIENCE: Duration = Duration::from_secs(10);
/// Offers and mentions that wait to be looked at, each; beyond, the oldest is forgotten.
const INBOX: usize = 16;

type Tokens = Box<dyn FnMut() -> Option<String> + Send>;

/// A mention that waits to be read.
#[derive(Debug, Clone)]
pub(super) struct Mentioned {
    /// The note's `seq`.
    pub seq: u64,
    /// Where.
    pub conversation: ConversationId,
    /// By whom.
    pub by: AgentId,
}

/// A list that the agent keeps open.
#[derive(Debug, Clone)]
pub(super) struct List {
    /// Its name.
    pub name: &'static str,
    /// What it shows.
    pub filter: Filter,
    /// In which order.
    pub sort: Sort,
    /// Rows of its window.
    pub limit: u64,
}

/// A desk.
pub(super) struct Desk {
    url: String,
    token: String,
    session: Session<Tokens>,
    lists: Vec<(List, View)>,
    /// Watched conversations, each with the highest `seq` that was shown.
    shown: HashMap<ConversationId, u64>,
    offers: VecDeque<ConversationId>,
    mentions: VecDeque<Mentioned>,
    tally: Arc<Tally>,
}

fn session(url: &str, token: &str) -> Session<Tokens> {
    let options = Options {
        name: Some(concat!("dibs-demo/", env!("CARGO_PKG_VERSION")).to_owned()),
        ..Options::default()
    };
    let token = token.to_owned();
    Session::new(url, options, Box::new(move || Some(token.clone())))
}

impl Desk {
    /// A desk that is not connected yet: [`Desk::wait`] dials.
    pub(super) fn new(url: &str, token: &str, lists: Vec<List>, tally: Arc<Tally>) -> Self {
        Self {
            url: url.to_owned(),
            token: token.to_owned(),
            session: session(url, token),
            lists: lists.into_iter().map(|list| (list, View::default())).collect(),
            shown: HashMap::new(),
            offers: VecDeque::new(),
            mentions: VecDeque::new(),
            tally,
        }
    }

    /// Lets so much time pass, and takes in what happens meanwhile.
    ///
    /// # Errors
    /// Why the session is over for good.
    pub(super) async fn wait(&mut self, span: Duration) -> Result<(), ConnectError> {
        let end = Instant::now() + span;
        loop {
            match timeout_at(end, self.session.next()).await {
                Err(_) => return Ok(()),
                Ok(event) => self.take(event?).await,
            }
        }
    }

    async fn take(&mut self, event: SessionEvent) {
        match event {
            SessionEvent::Up(welcome) => {
                if !welcome.resumed {
                    self.shown.clear();
                }
                self.offers = welcome
                    .offers
                    .iter()
                    .map(|offer| offer.conversation)
                    .take(INBOX)
                    .collect();
                self.open_lists().await;
            }
            SessionEvent::Push(push) => self.push(&push),
            SessionEvent::Down { why, .. } => tracing::debug!(%why, "a desk is offline"),
            SessionEvent::Answer { .. } => {}
        }
    }

    async fn open_lists(&mut self) {
        for at in 0..self.lists.len() {
            let List {
                name,
                filter,
                sort,
                limit,
            } = self.lists[at].0.clone();
            let open = OpenView {
                view: name.to_owned(),
                filter,
                sort,
                offset: None,
                limit: Some(limit),
            };
            // A line that is cut right now is told by the session next, and the lists are opened again.
            if let Ok(Ok(answer)) = timeout(PATIENCE, self.session.call_as::<OpenViewAnswer>(open)).await {
                self.lists[at].1 = View::new(name, answer);
            }
        }
    }

    fn push(&mut self, push: &ServerFrame) {
        for (_, view) in &mut self.lists {
            view.apply(push);
        }
        match push {
            ServerFrame::Event(entry) => {
                if let Some(shown) = entry.conversation.and_then(|id| self.shown.get_mut(&id)) {
                    *shown = entry.seq.max(*shown);
                }
            }
            ServerFrame::Offer(offer) => keep(&mut self.offers, offer.conversation),
            ServerFrame::OfferGone { conversation, .. } => self.offers.retain(|it| it != conversation),
            ServerFrame::Mention {
                seq,
                conversation,
                by,
                ..
            } => {
                let mentioned = Mentioned {
                    seq: *seq,
                    conversation: *conversation,
                    by: by.clone(),
                };
                keep(&mut self.mentions, mentioned);
            }
            ServerFrame::Revoked { conversation } => drop(self.shown.remove(conversation)),
            _ => {}
        }
    }

    /// Sends a command and waits for its answer.
    ///
    /// # Errors
    /// [`CallError`]; refusals that prevented a collision are counted.
    pub(super) async fn call(&mut self, command: impl Into<Command>) -> Result<Fields, CallError> {
        let answer = timeout(PATIENCE, self.session.call(command))
            .await
            .unwrap_or(Err(CallError::Timeout));
        if let Err(error) = &answer
            && error.code().is_some_and(choices::is_collision)
        {
            self.tally.collision();
        }
        answer
    }

    /// [`Desk::call`] where a refusal means that there is nothing to do any more. Says whether it was done.
    pub(super) async fn try_call(&mut self, command: impl Into<Command>) -> bool {
        let answer = self.call(command).await;
        if let Err(error) = &answer {
            tracing::debug!(%error, "not done");
        }
        answer.is_ok()
    }

    /// Changes where a conversation stands, if that may be.
    pub(super) async fn set_status(&mut self, conversation: ConversationId, status: Status) {
        let update = Update {
            conversation,
            key: None,
            expect: None,
            status: Some(status),
            snoozed_until: None,
            priority: None,
            queue: None,
            assignee: None,
            team: None,
            subject: None,
            add_tags: None,
            remove_tags: None,
        };
        self.try_call(update).await;
    }

    /// Opens a conversation, reads it, and says how it is; nothing when that cannot be.
    pub(super) async fn look(
        &mut self,
        conversation: ConversationId,
        silent: Option<bool>,
    ) -> Option<Summary> {
        let watch = Watch {
            conversation,
            limit: Some(20),
            silent,
        };
        let fields = self.call(watch).await.ok()?;
        let object = serde_json::Value::Object(fields.into_iter().collect());
        let answer: WatchAnswer = serde_json::from_value(object).ok()?;
        self.shown.insert(conversation, answer.summary.version);
        if silent.is_none() {
            self.try_call(MarkRead {
                conversation,
                up_to: answer.summary.version,
                key: None,
            })
            .await;
        }
        Some(answer.summary)
    }

    /// Closes a conversation.
    pub(super) async fn look_away(&mut self, conversation: ConversationId) {
        if self.shown.remove(&conversation).is_some() {
            self.try_call(Unwatch { conversation }).await;
        }
    }

    /// The highest `seq` of a conversation that was shown, while it is open.
    pub(super) fn shown(&self, conversation: ConversationId) -> Option<u64> {
        self.shown.get(&conversation).copied()
    }

    /// The conversations that are open.
    pub(super) fn open(&self) -> Vec<ConversationId> {
        self.shown.keys().copied().collect()
    }

    /// The rows of a list.
    pub(super) fn rows(&self, name: &str) -> impl Iterator<Item = &Summary> {
        let list = self.lists.iter().find(|(list, _)| list.name == name);
        list.into_iter().flat_map(|(_, view)| view.rows())
    }

    /// How many conversations belong to a list, within its window and beyond.
    pub(super) fn total(&self, name: &str) -> usize {
        let list = self.lists.iter().find(|(list, _)| list.name == name);
        list.map_or(0, |(_, view)| view.total())
    }

    /// A conversation as a list shows it now.
    pub(super) fn row(&self, name: &str, id: ConversationId) -> Option<&Summary> {
        self.rows(name).find(|row| row.id == id)
    }

    /// The next offer to look at.
    pub(super) fn next_offer(&mut self) -> Option<ConversationId> {
        self.offers.pop_front()
    }

    /// The next mention to look at.
    pub(super) fn next_mention(&mut self) -> Option<Mentioned> {
        self.mentions.pop_front()
    }

    /// Shows colleagues that one types, or no longer.
    pub(super) async fn typing(&mut self, conversation: ConversationId, into: Typing, on: bool) {
        if let Some(connection) = self.session.connection() {
            // Nobody misses a sign of typing, and a line that is cut is told by the session next.
            connection
                .typing(&TypingSignal {
                    conversation,
                    into,
                    on,
                })
                .await
                .ok();
        }
    }

    /// Goes away: the line ends. The next [`Desk::wait`] comes back.
    pub(super) async fn leave(&mut self) {
        let old = std::mem::replace(&mut self.session, session(&self.url, &self.token));
        old.end().await;
        self.shown.clear();
        self.offers.clear();
    }
}

fn keep<T>(inbox: &mut VecDeque<T>, item: T) {
    if inbox.len() == INBOX {
        inbox.pop_front();
    }
    inbox.push_back(item);
}
