//! The floor as a process of its own: this very program, pinned like the hub, ended with its handle.

use super::Serve;
use crate::failure::Failure;
use crate::options::Shared;
use crate::process::can_pin;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// How long it may take to listen.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running floor. Dropping it kills it.
#[derive(Debug)]
pub struct Floor {
    _child: Child,
    pid: u32,
    address: SocketAddr,
}

impl Floor {
    /// Starts it and waits until it listens.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn start(shared: &Shared, flags: Serve) -> Result<Self, Failure> {
        let program = std::env::current_exe().map_err(Failure::io("cannot find this program"))?;
        let mut command = if !shared.no_pin && can_pin() {
            let mut command = Command::new("taskset");
            command.args(["-c", &shared.server_cores]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.args(["floor", "--bytes", &flags.bytes.to_string()]);
        if flags.joined {
            command.arg("--joined");
        }
        if let Some(redis) = flags.redis {
            command.args(["--redis", &redis.to_string()]);
        }
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(Failure::io("cannot start the floor"))?;
        let silent = || Failure::wrong("the floor does not listen");
        let output = child.stdout.take().ok_or_else(silent)?;
        let mut lines = BufReader::new(output).lines();
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await;
        let line = line.ok().and_then(Result::ok).flatten().ok_or_else(silent)?;
        let address = line.split_once("address=").and_then(|(_, it)| it.parse().ok());
        Ok(Self {
            pid: child.id().ok_or_else(silent)?,
            address: address.ok_or_else(silent)?,
            _child: child,
        })
    }

    /// Where sockets go.
    #[must_use]
    pub fn url(&self) -> String {
        format!("ws://{}/v1/ws", self.address)
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }
}
