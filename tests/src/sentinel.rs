//! A primary and a replica that three sentinels watch: when the primary dies, they make the replica one.

use crate::process::until;
use crate::redis::Redis;

/// The name of the primary among the sentinels.
pub const NAME: &str = "main";

/// Five servers. Dropping them ends them.
#[derive(Debug)]
pub struct Sentinels {
    /// Which of the servers is the primary.
    primary: usize,
    servers: [Redis; 2],
    sentinels: Vec<Redis>,
}

impl Sentinels {
    /// Starts them, and waits until all sentinels know the replica and one another.
    #[must_use]
    pub fn start() -> Self {
        let primary = Redis::start(&[]);
        let replica = Redis::start(&["--replicaof", "127.0.0.1", &primary.port().to_string()]);
        let configuration = format!(
            "sentinel monitor {NAME} 127.0.0.1 {} 2\nsentinel down-after-milliseconds {NAME} 1000\n\
             sentinel failover-timeout {NAME} 4000\n",
            primary.port()
        );
        let sentinels: Vec<Redis> = (0..3)
            .map(|_| Redis::start_with(&configuration, &["--sentinel"]))
            .collect();
        let it = Self {
            primary: 0,
            servers: [primary, replica],
            sentinels,
        };
        it.settles();
        it
    }

    /// Waits until the sentinels know enough to choose another primary.
    pub fn settles(&self) {
        for sentinel in &self.sentinels {
            until("the sentinels do not know one another", || {
                let known = sentinel.ask(&["INFO", "sentinel"]);
                known.contains("slaves=1,sentinels=3") && known.contains("status=ok")
            });
        }
        until("the replica does not follow", || {
            self.primary()
                .ask(&["INFO", "replication"])
                .contains("state=online")
        });
    }

    /// The URL by which the primary is found.
    #[must_use]
    pub fn url(&self) -> String {
        let hosts: Vec<String> = self
            .sentinels
            .iter()
            .map(|it| format!("127.0.0.1:{}", it.port()))
            .collect();
        format!("redis+sentinel://{}/{NAME}", hosts.join(","))
    }

    /// The primary.
    #[must_use]
    pub fn primary(&self) -> &Redis {
        &self.servers[self.primary]
    }

    /// Kills the primary, and waits until the other one is it.
    pub fn fail_over(&mut self) {
        self.servers[self.primary].kill();
        self.primary = 1 - self.primary;
        until("nobody is made the primary", || {
            self.primary()
                .ask(&["INFO", "replication"])
                .contains("role:master")
        });
    }

    /// Starts the one that was killed again, and waits until it follows.
    pub fn start_again(&mut self) {
        self.servers[1 - self.primary].start_again();
        self.settles();
    }
}
