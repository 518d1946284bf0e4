//! A proxy in front of a hub that makes one mistake: it drops, doubles or swaps events on their way to a client.
//! It knows the framing of the server's side, and nothing else.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mistake {
    /// An event does not arrive.
    Drop,
    /// An event arrives twice.
    Double,
    /// Two events arrive in the wrong order.
    Swap,
}

/// A proxy; it ends when it is dropped.
pub struct Proxy {
    address: SocketAddr,
    made: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

/// Which event of a connection meets the mistake, from 0.
const WHICH: usize = 3;
/// How many connections meet it.
const HOW_MANY: usize = 1;

impl Proxy {
    /// A proxy before `hub`.
    pub async fn before(hub: SocketAddr, mistake: Mistake) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let made = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&made);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let made = Arc::clone(&counted);
                tokio::spawn(async move {
                    let Ok(server) = TcpStream::connect(hub).await else {
                        return;
                    };
                    let (mut from_client, to_client) = client.into_split();
                    let (from_server, mut to_server) = server.into_split();
                    let up = async move { tokio::io::copy(&mut from_client, &mut to_server).await.map(drop) };
                    let down = relay(from_server, to_client, mistake, made);
                    tokio::select! { _ = up => {}, _ = down => {} }
                });
            }
        });
        Self { address, made, task }
    }

    /// Where it listens.
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many mistakes it has made.
    pub fn made(&self) -> usize {
        self.made.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The server's side of a connection: its head as it is, then frame by frame when it is a WebSocket.
async fn relay(
    mut server: OwnedReadHalf,
    mut client: OwnedWriteHalf,
    mistake: Mistake,
    made: Arc<AtomicUsize>,
) -> std::io::Result<()> {
    let mut buffer = Vec::new();
    while !buffer.windows(4).any(|it| it == b"\r\n\r\n") {
        if server.read_buf(&mut buffer).await? == 0 {
            return client.write_all(&buffer).await;
        }
    }
    if !buffer.starts_with(b"HTTP/1.1 101") {
        client.write_all(&buffer).await?;
        return tokio::io::copy(&mut server, &mut client).await.map(drop);
    }
    let head = buffer.windows(4).position(|it| it == b"\r\n\r\n").unwrap() + 4;
    client.write_all(&buffer[..head]).await?;
    buffer.drain(..head);
    let (mut events, mut held) = (0, None::<Vec<u8>>);
    loop {
        while let Some(length) = frame(&buffer) {
            let bytes: Vec<u8> = buffer.drain(..length).collect();
            let is_event = bytes.windows(15).take(12).any(|it| it == br#"{"type":"event""#);
            if !is_event {
                client.write_all(&bytes).await?;
                continue;
            }
            events += 1;
            if let Some(earlier) = held.take() {
                client.write_all(&bytes).await?;
                client.write_all(&earlier).await?;
                continue;
            }
            if events != WHICH + 1 || made.fetch_add(1, Ordering::Relaxed) >= HOW_MANY {
                client.write_all(&bytes).await?;
                continue;
            }
            match mistake {
                Mistake::Drop => {}
                Mistake::Double => {
                    client.write_all(&bytes).await?;
                    client.write_all(&bytes).await?;
                }
                Mistake::Swap => held = Some(bytes),
            }
        }
        if server.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
    }
}

/// The length of the first frame, header included, when all of it is there. A server's frames have no mask.
fn frame(bytes: &[u8]) -> Option<usize> {
    let (header, payload) = match *bytes.get(1)? & 0x7f {
        126 => (
            4,
            usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?])),
        ),
        127 => {
            let length: [u8; 8] = bytes.get(2..10)?.try_into().ok()?;
            (10, usize::try_from(u64::from_be_bytes(length)).ok()?)
        }
        short => (2, usize::from(short)),
    };
    (bytes.len() >= header + payload).then_some(header + payload)
}
