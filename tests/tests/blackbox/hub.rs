//! A hub under test: the real program on a free port and in a folder of its own, killed by its pid in the end.

use crate::token::{self, SECRET};
use dibs_client::{Client, ConnectError, Cursor, Http, Options};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long anything may take.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// The workspace of all tests.
pub const WORKSPACE: &str = "acme";

/// A running hub.
pub struct Hub {
    child: Child,
    address: SocketAddr,
    data: Arc<TempDir>,
    flags: Vec<String>,
    variables: Vec<(String, String)>,
    logs: Arc<Logs>,
    largest_file: Option<u64>,
}

/// What the program wrote, of all its lives.
#[derive(Default)]
struct Logs {
    lines: Mutex<Vec<String>>,
    grown: Condvar,
}

impl Logs {
    fn follow(self: &Arc<Self>, output: impl Read + Send + 'static) {
        let logs = Arc::clone(self);
        std::thread::spawn(move || {
            let mut lines = BufReader::new(output);
            let mut line = Vec::new();
            while lines.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                logs.lines
                    .lock()
                    .unwrap()
                    .push(String::from_utf8_lossy(&line).trim_end().to_owned());
                logs.grown.notify_all();
                line.clear();
            }
        });
    }

    /// The first line from `since` on that `wanted` makes something of, if it comes so soon.
    fn wait<T>(&self, within: Duration, since: usize, wanted: impl Fn(&str) -> Option<T>) -> Option<T> {
        let end = Instant::now() + within;
        let mut lines = self.lines.lock().unwrap();
        loop {
            if let Some(found) = lines.iter().skip(since).find_map(|line| wanted(line)) {
                return Some(found);
            }
            let left = end.checked_duration_since(Instant::now())?;
            lines = self.grown.wait_timeout(lines, left).unwrap().0;
        }
    }
}

/// Where the program under test is.
pub fn program() -> PathBuf {
    if let Some(path) = std::env::var_os("DIBS_BIN") {
        return path.into();
    }
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    path.join("dibs")
}

/// The address in a line that says `listening`.
fn listening(line: &str) -> Option<SocketAddr> {
    let at = line
        .find("listening")
        .and_then(|_| line.find("127.0.0.1:").or_else(|| line.find("0.0.0.0:")))?;
    let text: String = line[at..]
        .chars()
        .take_while(|c| c.is_ascii_digit() || *c == '.' || *c == ':')
        .collect();
    text.trim_end_matches([':', '.']).parse().ok()
}

impl Hub {
    /// Starts a hub without limits of rate, with a grace of two seconds, and these flags, which win.
    pub fn start(flags: &[&str]) -> Self {
        Self::start_with(flags, &[], None)
    }

    /// [`Hub::start`] with these variables in its environment.
    pub fn start_in(flags: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::start_with(flags, variables, None)
    }

    /// [`Hub::start`] for a hub that listens on all of the machine's addresses; it is asked on loopback.
    pub fn start_anywhere(flags: &[&str]) -> Self {
        let mut hub = Self::start_with(flags, &[], None);
        hub.address.set_ip([127, 0, 0, 1].into());
        hub
    }

    /// Starts a hub whose files may have at most so many bytes, as on a disk that is full then.
    pub fn start_on_small_disk(largest_file: u64) -> Self {
        Self::start_with(&[], &[], Some(largest_file))
    }

    fn start_with(flags: &[&str], variables: &[(&str, &str)], largest_file: Option<u64>) -> Self {
        let mut all: Vec<String> = Vec::new();
        for (flag, value) in [
            ("--claim-grace", "2s"),
            ("--commands-per-second", "0"),
            ("--ingest-per-second", "0"),
            ("--connections-per-address", "0"),
        ] {
            if !flags.contains(&flag) {
                all.extend([flag.to_owned(), value.to_owned()]);
            }
        }
        all.extend(flags.iter().map(|it| (*it).to_owned()));
        let data = Arc::new(tempfile::Builder::new().prefix("dibs-test").tempdir().unwrap());
        let logs = Arc::new(Logs::default());
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let variables: Vec<_> = variables.collect();
        let (child, address) = spawn(&data, &all, &variables, &logs, largest_file);
        Self {
            child,
            address,
            data,
            flags: all,
            variables,
            logs,
            largest_file,
        }
    }

    /// There is room on the disk again.
    pub fn make_room(&self) {
        let pid = self.pid().to_string();
        let made = Command::new("prlimit")
            .args(["--pid", &pid, "--fsize=unlimited"])
            .status()
            .unwrap();
        assert!(made.success());
    }

    /// Its data folder.
    pub fn data(&self) -> &std::path::Path {
        self.data.path()
    }

    /// Runs the program once with these arguments over this hub's data folder.
    pub fn run(&self, args: &[&str]) -> std::process::Output {
        let command = Command::new(program())
            .args(args)
            .arg("--data")
            .arg(self.data.path())
            .env("DIBS_AUTH_SECRET", SECRET)
            .stdin(Stdio::null())
            .output();
        command.unwrap()
    }

    /// The program's pid.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where sockets go.
    pub fn url(&self) -> String {
        format!("ws://{}/v1/ws", self.address)
    }

    /// Where HTTP goes.
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything that it wrote to its log, of all its lives.
    pub fn logs(&self) -> Vec<String> {
        self.logs.lines.lock().unwrap().clone()
    }

    /// Waits until so many lines of its log contain this text, and gives the last of those.
    pub fn says(&self, text: &str, times: usize) -> String {
        let end = Instant::now() + PATIENCE;
        let mut lines = self.logs.lines.lock().unwrap();
        loop {
            if let Some(line) = lines.iter().filter(|line| line.contains(text)).nth(times - 1) {
                return line.clone();
            }
            let left = end.checked_duration_since(Instant::now());
            let left = left.unwrap_or_else(|| panic!("its log does not say {text:?} {times} times"));
            lines = self.logs.grown.wait_timeout(lines, left).unwrap().0;
        }
    }

    /// Ends it as a power cut would end the process.
    pub fn kill9(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end.
    pub fn term(&self) {
        self.signal("-TERM");
    }

    /// Sends a signal to this very process.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill")
            .args([signal, &self.pid().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Waits for its exit, so long at most.
    pub async fn exited(&mut self, within: Duration) -> Option<ExitStatus> {
        let end = Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status);
            }
            if Instant::now() > end {
                return None;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Starts it again over the same data, on a new port.
    pub fn restart(&mut self) {
        assert!(self.child.try_wait().unwrap().is_some(), "it still runs");
        (self.child, self.address) = spawn(
            &self.data,
            &self.flags,
            &self.variables,
            &self.logs,
            self.largest_file,
        );
    }

    /// Starts it again over the same data, with further flags instead of the same ones before.
    pub fn restart_with(&mut self, flags: &[&str]) {
        if let Some(at) = self.flags.iter().position(|it| it == flags[0]) {
            self.flags.drain(at..at + flags.len());
        }
        self.flags.extend(flags.iter().map(|it| (*it).to_owned()));
        self.restart();
    }

    /// Starts it again over the same data, on this port.
    pub fn restart_at(&mut self, port: &str) {
        let at = format!("127.0.0.1:{port}");
        self.flags.extend(["--listen".to_owned(), at]);
        self.restart();
    }

    /// An agent's connection.
    pub async fn agent(&self, id: &str) -> Client {
        self.connect(json!({ "sub": id })).await.unwrap()
    }

    /// A supervisor's connection.
    pub async fn supervisor(&self, id: &str) -> Client {
        self.connect(json!({ "sub": id, "role": "supervisor" }))
            .await
            .unwrap()
    }

    /// The connection of a member of these teams.
    pub async fn member(&self, id: &str, teams: &[&str]) -> Client {
        self.connect(json!({ "sub": id, "teams": teams })).await.unwrap()
    }

    /// A connection with these claims in its token.
    pub async fn connect(&self, claims: Value) -> Result<Client, ConnectError> {
        Client::connect(&self.url(), &token::mint(claims), &Options::default()).await
    }

    /// A connection that goes on from where another left off.
    pub async fn resume(&self, claims: Value, cursor: Cursor) -> Client {
        Client::resume(&self.url(), &token::mint(claims), &Options::default(), cursor)
            .await
            .unwrap()
    }

    /// HTTP as a channel's adapter.
    pub fn channel(&self) -> Http {
        self.http(json!({ "sub": "adapter", "role": "channel" }))
    }

    /// HTTP with these claims in its token.
    pub fn http(&self, claims: Value) -> Http {
        Http::new(&self.base(), WORKSPACE, &token::mint(claims))
    }

    /// The program's resident memory in KiB.
    pub fn rss_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        if std::thread::panicking() {
            let lines = self.logs.lines.lock().unwrap();
            let tail = lines.len().saturating_sub(30);
            eprintln!("--- the end of the hub's log\n{}", lines[tail..].join("\n"));
        }
    }
}

/// The program, or the program under a limit on its files' size, whose signal it ignores.
fn command(largest_file: Option<u64>) -> Command {
    let Some(bytes) = largest_file else {
        return Command::new(program());
    };
    let mut command = Command::new("prlimit");
    command.arg(format!("--fsize={bytes}:unlimited"));
    command
        .args(["sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(program());
    command
}

fn spawn(
    data: &TempDir,
    flags: &[String],
    variables: &[(String, String)],
    logs: &Arc<Logs>,
    largest_file: Option<u64>,
) -> (Child, SocketAddr) {
    let since = logs.lines.lock().unwrap().len();
    let program = program();
    let mut child = command(largest_file)
        .args(["serve", "--data"])
        .arg(data.path())
        .args(if flags.iter().any(|it| it == "--listen") {
            &[][..]
        } else {
            &["--listen", "127.0.0.1:0"]
        })
        .args(flags)
        .env("DIBS_AUTH_SECRET", SECRET)
        .env("NO_COLOR", "1")
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run {}: {error}; build it first", program.display()));
    logs.follow(child.stdout.take().unwrap());
    logs.follow(child.stderr.take().unwrap());
    let end = Instant::now() + PATIENCE;
    let address = loop {
        let address = logs.wait(Duration::from_millis(100), since, listening);
        if address.is_some() || Instant::now() > end || child.try_wait().unwrap().is_some() {
            break address;
        }
    };
    let Some(address) = address else {
        child.kill().ok();
        child.wait().ok();
        panic!(
            "it does not listen: {}",
            logs.lines.lock().unwrap()[since..].join("\n")
        );
    };
    (child, address)
}
