//! What clients like to do, drawn from their dice. Deliberately absent: whether it is wise.

use super::client::Client;
use super::dice::Dice;
use super::network::Up;
use super::plan::Habits;
use dibs_protocol::command::{
    AnswerTransfer, Bulk, BulkAction, BulkClaim, BulkRelease, BulkUpdate, CancelTransfer, Claim, CloseView,
    Command, History, List, MarkRead, Mentions, Merge, Note, OpenView, Ping, ReadMentions, Release, Reply,
    SetPresence, Split, TakeOver, Transfer, Unwatch, Update, Watch, WatchAgents,
};
use dibs_protocol::event::TransferTo;
use dibs_protocol::filter::{Filter, TagFilter};
use dibs_protocol::frame::TypingSignal;
use dibs_protocol::ids::{AgentId, ConversationId, TeamId};
use dibs_protocol::terms::{Presence, Priority, Sort, Status, Then, Typing};

/// The team of some agents.
pub(super) const TEAM: &str = "billing";

/// An agent's name by number.
pub(super) fn agent_id(number: usize) -> AgentId {
    AgentId::new(&format!("a{number}")).unwrap()
}

#[derive(Clone, Copy)]
enum Wish {
    Claim,
    Reply,
    Note,
    Release,
    Transfer,
    TakeOver,
    Update,
    Bulk,
    Merge,
    Split,
    Watch,
    Read,
    Repeat,
    Aside,
}

fn wish(habits: &Habits, dice: &Dice) -> Wish {
    let table = [
        (Wish::Claim, habits.claim),
        (Wish::Reply, habits.reply),
        (Wish::Note, habits.note),
        (Wish::Release, habits.release),
        (Wish::Transfer, habits.transfer),
        (Wish::TakeOver, habits.take_over),
        (Wish::Update, habits.update),
        (Wish::Bulk, habits.bulk),
        (Wish::Merge, habits.merge),
        (Wish::Split, habits.split),
        (Wish::Watch, habits.watch),
        (Wish::Read, habits.read),
        (Wish::Repeat, habits.repeat),
        (Wish::Aside, habits.aside),
    ];
    let all: u32 = table.iter().map(|(_, weight)| weight).sum();
    let mut at = u32::try_from(dice.below(all as usize)).unwrap_or(0);
    for (wish, weight) in table {
        if at < weight {
            return wish;
        }
        at -= weight;
    }
    Wish::Claim
}

impl Client {
    /// Does something.
    pub(super) fn act(&mut self) {
        let faults = self.env.faults();
        if self.env.strikes(&self.dice, "cut", faults.cuts) {
            let lost = self.dice.chance(500);
            return self.cut(lost);
        }
        let known = self.shared.conversations.lock().clone();
        let Some(id) = self.dice.one(&known).copied() else {
            self.left += 1;
            return self.read();
        };
        match wish(&self.env.plan.habits, &self.dice) {
            Wish::Claim => self.claim(id),
            Wish::Reply => self.reply(id),
            Wish::Note => self.take_note(id),
            Wish::Release => self.release(id),
            Wish::Transfer => self.transfer(id),
            Wish::TakeOver => {
                let (key, reason) = (self.maybe_key(), "I know them".to_owned());
                let conversation = id;
                self.ask(TakeOver {
                    conversation,
                    reason,
                    key,
                });
            }
            Wish::Update => self.update(id),
            Wish::Bulk => self.bulk(known),
            Wish::Merge => self.merge(id, &known),
            Wish::Split => self.split(id),
            Wish::Watch => self.watch(id),
            Wish::Read => self.read(),
            Wish::Repeat => self.repeat(),
            Wish::Aside => self.aside(id),
        }
    }

    fn key(&mut self) -> String {
        self.keys += 1;
        format!("{}-{}", self.name, self.keys)
    }

    fn maybe_key(&mut self) -> Option<String> {
        self.dice.chance(500).then(|| self.key())
    }

    fn claim(&mut self, conversation: ConversationId) {
        let key = self.maybe_key();
        if !self.watching.contains(&conversation) && self.dice.chance(600) {
            self.watch(conversation);
        }
        self.ask(Claim { conversation, key });
    }

    /// The token with which it acts: its own, or one that somebody has or had.
    fn token(&self, id: ConversationId) -> u64 {
        let foreign = self.dice.chance(self.env.plan.habits.foreign_tokens);
        let own = self.tokens.get(&id).copied().filter(|_| !foreign);
        let tokens = self.shared.tokens.lock();
        let any = tokens.get(&id).and_then(|it| self.dice.one(it)).copied();
        own.or(any).unwrap_or(1)
    }

    fn reply(&mut self, asked: ConversationId) {
        // Whoever holds something mostly answers there.
        let held: Vec<_> = self.tokens.keys().copied().collect();
        let own = self.dice.one(&held).copied().filter(|_| self.dice.chance(700));
        let conversation = own.unwrap_or(asked);
        let shown = self.shown.get(&conversation).copied().unwrap_or(0);
        let seen = if self.dice.chance(100) { shown / 2 } else { shown };
        let key = self.key();
        let token = self.token(conversation);
        let then = [None, None, None, Some(Then::Pending), Some(Then::Resolved)][self.dice.below(5)];
        self.ask(Reply {
            conversation,
            token,
            text: format!("The answer of {key}"),
            key,
            seen,
            attachments: None,
            then,
        });
    }

    fn take_note(&mut self, conversation: ConversationId) {
        let key = self.key();
        let whom = self.dice.below(self.env.plan.agents);
        let text = match self.dice.below(3) {
            0 => format!("{key}: ask @{}", agent_id(whom)),
            1 => format!("{key}: for @{TEAM}, or @nobody"),
            _ => format!("{key}: they called again"),
        };
        self.ask(Note {
            conversation,
            key,
            text,
        });
    }

    fn release(&mut self, conversation: ConversationId) {
        let (key, token) = (self.maybe_key(), self.token(conversation));
        self.ask(Release {
            conversation,
            token,
            key,
        });
    }

    fn transfer(&mut self, conversation: ConversationId) {
        let (key, token) = (self.maybe_key(), self.token(conversation));
        let note = None;
        let whom = self.dice.below(self.env.plan.agents);
        let to = match self.dice.below(3) {
            0 => TransferTo::Team(TeamId::new(TEAM).unwrap()),
            _ => TransferTo::Agent(agent_id(whom)),
        };
        match self.dice.below(5) {
            0 | 1 => self.ask(Transfer {
                conversation,
                token,
                to,
                note,
                key,
            }),
            2 => self.ask(CancelTransfer {
                conversation,
                token,
                key,
            }),
            at => self.ask(AnswerTransfer {
                conversation,
                accept: at == 3,
                note,
                key,
            }),
        };
    }

    fn changes(&self) -> BulkUpdate {
        let mut changes: BulkUpdate = serde_json::from_str("{}").unwrap();
        let tag = ["red", "blue"][self.dice.below(2)].to_owned();
        match self.dice.below(7) {
            0 => changes.status = Some(Status::Resolved),
            1 => changes.status = Some([Status::Open, Status::Pending, Status::Closed][self.dice.below(3)]),
            2 => changes.priority = self.dice.one(Priority::ALL).copied(),
            3 => changes.add_tags = Some(vec![tag]),
            4 => changes.remove_tags = Some(vec![tag]),
            5 => changes.subject = Some(Some(format!("About {tag}"))),
            _ => changes.assignee = Some(Some(self.me.id.clone())),
        }
        changes
    }

    fn update(&mut self, conversation: ConversationId) {
        let expect = self.dice.chance(200).then(|| {
            let shown = self.shown.get(&conversation).copied().unwrap_or(1);
            [("version".to_owned(), shown.into())].into_iter().collect()
        });
        let mut update: Update = self.changes().of(conversation, expect);
        update.key = self.maybe_key();
        self.ask(update);
    }

    fn bulk(&mut self, conversations: Vec<ConversationId>) {
        let action = match self.dice.below(3) {
            0 => BulkAction::Claim(BulkClaim {}),
            1 => BulkAction::Release(BulkRelease { token: None }),
            _ => BulkAction::Update(self.changes()),
        };
        let (key, expect) = (None, None);
        self.ask(Bulk {
            conversations,
            action,
            key,
            expect,
        });
    }

    fn merge(&mut self, into: ConversationId, known: &[ConversationId]) {
        let mut conversations: Vec<ConversationId> = Vec::new();
        for _ in 0..=self.dice.below(2) {
            let other = self.dice.one(known).copied();
            conversations.extend(other.filter(|it| *it != into && !conversations.contains(it)));
        }
        if conversations.is_empty() {
            return self.watch(into);
        }
        let (key, expect) = (self.maybe_key(), None);
        self.ask(Merge {
            into,
            conversations,
            expect,
            key,
        });
    }

    fn split(&mut self, conversation: ConversationId) {
        // Mostly what was stored there, at times what came from elsewhere, or never did.
        let messages: Vec<_> = match (self.dice.chance(800), self.shared.messages.lock()) {
            (true, all) => all.get(&conversation).cloned().unwrap_or_default(),
            (false, all) => all.values().flatten().copied().collect(),
        };
        let Some(one) = self.dice.one(&messages).copied() else {
            return self.watch(conversation);
        };
        let (key, subject, expect) = (self.maybe_key(), None, None);
        self.ask(Split {
            conversation,
            messages: vec![one],
            subject,
            expect,
            key,
        });
    }

    fn watch(&mut self, conversation: ConversationId) {
        let asked = |it: &Command| {
            matches!(it, Command::Watch(_) | Command::Unwatch(_)) && it.conversation() == Some(conversation)
        };
        // One after the other, as clients do.
        if self.pending.values().any(|(_, it)| asked(it)) {
            return;
        }
        if self.watching.contains(&conversation) && self.dice.chance(400) {
            self.ask(Unwatch { conversation });
            return;
        }
        let limit = [None, Some(3)][self.dice.below(2)];
        let silent = None;
        self.ask(Watch {
            conversation,
            limit,
            silent,
        });
    }

    /// Looks at lists, live or not.
    fn read(&mut self) {
        let (filter, sort) = (self.filter(), *self.dice.one(Sort::ALL).unwrap());
        let view = ["one", "two"][self.dice.below(2)].to_owned();
        let limit = [None, Some(0), Some(2)][self.dice.below(3)];
        match self.dice.below(6) {
            0 => self.ask(CloseView { view }),
            1 => self.ask(List {
                filter,
                sort,
                after: None,
                limit: Some(50),
            }),
            at => self.ask(OpenView {
                view,
                filter,
                sort,
                offset: (at == 2).then_some(limit.unwrap_or(0)),
                limit,
            }),
        };
    }

    fn filter(&self) -> Filter {
        let mut filter = Filter::default();
        match self.dice.below(8) {
            0 => filter.claimed = Some(self.dice.chance(500)),
            1 => filter.claimed_by = AgentId::new("me").ok(),
            2 => filter.assignee = Some(AgentId::new("me").ok()),
            3 => filter.status = Some(vec![Status::New, Status::Open]),
            4 => {
                filter.tags = Some(TagFilter {
                    any: Some(vec!["red".to_owned()]),
                    ..TagFilter::default()
                });
            }
            5 => filter.waiting_longer_than_s = Some(1),
            6 => filter.offered_to_me = Some(true),
            _ => {}
        }
        filter
    }

    /// Sends something again under its key: what it does not know the end of, or what was answered long ago.
    fn repeat(&mut self) {
        let unknown = (!self.unknown.is_empty()).then(|| self.unknown.remove(0));
        let again = unknown.or_else(|| self.dice.one(&self.keyed).cloned());
        match again {
            Some(Command::Reply(mut reply)) => {
                let survivor = self.shared.survivors.lock().get(&reply.conversation).copied();
                reply.conversation = survivor
                    .filter(|_| self.dice.chance(500))
                    .unwrap_or(reply.conversation);
                reply.token = self.token(reply.conversation);
                reply.seen = self.shown.get(&reply.conversation).copied().unwrap_or(0);
                self.ask(reply);
            }
            Some(command) => {
                self.ask(command);
            }
            None => self.read(),
        }
    }

    fn aside(&mut self, conversation: ConversationId) {
        let up_to = self.shown.get(&conversation).copied().unwrap_or(0);
        let key = None;
        match self.dice.below(7) {
            0 => self.ask(MarkRead {
                conversation,
                up_to,
                key,
            }),
            1 => self.ask(SetPresence {
                agent: None,
                status: *self.dice.one(Presence::ALL).unwrap(),
                reason: None,
                key,
            }),
            2 => self.ask(Mentions {
                before: None,
                limit: None,
            }),
            3 => self.ask(ReadMentions { up_to, key }),
            4 => self.ask(WatchAgents {}),
            5 if up_to > 0 => self.ask(History {
                conversation,
                before: up_to,
                limit: Some(5),
            }),
            6 => {
                let signal = TypingSignal {
                    conversation,
                    into: Typing::Reply,
                    on: true,
                };
                if let Some(connection) = &mut self.connection {
                    connection.send(&self.env, Up::Typing(signal));
                }
                0
            }
            _ => self.ask(Ping {}),
        };
    }

    /// Looks at everything: all conversations, as a list and one by one.
    pub(super) fn look(&mut self) {
        self.looked.clear();
        let list = List {
            filter: Filter::default(),
            sort: Sort::Oldest,
            after: None,
            limit: Some(200),
        };
        let mut asked: Vec<Command> = vec![list.into()];
        for conversation in self.shared.conversations.lock().iter() {
            asked.push(
                Watch {
                    conversation: *conversation,
                    limit: Some(200),
                    silent: None,
                }
                .into(),
            );
        }
        for command in asked {
            let id = self.ask(command.clone());
            self.looked.insert(id, (command, None));
        }
    }
}
