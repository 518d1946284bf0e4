//! A Redis server on a free port, in a folder of its own, that stores nothing on disk. What goes through it is not known
//! here. A machine without Redis fails what needs it.

use crate::process::{Process, free_port, until};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A server. Dropping it ends it.
#[derive(Debug)]
pub struct Redis {
    process: Process,
    folder: TempDir,
    port: u16,
    args: Vec<String>,
}

impl Redis {
    /// Starts one with these arguments besides the usual ones, and waits until it answers.
    #[must_use]
    pub fn start(args: &[&str]) -> Self {
        Self::start_with("", args)
    }

    /// Starts one with a configuration, which it may change.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start_with(configuration: &str, args: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("dibs-redis-").tempdir().unwrap();
        std::fs::write(folder.path().join("redis.conf"), configuration).unwrap();
        let usual = ["--bind", "127.0.0.1"];
        let args: Vec<String> = usual.iter().chain(args).map(|it| (*it).to_owned()).collect();
        let port = free_port();
        let it = Self {
            process: spawn(&folder, port, &args),
            folder,
            port,
            args,
        };
        it.comes_up();
        it
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Kills it, as `kill -9` does.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again at the same port, with nothing of what it knew.
    pub fn start_again(&mut self) {
        self.process = spawn(&self.folder, self.port, &self.args);
        self.comes_up();
    }

    /// Sends it a signal such as `STOP`.
    pub fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// What it answers to these words.
    #[must_use]
    pub fn ask(&self, words: &[&str]) -> String {
        cli(self.port, words, None).unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    /// What it answers to these words and some bytes after them.
    #[must_use]
    pub fn ask_with(&self, words: &[&str], bytes: &[u8]) -> String {
        cli(self.port, words, Some(bytes)).unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    fn comes_up(&self) {
        until("redis-server does not answer", || {
            assert!(
                self.process.is_running(),
                "redis-server ended: {}",
                self.process.log()
            );
            cli(self.port, &["PING"], None).is_ok()
        });
    }
}

fn spawn(folder: &TempDir, port: u16, args: &[String]) -> Process {
    let first = [
        "redis.conf",
        "--port",
        &port.to_string(),
        "--save",
        "",
        "--appendonly",
        "no",
    ]
    .map(str::to_owned);
    let sentinel = args.iter().any(|it| it == "--sentinel");
    let first = if sentinel { &first[..3] } else { &first[..] };
    Process::start(
        folder.path(),
        Path::new("redis-server"),
        &[first, args].concat(),
        &[],
    )
}

/// Asks the server at a port; an error that it answers is one here.
pub(crate) fn cli(port: u16, words: &[&str], bytes: Option<&[u8]>) -> Result<String, String> {
    let mut command = Command::new("redis-cli");
    command.args(["-e", "-p", &port.to_string()]);
    if bytes.is_some() {
        command.arg("-x");
    }
    let piped = command
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = piped
        .spawn()
        .expect("redis-cli is missing: install Debian's package redis-tools");
    if let Some(mut pipe) = child.stdin.take() {
        pipe.write_all(bytes.unwrap_or_default()).ok();
    }
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
    if output.status.success() {
        return Ok(said);
    }
    Err(format!("{said}{}", String::from_utf8_lossy(&output.stderr)))
}
