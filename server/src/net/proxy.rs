//! The PROXY protocol, versions 1 and 2, read from the plain socket and leaving it plain.
//!
//! What follows the header is never read ahead: whether there is a header is found out by peeking, and then exactly
//! the header is read. So hyper, and the WebSocket after it, work on the bare `TcpStream`.

use ppp::{v1, v2};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// The first bytes of version 2.
const V2_PREFIX: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// The first bytes of version 1.
const V1_PREFIX: &[u8; 6] = b"PROXY ";
/// The longest header of version 1, line end included.
const V1_MAX: usize = 107;
/// Version 2 up to and including its length.
const V2_HEAD: usize = 16;
/// The most that may follow; the standard asks for 216 bytes, TLVs of cloud balancers have some hundreds.
const V2_REST_MAX: usize = 4096;
/// How long to wait before peeking again when so far the bytes could be either. The socket is readable all the time
/// then, so that there is no event to wait for; a header in several segments is as rare as that.
const PEEK_AGAIN: Duration = Duration::from_millis(5);

/// What the first bytes are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Start {
    V1,
    V2,
    Other,
    Unclear,
}

/// Reads the header if there is one, and returns the client's address if it has one (a proxy's own health checks have
/// none). The caller bounds the time, and asks only connections from proxies that are believed.
///
/// # Errors
/// What the system says; `InvalidData` for a malformed header.
pub(super) async fn read_header(stream: &mut TcpStream) -> io::Result<Option<IpAddr>> {
    loop {
        let mut first = [0; V2_PREFIX.len()];
        let count = stream.peek(&mut first).await?;
        match start(first.get(..count).unwrap_or_default()) {
            Start::V1 => return read_v1(stream).await,
            Start::V2 => return read_v2(stream).await,
            Start::Other => return Ok(None),
            // The other end has closed; hyper will see it as well.
            Start::Unclear if count == 0 => return Ok(None),
            Start::Unclear => tokio::time::sleep(PEEK_AGAIN).await,
        }
    }
}

fn start(bytes: &[u8]) -> Start {
    if bytes.starts_with(V1_PREFIX) {
        Start::V1
    } else if bytes.starts_with(V2_PREFIX) {
        Start::V2
    } else if V1_PREFIX.starts_with(bytes) || V2_PREFIX.starts_with(bytes) {
        Start::Unclear
    } else {
        Start::Other
    }
}

fn malformed(error: impl std::fmt::Display) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("malformed PROXY header: {error}"),
    )
}

async fn read_v1(stream: &mut TcpStream) -> io::Result<Option<IpAddr>> {
    let mut line = Vec::with_capacity(V1_MAX);
    while !line.ends_with(b"\r\n") {
        if line.len() == V1_MAX {
            return Err(malformed("it is too long"));
        }
        line.push(stream.read_u8().await?);
    }
    let header = v1::Header::try_from(line.as_slice()).map_err(malformed)?;
    Ok(match header.addresses {
        v1::Addresses::Tcp4(pair) => Some(IpAddr::V4(pair.source_address)),
        v1::Addresses::Tcp6(pair) => Some(IpAddr::V6(pair.source_address)),
        v1::Addresses::Unknown => None,
    })
}

async fn read_v2(stream: &mut TcpStream) -> io::Result<Option<IpAddr>> {
    let mut bytes = vec![0; V2_HEAD];
    stream.read_exact(&mut bytes).await?;
    let rest = usize::from(u16::from_be_bytes([bytes[14], bytes[15]]));
    if rest > V2_REST_MAX {
        return Err(malformed("it is too long"));
    }
    bytes.resize(V2_HEAD + rest, 0);
    stream
        .read_exact(bytes.get_mut(V2_HEAD..).unwrap_or_default())
        .await?;
    let header = v2::Header::try_from(bytes.as_slice()).map_err(malformed)?;
    if header.command == v2::Command::Local {
        return Ok(None);
    }
    Ok(match header.addresses {
        v2::Addresses::IPv4(pair) => Some(IpAddr::V4(pair.source_address)),
        v2::Addresses::IPv6(pair) => Some(IpAddr::V6(pair.source_address)),
        v2::Addresses::Unix(_) | v2::Addresses::Unspecified => None,
    })
}

/// What a connection's first bytes say about its client.
pub(super) fn client(header: Option<IpAddr>, direct: SocketAddr) -> IpAddr {
    header.unwrap_or(direct.ip()).to_canonical()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(b"PROXY ", Start::V1)]
    #[case(b"PROX", Start::Unclear)]
    #[case(b"P", Start::Unclear)]
    #[case(b"POST / HTTP/", Start::Other)]
    #[case(b"PROPFIND / H", Start::Other)]
    #[case(b"GET / HTTP/1", Start::Other)]
    #[case(b"\r\n", Start::Unclear)]
    #[case(b"\r\nGET / HTTP", Start::Other)]
    #[case(b"\r\n\r\n\0\r\nQUIT\n", Start::V2)]
    #[case(b"", Start::Unclear)]
    fn the_first_bytes_tell(#[case] bytes: &[u8], #[case] expected: Start) {
        assert_eq!(start(bytes), expected);
    }
}
