//! Opening a socket: TCP from a chosen address, the upgrade, and buffers small enough for tens of thousands.

use crate::error::ConnectError;
use crate::options::Options;
use dibs_protocol::frame::SUBPROTOCOL;
use dibs_protocol::limits::SERVER_FRAME_BYTES;
use std::net::SocketAddr;
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// A socket after its upgrade, before any hello.
pub type Socket = WebSocketStream<TcpStream>;

/// The largest write that may wait, in bytes: a client's frame has at most 64 KiB.
const WRITE_BUFFER: usize = 1024 * 1024;

/// Opens a TCP connection to the host and port of `url`.
///
/// # Errors
/// [`ConnectError`] without `Closed`.
pub async fn tcp(url: &str, options: &Options) -> Result<TcpStream, ConnectError> {
    let bad = || ConnectError::Url(url.to_owned());
    let rest = url
        .strip_prefix("ws://")
        .or_else(|| url.strip_prefix("http://"))
        .ok_or_else(bad)?;
    let authority = rest.split('/').next().unwrap_or(rest);
    let address = if authority.contains(':') {
        authority.to_owned()
    } else {
        format!("{authority}:80")
    };
    let mut last = None;
    for target in tokio::net::lookup_host(&address).await? {
        match connect(target, options).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = Some(error),
        }
    }
    Err(last.map_or_else(bad, ConnectError::Io))
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

/// Opens a WebSocket: TCP and upgrade, without a hello.
///
/// # Errors
/// [`ConnectError`] without `Closed`.
pub async fn websocket(url: &str, options: &Options) -> Result<Socket, ConnectError> {
    let dial = async {
        let stream = tcp(url, options).await?;
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
