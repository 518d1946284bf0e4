//! What no real server does on demand: a subscription that dies silently (publishing succeeds, nothing looks wrong, and
//! nothing arrives), a sentinel that is behind. A small server of our own speaks just enough of the protocol.

use super::servers::Server;
use super::*;
use crate::bus::conformance::{text, workspace};
use std::sync::atomic::{AtomicBool, AtomicU16};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What the server does at present.
#[derive(Default)]
struct Behaviour {
    /// It brings nobody what was published.
    mute: AtomicBool,
    /// The port at which it says the primary is, being a sentinel.
    primary: AtomicU16,
}

/// A server; returns its address and what can be changed about it. It ends with the runtime of its test.
async fn start() -> (String, Arc<Behaviour>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let behaviour = Arc::new(Behaviour::default());
    let shared = behaviour.clone();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(serve(socket, shared.clone()));
        }
    });
    (address, behaviour)
}

/// Serves one client: it hears what it publishes itself, unless the server is mute.
async fn serve(socket: TcpStream, behaviour: Arc<Behaviour>) -> std::io::Result<()> {
    let mut socket = BufReader::new(socket);
    loop {
        let words = command(&mut socket).await?;
        let word = |at: usize| words.get(at).map_or(&b""[..], Vec::as_slice);
        let mut answer = Vec::new();
        match word(0) {
            b"HELLO" => answer.extend_from_slice(b"%1\r\n$5\r\nproto\r\n:3\r\n"),
            b"SUBSCRIBE" => {
                answer.extend_from_slice(b">3\r\n$9\r\nsubscribe\r\n");
                bulk(&mut answer, word(1));
                answer.extend_from_slice(b":1\r\n");
            }
            b"PUBLISH" => {
                if !behaviour.mute.load(Ordering::Relaxed) {
                    answer.extend_from_slice(b">3\r\n$7\r\nmessage\r\n");
                    bulk(&mut answer, word(1));
                    bulk(&mut answer, word(2));
                }
                answer.extend_from_slice(b":1\r\n");
            }
            b"SENTINEL" => {
                answer.extend_from_slice(b"*2\r\n");
                bulk(&mut answer, b"127.0.0.1");
                let port = behaviour.primary.load(Ordering::Relaxed).to_string();
                bulk(&mut answer, port.as_bytes());
            }
            _ => answer.extend_from_slice(b"+OK\r\n"),
        }
        socket.get_mut().write_all(&answer).await?;
    }
}

fn bulk(answer: &mut Vec<u8>, bytes: &[u8]) {
    answer.extend_from_slice(format!("${}\r\n", bytes.len()).as_bytes());
    answer.extend_from_slice(bytes);
    answer.extend_from_slice(b"\r\n");
}

async fn number(socket: &mut BufReader<TcpStream>) -> std::io::Result<usize> {
    let mut line = String::new();
    if socket.read_line(&mut line).await? == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end()[1..].parse().unwrap())
}

async fn command(socket: &mut BufReader<TcpStream>) -> std::io::Result<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    for _ in 0..number(socket).await? {
        let mut word = vec![0; number(socket).await? + 2];
        socket.read_exact(&mut word).await?;
        word.truncate(word.len() - 2);
        words.push(word);
    }
    Ok(words)
}

#[tokio::test]
async fn a_subscription_that_died_silently_is_found_by_its_probe() {
    let (address, behaviour) = start().await;
    let bus = open(&format!("redis://{address}"));
    let mut heard = bus.subscribe(&workspace("a"));
    doubts(&mut heard).await;
    connected(&bus).await;
    behaviour.mute.store(true, Ordering::Relaxed);
    let trouble = in_trouble(&bus).await;
    assert!(trouble.contains("does not come back"), "{trouble}");
    doubts(&mut heard).await;
    behaviour.mute.store(false, Ordering::Relaxed);
    doubts(&mut heard).await;
    connected(&bus).await;
}

#[tokio::test]
async fn a_sentinel_that_is_behind_is_not_believed() {
    let primary = Server::start(&[]).await;
    let replica = Server::start(&["--replicaof", "127.0.0.1", &primary.port.to_string()]).await;
    let (address, behaviour) = start().await;
    behaviour.primary.store(replica.port, Ordering::Relaxed);
    let bus = open(&format!("redis+sentinel://{address}/main"));
    until("a replica is taken for the primary", || async {
        bus.trouble().is_some_and(|it| it.contains("no primary but a"))
    })
    .await;
    // It learns, and is asked again.
    behaviour.primary.store(primary.port, Ordering::Relaxed);
    connected(&bus).await;
    // A partition: those who are cut off with the old primary still reach it, and only sentinels know better.
    let next = Server::start(&[]).await;
    behaviour.primary.store(next.port, Ordering::Relaxed);
    let friend = open(&next.url());
    let mut heard = friend.subscribe(&workspace("a"));
    doubts(&mut heard).await;
    let moved = async {
        loop {
            bus.publish(&workspace("a"), text("over there"));
            if let Ok(Some(Heard::Message(_))) = timeout(Duration::from_millis(50), heard.recv()).await {
                return;
            }
        }
    };
    timeout(DEADLINE, moved).await.expect("it stays with the old one");
}
