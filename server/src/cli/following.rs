//! What `dibs tail` follows, and how it catches up after the connection was gone: nothing twice, and nothing left out.
//!
//! A conversation is resumed by the server's replay; where that is no longer possible, its history is read back to what
//! was shown last. A list is opened again, and what is different from before is told.

use super::remote::reason;
use super::tail::Stop;
use super::{Failure, telling};
use crate::ports::{Clock, SystemClock};
use dibs_client::{CallError, Fields, Session, SessionEvent, View};
use dibs_protocol::answer::{EntriesAnswer, OpenViewAnswer, WatchAnswer};
use dibs_protocol::command::{Command, History, OpenView, Watch};
use dibs_protocol::event::EventEntry;
use dibs_protocol::filter::Filter;
use dibs_protocol::frame::{ServerFrame, SnapshotFrame, Viewer, Welcome};
use dibs_protocol::ids::ConversationId;
use dibs_protocol::terms::Sort;
use dibs_protocol::time::Time;
use jiff::tz::TimeZone;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::time::Duration;

/// The client's name for its one view.
const VIEW: &str = "tail";
/// Rows of the window.
const ROWS: u64 = 50;
/// Entries of a conversation that are shown at first, and read at a time later.
const ENTRIES: u64 = 50;
/// Pages that are read back after a long absence, at most: beyond, a gap is told.
const PAGES: usize = 40;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is followed.
#[derive(Debug, Clone)]
pub(super) enum Target {
    /// A conversation's events.
    Conversation(ConversationId),
    /// A list's changes.
    List(Box<Filter>, Sort),
}

/// A tail's memory: what was shown last.
#[derive(Debug)]
pub(super) struct Follower {
    target: Target,
    json: bool,
    zone: TimeZone,
    /// The feed's history that was shown.
    epoch: Option<String>,
    /// The highest `seq` that was shown of the conversation.
    shown: u64,
    /// Events shown since the connection came back, until the replay's end is told.
    caught_up: Option<usize>,
    view: View,
    viewers: Vec<Viewer>,
}

impl Follower {
    /// A follower that has seen nothing yet.
    pub(super) fn new(target: Target, json: bool) -> Self {
        Self {
            target,
            json,
            zone: TimeZone::system(),
            epoch: None,
            shown: 0,
            caught_up: None,
            view: View::default(),
            viewers: Vec::new(),
        }
    }

    /// Whether there was a connection already.
    pub(super) fn has_begun(&self) -> bool {
        self.epoch.is_some()
    }

    /// Takes in what happened to the session.
    pub(super) async fn take<F>(&mut self, session: &mut Session<F>, event: SessionEvent) -> Result<(), Stop>
    where
        F: FnMut() -> Option<String>,
    {
        match event {
            SessionEvent::Up(welcome) => self.up(session, &welcome).await,
            SessionEvent::Down { why, again_in } => {
                let (why, seconds) = (reason(&why), again_in.as_secs_f64());
                let frame = json!({"type": "down", "reason": why, "again_in_s": seconds});
                self.aside(
                    &frame,
                    &format!("the connection is gone ({why}); again in {seconds:.1} s"),
                )
            }
            SessionEvent::Push(push) => self.push(push),
            SessionEvent::Answer { .. } => Ok(()),
        }
    }

    async fn up<F>(&mut self, session: &mut Session<F>, welcome: &Welcome) -> Result<(), Stop>
    where
        F: FnMut() -> Option<String>,
    {
        let back = self.has_begun();
        let same = self.epoch.as_ref() == Some(&welcome.epoch);
        self.epoch = Some(welcome.epoch.clone());
        let frame = json!({"type": "up", "agent": welcome.agent.id, "resumed": welcome.resumed});
        let word = if back { "connected again" } else { "connected" };
        self.aside(
            &frame,
            &format!(
                "{word} as {} to workspace {}",
                welcome.agent.id, welcome.workspace
            ),
        )?;
        if back && !same {
            self.shown = 0;
            self.aside(
                &json!({"type": "new_epoch"}),
                "the server's history is another one now: all is shown anew",
            )?;
        }
        self.caught_up = (back && same).then_some(0);
        match self.target.clone() {
            Target::Conversation(_) if welcome.resumed => Ok(()),
            Target::Conversation(conversation) => self.watch(session, conversation).await,
            Target::List(filter, sort) => {
                let open = OpenView {
                    view: VIEW.to_owned(),
                    filter: *filter,
                    sort,
                    offset: None,
                    limit: Some(ROWS),
                };
                match ask::<_, OpenViewAnswer>(session, open).await? {
                    Some(answer) => self.list(answer),
                    None => Ok(()),
                }
            }
        }
    }

    async fn watch<F>(&mut self, session: &mut Session<F>, conversation: ConversationId) -> Result<(), Stop>
    where
        F: FnMut() -> Option<String>,
    {
        let watch = Watch {
            conversation,
            limit: Some(ENTRIES),
            silent: None,
        };
        let Some(mut answer) = ask::<_, WatchAnswer>(session, watch).await? else {
            return Ok(());
        };
        let mut pages = 0;
        while let Some(before) = gap(self.shown, &answer.entries, answer.more).filter(|_| pages < PAGES) {
            pages += 1;
            let history = History {
                conversation,
                before,
                limit: Some(ENTRIES),
            };
            let Some(page) = ask::<_, EntriesAnswer>(session, history).await? else {
                return Ok(());
            };
            answer.more = page.more && !page.entries.is_empty();
            answer.entries.splice(0..0, page.entries);
        }
        self.conversation(conversation, answer)?;
        self.told_all()
    }

    /// A conversation as it is now: what of it was not shown yet.
    fn conversation(&mut self, conversation: ConversationId, answer: WatchAnswer) -> Result<(), Stop> {
        if self.json {
            let content = Box::new(answer);
            self.shown = self.shown.max(content.summary.version);
            return self.frame(&ServerFrame::Snapshot(Box::new(SnapshotFrame::Watch {
                conversation,
                content,
            })));
        }
        if self.shown == 0 {
            self.line(
                Time(SystemClock.now_ms()),
                &format!("{conversation}: {}", telling::row(&answer.summary)),
            )?;
        } else if gap(self.shown, &answer.entries, answer.more).is_some() {
            self.aside(
                &Value::Null,
                "too much happened to show it all: the oldest of it is left out",
            )?;
            self.caught_up = None;
        }
        for entry in &answer.entries {
            self.entry(entry)?;
        }
        self.shown = self.shown.max(answer.summary.version);
        self.who_looks(answer.viewers)
    }

    /// A list as it is now: all of it at first, what is different later.
    fn list(&mut self, answer: OpenViewAnswer) -> Result<(), Stop> {
        let first = self.view == View::default();
        let now = View::new(VIEW, answer.clone());
        if self.json {
            self.view = now;
            let view = VIEW.to_owned();
            return self.frame(&ServerFrame::Snapshot(Box::new(SnapshotFrame::View {
                view,
                content: answer,
            })));
        }
        if first {
            let (total, rows) = (now.total(), now.ids().len());
            self.aside(&Value::Null, &format!("conversations: {total}, shown: {rows}"))?;
            for row in now.rows() {
                self.of(row.id, &telling::row(row))?;
            }
            self.view = now;
            return Ok(());
        }
        self.became(now)?;
        self.told_all()
    }

    fn became(&mut self, now: View) -> Result<(), Stop> {
        let changes = telling::changes(&self.view, &now);
        self.view = now;
        if let Some(count) = &mut self.caught_up {
            *count += changes.len();
        }
        changes
            .iter()
            .try_for_each(|(id, sentence)| self.of(*id, sentence))
    }

    fn push(&mut self, push: ServerFrame) -> Result<(), Stop> {
        if self.json && !matches!(push, ServerFrame::Snapshot(_)) {
            return self.frame(&push);
        }
        match push {
            ServerFrame::Event(entry) => self.entry(&entry),
            ServerFrame::Position { .. } => self.told_all(),
            ServerFrame::ViewChanged { .. } => {
                let mut now = self.view.clone();
                now.apply(&push);
                self.became(now)
            }
            ServerFrame::Snapshot(snapshot) => match *snapshot {
                SnapshotFrame::Watch {
                    conversation,
                    content,
                } => self.conversation(conversation, *content),
                SnapshotFrame::View { content, .. } => self.list(content),
            },
            ServerFrame::Viewers { viewers, .. } => self.who_looks(viewers),
            ServerFrame::ClaimLost {
                conversation,
                by,
                reason,
                ..
            } => {
                let by = by.map_or(String::new(), |by| format!(" to {by}"));
                self.of(
                    conversation,
                    &format!("you lost it{by}: {}", telling::quoted(&reason)),
                )
            }
            ServerFrame::Offer(offer) => {
                self.of(offer.conversation, &format!("{} offers it to you", offer.from))
            }
            ServerFrame::Mention {
                conversation,
                by,
                excerpt,
                ..
            } => self.of(
                conversation,
                &format!("{by} mentions you {}", telling::quoted(&excerpt)),
            ),
            ServerFrame::Revoked { conversation } => self.of(conversation, "you may not see it any longer"),
            ServerFrame::Resync { reason, .. } => {
                self.aside(&Value::Null, &format!("fell behind ({reason}); catching up"))
            }
            ServerFrame::Reconnect { reason, .. } => {
                self.aside(&Value::Null, &format!("the server says goodbye: {reason}"))
            }
            ServerFrame::TokenExpiring {} => self.aside(&Value::Null, "the token ends within a minute"),
            _ => Ok(()),
        }
    }

    fn entry(&mut self, entry: &EventEntry) -> Result<(), Stop> {
        if entry.seq <= self.shown {
            return Ok(());
        }
        self.shown = entry.seq;
        if let Some(count) = &mut self.caught_up {
            *count += 1;
        }
        self.line(entry.at, &telling::event(entry))
    }

    fn who_looks(&mut self, viewers: Vec<Viewer>) -> Result<(), Stop> {
        let told = telling::viewers(&self.viewers, &viewers);
        self.viewers = viewers;
        told.iter()
            .try_for_each(|sentence| self.line(Time(SystemClock.now_ms()), sentence))
    }

    /// The end of catching up, told once.
    fn told_all(&mut self) -> Result<(), Stop> {
        match self.caught_up.take() {
            Some(count) => self.aside(
                &Value::Null,
                &format!("caught up: {count} changes meanwhile, nothing was missed"),
            ),
            None => Ok(()),
        }
    }

    /// A line about a conversation of a list: its whole id, to copy.
    fn of(&self, id: ConversationId, sentence: &str) -> Result<(), Stop> {
        let now = Time(SystemClock.now_ms());
        match &self.target {
            Target::Conversation(followed) if *followed == id => self.line(now, sentence),
            Target::Conversation(_) | Target::List(..) => self.line(now, &format!("{id}  {sentence}")),
        }
    }

    fn line(&self, at: Time, sentence: &str) -> Result<(), Stop> {
        put(&format!("{}  {sentence}", telling::clock(at, &self.zone)))
    }

    /// What is about the connection and not about conversations. As JSON only where there is a frame for it.
    fn aside(&self, frame: &Value, sentence: &str) -> Result<(), Stop> {
        match (self.json, frame) {
            (true, Value::Null) => Ok(()),
            (true, frame) => put(&frame.to_string()),
            (false, _) => self.line(Time(SystemClock.now_ms()), &format!("-- {sentence}")),
        }
    }

    fn frame(&self, frame: &ServerFrame) -> Result<(), Stop> {
        put(&serde_json::to_string(frame).map_err(Failure::from)?)
    }
}

/// Below which `seq` the history must be read to reach what was shown last; nothing when it is reached.
fn gap(shown: u64, entries: &[EventEntry], more: bool) -> Option<u64> {
    let oldest = entries.first().map(|entry| entry.seq)?;
    (shown > 0 && more && oldest > shown).then_some(oldest)
}

fn put(line: &str) -> Result<(), Stop> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    Ok(stdout.flush()?)
}

/// Asks, and reads the answer; nothing when the connection ended, which the session tells next.
async fn ask<F, T>(session: &mut Session<F>, command: impl Into<Command>) -> Result<Option<T>, Stop>
where
    F: FnMut() -> Option<String>,
    T: DeserializeOwned,
{
    let answer: Result<Fields, CallError> = match tokio::time::timeout(PATIENCE, session.call(command)).await
    {
        Ok(answer) => answer,
        Err(_) => return Err(Failure::new("the server does not answer").into()),
    };
    match answer {
        Ok(fields) => {
            let object = Value::Object(fields.into_iter().collect());
            Ok(Some(serde_json::from_value(object).map_err(Failure::from)?))
        }
        Err(CallError::Refused(refusal)) => Err(Failure::new(refusal.message).into()),
        Err(CallError::Closed(_) | CallError::Offline) => Ok(None),
        Err(error) => Err(Failure::from(error).into()),
    }
}
