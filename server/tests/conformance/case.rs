//! One case: what is sent, in which pieces, what must come back, and how it ends.

use crate::peer::{self, Seen, frame};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

/// How long a case may take.
const PATIENCE: Duration = Duration::from_secs(60);

pub const TEXT: u8 = 0x81;
pub const BINARY: u8 = 0x82;
pub const CLOSE: u8 = 0x88;
pub const PING: u8 = 0x89;
pub const PONG: u8 = 0x8a;
/// The first byte without FIN.
pub const MORE: u8 = 0x7f;
/// A last fragment.
pub const LAST: u8 = 0x80;

/// How the connection ends.
pub enum End {
    /// We close with 1000, the server answers the same.
    Clean,
    /// The server closes with this code.
    Fails(u16),
    /// We have closed; the server answers with this payload.
    Answers(Vec<u8>),
}

/// One case of the suite.
pub struct Case {
    pub name: String,
    sent: Vec<Vec<u8>>,
    piece: usize,
    wanted: Vec<Seen>,
    end: End,
}

impl Case {
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            sent: Vec::new(),
            piece: usize::MAX,
            wanted: Vec::new(),
            end: End::Clean,
        }
    }

    /// Sends a frame.
    pub fn send(mut self, first: u8, payload: impl AsRef<[u8]>) -> Self {
        self.sent.push(frame(first, payload.as_ref()));
        self
    }

    /// Sends a frame, and wants it back.
    pub fn echo(self, first: u8, payload: impl AsRef<[u8]>) -> Self {
        let payload = payload.as_ref();
        self.send(first, payload).want(first, payload)
    }

    /// Wants a frame.
    pub fn want(mut self, first: u8, payload: impl AsRef<[u8]>) -> Self {
        self.wanted.push((first, payload.as_ref().to_vec()));
        self
    }

    /// Sends a message in these fragments.
    pub fn fragments<T: AsRef<[u8]>>(mut self, first: u8, parts: impl IntoIterator<Item = T>) -> Self {
        let parts: Vec<T> = parts.into_iter().collect();
        for (at, part) in parts.iter().enumerate() {
            let opcode = if at == 0 { first & MORE } else { 0 };
            let fin = if at + 1 == parts.len() { LAST } else { 0 };
            self = self.send(opcode | fin, part);
        }
        self
    }

    /// Hands the bytes to the connection in pieces of so many.
    pub fn pieces(mut self, bytes: usize) -> Self {
        self.piece = bytes;
        self
    }

    /// The server must close with this code.
    pub fn fails(mut self, code: u16) -> Self {
        self.end = End::Fails(code);
        self
    }

    /// The server must answer our close with this payload.
    pub fn answers(mut self, payload: impl AsRef<[u8]>) -> Self {
        self.end = End::Answers(payload.as_ref().to_vec());
        self
    }

    /// Runs the case.
    pub async fn run(&self, address: SocketAddr) -> Result<(), String> {
        let seen = timeout(PATIENCE, self.exchange(address))
            .await
            .map_err(|_| "it takes too long")??;
        let Some(((last, payload), before)) = seen.split_last() else {
            return Err("the connection ended without a close".to_owned());
        };
        if before != self.wanted {
            return Err(format!("wanted {}, got {}", brief(&self.wanted), brief(before)));
        }
        let (code, exact) = match &self.end {
            End::Clean => (1_000_u16.to_be_bytes().to_vec(), true),
            End::Answers(payload) => (payload.clone(), true),
            End::Fails(code) => (code.to_be_bytes().to_vec(), false),
        };
        let fits = if exact {
            *payload == code
        } else {
            payload.starts_with(&code)
        };
        if *last != CLOSE || !fits {
            return Err(format!(
                "wanted a close with {code:?}, got {last:#x} with {payload:?}"
            ));
        }
        Ok(())
    }

    /// Sends everything, and reads until the server ends the connection.
    async fn exchange(&self, address: SocketAddr) -> Result<Vec<Seen>, String> {
        let (mut read, mut write) = peer::connect(address).await;
        let writing = async {
            let mut bytes = self.sent.concat();
            if matches!(self.end, End::Clean) {
                bytes.extend(frame(CLOSE, &1_000_u16.to_be_bytes()));
            }
            for piece in bytes.chunks(self.piece.min(bytes.len().max(1))) {
                // A server that failed the connection may have gone already.
                if write.write_all(piece).await.is_err() {
                    break;
                }
                if self.piece == 1 {
                    tokio::task::yield_now().await;
                }
            }
        };
        let reading = async {
            let mut seen = Vec::new();
            while let Some(frame) = peer::next(&mut read).await? {
                seen.push(frame);
            }
            Ok(seen)
        };
        tokio::join!(writing, reading).1
    }
}

fn brief(frames: &[Seen]) -> String {
    let one = |(first, payload): &Seen| format!("{first:#x}[{}]", payload.len());
    frames.iter().map(one).collect::<Vec<_>>().join(" ")
}
