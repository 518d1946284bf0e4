//! Escalations: what happens by itself when a promise is at risk or broken, or a customer waits too long.
//!
//! A rule acts once for each cause and waiting spell, and `escalated` says so in the state: whatever rules do to one another,
//! they come to an end.

use crate::claims::let_go;
use crate::context::Context;
use crate::conversation::{Conversation, Escalated};
use crate::decision::Mentioned;
use crate::draft::Draft;
use crate::mention;
use crate::settings::{Settings, matches};
use dibs_protocol::event::{Actor, Event, Mentions, Note};
use dibs_protocol::ids::{AgentId, NoteId};
use dibs_protocol::limits;
use dibs_protocol::settings::{Escalation, EscalationAction, EscalationTrigger};
use dibs_protocol::terms::{EscalationCause, ReleaseVia, SlaTarget, Status};
use dibs_protocol::time::Time;
use uuid::Uuid;

/// The name under which Dibs writes notes.
const AUTHOR: &str = "dibs";

/// When a rule next acts because the customer has waited so long; `None` when no time brings that about.
pub(crate) fn acts_at(state: &Conversation, settings: &Settings) -> Option<Time> {
    let rules = &settings.workspace.escalations;
    rules
        .iter()
        .filter_map(|rule| {
            let at = waited_at(rule, state)?;
            let fresh = !has_acted(rule, EscalationCause::Waiting, state);
            (fresh && matches(&rule.matches, state.matched())).then_some(at)
        })
        .min()
}

/// Lets every rule act that has cause to. What one does may give another one cause.
pub(crate) fn escalate(draft: &mut Draft, mentioned: &mut Vec<Mentioned>, ctx: &Context<'_>) {
    let rules = &ctx.settings.workspace.escalations;
    let next = |state: &Conversation| {
        rules
            .iter()
            .find_map(|rule| Some((rule, cause(rule, state, ctx.now)?)))
    };
    while let Some((rule, on)) = next(&draft.state) {
        let name = rule.name.clone();
        draft.push(Event::Escalated { rule: name, on });
        act(rule, on, draft, mentioned, ctx);
    }
}

fn has_acted(rule: &Escalation, on: EscalationCause, state: &Conversation) -> bool {
    let Escalation { name, .. } = rule;
    state
        .escalated
        .iter()
        .any(|it: &Escalated| it.rule == *name && it.on == on)
}

/// When a rule for long waiting has cause to act: the first millisecond that is longer.
fn waited_at(rule: &Escalation, state: &Conversation) -> Option<Time> {
    let EscalationTrigger::WaitingLongerThanS(s) = rule.on else {
        return None;
    };
    let waits = state.is_unresolved() && state.status != Status::Pending;
    let ms = i64::try_from(s).unwrap_or(i64::MAX).saturating_mul(1_000);
    Some(state.waiting_since.filter(|_| waits)?.plus_ms(ms).plus_ms(1))
}

/// What gives a rule cause to act now, for which it has not acted yet.
fn cause(rule: &Escalation, state: &Conversation, now: Time) -> Option<EscalationCause> {
    if !state.is_unresolved() || !matches(&rule.matches, state.matched()) {
        return None;
    }
    let promises = |targets: &[SlaTarget], broken: bool| {
        let meant = |it: SlaTarget| targets.is_empty() || targets.contains(&it);
        let causes = state
            .sla
            .iter()
            .filter(|it| meant(it.promise.target) && (it.breached || !broken && it.warned))
            .map(|it| EscalationCause::from(it.promise.target));
        causes.into_iter().find(|on| !has_acted(rule, *on, state))
    };
    let once = |holds: bool, on| (holds && !has_acted(rule, on, state)).then_some(on);
    match &rule.on {
        EscalationTrigger::Warned(targets) => promises(targets, false),
        EscalationTrigger::Breached(targets) => promises(targets, true),
        EscalationTrigger::WaitingLongerThanS(_) => {
            let over = waited_at(rule, state).is_some_and(|at| at <= now);
            once(over, EscalationCause::Waiting)
        }
        EscalationTrigger::UnansweredAtLeast(n) => once(state.unanswered >= *n, EscalationCause::Unanswered),
    }
}

fn act(
    rule: &Escalation,
    on: EscalationCause,
    draft: &mut Draft,
    mentioned: &mut Vec<Mentioned>,
    ctx: &Context<'_>,
) {
    let mut mentions = Mentions::default();
    for action in &rule.actions {
        match action {
            EscalationAction::RaisePriority(to) if *to > draft.state.priority => {
                let (from, to) = (draft.state.priority, *to);
                draft.push(Event::PriorityChanged { from, to });
            }
            EscalationAction::MoveToQueue(to) if *to != draft.state.queue => {
                let (from, to) = (draft.state.queue.clone(), to.clone());
                draft.push(Event::QueueChanged { from, to });
            }
            EscalationAction::RaisePriority(_) | EscalationAction::MoveToQueue(_) => {}
            EscalationAction::AddTags(tags) => add_tags(tags, draft),
            EscalationAction::MentionTeam(team) => mentions.teams.push(team.clone()),
            EscalationAction::Notify(agents) => {
                let known = agents.iter().filter(|it| ctx.people.knows_agent(it));
                mentions.agents.extend(known.cloned());
            }
            EscalationAction::Unassign => unassign(draft),
        }
    }
    if mentions != Mentions::default() {
        note(rule, on, mentions, draft, mentioned, ctx);
    }
}

/// Adds the tags that are new, as many as a conversation may have.
fn add_tags(tags: &[String], draft: &mut Draft) {
    let has = &draft.state.tags;
    let room = limits::TAGS.saturating_sub(has.len());
    let mut added: Vec<String> = tags.iter().filter(|it| !has.contains(it)).cloned().collect();
    added.sort_unstable();
    added.dedup();
    added.truncate(room);
    if !added.is_empty() {
        let removed = Vec::new();
        draft.push(Event::Tagged { added, removed });
    }
}

fn unassign(draft: &mut Draft) {
    for (actor, event) in let_go(&draft.state, ReleaseVia::Escalated, &Actor::System) {
        draft.push_by(actor, event);
    }
    if draft.state.assignee.is_some() {
        let team = draft.state.team.clone();
        draft.push(Event::Assigned { agent: None, team });
    }
}

fn note(
    rule: &Escalation,
    on: EscalationCause,
    mentions: Mentions,
    draft: &mut Draft,
    mentioned: &mut Vec<Mentioned>,
    ctx: &Context<'_>,
) {
    let author = AgentId::new(AUTHOR).expect("letters are an id");
    let names = mentions.teams.iter().map(|it| it.as_str());
    let names = names.chain(mentions.agents.iter().map(|it| it.as_str()));
    let names: Vec<String> = names.map(|name| format!("@{name}")).collect();
    let text = format!("{}: {} ({on})", names.join(" "), rule.name);
    let event = draft.events.len();
    // Ids that are drawn with the context are for one message or note: each further one is made of that and its place.
    let id = Uuid::from_u128(ctx.ids.1.as_u128() ^ (event as u128 + 1));
    let notified = mention::notified(&mentions, &author, ctx.people);
    draft.push(Event::NoteAdded {
        note: Note { id: NoteId(id), text },
        agent: author,
        mentions,
    });
    mentioned.extend(notified.into_iter().map(|agent| Mentioned { agent, event }));
}
