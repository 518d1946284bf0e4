//! The faults: what is broken, for how long, and how it is mended. Every one leaves the site whole.

use super::site::{Form, Site};
use clap::ValueEnum;
use std::thread::sleep;
use std::time::Duration;

/// A fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Fault {
    /// `kill -9` of an instance, which starts again after three seconds.
    InstanceKilled,
    /// An instance is not scheduled for twelve seconds, which is longer than its lease.
    InstanceStopped,
    /// One instance after the other is asked to go and started again.
    RollingRestart,
    /// `kill -9` of Redis, which starts again after three seconds.
    RedisKilled,
    /// Redis is not scheduled for five seconds.
    RedisStopped,
    /// `FLUSHALL` and `CLIENT KILL TYPE pubsub`, five times.
    RedisForgets,
    /// One instance and Redis do not hear one another for five seconds.
    RedisPartition,
    /// PostgreSQL crashes, and starts again after two seconds.
    PostgresCrashed,
    /// All connections to PostgreSQL are ended, five times.
    PostgresConnections,
    /// One instance and PostgreSQL do not hear one another for twelve seconds.
    PostgresPartition,
    /// PostgreSQL is not scheduled for five seconds.
    PostgresStopped,
    /// `kill -9` of the PostgreSQL primary; its synchronous standby is promoted, and gets a standby of its own.
    PostgresFailover,
    /// The primary behind Sentinel dies, another one is chosen, and the dead one comes back as its replica.
    SentinelFailover,
    /// The node of the Cluster that serves the workspace dies, its replica takes over, and the dead one comes back.
    ClusterFailover,
    /// The slot of the workspace moves to another node of the Cluster in place, twice.
    SlotMigration,
}

impl Fault {
    /// All of them.
    pub(super) fn all() -> Vec<Self> {
        Self::value_variants().to_vec()
    }

    /// Its name on the command line.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::InstanceKilled => "instance-killed",
            Self::InstanceStopped => "instance-stopped",
            Self::RollingRestart => "rolling-restart",
            Self::RedisKilled => "redis-killed",
            Self::RedisStopped => "redis-stopped",
            Self::RedisForgets => "redis-forgets",
            Self::RedisPartition => "redis-partition",
            Self::PostgresCrashed => "postgres-crashed",
            Self::PostgresConnections => "postgres-connections",
            Self::PostgresPartition => "postgres-partition",
            Self::PostgresStopped => "postgres-stopped",
            Self::PostgresFailover => "postgres-failover",
            Self::SentinelFailover => "sentinel-failover",
            Self::ClusterFailover => "cluster-failover",
            Self::SlotMigration => "slot-migration",
        }
    }

    /// What it is, in words.
    pub(super) fn words(self) -> String {
        let value = self.to_possible_value();
        let help = value.and_then(|it| it.get_help().map(ToString::to_string));
        help.unwrap_or_default().trim_end_matches('.').to_owned()
    }

    /// In which form Redis must be there.
    pub(super) fn form(self) -> Form {
        match self {
            Self::PostgresFailover => Form::Standby,
            Self::SentinelFailover => Form::Sentinel,
            Self::ClusterFailover | Self::SlotMigration => Form::Cluster,
            _ => Form::Single,
        }
    }

    /// About how long it takes until it is mended.
    pub(super) fn lasts(self) -> Duration {
        Duration::from_secs(match self {
            Self::RedisForgets | Self::PostgresConnections | Self::SlotMigration => 3,
            Self::InstanceKilled | Self::RedisKilled | Self::PostgresCrashed => 4,
            Self::RedisStopped | Self::RedisPartition | Self::PostgresStopped | Self::RollingRestart => 5,
            Self::ClusterFailover | Self::SentinelFailover | Self::PostgresFailover => 8,
            Self::InstanceStopped | Self::PostgresPartition => 12,
        })
    }

    /// Makes it, and mends it. Which instance it happens to changes from round to round.
    pub(super) fn happen(self, site: &mut Site, workspace: &str, round: u16) {
        let which = usize::from(round) % site.instances();
        match self {
            Self::InstanceKilled => {
                site.instance(which).kill();
                sleep(Duration::from_secs(3));
                site.instance(which).start_again();
            }
            Self::InstanceStopped => {
                site.instance(which).signal("STOP");
                sleep(self.lasts());
                site.instance(which).signal("CONT");
            }
            Self::RollingRestart => {
                for which in 0..site.instances() {
                    site.instance(which).ask_to_go();
                    site.instance(which).start_again();
                    sleep(Duration::from_secs(1));
                }
            }
            Self::RedisKilled => {
                site.redis().kill();
                sleep(Duration::from_secs(3));
                site.redis().start_again();
            }
            Self::RedisStopped => {
                site.redis().signal("STOP");
                sleep(self.lasts());
                site.redis().signal("CONT");
            }
            Self::RedisForgets => several(|| site.forgets()),
            Self::RedisPartition => held(site.redis_line(), self.lasts()),
            Self::PostgresCrashed => {
                site.postgres().stop();
                sleep(Duration::from_secs(2));
                site.postgres().start_again();
            }
            Self::PostgresConnections => several(|| site.ends_connections()),
            Self::PostgresPartition => held(site.postgres_line(), self.lasts()),
            Self::PostgresStopped => {
                site.postgres().freeze();
                sleep(self.lasts());
                site.postgres().thaw();
            }
            Self::PostgresFailover => {
                site.postgres().kill();
                sleep(Duration::from_secs(1));
                site.promotes();
            }
            Self::SentinelFailover => {
                site.sentinels().fail_over();
                sleep(Duration::from_secs(2));
                site.sentinels().start_again();
            }
            Self::ClusterFailover => {
                let slot = site.cluster().slot(&Site::channel(workspace));
                let dead = site.cluster().fail_over(slot);
                sleep(Duration::from_secs(2));
                site.cluster().start_again(dead);
            }
            Self::SlotMigration => {
                for _ in 0..2 {
                    let slot = site.cluster().slot(&Site::channel(workspace));
                    site.cluster().migrate(slot);
                    sleep(Duration::from_millis(1_500));
                }
            }
        }
    }
}

fn several(mut happens: impl FnMut()) {
    for _ in 0..5 {
        happens();
        sleep(Duration::from_millis(500));
    }
}

fn held(line: &dibs_tests::cut::Line, so_long: Duration) {
    line.hold();
    sleep(so_long);
    line.mend();
}
