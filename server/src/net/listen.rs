//! The listening socket.

use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::SocketAddr;
use tokio::net::TcpListener;

/// How many finished handshakes may wait to be accepted; with the usual 128 a herd that comes back stalls.
pub const BACKLOG: i32 = 4096;

/// Listens on `address`. Port 0 takes a free one: ask the listener for its address.
///
/// # Errors
/// What the system says, for example that the address is in use.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // On Windows the option would let two servers share the port.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}
