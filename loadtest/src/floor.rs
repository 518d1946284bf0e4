//! The floor: what the kernel alone asks for a delivery. A bare epoll loop that does the real WebSocket handshake and
//! then sends ready-made frames, in a process of its own, so that a hub can be held against it on the same machine.
//!
//! | file | job |
//! |---|---|
//! | `serve` | the loop |
//! | `relay` | the same through Redis, for several loops |
//! | `process` | starting it, pinned like the hub, and ending it |
//!
//! Its clients speak two words: `{"type":"watch","group":7}` joins a group, `{"type":"publish","group":7}` sends the
//! ready-made frame to all of it; both are answered `{"type":"ok"}`. Deliberately absent: everything that makes a hub.

mod process;
mod relay;
mod serve;

pub use process::Floor;

use clap::Args;

/// The flags of the floor's own process.
#[derive(Debug, Clone, Copy, Args)]
pub struct Serve {
    /// Bytes of a frame's text.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(64..=1_000_000))]
    pub bytes: u32,
    /// Join what waits for a socket into one send; otherwise each delivery is a send of its own.
    #[arg(long)]
    pub joined: bool,
    /// Publish through this Redis (address and port), and send on what comes from there: several loops are then one hub.
    #[arg(long, value_name = "ADDRESS")]
    pub redis: Option<std::net::SocketAddr>,
}

impl Serve {
    /// Serves on a free port, which it prints, until its standard input ends.
    ///
    /// # Errors
    /// [`crate::Failure`] when it cannot listen or poll.
    pub fn run(&self) -> Result<(), crate::Failure> {
        serve::run(self)
    }
}
