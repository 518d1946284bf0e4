//! A private PostgreSQL server for tests: in a folder of its own, on a socket in that folder, gone with the process.
//!
//! A shell holds the server. It reads commands from this process, and when there is nobody to read from, however this
//! process ended, it stops the server and removes the folder. A machine without PostgreSQL fails the tests.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// How long a server may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(60);

const HOLDER: &str = r#"
trap '' INT
bin=$1 folder=$2
start() {
    "$bin/postgres" -D "$folder/data" -c listen_addresses= -c "unix_socket_directories=$folder" \
        -c max_connections=200 -c log_min_messages=log -c "${setting:-log_checkpoints=off}" &
    pid=$!
}
stop() { kill -QUIT "$pid" && wait "$pid"; }
"$bin/initdb" -D "$folder/data" -U dibs -A trust -E UTF8 --locale=C --no-sync >/dev/null || exit 1
start
while read -r word setting; do
    case $word in
        start) start ;;
        stop) stop; echo stopped ;;
        freeze) kill -STOP "$pid" $(pgrep -P "$pid"); echo frozen ;;
        thaw) kill -CONT "$pid" $(pgrep -P "$pid"); echo thawed ;;
    esac
done
stop
rm -rf "$folder"
"#;

/// A server that runs.
pub(crate) struct Cluster {
    holder: Child,
    folder: PathBuf,
    /// Words of the holder, and `ready` whenever the server accepts connections.
    words: Receiver<String>,
}

static SCHEMAS: AtomicUsize = AtomicUsize::new(0);

/// The URL of a server that the tests of this process share, and a schema's name that nobody else has.
pub(crate) fn fresh() -> (String, String) {
    static SHARED: OnceLock<(parking_lot::Mutex<Cluster>, String)> = OnceLock::new();
    let (_, url) = SHARED.get_or_init(|| {
        let cluster = Cluster::start();
        let url = cluster.url();
        (parking_lot::Mutex::new(cluster), url)
    });
    (url.clone(), schema())
}

/// A schema's name that nobody else has.
pub(crate) fn schema() -> String {
    format!("case_{}", SCHEMAS.fetch_add(1, Ordering::Relaxed))
}

impl Cluster {
    /// A server of its own, with `fsync`, in a folder that is removed when this is dropped.
    pub(crate) fn start() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("dibs-pg-")
            .tempdir()
            .unwrap()
            .keep();
        let as_user = unprivileged(&folder);
        let mut command = Command::new(as_user.first().map_or("sh", |word| word.as_str()));
        command.args(as_user.iter().skip(1));
        if !as_user.is_empty() {
            command.arg("sh");
        }
        let bin = binaries();
        let args = [
            OsStr::new("-c"),
            HOLDER.as_ref(),
            "sh".as_ref(),
            bin.as_os_str(),
            folder.as_os_str(),
        ];
        command.args(args).current_dir(&folder);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut holder = command.spawn().expect("sh runs");
        let (said, words) = channel();
        listen(holder.stderr.take().unwrap(), said.clone());
        let stdout = BufReader::new(holder.stdout.take().unwrap());
        std::thread::spawn(move || {
            stdout
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| said.send(line).ok())
        });
        let cluster = Self {
            holder,
            folder,
            words,
        };
        cluster.wait_for("ready");
        cluster
    }

    /// Where it listens; the password is for the tests that look for it in messages.
    pub(crate) fn url(&self) -> String {
        let folder = self.folder.to_str().unwrap().replace('/', "%2F");
        format!("postgres://dibs:hunter2@{folder}/postgres")
    }

    /// Kills it as a crash would.
    pub(crate) fn stop(&mut self) {
        self.say("stop");
        self.wait_for("stopped");
    }

    /// Starts it again, with one more setting (`name=value`).
    pub(crate) fn start_again(&mut self, setting: &str) {
        self.say(&format!("start {setting}"));
        self.wait_for("ready");
    }

    /// Stops all its processes from being scheduled.
    pub(crate) fn freeze(&mut self) {
        self.say("freeze");
        self.wait_for("frozen");
    }

    /// Lets them go on.
    pub(crate) fn thaw(&mut self) {
        self.say("thaw");
        self.wait_for("thawed");
    }

    fn say(&mut self, word: &str) {
        let stdin = self.holder.stdin.as_mut().unwrap();
        writeln!(stdin, "{word}").unwrap();
    }

    fn wait_for(&self, wanted: &str) {
        loop {
            match self.words.recv_timeout(PATIENCE) {
                Ok(word) if word == wanted => return,
                Ok(_) => {}
                Err(error) => panic!("PostgreSQL is not {wanted}: {error}"),
            }
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        self.holder.wait().ok();
    }
}

/// Reads the server's log: says `ready`, and prints what stands there when it ends without having been.
fn listen(stderr: ChildStderr, said: Sender<String>) {
    std::thread::spawn(move || {
        let mut lines = Vec::new();
        let mut ready = false;
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            if line.contains("ready to accept connections") {
                ready = true;
                said.send("ready".to_owned()).ok();
            }
            if !ready {
                lines.push(line);
            }
        }
        if !ready {
            eprintln!("{}", lines.join("\n"));
        }
    });
}

/// How to run something as a user whom PostgreSQL accepts: it refuses root. The folder is given to that user.
fn unprivileged(folder: &Path) -> Vec<String> {
    let id = |args: &[&str]| {
        let output = Command::new("id").args(args).output().expect("id runs");
        String::from_utf8(output.stdout)
            .unwrap()
            .trim()
            .parse::<u32>()
            .ok()
    };
    if id(&["-u"]) != Some(0) {
        return Vec::new();
    }
    let user = id(&["-u", "postgres"])
        .expect("root needs the user postgres, which Debian's package postgresql makes");
    let group = id(&["-g", "postgres"]).unwrap();
    std::os::unix::fs::chown(folder, Some(user), Some(group)).unwrap();
    let words = [
        "setpriv",
        "--reuid=postgres",
        "--regid=postgres",
        "--clear-groups",
    ];
    words.map(str::to_owned).to_vec()
}

/// The folder of the newest server that can be used.
fn binaries() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let mut versions: Vec<u32> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|version| *version >= super::OLDEST)
        .collect();
    versions.sort_unstable();
    folders.extend(
        versions
            .iter()
            .rev()
            .map(|it| PathBuf::from(format!("/usr/lib/postgresql/{it}/bin"))),
    );
    folders
        .into_iter()
        .find(|folder| folder.join("postgres").is_file() && folder.join("initdb").is_file())
        .expect("PostgreSQL is missing. Install it, such as with Debian's package postgresql")
}
