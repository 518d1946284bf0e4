//! A decision while it is being made: its events so far, and the state that they leave. Nothing is decided here.

use crate::context::Context;
use crate::conversation::Conversation;
use crate::fact::Fact;
use dibs_protocol::event::{Actor, Event};
use dibs_protocol::ids::ConversationId;
use dibs_protocol::time::Time;

/// Events so far, and the state after them. Their numbers are provisional: only their order is true.
pub(crate) struct Draft {
    pub(crate) state: Conversation,
    pub(crate) events: Vec<(Actor, Event)>,
    now: Time,
}

impl Draft {
    /// The state after these events; `None` when they leave no conversation.
    pub(crate) fn of(
        before: Option<&Conversation>,
        events: Vec<(Actor, Event)>,
        ctx: &Context<'_>,
    ) -> Option<Self> {
        let mut rest = events.iter();
        let state = match before {
            Some(before) => before.clone(),
            None => {
                let (actor, event) = rest.next()?;
                Conversation::opened(&Fact {
                    seq: 1,
                    at: ctx.now,
                    conversation: ConversationId(ctx.ids.0),
                    actor,
                    event,
                })?
            }
        };
        let mut draft = Self {
            state,
            events: Vec::new(),
            now: ctx.now,
        };
        rest.for_each(|(actor, event)| draft.fold(actor, event));
        draft.events = events;
        Some(draft)
    }

    /// One more event, by Dibs itself.
    pub(crate) fn push(&mut self, event: Event) {
        self.push_by(Actor::System, event);
    }

    /// One more event.
    pub(crate) fn push_by(&mut self, actor: Actor, event: Event) {
        self.fold(&actor, &event);
        self.events.push((actor, event));
    }

    fn fold(&mut self, actor: &Actor, event: &Event) {
        self.state.apply(&Fact {
            seq: self.state.version + 1,
            at: self.now,
            conversation: self.state.id,
            actor,
            event,
        });
    }
}
