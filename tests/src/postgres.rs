//! A private PostgreSQL server: in a folder of its own, on a socket there and on a free port, with a database for each
//! who asks, gone with this process. It flushes to disk as in production. What is stored in it is not known here.
//!
//! A shell holds the server. It reads commands from this process, and when there is nobody to read from, however this
//! process ended, it stops the server and removes the folder. A machine without PostgreSQL fails what needs it.

use crate::process::{PATIENCE, free_port};
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, OnceLock};

/// The oldest server that Dibs takes.
const OLDEST: u32 = 14;

const HOLDER: &str = r#"
trap '' INT TERM
bin=$1 folder=$2 port=$3
start() {
    "$bin/postgres" -D "$folder/data" -p "$port" -c listen_addresses=127.0.0.1 \
        -c "unix_socket_directories=$folder" -c max_connections=200 -c recovery_init_sync_method=syncfs -c log_min_messages=log -c log_checkpoints=off &
    pid=$!
}
stop() { kill -QUIT "$pid" && wait "$pid"; }
"$bin/initdb" -D "$folder/data" -U dibs -A trust -E UTF8 --locale=C --no-sync >/dev/null || exit 1
start
while read -r word; do
    case $word in
        start) start ;;
        stop) stop; echo stopped ;;
        freeze) kill -STOP "$pid" $(pgrep -P "$pid"); echo frozen ;;
        thaw) kill -CONT "$pid" $(pgrep -P "$pid"); echo thawed ;;
    esac
done
kill -CONT "$pid" $(pgrep -P "$pid") 2>/dev/null
stop
rm -rf "$folder"
"#;

/// A server that runs. Dropping it ends it.
#[derive(Debug)]
pub struct Postgres {
    holder: Child,
    folder: PathBuf,
    bin: PathBuf,
    port: u16,
    /// Words of the holder, and `ready` whenever the server accepts connections.
    words: Mutex<Receiver<String>>,
    databases: AtomicUsize,
}

impl Postgres {
    /// The server that everybody in this process shares who does not harm it.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// A server of its own.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start() -> Self {
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
        let (bin, port) = (binaries(), free_port());
        let port_text = port.to_string();
        let args: [&OsStr; 6] = [
            "-c".as_ref(),
            HOLDER.as_ref(),
            "sh".as_ref(),
            bin.as_os_str(),
            folder.as_os_str(),
            port_text.as_ref(),
        ];
        command.args(args).current_dir(&folder);
        let piped = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut holder = piped.spawn().expect("sh runs");
        let (said, words) = channel();
        listen(holder.stderr.take().unwrap(), said.clone());
        let stdout = BufReader::new(holder.stdout.take().unwrap());
        std::thread::spawn(move || {
            stdout
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| said.send(line).ok())
        });
        let it = Self {
            holder,
            folder,
            bin,
            port,
            words: Mutex::new(words),
            databases: AtomicUsize::new(0),
        };
        it.wait_for("ready");
        it
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Makes a database that nobody else has, and gives its name.
    #[must_use]
    pub fn database(&self) -> String {
        let name = format!("site_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        name
    }

    /// The URL of a database, at the server's own port or at another one that leads there.
    #[must_use]
    pub fn url(&self, database: &str, port: u16) -> String {
        format!("postgres://dibs@127.0.0.1:{port}/{database}")
    }

    /// What a statement gives, one row a line.
    ///
    /// # Panics
    /// When it fails.
    pub fn sql(&self, database: &str, statement: &str) -> String {
        self.ask(
            "psql",
            &["-XAtq", "-v", "ON_ERROR_STOP=1", "-c", statement, database],
            None,
        )
    }

    /// Everything in a database, as statements that restore it.
    #[must_use]
    pub fn dump(&self, database: &str) -> String {
        self.ask("pg_dump", &["--schema=dibs", database], None)
    }

    /// Puts a database back to what it was when it was dumped, whoever uses it meanwhile.
    pub fn restore(&self, database: &str, dump: &str) {
        let whole =
            format!("BEGIN; SET client_min_messages = warning; DROP SCHEMA dibs CASCADE;\n{dump}\nCOMMIT;");
        self.ask("psql", &["-Xq", "-v", "ON_ERROR_STOP=1", database], Some(&whole));
    }

    /// Ends the connections of everybody who uses a database, and gives how many there were.
    pub fn terminate(&self, database: &str) -> usize {
        let all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
                   AND pid <> pg_backend_pid()";
        self.sql(database, all).lines().count()
    }

    fn ask(&self, tool: &str, args: &[&str], input: Option<&str>) -> String {
        let beside = self.bin.join(tool);
        let tool_path = if beside.is_file() {
            beside
        } else {
            PathBuf::from(tool)
        };
        let mut child = Command::new(tool_path)
            .arg("-h")
            .arg(&self.folder)
            .args(["-p", &self.port.to_string(), "-U", "dibs"])
            .args(args)
            .stdin(if input.is_some() {
                Stdio::piped()
            } else {
                Stdio::null()
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{tool}: {error}"));
        if let Some((input, mut pipe)) = input.map(str::to_owned).zip(child.stdin.take()) {
            std::thread::spawn(move || pipe.write_all(input.as_bytes()));
        }
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{tool}: {said}");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// Ends it as a crash would.
    pub fn stop(&self) {
        self.say("stop");
        self.wait_for("stopped");
    }

    /// Starts it again, and waits until it takes connections.
    pub fn start_again(&self) {
        self.say("start");
        self.wait_for("ready");
    }

    /// Stops all its processes from being scheduled.
    pub fn freeze(&self) {
        self.say("freeze");
        self.wait_for("frozen");
    }

    /// Lets them go on.
    pub fn thaw(&self) {
        self.say("thaw");
        self.wait_for("thawed");
    }

    fn say(&self, word: &str) {
        let mut stdin = self.holder.stdin.as_ref().unwrap();
        writeln!(stdin, "{word}").unwrap();
    }

    fn wait_for(&self, wanted: &str) {
        let words = self.words.lock().unwrap();
        loop {
            match words.recv_timeout(PATIENCE) {
                Ok(word) if word == wanted => return,
                Ok(_) => {}
                Err(error) => panic!("PostgreSQL is not {wanted}: {error}"),
            }
        }
    }
}

impl Drop for Postgres {
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
        .filter(|version| *version >= OLDEST)
        .collect();
    versions.sort_unstable();
    let debian = versions
        .iter()
        .rev()
        .map(|it| PathBuf::from(format!("/usr/lib/postgresql/{it}/bin")));
    folders.extend(debian);
    folders
        .into_iter()
        .find(|folder| folder.join("postgres").is_file() && folder.join("initdb").is_file())
        .expect("PostgreSQL is missing. Install it, such as with Debian's package postgresql")
}
