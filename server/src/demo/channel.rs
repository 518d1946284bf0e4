//! A simulated channel's adapter: brings customers' messages in, takes replies out, reports their delivery.

use super::cast::WORKSPACE;
use super::tally::Tally;
use dibs_client::{Http, HttpError};
use dibs_protocol::event::Event;
use dibs_protocol::http::{Delivery, Ingest, IngestAnswer, RatingBody};
use dibs_protocol::ids::{ChannelId, ConversationId, MessageId};
use dibs_protocol::refusal::Code;
use dibs_protocol::terms::DeliveryState;
use rand::Rng;
use rand::rngs::StdRng;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::time::sleep;

/// Replies that a customer may be behind; who is further behind misses some and goes on.
const REPLIES: usize = 256;
/// How often a message is brought again before it is given up.
const ATTEMPTS: u32 = 8;
/// Seconds that the hub may hold a request for replies.
const WAIT_S: u64 = 20;
/// Replies a request.
const PAGE: u64 = 100;
/// How long to wait after a fault.
const A_WHILE: Duration = Duration::from_secs(1);

/// One channel.
#[derive(Debug)]
pub(super) struct Channel {
    /// Its id.
    pub id: ChannelId,
    http: Http,
    replies: broadcast::Sender<ConversationId>,
}

impl Channel {
    /// A channel of the hub at `base`.
    pub(super) fn new(id: ChannelId, base: &str, token: &str) -> Self {
        Self {
            id,
            http: Http::new(base, WORKSPACE, token),
            replies: broadcast::Sender::new(REPLIES),
        }
    }

    /// Hears of each reply that arrives from now on.
    pub(super) fn replies(&self) -> broadcast::Receiver<ConversationId> {
        self.replies.subscribe()
    }

    /// Brings a message in, again and again under its key until it is stored; nothing when it is refused.
    pub(super) async fn bring(&self, message: &Ingest) -> Option<IngestAnswer> {
        for _ in 0..ATTEMPTS {
            match self.http.ingest(message).await {
                Ok((_, answer)) => return Some(answer),
                Err(error) if worth_another_try(&error) => sleep(A_WHILE).await,
                Err(error) => {
                    tracing::warn!(channel = %self.id, %error, "a message is refused");
                    return None;
                }
            }
        }
        None
    }

    /// Brings a rating.
    pub(super) async fn rate(&self, rating: &RatingBody) {
        if let Err(error) = self.http.rate(rating).await {
            tracing::debug!(channel = %self.id, %error, "a rating is lost");
        }
    }

    /// Takes replies out until the demo ends. What was there before it began is nobody's any more.
    pub(super) async fn deliver(self: Arc<Self>, mut dice: StdRng, tally: Arc<Tally>) {
        let (mut after, mut old) = (0, true);
        loop {
            let wait_s = if old { 0 } else { WAIT_S };
            let page = match self.http.outbox(self.id.as_str(), after, PAGE, wait_s).await {
                Ok(page) => page,
                Err(error) => {
                    tracing::debug!(channel = %self.id, %error, "no replies");
                    sleep(A_WHILE).await;
                    continue;
                }
            };
            after = page.next;
            if old {
                old = !page.events.is_empty();
                continue;
            }
            for entry in page.events {
                if let (Some(Event::MessageSent { message, .. }), Some(conversation)) =
                    (entry.known(), entry.conversation)
                {
                    tally.reply();
                    self.arrived(conversation, message.id, dice.random_bool(0.02))
                        .await;
                }
            }
        }
    }

    async fn arrived(&self, conversation: ConversationId, message: MessageId, failed: bool) {
        let (state, reason) = match failed {
            true => (DeliveryState::Failed, Some("the mailbox is full".to_owned())),
            false => (DeliveryState::Delivered, None),
        };
        if let Err(error) = self
            .http
            .deliver(&Delivery {
                message,
                state,
                reason,
            })
            .await
        {
            tracing::debug!(channel = %self.id, %error, "a delivery is not reported");
        }
        if !failed {
            // Nobody may be listening: their customer has given up.
            self.replies.send(conversation).ok();
        }
    }
}

fn worth_another_try(error: &HttpError) -> bool {
    match error.code() {
        Some(code) => matches!(code, Code::RateLimited | Code::Unavailable | Code::Internal),
        None => true,
    }
}
