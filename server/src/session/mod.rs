//! One socket's life: frames in, frames out, deadlines. It knows frames and a hub handle, nothing else.
//!
//! One task polls reading and writing together, so that a peer that takes nothing cannot stop the session from
//! noticing anything else.

mod frames;
mod wire;

use crate::hub::outbox::{Behind, Outbox};
use crate::hub::{Handle, Input, Link};
use crate::log::LogError;
use crate::net::ConnectionPermit;
use crate::shared::Shared;
use bytes::Bytes;
use dibs_protocol::close::CloseCode;
use dibs_protocol::limits::CLIENT_FRAME_BYTES;
use frames::Limits;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use tokio::net::TcpStream;
use tokio::time::{Duration, Sleep, sleep};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use wire::Wire;

/// Read at once from the socket: small, because an idle session keeps the buffer.
const READ_BUFFER: usize = 512;
/// Taken at once from the outbox; what leaves in one write is about this much.
const TAKE_BYTES: usize = 64 * 1024;
/// After our close frame the peer has so long to answer it.
const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// Where a session stands.
enum Stage {
    /// No hello yet.
    Silent(Pin<Box<Sleep>>),
    /// The workspace is being loaded.
    Loading(
        BoxFuture<'static, Result<Handle, LogError>>,
        Box<frames::Greeting>,
    ),
    /// The hub has the session; commands wait for the welcome.
    Joined,
    /// Our close frame is on its way, or the peer's answer to it.
    Closing(Pin<Box<Sleep>>),
}

struct Session {
    socket: WebSocketStream<Wire>,
    shared: Arc<Shared>,
    link: Arc<Link>,
    stage: Stage,
    handle: Option<Handle>,
    limits: Option<Box<Limits>>,
    unanswerable: u8,
    _permit: ConnectionPermit,
}

/// The WebSocket settings of a connection.
#[must_use]
pub fn socket_config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(usize::MAX)
        .max_message_size(Some(CLIENT_FRAME_BYTES))
        .max_frame_size(Some(CLIENT_FRAME_BYTES))
}

/// Runs a session over a socket whose upgrade is done, until it ends. `early` is what was read beyond the upgrade.
pub async fn run(stream: TcpStream, early: Bytes, shared: Arc<Shared>, permit: ConnectionPermit) {
    let socket = WebSocketStream::from_partially_read(
        Wire::new(stream),
        early.to_vec(),
        Role::Server,
        Some(socket_config()),
    )
    .await;
    let now_ms = shared.hub.deps().clock.now_ms();
    let id = shared.hub.deps().entropy.uuid(now_ms);
    let link = Arc::new(Link::new(
        id,
        Outbox::new(shared.config.outbox_bytes, shared.hub.uptime_s()),
    ));
    let stage = Stage::Silent(Box::pin(sleep(shared.config.hello_timeout)));
    let mut session = Session {
        socket,
        shared,
        link,
        stage,
        handle: None,
        limits: None,
        unanswerable: 0,
        _permit: permit,
    };
    poll_fn(|cx| session.poll(cx)).await;
    if let Some(handle) = &session.handle {
        // A workspace that has stopped has forgotten the session already.
        handle.send(Input::Leave(session.link.clone())).ok();
    }
}

impl Session {
    /// Goes on as far as possible. Ready when the session is over.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.link.outbox.register(cx.waker());
        loop {
            if self.link.outbox.is_killed() {
                return Poll::Ready(());
            }
            if self.poll_write(cx).is_err() {
                return Poll::Ready(());
            }
            let step = match &mut self.stage {
                Stage::Silent(deadline) => {
                    if deadline.as_mut().poll(cx).is_ready() {
                        self.begin_close(CloseCode::NoHello);
                        continue;
                    }
                    self.poll_read(cx)
                }
                Stage::Loading(loading, _) => match loading.as_mut().poll(cx) {
                    Poll::Ready(loaded) => {
                        self.loaded(loaded);
                        Poll::Ready(true)
                    }
                    Poll::Pending => Poll::Pending,
                },
                Stage::Joined if self.link.joined() => self.poll_read(cx),
                // The welcome wakes the task.
                Stage::Joined => Poll::Pending,
                Stage::Closing(deadline) => {
                    if deadline.as_mut().poll(cx).is_ready() {
                        return Poll::Ready(());
                    }
                    let wire = self.socket.get_mut();
                    match wire.poll_discard(cx) {
                        Poll::Ready(()) => Poll::Ready(false),
                        Poll::Pending => Poll::Pending,
                    }
                }
            };
            match step {
                Poll::Ready(true) => {}
                Poll::Ready(false) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Writes what waits. An error is the end of the connection.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<(), ()> {
        loop {
            let closing = matches!(self.stage, Stage::Closing(_));
            let wire = self.socket.get_mut();
            if wire.is_drained() && !closing {
                let taken = self.link.outbox.take(wire.queue(), TAKE_BYTES);
                if taken == 0 {
                    self.ask_for_missed();
                    match self.link.outbox.closing() {
                        Some(code) => self.begin_close(code),
                        None => return Ok(()),
                    }
                    continue;
                }
            }
            let wire = self.socket.get_mut();
            match wire.poll_drain(cx) {
                Poll::Ready(Ok(_)) => {
                    self.link.outbox.stalled_s.store(0, Ordering::Relaxed);
                    if wire.is_drained() && closing {
                        return Ok(());
                    }
                }
                Poll::Ready(Err(_)) => return Err(()),
                Poll::Pending => {
                    self.note_stall();
                    return Ok(());
                }
            }
        }
    }

    fn note_stall(&mut self) {
        let stalled = &self.link.outbox.stalled_s;
        if stalled.load(Ordering::Relaxed) == 0 {
            stalled.store(self.shared.hub.uptime_s().max(1), Ordering::Relaxed);
        }
        // A slow reader that is to be closed may never take its close frame.
        if self.link.outbox.closing() == Some(CloseCode::Slow) && !matches!(self.stage, Stage::Closing(_)) {
            self.begin_close(CloseCode::Slow);
        }
    }

    fn ask_for_missed(&mut self) {
        let Some(behind) = self.link.outbox.behind() else {
            return;
        };
        if behind == Behind::Resync {
            self.link.outbox.begin_resync();
        }
        if let Some(handle) = &self.handle {
            // A workspace that has stopped will close the session.
            handle.send(Input::Behind(self.link.clone(), behind)).ok();
        }
    }

    /// Reads one message. `Ready(true)` when there may be more, `Ready(false)` at the end.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let Poll::Ready(message) = self.socket.poll_next_unpin(cx) else {
            return Poll::Pending;
        };
        self.link
            .outbox
            .heard_s
            .store(self.shared.hub.uptime_s(), Ordering::Relaxed);
        match message {
            Some(Ok(Message::Text(text))) => self.text(&text),
            Some(Ok(Message::Binary(_))) => self.begin_close(CloseCode::Unsupported),
            Some(Ok(Message::Ping(_))) => self.pinged(),
            Some(Ok(Message::Pong(_) | Message::Frame(_))) => {}
            // The library has queued its answer; it is written before the end.
            Some(Ok(Message::Close(_))) => self.stage = Stage::Closing(Box::pin(sleep(CLOSE_WAIT))),
            Some(Err(Error::Capacity(CapacityError::MessageTooLong { .. }))) => {
                self.begin_close(CloseCode::TooBig);
            }
            Some(Err(Error::Utf8(_))) => self.begin_close(CloseCode::InvalidUtf8),
            Some(Err(Error::Protocol(error))) if error != ProtocolError::ResetWithoutClosingHandshake => {
                self.close_with(1002, "the frames are not RFC 6455");
            }
            Some(Err(_)) | None => return Poll::Ready(false),
        }
        Poll::Ready(true)
    }

    fn text(&mut self, text: &Utf8Bytes) {
        match self.stage {
            Stage::Silent(_) => self.greeting(text),
            Stage::Joined => self.frame(text),
            Stage::Loading(..) | Stage::Closing(_) => {}
        }
    }

    fn begin_close(&mut self, code: CloseCode) {
        self.close_with(code.code(), code.reason());
    }

    fn close_with(&mut self, code: u16, reason: &str) {
        let queue = self.socket.get_mut().queue();
        // What was answered before the close is still told.
        self.link.outbox.take(queue, usize::MAX);
        let mut frame = vec![0x88, u8::try_from(reason.len() + 2).unwrap_or(2)];
        frame.extend_from_slice(&code.to_be_bytes());
        frame.extend_from_slice(reason.as_bytes());
        queue.push_back(frame.into());
        self.stage = Stage::Closing(Box::pin(sleep(CLOSE_WAIT)));
    }
}

/// Echoes messages until the peer closes: what a conformance suite of the WebSocket protocol talks to.
#[cfg(feature = "echo")]
pub async fn echo(stream: TcpStream, early: Bytes) {
    use futures_util::SinkExt;
    // The suite sends messages far beyond the contract's limit.
    let config = socket_config()
        .max_message_size(Some(64 << 20))
        .max_frame_size(Some(64 << 20));
    let mut socket =
        WebSocketStream::from_partially_read(Wire::new(stream), early.to_vec(), Role::Server, Some(config))
            .await;
    while let Some(Ok(message)) = socket.next().await {
        if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err() {
            break;
        }
        if poll_fn(|cx| socket.get_mut().poll_drain(cx)).await.is_err() {
            return;
        }
    }
    // The answer to a close, or the close after an error, is still to be written.
    poll_fn(|cx| socket.get_mut().poll_drain(cx)).await.ok();
}
