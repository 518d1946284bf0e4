//! What the customer thinks of a conversation.

use crate::conversation::Conversation;
use crate::decision::{Answer, Decision};
use dibs_protocol::event::{Actor, Event};
use dibs_protocol::http::RatingBody;

/// Stores the rating in the customer's name. The same score and comment again change nothing. Never refused here.
pub(crate) fn rate(state: &Conversation, body: &RatingBody) -> Decision {
    let same = |it: &dibs_protocol::summary::Rating| it.score == body.score && it.comment == body.comment;
    if state.rating.as_ref().is_some_and(same) {
        return Decision::nothing(Answer::Done);
    }
    let customer = Actor::Customer {
        id: Some(state.customer.id.clone()),
    };
    let rated = Event::Rated {
        score: body.score,
        comment: body.comment.clone(),
    };
    Decision::with(Answer::Done, vec![(customer, rated)])
}
