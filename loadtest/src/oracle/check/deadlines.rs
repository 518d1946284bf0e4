//! Promise 9: every promise about time is broken or kept in the log exactly once, and when it says.
//!
//! What ran is read from `sla_planned`; the rules are not asked, so that a wrong rule does not acquit itself.

use super::Court;
use crate::oracle::feed::Stored;
use crate::oracle::verdict::{Promise, Verdict};
use dibs_protocol::event::Event;
use dibs_protocol::ids::ConversationId;
use dibs_protocol::terms::{SlaTarget, Status};
use dibs_protocol::time::Time;
use std::collections::{BTreeMap, HashMap};

/// How late what is due may be told, where instances crash, are stopped, or lose the log for a while, in milliseconds.
const LATE_MS: i64 = 60_000;

/// A promise that runs, or is paused when it has no time.
#[derive(Default)]
struct Running {
    due_at: Option<Time>,
    breached: bool,
}

/// A conversation's promises.
#[derive(Default)]
struct Room {
    running: BTreeMap<SlaTarget, Running>,
    /// Promises whose time was over when what ends them was stored: this commit must say so.
    owed: Vec<(SlaTarget, Time, u64)>,
    at: Option<Time>,
    blurred: bool,
}

pub(super) fn check(court: &mut Court<'_>) {
    let mut rooms: HashMap<ConversationId, Room> = HashMap::new();
    let verdict = &mut court.verdict;
    let mut end = Time(0);
    for stored in &court.lines.entries {
        end = end.max(stored.at);
        let Some(id) = stored.conversation else { continue };
        let room = rooms.entry(id).or_default();
        match &stored.event {
            Some(event) if !room.blurred => room.take(id, stored, event, verdict),
            Some(_) => {}
            None => room.blurred = true,
        }
    }
    for (id, mut room) in rooms {
        room.settle(id, verdict);
        for (target, running) in room.running.iter().filter(|_| !room.blurred) {
            let over = running.due_at.filter(|due| due.plus_ms(LATE_MS) < end);
            if let Some(due) = over.filter(|_| !running.breached) {
                let said = format!(
                    "its {target} was due at {due}, and the log, which goes on until {end}, never says that it was missed"
                );
                verdict.log_fault(Promise::InTime, id, said);
            }
        }
    }
}

impl Room {
    fn take(&mut self, id: ConversationId, stored: &Stored, event: &Event, verdict: &mut Verdict) {
        if self.at.replace(stored.at) != Some(stored.at) {
            self.settle(id, verdict);
        }
        match event {
            Event::SlaPlanned { promises } => {
                let old = std::mem::take(&mut self.running);
                for it in promises {
                    let breached = old.get(&it.target).is_some_and(|it| it.breached);
                    let due_at = it.due_at;
                    self.running.insert(it.target, Running { due_at, breached });
                }
            }
            Event::SlaBreached { target, due_at } => self.breached(id, stored, *target, *due_at, verdict),
            Event::SlaMet { target, due_at } => {
                verdict.checked("promises kept");
                if stored.at >= *due_at {
                    let said = format!(
                        "event {} says that its {target} was kept, but it was due at {due_at}, before {}",
                        stored.seq, stored.at
                    );
                    verdict.log_fault(Promise::InTime, id, said);
                }
            }
            Event::MessageSent { .. } => {
                self.over(SlaTarget::FirstResponse, stored);
                self.over(SlaTarget::NextResponse, stored);
            }
            Event::StatusChanged {
                to: Status::Resolved | Status::Closed,
                ..
            }
            | Event::Merged { into: Some(_), .. } => SlaTarget::ALL
                .iter()
                .for_each(|target| self.over(*target, stored)),
            _ => {}
        }
    }

    /// Something ends a promise: if its time was over, the same commit must say that it was missed.
    fn over(&mut self, target: SlaTarget, stored: &Stored) {
        let Some(running) = self.running.remove(&target) else {
            return;
        };
        if let Some(due) = running
            .due_at
            .filter(|due| *due <= stored.at && !running.breached)
        {
            self.owed.push((target, due, stored.seq));
        }
    }

    fn breached(
        &mut self,
        id: ConversationId,
        stored: &Stored,
        target: SlaTarget,
        due_at: Time,
        verdict: &mut Verdict,
    ) {
        verdict.checked("promises broken");
        let seq = stored.seq;
        let mut fault = |said: String| verdict.log_fault(Promise::InTime, id, said);
        if stored.at < due_at {
            fault(format!(
                "event {seq} of {} says that its {target} was missed, which was due at {due_at} only",
                stored.at
            ));
        }
        if due_at.plus_ms(LATE_MS) < stored.at {
            fault(format!(
                "event {seq} says at {} only that its {target} was missed, which was due at {due_at}",
                stored.at
            ));
        }
        let owed = self.owed.iter().position(|it| (it.0, it.1) == (target, due_at));
        if let Some(owed) = owed {
            self.owed.remove(owed);
            return;
        }
        match self.running.get_mut(&target) {
            Some(running) if running.breached => {
                fault(format!(
                    "event {seq} says a second time that its {target} was missed"
                ));
            }
            Some(running) if running.due_at == Some(due_at) => running.breached = true,
            Some(_) | None => fault(format!(
                "event {seq} says that its {target} of {due_at} was missed, but no such promise runs"
            )),
        }
    }

    /// The commit is over: whatever it owed is a fault.
    fn settle(&mut self, id: ConversationId, verdict: &mut Verdict) {
        for (target, due, seq) in self.owed.drain(..) {
            let said = format!(
                "event {seq} ends the {target} that was due at {due}, and nothing says that it was missed"
            );
            verdict.log_fault(Promise::InTime, id, said);
        }
    }
}
