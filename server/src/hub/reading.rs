//! What agents have read: marks in conversations, and their inboxes of mentions.

use super::commands::inner;
use super::execute::log_refusal;
use super::item::{MentionBody, conversation_aggregate, parse_state};
use super::outbox::{Class, Frame};
use super::state::{Caller, Entry, Link, MarkKind, Marked, What};
use super::workspace::{Workspace, refuse};
use crate::log::{Item, Mark};
use dibs_protocol::answer::{MentionRow, MentionsAnswer, ReadMarksAnswer};
use dibs_protocol::command::{self};
use dibs_protocol::frame::{ReadMark, ServerFrame};
use dibs_protocol::ids::{AgentId, ConversationId};
use dibs_protocol::limits;
use dibs_protocol::refusal::Refusal;
use dibs_protocol::terms::Status;
use std::sync::Arc;

impl Workspace {
    pub(crate) fn enqueue_mark(&mut self, mark: Mark, what: What) {
        let now = self.now();
        let mut item = Item::new(self.id.clone(), self.deps.entropy.uuid(now.0));
        item.marks.push(mark);
        self.enqueue(item, what);
    }

    pub(crate) fn mark_read(&mut self, caller: Caller, agent: &AgentId, id: ConversationId, up_to: u64) {
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
    pub(crate) fn mark_read_unloaded(&mut self, caller: Caller, id: ConversationId, up_to: u64) {
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

    pub(crate) fn read_marks(&mut self, caller: Caller, agent: &AgentId) {
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

    pub(crate) fn mentions(&mut self, link: &Arc<Link>, id: i64, agent: &AgentId, it: &command::Mentions) {
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

    pub(crate) fn read_mentions(&mut self, caller: Caller, agent: &AgentId, up_to: u64) {
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
        let touched = self.people.read_inbox(agent, up_to);
        let unread = self.people.entry(agent).unread.len();
        for id in touched {
            self.mentions_touched(agent, id);
        }
        self.push_to_agent(agent, &ServerFrame::MentionsRead { up_to, unread }, Class::Kept);
        self.ok(caller, &format!("\"unread\":{unread}"));
    }
}
