//! What makes no sense in a workspace's settings: everything at once, each with its field.

use super::escalation;
use super::names::Faults;
use crate::sla::Calendar;
use dibs_protocol::ids::{QueueId, TeamId};
use dibs_protocol::limits;
use dibs_protocol::settings::{
    AgentSettings, Fault, Match, QueueDelivery, QueueSettings, Routing, SavedView, ServiceLevel,
    ViewAudience, WorkspaceSettings,
};
use std::collections::BTreeSet;

/// Longest time after which a conversation closes, in days.
const LONGEST_DAYS: u32 = 3_660;

/// Longest grace that a workspace can set, in milliseconds. Who has been gone for longer is not remembered as such.
pub const LONGEST_GRACE_MS: i64 = 86_400_000;

/// The names that other settings may refer to.
pub(super) struct Known<'a> {
    pub(super) queues: BTreeSet<&'a QueueId>,
    pub(super) teams: BTreeSet<&'a TeamId>,
    hours: BTreeSet<&'a String>,
}

/// All faults of the settings, in the order of their fields; none means that they may be set.
#[must_use]
pub fn check(it: &WorkspaceSettings) -> Vec<Fault> {
    let mut faults = Faults::default();
    let known = Known {
        queues: it.queues.iter().map(|queue| &queue.id).collect(),
        teams: it.teams.iter().map(|team| &team.id).collect(),
        hours: it.hours.keys().collect(),
    };
    queues(&it.queues, &known, &mut faults);
    teams(it, &mut faults);
    agents(&it.agents, &mut faults);
    capacity("capacity", it.capacity.default, &mut faults);
    for (channel, most) in &it.capacity.by_channel {
        capacity(
            &format!("capacity.by_channel.{channel}"),
            Some(*most),
            &mut faults,
        );
    }
    service_levels(&it.service_levels, &known, &mut faults);
    hours(it, &mut faults);
    claims(it, &mut faults);
    escalation::check(&it.escalations, &it.service_levels, &known, &mut faults);
    if it
        .auto_close_after_days
        .is_some_and(|days| !(1..=LONGEST_DAYS).contains(&days))
    {
        faults.add(
            "auto_close_after_days",
            format_args!("must be 1 to {LONGEST_DAYS} days"),
        );
    }
    canned(it, &mut faults);
    views(&it.views, &known, &mut faults);
    faults.0
}

fn queues(list: &[QueueSettings], known: &Known<'_>, faults: &mut Faults) {
    faults.count("queues", list.len());
    faults.once(|i| format!("queues[{i}].id"), list.iter().map(|it| &it.id));
    for (i, it) in list.iter().enumerate() {
        let at = |field: &str| format!("queues[{i}].{field}");
        if let Some(name) = &it.name {
            faults.name(at("name"), name);
        }
        faults.seconds(at("offer_s"), Some(it.offer_s));
        faults.names(&at("skills"), &it.skills);
        faults.seconds(at("relax_skills_after_s"), it.relax_skills_after_s);
        if it.relax_skills_after_s.is_some() && it.skills.is_empty() {
            faults.add(at("relax_skills_after_s"), "the queue asks for no skills");
        }
        if it.routing == Routing::Manual && it.sticky_s.is_some() {
            faults.add(
                at("sticky_s"),
                "a queue that is worked by hand gives nothing to anybody",
            );
        }
        if it.routing == Routing::Manual && it.delivery == QueueDelivery::Offer {
            faults.add(
                at("delivery"),
                "a queue that is worked by hand offers nothing to anybody",
            );
        }
        faults.names(&at("tiers_first"), &it.tiers_first);
        faults.seconds(at("sticky_s"), it.sticky_s);
        faults.once(|k| at(&format!("teams[{k}]")), &it.teams);
        for (k, team) in it.teams.iter().enumerate() {
            known.team(at(&format!("teams[{k}]")), team, faults);
        }
    }
}

fn teams(it: &WorkspaceSettings, faults: &mut Faults) {
    faults.count("teams", it.teams.len());
    faults.once(|i| format!("teams[{i}].id"), it.teams.iter().map(|it| &it.id));
    for (i, team) in it.teams.iter().enumerate() {
        if let Some(name) = &team.name {
            faults.name(format_args!("teams[{i}].name"), name);
        }
        faults.count(format_args!("teams[{i}].members"), team.members.len());
        faults.once(|k| format!("teams[{i}].members[{k}]"), &team.members);
    }
}

fn agents(list: &[AgentSettings], faults: &mut Faults) {
    faults.count("agents", list.len());
    faults.once(|i| format!("agents[{i}].id"), list.iter().map(|it| &it.id));
    for (i, it) in list.iter().enumerate() {
        faults.names(&format!("agents[{i}].skills"), &it.skills);
        faults.names(&format!("agents[{i}].senior_for"), &it.senior_for);
        capacity(&format!("agents[{i}].capacity"), it.capacity, faults);
        for (channel, most) in &it.capacity_by_channel {
            let field = format!("agents[{i}].capacity_by_channel.{channel}");
            capacity(&field, Some(*most), faults);
        }
    }
}

/// 0 is a capacity: it means that the agent is given nothing.
fn capacity(field: &str, most: Option<u32>, faults: &mut Faults) {
    if most.is_some_and(|most| most > 10_000) {
        faults.add(field, "must be at most 10000");
    }
}

fn service_levels(list: &[ServiceLevel], known: &Known<'_>, faults: &mut Faults) {
    faults.count("service_levels", list.len());
    faults.once(
        |i| format!("service_levels[{i}].name"),
        list.iter().map(|it| &it.name),
    );
    for (i, it) in list.iter().enumerate() {
        let at = |field: &str| format!("service_levels[{i}].{field}");
        faults.name(at("name"), &it.name);
        known.matched(&at("match"), &it.matches, faults);
        if let Some(before) = list[..i]
            .iter()
            .find(|before| covers(&before.matches, &it.matches))
        {
            let name = &before.name;
            faults.add(
                at("match"),
                format_args!("it never holds: {name:?} comes first and means all of these"),
            );
        }
        let targets = [
            ("first_response_s", it.first_response_s),
            ("next_response_s", it.next_response_s),
            ("resolution_s", it.resolution_s),
        ];
        for (field, seconds) in targets {
            faults.seconds(at(field), seconds);
        }
        if !(it.warn_at.0 > 0.0 && it.warn_at.0 < 1.0) {
            faults.add(at("warn_at"), "must be above 0 and below 1");
        }
        if let Some(hours) = it.hours.as_ref().filter(|name| !known.hours.contains(name)) {
            faults.add(at("hours"), format_args!("there are no hours {hours:?}"));
        }
    }
}

/// Whether every conversation that one means is one that the other means.
fn covers(other: &Match, one: &Match) -> bool {
    fn within<T: PartialEq>(other: &[T], one: &[T]) -> bool {
        other.is_empty() || !one.is_empty() && one.iter().all(|it| other.contains(it))
    }
    within(&other.queue, &one.queue)
        && within(&other.tier, &one.tier)
        && within(&other.priority, &one.priority)
        && within(&other.channel, &one.channel)
}

fn hours(it: &WorkspaceSettings, faults: &mut Faults) {
    faults.count("hours", it.hours.len());
    for (name, hours) in &it.hours {
        faults.name(format_args!("hours.{name}"), name);
        faults.count(format_args!("hours.{name}.weekly"), hours.weekly.len());
        faults.count(format_args!("hours.{name}.holidays"), hours.holidays.len());
        for fault in Calendar::new(hours).err().into_iter().flatten() {
            faults.add(format_args!("hours.{name}.{}", fault.field), fault.message);
        }
    }
}

fn claims(it: &WorkspaceSettings, faults: &mut Faults) {
    let claims = &it.claims;
    faults.seconds("claims.grace_s", claims.grace_s);
    let most_s = LONGEST_GRACE_MS / 1_000;
    if claims.grace_s.is_some_and(|s| s > most_s.unsigned_abs()) {
        faults.add(
            "claims.grace_s",
            "must be at most a day: absences are known for so long",
        );
    }
    faults.seconds("claims.idle_s", claims.idle_s.filter(|s| *s != 0));
    faults.seconds("claims.offer_ttl_s", claims.offer_ttl_s);
    faults.seconds("away_after_s", it.away_after_s);
}

fn canned(it: &WorkspaceSettings, faults: &mut Faults) {
    faults.count("canned", it.canned.len());
    faults.once(
        |i| format!("canned[{i}].name"),
        it.canned.iter().map(|it| &it.name),
    );
    for (i, reply) in it.canned.iter().enumerate() {
        faults.name(format_args!("canned[{i}].name"), &reply.name);
        if let Err(refusal) = limits::text("the text", &reply.text, limits::TEXT_BYTES) {
            faults.add(format_args!("canned[{i}].text"), refusal.message);
        }
    }
}

fn views(list: &[SavedView], known: &Known<'_>, faults: &mut Faults) {
    faults.count("views", list.len());
    faults.once(|i| format!("views[{i}].name"), list.iter().map(|it| &it.name));
    for (i, it) in list.iter().enumerate() {
        faults.name(format_args!("views[{i}].name"), &it.name);
        if let Err(refusal) = it.filter.check() {
            let field = refusal.details.field.unwrap_or_else(|| "filter".to_owned());
            faults.add(format_args!("views[{i}].{field}"), refusal.message);
        }
        if let ViewAudience::Team(team) = &it.shared_with {
            known.team(format!("views[{i}].shared_with.team"), team, faults);
        }
    }
}

impl Known<'_> {
    pub(super) fn team(&self, field: String, team: &TeamId, faults: &mut Faults) {
        if !self.teams.contains(team) {
            faults.add(
                field,
                format_args!("there is no team {team}: list it under teams"),
            );
        }
    }

    pub(super) fn queue(&self, field: String, queue: &QueueId, faults: &mut Faults) {
        if !self.queues.contains(queue) {
            faults.add(
                field,
                format_args!("there is no queue {queue}: list it under queues"),
            );
        }
    }

    pub(super) fn matched(&self, field: &str, it: &Match, faults: &mut Faults) {
        for (i, queue) in it.queue.iter().enumerate() {
            self.queue(format!("{field}.queue[{i}]"), queue, faults);
        }
        faults.names(&format!("{field}.tier"), &it.tier);
        faults.once(|i| format!("{field}.queue[{i}]"), &it.queue);
        faults.once(|i| format!("{field}.priority[{i}]"), &it.priority);
        faults.once(|i| format!("{field}.channel[{i}]"), &it.channel);
    }
}
