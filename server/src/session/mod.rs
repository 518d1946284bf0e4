//! One socket's life: frames in, frames out, deadlines. It knows frames and a hub handle, nothing else.
//!
//! One task polls reading and writing together, so that a peer that takes nothing cannot stop the session from
//! noticing anything else.

mod frames;
mod socket;
mod wire;

pub use socket::{Received, Socket};

use crate::hub::outbox::Outbox;
use crate::hub::{Handle, Input, Link};
use crate::log::LogError;
use crate::net::{ConnectionPermit, Stream};
use crate::shared::Shared;
use bytes::Bytes;
use dibs_protocol::close::CloseCode;
use frames::Limits;
use futures_util::future::BoxFuture;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Wake, Waker};
use tokio::time::{Duration, Sleep, sleep};

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

/// The waker of a session's reading: only then is the socket asked, and a push costs no look at it.
impl Wake for Link {
    fn wake(self: Arc<Self>) {
        self.outbox.wake_to_read();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.outbox.wake_to_read();
    }
}

struct Session {
    socket: Socket,
    shared: Arc<Shared>,
    link: Arc<Link>,
    stage: Stage,
    handle: Option<Handle>,
    limits: Option<Box<Limits>>,
    unanswerable: u8,
    /// The socket has not said yet that there is nothing more to read.
    reading: bool,
    _permit: ConnectionPermit,
}

/// A session over a socket whose upgrade is done, to be run until it ends. `early` is what was read beyond the upgrade.
/// It is a future by itself, because an `async fn` would keep its arguments beside the session for as long as it runs.
pub fn run(
    stream: Stream,
    early: Bytes,
    shared: Arc<Shared>,
    permit: ConnectionPermit,
) -> impl Future<Output = ()> + Send {
    let now_ms = shared.hub.deps().clock.now_ms();
    let id = shared.hub.deps().entropy.uuid(now_ms);
    let outbox = Outbox::new(shared.config.outbox_bytes, shared.hub.uptime_s());
    Session {
        socket: Socket::of_client(stream, early),
        stage: Stage::Silent(Box::pin(sleep(shared.config.hello_timeout))),
        shared,
        link: Arc::new(Link::new(id, outbox)),
        handle: None,
        limits: None,
        unanswerable: 0,
        reading: true,
        _permit: permit,
    }
}

impl Future for Session {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let session = self.get_mut();
        let ended = session.go_on(cx);
        if let (Poll::Ready(()), Some(handle)) = (ended, &session.handle) {
            // A workspace that has stopped has forgotten the session already.
            handle.send(Input::Leave(session.link.clone())).ok();
        }
        ended
    }
}

impl Session {
    /// Goes on as far as possible. Ready when the session is over.
    fn go_on(&mut self, cx: &mut Context<'_>) -> Poll<()> {
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
                    self.poll_read()
                }
                Stage::Loading(loading, _) => match loading.as_mut().poll(cx) {
                    Poll::Ready(loaded) => {
                        self.loaded(loaded);
                        Poll::Ready(true)
                    }
                    Poll::Pending => Poll::Pending,
                },
                Stage::Joined if self.link.joined() => self.poll_read(),
                // The welcome wakes the task.
                Stage::Joined => Poll::Pending,
                Stage::Closing(deadline) => {
                    if deadline.as_mut().poll(cx).is_ready() {
                        return Poll::Ready(());
                    }
                    match self.socket.is_drained() {
                        true => self.socket.poll_end(cx).map(|()| false),
                        false => Poll::Pending,
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
            if self.socket.is_drained() && !closing {
                let taken = self.link.outbox.take(self.socket.queue(), TAKE_BYTES);
                if taken.bytes == 0 && taken.quiet {
                    return Ok(());
                }
                if taken.bytes == 0 {
                    self.ask_for_missed();
                    match self.link.outbox.closing() {
                        Some(code) => self.begin_close(code),
                        None => return Ok(()),
                    }
                    continue;
                }
            }
            match self.socket.poll_drain(cx) {
                Poll::Ready(Ok(_)) => {
                    self.link.outbox.stalled_s.store(0, Ordering::Relaxed);
                    if self.socket.is_drained() && closing {
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
        if let Some(handle) = &self.handle {
            // A workspace that has stopped will close the session.
            handle.send(Input::Behind(self.link.clone(), behind)).ok();
        }
    }

    /// Reads one message. `Ready(true)` when there may be more, `Ready(false)` at the end.
    fn poll_read(&mut self) -> Poll<bool> {
        self.reading |= self.link.outbox.take_readable();
        if !self.reading {
            return Poll::Pending;
        }
        let waker = Waker::from(Arc::clone(&self.link));
        let Poll::Ready(received) = self.socket.poll_read(&mut Context::from_waker(&waker)) else {
            self.reading = false;
            return Poll::Pending;
        };
        self.link
            .outbox
            .heard_s
            .store(self.shared.hub.uptime_s(), Ordering::Relaxed);
        match received {
            Received::Text(text) => self.text(&text),
            Received::Binary(_) => self.begin_close(CloseCode::Unsupported),
            Received::Ping => self.pinged(),
            Received::Nothing => {}
            Received::Closed => self.stage = Stage::Closing(Box::pin(sleep(CLOSE_WAIT))),
            Received::Failed(code, reason) => self.close_with(code, reason),
            Received::Gone => return Poll::Ready(false),
        }
        Poll::Ready(true)
    }

    fn text(&mut self, text: &str) {
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
        // What was answered before the close is still told.
        self.link.outbox.take(self.socket.queue(), usize::MAX);
        self.socket.close(code, reason);
        self.stage = Stage::Closing(Box::pin(sleep(CLOSE_WAIT)));
    }
}
