//! Folding of what lasts for a spell: promises and escalations until the reply or the end, scheduled replies until their time.

use crate::conversation::{Conversation, Escalated, Running, Scheduled};
use crate::fact::Fact;
use dibs_protocol::event::Event;
use dibs_protocol::ids::MessageId;
use dibs_protocol::sla::Promise;
use dibs_protocol::terms::{EscalationCause, SlaTarget, Status};
use dibs_protocol::time::Time;

impl Conversation {
    /// Folds an event about promises, escalations or scheduled replies; any other changes nothing here.
    pub(crate) fn spell(&mut self, fact: &Fact<'_>) {
        match fact.event {
            Event::SlaPlanned { promises } => self.plan(promises),
            Event::SlaWarned { target, .. } => self.promise(*target, |it| it.warned = true),
            Event::SlaBreached { target, .. } => self.promise(*target, |it| it.breached = true),
            Event::Escalated { rule, on } => {
                let (rule, on) = (rule.clone(), *on);
                self.escalated.push(Escalated { rule, on });
            }
            Event::ReplyScheduled { .. } => self.scheduled = schedule(fact),
            Event::ScheduleDropped { .. } => self.scheduled = None,
            _ => {}
        }
    }

    /// It stands elsewhere: being resolved or closed ends every promise, and what escalated with it.
    pub(crate) fn stand(&mut self, to: Status, at: Time) {
        self.status = to;
        self.resolved_at = (to == Status::Resolved).then_some(at);
        self.closed_at = (to == Status::Closed).then_some(at);
        if !self.is_unresolved() {
            self.sla.clear();
            self.escalated.clear();
        }
    }

    /// A reply ends the promises of one, and the spell in which rules act once. It may be the one that waited.
    pub(crate) fn answered(&mut self, message: MessageId) {
        self.sla.retain(|it| it.promise.target == SlaTarget::Resolution);
        self.escalated.retain(|it| it.on == EscalationCause::Resolution);
        if self.scheduled.as_ref().is_some_and(|it| it.message.id == message) {
            self.scheduled = None;
        }
    }

    /// These are the promises now. One that goes on stays warned or broken, whatever its times have become.
    fn plan(&mut self, promises: &[Promise]) {
        let old = std::mem::take(&mut self.sla);
        let running = promises.iter().map(|promise| {
            let before = old.iter().find(|it| it.promise.target == promise.target);
            Running {
                promise: promise.clone(),
                warned: before.is_some_and(|it| it.warned),
                breached: before.is_some_and(|it| it.breached),
            }
        });
        self.sla = running.collect();
    }

    fn promise(&mut self, target: SlaTarget, change: impl Fn(&mut Running)) {
        let meant = |it: &&mut Running| it.promise.target == target;
        self.sla.iter_mut().filter(meant).for_each(change);
    }
}

/// What a `reply_scheduled` leaves; `None` for any other kind of event.
fn schedule(fact: &Fact<'_>) -> Option<Scheduled> {
    let Event::ReplyScheduled {
        message,
        agent,
        token,
        key,
        at,
        then,
    } = fact.event
    else {
        return None;
    };
    Some(Scheduled {
        seq: fact.seq,
        by: fact.actor.clone(),
        agent: agent.clone(),
        token: *token,
        key: key.clone(),
        message: message.clone(),
        then: *then,
        at: *at,
    })
}
