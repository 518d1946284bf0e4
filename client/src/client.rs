//! A connection with a task of its own: calls in parallel from anywhere, pushes kept in an inbox until somebody asks.

use crate::Fields;
use crate::connection::{Connection, typed};
use crate::cursor::Cursor;
use crate::driver::{Driver, Inbox, Order, Shared};
use crate::error::{CallError, Closed, ConnectError};
use crate::options::Options;
use dibs_protocol::command::Command;
use dibs_protocol::frame::{ServerFrame, TypingSignal, Welcome};
use dibs_protocol::refusal::Refusal;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

/// How many orders of the owner may wait for the task; at the bound, callers wait.
const ORDERS: usize = 1_024;

/// A connection with a task of its own. Dropping it cuts the line.
#[derive(Debug)]
pub struct Client {
    welcome: Welcome,
    patience: Duration,
    orders: mpsc::Sender<Order>,
    shared: Arc<Shared>,
    task: AbortHandle,
}

/// The answer to a command that was sent.
#[derive(Debug)]
pub struct Pending {
    answer: oneshot::Receiver<Result<Fields, CallError>>,
    patience: Duration,
}

impl Pending {
    /// Waits for the answer, for as long as the client has patience.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn answer(self) -> Result<Fields, CallError> {
        match tokio::time::timeout(self.patience, self.answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(Closed::cut("the client was dropped").into()),
            Err(_) => Err(CallError::Timeout),
        }
    }
}

impl Client {
    /// Dials, says hello, waits for the welcome, and starts the task.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn connect(url: &str, token: &str, options: &Options) -> Result<Self, ConnectError> {
        Ok(Self::over(
            Connection::connect(url, token, options).await?,
            options,
        ))
    }

    /// [`Client::connect`] from where another connection left off.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn resume(
        url: &str,
        token: &str,
        options: &Options,
        cursor: Cursor,
    ) -> Result<Self, ConnectError> {
        Ok(Self::over(
            Connection::resume(url, token, options, cursor).await?,
            options,
        ))
    }

    /// Starts the task over a connection.
    #[must_use]
    pub fn over(connection: Connection, options: &Options) -> Self {
        let welcome = connection.welcome().clone();
        let (orders, inbound) = mpsc::channel(ORDERS);
        let shared = Arc::new(Shared::new(options.inbox));
        let driver = Driver::new(connection, inbound, Arc::clone(&shared));
        let task = tokio::spawn(driver.run()).abort_handle();
        Self {
            welcome,
            patience: options.patience,
            orders,
            shared,
            task,
        }
    }

    /// The welcome.
    #[must_use]
    pub fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// Sends a command; commands leave in the order in which this is called.
    ///
    /// # Errors
    /// [`CallError::Closed`].
    pub async fn send(&self, command: impl Into<Command>) -> Result<Pending, CallError> {
        let (sender, answer) = oneshot::channel();
        self.order(Order::Call(Box::new(command.into()), sender)).await?;
        Ok(Pending {
            answer,
            patience: self.patience,
        })
    }

    /// Sends a command and waits for its answer.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn call(&self, command: impl Into<Command>) -> Result<Fields, CallError> {
        self.send(command).await?.answer().await
    }

    /// [`Client::call`], with the answer as a type of [`dibs_protocol::answer`].
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn call_as<T: DeserializeOwned>(&self, command: impl Into<Command>) -> Result<T, CallError> {
        typed(self.call(command).await?)
    }

    /// Sends a command that will be refused, and gives the refusal.
    ///
    /// # Errors
    /// [`CallError`] of another kind; [`CallError::Json`] when it was done after all.
    pub async fn refused(&self, command: impl Into<Command>) -> Result<Refusal, CallError> {
        match self.call(command).await {
            Err(CallError::Refused(refusal)) => Ok(refusal),
            Err(error) => Err(error),
            Ok(fields) => Err(CallError::Json(serde::de::Error::custom(format!(
                "it was done: {fields:?}"
            )))),
        }
    }

    /// Sends a sign of typing.
    ///
    /// # Errors
    /// [`CallError::Closed`].
    pub async fn typing(&self, signal: TypingSignal) -> Result<(), CallError> {
        self.order(Order::Typing(signal)).await
    }

    /// Sends a text frame as it is.
    ///
    /// # Errors
    /// [`CallError::Closed`].
    pub async fn send_text(&self, text: &str) -> Result<(), CallError> {
        self.order(Order::Text(text.to_owned())).await
    }

    /// Where this client stands in the feed: all that the task has read counts, also what still lies in the inbox.
    pub async fn cursor(&self) -> Cursor {
        let (sender, answer) = oneshot::channel();
        if self.orders.send(Order::Cursor(sender)).await.is_ok()
            && let Ok(cursor) = answer.await
        {
            return cursor;
        }
        self.ended().await.1
    }

    /// The oldest push in the inbox, or the next to come.
    ///
    /// # Errors
    /// [`Closed`] when the connection is and the inbox is empty.
    pub async fn next_push(&self) -> Result<ServerFrame, Closed> {
        self.look(|inbox| inbox.pushes.pop_front()).await
    }

    /// Empties the inbox.
    pub fn take_pushes(&self) -> Vec<ServerFrame> {
        let pushes = std::mem::take(&mut self.shared.inbox().pushes);
        self.shared.room.notify_one();
        pushes.into()
    }

    /// Takes the first push that `wanted` makes something of out of the inbox, now or as it comes; others stay there.
    ///
    /// # Errors
    /// [`CallError::Timeout`] when patience ends; [`CallError::Closed`].
    pub async fn wait_for<T>(&self, wanted: impl FnMut(&ServerFrame) -> Option<T>) -> Result<T, CallError> {
        self.wait_within(self.patience, wanted).await
    }

    /// [`Client::wait_for`], for so long at most.
    ///
    /// # Errors
    /// As [`Client::wait_for`].
    pub async fn wait_within<T>(
        &self,
        patience: Duration,
        mut wanted: impl FnMut(&ServerFrame) -> Option<T>,
    ) -> Result<T, CallError> {
        let find = self.look(|inbox| {
            let (place, found) = inbox
                .pushes
                .iter()
                .enumerate()
                .find_map(|(i, push)| wanted(push).map(|it| (i, it)))?;
            inbox.pushes.remove(place);
            Some(found)
        });
        tokio::time::timeout(patience, find)
            .await
            .map_or(Err(CallError::Timeout), |found| Ok(found?))
    }

    async fn look<T>(&self, mut take: impl FnMut(&mut Inbox) -> Option<T>) -> Result<T, Closed> {
        loop {
            let arrived = self.shared.arrived.notified();
            {
                let mut inbox = self.shared.inbox();
                if let Some(taken) = take(&mut inbox) {
                    self.shared.room.notify_one();
                    return Ok(taken);
                }
                if let Some((closed, _)) = &inbox.end {
                    return Err(closed.clone());
                }
            }
            arrived.await;
        }
    }

    /// Waits for the end of the connection. The inbox must have room, or be emptied meanwhile.
    pub async fn closed(&self) -> Closed {
        self.ended().await.0
    }

    async fn ended(&self) -> (Closed, Cursor) {
        loop {
            let arrived = self.shared.arrived.notified();
            if let Some(end) = self.shared.inbox().end.clone() {
                return end;
            }
            arrived.await;
        }
    }

    /// Ends the connection without a word, as a cut line would. The inbox stays readable.
    pub async fn cut(&self) -> Cursor {
        self.end(false).await
    }

    /// Ends the connection with a close frame.
    pub async fn close(&self) -> Cursor {
        self.end(true).await
    }

    async fn end(&self, politely: bool) -> Cursor {
        self.orders.send(Order::End { politely }).await.ok();
        self.ended().await.1
    }

    async fn order(&self, order: Order) -> Result<(), CallError> {
        if self.orders.send(order).await.is_ok() {
            return Ok(());
        }
        Err(self.closed().await.into())
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.task.abort();
    }
}
