//! The floor's way through Redis: what is published goes to Redis, and every loop that listens there sends it on. Two bare
//! connections; each message carries as many bytes as the frame that it stands for. Deliberately absent: reconnecting.

use mio::net::TcpStream;
use mio::{Interest, Poll, Token};
use std::io::{self, Read, Write};
use std::net::SocketAddr;

/// The token of the connection that listens.
pub(super) const LISTENS: Token = Token(usize::MAX - 1);
/// The token of the connection that publishes.
pub(super) const PUBLISHES: Token = Token(usize::MAX - 2);

const SUBSCRIBE: &[u8] = b"*2\r\n$9\r\nSUBSCRIBE\r\n$5\r\nfloor\r\n";
const SUBSCRIBED: &[u8] = b"*3\r\n$9\r\nsubscribe\r\n$5\r\nfloor\r\n:1\r\n";
const MESSAGE: &[u8] = b"*3\r\n$7\r\nmessage\r\n$5\r\nfloor\r\n$";
/// Digits of a group at the beginning of a message.
const DIGITS: usize = 6;
/// Read at once.
const READ_BYTES: usize = 64 * 1024;

/// Two connections to Redis.
pub(super) struct Relay {
    listens: TcpStream,
    publishes: TcpStream,
    input: Vec<u8>,
    output: Vec<u8>,
    bytes: usize,
}

impl Relay {
    /// Connects and subscribes. `bytes`: how long a message is.
    pub(super) fn connect(redis: SocketAddr, bytes: usize, poll: &Poll) -> io::Result<Self> {
        let dial = |token, greeting: &[u8]| {
            let mut stream = std::net::TcpStream::connect(redis)?;
            stream.write_all(greeting)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            let interest = Interest::READABLE | Interest::WRITABLE;
            poll.registry().register(&mut stream, token, interest)?;
            Ok::<_, io::Error>(stream)
        };
        Ok(Self {
            listens: dial(LISTENS, SUBSCRIBE)?,
            publishes: dial(PUBLISHES, b"")?,
            input: Vec::new(),
            output: Vec::new(),
            bytes: bytes.max(DIGITS),
        })
    }

    /// Publishes a message for a group.
    pub(super) fn publish(&mut self, group: usize) -> io::Result<()> {
        let head = format!(
            "*3\r\n$7\r\nPUBLISH\r\n$5\r\nfloor\r\n${}\r\n{group:0DIGITS$}",
            self.bytes
        );
        self.output.extend_from_slice(head.as_bytes());
        self.output.resize(self.output.len() + self.bytes - DIGITS, b'x');
        self.output.extend_from_slice(b"\r\n");
        self.write()
    }

    /// The publishing connection is ready: what waits is written, Redis's answers are dropped.
    pub(super) fn write(&mut self) -> io::Result<()> {
        while !self.output.is_empty() {
            match self.publishes.write(&self.output) {
                Ok(taken) => drop(self.output.drain(..taken)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        let mut answers = Vec::new();
        read(&mut self.publishes, &mut answers)
    }

    /// The groups of the messages that have come.
    pub(super) fn heard(&mut self) -> io::Result<Vec<usize>> {
        read(&mut self.listens, &mut self.input)?;
        let mut groups = Vec::new();
        let mut at = 0;
        while let Some((group, length)) = next_message(&self.input[at..]) {
            groups.extend(group);
            at += length;
        }
        self.input.drain(..at);
        Ok(groups)
    }
}

fn read(stream: &mut TcpStream, into: &mut Vec<u8>) -> io::Result<()> {
    let mut space = [0; READ_BYTES];
    loop {
        match stream.read(&mut space) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => into.extend_from_slice(&space[..count]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// The first whole message of `input`: its group, unless it only confirms the subscription, and its length.
fn next_message(input: &[u8]) -> Option<(Option<usize>, usize)> {
    if input.starts_with(SUBSCRIBED) {
        return Some((None, SUBSCRIBED.len()));
    }
    let rest = input.strip_prefix(MESSAGE)?;
    let digits = rest.iter().position(|it| *it == b'\r')?;
    let bytes: usize = std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()?;
    let begin = digits + 2;
    let whole = rest.get(begin..begin + bytes + 2)?;
    let group = std::str::from_utf8(whole.get(..DIGITS)?).ok()?.parse().ok();
    Some((group, MESSAGE.len() + begin + bytes + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_taken_one_by_one_once_all_of_each_is_there() {
        let mut input = SUBSCRIBED.to_vec();
        input.extend_from_slice(MESSAGE);
        input.extend_from_slice(b"8\r\n000012xx\r\n");
        assert_eq!(next_message(&input), Some((None, SUBSCRIBED.len())));
        let rest = &input[SUBSCRIBED.len()..];
        assert_eq!(next_message(rest), Some((Some(12), rest.len())));
        assert_eq!(next_message(&rest[..rest.len() - 1]), None);
    }
}
