//! Opening a socket: TCP from a chosen address, TLS where the URL asks for it, the upgrade, and buffers small enough for tens of thousands.

use crate::error::ConnectError;
use crate::line::{Line, Tls};
use crate::options::Options;
use dibs_protocol::frame::SUBPROTOCOL;
use dibs_protocol::limits::SERVER_FRAME_BYTES;
use std::net::SocketAddr;
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// A socket after its upgrade, before any hello.
pub type Socket = WebSocketStream<Line>;

/// The largest write that may wait, in bytes: a client's frame has at most 64 KiB.
const WRITE_BUFFER: usize = 1024 * 1024;

/// Opens a TCP connection to the host and port of `url`.
///
/// # Errors
/// [`ConnectError`] without `Closed`.
pub async fn tcp(url: &str, options: &Options) -> Result<TcpStream, ConnectError> {
    let bad = || ConnectError::Url(url.to_owned());
    let Target { secure, host, port } = target(url).ok_or_else(bad)?;
    let port = port.unwrap_or(if secure { "443" } else { "80" });
    let address = format!("{host}:{port}");
    let mut last = None;
    for target in tokio::net::lookup_host(&address).await? {
        match connect(target, options).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = Some(error),
        }
    }
    Err(last.map_or_else(bad, ConnectError::Io))
}

/// What a URL says about whom to dial.
struct Target<'a> {
    secure: bool,
    /// With brackets, where it is an IPv6 address.
    host: &'a str,
    port: Option<&'a str>,
}

fn target(url: &str) -> Option<Target<'_>> {
    let (scheme, rest) = url.split_once("://")?;
    let secure = match scheme {
        "ws" | "http" => false,
        "wss" | "https" => true,
        _ => return None,
    };
    let authority = rest.split('/').next().filter(|it| !it.is_empty())?;
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    Some(Target { secure, host, port })
}

/// Opens a connection to the host and port of `url`, through TLS where its scheme is `wss` or `https`.
///
/// # Errors
/// [`ConnectError`] without `Closed`.
pub async fn line(url: &str, options: &Options) -> Result<Line, ConnectError> {
    let stream = tcp(url, options).await?;
    let bad = || ConnectError::Url(url.to_owned());
    let Target { secure, host, .. } = target(url).ok_or_else(bad)?;
    if !secure {
        return Ok(Line::Plain(stream));
    }
    let name = host.trim_matches(['[', ']']).to_owned();
    let name = ServerName::try_from(name).map_err(|_| bad())?;
    let Tls(connector) = match &options.tls {
        Some(tls) => tls.clone(),
        None => Tls::of_system()?,
    };
    Ok(Line::Tls(Box::new(connector.connect(name, stream).await?)))
}

async fn connect(target: SocketAddr, options: &Options) -> std::io::Result<TcpStream> {
    let socket = if target.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    if let Some(source) = options.source {
        socket.bind(SocketAddr::new(source, 0))?;
    }
    let stream = socket.connect(target).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Opens a WebSocket: TCP, TLS where the URL asks for it, and upgrade, without a hello.
///
/// # Errors
/// [`ConnectError`] without `Closed`.
pub async fn websocket(url: &str, options: &Options) -> Result<Socket, ConnectError> {
    let dial = async {
        let stream = line(url, options).await?;
        let request = request(url, options)?;
        let config = WebSocketConfig::default()
            .read_buffer_size(options.read_buffer)
            .write_buffer_size(options.read_buffer)
            .max_write_buffer_size(WRITE_BUFFER)
            .max_message_size(Some(SERVER_FRAME_BYTES))
            .max_frame_size(Some(SERVER_FRAME_BYTES));
        let upgraded = client_async_with_config(request, stream, Some(config)).await;
        let (socket, _) = upgraded.map_err(|error| ConnectError::Upgrade(Box::new(error)))?;
        Ok(socket)
    };
    tokio::time::timeout(options.connect_timeout, dial)
        .await
        .unwrap_or(Err(ConnectError::Timeout))
}

fn request(url: &str, options: &Options) -> Result<Request, ConnectError> {
    let mut request = url
        .into_client_request()
        .map_err(|error| ConnectError::Upgrade(Box::new(error)))?;
    let headers = request.headers_mut();
    headers.insert("sec-websocket-protocol", HeaderValue::from_static(SUBPROTOCOL));
    for (name, value) in &options.headers {
        let bad = || ConnectError::Url(format!("{name}: {value}"));
        let name = HeaderName::try_from(name).map_err(|_| bad())?;
        headers.insert(name, HeaderValue::try_from(value).map_err(|_| bad())?);
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

    use super::*;

    #[test]
    fn a_url_says_whom_to_dial_and_how() {
        for (url, expected) in [
            ("ws://127.0.0.1:7070/v1/ws", (false, "127.0.0.1", Some("7070"))),
            ("http://dibs", (false, "dibs", None)),
            ("wss://dibs.example/v1/ws", (true, "dibs.example", None)),
            ("https://[::1]:7443/", (true, "[::1]", Some("7443"))),
            ("wss://[::1]/", (true, "[::1]", None)),
        ] {
            let Target { secure, host, port } = target(url).unwrap();
            assert_eq!((secure, host, port), expected, "{url}");
        }
        for url in ["dibs", "ftp://dibs", "ws://", "://a"] {
            assert!(target(url).is_none(), "{url}");
        }
    }
}
