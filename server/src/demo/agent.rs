//! A simulated agent: watches the lists, reaches for a conversation, claims it, types, answers, hands over, goes away.
//!
//! Everything it does may be refused, because somebody else was quicker; then it goes on to the next thing.

use super::cast::{Person, TEAMS};
use super::choices::{self, Plan};
use super::desk::{Desk, List};
use super::pace::Pace;
use super::replying::{self, Draft};
use super::stories;
use super::tally::Tally;
use dibs_client::{CallError, ConnectError};
use dibs_protocol::command::{AnswerTransfer, Claim, Note, ReadMentions, Release, SetPresence, Transfer};
use dibs_protocol::event::TransferTo;
use dibs_protocol::filter::Filter;
use dibs_protocol::ids::{AgentId, ConversationId, TeamId};
use dibs_protocol::summary::Summary;
use dibs_protocol::terms::{Presence, Sort, Status, Then, Typing};
use rand::Rng;
use rand::rngs::StdRng;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// Conversations that one agent holds at most, besides those that wait for the customer.
const CAPACITY: usize = 3;
/// Signs of typing are repeated before the server ends them, after 6 s.
const TYPING_AGAIN: Duration = Duration::from_secs(4);
const FREE: &str = "free";
const MINE: &str = "mine";

/// An agent at work.
pub(super) struct Worker {
    me: AgentId,
    bot: bool,
    desk: Desk,
    dice: StdRng,
    pace: Pace,
    colleagues: Arc<[AgentId]>,
    reserve: usize,
}

impl Worker {
    /// An agent who is about to begin.
    pub(super) fn new(
        person: &Person,
        url: &str,
        colleagues: Arc<[AgentId]>,
        reserve: usize,
        (dice, pace): (StdRng, Pace),
        tally: Arc<Tally>,
    ) -> Self {
        let free = Filter {
            claimed: Some(false),
            status: Some(vec![Status::New, Status::Open]),
            ..Filter::default()
        };
        let mine = Filter {
            claimed_by: AgentId::new("me").ok(),
            ..Filter::default()
        };
        let lists = vec![
            List {
                name: FREE,
                filter: free,
                sort: Sort::Waiting,
                limit: 50,
            },
            List {
                name: MINE,
                filter: mine,
                sort: Sort::Waiting,
                limit: 20,
            },
        ];
        Self {
            me: person.id.clone(),
            bot: person.bot,
            desk: Desk::new(url, &person.token, lists, tally),
            dice,
            pace,
            colleagues,
            reserve,
        }
    }

    /// Works until the demo ends.
    pub(super) async fn work(mut self) {
        loop {
            if let Err(error) = self.step().await {
                tracing::warn!(agent = %self.me, %error, "a simulated agent cannot go on");
                return;
            }
        }
    }

    async fn step(&mut self) -> Result<(), ConnectError> {
        self.pause(0.8, 3.0).await?;
        if let Some(offer) = self.desk.next_offer() {
            return self.answer_offer(offer).await;
        }
        if let Some(mentioned) = self.desk.next_mention() {
            self.desk
                .try_call(ReadMentions {
                    up_to: mentioned.seq,
                    key: None,
                })
                .await;
            if self.dice.random_bool(0.4) {
                self.pause(2.0, 5.0).await?;
                let text = format!("@{} yes, noted.", mentioned.by);
                self.note(mentioned.conversation, text).await;
            }
            return Ok(());
        }
        let due = self
            .desk
            .rows(MINE)
            .find(|row| row.unanswered > 0 && row.offer.is_none())
            .cloned();
        if let Some(row) = due {
            return self.serve(row).await;
        }
        if self.busy() < CAPACITY
            && let Some(id) = self.choose()
        {
            return self.reach(id).await;
        }
        self.tidy().await;
        if !self.bot && self.dice.random_bool(0.02) {
            self.go_away().await?;
        }
        Ok(())
    }

    /// Conversations that one holds and that do not wait for the customer.
    fn busy(&self) -> usize {
        let rows = self.desk.rows(MINE);
        rows.filter(|row| row.status != Status::Pending).count()
    }

    fn choose(&mut self) -> Option<ConversationId> {
        let bot = self.bot;
        let wanted = move |row: &Summary| !bot || choices::is_for_bots(row);
        choices::pick(self.desk.rows(FREE), self.reserve, wanted, &mut self.dice)
    }

    /// Opens a conversation, reads it and calls dibs. A colleague may have done so meanwhile; not everybody looks again.
    async fn reach(&mut self, id: ConversationId) -> Result<(), ConnectError> {
        if self.desk.look(id, None).await.is_none() {
            return Ok(());
        }
        self.pause(1.5, 5.0).await?;
        let careful = self.dice.random_bool(0.8);
        if careful && self.desk.row(FREE, id).is_none() {
            self.desk.look_away(id).await;
            return Ok(());
        }
        match self
            .desk
            .call(Claim {
                conversation: id,
                key: None,
            })
            .await
        {
            Ok(fields) => match fields.get("summary").cloned().map(serde_json::from_value) {
                Some(Ok(summary)) => self.serve(summary).await,
                _ => Ok(()),
            },
            Err(CallError::Refused(refusal)) => {
                self.desk.look_away(id).await;
                match refusal.details.retry_after_ms {
                    Some(_) => self.desk.wait(choices::pause(&refusal)).await,
                    None => Ok(()),
                }
            }
            Err(_) => Ok(()),
        }
    }

    /// Does something about a conversation that one holds.
    async fn serve(&mut self, seen: Summary) -> Result<(), ConnectError> {
        let id = seen.id;
        let summary = match self.desk.shown(id) {
            Some(_) => seen,
            None => match self.desk.look(id, None).await {
                Some(summary) => summary,
                None => return Ok(()),
            },
        };
        let Some(token) = summary
            .claim
            .as_ref()
            .filter(|claim| claim.agent == self.me)
            .map(|claim| claim.token)
        else {
            return Ok(());
        };
        let plan = match (choices::plan(&summary, &mut self.dice), self.bot) {
            (_, true) if summary.first_response_at.is_some() => Plan::HandOver,
            (Plan::HandOver | Plan::Release, true) => Plan::AnswerAndWait,
            (plan, _) => plan,
        };
        let text = stories::answer(&summary);
        match plan {
            Plan::HandOver => self.hand_over(id, token).await,
            Plan::Release => {
                self.pause(1.0, 3.0).await?;
                self.desk
                    .try_call(Release {
                        conversation: id,
                        token,
                        key: None,
                    })
                    .await;
                self.desk.look_away(id).await;
                Ok(())
            }
            Plan::Resolve => {
                self.desk.set_status(id, Status::Resolved).await;
                self.desk.look_away(id).await;
                Ok(())
            }
            Plan::Answer => self.answer(id, token, text, None).await,
            Plan::AnswerAndWait => self.answer(id, token, text, Some(Then::Pending)).await,
            Plan::AnswerAndResolve => self.answer(id, token, text, Some(Then::Resolved)).await,
        }
    }

    async fn answer(
        &mut self,
        id: ConversationId,
        token: u64,
        text: &str,
        then: Option<Then>,
    ) -> Result<(), ConnectError> {
        if !self.bot && self.dice.random_bool(0.15) {
            let about = stories::NOTES[self.dice.random_range(0..stories::NOTES.len())];
            if let Some(colleague) = self.colleague() {
                self.note(id, about.replace("{}", colleague.as_str())).await;
            }
        }
        // What comes while one types is not seen: the hub notices, and the reply is looked over once more.
        let Some(seen) = self.desk.shown(id) else {
            return Ok(());
        };
        self.type_out(id, text).await?;
        let draft = Draft {
            conversation: id,
            token,
            seen,
            text,
            then,
        };
        replying::send(&mut self.desk, &draft, self.pace, &mut self.dice).await?;
        if then == Some(Then::Pending) && self.dice.random_bool(0.5) {
            self.desk
                .try_call(Release {
                    conversation: id,
                    token,
                    key: None,
                })
                .await;
        }
        if then.is_some() {
            self.desk.look_away(id).await;
        }
        Ok(())
    }

    async fn type_out(&mut self, id: ConversationId, text: &str) -> Result<(), ConnectError> {
        let mut left = if self.bot {
            self.pace.span(&mut self.dice, 0.3, 1.0)
        } else {
            self.pace.typing(&mut self.dice, text)
        };
        while !left.is_zero() {
            let now = left.min(TYPING_AGAIN);
            self.desk.typing(id, Typing::Reply, true).await;
            self.desk.wait(now).await?;
            left -= now;
        }
        self.desk.typing(id, Typing::Reply, false).await;
        Ok(())
    }

    async fn hand_over(&mut self, conversation: ConversationId, token: u64) -> Result<(), ConnectError> {
        self.pause(1.0, 3.0).await?;
        let note = stories::HAND_OVERS[self.dice.random_range(0..stories::HAND_OVERS.len())];
        let team = TeamId::new(TEAMS[self.dice.random_range(0..TEAMS.len())])
            .ok()
            .map(TransferTo::Team);
        let to = match self.colleague() {
            Some(colleague) if !self.bot && self.dice.random_bool(0.5) => Some(TransferTo::Agent(colleague)),
            _ => team,
        };
        if let Some(to) = to {
            let note = Some(note.to_owned());
            self.desk
                .try_call(Transfer {
                    conversation,
                    token,
                    to,
                    note,
                    key: None,
                })
                .await;
            self.desk.look_away(conversation).await;
        }
        Ok(())
    }

    async fn answer_offer(&mut self, conversation: ConversationId) -> Result<(), ConnectError> {
        self.pause(1.0, 4.0).await?;
        let accept = !self.bot && self.busy() <= CAPACITY;
        let note = (!accept).then(|| "Sorry, my hands are full.".to_owned());
        self.desk
            .try_call(AnswerTransfer {
                conversation,
                accept,
                note,
                key: None,
            })
            .await;
        Ok(())
    }

    async fn note(&mut self, conversation: ConversationId, text: String) {
        let key = Uuid::new_v4().to_string();
        self.desk
            .try_call(Note {
                conversation,
                key,
                text,
            })
            .await;
    }

    /// Now and then settles what is answered, and closes what is open on the screen and no longer one's own.
    async fn tidy(&mut self) {
        let answered = |row: &&Summary| row.unanswered == 0 && row.offer.is_none() && row.claim.is_some();
        let done = self.desk.rows(MINE).find(answered).map(|row| row.id);
        let left = self
            .desk
            .rows(FREE)
            .find(|row| row.unanswered == 0)
            .map(|row| row.id);
        for (id, likely) in [(done, 0.15), (left, 0.05)] {
            if let Some(id) = id.filter(|_| self.dice.random_bool(likely)) {
                self.desk.set_status(id, Status::Resolved).await;
            }
        }
        for id in self.desk.open() {
            if self.desk.row(MINE, id).is_none() {
                self.desk.look_away(id).await;
            }
        }
    }

    /// For a coffee, or right off the network, claims and all.
    async fn go_away(&mut self) -> Result<(), ConnectError> {
        let span = self.pace.span(&mut self.dice, 10.0, 45.0);
        if self.dice.random_bool(0.5) {
            self.desk.leave().await;
            tokio::time::sleep(span).await;
            return Ok(());
        }
        self.presence(Presence::Away).await;
        self.desk.wait(span).await?;
        self.presence(Presence::Online).await;
        Ok(())
    }

    async fn presence(&mut self, status: Presence) {
        self.desk
            .try_call(SetPresence {
                agent: None,
                status,
                reason: None,
                key: None,
            })
            .await;
    }

    fn colleague(&mut self) -> Option<AgentId> {
        let others: Vec<&AgentId> = self.colleagues.iter().filter(|it| **it != self.me).collect();
        if others.is_empty() {
            return None;
        }
        Some(others[self.dice.random_range(0..others.len())].clone())
    }

    async fn pause(&mut self, least: f64, most: f64) -> Result<(), ConnectError> {
        let brisk = if self.bot { 0.3 } else { 1.0 };
        let span = self.pace.span(&mut self.dice, least * brisk, most * brisk);
        self.desk.wait(span).await
    }
}
