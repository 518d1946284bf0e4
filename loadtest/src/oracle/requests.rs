//! What a witness records of HTTP: messages of customers, deliveries, ratings and outboxes, as a channel's adapter sees them.

use super::call::{Ask, Outcome, Yes};
use super::record::Outboxed;
use super::verdict::Promise;
use super::witness::{CallId, Witness};
use super::{digest, journal};
use dibs_client::HttpError;
use dibs_protocol::http::{Delivery, Ingest, IngestAnswer, OutboxAnswer, RatingBody};

impl Witness {
    /// An ingest is about to leave; the channel's adapter is this client.
    pub fn ingest(&mut self, moment: u64, body: &Ingest) -> CallId {
        let key = Some(body.key.clone());
        self.request(moment, Ask::ingest(body), key, digest::body(body))
    }

    /// The answer to an ingest has come: whether it is new (201), and what it says.
    pub fn ingested(&mut self, moment: u64, call: CallId, answer: &Result<(bool, IngestAnswer), HttpError>) {
        let yes = match answer {
            Ok((fresh, answer)) => Ok(Yes::Ingested {
                answer: answer.clone(),
                fresh: *fresh,
            }),
            Err(error) => Err(error),
        };
        self.responded(moment, call, yes);
    }

    /// A delivery is about to be reported.
    pub fn deliver(&mut self, moment: u64, body: &Delivery) -> CallId {
        self.request(moment, Ask::Delivery(body.message, body.state), None, 0)
    }

    /// A rating is about to be reported.
    pub fn rate(&mut self, moment: u64, body: &RatingBody) -> CallId {
        self.request(moment, Ask::Rating(body.conversation, body.score), None, 0)
    }

    /// The answer to a delivery or a rating has come.
    pub fn reported(&mut self, moment: u64, call: CallId, answer: &Result<u16, HttpError>) {
        self.responded(moment, call, answer.as_ref().map(|_| Yes::Done));
    }

    fn request(&mut self, moment: u64, ask: Ask, key: Option<String>, body: u64) -> CallId {
        self.own_ids += 1;
        self.note(moment, || format!("-> HTTP {}", ask.name()));
        self.call(moment, self.own_ids, ask, key, body)
    }

    fn responded(&mut self, moment: u64, call: CallId, answer: Result<Yes, &HttpError>) {
        let outcome = match answer {
            Ok(yes) => {
                self.tell(moment, yes.seq());
                Outcome::Yes(yes)
            }
            Err(HttpError::Problem(problem)) => Outcome::refused(&problem.refusal),
            Err(HttpError::Unreadable { .. } | HttpError::Transport(_)) => Outcome::Unknown,
        };
        self.note(moment, || format!("<- HTTP {}", journal::outcome(&outcome)));
        self.line.asked.retain(|_, place| *place != call.0);
        if let Some(call) = self.calls.get_mut(call.0) {
            call.answered = Some(moment);
            call.outcome = outcome;
        }
    }

    /// An outbox was read from `after` on, without a `limit` that cut it.
    pub fn outbox(&mut self, moment: u64, channel: &str, after: u64, answer: &OutboxAnswer) {
        for entry in &answer.events {
            if entry.kind() != "message_sent" {
                let said = format!(
                    "the outbox of {channel} shows a {}: event {}",
                    entry.kind(),
                    entry.seq
                );
                self.slip(Promise::Walls, moment, entry.conversation, said);
            }
            self.tell(moment, entry.seq);
        }
        self.outboxed.push(Outboxed {
            channel: channel.to_owned(),
            after,
            next: answer.next,
            numbers: answer.events.iter().map(|it| it.seq).collect(),
        });
    }
}
