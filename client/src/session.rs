//! A connection that comes back: redials with backoff, resumes, and tells its owner what happened. No task of its own.

use crate::Fields;
use crate::backoff::Backoff;
use crate::connection::{Connection, Incoming, typed};
use crate::cursor::Cursor;
use crate::error::{CallError, Closed, ConnectError};
use crate::options::Options;
use dibs_protocol::close::ComeBack;
use dibs_protocol::command::Command;
use dibs_protocol::frame::{ServerFrame, Welcome};
use dibs_protocol::refusal::Refusal;
use serde::de::DeserializeOwned;
use std::time::Duration;
use tokio::time::Instant;

/// What happens to a session.
#[derive(Debug)]
pub enum SessionEvent {
    /// Connected. With `resumed` the replay follows; otherwise nothing is watched and one starts from snapshots.
    Up(Box<Welcome>),
    /// The answer to a command that was sent with [`Session::send`].
    Answer {
        /// The command's `id`.
        id: i64,
        /// What `ok` carries, or the refusal.
        result: Result<Fields, Refusal>,
    },
    /// A push.
    Push(ServerFrame),
    /// Not connected, and dialling again after `again_in`. What was on the way may or may not have been done.
    Down {
        /// Why.
        why: ConnectError,
        /// After how long.
        again_in: Duration,
    },
}

/// A connection that comes back. `tokens` is asked for a token before each dial; nothing from it ends the session.
#[derive(Debug)]
pub struct Session<F> {
    url: String,
    options: Options,
    tokens: F,
    state: State,
    cursor: Cursor,
    backoff: Backoff,
    /// What `reconnect` asked for.
    asked: Duration,
}

#[derive(Debug)]
enum State {
    Up(Box<Connection>),
    Down(Instant),
    Over,
}

impl<F: FnMut() -> Option<String>> Session<F> {
    /// A session that is not connected yet: [`Session::next`] dials.
    pub fn new(url: &str, options: Options, tokens: F) -> Self {
        Self {
            url: url.to_owned(),
            options,
            tokens,
            state: State::Down(Instant::now()),
            cursor: Cursor::default(),
            backoff: Backoff::default(),
            asked: Duration::ZERO,
        }
    }

    /// What happens next. Cancelling loses nothing but a dial under way.
    ///
    /// # Errors
    /// Why the session is over: the server said to stay away, or there is no token.
    pub async fn next(&mut self) -> Result<SessionEvent, ConnectError> {
        match &mut self.state {
            State::Over => Err(Closed::cut("the session is over").into()),
            State::Down(due) => {
                let due = *due;
                tokio::time::sleep_until(due).await;
                self.dial().await
            }
            State::Up(connection) => match connection.next().await {
                Ok(Incoming::Answer { id, result }) => Ok(SessionEvent::Answer { id, result }),
                Ok(Incoming::Push(push)) => {
                    if let ServerFrame::Reconnect { after_ms, .. } = push {
                        self.asked = Duration::from_millis(after_ms);
                    }
                    Ok(SessionEvent::Push(push))
                }
                Err(closed) => {
                    self.cursor = connection.cursor().clone();
                    self.down(closed.into())
                }
            },
        }
    }

    /// The connection, while there is one: to send, feed and flush.
    pub fn connection(&mut self) -> Option<&mut Connection> {
        match &mut self.state {
            State::Up(connection) => Some(connection),
            State::Down(_) | State::Over => None,
        }
    }

    /// Sends a command and gives its `id`; its answer is a [`SessionEvent`].
    ///
    /// # Errors
    /// [`CallError`]; [`CallError::Offline`] while there is no connection: nothing is queued.
    pub async fn send(&mut self, command: &Command) -> Result<i64, CallError> {
        self.connection().ok_or(CallError::Offline)?.send(command).await
    }

    /// Sends a command and waits for its answer; what comes in between is kept for [`Session::next`].
    ///
    /// # Errors
    /// [`CallError`]; after [`CallError::Closed`] a retry with the same `key` is safe.
    pub async fn call(&mut self, command: impl Into<Command>) -> Result<Fields, CallError> {
        self.connection().ok_or(CallError::Offline)?.call(command).await
    }

    /// [`Session::call`], with the answer as a type of [`dibs_protocol::answer`].
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn call_as<T: DeserializeOwned>(
        &mut self,
        command: impl Into<Command>,
    ) -> Result<T, CallError> {
        typed(self.call(command).await?)
    }

    /// Ends the session, with a close frame where it is connected.
    pub async fn end(self) -> Cursor {
        match self.state {
            State::Up(connection) => connection.close().await,
            State::Down(_) | State::Over => self.cursor,
        }
    }

    async fn dial(&mut self) -> Result<SessionEvent, ConnectError> {
        let Some(token) = (self.tokens)() else {
            self.state = State::Over;
            return Err(Closed::cut("there is no token").into());
        };
        match Connection::resume(&self.url, &token, &self.options, self.cursor.clone()).await {
            Ok(connection) => {
                self.backoff.reset();
                self.asked = Duration::ZERO;
                let welcome = Box::new(connection.welcome().clone());
                self.state = State::Up(Box::new(connection));
                Ok(SessionEvent::Up(welcome))
            }
            Err(error) => self.down(error),
        }
    }

    fn down(&mut self, why: ConnectError) -> Result<SessionEvent, ConnectError> {
        let come_back = match &why {
            ConnectError::Closed(closed) => closed.then(),
            ConnectError::Url(_) => ComeBack::StayAway,
            _ => ComeBack::WithBackoff,
        };
        let Some(again_in) = self.backoff.next(come_back, self.asked) else {
            self.state = State::Over;
            return Err(why);
        };
        self.state = State::Down(Instant::now() + again_in);
        Ok(SessionEvent::Down { why, again_in })
    }
}
