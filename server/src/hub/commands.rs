//! Commands of sessions and requests over HTTP: each goes to the rules, to a list or to a read.

use super::execute::log_refusal;
use super::item::{conversation_aggregate, parse_state};
use super::outbox::{Class, Frame};
use super::state::{BulkState, Caller, Entry, HttpAsk, HttpReply, Job, Link};
use super::workspace::{Workspace, refuse};
use crate::log::{Log, Range};
use dibs_protocol::command::{self, BulkAction, Command};
use dibs_protocol::ids::ConversationId;
use dibs_protocol::limits;
use dibs_protocol::refusal::{Details, Refusal};
use dibs_protocol::time::Time;
use dibs_rules::merge::Merge;
use dibs_rules::permissions::allowed;
use dibs_rules::split::Split;
use dibs_rules::{Action, Sender};
use std::sync::Arc;
use tokio::sync::oneshot;

impl Workspace {
    /// A session asks for something.
    pub(crate) fn command(&mut self, link: &Arc<Link>, id: i64, command: Command) {
        let Some(session) = self.session(link) else { return };
        let (agent, sender) = (session.agent.clone(), session.sender.clone());
        self.deps.metrics.command(command.name());
        tracing::trace!(workspace = %self.id, agent = %agent.id, command = command.name(), "command");
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
        if !matches!(command, Command::Ping(_)) {
            self.active(link);
        }
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
            Command::ScheduleReply(it) => self.execute(caller, sender, named, Action::ScheduleReply(it)),
            Command::CancelScheduled(it) => self.execute(caller, sender, named, Action::CancelScheduled(it)),
            Command::Note(it) => self.execute(caller, sender, named, Action::Note(it)),
            Command::Update(it) => self.execute(caller, sender, named, Action::Update(it)),
            Command::Bulk(it) => self.bulk(link, id, &sender, it),
            Command::Merge(command) => {
                let absorbed = Vec::new();
                let merge = Box::new(Merge { command, absorbed });
                self.execute(caller, sender, named, Action::Merge(merge));
            }
            Command::Split(command) => {
                let contents = None;
                let split = Box::new(Split { command, contents });
                self.execute(caller, sender, named, Action::Split(split));
            }
            Command::SetPresence(it) => self.set_presence(caller, &agent, it),
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
            Command::WatchStats(_) => self.watch_stats(link, caller),
            Command::UnwatchStats(_) => self.unwatch_stats(link, caller),
            Command::Ping(_) => {
                let now = self.deps.clock.now_ms();
                self.ok(caller, &format!("\"time\":\"{}\"", Time(now)));
            }
            Command::Settings(_) => self.show_settings(caller),
            Command::SetSettings(it) => self.set_settings(caller, sender, it.settings, it.expect),
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
            HttpAsk::Disconnect(agent, reason) => self.disconnect(caller, sender.actor(), agent, reason),
            HttpAsk::Settings => self.show_settings(caller),
            HttpAsk::SetSettings(it) => self.set_settings(caller, sender, it.settings, it.expect),
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

    pub(crate) fn bulk(&mut self, link: &Arc<Link>, id: i64, sender: &Arc<Sender>, it: command::Bulk) {
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
            let repeated = results.iter().all(|it| it.contains("\"duplicate\":true"));
            let duplicate = if repeated { ",\"duplicate\":true" } else { "" };
            let fields = format!("\"results\":[{}]{duplicate}", results.join(","));
            self.ok(Caller::Session(state.link, state.id), &fields);
        }
    }

    pub(crate) fn history(&mut self, caller: Caller, it: &command::History) {
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
    pub(crate) fn read_entries(&mut self, caller: Caller, id: ConversationId, range: Range, limit: usize) {
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

    pub(crate) fn show(&mut self, caller: Caller, id: ConversationId) {
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
        self.collide(|it| it.replies_stale += 1);
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
                    let cut = super::watching::cut(&events, limits::MISSED, true).0;
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

    pub(crate) fn watch_agents(&mut self, link: &Arc<Link>, caller: Caller) {
        let now = Time(self.deps.clock.now_ms());
        if let Some(session) = self.session_mut(link) {
            session.watches_agents = true;
        }
        let fields = self.agents_fields(now);
        self.ok(caller, &fields);
    }
}

pub(crate) fn claim(conversation: ConversationId, key: &Option<String>) -> command::Claim {
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
        (Caller::Bulk(..) | Caller::Watch(..) | Caller::Router(_) | Caller::Nobody, _) => {}
    }
}

pub(crate) async fn entries_of(
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
    let events = log
        .read(workspace, Some(id), range)
        .await
        .map_err(|it| log_refusal(&it))?;
    let (entries, more) = super::watching::cut(&events, limit, newest);
    Ok(format!("\"entries\":[{}],\"more\":{more}", entries.join(",")))
}
