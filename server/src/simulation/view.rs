//! A list as a client shows it, from the answer to `open_view` and the changes after it.

use dibs_loadtest::oracle::{ListAsked, QuietView};
use dibs_protocol::answer::OpenViewAnswer;
use dibs_protocol::command::OpenView;
use dibs_protocol::ids::ConversationId;
use dibs_protocol::limits::LIST_DEFAULT;
use dibs_protocol::summary::Summary;
use dibs_protocol::time::Time;
use dibs_rules::context::Agent;
use serde_json::Value;
use std::collections::BTreeMap;

/// An open view.
pub(super) struct View {
    pub(super) asked: OpenView,
    pub(super) total: usize,
    pub(super) order: Vec<ConversationId>,
    pub(super) rows: BTreeMap<ConversationId, Summary>,
}

impl View {
    /// What the oracle compares when everything is quiet.
    pub(super) fn at_quiet(&self, moment: u64, me: &Agent, now: Time) -> QuietView {
        let asked = ListAsked {
            me: me.id.clone(),
            teams: me.teams.clone(),
            filter: self.asked.filter.clone(),
            sort: self.asked.sort,
            offset: self.asked.offset.unwrap_or(0),
            after: None,
            limit: self.asked.limit.unwrap_or(LIST_DEFAULT as u64),
            live: true,
            now,
        };
        let rows = self.order.iter().filter_map(|id| self.rows.get(id));
        QuietView::new(&self.asked.view, moment, asked, rows, Some(self.total as u64))
    }

    /// The view as the answer to `open_view` shows it.
    pub(super) fn opened(asked: &OpenView, fields: &BTreeMap<String, Value>) -> Option<Self> {
        let fields = fields.clone().into_iter().collect();
        let answer: OpenViewAnswer = serde_json::from_value(Value::Object(fields)).ok()?;
        let mut view = Self {
            asked: asked.clone(),
            total: 0,
            order: Vec::new(),
            rows: BTreeMap::new(),
        };
        view.show(answer);
        Some(view)
    }

    /// Replaces everything.
    pub(super) fn show(&mut self, answer: OpenViewAnswer) {
        self.total = answer.total;
        self.order = answer.conversations.iter().map(|it| it.id).collect();
        self.rows = answer.conversations.into_iter().map(|it| (it.id, it)).collect();
    }

    /// What `view_changed` says, in the order in which the contract wants it.
    pub(super) fn change(
        &mut self,
        total: usize,
        upserts: Vec<Summary>,
        removes: &[ConversationId],
        order: Option<Vec<ConversationId>>,
    ) {
        self.total = total;
        self.rows.extend(upserts.into_iter().map(|it| (it.id, it)));
        for id in removes {
            self.rows.remove(id);
        }
        if let Some(order) = order {
            self.order = order;
        }
    }
}
