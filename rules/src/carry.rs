//! Folding of merges and splits: what a conversation takes over from others, gives away, or loses to its survivor.

use crate::conversation::Conversation;
use crate::fact::Fact;
use dibs_protocol::event::{Carried, Event};
use dibs_protocol::ids::ConversationId;
use dibs_protocol::terms::Status;
use dibs_protocol::time::Time;

impl Conversation {
    /// It goes on in another one: it closes, nobody holds it, and whoever waited in it waits there.
    pub(crate) fn absorbed(&mut self, into: ConversationId, at: Time) {
        self.stand(Status::Closed, at);
        self.snoozed_until = None;
        self.merged_into = Some(into);
        self.waiting_since = None;
        self.unanswered = 0;
        self.end_claim();
    }

    /// Others go on in it; any other kind of event changes nothing here.
    pub(crate) fn absorbs(&mut self, fact: &Fact<'_>) {
        let Event::Merged {
            conversations,
            through,
            threads,
            carried,
            ..
        } = fact.event
        else {
            return;
        };
        self.merged_seq = fact.seq;
        self.absorbed
            .extend(conversations.iter().flatten().chain(through));
        self.threads.extend(threads.iter().cloned());
        self.carry(carried.as_ref());
    }

    /// Messages came or went: this is who waits and what was said last now.
    pub(crate) fn carry(&mut self, carried: Option<&Carried>) {
        let Some(carried) = carried else { return };
        if self.waiting_since.is_none() && carried.waiting_since.is_some() {
            self.declined.clear();
        }
        self.waiting_since = carried.waiting_since;
        self.unanswered = carried.unanswered;
        self.last_message.clone_from(&carried.last_message);
        self.first_response_at = carried.first_response_at;
    }
}
