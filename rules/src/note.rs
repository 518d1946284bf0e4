//! `note`: words among colleagues, which never reach a customer.

use crate::claims::actor;
use crate::context::{Agent, Context};
use crate::decision::{Answer, Decision, Mentioned};
use crate::mention;
use dibs_protocol::command;
use dibs_protocol::event::{Event, Note};
use dibs_protocol::ids::NoteId;
use dibs_protocol::refusal::Refusal;

/// Stores the note and notifies whom it mentions. Notes are for every agent, in every status.
///
/// # Errors
/// `invalid` (`text`) when it mentions more than 20 agents and teams.
pub(crate) fn note(command: &command::Note, me: &Agent, ctx: &Context<'_>) -> Result<Decision, Refusal> {
    let found = mention::read(&command.text, &me.id, ctx.people)?;
    let added = Event::NoteAdded {
        note: Note {
            id: NoteId(ctx.ids.1),
            text: command.text.clone(),
        },
        agent: me.id.clone(),
        mentions: found.mentions.clone(),
    };
    let answer = Answer::Noted {
        mentions: found.mentions,
        unknown: found.unknown,
    };
    let mentioned = found
        .notified
        .into_iter()
        .map(|agent| Mentioned { agent, event: 0 })
        .collect();
    Ok(Decision {
        mentioned,
        ..Decision::with(answer, vec![(actor(me), added)])
    })
}
