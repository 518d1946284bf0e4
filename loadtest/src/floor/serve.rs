//! The floor's loop: one thread, one epoll, non-blocking sockets. No tasks, no locks, no JSON beyond one number.

use super::Serve;
use super::relay::{LISTENS, PUBLISHES, Relay};
use crate::failure::Failure;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// The listener's token; connections are numbered below it.
const LISTENER: Token = Token(usize::MAX);
/// Read at once from a socket.
const READ_BYTES: usize = 4_096;
/// Readiness taken from the kernel at once.
const EVENTS: usize = 1_024;
/// A masked client frame's length byte without the mask's bit.
const LENGTH_BITS: u8 = 0x7f;
/// What answers a word: a text frame.
const OK: &[u8] = b"\x81\x0d{\"type\":\"ok\"}";

struct Connection {
    stream: TcpStream,
    input: Vec<u8>,
    /// What the socket did not take.
    waiting: Vec<u8>,
    upgraded: bool,
}

#[derive(Default)]
struct Group {
    members: Vec<usize>,
    /// Frames that are to be sent to each member.
    due: usize,
}

/// What a client said.
enum Word {
    Watch(usize),
    Publish(usize),
}

struct Loop {
    frame: Vec<u8>,
    joined: bool,
    connections: Vec<Option<Connection>>,
    groups: Vec<Group>,
    /// Groups with something due.
    due: Vec<usize>,
    relay: Option<Relay>,
}

/// Serves until standard input ends.
pub(super) fn run(flags: &Serve) -> Result<(), Failure> {
    // Whoever started this is gone when its end of the pipe is: then nothing is left to serve.
    std::thread::spawn(|| {
        io::copy(&mut io::stdin(), &mut io::sink()).ok();
        std::process::exit(0);
    });
    let failed = |what: &'static str| Failure::io(what);
    let mut poll = Poll::new().map_err(failed("cannot poll"))?;
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mut listener = TcpListener::bind(any).map_err(failed("cannot listen"))?;
    let interest = Interest::READABLE;
    let registered = poll.registry().register(&mut listener, LISTENER, interest);
    registered.map_err(failed("cannot poll"))?;
    let address = listener.local_addr().map_err(failed("cannot listen"))?;
    println!("listening address={address}");
    let mut state = Loop {
        frame: frame(flags.bytes as usize),
        joined: flags.joined,
        connections: Vec::new(),
        groups: Vec::new(),
        due: Vec::new(),
        relay: None,
    };
    if let Some(redis) = flags.redis {
        let relay = Relay::connect(redis, flags.bytes as usize, &poll);
        state.relay = Some(relay.map_err(failed("cannot reach Redis"))?);
    }
    let mut events = Events::with_capacity(EVENTS);
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            done => done.map_err(failed("cannot poll"))?,
        }
        for event in &events {
            match event.token() {
                LISTENER => state.accept(&listener, &poll),
                LISTENS => state.hear_others().map_err(failed("Redis is gone"))?,
                PUBLISHES => state
                    .relay
                    .as_mut()
                    .map_or(Ok(()), Relay::write)
                    .map_err(failed("Redis is gone"))?,
                Token(at) => state.ready(at, event.is_readable(), event.is_writable()),
            }
        }
        state.tell();
    }
}

/// A text frame of `bytes` that looks like an event.
fn frame(bytes: usize) -> Vec<u8> {
    let mut text = br#"{"type":"event","seq":1,"event":{"kind":"note_added","text":""#.to_vec();
    let end = br#""}}"#;
    text.resize(bytes.saturating_sub(end.len()).max(text.len()), b'x');
    text.extend_from_slice(end);
    let mut frame = vec![0x81];
    match (u8::try_from(text.len()), u16::try_from(text.len())) {
        (Ok(len), _) if len < 126 => frame.push(len),
        (_, Ok(len)) => {
            frame.push(126);
            frame.extend_from_slice(&len.to_be_bytes());
        }
        _ => {
            frame.push(127);
            frame.extend_from_slice(&(text.len() as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&text);
    frame
}

impl Loop {
    fn accept(&mut self, listener: &TcpListener, poll: &Poll) {
        while let Ok((mut stream, _)) = listener.accept() {
            let at = self.connections.len();
            let interest = Interest::READABLE | Interest::WRITABLE;
            let usable = stream.set_nodelay(true).is_ok()
                && poll.registry().register(&mut stream, Token(at), interest).is_ok();
            self.connections.push(usable.then_some(Connection {
                stream,
                input: Vec::new(),
                waiting: Vec::new(),
                upgraded: false,
            }));
        }
    }

    fn ready(&mut self, at: usize, readable: bool, writable: bool) {
        let Some(Some(connection)) = self.connections.get_mut(at) else {
            return;
        };
        let mut alive = !writable || connection.send(&[]).is_ok();
        let mut words = Vec::new();
        if alive && readable {
            alive = connection.read(&mut words).is_ok();
        }
        for word in words {
            self.hear(at, &word);
        }
        if !alive {
            self.connections[at] = None;
        }
    }

    fn hear(&mut self, at: usize, word: &Word) {
        match word {
            Word::Watch(group) => self.group(*group).members.push(at),
            Word::Publish(group) => {
                match &mut self.relay {
                    // Whoever lost its Redis notices when it next hears from there.
                    Some(relay) => relay.publish(*group).unwrap_or_default(),
                    None => self.owe(*group),
                }
            }
        }
        self.send(at, OK);
    }

    /// What came from Redis is sent on.
    fn hear_others(&mut self) -> io::Result<()> {
        let Some(relay) = &mut self.relay else {
            return Ok(());
        };
        for group in relay.heard()? {
            self.owe(group);
        }
        Ok(())
    }

    /// A frame is due to all of a group.
    fn owe(&mut self, group: usize) {
        let waiting = self.group(group);
        waiting.due += 1;
        if waiting.due == 1 {
            self.due.push(group);
        }
        if !self.joined {
            self.tell();
        }
    }

    fn group(&mut self, group: usize) -> &mut Group {
        if self.groups.len() <= group {
            self.groups.resize_with(group + 1, Group::default);
        }
        &mut self.groups[group]
    }

    /// Sends what is due: one send a member.
    fn tell(&mut self) {
        for group in std::mem::take(&mut self.due) {
            let frames = self.frame.repeat(std::mem::take(&mut self.groups[group].due));
            for place in 0..self.groups[group].members.len() {
                self.send(self.groups[group].members[place], &frames);
            }
        }
    }

    fn send(&mut self, at: usize, bytes: &[u8]) {
        if let Some(Some(connection)) = self.connections.get_mut(at)
            && connection.send(bytes).is_err()
        {
            self.connections[at] = None;
        }
    }
}

impl Connection {
    /// Sends after what waits already; what the socket does not take waits until it is writable.
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if !self.waiting.is_empty() {
            self.waiting.extend_from_slice(bytes);
            let taken = write(&mut self.stream, &self.waiting)?;
            self.waiting.drain(..taken);
        } else if !bytes.is_empty() {
            let taken = write(&mut self.stream, bytes)?;
            self.waiting.extend_from_slice(&bytes[taken..]);
        }
        Ok(())
    }

    fn read(&mut self, words: &mut Vec<Word>) -> io::Result<()> {
        let mut space = [0; READ_BYTES];
        loop {
            match self.stream.read(&mut space) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    self.input.extend_from_slice(&space[..count]);
                    if count < space.len() {
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        if !self.upgraded {
            self.upgrade()?;
        }
        while self.upgraded
            && let Some((word, length)) = next_word(&self.input)
        {
            self.input.drain(..length);
            words.extend(word);
        }
        Ok(())
    }

    fn upgrade(&mut self) -> io::Result<()> {
        let Some(end) = self.input.windows(4).position(|it| it == b"\r\n\r\n") else {
            return Ok(());
        };
        let head = String::from_utf8_lossy(&self.input[..end]).into_owned();
        self.input.drain(..end + 4);
        let value = |name: &str| {
            head.lines().find_map(|line| {
                let (found, value) = line.split_once(':')?;
                found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
            })
        };
        let key = value("sec-websocket-key").ok_or(io::ErrorKind::InvalidData)?;
        let accept = derive_accept_key(key.as_bytes());
        let protocol = value("sec-websocket-protocol")
            .map(|it| format!("Sec-WebSocket-Protocol: {it}\r\n"))
            .unwrap_or_default();
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Accept: {accept}\r\n{protocol}\r\n"
        );
        self.upgraded = true;
        self.send(answer.as_bytes())
    }
}

/// Writes once, or until the socket takes no more.
fn write(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    let mut taken = 0;
    while taken < bytes.len() {
        match stream.write(&bytes[taken..]) {
            Ok(count) => taken += count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok(taken)
}

/// The first whole frame of `input`: its word, if it is one, and its length. Frames of clients are short and masked.
fn next_word(input: &[u8]) -> Option<(Option<Word>, usize)> {
    let length = usize::from(input.get(1)? & LENGTH_BITS);
    let mask: [u8; 4] = input.get(2..6)?.try_into().ok()?;
    let masked = input.get(6..6 + length)?;
    let text: String = masked
        .iter()
        .zip(mask.iter().cycle())
        .map(|(byte, mask)| char::from(byte ^ mask))
        .collect();
    let group = text
        .split_once("\"group\":")
        .and_then(|(_, rest)| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok());
    let word = group.map(|group| match text.contains("\"publish\"") {
        true => Word::Publish(group),
        false => Word::Watch(group),
    });
    Some((word, 6 + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ready_made_frame_has_the_length_that_was_asked_for() {
        for bytes in [100, 126, 500, 65_535, 70_000] {
            let frame = frame(bytes);
            let header = frame.len() - bytes;
            assert!([2, 4, 10].contains(&header), "{bytes}: {header}");
            assert!(frame.ends_with(br#""}}"#));
        }
    }

    #[test]
    fn a_word_is_read_once_all_of_it_is_there() {
        let mask = [1, 2, 3, 4];
        let text = br#"{"type":"publish","group":12,"id":3}"#;
        let mut frame = vec![0x81, 0x80 | u8::try_from(text.len()).unwrap()];
        frame.extend_from_slice(&mask);
        frame.extend(
            text.iter()
                .zip(mask.iter().cycle())
                .map(|(byte, mask)| byte ^ mask),
        );
        assert!(next_word(&frame[..frame.len() - 1]).is_none());
        let (word, length) = next_word(&frame).unwrap();
        assert!(matches!(word, Some(Word::Publish(12))));
        assert_eq!(length, frame.len());
    }
}
