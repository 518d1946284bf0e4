//! Lists read once: unclosed conversations from memory, closed ones from the log, in one order.

use super::commands::reply_with;
use super::execute::log_refusal;
use super::item::parse_state;
use super::state::{Caller, Entry};
use super::views::Rows;
use super::workspace::Workspace;
use crate::log::{AggregateKind, Log, LogError};
use dibs_protocol::command;
use dibs_protocol::ids::{AgentId, ConversationId, WorkspaceId};
use dibs_protocol::limits;
use dibs_protocol::refusal::Refusal;
use dibs_protocol::terms::Sort;
use dibs_protocol::time::Time;
use dibs_rules::context::Agent;
use dibs_rules::filter::ViewFilter;
use dibs_rules::order::{OrderKey, order_key};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Closed conversations read from the log at once.
const PAGE: usize = 1_000;
/// A list's rows are cut here, well below the largest frame of the server.
const ROWS_BYTES: usize = 768 * 1024;

/// A list as it is asked for.
struct Asked {
    filter: ViewFilter,
    sort: Sort,
    after: Option<OrderKey>,
    limit: usize,
    now: Time,
}

impl Workspace {
    /// Answers with one page of a list, closed conversations included.
    pub(crate) fn list(&mut self, caller: Caller, agent: Option<&Agent>, it: &command::List) {
        let Some(agent) = agent else {
            return self.refuse(caller, Refusal::forbidden("Lists are for agents."));
        };
        let after = it.after.as_deref().map(OrderKey::decode);
        if after == Some(None) {
            let message = "after is not a cursor of this list: leave it out to begin anew.";
            return self.refuse(caller, Refusal::invalid("after", message));
        }
        let filter = ViewFilter::resolve(&it.filter, agent);
        let limit = limits::list(it.limit, false).unwrap_or(limits::LIST_DEFAULT);
        let asked = Asked {
            filter,
            sort: it.sort,
            after: after.flatten(),
            limit,
            now: self.now(),
        };
        let page = self.page_from_memory(&asked);
        if !asked.filter.wants_closed() {
            return reply_with(caller, Ok(finish(page, &asked)));
        }
        let (log, workspace) = (self.deps.log.clone(), self.id.clone());
        let me = agent.id.clone();
        let unread = self
            .people
            .get(&me)
            .map(|it| it.unread.values().copied().collect())
            .unwrap_or_default();
        tokio::spawn(async move {
            let page = add_closed(&*log, &workspace, &asked, page, (me, unread)).await;
            let outcome = page
                .map(|page| finish(page, &asked))
                .map_err(|error| log_refusal(&error));
            reply_with(caller, outcome);
        });
    }

    /// One row more than asked for, so that it is known whether there is a next page.
    fn page_from_memory(&mut self, asked: &Asked) -> BTreeMap<OrderKey, String> {
        let wanted = asked.limit + 1;
        let keys: Vec<OrderKey> = if let Some(ranked) = self.views.ranked(&asked.filter, asked.sort) {
            match &asked.after {
                Some(after) => ranked.above(after).take(wanted).copied().collect(),
                None => ranked.from_rank(0).take(wanted).copied().collect(),
            }
        } else {
            let (_, rows) = self.views_and_rows();
            let fits = |it: &&Arc<dibs_rules::Conversation>| {
                asked
                    .filter
                    .matches(it, asked.now, &|agent, id| rows.unread(agent, id))
            };
            let keys = rows.all().filter(fits).map(|it| order_key(asked.sort, it));
            let mut keys: Vec<_> = keys
                .filter(|key| asked.after.is_none_or(|after| *key > after))
                .collect();
            if keys.len() > wanted {
                keys.select_nth_unstable(wanted);
                keys.truncate(wanted);
            }
            keys
        };
        let mut page = BTreeMap::new();
        for key in keys {
            let summary = self
                .conversations
                .get_mut(&key.conversation())
                .and_then(Entry::summary);
            if let Some(summary) = summary {
                page.insert(key, String::from_utf8_lossy(&summary).into_owned());
            }
        }
        page
    }
}

async fn add_closed(
    log: &dyn Log,
    workspace: &WorkspaceId,
    asked: &Asked,
    mut page: BTreeMap<OrderKey, String>,
    (me, mut unread): (AgentId, Vec<ConversationId>),
) -> Result<BTreeMap<OrderKey, String>, LogError> {
    unread.sort_unstable();
    let mut after = None;
    loop {
        let states = log
            .states(workspace, AggregateKind::Conversation, false, after, PAGE)
            .await?;
        let Some(last) = states.last().map(|it| it.aggregate.id.clone()) else {
            return Ok(page);
        };
        let full = states.len() == PAGE;
        for stored in states {
            let Some(state) = parse_state(&stored)? else {
                continue;
            };
            let is_unread = |agent: &AgentId, id| *agent == me && unread.binary_search(&id).is_ok();
            let key = order_key(asked.sort, &state);
            if !asked.filter.matches(&state, asked.now, &is_unread)
                || asked.after.is_some_and(|after| key <= after)
                || (page.len() > asked.limit && page.last_key_value().is_some_and(|(last, _)| key > *last))
            {
                continue;
            }
            page.insert(key, serde_json::to_string(&state.summary()).unwrap_or_default());
            while page.len() > asked.limit + 1 {
                page.pop_last();
            }
        }
        if !full {
            return Ok(page);
        }
        after = Some(last);
    }
}

fn finish(page: BTreeMap<OrderKey, String>, asked: &Asked) -> String {
    let mut rows = String::new();
    let mut cursor = None;
    let total = page.len();
    for (i, (key, summary)) in page.into_iter().enumerate() {
        if i >= asked.limit || (i > 0 && rows.len() + summary.len() > ROWS_BYTES) {
            let cursor = cursor.map_or_else(String::new, |key: OrderKey| key.encode());
            return format!("\"conversations\":[{rows}],\"cursor\":\"{cursor}\"");
        }
        if i > 0 {
            rows.push(',');
        }
        rows.push_str(&summary);
        cursor = Some(key);
    }
    debug_assert!(total <= asked.limit);
    format!("\"conversations\":[{rows}]")
}
