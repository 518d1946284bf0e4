//! Commands of sessions and requests over HTTP: each goes to the rules, to a list or to a read.

use super::execute::{MentionBody, agent_aggregate, conversation_aggregate, log_refusal, parse_state};
use super::outbox::{Class, Frame};
use super::people::Said;
use super::state::{BulkState, Caller, Entry, HttpAsk, HttpReply, Job, Link, MarkKind, Marked, What};
use super::workspace::{Workspace, refuse};
use crate::log::{Item, Log, Mark, Range};
use dibs_protocol::answer::{MentionRow, MentionsAnswer, ReadMarksAnswer};
use dibs_protocol::command::{self, BulkAction, Command};
use dibs_protocol::frame::{ReadMark, ServerFrame};
use dibs_protocol::ids::{AgentId, ConversationId};
use dibs_protocol::limits;
use dibs_protocol::refusal::{Details, Refusal};
use dibs_protocol::terms::{Presence, Role, Status};
use dibs_protocol::time::Time;
use dibs_rules::permissions::allowed;
use dibs_rules::{Action, Sender};
use std::sync::Arc;
use tokio::sync::oneshot;

impl Workspace {
    /// A session asks for something.
    pub(crate) fn command(&mut self, link: &Arc<Link>, id: i64, command: Command) {
        let Some(session) = self.session(link) else { return };
        let (agent, sender) = (session.agent.clone(), session.sender.clone());
        self.deps.metrics.command(command.name());
        if self.closing {
            let refusal = Refusal::unavailable("the server is leaving", 1_000);
            return self.refuse(Caller::Session(link.clone(), id), refusal);
        }
        if !allowed(agent.role, command.name()) {
            let message = format!("{} is not for the role {}.", command.name(), agent.role);
            return self.refuse(Caller::Session(link.clone(), id), Refusal::forbidden(&message));
        }
        let caller = Caller::Session(link.clone(), id);
        let named = command.conversation();
        match command {
            Command::Watch(it) => self.watch(link, id, &it),
            Command::Unwatch(it) => self.unwatch(link, caller, it.conversation),
            Command::History(it) => self.history(caller, &it),
            Command::OpenView(it) => self.open_view(link, id, it),
            Command::CloseView(it) => self.close_view(link, caller, &it.view),
            Command::List(it) => self.list(caller, Some(&agent), &it),
            Command::Open(it) => self.execute(caller, sender, None, Action::Open(it)),
            Command::Claim(it) => self.execute(caller, sender, named, Action::Claim(it)),
            Command::Release(it) => self.execute(caller, sender, named, Action::Release(it)),
            Command::Transfer(it) => self.execute(caller, sender, named, Action::Transfer(it)),
            Command::CancelTransfer(it) => self.execute(caller, sender, named, Action::CancelTransfer(it)),
            Command::AnswerTransfer(it) => self.execute(caller, sender, named, Action::AnswerTransfer(it)),
            Command::TakeOver(it) => self.execute(caller, sender, named, Action::TakeOver(it)),
            Command::Reply(it) => self.execute(caller, sender, named, Action::Reply(it)),
            Command::Note(it) => self.execute(caller, sender, named, Action::Note(it)),
            Command::Update(it) => self.execute(caller, sender, named, Action::Update(it)),
            Command::Bulk(it) => self.bulk(link, id, &sender, it),
            Command::SetPresence(it) => self.set_presence(caller, &agent.id, it.status, it.reason),
            Command::MarkRead(it) => self.mark_read(caller, &agent.id, it.conversation, it.up_to),
            Command::ReadMarks(_) => self.read_marks(caller, &agent.id),
            Command::Mentions(it) => self.mentions(link, id, &agent.id, &it),
            Command::ReadMentions(it) => self.read_mentions(caller, &agent.id, it.up_to),
            Command::WatchAgents(_) => self.watch_agents(link, caller),
            Command::UnwatchAgents(_) => {
                if let Some(session) = self.session_mut(link) {
                    session.watches_agents = false;
                }
                self.ok(caller, "");
            }
            Command::Ping(_) => {
                let now = self.deps.clock.now_ms();
                self.ok(caller, &format!("\"time\":\"{}\"", Time(now)));
            }
            // The session verifies the token and sends `Input::Refresh`.
            Command::Refresh(_) => self.refuse(caller, Refusal::internal()),
        }
    }

    /// An HTTP request.
    pub(crate) fn http(&mut self, sender: Arc<Sender>, ask: HttpAsk, reply: oneshot::Sender<HttpReply>) {
        let caller = Caller::Http(reply);
        match ask {
            HttpAsk::Ingest(it) => self.execute(caller, sender, None, Action::Ingest(it)),
            HttpAsk::Delivery(id, it) => self.execute(caller, sender, Some(id), Action::Delivery(it)),
            HttpAsk::Rate(it) => {
                let id = it.conversation;
                self.execute(caller, sender, Some(id), Action::Rate(it));
            }
            HttpAsk::List(it) => self.list(caller, sender.agent(), &it),
            HttpAsk::Conversation(id) => self.show(caller, id),
            HttpAsk::Events {
                conversation,
                after,
                limit,
            } => {
                let range = Range {
                    after,
                    up_to: self.head,
                    limit: limit + 1,
                    newest: false,
                };
                self.read_entries(caller, conversation, range, limit);
            }
        }
    }

    fn bulk(&mut self, link: &Arc<Link>, id: i64, sender: &Arc<Sender>, it: command::Bulk) {
        let missing = it.conversations.len();
        if missing == 0 {
            return self.ok(Caller::Session(link.clone(), id), "\"results\":[]");
        }
        let bulk = self.next_bulk;
        self.next_bulk += 1;
        let state = BulkState {
            link: link.clone(),
            id,
            conversations: it.conversations.clone(),
            results: vec![None; missing],
            missing,
        };
        self.bulks.insert(bulk, state);
        for (index, conversation) in it.conversations.into_iter().enumerate() {
            let action = match &it.action {
                BulkAction::Update(changes) => {
                    let mut update = changes.of(conversation, None);
                    update.key.clone_from(&it.key);
                    Action::Update(update)
                }
                BulkAction::Claim(_) => Action::Claim(claim(conversation, &it.key)),
                BulkAction::Release(command::BulkRelease { token: Some(token) }) => {
                    let (token, key) = (*token, it.key.clone());
                    Action::Release(command::Release {
                        conversation,
                        token,
                        key,
                    })
                }
                BulkAction::Release(_) => Action::ReleaseHeld,
            };
            let action = match &it.expect {
                Some(expect) => Action::Expecting(Box::new(action), expect.clone()),
                None => action,
            };
            self.execute(
                Caller::Bulk(bulk, index),
                sender.clone(),
                Some(conversation),
                action,
            );
        }
    }

    /// One result of a `bulk` is there; the last one completes the answer.
    pub(crate) fn bulk_result(&mut self, bulk: u64, index: usize, result: &str) {
        let Some(state) = self.bulks.get_mut(&bulk) else {
            return;
        };
        let conversation = state.conversations[index];
        state.results[index] = Some(format!("{{\"conversation\":\"{conversation}\",{result}}}"));
        state.missing -= 1;
        if state.missing > 0 {
            return;
        }
        if let Some(state) = self.bulks.remove(&bulk) {
            let results: Vec<String> = state.results.into_iter().flatten().collect();
            let fields = format!("\"results\":[{}]", results.join(","));
            self.ok(Caller::Session(state.link, state.id), &fields);
        }
    }

    fn set_presence(&mut self, caller: Caller, agent: &AgentId, status: Presence, reason: Option<String>) {
        let said = Said { status, reason };
        let value = serde_json::to_string(&said).ok();
        self.people.entry(agent).said = said;
        self.people.changed.insert(agent.clone());
        let mark = Mark {
            agent: agent.clone(),
            name: "status".to_owned(),
            value,
        };
        // Presence goes on while nothing can be stored: the answer does not wait.
        self.enqueue_mark(mark, What::Nothing);
        self.ok(caller, "");
    }

    fn enqueue_mark(&mut self, mark: Mark, what: What) {
        let now = self.now();
        let mut item = Item::new(self.id.clone(), self.deps.entropy.uuid(now.0));
        item.marks.push(mark);
        self.enqueue(item, what);
    }

    fn mark_read(&mut self, caller: Caller, agent: &AgentId, id: ConversationId, up_to: u64) {
        let Some(state) = self.conversations.get(&id).and_then(|it| it.committed.clone()) else {
            return self.mark_read_unloaded(caller, id, up_to);
        };
        if up_to > state.version {
            let message = format!("up_to is above the conversation's version {}.", state.version);
            return self.refuse(caller, Refusal::invalid("up_to", &message));
        }
        let marks = self.conversations.get(&id).map_or(&[][..], |it| &it.marks);
        let known = marks
            .iter()
            .find(|(who, _)| who == agent)
            .map_or(0, |(_, seq)| *seq);
        if up_to <= known || state.status == Status::Closed {
            return self.ok(caller, "");
        }
        let mark = Mark {
            agent: agent.clone(),
            name: id.to_string(),
            value: Some(up_to.to_string()),
        };
        let marked = Marked {
            caller,
            agent: agent.clone(),
            mark: MarkKind::Read(id, up_to),
        };
        self.enqueue_mark(mark, What::Marked(Box::new(marked)));
    }

    /// A closed conversation keeps no marks; one that does not exist is refused.
    fn mark_read_unloaded(&mut self, caller: Caller, id: ConversationId, up_to: u64) {
        let Caller::Session(link, command) = caller else {
            return;
        };
        let (log, workspace) = (self.deps.log.clone(), self.id.clone());
        tokio::spawn(async move {
            let state = log.state(&workspace, &conversation_aggregate(id)).await;
            match state.and_then(|stored| parse_state(&stored)) {
                Ok(None) => refuse(&link, command, Refusal::not_found("conversation")),
                Ok(Some(state)) if up_to > state.version => {
                    refuse(
                        &link,
                        command,
                        Refusal::invalid("up_to", "up_to is above the conversation's version."),
                    );
                }
                Ok(Some(_)) => {
                    let text = format!("{{\"type\":\"ok\",\"id\":{command}}}");
                    link.outbox.push(Frame::text(&text), Class::Kept);
                }
                Err(error) => refuse(&link, command, log_refusal(&error)),
            }
        });
    }

    /// A read mark is stored.
    pub(crate) fn read_stored(&mut self, caller: Caller, agent: &AgentId, id: ConversationId, up_to: u64) {
        if let Some(entry) = self.conversations.get_mut(&id) {
            match entry.marks.iter_mut().find(|(who, _)| who == agent) {
                Some((_, seq)) => *seq = up_to.max(*seq),
                None => entry.marks.push((agent.clone(), up_to)),
            }
        }
        let marks = vec![ReadMark {
            agent: agent.clone(),
            up_to,
        }];
        let frame = super::workspace::server_frame(&ServerFrame::ReadMarks {
            conversation: id,
            marks,
        });
        let mut sessions = self.people.sessions(agent).to_vec();
        sessions.extend(
            self.watched
                .get(&id)
                .into_iter()
                .flat_map(|it| &it.watchers)
                .map(|it| it.session),
        );
        sessions.sort_unstable();
        sessions.dedup();
        for session in sessions {
            self.push(session, frame.clone(), Class::Ephemeral);
        }
        self.ok(caller, "");
    }

    fn read_marks(&mut self, caller: Caller, agent: &AgentId) {
        let mine = |entry: &Entry| {
            entry
                .marks
                .iter()
                .find(|(who, _)| who == agent)
                .map(|(_, seq)| *seq)
        };
        let unclosed = self
            .conversations
            .iter()
            .filter(|(_, entry)| entry.unclosed().is_some());
        let marks = unclosed
            .filter_map(|(id, entry)| Some((*id, mine(entry)?)))
            .collect();
        let answer = serde_json::to_string(&ReadMarksAnswer { marks }).unwrap_or_default();
        self.ok(caller, inner(&answer));
    }

    fn mentions(&mut self, link: &Arc<Link>, id: i64, agent: &AgentId, it: &command::Mentions) {
        let limit = limits::list(it.limit, false).unwrap_or(limits::LIST_DEFAULT);
        let before = it.before.unwrap_or(u64::MAX >> 1);
        let person = self.people.get(agent);
        let unread = person.map_or(0, |it| it.unread.len());
        let read_up_to = person.map_or(0, |it| it.read_up_to);
        let (log, workspace, agent) = (self.deps.log.clone(), self.id.clone(), agent.clone());
        let link = link.clone();
        tokio::spawn(async move {
            let rows = match log.mentions(&workspace, &agent, before, limit).await {
                Ok(rows) => rows,
                Err(error) => return refuse(&link, id, log_refusal(&error)),
            };
            let row = |it: &crate::log::StoredMention| {
                let body: MentionBody = serde_json::from_str(&it.body).ok()?;
                let MentionBody {
                    conversation,
                    note,
                    by,
                    at,
                    excerpt,
                } = body;
                Some(MentionRow {
                    seq: it.seq,
                    conversation,
                    note,
                    by,
                    at,
                    excerpt,
                    read: it.seq <= read_up_to,
                })
            };
            let answer = MentionsAnswer {
                mentions: rows.iter().filter_map(row).collect(),
                unread,
            };
            let answer = serde_json::to_string(&answer).unwrap_or_default();
            let text = format!("{{\"type\":\"ok\",\"id\":{id},{}}}", inner(&answer));
            link.outbox.push(Frame::text(&text), Class::Kept);
        });
    }

    fn read_mentions(&mut self, caller: Caller, agent: &AgentId, up_to: u64) {
        if up_to > self.head {
            let message = format!("up_to is above the feed's head {}.", self.head);
            return self.refuse(caller, Refusal::invalid("up_to", &message));
        }
        let person = self.people.entry(agent);
        if up_to <= person.read_up_to {
            let unread = person.unread.len();
            return self.ok(caller, &format!("\"unread\":{unread}"));
        }
        let mark = Mark {
            agent: agent.clone(),
            name: "inbox".to_owned(),
            value: Some(up_to.to_string()),
        };
        let marked = Marked {
            caller,
            agent: agent.clone(),
            mark: MarkKind::Inbox(up_to),
        };
        self.enqueue_mark(mark, What::Marked(Box::new(marked)));
    }

    /// How far an inbox was read is stored.
    pub(crate) fn inbox_read(&mut self, caller: Caller, agent: &AgentId, up_to: u64) {
        let person = self.people.entry(agent);
        person.read_up_to = person.read_up_to.max(up_to);
        let left = person.unread.split_off(&(up_to + 1));
        let gone = std::mem::replace(&mut person.unread, left);
        let unread = person.unread.len();
        let mut touched: Vec<_> = gone.into_values().collect();
        touched.sort_unstable();
        touched.dedup();
        for id in touched {
            self.mentions_touched(agent, id);
        }
        self.push_to_agent(agent, &ServerFrame::MentionsRead { up_to, unread }, Class::Kept);
        self.ok(caller, &format!("\"unread\":{unread}"));
    }

    fn history(&mut self, caller: Caller, it: &command::History) {
        let limit = limits::list(it.limit, false).unwrap_or(limits::LIST_DEFAULT);
        let up_to = it.before.saturating_sub(1).min(self.head);
        let range = Range {
            after: 0,
            up_to,
            limit: limit + 1,
            newest: true,
        };
        self.read_entries(caller, it.conversation, range, limit);
    }

    /// Reads entries and answers with them; a conversation without any does not exist.
    fn read_entries(&mut self, caller: Caller, id: ConversationId, range: Range, limit: usize) {
        let known = self
            .conversations
            .get(&id)
            .is_some_and(|it| it.committed.is_some());
        let (log, workspace) = (self.deps.log.clone(), self.id.clone());
        tokio::spawn(async move {
            let outcome = entries_of(&*log, &workspace, id, range, limit, known).await;
            reply_with(caller, outcome);
        });
    }

    fn show(&mut self, caller: Caller, id: ConversationId) {
        if let Some(summary) = self.conversations.get_mut(&id).and_then(Entry::summary) {
            let text = String::from_utf8_lossy(&summary).into_owned();
            return reply_with(caller, Ok(inner(&text).to_owned()));
        }
        let (log, workspace) = (self.deps.log.clone(), self.id.clone());
        tokio::spawn(async move {
            let state = log.state(&workspace, &conversation_aggregate(id)).await;
            let outcome = match state.and_then(|stored| parse_state(&stored)) {
                Ok(Some(state)) => {
                    let text = serde_json::to_string(&state.summary()).unwrap_or_default();
                    Ok(inner(&text).to_owned())
                }
                Ok(None) => Err(Refusal::not_found("conversation")),
                Err(error) => Err(log_refusal(&error)),
            };
            reply_with(caller, outcome);
        });
    }

    /// Shows a sender what they had not seen.
    pub(crate) fn show_missed(&mut self, job: Job, id: Option<ConversationId>, refusal: Refusal) {
        let (Action::Reply(reply), Some(id)) = (&job.action, id) else {
            return self.refuse(job.caller, refusal);
        };
        self.deps.metrics.contested();
        let range = Range {
            after: reply.seen,
            up_to: self.head,
            limit: limits::MISSED,
            newest: true,
        };
        let (log, workspace) = (self.deps.log.clone(), self.id.clone());
        let Caller::Session(link, command) = job.caller else {
            return;
        };
        tokio::spawn(async move {
            let refusal = match log.read(&workspace, Some(id), range).await {
                Ok(events) => {
                    let cut = super::watching::cut(&events, true).0;
                    let missed = cut
                        .iter()
                        .filter_map(|it| serde_json::from_str(it).ok())
                        .collect();
                    let details = Details {
                        missed: Some(missed),
                        ..Details::default()
                    };
                    Refusal {
                        details: Box::new(details),
                        ..refusal
                    }
                }
                Err(error) => log_refusal(&error),
            };
            refuse(&link, command, refusal);
        });
    }

    fn watch_agents(&mut self, link: &Arc<Link>, caller: Caller) {
        let now = Time(self.deps.clock.now_ms());
        if let Some(session) = self.session_mut(link) {
            session.watches_agents = true;
        }
        let fields = self.agents_fields(now);
        self.ok(caller, &fields);
    }

    /// Whether the session's role may watch silently.
    pub(crate) fn may_be_silent(role: Role) -> bool {
        matches!(role, Role::Supervisor | Role::Admin)
    }

    /// The aggregate of an agent's timer: looked at when the grace period is over.
    pub(crate) fn agent_timer(agent: &AgentId, due_ms: Option<i64>) -> crate::log::Timer {
        crate::log::Timer {
            aggregate: agent_aggregate(agent),
            due_ms,
        }
    }
}

fn claim(conversation: ConversationId, key: &Option<String>) -> command::Claim {
    command::Claim {
        conversation,
        key: key.clone(),
    }
}

/// A JSON object without its braces.
pub(crate) fn inner(object: &str) -> &str {
    object
        .strip_prefix('{')
        .and_then(|it| it.strip_suffix('}'))
        .unwrap_or(object)
}

/// Answers from a task of its own.
pub(crate) fn reply_with(caller: Caller, outcome: Result<String, Refusal>) {
    match (caller, outcome) {
        (Caller::Session(link, id), Ok(fields)) => {
            let comma = if fields.is_empty() { "" } else { "," };
            link.outbox.push(
                Frame::text(&format!("{{\"type\":\"ok\",\"id\":{id}{comma}{fields}}}")),
                Class::Kept,
            );
        }
        (Caller::Session(link, id), Err(refusal)) => refuse(&link, id, refusal),
        (Caller::Http(reply), outcome) => {
            reply
                .send(outcome.map(|fields| (200, format!("{{{fields}}}"))))
                .ok();
        }
        (Caller::Bulk(..) | Caller::Nobody, _) => {}
    }
}

async fn entries_of(
    log: &dyn Log,
    workspace: &dibs_protocol::ids::WorkspaceId,
    id: ConversationId,
    range: Range,
    limit: usize,
    known: bool,
) -> Result<String, Refusal> {
    if !known {
        let state = log
            .state(workspace, &conversation_aggregate(id))
            .await
            .map_err(|it| log_refusal(&it))?;
        if state.body.is_none() {
            return Err(Refusal::not_found("conversation"));
        }
    }
    let newest = range.newest;
    let mut events = log
        .read(workspace, Some(id), range)
        .await
        .map_err(|it| log_refusal(&it))?;
    let mut more = events.len() > limit;
    if more && newest {
        events.remove(0);
    } else if more {
        events.pop();
    }
    let (entries, cut) = super::watching::cut(&events, newest);
    more |= cut;
    Ok(format!("\"entries\":[{}],\"more\":{more}", entries.join(",")))
}
