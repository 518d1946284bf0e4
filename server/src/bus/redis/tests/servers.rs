//! Real Redis processes on free ports of 127.0.0.1, in folders of their own, that end with their test, however it ends.

use redis::aio::MultiplexedConnection;
use redis::{Client, FromRedisValue, cmd};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// How long a server may take to come up, on a machine that is busy with other tests.
const COMING_UP: Duration = Duration::from_secs(20);

/// A process of `redis-server`. Dropping it kills the process.
pub(super) struct Server {
    child: Child,
    /// Where it listens.
    pub(super) port: u16,
    arguments: Vec<String>,
    folder: TempDir,
}

impl Server {
    /// Starts a server with these arguments besides the usual ones, and waits until it answers.
    pub(super) async fn start(arguments: &[&str]) -> Self {
        let usual = ["--save", "", "--appendonly", "no"];
        Self::start_with("", &[&usual, arguments].concat()).await
    }

    /// Starts one with a configuration, which it may change.
    pub(super) async fn start_with(configuration: &str, arguments: &[&str]) -> Self {
        loop {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("redis.conf"), configuration).unwrap();
            let arguments: Vec<String> = arguments.iter().map(|it| (*it).to_owned()).collect();
            let port = free_port();
            let child = spawn(port, &arguments, &folder);
            let mut server = Self {
                child,
                port,
                arguments,
                folder,
            };
            // If it ended, somebody else was faster to take the port.
            if server.comes_up().await {
                return server;
            }
        }
    }

    /// Starts it again after it was killed, at the same port and with nothing of what it knew.
    pub(super) async fn restart(&mut self) {
        self.child = spawn(self.port, &self.arguments, &self.folder);
        assert!(self.comes_up().await, "the server did not come up again");
    }

    async fn comes_up(&mut self) -> bool {
        let until = Instant::now() + COMING_UP;
        while Instant::now() < until {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            if std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return true;
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("redis-server does not listen");
    }

    /// Its URL.
    pub(super) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Kills it, as `kill -9` does.
    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal such as `STOP`.
    pub(super) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// A connection for the test's own questions.
    pub(super) async fn connect(&self) -> MultiplexedConnection {
        let client = Client::open(self.url()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }

    /// Asks something.
    pub(super) async fn ask<T: FromRedisValue>(&self, command: &str) -> T {
        ask(&mut self.connect().await, command).await
    }
}

/// Asks something over a connection: words with blanks between them.
pub(super) async fn ask<T: FromRedisValue>(connection: &mut MultiplexedConnection, command: &str) -> T {
    let mut words = command.split(' ');
    let mut asked = cmd(words.next().unwrap());
    for word in words {
        asked.arg(word);
    }
    let answer = asked.query_async(connection).await;
    answer.unwrap_or_else(|error| panic!("{command}: {error}"))
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been killed already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn spawn(port: u16, arguments: &[String], folder: &TempDir) -> Child {
    let log = std::fs::File::create(folder.path().join("log")).unwrap();
    let mut command = Command::new("redis-server");
    command
        .current_dir(folder.path())
        .args(["redis.conf", "--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(Stdio::null());
    let spawned = command.spawn();
    spawned.expect("redis-server is missing: install Debian's package redis-server")
}

/// A port that was free a moment ago.
pub(super) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}
