//! How to dial, and how much a connection may hold in memory.

use crate::line::Tls;
use std::net::IpAddr;
use std::time::Duration;

/// How to dial.
#[derive(Debug, Clone)]
pub struct Options {
    /// The local address to dial from; any by default. Load tests spread over 127.0.0.x to have ports enough.
    pub source: Option<IpAddr>,
    /// What to call oneself in `hello`.
    pub name: Option<String>,
    /// Whom to believe behind `wss` and `https`; those whom the system trusts, by default.
    pub tls: Option<Tls>,
    /// Further headers of the upgrade, such as `Origin`.
    pub headers: Vec<(String, String)>,
    /// How long dialling, and waiting for `welcome`, may each take.
    pub connect_timeout: Duration,
    /// How long [`crate::Client`] waits for an answer or an awaited push.
    pub patience: Duration,
    /// The socket's read buffer in bytes: what an idle connection costs most.
    pub read_buffer: usize,
    /// How many pushes a [`crate::Client`] keeps for its owner; at the bound it stops reading the socket.
    pub inbox: usize,
    /// How many heartbeats without a frame mean that the connection is dead; 0 means never.
    pub silent_heartbeats: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            source: None,
            name: None,
            tls: None,
            headers: Vec::new(),
            connect_timeout: Duration::from_secs(10),
            patience: Duration::from_secs(10),
            read_buffer: 4 * 1024,
            inbox: 65_536,
            silent_heartbeats: 2,
        }
    }
}
