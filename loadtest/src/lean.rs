//! A socket that does not decode what it reads: thousands of them in one process cost the load side next to nothing.

use crate::failure::Failure;
use dibs_client::dial::{self, Socket};
use dibs_client::{Closed, Options};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

/// The `id` of the hello; commands go on from there.
const HELLO_ID: i64 = 1;

/// A socket that does not decode what it reads.
pub struct Lean {
    socket: Socket,
    next_id: i64,
}

impl Lean {
    /// Opens the socket, without a hello.
    ///
    /// # Errors
    /// [`Failure::Connect`].
    pub async fn dial(url: &str, options: &Options) -> Result<Self, Failure> {
        let socket = dial::websocket(url, options).await?;
        Ok(Self {
            socket,
            next_id: HELLO_ID,
        })
    }

    /// Says hello, and gives how long the welcome took.
    ///
    /// # Errors
    /// [`Failure`] when there is no welcome.
    pub async fn hello(&mut self, token: &str, within: Duration) -> Result<Duration, Failure> {
        let begun = Instant::now();
        self.ask(
            json!({ "type": "hello", "token": token, "client": "loadtest" }),
            within,
        )
        .await?;
        Ok(begun.elapsed())
    }

    /// Sends a command and waits for its answer; what comes before is dropped.
    ///
    /// # Errors
    /// [`Failure`], also when it is refused.
    pub async fn ask(&mut self, mut command: Value, within: Duration) -> Result<Utf8Bytes, Failure> {
        command["id"] = json!(self.next_id);
        self.next_id += 1;
        self.socket
            .send(Message::text(command.to_string()))
            .await
            .map_err(Closed::from)?;
        let answer = async {
            loop {
                let text = self.next().await?;
                match kind(&text) {
                    "ok" | "welcome" => return Ok(text),
                    "error" => return Err(Failure::wrong(text.to_string())),
                    _ => {}
                }
            }
        };
        let late = |_| Failure::wrong(format!("no answer within {within:?}"));
        tokio::time::timeout(within, answer).await.map_err(late)?
    }

    /// The next text frame. Cancelling loses nothing.
    ///
    /// # Errors
    /// [`Failure::Closed`].
    pub async fn next(&mut self) -> Result<Utf8Bytes, Failure> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => return Ok(text),
                Some(Ok(Message::Close(frame))) => {
                    let why = frame
                        .map(|it| format!("{} {}", it.code, it.reason))
                        .unwrap_or_default();
                    return Err(Closed::cut(&format!("closed by the hub: {why}")).into());
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(Closed::from(error).into()),
                None => return Err(Closed::cut("the line was cut").into()),
            }
        }
    }
}

/// A frame's `type`, read from its first bytes; empty where it does not stand first.
#[must_use]
pub fn kind(text: &str) -> &str {
    text.strip_prefix(r#"{"type":""#)
        .and_then(|rest| rest.split('"').next())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_stands_first() {
        assert_eq!(kind(r#"{"type":"event","seq":1}"#), "event");
        assert_eq!(kind(r#"{"seq":1}"#), "");
    }
}
