//! Clients at a hub: their frames take a while, lines are cut and resumed, sessions fall behind. All of it honest.

use crate::hub::{Hub, PEOPLE, agent, fields};
use crate::script::{Script, Step};
use dibs_loadtest::oracle::{ListAsked, QuietView};
use dibs_protocol::command::{Command, Watch};
use dibs_protocol::event::{Customer, EventEntry};
use dibs_protocol::filter::Filter;
use dibs_protocol::frame::{AgentInfo, ErrorFrame, OkFrame, Resume, ServerFrame, SnapshotFrame, Welcome};
use dibs_protocol::http::Ingest;
use dibs_protocol::ids::ConversationId;
use dibs_protocol::limits::Limits;
use dibs_protocol::terms::Sort;
use dibs_rules::context::Agent;
use dibs_rules::filter::ViewFilter;
use dibs_rules::order::order_key;
use std::collections::{BTreeMap, VecDeque};
use uuid::Uuid;

/// The place of the channel's adapter among the clients.
pub const ADAPTER: usize = PEOPLE.len();

#[derive(Default)]
struct Seat {
    online: bool,
    next_id: i64,
    /// What the client would resume from.
    cursor: Option<u64>,
    frozen: bool,
    /// Watched conversations, with the last event put on the way.
    watching: BTreeMap<ConversationId, u64>,
    /// On the way to the client.
    queue: VecDeque<ServerFrame>,
}

/// A team at work.
pub struct Desk {
    pub hub: Hub,
    pub script: Script,
    seats: Vec<Seat>,
}

impl Desk {
    pub fn new() -> Self {
        let mut clients: Vec<String> = PEOPLE.iter().map(|it| it.0.to_owned()).collect();
        clients.push("adapter".to_owned());
        Self {
            hub: Hub::new(),
            script: Script {
                clients,
                ..Script::default()
            },
            seats: (0..PEOPLE.len()).map(|_| Seat::default()).collect(),
        }
    }

    fn step(&mut self, who: usize, step: Step) {
        self.script.steps.push((who, step));
    }

    pub fn conversation(&self, place: usize) -> Option<ConversationId> {
        let all: Vec<ConversationId> = self.hub.states.keys().copied().collect();
        all.get(place.checked_rem(all.len())?).copied()
    }

    pub fn ingest(&mut self, customer: &str, key: &str, text: &str) -> ConversationId {
        let body = Ingest {
            key: key.to_owned(),
            channel: "mail".parse().unwrap(),
            customer: Customer {
                id: customer.parse().unwrap(),
                name: customer.to_owned(),
                handle: None,
                tier: None,
            },
            thread: None,
            conversation: None,
            text: text.to_owned(),
            subject: None,
            queue: None,
            priority: None,
            tags: None,
            attachments: None,
        };
        self.hub.now = self.hub.now.plus_ms(7);
        self.step(ADAPTER, Step::Ingest(body.clone()));
        let answer = self.hub.ingest(&body);
        self.publish();
        let id = answer.as_ref().ok().map(|it| it.1.conversation);
        self.step(ADAPTER, Step::Ingested(answer));
        id.unwrap_or(ConversationId(Uuid::nil()))
    }

    /// Puts new events on the way to who watches.
    fn publish(&mut self) {
        for seat in self.seats.iter_mut().filter(|it| it.online) {
            let mut new: Vec<EventEntry> = Vec::new();
            for (id, sent) in &mut seat.watching {
                for entry in self.hub.events(*id, *sent) {
                    new.push(entry.clone());
                }
                *sent = self.hub.states[id].version;
            }
            new.sort_by_key(|it| it.seq);
            seat.queue.extend(new.into_iter().map(ServerFrame::Event));
        }
    }

    /// What is on the way arrives.
    pub fn flush(&mut self, who: usize) {
        while let Some(frame) = self.seats[who].queue.pop_front() {
            let seat = &mut self.seats[who];
            match &frame {
                ServerFrame::Event(it) if !seat.frozen => seat.cursor = seat.cursor.max(Some(it.seq)),
                ServerFrame::Position { seq, .. } => {
                    seat.cursor = Some(*seq);
                    seat.frozen = false;
                }
                ServerFrame::Resync { .. } => seat.frozen = true,
                _ => {}
            }
            self.step(who, Step::Got(frame));
        }
    }

    pub fn position(&mut self, who: usize) {
        let (seq, time) = (self.hub.head(), self.hub.now);
        let hash = format!("{seq:016x}");
        // Nothing is on the way to who is not there.
        if !self.seats[who].online {
            return;
        }
        self.seats[who]
            .queue
            .push_back(ServerFrame::Position { seq, hash, time });
    }

    pub fn come(&mut self, who: usize) {
        if self.seats[who].online {
            return;
        }
        let seat = &self.seats[who];
        let resume = seat.cursor.map(|seq| Resume {
            epoch: "one".to_owned(),
            seq,
            hash: None,
            watching: seat.watching.keys().copied().collect(),
        });
        self.step(who, Step::Dialled);
        self.step(who, Step::Hello(1, resume.clone()));
        let (head, time) = (self.hub.head(), self.hub.now);
        let welcome = welcome(&agent(who), head, resume.is_some(), time);
        let seat = &mut self.seats[who];
        seat.online = true;
        seat.frozen = false;
        seat.next_id = 2;
        match resume.map(|it| it.seq) {
            Some(seq) => seat.watching.values_mut().for_each(|sent| *sent = seq),
            None => seat.cursor = Some(head),
        }
        self.step(who, Step::Got(ServerFrame::Welcome(Box::new(welcome))));
        self.publish();
        self.position(who);
    }

    /// The line is cut: what was on the way is lost.
    pub fn cut(&mut self, who: usize) {
        if std::mem::take(&mut self.seats[who].online) {
            self.seats[who].queue.clear();
            self.step(who, Step::Cut);
        }
    }

    /// The session falls behind: what was on the way is dropped, and snapshots follow.
    pub fn fall_behind(&mut self, who: usize) {
        let reason = "slow".to_owned();
        let seat = &mut self.seats[who];
        if !seat.online {
            return;
        }
        seat.queue.clear();
        seat.queue.push_back(ServerFrame::Resync {
            reason,
            epoch: None,
            seq: None,
        });
        for (id, sent) in &mut seat.watching {
            let content = self.hub.watch(*id, 50);
            *sent = content.summary.version;
            let snapshot = SnapshotFrame::Watch {
                conversation: *id,
                content: Box::new(content),
            };
            seat.queue.push_back(ServerFrame::Snapshot(Box::new(snapshot)));
        }
        self.position(who);
    }

    fn send(&mut self, who: usize, command: &Command) -> i64 {
        let id = self.seats[who].next_id;
        self.seats[who].next_id += 1;
        self.step(who, Step::Sent(id, command.clone()));
        id
    }

    pub fn watch(&mut self, who: usize, conversation: ConversationId) {
        if !self.seats[who].online {
            return;
        }
        let watch = Watch {
            conversation,
            limit: Some(3),
            silent: None,
        };
        let id = self.send(who, &Command::Watch(watch));
        self.flush(who);
        let answer = self.hub.watch(conversation, 3);
        self.seats[who]
            .watching
            .insert(conversation, answer.summary.version);
        let fields = fields(&answer);
        self.step(who, Step::Got(ServerFrame::Ok(OkFrame { id, fields })));
    }

    /// A command is sent and decided; its answer comes, unless it is `lost` with the line.
    pub fn command(&mut self, who: usize, command: &Command, lost: bool) -> Option<u64> {
        if !self.seats[who].online {
            return None;
        }
        self.hub.now = self.hub.now.plus_ms(3);
        let id = self.send(who, command);
        let answer = self.hub.command(&agent(who), command);
        self.publish();
        if lost {
            self.cut(who);
            return None;
        }
        let number = |name: &str| answer.as_ref().ok()?.get(name)?.as_u64();
        let number = number("token").or_else(|| number("seq"));
        let frame = match answer {
            Ok(fields) => ServerFrame::Ok(OkFrame { id, fields }),
            Err(mut refusal) => {
                if refusal.code == dibs_protocol::refusal::Code::Stale
                    && let Command::Reply(it) = command
                {
                    let missed = self.hub.events(it.conversation, it.seen).cloned().collect();
                    refusal.details.missed = Some(missed);
                }
                ServerFrame::Error(ErrorFrame {
                    id: Some(id),
                    refusal,
                })
            }
        };
        self.step(who, Step::Got(frame));
        number
    }

    /// Everybody comes back and hears everything; lists are compared.
    pub fn rest(&mut self) {
        self.script.log.clone_from(&self.hub.log);
        let head = self.hub.head();
        for who in 0..PEOPLE.len() {
            self.come(who);
            self.position(who);
            self.flush(who);
            self.step(who, Step::Quiet(head));
            let claimed = Filter {
                claimed: Some(true),
                ..Filter::default()
            };
            let mine = Filter {
                claimed_by: Some("me".parse().unwrap()),
                ..Filter::default()
            };
            let lists = [
                (Filter::default(), Sort::Waiting),
                (claimed, Sort::LastActivity),
                (mine, Sort::Newest),
            ];
            for (filter, sort) in lists {
                let view = self.view(who, filter, sort);
                self.step(who, Step::View(Box::new(view)));
            }
        }
    }

    fn view(&self, who: usize, filter: Filter, sort: Sort) -> QuietView {
        let me = agent(who);
        let resolved = ViewFilter::resolve(&filter, &me);
        let now = self.hub.now;
        let mut states: Vec<_> = self
            .hub
            .unclosed()
            .filter(|it| resolved.matches(it, now, &|_, _| false))
            .collect();
        states.sort_by_key(|it| order_key(sort, it));
        let rows: Vec<_> = states.iter().map(|it| it.summary()).collect();
        let asked = ListAsked {
            me: me.id,
            teams: Vec::new(),
            filter,
            sort,
            offset: 0,
            after: None,
            limit: 50,
            live: true,
            now,
        };
        let moment = 1_000 + 10 * self.script.steps.len() as u64;
        QuietView::new("list", moment, asked, &rows, Some(rows.len() as u64))
    }
}

pub fn welcome(me: &Agent, seq: u64, resumed: bool, time: dibs_protocol::time::Time) -> Welcome {
    Welcome {
        id: 1,
        session: Uuid::nil(),
        workspace: "acme".parse().unwrap(),
        agent: AgentInfo {
            id: me.id.clone(),
            name: me.name.clone(),
            kind: me.kind,
            role: me.role,
            teams: me.teams.clone(),
            skills: me.skills.clone(),
        },
        epoch: "one".to_owned(),
        seq,
        hash: format!("{seq:016x}"),
        resumed,
        time,
        heartbeat_seconds: 25,
        limits: Limits::default(),
        features: Vec::new(),
        unread_mentions: 0,
        claims: Vec::new(),
        offers: Vec::new(),
    }
}
