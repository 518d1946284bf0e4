//! A session's outbox: what the hub has for a socket, bounded in bytes. No sockets here.
//!
//! Bounds, in the order in which they bite: above half the bound ephemeral frames are dropped and made good once the
//! socket has drained; above the bound durable pushes are dropped and the session is resynced; when what may never be
//! dropped (answers, `claim_lost`, `mention`) alone exceeds the bound, the session is closed as slow.

use bytes::{BufMut, Bytes, BytesMut};
use dibs_protocol::close::CloseCode;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// A whole WebSocket frame, ready to be written, shared by all who receive it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame(Bytes);

impl Frame {
    /// Frames a JSON text (RFC 6455, 5.2: FIN, text, unmasked).
    #[must_use]
    pub fn text(json: &str) -> Self {
        Self::build(0x81, json.as_bytes())
    }

    /// A ping without payload.
    #[must_use]
    pub fn ping() -> Self {
        Self(Bytes::from_static(&[0x89, 0]))
    }

    fn build(first: u8, payload: &[u8]) -> Self {
        let mut frame = BytesMut::with_capacity(payload.len() + 10);
        frame.put_u8(first);
        match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
            (Ok(len), _) if len < 126 => frame.put_u8(len),
            (_, Ok(len)) => {
                frame.put_u8(126);
                frame.put_u16(len);
            }
            _ => {
                frame.put_u8(127);
                frame.put_u64(payload.len() as u64);
            }
        }
        frame.put_slice(payload);
        Self(frame.freeze())
    }

    /// The bytes to write.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.0
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

/// What may happen to a frame when the reader is slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Never dropped.
    Kept,
    /// Dropped together, and made good by a resync.
    Durable,
    /// Dropped first, and made good by what comes next.
    Ephemeral,
}

#[derive(Default)]
struct Queue {
    frames: VecDeque<(Frame, Class)>,
    bytes: usize,
    kept_bytes: usize,
    lagging: bool,
    asked: bool,
    missed_ephemeral: bool,
    more: bool,
    close: Option<CloseCode>,
}

/// What a drained session should ask the hub for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behind {
    /// Durable pushes were dropped.
    Resync,
    /// The hub has more, and waits for the socket to drain.
    More,
    /// Ephemeral frames were dropped.
    Refresh,
}

/// The queue between the hub and one session's task.
pub struct Outbox {
    queue: Mutex<Queue>,
    waker: AtomicWaker,
    limit: usize,
    /// When the client was last heard, in seconds of the hub's uptime.
    pub heard_s: AtomicU32,
    /// Since when the socket takes nothing although something waits, in seconds of the hub's uptime; 0: it does.
    pub stalled_s: AtomicU32,
    killed: AtomicBool,
    /// The socket has something to read, as far as is known.
    readable: AtomicBool,
}

/// What [`Outbox::take`] took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// About so many bytes.
    pub bytes: usize,
    /// Nothing is left, and nothing else is to be done once these have been written: what comes later wakes the task.
    pub quiet: bool,
}

impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbox").finish_non_exhaustive()
    }
}

impl Outbox {
    /// An empty outbox bounded to `limit` bytes.
    #[must_use]
    pub fn new(limit: usize, now_s: u32) -> Self {
        Self {
            queue: Mutex::default(),
            waker: AtomicWaker::new(),
            limit,
            heard_s: AtomicU32::new(now_s),
            stalled_s: AtomicU32::new(0),
            killed: AtomicBool::new(false),
            readable: AtomicBool::new(true),
        }
    }

    /// Puts a frame at the end, or drops it as its class says. Whether it was queued.
    pub fn push(&self, frame: Frame, class: Class) -> bool {
        let mut queue = self.queue.lock();
        if queue.close.is_some() {
            return false;
        }
        let len = frame.len();
        match class {
            Class::Ephemeral if queue.lagging || queue.bytes + len > self.limit / 2 => {
                queue.missed_ephemeral = true;
                return false;
            }
            Class::Durable if queue.lagging || queue.bytes + len > self.limit => {
                queue.lagging = true;
                return false;
            }
            Class::Kept => {
                queue.kept_bytes += len;
                if queue.kept_bytes > self.limit.max(2 * len) {
                    queue.close = Some(CloseCode::Slow);
                    drop(queue);
                    self.waker.wake();
                    return false;
                }
            }
            Class::Ephemeral | Class::Durable => {}
        }
        queue.bytes += len;
        let was_empty = queue.frames.is_empty();
        queue.frames.push_back((frame, class));
        drop(queue);
        if was_empty {
            self.waker.wake();
        }
        true
    }

    /// Ends the session with this code after what is queued.
    pub fn close(&self, code: CloseCode) {
        let mut queue = self.queue.lock();
        if queue.close.is_none() {
            queue.close = Some(code);
        }
        drop(queue);
        self.waker.wake();
    }

    /// Ends the session at once: its socket takes nothing any more.
    pub fn kill(&self) {
        self.killed.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Whether the session must end at once.
    #[must_use]
    pub fn is_killed(&self) -> bool {
        self.killed.load(Ordering::Acquire)
    }

    /// Whether durable pushes are being dropped, so that nothing may claim to be complete.
    #[must_use]
    pub fn is_lagging(&self) -> bool {
        self.queue.lock().lagging
    }

    /// Bytes that wait.
    #[must_use]
    pub fn waiting_bytes(&self) -> usize {
        self.queue.lock().bytes
    }

    /// The resync begins: durable pushes are queued again.
    pub fn begin_resync(&self) {
        let mut queue = self.queue.lock();
        queue.lagging = false;
        queue.asked = false;
        queue.missed_ephemeral = false;
    }

    /// The hub has more for this session: it is asked for once everything queued has been written.
    pub fn expect_more(&self) {
        self.queue.lock().more = true;
        self.waker.wake();
    }

    /// The socket has something to read: wakes the session's task.
    pub fn wake_to_read(&self) {
        self.readable.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Whether there may be something to read. To be read until nothing is left, for it is told once.
    #[must_use]
    pub fn take_readable(&self) -> bool {
        self.readable.load(Ordering::Relaxed) && self.readable.swap(false, Ordering::AcqRel)
    }

    /// Registers the session's task to be woken when there is something to do.
    pub fn register(&self, waker: &std::task::Waker) {
        self.waker.register(waker);
    }

    /// Wakes the session's task.
    pub fn wake(&self) {
        self.waker.wake();
    }

    /// Takes frames, at least one if there is any, until they have about `max_bytes`.
    pub fn take(&self, into: &mut VecDeque<Bytes>, max_bytes: usize) -> Taken {
        let mut queue = self.queue.lock();
        let mut taken = 0;
        while taken < max_bytes {
            let Some((frame, class)) = queue.frames.pop_front() else {
                break;
            };
            let len = frame.len();
            queue.bytes -= len;
            if class == Class::Kept {
                queue.kept_bytes -= len;
            }
            taken += len;
            into.push_back(frame.into_bytes());
        }
        if queue.frames.is_empty() {
            // An idle session keeps no queue.
            queue.frames = VecDeque::new();
        }
        let at_rest = !queue.lagging && !queue.more && !queue.missed_ephemeral && queue.close.is_none();
        Taken {
            bytes: taken,
            quiet: at_rest && queue.frames.is_empty(),
        }
    }

    /// What the hub should do now that the socket has drained; each is asked for once. Until the hub begins the resync
    /// durable pushes go on being dropped, so that none of them hides the gap.
    pub fn behind(&self) -> Option<Behind> {
        let mut queue = self.queue.lock();
        if !queue.frames.is_empty() {
            return None;
        }
        if queue.lagging {
            return (!std::mem::replace(&mut queue.asked, true)).then_some(Behind::Resync);
        }
        if std::mem::take(&mut queue.more) {
            return Some(Behind::More);
        }
        std::mem::take(&mut queue.missed_ephemeral).then_some(Behind::Refresh)
    }

    /// The code to close with, once everything that was queued before has been taken.
    #[must_use]
    pub fn closing(&self) -> Option<CloseCode> {
        let queue = self.queue.lock();
        queue
            .close
            .filter(|code| queue.frames.is_empty() || *code == CloseCode::Slow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(len: usize) -> Frame {
        Frame::text(&"x".repeat(len))
    }

    fn drain(outbox: &Outbox) -> usize {
        let mut into = VecDeque::new();
        outbox.take(&mut into, usize::MAX);
        into.len()
    }

    #[test]
    fn ephemeral_frames_go_first_and_are_asked_for_once() {
        let outbox = Outbox::new(1_000, 0);
        assert!(outbox.push(frame(400), Class::Ephemeral));
        assert!(!outbox.push(frame(400), Class::Ephemeral));
        assert!(outbox.push(frame(400), Class::Durable));
        assert_eq!(drain(&outbox), 2);
        assert_eq!(outbox.behind(), Some(Behind::Refresh));
        assert_eq!(outbox.behind(), None);
    }

    #[test]
    fn durable_pushes_are_dropped_until_the_resync_begins() {
        let outbox = Outbox::new(1_000, 0);
        assert!(outbox.push(frame(900), Class::Durable));
        assert!(!outbox.push(frame(900), Class::Durable));
        assert!(!outbox.push(frame(1), Class::Durable));
        assert!(outbox.is_lagging());
        assert!(outbox.push(frame(10), Class::Kept));
        assert_eq!(outbox.behind(), None);
        assert_eq!(drain(&outbox), 2);
        assert_eq!(outbox.behind(), Some(Behind::Resync));
        assert_eq!(outbox.behind(), None);
        assert!(!outbox.push(frame(1), Class::Durable));
        outbox.begin_resync();
        assert!(outbox.push(frame(1), Class::Durable));
    }

    #[test]
    fn answers_alone_over_the_bound_close_the_session() {
        let outbox = Outbox::new(1_000, 0);
        for _ in 0..3 {
            outbox.push(frame(400), Class::Kept);
        }
        assert_eq!(outbox.closing(), Some(CloseCode::Slow));
    }

    #[test]
    fn lengths_are_written_as_the_websocket_protocol_says() {
        for (len, header) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            assert_eq!(frame(len).len(), len + header);
        }
    }
}
