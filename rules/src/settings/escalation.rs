//! Faults of escalations: what they name must exist, and their queue moves must not chase themselves.

use super::check::Known;
use super::names::Faults;
use crate::sla::promise::within_s;
use dibs_protocol::ids::QueueId;
use dibs_protocol::settings::{Escalation, EscalationAction, EscalationTrigger, ServiceLevel};
use dibs_protocol::terms::{Priority, SlaTarget};

pub(super) fn check(list: &[Escalation], levels: &[ServiceLevel], known: &Known<'_>, faults: &mut Faults) {
    faults.count("escalations", list.len());
    faults.once(
        |i| format!("escalations[{i}].name"),
        list.iter().map(|it| &it.name),
    );
    for (i, it) in list.iter().enumerate() {
        let at = |field: &str| format!("escalations[{i}].{field}");
        faults.name(at("name"), &it.name);
        known.matched(&at("match"), &it.matches, faults);
        match &it.on {
            EscalationTrigger::WaitingLongerThanS(s) => {
                faults.seconds(at("on.waiting_longer_than_s"), Some(*s));
            }
            EscalationTrigger::UnansweredAtLeast(0) => {
                faults.add(at("on.unanswered_at_least"), "must be at least 1");
            }
            EscalationTrigger::UnansweredAtLeast(_) => {}
            EscalationTrigger::Warned(targets) => promised(&at("on.warned"), targets, levels, faults),
            EscalationTrigger::Breached(targets) => promised(&at("on.breached"), targets, levels, faults),
        }
        if it.actions.is_empty() {
            faults.add(at("actions"), "it does nothing");
        }
        for (k, action) in it.actions.iter().enumerate() {
            check_action(&at(&format!("actions[{k}]")), action, known, faults);
        }
    }
    for (i, cycle) in cycles(list) {
        let field = format!("escalations[{i}].actions");
        faults.add(
            field,
            format_args!("these move a conversation in a circle: {}", cycle.join(", ")),
        );
    }
}

/// What nobody promises is neither at risk nor broken.
fn promised(field: &str, targets: &[SlaTarget], levels: &[ServiceLevel], faults: &mut Faults) {
    let any = |target: SlaTarget| levels.iter().any(|it| within_s(it, target).is_some());
    if targets.is_empty() && !SlaTarget::ALL.iter().any(|it| any(*it)) {
        faults.add(field, "no service level promises anything");
    }
    for (k, target) in targets.iter().enumerate() {
        if !any(*target) {
            faults.add(
                format_args!("{field}[{k}]"),
                format_args!("no service level promises the {target}"),
            );
        }
    }
}

fn check_action(at: &str, action: &EscalationAction, known: &Known<'_>, faults: &mut Faults) {
    match action {
        EscalationAction::MoveToQueue(queue) => known.queue(format!("{at}.move_to_queue"), queue, faults),
        EscalationAction::MentionTeam(team) => known.team(format!("{at}.mention_team"), team, faults),
        EscalationAction::AddTags(tags) => {
            let field = format!("{at}.add_tags");
            if tags.is_empty() {
                faults.add(&field, "names no tag");
            }
            faults.tags(&field, tags);
        }
        EscalationAction::Notify(agents) => {
            let field = format!("{at}.notify");
            if agents.is_empty() || agents.len() > dibs_protocol::limits::MENTIONS {
                faults.add(
                    field,
                    format_args!("must name 1 to {} agents", dibs_protocol::limits::MENTIONS),
                );
            }
        }
        EscalationAction::RaisePriority(Priority::Low) => {
            let field = format!("{at}.raise_priority");
            faults.add(field, "nothing is lower than low");
        }
        EscalationAction::RaisePriority(_) | EscalationAction::Unassign => {}
    }
}

/// Where a rule leaves the conversation, if it moves it.
fn moves_to(rule: &Escalation) -> Option<&QueueId> {
    rule.actions.iter().rev().find_map(|it| match it {
        EscalationAction::MoveToQueue(queue) => Some(queue),
        _ => None,
    })
}

/// Whether `next` moves on what `rule` has moved: it takes it from there to another queue. Tier and channel never change, so
/// rules whose lists of those have nothing in common do not meet; priorities may be raised meanwhile.
fn moves_on(rule: &Escalation, next: &Escalation) -> bool {
    fn meet<T: PartialEq>(a: &[T], b: &[T]) -> bool {
        a.is_empty() || b.is_empty() || a.iter().any(|it| b.contains(it))
    }
    let (Some(to), Some(on)) = (moves_to(rule), moves_to(next)) else {
        return false;
    };
    to != on
        && meet(std::slice::from_ref(to), &next.matches.queue)
        && meet(&rule.matches.tier, &next.matches.tier)
        && meet(&rule.matches.channel, &next.matches.channel)
}

/// Rules that move a conversation in a circle: the first of each circle, and the names of all in it. A rule belongs to at
/// most one circle that is told.
fn cycles(list: &[Escalation]) -> Vec<(usize, Vec<&str>)> {
    let mut told = vec![false; list.len()];
    let mut found = Vec::new();
    for start in 0..list.len() {
        if told[start] {
            continue;
        }
        if let Some(path) = circle(list, start) {
            for i in &path {
                told[*i] = true;
            }
            found.push((start, path.iter().map(|i| list[*i].name.as_str()).collect()));
        }
    }
    found
}

/// The shortest way from a rule back to itself.
fn circle(list: &[Escalation], start: usize) -> Option<Vec<usize>> {
    let mut came_from = vec![None; list.len()];
    let mut next = std::collections::VecDeque::from([start]);
    while let Some(at) = next.pop_front() {
        for to in 0..list.len() {
            if !moves_on(&list[at], &list[to]) {
                continue;
            }
            if to == start {
                let mut path = vec![at];
                while let Some(before) = came_from[path[path.len() - 1]] {
                    path.push(before);
                }
                path.reverse();
                return Some(path);
            }
            if came_from[to].is_none() {
                came_from[to] = Some(at);
                next.push_back(to);
            }
        }
    }
    None
}
