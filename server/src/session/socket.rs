//! The WebSocket beneath a session: messages in, bytes out, and the end of a connection in both directions.
//! Deliberately absent: what a message means.
//!
//! The library queues its own answers (a pong, the reply to a close) and writes them at its next read only; here they are
//! handed over at once, because the next read may be long in coming.

use super::wire::Wire;
use crate::net::Stream;
use bytes::Bytes;
use dibs_protocol::close::CloseCode;
use dibs_protocol::limits::CLIENT_FRAME_BYTES;
use std::collections::VecDeque;
use std::io;
use std::task::{Context, Poll};
use tokio_tungstenite::tungstenite::error::{CapacityError, Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes, WebSocket};

/// Read at once from the socket: small, because an idle session keeps the buffer.
const READ_BUFFER: usize = 512;
/// RFC 6455, 7.4.1: the peer broke the protocol of the frames.
const PROTOCOL_ERROR: u16 = 1002;

/// A server's side of a WebSocket.
#[derive(Debug)]
pub struct Socket(WebSocket<Wire>);

/// What came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// A text message.
    Text(Utf8Bytes),
    /// A binary message.
    Binary(Bytes),
    /// A ping; its pong is queued.
    Ping,
    /// A pong, or a frame without meaning here.
    Nothing,
    /// The peer's close; the reply to it is queued.
    Closed,
    /// The peer broke a rule: to be closed with this code and reason.
    Failed(u16, &'static str),
    /// The connection is gone.
    Gone,
}

impl Socket {
    /// A socket whose upgrade is done, for messages and frames of at most `max_bytes`. `early` is what was read beyond
    /// the upgrade.
    pub fn new(stream: Stream, early: Bytes, max_bytes: usize) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_write_buffer_size(usize::MAX)
            .max_message_size(Some(max_bytes))
            .max_frame_size(Some(max_bytes));
        let wire = Wire::new(stream);
        // `early` is a part of the HTTP reader's 8 KiB buffer: copied out, or the session would keep all of it alive.
        Self(WebSocket::from_partially_read(
            wire,
            early.to_vec(),
            Role::Server,
            Some(config),
        ))
    }

    /// A socket with the contract's bound on what a client may send.
    pub(super) fn of_client(stream: Stream, early: Bytes) -> Self {
        Self::new(stream, early, CLIENT_FRAME_BYTES)
    }

    /// Whole frames that are to be written; more may be added at the end.
    pub fn queue(&mut self) -> &mut VecDeque<Bytes> {
        self.0.get_mut().queue()
    }

    /// Whether everything has been handed to the kernel.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.0.get_ref().is_drained()
    }

    /// Writes as much as the connection takes.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.0.get_mut().poll_drain(cx)
    }

    /// Reads one message. When there is none, the task of `cx` is woken once there is more.
    pub fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Received> {
        self.0.get_mut().read_for(cx);
        Poll::Ready(match self.0.read() {
            Ok(Message::Text(text)) => Received::Text(text),
            Ok(Message::Binary(bytes)) => Received::Binary(bytes),
            Ok(Message::Ping(_)) => {
                self.hand_over();
                Received::Ping
            }
            Ok(Message::Pong(_) | Message::Frame(_)) => Received::Nothing,
            Ok(Message::Close(_)) => {
                self.hand_over();
                Received::Closed
            }
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
            Err(error) => failure(&error),
        })
    }

    /// Lets the library put its own answer into the queue.
    fn hand_over(&mut self) {
        // The queue takes everything at once. An error is that of a close that has been answered.
        let flushed = self.0.flush();
        debug_assert!(!matches!(&flushed, Err(Error::Io(_))), "the queue never blocks");
    }

    /// Queues a close frame. Nothing is read from the socket afterwards but by [`Self::poll_end`].
    pub fn close(&mut self, code: u16, reason: &str) {
        let mut frame = vec![0x88, u8::try_from(reason.len() + 2).unwrap_or(2)];
        frame.extend_from_slice(&code.to_be_bytes());
        frame.extend_from_slice(reason.as_bytes());
        self.queue().push_back(frame.into());
    }

    /// After the close frame: ends our side, so that the peer need not wait, and forgets what it still sends. Ready when
    /// the peer has ended its side.
    pub fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let wire = self.0.get_mut();
        match wire.poll_finish(cx) {
            Poll::Ready(Ok(())) => wire.poll_discard(cx),
            Poll::Ready(Err(_)) => Poll::Ready(()),
            Poll::Pending => Poll::Pending,
        }
    }
}

fn failure(error: &Error) -> Received {
    let of = |code: CloseCode| Received::Failed(code.code(), code.reason());
    match error {
        Error::Capacity(CapacityError::MessageTooLong { .. }) => of(CloseCode::TooBig),
        Error::Utf8(_) => of(CloseCode::InvalidUtf8),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Received::Gone,
        Error::Protocol(_) => Received::Failed(PROTOCOL_ERROR, "the frames are not RFC 6455"),
        _ => Received::Gone,
    }
}
