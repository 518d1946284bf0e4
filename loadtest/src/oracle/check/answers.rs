//! Answers were true: a refusal, a yes that stored nothing, and what a read shows held at some point between question and answer.
//!
//! A question knows a low-water mark: what anybody had been told before it left was stored by then, and an answer that does not
//! reflect it comes from a stale cache. Reads need only reflect what their own session had been told: followers may lag.

use super::Court;
use crate::oracle::call::{Ask, Call, No, Outcome, Yes};
use crate::oracle::timeline::Timeline;
use crate::oracle::verdict::Promise;
use crate::oracle::witness::Witness;
use dibs_protocol::ids::{AgentId, ConversationId};
use dibs_protocol::refusal::Code;

pub(super) fn check(court: &mut Court<'_>) {
    for witness in court.all() {
        if !court.one_epoch(witness) {
            continue;
        }
        for call in &witness.calls {
            if let Err(said) = judge(court, witness, call) {
                let moment = call.answered.unwrap_or(call.sent);
                let said = format!("its {} {said}", call.ask.name());
                court.blame(
                    Promise::TrueAnswers,
                    witness,
                    moment,
                    call.ask.conversation(),
                    said,
                );
            }
        }
    }
}

type Told = Result<(), String>;

fn judge(court: &mut Court<'_>, witness: &Witness, call: &Call) -> Told {
    if let Outcome::Yes(Yes::Rows(rows, head)) = &call.outcome {
        court.verdict.checked("reads");
        return fresh_rows(court, call, rows, *head);
    }
    let Some(id) = call.ask.conversation() else {
        return Ok(());
    };
    let low = court.when.stored_before(call.sent);
    let high = court.when.stored_at_most(call.answered.unwrap_or(u64::MAX));
    let Some(timeline) = court.lines.all.get(&id) else {
        // An acknowledgement of what is not there is judged elsewhere.
        return Ok(());
    };
    if timeline.blurred {
        court.verdict.unchecked("answers about erased conversations", 1);
        return Ok(());
    }
    let during = During {
        timeline,
        me: witness.who(),
        low,
        high,
    };
    match &call.outcome {
        Outcome::No(no) => {
            let told = during.refused(call, no);
            court.verdict.checked("refusals");
            told.and_then(|()| missed(court, id, call, no))
        }
        Outcome::Yes(Yes::Held(token, version)) => {
            let told = during.holds(call, *token).and_then(|()| {
                let version = version.unwrap_or(u64::MAX);
                reflects(timeline, low, version, "anybody")
            });
            court.verdict.checked("claims answered yes");
            told
        }
        // The withdrawal's number or, when no offer stood, the version.
        Outcome::Yes(Yes::Seq(seq)) if matches!(call.ask, Ask::CancelTransfer(..)) && call.key.is_none() => {
            reflects(timeline, low, *seq, "anybody")
        }
        Outcome::Yes(Yes::Version(version)) => {
            let told = reflects(timeline, call.known, *version, "this session");
            court.verdict.checked("reads");
            told
        }
        Outcome::Yes(_) | Outcome::Unknown => Ok(()),
    }
}

/// What shows `version` shows everything up to `known`.
fn reflects(timeline: &Timeline, known: u64, version: u64, who: &str) -> Told {
    let least = timeline.version_at(known);
    if version >= least {
        return Ok(());
    }
    Err(format!(
        "was answered with version {version}, although {who} had been told of event {known} before it left, \
         and version {least} was stored by then: a stale read"
    ))
}

fn fresh_rows(court: &Court<'_>, call: &Call, rows: &[(ConversationId, u64)], head: Option<u64>) -> Told {
    // What belongs to no conversation, such as the coming of an agent, changes no list.
    let before = &court.lines.entries[..court.lines.entries.partition_point(|it| it.seq <= call.known)];
    let least = before
        .iter()
        .rev()
        .find(|it| it.conversation.is_some())
        .map_or(0, |it| it.seq);
    if head.is_some_and(|head| head < least) {
        return Err(format!(
            "shows the log up to {head:?}, but this session had been told of event {least}: a stale read"
        ));
    }
    for (id, version) in rows {
        if let Some(timeline) = court.lines.all.get(id) {
            reflects(timeline, call.known, *version, "this session")?;
        }
    }
    Ok(())
}

/// The entries that a `stale` shows are of this conversation, above what was seen, and as they are stored.
fn missed(court: &Court<'_>, id: ConversationId, call: &Call, no: &No) -> Told {
    let Ask::Reply { seen, .. } = &call.ask else {
        return Ok(());
    };
    let mut last = *seen;
    for (seq, content) in &no.missed {
        let stored =
            super::calls::stored(court, id, *seq).map_err(|said| format!("shows missed entries, {said}"))?;
        let erased = court.lines.all.get(&id).is_some_and(|it| it.erased.contains(seq));
        if *seq <= last || (stored.content != *content && !erased) {
            return Err(format!(
                "shows event {seq} as missed, which is not above {last}, or not as it is stored"
            ));
        }
        last = *seq;
    }
    Ok(())
}

/// A conversation during a question and its answer.
struct During<'a> {
    timeline: &'a Timeline,
    me: Option<&'a AgentId>,
    low: u64,
    high: u64,
}

impl During<'_> {
    fn refused(&self, call: &Call, no: &No) -> Told {
        if matches!(call.ask, Ask::Merge(..)) {
            // It may be about any of them.
            return Ok(());
        }
        if no.current.is_some() {
            reflects(self.timeline, self.low, no.current.unwrap_or(0), "anybody")?;
        }
        let claims = matches!(call.ask, Ask::Claim(_) | Ask::TakeOver(_));
        match no.code {
            Code::AlreadyClaimed => self.already_claimed(no),
            Code::NotClaimed => self.not_claimed(),
            Code::ClaimLost => self.claim_lost(call, no.holder.as_ref()),
            Code::Forbidden => no
                .holder
                .as_ref()
                .map_or(Ok(()), |holder| self.held_by(holder, "forbidden")),
            Code::Stale => self.stale(call),
            Code::Conflict if claims => self.closed(),
            Code::NotFound => self.not_found(call),
            Code::Conflict
            | Code::Invalid
            | Code::UnknownCommand
            | Code::Unauthenticated
            | Code::KeyReused
            | Code::RateLimited
            | Code::TooLarge
            | Code::Unavailable
            | Code::Internal => Ok(()),
        }
    }

    fn already_claimed(&self, no: &No) -> Told {
        let Some(holder) = &no.holder else {
            return Err("was refused as already claimed, by nobody".to_owned());
        };
        self.held_by(holder, "already_claimed")?;
        let mut held = self.timeline.held_during(self.low, self.high);
        if no
            .since
            .is_none_or(|since| held.any(|it| it.agent == *holder && it.since == since))
        {
            return Ok(());
        }
        Err(format!(
            "was refused with {holder} as holder since {:?}, which is wrong",
            no.since
        ))
    }

    fn held_by(&self, holder: &AgentId, code: &str) -> Told {
        if Some(holder) == self.me {
            return Err(format!("was refused as {code}, with the sender as holder"));
        }
        if self
            .timeline
            .held_during(self.low, self.high)
            .any(|it| it.agent == *holder)
        {
            return Ok(());
        }
        Err(format!(
            "was refused as {code} by {holder}, {}",
            self.never("that agent held it")
        ))
    }

    fn not_claimed(&self) -> Told {
        if self.timeline.free_during(self.low, self.high) {
            return Ok(());
        }
        Err(format!(
            "was refused as not claimed, {}",
            self.never("it was free")
        ))
    }

    fn claim_lost(&self, call: &Call, holder: Option<&AgentId>) -> Told {
        let token = match &call.ask {
            Ask::Reply { token, .. } | Ask::Transfer(_, token) | Ask::CancelTransfer(_, token) => {
                Some(*token)
            }
            Ask::Release(_, token) => *token,
            _ => None,
        };
        let Some(holder) = holder else {
            if self.timeline.free_during(self.low, self.high) {
                return Ok(());
            }
            return Err(format!(
                "was refused as claim_lost without a holder, {}",
                self.never("it was free")
            ));
        };
        let held = self.timeline.held_during(self.low, self.high);
        let mut wrongly = held.filter(|it| it.agent == *holder);
        if wrongly.any(|it| Some(&it.agent) != self.me || token != Some(it.from)) {
            return Ok(());
        }
        Err(format!(
            "with token {token:?} was refused as claim_lost to {holder}, {}",
            self.never("that agent held it with another claim")
        ))
    }

    fn stale(&self, call: &Call) -> Told {
        let (Ask::Reply { seen, token, .. }, Some(me)) = (&call.ask, self.me) else {
            return Ok(());
        };
        let mut held = self.timeline.held_during(self.low, self.high);
        if !held.any(|it| it.agent == *me && it.from == *token) {
            return Err(format!(
                "with token {token} was refused as stale, {}",
                self.never("its sender held it with that")
            ));
        }
        let latest = self.timeline.must_have_seen(me, self.high);
        if *seen < latest {
            return Ok(());
        }
        Err(format!(
            "was refused as stale with seen {seen}, but the latest that must be seen is {latest}"
        ))
    }

    fn closed(&self) -> Told {
        if self.timeline.closed_during(self.low, self.high) {
            return Ok(());
        }
        Err(format!(
            "was refused as a conflict, {}",
            self.never("it was closed")
        ))
    }

    fn not_found(&self, call: &Call) -> Told {
        let plain = matches!(
            call.ask,
            Ask::Watch(..)
                | Ask::History(..)
                | Ask::Claim(_)
                | Ask::Reply { .. }
                | Ask::Note(..)
                | Ask::Release(..)
        );
        // A read need only know what its own session was told.
        let read = matches!(call.ask, Ask::Watch(..) | Ask::History(..));
        let known = if read { call.known } else { self.low };
        let version = self.timeline.version_at(known);
        if !plain || version == 0 {
            return Ok(());
        }
        Err(format!(
            "was refused as not found, although event {version} of it was known"
        ))
    }

    fn holds(&self, call: &Call, token: u64) -> Told {
        let Some(me) = self.me else { return Ok(()) };
        // A repeated key answers what was true the first time.
        if call.key.is_some() && token <= self.low {
            return Ok(());
        }
        let mut held = self.timeline.held_during(self.low, self.high);
        if held.any(|it| it.agent == *me && it.from == token) {
            return Ok(());
        }
        Err(format!(
            "was answered with token {token}, {}",
            self.never("its sender held it with that token")
        ))
    }

    fn never(&self, what: &str) -> String {
        let until = crate::oracle::when::until(self.high);
        format!("but {what} at no point from event {} to {until}", self.low)
    }
}
