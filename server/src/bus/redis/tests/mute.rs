//! The silent death of a subscription: publishing succeeds, nothing looks wrong, and nothing arrives. No real server
//! does this on demand, so a small one of our own speaks just enough of the protocol.

use super::*;
use std::sync::atomic::AtomicBool;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Serves one client: it hears what it publishes itself, unless the server is mute.
async fn serve(socket: TcpStream, mute: Arc<AtomicBool>) -> std::io::Result<()> {
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
                if !mute.load(Ordering::Relaxed) {
                    answer.extend_from_slice(b">3\r\n$7\r\nmessage\r\n");
                    bulk(&mut answer, word(1));
                    bulk(&mut answer, word(2));
                }
                answer.extend_from_slice(b":1\r\n");
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
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let mute = Arc::new(AtomicBool::new(false));
    let muted = mute.clone();
    let serving = tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(socket, muted.clone()));
        }
    });
    let bus = open(&url);
    let mut heard = bus.subscribe(&crate::bus::conformance::workspace("a"));
    doubts(&mut heard).await;
    connected(&bus).await;
    mute.store(true, Ordering::Relaxed);
    let trouble = in_trouble(&bus).await;
    assert!(trouble.contains("does not come back"), "{trouble}");
    doubts(&mut heard).await;
    mute.store(false, Ordering::Relaxed);
    doubts(&mut heard).await;
    connected(&bus).await;
    serving.abort();
}
