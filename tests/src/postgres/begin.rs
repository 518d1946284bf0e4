//! How a private PostgreSQL server begins: which program, as which user, from nothing or as a copy of another one, and the
//! shell that holds it. What is asked of it is not known here.

use crate::process::free_port;
use std::ffi::OsStr;
use std::fs::Permissions;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};

/// The oldest server that Dibs takes.
const OLDEST: u32 = 14;

const HOLDER: &str = r#"
trap '' INT TERM
bin=$1 folder=$2 port=$3 from=$4
shift 4
start() {
    "$bin/postgres" -D "$folder/data" -p "$port" -c listen_addresses=127.0.0.1 \
        -c "unix_socket_directories=$folder" -c max_connections=200 -c recovery_init_sync_method=syncfs -c log_min_messages=log \
        -c "${1:-log_checkpoints=off}" &
    pid=$!
}
fail() { rm -rf "$folder"; exit 1; }
stop() { kill -QUIT "$pid" 2>/dev/null && wait "$pid"; }
case $from in
    "") "$bin/initdb" -D "$folder/data" -U dibs -A trust -E UTF8 --locale=C --no-sync >/dev/null || fail ;;
    /*) cp -a "$from" "$folder/data" && touch "$folder/data/recovery.signal" || fail ;;
    *) "$bin/pg_basebackup" -D "$folder/data" -h 127.0.0.1 -p "$from" -U dibs -R -c fast --no-sync || fail ;;
esac
mkdir "$folder/wal"
for setting in "$@"; do echo "$setting" >>"$folder/data/postgresql.conf"; done
start
while read -r word setting; do
    case $word in
        start) start "$setting" ;;
        stop) stop; echo stopped ;;
        kill)
            memory=$(sed -n 7p "$folder/data/postmaster.pid")
            env kill -KILL "$pid" $(pgrep -P "$pid")
            while kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
            ipcrm -m "${memory##* }" ;;
        back_up) "$bin/pg_basebackup" -D "$folder/base" -h 127.0.0.1 -p "$port" -U dibs -X none -c fast; echo backed_up ;;
        freeze) kill -STOP "$pid" $(pgrep -P "$pid"); echo frozen ;;
        thaw) kill -CONT "$pid" $(pgrep -P "$pid"); echo thawed ;;
    esac
done
kill -CONT "$pid" $(pgrep -P "$pid") 2>/dev/null
stop
rm -rf "$folder"
"#;

/// How a server begins.
#[derive(Debug, Default)]
pub(super) struct Begin<'a> {
    /// The port of the server that it is a standby of, or the folder of a backup that it goes on from; empty: neither.
    pub(super) from: String,
    /// Lines of its configuration.
    pub(super) settings: Vec<String>,
    /// Certificate and key, PEM.
    pub(super) tls: Option<(&'a str, &'a str)>,
}

/// A server that begins, and what holds it.
pub(super) struct Held {
    pub(super) holder: Child,
    pub(super) folder: PathBuf,
    pub(super) bin: PathBuf,
    pub(super) port: u16,
    /// Words of the holder, and `ready` whenever the server accepts connections.
    pub(super) words: Receiver<String>,
}

impl Begin<'_> {
    /// Starts it under a shell that holds it.
    pub(super) fn held(&self) -> Held {
        let folder = tempfile::Builder::new()
            .prefix("dibs-pg-")
            .tempdir()
            .unwrap()
            .keep();
        let as_user = unprivileged(&folder);
        self.write_certificate(&folder);
        let mut command = Command::new(as_user.first().map_or("sh", |word| word.as_str()));
        command.args(as_user.iter().skip(1));
        if !as_user.is_empty() {
            command.arg("sh");
        }
        let (bin, port) = (binaries(), free_port());
        let port_text = port.to_string();
        let args: [&OsStr; 7] = [
            "-c".as_ref(),
            HOLDER.as_ref(),
            "sh".as_ref(),
            bin.as_os_str(),
            folder.as_os_str(),
            port_text.as_ref(),
            self.from.as_ref(),
        ];
        command.args(args).args(&self.settings).current_dir(&folder);
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
        Held {
            holder,
            folder,
            bin,
            port,
            words,
        }
    }

    /// The key belongs to who owns the folder, who runs the server.
    fn write_certificate(&self, folder: &Path) {
        if let Some((certificate, key)) = self.tls {
            let key_file = folder.join("key.pem");
            std::fs::write(folder.join("cert.pem"), certificate).unwrap();
            std::fs::write(&key_file, key).unwrap();
            std::fs::set_permissions(&key_file, Permissions::from_mode(0o600)).unwrap();
            let owner = std::fs::metadata(folder).unwrap();
            std::os::unix::fs::chown(&key_file, Some(owner.uid()), Some(owner.gid())).unwrap();
        }
    }
}

/// Reads the server's log: says `ready`, and prints what stands there when it ends without having been.
fn listen(stderr: ChildStderr, said: Sender<String>) {
    std::thread::spawn(move || {
        let mut lines = Vec::new();
        let mut ready = false;
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            if line.contains("ready to accept") {
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
    let found = folders
        .into_iter()
        .find(|folder| folder.join("postgres").is_file() && folder.join("initdb").is_file())
        .expect("PostgreSQL is missing. Install it, such as with Debian's package postgresql");
    // The other programs stand where the server really is.
    let server = std::fs::canonicalize(found.join("postgres")).unwrap();
    server.parent().map_or(found, Path::to_path_buf)
}
