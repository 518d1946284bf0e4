//! A private PostgreSQL server: in a folder of its own, on a socket there and on a free port, with a database for each
//! who asks, gone with this process; with TLS, or as another one's standby, where that is wanted. It flushes to disk as in
//! production. What is stored in it is not known here.
//!
//! A shell holds the server. It reads commands from this process, and when there is nobody to read from, however this
//! process ended, it stops the server and removes the folder. A machine without PostgreSQL fails what needs it.

mod begin;

use crate::process::{PATIENCE, until};
use begin::{Begin, Held};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Mutex, OnceLock};

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
        Self::begin(&Begin::default())
    }

    /// A server of its own that speaks TLS to who asks for it, with this certificate and key (PEM).
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start_with_tls(certificate: &str, key: &str) -> Self {
        let lines = [
            "ssl = on",
            "ssl_cert_file = '../cert.pem'",
            "ssl_key_file = '../key.pem'",
        ];
        Self::begin(&Begin {
            settings: lines.map(str::to_owned).to_vec(),
            tls: Some((certificate, key)),
            ..Begin::default()
        })
    }

    /// A copy of the server at this port, which streams from there until it is promoted.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn standby_of(port: u16) -> Self {
        Self::begin(&Begin {
            from: port.to_string(),
            ..Begin::default()
        })
    }

    /// A server of its own that keeps its write-ahead log, so that it can be put back to a moment.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start_archiving() -> Self {
        let lines = ["archive_mode = on", "archive_command = 'cp %p ../wal/%f'"];
        Self::begin(&Begin {
            settings: lines.map(str::to_owned).to_vec(),
            ..Begin::default()
        })
    }

    /// Copies all that it has, from where [`Postgres::restored_to`] goes on.
    pub fn back_up(&self) {
        self.say("back_up");
        self.wait_for("backed_up");
    }

    /// Another server with what this one had at a moment after it was backed up: where `pg_create_restore_point` was
    /// called with this name.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn restored_to(&self, moment: &str) -> Self {
        let last = self.sql("postgres", "SELECT pg_walfile_name(pg_switch_wal())");
        let archived = self.folder.join("wal").join(last);
        until("the log is not archived", || archived.is_file());
        let settings = vec![
            format!("restore_command = 'cp {}/wal/%f %p'", self.folder.display()),
            format!("recovery_target_name = '{moment}'"),
            "recovery_target_action = 'promote'".to_owned(),
            "archive_mode = off".to_owned(),
        ];
        let it = Self::begin(&Begin {
            from: self.folder.join("base").display().to_string(),
            settings,
            ..Begin::default()
        });
        until("it does not end its recovery", || {
            it.sql("postgres", "SELECT pg_is_in_recovery()") == "f"
        });
        it
    }

    fn begin(begin: &Begin<'_>) -> Self {
        let Held {
            holder,
            folder,
            bin,
            port,
            words,
        } = begin.held();
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

    /// The URL of the database `postgres` over the server's socket. It holds a password that nobody asks for, for those
    /// who look for it in messages.
    #[must_use]
    pub fn socket_url(&self) -> String {
        let folder = self.folder.to_string_lossy().replace('/', "%2F");
        format!("postgres://dibs:hunter2@{folder}:{}/postgres", self.port)
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

    /// Ends it as `kill -9` of all its processes does.
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill(&self) {
        let known = std::fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap();
        let process = PathBuf::from("/proc").join(known.lines().next().unwrap());
        self.say("kill");
        until("PostgreSQL is not killed", || !process.exists());
    }

    /// Starts it again, and waits until it takes connections.
    pub fn start_again(&self) {
        self.start_again_with("");
    }

    /// Starts it again with one more setting (`name=value`), for this time.
    pub fn start_again_with(&self, setting: &str) {
        self.say(&format!("start {setting}"));
        self.wait_for("ready");
    }

    /// Lets nobody in over TCP any more who does not say the right password.
    pub fn require_passwords(&self) {
        let rules = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\nhost all all ::1/128 scram-sha-256\n";
        std::fs::write(self.folder.join("data/pg_hba.conf"), rules).unwrap();
        self.sql("postgres", "SELECT pg_reload_conf()");
    }

    /// Waits for a standby that streams, and acknowledges from now on only what that has on its disk as well.
    pub fn needs_a_standby(&self) {
        self.sql("postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'");
        self.sql("postgres", "SELECT pg_reload_conf()");
        let synchronous = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'";
        until("no standby streams", || self.sql("postgres", synchronous) == "1");
    }

    /// Makes a primary of a standby.
    ///
    /// # Panics
    /// When it does not become one.
    pub fn promote(&self) {
        assert_eq!(self.sql("postgres", "SELECT pg_promote(true, 60)"), "t");
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
