//! Sockets without a client: for frames that no client would send, and for readers that do not read.

use crate::hub::{Hub, PATIENCE};
use crate::token;
use dibs_client::{Options, dial};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

/// A WebSocket on which a test writes what it likes.
pub struct Raw(pub dial::Socket);

impl Raw {
    /// An upgraded socket before any hello.
    pub async fn open(hub: &Hub) -> Self {
        Self(dial::websocket(&hub.url(), &Options::default()).await.unwrap())
    }

    /// A socket after its welcome.
    pub async fn welcomed(hub: &Hub, agent: &str) -> Self {
        let mut raw = Self::open(hub).await;
        let token = token::mint(json!({ "sub": agent }));
        raw.text(&json!({ "type": "hello", "id": 1, "token": token }).to_string())
            .await;
        assert_eq!(raw.frame().await["type"], "welcome");
        raw
    }

    /// Sends a text frame.
    pub async fn text(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// Sends any frame.
    pub async fn message(&mut self, message: Message) {
        self.0.send(message).await.ok();
    }

    /// The next text frame.
    pub async fn frame(&mut self) -> Value {
        loop {
            match tokio::time::timeout(PATIENCE, self.0.next())
                .await
                .expect("no frame in time")
            {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("no frame but {other:?}"),
            }
        }
    }

    /// The next `ok` or `error`.
    pub async fn answer(&mut self) -> Value {
        loop {
            let frame = self.frame().await;
            if frame["type"] == "ok" || frame["type"] == "error" {
                return frame;
            }
        }
    }

    /// The code that the server closes with; text frames before it are skipped.
    pub async fn close_code(&mut self) -> u16 {
        loop {
            match tokio::time::timeout(PATIENCE, self.0.next())
                .await
                .expect("no close in time")
            {
                Some(Ok(Message::Close(Some(frame)))) => return frame.code.into(),
                Some(Ok(_)) => {}
                other => panic!("no close frame but {other:?}"),
            }
        }
    }
}

/// A TCP connection to the hub.
pub async fn tcp(hub: &Hub) -> TcpStream {
    TcpStream::connect(hub.address()).await.unwrap()
}

/// Writes bytes to a TCP connection and reads until the other side ends it, or its patience does.
pub async fn exchange(hub: &Hub, bytes: &[u8]) -> String {
    let mut stream = tcp(hub).await;
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "the connection was not ended");
    String::from_utf8_lossy(&answer).into_owned()
}
