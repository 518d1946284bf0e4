//! Many agents, many conversations, and a closed loop that is bounded in count and in time.

use crate::failure::Failure;
use crate::hub::Hub;
use dibs_client::Client;
use dibs_protocol::event::Customer;
use dibs_protocol::http::Ingest;
use dibs_protocol::ids::{ChannelId, ConversationId, CustomerId};
use dibs_protocol::terms::Role;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How many connections are dialled at a time.
pub const DIALLING: usize = 64;
/// How many messages are ingested at a time.
const INGESTING: usize = 128;

/// Connects agents `a0`, `a1` and so on.
///
/// # Errors
/// The first failure.
pub async fn agents(hub: &Hub, count: usize) -> Result<Vec<Client>, Failure> {
    stream::iter(0..count)
        .map(|index| async move { hub.agent(&format!("a{index}"), index).await })
        .buffered(DIALLING)
        .try_collect()
        .await
}

/// Ingests the first messages of `count` customers: as many conversations that wait.
///
/// # Errors
/// The first failure.
pub async fn conversations(hub: &Hub, count: usize) -> Result<Vec<ConversationId>, Failure> {
    let http = &hub.http("adapter", Role::Channel)?;
    stream::iter(0..count)
        .map(|index| async move {
            let (_, answer) = http.ingest(&message(index)?).await?;
            Ok(answer.conversation)
        })
        .buffer_unordered(INGESTING)
        .try_collect()
        .await
}

fn message(index: usize) -> Result<Ingest, Failure> {
    let bad = |error: dibs_protocol::ids::BadId| Failure::wrong(error.to_string());
    Ok(Ingest {
        key: format!("first-{index}"),
        channel: ChannelId::new("mail").map_err(bad)?,
        customer: Customer {
            id: CustomerId::new(&format!("customer-{index}@example.com")).map_err(bad)?,
            name: format!("Customer {index}"),
            handle: None,
            tier: None,
        },
        thread: None,
        conversation: None,
        text: format!(
            "Hello, my order {index} has not arrived. It should have been here a week ago. What can you do?"
        ),
        subject: Some(format!("Where is order {index}?")),
        queue: None,
        priority: None,
        tags: Some(vec!["orders".to_owned()]),
        attachments: None,
    })
}

/// The end of a loop: so many rounds, or so long, whichever comes first.
#[derive(Debug)]
pub struct Bound {
    end: Instant,
    rounds: u64,
    taken: AtomicU64,
}

impl Bound {
    /// Ends after `rounds` or `time` from now.
    #[must_use]
    pub fn new(rounds: u64, time: Duration) -> Self {
        Self {
            end: Instant::now() + time,
            rounds,
            taken: AtomicU64::new(0),
        }
    }

    /// The next round's number from 0; nothing at the end.
    pub fn take(&self) -> Option<u64> {
        if Instant::now() >= self.end {
            return None;
        }
        let round = self.taken.fetch_add(1, Ordering::Relaxed);
        (round < self.rounds).then_some(round)
    }
}

/// Runs rounds in `in_flight` workers, each waiting for its round before the next. `step` is given worker and round.
///
/// # Errors
/// The first failure.
pub async fn closed_loop<F>(
    in_flight: usize,
    bound: &Bound,
    step: impl Fn(usize, u64) -> F,
) -> Result<(), Failure>
where
    F: Future<Output = Result<(), Failure>>,
{
    let step = &step;
    let workers = (0..in_flight).map(|worker| async move {
        while let Some(round) = bound.take() {
            step(worker, round).await?;
        }
        Ok(())
    });
    stream::iter(workers)
        .buffer_unordered(in_flight.max(1))
        .try_collect()
        .await
}

/// A number of things as a figure.
#[must_use]
pub fn figure(count: u64) -> f64 {
    // Exact below 2^53.
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_loop_ends_by_count_and_by_time() {
        let seen = AtomicU64::new(0);
        let step = |_, _| async {
            seen.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            Ok(())
        };
        closed_loop(4, &Bound::new(10, Duration::from_secs(60)), step)
            .await
            .unwrap();
        assert_eq!(seen.load(Ordering::Relaxed), 10);
        closed_loop(4, &Bound::new(u64::MAX, Duration::ZERO), step)
            .await
            .unwrap();
        assert_eq!(seen.load(Ordering::Relaxed), 10);
    }
}
