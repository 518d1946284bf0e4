//! The program under load: started on a free port with a data folder of its own, pinned to its cores, stopped by its pid.

use crate::failure::Failure;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::Notify;
use tokio::time::Instant;

/// How long starting and stopping may each take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many lines of the log are kept; at the bound the oldest go.
const LINES: usize = 2_000;

/// What to start.
#[derive(Debug, Clone)]
pub struct Program {
    /// The program.
    pub path: PathBuf,
    /// Its arguments after those that are always given.
    pub args: Vec<String>,
    /// The cores to pin it to, as taskset writes them.
    pub cores: Option<String>,
    /// The secret of its tokens.
    pub secret: String,
    /// Where its data folder is made.
    pub data_root: PathBuf,
}

/// A running program. Dropping it kills it and removes its data.
#[derive(Debug)]
pub struct Server {
    program: Program,
    data: TempDir,
    child: Child,
    pid: u32,
    address: SocketAddr,
    log: Arc<Log>,
}

#[derive(Debug, Default)]
struct Log {
    lines: Mutex<VecDeque<String>>,
    grown: Notify,
}

impl Log {
    fn follow(self: &Arc<Self>, output: impl AsyncRead + Unpin + Send + 'static) {
        let log = Arc::clone(self);
        tokio::spawn(async move {
            let mut lines = BufReader::new(output).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let mut kept = log.lines.lock().unwrap_or_else(PoisonError::into_inner);
                if kept.len() == LINES {
                    kept.pop_front();
                }
                kept.push_back(line);
                drop(kept);
                log.grown.notify_waiters();
            }
        });
    }

    fn find<T>(&self, wanted: impl Fn(&str) -> Option<T>) -> Option<T> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().rev().find_map(|line| wanted(line))
    }

    async fn wait<T>(&self, wanted: impl Fn(&str) -> Option<T>) -> Option<T> {
        let end = Instant::now() + PATIENCE;
        loop {
            let grown = self.grown.notified();
            if let Some(found) = self.find(&wanted) {
                return Some(found);
            }
            tokio::time::timeout_at(end, grown).await.ok()?;
        }
    }

    fn tail(&self) -> String {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let skip = lines.len().saturating_sub(20);
        lines.iter().skip(skip).cloned().collect::<Vec<_>>().join("\n")
    }
}

impl Server {
    /// Starts it with an empty data folder and waits until it listens.
    ///
    /// # Errors
    /// [`Failure`] when it cannot be started or does not listen in time.
    pub async fn start(program: Program) -> Result<Self, Failure> {
        let data = tempfile::Builder::new()
            .prefix("dibs-load")
            .tempdir_in(&program.data_root)
            .map_err(Failure::io("cannot make a data folder"))?;
        let (child, pid, address, log) = spawn(&program, data.path()).await?;
        Ok(Self {
            program,
            data,
            child,
            pid,
            address,
            log,
        })
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The folder that it stores into.
    #[must_use]
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// The latest line of the log that `wanted` makes something of.
    pub fn logged<T>(&self, wanted: impl Fn(&str) -> Option<T>) -> Option<T> {
        self.log.find(wanted)
    }

    /// Asks it to end with SIGTERM and waits until it has.
    ///
    /// # Errors
    /// [`Failure`] when it does not end in time.
    pub async fn stop(&mut self) -> Result<(), Failure> {
        let pid = self.pid.to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status().await;
        asked.map_err(Failure::io("cannot signal the server"))?;
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        let ended = ended.map_err(|_| Failure::wrong("the server does not end"))?;
        let status = ended.map_err(Failure::io("cannot wait for the server"))?;
        if status.success() {
            return Ok(());
        }
        Err(Failure::wrong(format!(
            "the server ended with {status}:\n{}",
            self.log.tail()
        )))
    }

    /// Starts it again over the same data after [`Server::stop`]; the port is a new one.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn restart(&mut self) -> Result<(), Failure> {
        (self.child, self.pid, self.address, self.log) = spawn(&self.program, self.data.path()).await?;
        Ok(())
    }
}

async fn spawn(program: &Program, data: &Path) -> Result<(Child, u32, SocketAddr, Arc<Log>), Failure> {
    let mut command = match &program.cores {
        Some(cores) => {
            let mut command = Command::new("taskset");
            command.args(["-c", cores]).arg(&program.path);
            command
        }
        None => Command::new(&program.path),
    };
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--commands-per-second", "0"])
        .args([
            "--ingest-per-second",
            "0",
            "--connections-per-address",
            "0",
            "--data",
        ])
        .arg(data)
        .args(&program.args)
        .env("DIBS_AUTH_SECRET", &program.secret)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command
        .spawn()
        .map_err(Failure::io(format!("cannot run {}", program.path.display())))?;
    let log = Arc::new(Log::default());
    if let Some(output) = child.stdout.take() {
        log.follow(output);
    }
    if let Some(output) = child.stderr.take() {
        log.follow(output);
    }
    let ready = tokio::select! {
        address = log.wait(listening) => address,
        _ = child.wait() => None,
    };
    match (ready, child.id()) {
        (Some(address), Some(pid)) => Ok((child, pid, address, log)),
        _ => Err(Failure::wrong(format!(
            "the server does not listen:\n{}",
            log.tail()
        ))),
    }
}

/// The address in a line that says `listening`.
fn listening(line: &str) -> Option<SocketAddr> {
    let begin = line.find("listening").and_then(|_| line.find("127.0.0.1:"))?;
    let text = &line[begin..];
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.' && c != ':')
        .unwrap_or(text.len());
    text[..end].parse().ok()
}

/// Whether processes can be pinned here.
#[must_use]
pub fn can_pin() -> bool {
    std::process::Command::new("taskset")
        .arg("-V")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|it| it.success())
}

/// Pins this program to `cores`; false where that cannot be done.
#[must_use]
pub fn pin_myself(cores: &str) -> bool {
    std::process::Command::new("taskset")
        .args(["-a", "-c", "-p", cores, &std::process::id().to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|it| it.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_read_from_the_line_that_says_listening() {
        let line = "2026-11-21T10:00:00Z  INFO dibs_server::serve: listening address=127.0.0.1:40123";
        assert_eq!(listening(line), "127.0.0.1:40123".parse().ok());
        assert_eq!(listening("INFO stopped address=127.0.0.1:40123"), None);
    }
}
