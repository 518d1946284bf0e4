//! The socket beneath a session: reads go to the stream, writes into one queue that leaves in vectored writes, so
//! that frames shared with other sessions are never copied and no write buffer stays behind.

use crate::net::Stream;
use bytes::{Buf, Bytes};
use std::collections::VecDeque;
use std::io::{self, IoSlice, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Most slices of one vectored write.
const SLICES: usize = 64;

/// A stream with a queue of what is to be written.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: Stream,
    queue: VecDeque<Bytes>,
    /// TLS has taken something that the kernel may not have yet.
    unflushed: bool,
    /// Who is woken when there is something to read.
    reader: Waker,
}

impl Wire {
    pub(crate) fn new(stream: Stream) -> Self {
        Self {
            stream,
            queue: VecDeque::new(),
            unflushed: false,
            reader: Waker::noop().clone(),
        }
    }

    /// Reads are for this task from now on.
    pub(crate) fn read_for(&mut self, cx: &Context<'_>) {
        self.reader.clone_from(cx.waker());
    }

    /// What is to be written; frames may be added at the end.
    pub(crate) fn queue(&mut self) -> &mut VecDeque<Bytes> {
        &mut self.queue
    }

    /// Whether everything has been handed to the kernel.
    pub(crate) fn is_drained(&self) -> bool {
        self.queue.is_empty() && !self.unflushed
    }

    /// Writes as much as the socket takes. How many bytes it took; `Pending` when it takes no more for now.
    pub(crate) fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut taken = 0;
        while !self.queue.is_empty() {
            match self.poll_write_once(cx) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(count)) => {
                    taken += count;
                    self.unflushed = self.stream.buffers_writes();
                    self.advance(count);
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending if taken > 0 => return Poll::Ready(Ok(taken)),
                Poll::Pending => return Poll::Pending,
            }
        }
        // An idle session keeps no queue.
        self.queue = VecDeque::new();
        match self.poll_flush(cx) {
            Poll::Pending if taken == 0 => Poll::Pending,
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(taken)),
        }
    }

    /// Hands to the kernel what TLS has taken.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.unflushed {
            return Poll::Ready(Ok(()));
        }
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.unflushed = flushed.is_pending();
        flushed
    }

    /// One write: a single chunk goes by `send`, which costs the kernel less than a vectored write of one.
    fn poll_write_once(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let stream = Pin::new(&mut self.stream);
        if let [chunk] = self.queue.as_slices().0
            && self.queue.len() == 1
        {
            return stream.poll_write(cx, chunk);
        }
        let mut slices = [IoSlice::new(&[]); SLICES];
        let used = self.queue.len().min(SLICES);
        for (slice, chunk) in slices.iter_mut().zip(&self.queue) {
            *slice = IoSlice::new(chunk);
        }
        stream.poll_write_vectored(cx, &slices[..used])
    }

    fn advance(&mut self, mut count: usize) {
        while let Some(chunk) = self.queue.front_mut() {
            if count < chunk.len() {
                return chunk.advance(count);
            }
            count -= chunk.len();
            self.queue.pop_front();
        }
    }

    /// Tells the peer that nothing more will come.
    pub(crate) fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    /// Reads and forgets what the peer still sends. Ready when it has closed its side.
    pub(crate) fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut space = [0; 1_024];
        loop {
            let mut buffer = ReadBuf::new(&mut space);
            match Pin::new(&mut self.stream).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {}
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

/// Reads what is there; the task whose context was given last is woken when there is more.
impl Read for Wire {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(into);
        let mut cx = Context::from_waker(&self.reader);
        match Pin::new(&mut self.stream).poll_read(&mut cx, &mut buffer) {
            Poll::Ready(Ok(())) => Ok(buffer.filled().len()),
            Poll::Ready(Err(error)) => Err(error),
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

/// What the WebSocket library writes by itself (pongs, the answer to a close) joins the queue.
impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.queue.push_back(Bytes::copy_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
