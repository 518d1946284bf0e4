//! A process that ends with this one, however this one ends, and that is known by its pid.
//!
//! A shell holds it: the shell reads from this process, and when there is nobody left to read from, it kills what it
//! holds. So nothing stays behind when a test panics, is killed, or its thread goes. What the process is for is not
//! known here.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long anything may take that is waited for here, on a machine that is busy with other tests.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(10);

const HOLDER: &str = r#"log=$1; shift
"$@" </dev/null >>"$log" 2>&1 &
trap '' INT TERM
echo $!
exec >&-
read -r _
kill -9 $! 2>/dev/null
wait"#;

/// A process. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    holder: Child,
    pid: u32,
    log: PathBuf,
}

impl Process {
    /// Starts a program with these arguments and variables in `folder`; what it writes goes to the file `log` there.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(folder: &Path, program: &Path, args: &[String], variables: &[(&str, &str)]) -> Self {
        let log = folder.join("log");
        File::options().create(true).append(true).open(&log).unwrap();
        let mut holder = Command::new("sh")
            .args(["-c", HOLDER, "sh"])
            .arg(&log)
            .arg(program)
            .args(args)
            .envs(variables.iter().copied())
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh runs");
        let mut line = String::new();
        let mut said = BufReader::new(holder.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        let pid = line.trim().parse().unwrap();
        Self { holder, pid, log }
    }

    /// Its pid.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Sends it a signal such as `STOP`.
    ///
    /// # Panics
    /// When it is gone.
    pub fn signal(&self, name: &str) {
        assert!(signal(self.pid, name), "process {} is gone", self.pid);
    }

    /// Whether it still runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        let state = stat.rsplit(')').next().and_then(|it| it.trim().chars().next());
        state.is_some_and(|it| it != 'Z' && it != 'X')
    }

    /// Kills it, as `kill -9` does, and waits until it is gone.
    pub fn kill(&mut self) {
        signal(self.pid, "KILL");
        drop(self.holder.stdin.take());
        self.holder.wait().ok();
    }

    /// Everything that it has written.
    #[must_use]
    pub fn log(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        self.holder.wait().ok();
    }
}

/// Sends a signal to a process; false when there is none.
pub fn signal(pid: u32, name: &str) -> bool {
    let sent = Command::new("kill")
        .args([format!("-{name}"), pid.to_string()])
        .stderr(Stdio::null())
        .status();
    sent.is_ok_and(|it| it.success())
}

/// A port of 127.0.0.1 that was free a moment ago. Below the ports that the system gives to those who dial, of which one
/// may be taken between a server's end and its next start.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn free_port() -> u16 {
    let first = 10_000 + u16::try_from(std::process::id() % 10_000).unwrap_or(0);
    let clock = Instant::now();
    // Where to begin differs between processes and between calls.
    let step = u16::try_from(
        std::time::SystemTime::UNIX_EPOCH
            .elapsed()
            .unwrap()
            .subsec_micros()
            % 9_973,
    )
    .unwrap_or(0);
    for more in 0..10_000 {
        let port = 10_000 + (first + step + more) % 20_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
        assert!(clock.elapsed() < PATIENCE, "looking for a port takes too long");
    }
    panic!("there is no free port");
}

/// Waits until something is so.
///
/// # Panics
/// When it is not so in time: with what it was.
pub fn until(what: &str, mut so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !so() {
        assert!(Instant::now() < end, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(LOOK);
    }
}
