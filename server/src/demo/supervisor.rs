//! The simulated supervisor: looks silently, leaves a note, rarely takes over, and closes what was settled long ago.

use super::desk::{Desk, List};
use super::pace::Pace;
use super::replying::{self, Draft};
use super::stories;
use super::tally::Tally;
use dibs_client::ConnectError;
use dibs_protocol::command::{Bulk, BulkAction, BulkUpdate, Note, TakeOver};
use dibs_protocol::filter::Filter;
use dibs_protocol::summary::Summary;
use dibs_protocol::terms::{Sort, Status, Then};
use rand::Rng;
use rand::rngs::StdRng;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

const HELD: &str = "held";
const WAITING: &str = "waiting";
const SETTLED: &str = "settled";
/// So many resolved conversations stay for a newcomer to look at; older ones are closed.
const KEPT: usize = 40;

/// The supervisor at work.
pub(super) struct Supervisor {
    desk: Desk,
    dice: StdRng,
    pace: Pace,
    tally: Arc<Tally>,
}

impl Supervisor {
    /// A supervisor who is about to begin.
    pub(super) fn new(token: &str, url: &str, (dice, pace): (StdRng, Pace), tally: Arc<Tally>) -> Self {
        let held = Filter {
            claimed: Some(true),
            ..Filter::default()
        };
        let waiting = Filter {
            waiting_longer_than_s: Some(0),
            ..Filter::default()
        };
        let settled = Filter {
            status: Some(vec![Status::Resolved]),
            ..Filter::default()
        };
        let lists = vec![
            List {
                name: HELD,
                filter: held,
                sort: Sort::Waiting,
                limit: 20,
            },
            List {
                name: WAITING,
                filter: waiting,
                sort: Sort::Waiting,
                limit: 0,
            },
            List {
                name: SETTLED,
                filter: settled,
                sort: Sort::Oldest,
                limit: 20,
            },
        ];
        Self {
            desk: Desk::new(url, token, lists, Arc::clone(&tally)),
            dice,
            pace,
            tally,
        }
    }

    /// Works until the demo ends.
    pub(super) async fn work(mut self) {
        loop {
            if let Err(error) = self.step().await {
                tracing::warn!(%error, "the simulated supervisor cannot go on");
                return;
            }
        }
    }

    async fn step(&mut self) -> Result<(), ConnectError> {
        self.pause(5.0, 12.0).await?;
        if self.desk.total(SETTLED) > KEPT {
            self.close_old().await;
        }
        let held: Vec<Summary> = self.desk.rows(HELD).cloned().collect();
        if held.is_empty() {
            return Ok(());
        }
        let row = &held[self.dice.random_range(0..held.len())];
        let Some(summary) = self.desk.look(row.id, Some(true)).await else {
            return Ok(());
        };
        self.pause(4.0, 10.0).await?;
        let holder = summary.claim.as_ref().map(|claim| claim.agent.clone());
        match self.dice.random_range(0..100) {
            0..20 => {
                if let Some(holder) = holder {
                    let text = format!("@{holder} well handled, just mind the delivery date.");
                    let key = Uuid::new_v4().to_string();
                    self.desk
                        .try_call(Note {
                            conversation: row.id,
                            key,
                            text,
                        })
                        .await;
                }
            }
            20..27 if summary.unanswered > 0 => self.take_over(&summary).await?,
            _ => {}
        }
        self.desk.look_away(row.id).await;
        Ok(())
    }

    async fn take_over(&mut self, summary: &Summary) -> Result<(), ConnectError> {
        let conversation = summary.id;
        let reason = "This customer has waited long enough, I will see to it.".to_owned();
        let Ok(fields) = self
            .desk
            .call(TakeOver {
                conversation,
                reason,
                key: None,
            })
            .await
        else {
            return Ok(());
        };
        let Some(token) = fields.get("token").and_then(serde_json::Value::as_u64) else {
            return Ok(());
        };
        let text = stories::answer(summary);
        let typing = self.pace.typing(&mut self.dice, text);
        self.wait(typing).await?;
        let draft = Draft {
            conversation,
            token,
            seen: self.desk.shown(conversation).unwrap_or(summary.version),
            text,
            then: Some(Then::Resolved),
        };
        replying::send(&mut self.desk, &draft, self.pace, &mut self.dice).await
    }

    /// Closes the oldest settled conversations in one go, so that a demo of days does not keep them all in lists.
    async fn close_old(&mut self) {
        let conversations: Vec<_> = self.desk.rows(SETTLED).map(|row| row.id).collect();
        let action = BulkAction::Update(BulkUpdate {
            status: Some(Status::Closed),
            snoozed_until: None,
            priority: None,
            queue: None,
            assignee: None,
            team: None,
            subject: None,
            add_tags: None,
            remove_tags: None,
        });
        let expect = Some(serde_json::Map::from_iter([(
            "status".to_owned(),
            json!(Status::Resolved),
        )]));
        self.desk
            .try_call(Bulk {
                conversations,
                action,
                key: None,
                expect,
            })
            .await;
    }

    async fn pause(&mut self, least: f64, most: f64) -> Result<(), ConnectError> {
        let span = self.pace.span(&mut self.dice, least, most);
        self.wait(span).await
    }

    /// Waits, and counts who waits, twice a second.
    async fn wait(&mut self, span: Duration) -> Result<(), ConnectError> {
        let mut left = span;
        while !left.is_zero() {
            let now = left.min(Duration::from_millis(500));
            self.desk.wait(now).await?;
            self.tally.waiting(self.desk.total(WAITING));
            left -= now;
        }
        Ok(())
    }
}
