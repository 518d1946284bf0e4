//! Promise 5: once quiet, a list shows what its filter and order make of the log; so does every summary that anybody saw.

use super::Court;
use crate::oracle::quiet::QuietView;
use crate::oracle::timeline::{Timeline, Timelines};
use crate::oracle::verdict::Promise;
use crate::oracle::witness::Witness;
use dibs_protocol::event::Event;
use dibs_protocol::ids::{AgentId, ConversationId};
use dibs_protocol::terms::{AgentKind, Role};
use dibs_rules::Conversation;
use dibs_rules::context::Agent;
use dibs_rules::filter::ViewFilter;
use dibs_rules::order::{OrderKey, order_key};
use std::collections::HashMap;

pub(super) fn check(court: &mut Court<'_>) {
    for (id, version, digest) in &court.feed.fresh {
        court.verdict.checked("summaries");
        match summary(court.lines.all.get(id), *version, *digest) {
            Ok(true) => {}
            Ok(false) => court.verdict.unchecked("summaries of erased conversations", 1),
            Err((promise, said)) => court
                .verdict
                .log_fault(promise, *id, format!("a fresh read: {said}")),
        }
        let latest = court.lines.all.get(id).and_then(|it| it.seqs.last().copied());
        if latest.is_some_and(|latest| latest != *version) {
            let said = format!("a fresh read shows version {version}, and its last event is {latest:?}");
            court.verdict.log_fault(Promise::SameState, *id, said);
        }
    }
    let mentions = Mentions::of(court);
    for witness in court.all() {
        summaries(court, witness);
        for view in &witness.views {
            court.verdict.checked("lists at rest");
            match compare(&court.lines, view, &mentions) {
                Ok(()) => {}
                Err(Wrong::Unknown(why)) => court.verdict.unchecked(why, 1),
                Err(Wrong::Shown(said)) => {
                    let said = format!("the list {:?} {said}", view.name);
                    court.blame(Promise::SameState, witness, view.moment, None, said);
                }
            }
        }
    }
}

fn summaries(court: &mut Court<'_>, witness: &Witness) {
    court
        .verdict
        .unchecked("summaries beyond a share", witness.glimpses.left_out);
    if !court.one_epoch(witness) {
        let number = witness.glimpses.iter().count() as u64;
        court.verdict.unchecked("summaries of another epoch", number);
        return;
    }
    for (id, version, digest) in witness.glimpses.iter() {
        court.verdict.checked("summaries");
        match summary(court.lines.all.get(&id), version, digest) {
            Ok(true) => {}
            Ok(false) => court.verdict.unchecked("summaries of erased conversations", 1),
            Err((promise, said)) => court.blame(promise, witness, None, id, said),
        }
    }
}

/// Whether a summary is what the events say; `Ok(false)` when that cannot be known any more.
fn summary(timeline: Option<&Timeline>, version: u64, digest: u64) -> Result<bool, (Promise, String)> {
    let Some(timeline) = timeline else {
        let said = "the log of its workspace has no such conversation, but its summary was shown";
        return Err((Promise::Walls, said.to_owned()));
    };
    if timeline.seqs.binary_search(&version).is_err() {
        let said = format!("its summary was shown with version {version}, which is none of its events");
        return Err((Promise::SameState, said));
    }
    if timeline.blurred || !timeline.erased.is_empty() {
        return Ok(false);
    }
    match timeline.summaries.get(&version) {
        Some(expected) if *expected == digest => Ok(true),
        _ => {
            let said = format!("its summary at version {version} is not what its events say");
            Err((Promise::SameState, said))
        }
    }
}

enum Wrong {
    Unknown(&'static str),
    Shown(String),
}

fn compare(lines: &Timelines<'_>, view: &QuietView, mentions: &Mentions) -> Result<(), Wrong> {
    let asked = &view.asked;
    if asked.filter.mentions_me.is_some() && mentions.teams {
        return Err(Wrong::Unknown("lists of mentions, where teams are mentioned"));
    }
    if lines.all.values().any(|it| it.blurred) {
        return Err(Wrong::Unknown("lists where conversations are erased"));
    }
    let me = Agent {
        id: asked.me.clone(),
        name: String::new(),
        kind: AgentKind::Human,
        role: Role::Agent,
        teams: asked.teams.clone(),
        skills: Vec::new(),
    };
    let filter = ViewFilter::resolve(&asked.filter, &me);
    let after = asked.after.as_deref().and_then(OrderKey::decode);
    let unread = |agent: &AgentId, id: ConversationId| mentions.unread(agent, id);
    let states = lines.all.values().filter_map(|it| it.state.as_ref());
    let shown = states.filter(|it| !(asked.live && it.is_closed()) && filter.matches(it, asked.now, &unread));
    let mut rows: Vec<(OrderKey, &Conversation)> = shown.map(|it| (order_key(asked.sort, it), it)).collect();
    rows.sort_by_key(|row| row.0);
    let total = rows.len() as u64;
    let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let window: Vec<&Conversation> = rows
        .into_iter()
        .filter(|(key, _)| after.is_none_or(|after| *key > after))
        .map(|(_, state)| state)
        .skip(size(asked.offset))
        .take(size(asked.limit))
        .collect();
    if view.total.is_some_and(|it| it != total) {
        let said = format!("says that {:?} conversations match, and {total} do", view.total);
        return Err(Wrong::Shown(said));
    }
    same_rows(view, &window).map_err(Wrong::Shown)
}

fn same_rows(view: &QuietView, window: &[&Conversation]) -> Result<(), String> {
    let expected: Vec<ConversationId> = window.iter().map(|it| it.id).collect();
    let shown: Vec<ConversationId> = view.rows.iter().map(|row| row.0).collect();
    if expected != shown {
        let missing: Vec<_> = expected.iter().filter(|it| !shown.contains(it)).take(5).collect();
        let foreign: Vec<_> = shown.iter().filter(|it| !expected.contains(it)).take(5).collect();
        return Err(format!(
            "shows {} rows instead of {}, or in another order: missing are {missing:?}, and too many {foreign:?}",
            shown.len(),
            expected.len()
        ));
    }
    for ((id, version, digest), state) in view.rows.iter().zip(window) {
        if *version != state.version || *digest != crate::oracle::digest::typed(&state.summary()) {
            return Err(format!(
                "shows {id} with version {version} where {} is its version, or with other fields",
                state.version
            ));
        }
    }
    Ok(())
}

/// Unread mentions, as far as the log and the histories tell.
struct Mentions {
    /// The latest note that mentions an agent in a conversation.
    latest: HashMap<(AgentId, ConversationId), u64>,
    read: HashMap<AgentId, u64>,
    teams: bool,
}

impl Mentions {
    fn of(court: &Court<'_>) -> Self {
        let mut latest = HashMap::new();
        let mut teams = false;
        for stored in &court.lines.entries {
            let (Some(Event::NoteAdded { agent, mentions, .. }), Some(id)) =
                (&stored.event, stored.conversation)
            else {
                continue;
            };
            teams |= !mentions.teams.is_empty();
            for mentioned in mentions.agents.iter().filter(|it| *it != agent) {
                latest.insert((mentioned.clone(), id), stored.seq);
            }
        }
        let mut read: HashMap<AgentId, u64> = HashMap::new();
        for witness in &court.witnesses {
            if let Some(agent) = witness.who() {
                let up_to = read.entry(agent.clone()).or_default();
                *up_to = (*up_to).max(witness.read_mentions());
            }
        }
        Self { latest, read, teams }
    }

    fn unread(&self, agent: &AgentId, id: ConversationId) -> bool {
        let read = self.read.get(agent).copied().unwrap_or(0);
        self.latest
            .get(&(agent.clone(), id))
            .is_some_and(|seq| *seq > read)
    }
}
