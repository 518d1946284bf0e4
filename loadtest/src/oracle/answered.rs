//! What a witness makes of answers: a call gets its outcome, and what the answer shows is kept.

use super::call::{Ask, Call, Outcome, Yes, read};
use super::journal;
use super::verdict::Promise;
use super::witness::Witness;
use dibs_client::Fields;
use dibs_protocol::answer::{
    BulkAnswer, ClaimAnswer, EntriesAnswer, ListAnswer, OpenViewAnswer, WatchAnswer,
};
use dibs_protocol::refusal::Refusal;

impl Witness {
    pub(crate) fn answered_hello(&mut self, moment: u64, id: i64) {
        if let Some(place) = self.line.asked.remove(&id)
            && let Some(call) = self.calls.get_mut(place)
        {
            call.answered = Some(moment);
            call.outcome = Outcome::Yes(Yes::Done);
        }
    }

    pub(crate) fn settle(&mut self, moment: u64, id: i64, result: Result<&Fields, &Refusal>) {
        match self.line.asked.remove(&id) {
            Some(place) => self.conclude(moment, place, result),
            None => {
                let said = format!("an answer to {id}, which was not asked or is answered already");
                self.slip(Promise::TrueAnswers, moment, None, said);
            }
        }
    }

    pub(crate) fn conclude(&mut self, moment: u64, place: usize, result: Result<&Fields, &Refusal>) {
        let Some(ask) = self.calls.get(place).map(|call| call.ask.clone()) else {
            return;
        };
        let outcome = match result {
            Ok(fields) => match ask.yes(fields) {
                Some(yes) => {
                    self.accept(moment, &ask, fields);
                    Outcome::Yes(yes)
                }
                None => {
                    let said = format!("the answer to {} lacks what it must carry", ask.name());
                    self.slip(Promise::TrueAnswers, moment, ask.conversation(), said);
                    Outcome::Unknown
                }
            },
            Err(refusal) => {
                self.refused(moment, &ask, refusal);
                Outcome::refused(refusal)
            }
        };
        self.note(moment, || {
            format!("<- the answer to {}: {}", ask.name(), journal::outcome(&outcome))
        });
        if let Outcome::Yes(yes) = &outcome {
            self.tell(moment, yes.seq());
        }
        if let (Ask::Bulk(..), Ok(fields)) = (&ask, result) {
            self.bulk(moment, place, fields);
        }
        if let Some(call) = self.calls.get_mut(place) {
            call.answered = Some(moment);
            call.outcome = outcome;
        }
    }

    fn accept(&mut self, moment: u64, ask: &Ask, fields: &Fields) {
        match ask {
            Ask::Watch(conversation, limit) => match read::<WatchAnswer>(fields) {
                Some(answer) if answer.summary.id == *conversation => {
                    self.watched(moment, &answer, Some(*limit));
                }
                _ => {
                    let said = "the answer to its watch shows another conversation".to_owned();
                    self.slip(Promise::Walls, moment, *conversation, said);
                }
            },
            Ask::Unwatch(conversation) => self.end(*conversation),
            Ask::History(conversation, before, limit) => {
                if let Some(answer) = read::<EntriesAnswer>(fields) {
                    let of = (None, Some(*before), Some(*limit));
                    self.keep_tail(moment, *conversation, &answer.entries, answer.more, of);
                }
            }
            Ask::List => {
                let rows = read::<OpenViewAnswer>(fields).map(|it| it.conversations);
                let rows = rows.or_else(|| read::<ListAnswer>(fields).map(|it| it.conversations));
                rows.iter().flatten().for_each(|row| self.glimpse(moment, row));
            }
            Ask::Claim(_) => {
                if let Some(answer) = read::<ClaimAnswer>(fields) {
                    self.glimpse(moment, &answer.summary);
                }
            }
            _ => {}
        }
    }

    fn refused(&mut self, moment: u64, ask: &Ask, refusal: &Refusal) {
        if let Ask::Watch(conversation, _) = ask {
            self.line.watching.remove(conversation);
            // What was watched before still is.
            let owed = self.line.owed.contains(conversation);
            if let Some(span) = self.active.get_mut(conversation).filter(|_| !owed) {
                span.ending = false;
            }
        }
        if let Some(current) = refusal.details.current.as_ref().and_then(|it| it.conversation()) {
            self.glimpse(moment, current);
        }
        for entry in refusal.details.missed.iter().flatten() {
            self.tell(moment, entry.seq);
        }
    }

    fn bulk(&mut self, moment: u64, place: usize, fields: &Fields) {
        let Some(whole) = self.calls.get(place).cloned() else {
            return;
        };
        let Some(answer) = read::<BulkAnswer>(fields) else {
            return;
        };
        for (ask, outcome) in whole.ask.parts(answer) {
            if let Outcome::Yes(yes) = &outcome {
                self.tell(moment, yes.seq());
            }
            self.calls.push(Call {
                answered: Some(moment),
                key: None,
                body: 0,
                ask,
                outcome,
                ..whole.clone()
            });
        }
    }
}
