//! A simulated customer: writes, writes again when nobody answers, asks on, says thanks, rates; then somebody else does.

use super::channel::Channel;
use super::pace::Pace;
use super::stories::{CUSTOMERS, STORIES, Story};
use dibs_protocol::event::Customer as Who;
use dibs_protocol::http::{Ingest, RatingBody};
use dibs_protocol::ids::{ConversationId, CustomerId, Handle, QueueId};
use dibs_protocol::terms::Priority;
use rand::Rng;
use rand::rngs::StdRng;
use std::sync::Arc;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

/// A place at which one customer after the other appears.
pub(super) struct Customer {
    place: usize,
    channels: Arc<[Arc<Channel>]>,
    dice: StdRng,
    pace: Pace,
    round: u32,
}

/// One customer with one matter.
struct Matter {
    who: Who,
    story: &'static Story,
    channel: Arc<Channel>,
    priority: Option<Priority>,
    queue: Option<QueueId>,
}

impl Customer {
    /// A place where nobody has appeared yet.
    pub(super) fn new(place: usize, channels: Arc<[Arc<Channel>]>, dice: StdRng, pace: Pace) -> Self {
        Self {
            place,
            channels,
            dice,
            pace,
            round: 0,
        }
    }

    /// One after the other, until the demo ends. The first come soon, so that there is something to see.
    pub(super) async fn come_and_go(mut self) {
        let mut gap = (0.2, 12.0);
        loop {
            self.pause(gap.0, gap.1).await;
            gap = (25.0, 90.0);
            self.round += 1;
            if let Some(matter) = self.matter() {
                self.talk(&matter).await;
            }
        }
    }

    fn matter(&mut self) -> Option<Matter> {
        let name = CUSTOMERS[self.dice.random_range(0..CUSTOMERS.len())];
        let story = &STORIES[self.dice.random_range(0..STORIES.len())];
        let channel = Arc::clone(&self.channels[self.dice.random_range(0..self.channels.len())]);
        let number = u32::try_from(self.place).unwrap_or(0) * 1_000 + self.round;
        let who = Who {
            id: CustomerId::new(&format!("{}-{number}", channel.id)).ok()?,
            name: name.to_owned(),
            handle: Handle::new(&handle(name, channel.id.as_str(), number)).ok(),
            tier: self.dice.random_bool(0.15).then(|| "gold".to_owned()),
        };
        let priority = match self.dice.random_range(0..100) {
            0..3 => Some(Priority::Urgent),
            3..12 => Some(Priority::High),
            _ => None,
        };
        let queue = if story.topic == "billing" {
            QueueId::new("billing").ok()
        } else {
            None
        };
        Some(Matter {
            who,
            story,
            channel,
            priority,
            queue,
        })
    }

    async fn talk(&mut self, matter: &Matter) {
        let story = matter.story;
        let mut replies = matter.channel.replies();
        let Some(conversation) = matter.say(story.first).await else {
            return;
        };
        if !self.first_answer(matter, conversation, &mut replies).await {
            return;
        }
        if self.dice.random_bool(0.5) {
            self.pause(4.0, 18.0).await;
            if matter.say(story.question).await.is_none()
                || !self.hear(&mut replies, conversation, 120.0, 300.0).await
            {
                return;
            }
        }
        if self.dice.random_bool(0.7) {
            self.pause(3.0, 12.0).await;
            matter.say(story.thanks).await;
        }
        if self.dice.random_bool(0.5) {
            self.pause(5.0, 20.0).await;
            let score = [5, 5, 5, 4, 4, 3][self.dice.random_range(0..6)];
            matter
                .channel
                .rate(&RatingBody {
                    conversation,
                    score,
                    comment: None,
                })
                .await;
        }
    }

    /// Waits for the first answer, and adds something before it: soon, or when it takes long. Patience ends.
    async fn first_answer(
        &mut self,
        matter: &Matter,
        conversation: ConversationId,
        replies: &mut Receiver<ConversationId>,
    ) -> bool {
        let restless = self.dice.random_bool(0.35);
        let (least, most) = if restless { (4.0, 14.0) } else { (30.0, 80.0) };
        if self.hear(replies, conversation, least, most).await {
            return true;
        }
        matter.say(matter.story.nudge).await;
        self.hear(replies, conversation, 150.0, 300.0).await
    }

    /// Whether a reply comes within so many human seconds.
    async fn hear(
        &mut self,
        replies: &mut Receiver<ConversationId>,
        conversation: ConversationId,
        least: f64,
        most: f64,
    ) -> bool {
        let heard = async {
            loop {
                match replies.recv().await {
                    Ok(answered) if answered == conversation => return true,
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return false,
                }
            }
        };
        timeout(self.pace.span(&mut self.dice, least, most), heard)
            .await
            .unwrap_or(false)
    }

    async fn pause(&mut self, least: f64, most: f64) {
        sleep(self.pace.span(&mut self.dice, least, most)).await;
    }
}

impl Matter {
    async fn say(&self, text: &str) -> Option<ConversationId> {
        let Self {
            who, story, channel, ..
        } = self;
        let message = Ingest {
            key: Uuid::new_v4().to_string(),
            channel: channel.id.clone(),
            customer: who.clone(),
            thread: None,
            conversation: None,
            text: text.to_owned(),
            subject: (channel.id.as_str() == "email").then(|| story.subject.to_owned()),
            queue: self.queue.clone(),
            priority: self.priority,
            tags: Some(vec![story.topic.to_owned(), story.language.to_owned()]),
            attachments: None,
        };
        Some(channel.bring(&message).await?.conversation)
    }
}

/// How a customer appears on a channel: a made-up address, a number reserved for fiction, a nickname.
fn handle(name: &str, channel: &str, number: u32) -> String {
    let plain: String = name
        .to_lowercase()
        .chars()
        .filter(|c| c.is_ascii_alphabetic() || *c == ' ')
        .collect();
    let dotted = plain.replace(' ', ".");
    match channel {
        "email" => format!("{dotted}@example.com"),
        "whatsapp" => format!("+44 7700 900{:03}", number % 1_000),
        _ => format!("@{dotted}{number}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_real_is_written_to() {
        assert_eq!(handle("Chloé Martin", "email", 7), "chlo.martin@example.com");
        assert_eq!(handle("Ada Okafor", "whatsapp", 12_007), "+44 7700 900007");
        assert!(
            CUSTOMERS
                .iter()
                .all(|name| Handle::new(&handle(name, "chat", 1)).is_ok())
        );
    }
}
