//! Lists as screens show them, shared: thousands who have the same list open get the same bytes, so each state and each
//! change of it is computed once, whatever their number. No rule of which conversation belongs on a list.

use crate::engine::wire;
use dibs_protocol::answer::OpenViewAnswer;
use dibs_protocol::frame::{ServerFrame, SnapshotFrame};
use dibs_protocol::ids::ConversationId;
use dibs_protocol::summary::Summary;
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;
use std::rc::Rc;

/// How many states are remembered; at the bound the oldest go, and are computed again if need be.
const REMEMBERED: usize = 4_096;

/// A list as a screen shows it.
#[derive(Debug, Clone)]
pub struct Screen {
    number: u64,
    /// The feed's head that it shows.
    pub seq: u64,
    /// How many match, beyond the window as well.
    pub total: usize,
    /// The rows in order.
    pub order: Vec<ConversationId>,
    /// Each row as it was last sent.
    pub rows: HashMap<ConversationId, Rc<Summary>>,
    /// The oldest moment among the changes that led here.
    pub mark_us: Option<u64>,
}

/// All lists of one process.
#[derive(Default)]
pub struct Screens {
    known: HashMap<(u64, u64), Rc<Screen>>,
    order: VecDeque<(u64, u64)>,
    count: u64,
    hasher: foldhash::fast::FixedState,
}

impl Screens {
    /// The screen after a frame, and whether it was computed already; nothing when the frame is no list's.
    pub fn next(&mut self, before: Option<&Rc<Screen>>, text: &str) -> Option<Rc<Screen>> {
        let key = (before.map_or(0, |it| it.number), self.hasher.hash_one(text));
        if let Some(known) = self.known.get(&key) {
            return Some(Rc::clone(known));
        }
        let frame: ServerFrame = serde_json::from_str(text).ok()?;
        self.count += 1;
        let screen = Rc::new(after(self.count, before.map(|it| &**it), &frame)?);
        if self.order.len() >= REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.order.push_back(key);
        self.known.insert(key, Rc::clone(&screen));
        Some(screen)
    }

    /// The screen of an answer to `open_view`.
    pub fn opened(&mut self, answer: OpenViewAnswer) -> Rc<Screen> {
        self.count += 1;
        Rc::new(fresh(self.count, answer))
    }
}

fn fresh(number: u64, answer: OpenViewAnswer) -> Screen {
    Screen {
        number,
        seq: answer.seq,
        total: answer.total,
        order: answer.conversations.iter().map(|row| row.id).collect(),
        rows: answer
            .conversations
            .into_iter()
            .map(|row| (row.id, Rc::new(row)))
            .collect(),
        mark_us: None,
    }
}

fn after(number: u64, before: Option<&Screen>, frame: &ServerFrame) -> Option<Screen> {
    match frame {
        ServerFrame::ViewChanged {
            seq,
            total,
            upserts,
            removes,
            order,
            ..
        } => {
            let mut screen = Screen {
                number,
                seq: *seq,
                total: *total,
                mark_us: None,
                ..before?.clone()
            };
            for row in upserts {
                // A row that is new in the window may have changed long ago.
                let fresh = screen
                    .rows
                    .get(&row.id)
                    .is_some_and(|known| moment(known) != moment(row));
                if let Some(mark) = moment(row).filter(|_| fresh) {
                    screen.mark_us = Some(screen.mark_us.map_or(mark, |it| it.min(mark)));
                }
                screen.rows.insert(row.id, Rc::new(row.clone()));
            }
            for id in removes {
                screen.rows.remove(id);
            }
            if let Some(order) = order {
                screen.order.clone_from(order);
            }
            Some(screen)
        }
        ServerFrame::Snapshot(snapshot) => match &**snapshot {
            SnapshotFrame::View { content, .. } => Some(fresh(number, content.clone())),
            SnapshotFrame::Watch { .. } => None,
        },
        _ => None,
    }
}

/// The latest moment that a row carries, if the change that it tells of does.
fn moment(row: &Summary) -> Option<u64> {
    let subject = row.subject.as_deref().and_then(wire::mark);
    let last = row.last_message.as_ref().and_then(|it| wire::mark(&it.excerpt));
    subject.max(last)
}

impl Screen {
    /// Whether it shows exactly these rows, in this order and as new.
    #[must_use]
    pub fn shows(&self, rows: &[(ConversationId, u64)]) -> bool {
        self.order.len() == rows.len()
            && self.order.iter().zip(rows).all(|(id, (expected, version))| {
                id == expected && self.rows.get(id).is_some_and(|row| row.version == *version)
            })
    }
}
