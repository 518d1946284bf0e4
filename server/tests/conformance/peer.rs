//! The other side: frames written and read byte by byte, so that wrong ones can be sent and nothing is overlooked.

use std::net::SocketAddr;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// What a client's frames are masked with.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A frame on its way to the server: first byte as it is, payload masked.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(len), _) if len < 126 => out.push(0x80 | len),
        (_, Ok(len)) => {
            out.push(0x80 | 126);
            out.extend(len.to_be_bytes());
        }
        _ => {
            out.push(0x80 | 127);
            out.extend((payload.len() as u64).to_be_bytes());
        }
    }
    out.extend(MASK);
    out.extend(
        payload
            .iter()
            .zip(MASK.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    out
}

/// A frame of the server's: its first byte and its payload.
pub type Seen = (u8, Vec<u8>);

/// Upgrades a new connection.
pub async fn connect(address: SocketAddr) -> (BufReader<OwnedReadHalf>, OwnedWriteHalf) {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (read, mut write) = stream.into_split();
    let request = "GET /echo HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    write.write_all(request.as_bytes()).await.unwrap();
    let mut read = BufReader::new(read);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(
            read.read_line(&mut head).await.unwrap() > 0,
            "no answer to the upgrade"
        );
    }
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    // The example of RFC 6455, 1.3.
    assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
    (read, write)
}

/// The server's next frame, or nothing at the end of the connection.
pub async fn next(read: &mut BufReader<OwnedReadHalf>) -> Result<Option<Seen>, String> {
    let Ok(first) = read.read_u8().await else {
        return Ok(None);
    };
    let cut = |error: std::io::Error| format!("a frame is cut: {error}");
    let len = match read.read_u8().await.map_err(cut)? {
        masked @ 0x80.. => return Err(format!("a frame of the server is masked ({masked:#x})")),
        126 => u64::from(read.read_u16().await.map_err(cut)?),
        127 => read.read_u64().await.map_err(cut)?,
        len => u64::from(len),
    };
    let mut payload = vec![0; usize::try_from(len).unwrap()];
    read.read_exact(&mut payload).await.map_err(cut)?;
    Ok(Some((first, payload)))
}
