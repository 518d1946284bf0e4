//! One connection without a task of its own: whoever holds it reads and writes. For fleets, and beneath everything else.

use crate::Fields;
use crate::cursor::Cursor;
use crate::dial::{self, Socket};
use crate::error::{CallError, Closed, ConnectError};
use crate::options::Options;
use dibs_protocol::answer::WatchAnswer;
use dibs_protocol::command::Command;
use dibs_protocol::frame::{Hello, OkFrame, ServerFrame, TypingSignal, Welcome};
use dibs_protocol::ids::ConversationId;
use dibs_protocol::refusal::Refusal;
use futures_util::{SinkExt, StreamExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

/// How many pushes wait while [`Connection::call`] looks for its answer. At the bound it reads no further until
/// [`Connection::next`] has taken some, and the call ends with [`CallError::Timeout`].
const BACKLOG: usize = 65_536;

/// What a server sends after its welcome.
#[derive(Debug, Clone, PartialEq)]
pub enum Incoming {
    /// The answer to the command with this `id`.
    Answer {
        /// The command's `id`.
        id: i64,
        /// What `ok` carries, or the refusal.
        result: Result<Fields, Refusal>,
    },
    /// Anything that is no answer; an `error` without `id` among them.
    Push(ServerFrame),
}

/// A connection after its welcome.
#[derive(Debug)]
pub struct Connection {
    socket: Socket,
    welcome: Welcome,
    cursor: Cursor,
    /// Commands on the way whose answer tells what is watched.
    watches: HashMap<i64, ConversationId>,
    next_id: i64,
    backlog: VecDeque<Incoming>,
    silence: Duration,
    refusal: Option<Refusal>,
    unreadable: u64,
}

#[derive(Serialize)]
struct Numbered<'a> {
    id: i64,
    #[serde(flatten)]
    command: &'a Command,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Other<'a> {
    Hello {
        id: i64,
        #[serde(flatten)]
        hello: &'a Hello,
    },
    Typing(&'a TypingSignal),
}

/// The `id` of the hello; commands go on from there.
const HELLO_ID: i64 = 1;

impl Connection {
    /// Dials, says hello and waits for the welcome.
    ///
    /// # Errors
    /// [`ConnectError`]; `Closed` carries the refusal that came before.
    pub async fn connect(url: &str, token: &str, options: &Options) -> Result<Self, ConnectError> {
        Self::resume(url, token, options, Cursor::default()).await
    }

    /// [`Connection::connect`] from where another connection left off.
    ///
    /// # Errors
    /// As [`Connection::connect`].
    pub async fn resume(
        url: &str,
        token: &str,
        options: &Options,
        mut cursor: Cursor,
    ) -> Result<Self, ConnectError> {
        let mut socket = dial::websocket(url, options).await?;
        let hello = Hello {
            token: token.to_owned(),
            client: options.name.clone(),
            resume: cursor.resume(),
        };
        let text = serde_json::to_string(&Other::Hello {
            id: HELLO_ID,
            hello: &hello,
        })?;
        socket
            .send(Message::Text(text.into()))
            .await
            .map_err(Closed::from)?;
        let welcome = tokio::time::timeout(options.connect_timeout, welcome(&mut socket));
        let welcome = welcome.await.unwrap_or(Err(ConnectError::Timeout))?;
        cursor.welcomed(&welcome);
        let heartbeats = u64::from(options.silent_heartbeats).saturating_mul(welcome.heartbeat_seconds);
        let silence = if heartbeats == 0 {
            Duration::MAX
        } else {
            Duration::from_secs(heartbeats)
        };
        Ok(Self {
            socket,
            welcome,
            cursor,
            watches: HashMap::new(),
            next_id: HELLO_ID + 1,
            backlog: VecDeque::new(),
            silence,
            refusal: None,
            unreadable: 0,
        })
    }

    /// The welcome.
    #[must_use]
    pub fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// Where this connection stands in the feed.
    #[must_use]
    pub fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// How many frames could not be read: of types that this client does not know.
    #[must_use]
    pub fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// Ends the connection without a word, as a cut line would, and gives what is needed to resume.
    #[must_use]
    pub fn cut(self) -> Cursor {
        self.cursor
    }

    /// Ends the connection with a close frame and waits for the server's, a second at most.
    pub async fn close(mut self) -> Cursor {
        if self.socket.close(None).await.is_ok() {
            let drain = async { while let Some(Ok(_)) = self.socket.next().await {} };
            tokio::time::timeout(Duration::from_secs(1), drain).await.ok();
        }
        self.cursor
    }

    /// Sends a command and gives its `id`.
    ///
    /// # Errors
    /// [`CallError::Closed`] or [`CallError::Json`].
    pub async fn send(&mut self, command: &Command) -> Result<i64, CallError> {
        let id = self.feed(command).await?;
        self.flush().await?;
        Ok(id)
    }

    /// [`Connection::send`] without the flush: for several commands in one write.
    ///
    /// # Errors
    /// As [`Connection::send`].
    pub async fn feed(&mut self, command: &Command) -> Result<i64, CallError> {
        let id = self.next_id;
        self.next_id += 1;
        match command {
            Command::Watch(watch) => drop(self.watches.insert(id, watch.conversation)),
            Command::Unwatch(unwatch) => self.cursor.unwatched(unwatch.conversation),
            _ => {}
        }
        let text = serde_json::to_string(&Numbered { id, command })?;
        self.socket
            .feed(Message::Text(text.into()))
            .await
            .map_err(Closed::from)?;
        Ok(id)
    }

    /// Sends what was fed.
    ///
    /// # Errors
    /// [`Closed`] when the socket is.
    pub async fn flush(&mut self) -> Result<(), Closed> {
        Ok(self.socket.flush().await?)
    }

    /// Sends a sign of typing.
    ///
    /// # Errors
    /// As [`Connection::send`].
    pub async fn typing(&mut self, signal: &TypingSignal) -> Result<(), CallError> {
        let text = serde_json::to_string(&Other::Typing(signal))?;
        Ok(self.send_text(text).await?)
    }

    /// Sends a text frame as it is.
    ///
    /// # Errors
    /// [`Closed`] when the socket is.
    pub async fn send_text(&mut self, text: impl Into<Utf8Bytes>) -> Result<(), Closed> {
        Ok(self.socket.send(Message::Text(text.into())).await?)
    }

    /// The next answer or push, in the order of the wire. Cancelling loses nothing.
    ///
    /// # Errors
    /// [`Closed`] at the end; also after two heartbeats without a frame.
    pub async fn next(&mut self) -> Result<Incoming, Closed> {
        match self.backlog.pop_front() {
            Some(incoming) => Ok(incoming),
            None => self.read().await,
        }
    }

    /// Sends a command and waits for its answer; what comes in between is kept for [`Connection::next`].
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn call(&mut self, command: impl Into<Command>) -> Result<Fields, CallError> {
        let wanted = self.send(&command.into()).await?;
        while self.backlog.len() < BACKLOG {
            match self.read().await? {
                Incoming::Answer { id, result } if id == wanted => return Ok(result?),
                other => self.backlog.push_back(other),
            }
        }
        Err(CallError::Timeout)
    }

    /// [`Connection::call`], with the answer as a type of [`dibs_protocol::answer`].
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn call_as<T: DeserializeOwned>(
        &mut self,
        command: impl Into<Command>,
    ) -> Result<T, CallError> {
        typed(self.call(command).await?)
    }

    async fn read(&mut self) -> Result<Incoming, Closed> {
        loop {
            let heard = tokio::time::timeout(self.silence, self.socket.next()).await;
            let Ok(heard) = heard else {
                return Err(self.ended(Closed::cut("two heartbeats of silence")));
            };
            match heard {
                Some(Ok(Message::Text(text))) => {
                    if let Some(incoming) = self.understand(&text) {
                        return Ok(incoming);
                    }
                }
                Some(Ok(Message::Close(frame))) => {
                    self.socket.flush().await.ok();
                    return Err(self.ended(closed(frame)));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(self.ended(error.into())),
                None => return Err(self.ended(Closed::cut("the line was cut"))),
            }
        }
    }

    fn ended(&mut self, closed: Closed) -> Closed {
        Closed {
            refusal: self.refusal.take(),
            ..closed
        }
    }

    /// Reads a frame and takes note of what it means for the cursor; nothing when it is to be ignored.
    fn understand(&mut self, text: &str) -> Option<Incoming> {
        let Ok(frame) = serde_json::from_str::<ServerFrame>(text) else {
            self.unreadable += 1;
            return None;
        };
        match frame {
            ServerFrame::Ok(OkFrame { id, fields }) => {
                if self.watches.remove(&id).is_some()
                    && let Ok(answer) = typed::<WatchAnswer>(fields.clone())
                {
                    self.cursor.watched(&answer);
                }
                Some(Incoming::Answer {
                    id,
                    result: Ok(fields),
                })
            }
            ServerFrame::Error(error) => {
                if let Some(id) = error.id {
                    self.watches.remove(&id);
                    return Some(Incoming::Answer {
                        id,
                        result: Err(error.refusal),
                    });
                }
                self.refusal = Some(error.refusal.clone());
                Some(Incoming::Push(ServerFrame::Error(error)))
            }
            push => self.cursor.push(&push).then_some(Incoming::Push(push)),
        }
    }
}

/// Reads an answer's fields as a type.
///
/// # Errors
/// [`CallError::Json`].
pub fn typed<T: DeserializeOwned>(fields: Fields) -> Result<T, CallError> {
    Ok(serde_json::from_value(serde_json::Value::Object(
        fields.into_iter().collect(),
    ))?)
}

fn closed(frame: Option<tokio_tungstenite::tungstenite::protocol::CloseFrame>) -> Closed {
    frame.map_or_else(
        || Closed {
            code: 1005,
            reason: "no close code".to_owned(),
            refusal: None,
        },
        |frame| Closed {
            code: frame.code.into(),
            reason: frame.reason.to_string(),
            refusal: None,
        },
    )
}

async fn welcome(socket: &mut Socket) -> Result<Welcome, ConnectError> {
    let mut refusal = None;
    loop {
        let end = match socket.next().await {
            Some(Ok(Message::Text(text))) => match serde_json::from_str(&text)? {
                ServerFrame::Welcome(welcome) => return Ok(*welcome),
                ServerFrame::Error(error) => {
                    refusal = Some(error.refusal);
                    continue;
                }
                _ => continue,
            },
            Some(Ok(Message::Close(frame))) => {
                socket.flush().await.ok();
                closed(frame)
            }
            Some(Ok(_)) => continue,
            Some(Err(error)) => error.into(),
            None => Closed::cut("the line was cut"),
        };
        return Err(Closed { refusal, ..end }.into());
    }
}
