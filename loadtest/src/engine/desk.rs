//! What a member knows: what it holds, what it has seen, which commands are under way. From a step of its plan to the
//! command that fits, and from an answer to what follows. No sockets.

use crate::engine::clock;
use crate::engine::recorder::Recorder;
use crate::engine::script::{Action, Deed};
use crate::engine::stage::Stage;
use crate::engine::tally::{Count, Lag};
use crate::engine::wire;
use dibs_client::connection::typed;
use dibs_client::{Cursor, Fields};
use dibs_protocol::answer::{ClaimAnswer, OpenViewAnswer, WatchAnswer};
use dibs_protocol::command::Command;
use dibs_protocol::ids::ConversationId;
use dibs_protocol::refusal::{Code, Refusal};
use std::collections::HashMap;
use std::rc::Rc;

/// What could not be done is asked again after so long at least, in milliseconds.
const AGAIN_MS: u64 = 100;

/// A command under way.
#[derive(Debug, Clone)]
pub struct Pending {
    command: Command,
    /// When it was due.
    due_us: u64,
    /// It belongs to coming in: what one has open all the time.
    pub standing: bool,
    resolves: bool,
}

/// What a member knows.
pub struct Desk {
    /// The agent's name.
    pub name: String,
    stage: Rc<Stage>,
    /// The conversations that it holds, with the token of each.
    held: HashMap<ConversationId, u64>,
    /// What it watches, and where it stands in the feed.
    pub cursor: Cursor,
    /// The list, while it is open.
    pub screen: Option<Rc<crate::engine::screens::Screen>>,
    /// Commands under way, by id.
    pub pending: HashMap<i64, Pending>,
    /// Commands whose answer was lost with the connection, or which could not be done now, and that are safe to send again.
    again: Vec<Pending>,
    /// When to do so, in microseconds of the run's clock.
    again_us: u64,
    next_id: i64,
    keys: u64,
    /// What the oracle is shown.
    pub recorder: Recorder,
}

impl Desk {
    /// Of an agent who has not come in yet.
    #[must_use]
    pub fn new(name: String, stage: &Rc<Stage>, keen: bool) -> Self {
        Self {
            recorder: Recorder::new(&name, &stage.plan.workspace, stage.plan.oracle, keen),
            name,
            stage: Rc::clone(stage),
            held: HashMap::new(),
            cursor: Cursor::default(),
            screen: None,
            pending: HashMap::new(),
            again: Vec::new(),
            again_us: u64::MAX,
            next_id: 2,
            keys: 0,
        }
    }

    /// The connection ended: what was under way may or may not have been done.
    pub fn cut(&mut self) {
        self.recorder.cut();
        let mut tally = self.stage.tally.borrow_mut();
        // What one has open all the time is asked for anew.
        self.again.retain(|it| !it.standing);
        self.again_us = u64::MAX;
        for (_, pending) in self.pending.drain() {
            tally.count(Count::Unknown);
            if matches!(pending.command, Command::Reply(_) | Command::Note(_)) {
                self.again.push(pending);
            }
        }
        self.screen = None;
        self.next_id = 2;
    }

    /// What to send first on a new connection: what one has open all the time, and what is safe to send again.
    pub fn standing(&mut self, watched: &[ConversationId], list: bool) -> Vec<(i64, Command)> {
        let now = clock::now_us();
        let mut commands = Vec::new();
        if list {
            commands.push(wire::open_list());
        }
        let known = |id: &&ConversationId| self.cursor.version(**id).is_none();
        commands.extend(watched.iter().filter(known).map(|id| wire::watch(*id)));
        let fresh = commands.into_iter().map(|command| Pending {
            command,
            due_us: now,
            standing: true,
            resolves: false,
        });
        let all: Vec<Pending> = fresh.chain(std::mem::take(&mut self.again)).collect();
        all.into_iter().map(|it| self.register(it)).collect()
    }

    /// When something is to be asked again; `u64::MAX` for never.
    #[must_use]
    pub fn again_us(&self) -> u64 {
        self.again_us
    }

    /// What could not be done before, once more.
    pub fn ask_again(&mut self) -> Vec<(i64, Command)> {
        self.again_us = u64::MAX;
        let again = std::mem::take(&mut self.again);
        again.into_iter().map(|it| self.register(it)).collect()
    }

    /// Whether nothing is under way, nor to be asked again.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.pending.is_empty() && self.again.is_empty()
    }

    /// Whether all that one has open all the time was answered.
    #[must_use]
    pub fn is_standing(&self) -> bool {
        !self.pending.values().chain(&self.again).any(|it| it.standing)
    }

    /// What these held claims are now, as the welcome says.
    pub fn holds(&mut self, claims: impl Iterator<Item = (ConversationId, u64)>) {
        self.held = claims.collect();
    }

    /// A claim is gone.
    pub fn lost(&mut self, conversation: ConversationId, token: u64) {
        if self.held.get(&conversation) == Some(&token) {
            self.held.remove(&conversation);
        }
    }

    /// The command for a step of the plan; nothing where it does not apply, such as a reply without a claim.
    pub fn command(&mut self, action: Action, due_us: u64) -> Option<(i64, Command)> {
        let id = self.stage.conversation(action.conversation);
        let bytes = self.stage.plan.settings.text_bytes;
        let token = self.held.get(&id).copied();
        let command = match action.deed {
            Deed::Watch => wire::watch(id),
            Deed::Unwatch => {
                self.cursor.unwatched(id);
                dibs_protocol::command::Unwatch { conversation: id }.into()
            }
            Deed::Claim => wire::claim(id),
            Deed::Release => wire::release(id, token?),
            Deed::Reply { resolve } => {
                let (token, seen) = (token?, self.cursor.version(id)?);
                wire::reply(
                    id,
                    token,
                    self.key(),
                    seen,
                    wire::marked(due_us, bytes, "reply"),
                    resolve,
                )
            }
            Deed::Note => wire::note(id, self.key(), wire::marked(due_us, bytes, "note")),
            Deed::Update => wire::subject(id, wire::marked(due_us, 64, "order")),
            Deed::Typing(_) | Deed::Drop => return None,
        };
        let resolves = matches!(action.deed, Deed::Reply { resolve: true });
        Some(self.register(Pending {
            command,
            due_us,
            standing: false,
            resolves,
        }))
    }

    fn key(&mut self) -> String {
        self.keys += 1;
        format!("{}-{}-{}", self.stage.plan.run, self.name, self.keys)
    }

    fn register(&mut self, pending: Pending) -> (i64, Command) {
        let id = self.next_id;
        self.next_id += 1;
        let command = pending.command.clone();
        self.recorder.command(id, &command);
        self.pending.insert(id, pending);
        (id, command)
    }

    /// An answer came. What it gives is the command that follows at once: a reply again, with what was seen now.
    pub fn answered(&mut self, id: i64, result: Result<Fields, Refusal>) -> Option<(i64, Command)> {
        let Some(pending) = self.pending.remove(&id) else {
            self.trouble(format!("an answer to {id}, which was not asked"));
            return None;
        };
        if !pending.standing {
            let mut tally = self.stage.tally.borrow_mut();
            tally.lag(Lag::Command, pending.due_us);
            if let Some(lag) = lag(&pending.command) {
                tally.lag(lag, pending.due_us);
            }
        }
        match result {
            Ok(fields) => {
                if !pending.standing {
                    self.stage.tally.borrow_mut().count(Count::Done);
                }
                self.done(&pending, fields);
                None
            }
            Err(refusal) => self.refused(pending, refusal),
        }
    }

    fn done(&mut self, pending: &Pending, fields: Fields) {
        let read = match &pending.command {
            Command::Watch(_) => typed::<WatchAnswer>(fields).map(|it| self.cursor.watched(&it)),
            Command::OpenView(_) => typed::<OpenViewAnswer>(fields)
                .map(|it| self.screen = Some(self.stage.screens.borrow_mut().opened(it))),
            Command::Claim(claim) => typed::<ClaimAnswer>(fields).map(|it| {
                self.held.insert(claim.conversation, it.token);
            }),
            Command::Release(release) => {
                self.lost(release.conversation, release.token);
                Ok(())
            }
            Command::Reply(reply) if pending.resolves => {
                self.lost(reply.conversation, reply.token);
                Ok(())
            }
            _ => Ok(()),
        };
        if let Err(error) = read {
            self.trouble(format!(
                "an answer to {} that cannot be read: {error}",
                pending.command.name()
            ));
        }
    }

    fn refused(&mut self, pending: Pending, refusal: Refusal) -> Option<(i64, Command)> {
        let count = match refusal.code {
            Code::AlreadyClaimed => Count::AlreadyClaimed,
            Code::Stale => Count::Stale,
            Code::ClaimLost | Code::NotClaimed | Code::Conflict | Code::RateLimited | Code::Unavailable => {
                Count::Refused
            }
            code => {
                let what = format!(
                    "{} was refused with {}: {}",
                    pending.command.name(),
                    code.as_str(),
                    refusal.message
                );
                self.trouble(what);
                Count::Refused
            }
        };
        self.stage.tally.borrow_mut().count(count);
        if refusal.code == Code::Unavailable && self.stage.plan.faults {
            let safe = matches!(pending.command, Command::Reply(_) | Command::Note(_));
            if safe || pending.standing {
                let wait_ms = refusal.details.retry_after_ms.unwrap_or(AGAIN_MS).max(AGAIN_MS);
                self.again_us = clock::now_us() + wait_ms * 1_000;
                self.again.push(pending);
            }
            return None;
        }
        match (refusal.code, pending.command) {
            (Code::ClaimLost | Code::NotClaimed, Command::Release(it)) => {
                self.lost(it.conversation, it.token)
            }
            (Code::ClaimLost, Command::Reply(it)) => self.lost(it.conversation, it.token),
            (Code::Stale, Command::Reply(mut it)) => {
                let newest = refusal
                    .details
                    .missed
                    .iter()
                    .flatten()
                    .map(|entry| entry.seq)
                    .max()?;
                if newest <= it.seen {
                    self.trouble("a stale reply whose missed entries are not newer".to_owned());
                    return None;
                }
                it.seen = newest;
                let (due_us, resolves) = (pending.due_us, pending.resolves);
                return Some(self.register(Pending {
                    command: it.into(),
                    due_us,
                    standing: false,
                    resolves,
                }));
            }
            _ => {}
        }
        None
    }

    /// Something that must not be.
    pub fn trouble(&self, what: String) {
        self.stage
            .tally
            .borrow_mut()
            .trouble(format!("{}: {what}", self.name));
    }
}

fn lag(command: &Command) -> Option<Lag> {
    Some(match command {
        Command::Claim(_) => Lag::Claim,
        Command::Reply(_) => Lag::Reply,
        Command::Note(_) => Lag::Note,
        Command::Update(_) => Lag::Update,
        Command::Watch(_) => Lag::Watch,
        _ => return None,
    })
}
