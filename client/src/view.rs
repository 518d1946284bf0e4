//! A live list as a client holds it: what `open_view` answered, kept by `view_changed` and replaced by snapshots. Pure.

use dibs_protocol::answer::OpenViewAnswer;
use dibs_protocol::frame::{ServerFrame, SnapshotFrame};
use dibs_protocol::ids::ConversationId;
use dibs_protocol::summary::Summary;
use std::collections::HashMap;

/// The window of a view.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct View {
    name: String,
    seq: u64,
    total: usize,
    rows: HashMap<ConversationId, Summary>,
    order: Vec<ConversationId>,
}

impl View {
    /// A view as it was answered.
    #[must_use]
    pub fn new(name: &str, answer: OpenViewAnswer) -> Self {
        let mut view = Self {
            name: name.to_owned(),
            ..Self::default()
        };
        view.replace(answer);
        view
    }

    /// The client's name for it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The feed's head that it shows.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// How many conversations match, within the window and beyond.
    #[must_use]
    pub fn total(&self) -> usize {
        self.total
    }

    /// The window's rows in order.
    pub fn rows(&self) -> impl Iterator<Item = &Summary> {
        self.order.iter().filter_map(|id| self.rows.get(id))
    }

    /// The window's ids in order.
    #[must_use]
    pub fn ids(&self) -> &[ConversationId] {
        &self.order
    }

    /// Whether there is a row for each place of the order and no other: false means that the server made a mistake.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.rows.len() == self.order.len() && self.order.iter().all(|id| self.rows.contains_key(id))
    }

    /// Whether a push is about the view of this name.
    #[must_use]
    pub fn is_about(frame: &ServerFrame, name: &str) -> bool {
        match frame {
            ServerFrame::ViewChanged { view, .. } => view == name,
            ServerFrame::Snapshot(snapshot) => {
                matches!(&**snapshot, SnapshotFrame::View { view, .. } if view == name)
            }
            _ => false,
        }
    }

    /// Applies a push, if it is about this view: upserts, removes, order, in that order.
    pub fn apply(&mut self, frame: &ServerFrame) -> bool {
        match frame {
            ServerFrame::ViewChanged {
                view,
                seq,
                total,
                upserts,
                removes,
                order,
            } if *view == self.name => {
                self.seq = *seq;
                self.total = *total;
                self.rows.extend(upserts.iter().map(|row| (row.id, row.clone())));
                for id in removes {
                    self.rows.remove(id);
                }
                if let Some(order) = order {
                    self.order.clone_from(order);
                }
                true
            }
            ServerFrame::Snapshot(snapshot) => match &**snapshot {
                SnapshotFrame::View { view, content } if *view == self.name => {
                    self.replace(content.clone());
                    true
                }
                _ => false,
            },
            _ => false,
        }
    }

    fn replace(&mut self, answer: OpenViewAnswer) {
        self.seq = answer.seq;
        self.total = answer.total;
        self.order = answer.conversations.iter().map(|row| row.id).collect();
        self.rows = answer
            .conversations
            .into_iter()
            .map(|row| (row.id, row))
            .collect();
    }
}
