//! Connections: from a listening socket to HTTP requests that know where they come from.
//!
//! An accept loop of our own, because a ready-made one has no limit on how long a request's head may take, none on connections from one
//! address, and stops for ever on some errors. Deliberately absent: routes, WebSocket frames, tokens.

mod accept;
mod connection;
mod cors;
mod listen;
mod origin;
mod peer;
mod permits;
mod proxy;
mod stream;
mod tls;

pub use accept::{Server, ServerOptions};
pub use cors::with_cors;
pub use listen::{BACKLOG, listen};
pub use origin::origin_allowed;
pub use peer::Peer;
pub use permits::{ConnectionPermit, Permits};
pub use stream::Stream;
pub use tls::{Tls, TlsError};

/// The I/O that hyper serves, and thus what `Upgraded::downcast` gives back as its `io` after an upgrade: the plain
/// socket, or TLS over it, without a buffer around it.
pub type Io = hyper_util::rt::TokioIo<Stream>;

#[cfg(test)]
mod tests;
