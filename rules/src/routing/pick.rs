//! Who is given a conversation, and why; or why nobody is. One pass over the candidates, nothing is remembered.

use super::candidate::{Candidate, Standing};
use crate::conversation::Conversation;
use dibs_protocol::ids::AgentId;
use dibs_protocol::settings::{QueueSettings, Routing};
use dibs_protocol::time::Time;
use std::fmt;

/// Who is given a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pick {
    /// Who.
    pub agent: AgentId,
    /// Why, as a sentence for a person; it is kept in the event.
    pub why: String,
}

/// Why nobody is given a conversation: how many of those who work the queue are ruled out by what, each counted once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Nobody {
    /// Agents are to pick for themselves.
    pub manual: bool,
    /// Have no session.
    pub gone: usize,
    /// Are away.
    pub away: usize,
    /// Are busy.
    pub busy: usize,
    /// Hold as much as they may.
    pub full: usize,
    /// Lack a skill.
    pub unskilled: usize,
    /// Were asked, or let it go, since the customer began to wait.
    pub declined: usize,
}

impl fmt::Display for Nobody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.manual {
            return f.write_str("the queue is worked by hand");
        }
        let counted = [
            (self.gone, "gone"),
            (self.away, "away"),
            (self.busy, "busy"),
            (self.full, "full"),
            (self.unskilled, "without the skills"),
            (self.declined, "already declined"),
        ];
        let parts: Vec<String> = counted
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        if parts.is_empty() {
            return f.write_str("nobody works this queue");
        }
        f.write_str(&parts.join(", "))
    }
}

/// How good a candidate is: smaller is better, ties by id.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Rank<'a> {
    unfamiliar: bool,
    junior: bool,
    unskilled: bool,
    by_strategy: (i64, i64, i64),
    id: &'a AgentId,
}

/// Whom to give the conversation: of those who work the queue and are online, skilled, not full and have not declined it
/// since the customer began to wait, in this order: whoever answered last, if that is set and not too long ago; a named
/// senior for the customer's tier; the best by the queue's strategy. `turn` is whom routing chose last here.
///
/// # Errors
/// [`Nobody`], with the reasons counted.
pub fn pick<'a, I>(
    state: &Conversation,
    queue: &QueueSettings,
    candidates: I,
    turn: Option<&AgentId>,
    now: Time,
) -> Result<Pick, Nobody>
where
    I: IntoIterator<Item = &'a Candidate, IntoIter: Clone>,
{
    if queue.routing == Routing::Manual {
        return Err(Nobody {
            manual: true,
            ..Nobody::default()
        });
    }
    let candidates = candidates.into_iter();
    let relaxed = is_relaxed(state, queue, now);
    let last = sticks_to(state, queue, now);
    let tier = state.customer.tier.as_ref();
    let (mut best, mut free) = (None, 0_usize);
    for it in candidates.clone().filter(|it| it.is_free()) {
        free += 1;
        let rank = Rank {
            unfamiliar: last != Some(&it.id),
            junior: !tier.is_some_and(|tier| it.senior_for.contains(tier)),
            unskilled: relaxed && !it.is_skilled(queue),
            by_strategy: by_strategy(it, queue.routing, turn),
            id: &it.id,
        };
        // What costs more to look at is looked at only of those who would be better.
        if best.as_ref().is_none_or(|(other, _)| rank < *other)
            && (relaxed || it.is_skilled(queue))
            && it.has_room(&state.channel)
            && !state.declined.contains(&it.id)
        {
            best = Some((rank, it));
        }
    }
    let (rank, chosen) = best.ok_or_else(|| ruled_out(state, queue, candidates, relaxed))?;
    let why = explain(&rank, chosen, queue.routing, free, tier);
    let agent = chosen.id.clone();
    Ok(Pick { agent, why })
}

/// Why none of them suits.
fn ruled_out<'a>(
    state: &Conversation,
    queue: &QueueSettings,
    candidates: impl Iterator<Item = &'a Candidate>,
    relaxed: bool,
) -> Nobody {
    let mut nobody = Nobody::default();
    for it in candidates {
        let count = match it.standing {
            Standing::Gone => &mut nobody.gone,
            Standing::Away => &mut nobody.away,
            Standing::Busy => &mut nobody.busy,
            Standing::Online if !relaxed && !it.is_skilled(queue) => &mut nobody.unskilled,
            Standing::Online if !it.has_room(&state.channel) => &mut nobody.full,
            Standing::Online => &mut nobody.declined,
        };
        *count += 1;
    }
    nobody
}

/// Whether the conversation has waited so long that skills are not asked for any more.
pub(super) fn is_relaxed(state: &Conversation, queue: &QueueSettings, now: Time) -> bool {
    relaxes_at(state, queue).is_some_and(|at| at <= now)
}

/// When skills are not asked for any more; `None`: never, or none are asked for.
pub(super) fn relaxes_at(state: &Conversation, queue: &QueueSettings) -> Option<Time> {
    let after_s = queue.relax_skills_after_s.filter(|_| !queue.skills.is_empty())?;
    Some(state.waiting_since?.plus_ms(ms(after_s)))
}

/// Who answered last, if that still counts.
fn sticks_to<'a>(state: &'a Conversation, queue: &QueueSettings, now: Time) -> Option<&'a AgentId> {
    let (reply, sticky_s) = (state.last_reply.as_ref()?, queue.sticky_s?);
    let at = reply.at?;
    (at.plus_ms(ms(sticky_s)) >= now).then_some(&reply.agent)
}

fn ms(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000)
}

/// What the strategy makes of a candidate: smaller is better.
fn by_strategy(it: &Candidate, routing: Routing, turn: Option<&AgentId>) -> (i64, i64, i64) {
    let load = i64::from(it.load.total);
    let given = it.given_at.map_or(i64::MIN, |at| at.0);
    match routing {
        Routing::RoundRobin => (i64::from(turn.is_some_and(|turn| it.id <= *turn)), 0, 0),
        Routing::LeastLoaded => {
            let most = it.limits.total.unwrap_or(u32::MAX);
            (load - i64::from(most), load, given)
        }
        Routing::LongestIdle => (given, load, 0),
        Routing::Manual => (0, 0, 0),
    }
}

fn explain(rank: &Rank<'_>, it: &Candidate, routing: Routing, free: usize, tier: Option<&String>) -> String {
    let why = match (rank.unfamiliar, rank.junior, tier) {
        (false, _, _) => "answered this customer last".to_owned(),
        (true, false, Some(tier)) => format!("is a named senior for {tier}"),
        (true, _, _) => match routing {
            Routing::RoundRobin => "was next in turn".to_owned(),
            Routing::LeastLoaded => "had the most room".to_owned(),
            Routing::LongestIdle => "was given none for the longest time".to_owned(),
            Routing::Manual => String::new(),
        },
    };
    let of = match it.limits.total {
        Some(most) => format!(" of {most}"),
        None => String::new(),
    };
    let relaxed = if rank.unskilled {
        "; skills were not asked for after so long"
    } else {
        ""
    };
    let held = it.load.total;
    format!("{why} among {free} who were free, holding {held}{of}{relaxed}")
}
