//! The processes that faults happen to: a PostgreSQL, alone or with a standby, Redis in one of three forms, and instances,
//! of which the first reaches both over lines that can be held. They end with this program, however it ends.

use crate::token::fresh_secret;
use dibs_tests::cluster::Cluster;
use dibs_tests::cut::Line;
use dibs_tests::postgres::Postgres;
use dibs_tests::process::{Process, free_port, until};
use dibs_tests::redis::Redis;
use dibs_tests::sentinel::Sentinels;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// How PostgreSQL and Redis are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// One server of each.
    Single,
    /// A PostgreSQL with a synchronous standby, and one Redis.
    Standby,
    /// A primary behind sentinels.
    Sentinel,
    /// A Cluster.
    Cluster,
}

#[derive(Debug)]
enum Bus {
    Single(Redis, Line),
    Sentinel(Sentinels),
    Cluster(Cluster),
}

/// An instance.
#[derive(Debug)]
pub(super) struct Instance {
    process: Process,
    program: PathBuf,
    args: Vec<String>,
    secret: String,
    port: u16,
    folder: TempDir,
}

/// All processes.
#[derive(Debug)]
pub(super) struct Site {
    // Instances end first: they would complain of the others' end.
    instances: Vec<Instance>,
    bus: Bus,
    postgres_line: Line,
    postgres: Postgres,
    standby: Option<Standby>,
    database: String,
    secret: String,
}

/// A synchronous standby, and a line to each of the two servers, under whose ports instances know them.
#[derive(Debug)]
struct Standby {
    server: Postgres,
    lines: [Line; 2],
    /// Which of the lines leads to the primary.
    primary: usize,
}

impl Standby {
    fn of(primary: &Postgres) -> Self {
        let server = Postgres::standby_of(primary.port());
        primary.needs_a_standby();
        Self {
            lines: [Line::to(primary.port()), Line::to(server.port())],
            server,
            primary: 0,
        }
    }

    fn url(&self, database: &str) -> String {
        let [one, other] = self.lines.each_ref().map(Line::port);
        format!("postgres://dibs@127.0.0.1:{one},127.0.0.1:{other}/{database}")
    }
}

impl Site {
    /// Starts everything, and waits until all instances listen.
    pub(super) fn start(form: Form, program: &Path, count: usize) -> Self {
        let postgres = Postgres::start();
        let database = postgres.database();
        let postgres_line = Line::to(postgres.port());
        let standby = (form == Form::Standby).then(|| Standby::of(&postgres));
        let (bus, urls) = match form {
            Form::Single | Form::Standby => {
                let redis = Redis::start(&[]);
                let line = Line::to(redis.port());
                let urls = [format!("redis://127.0.0.1:{}", line.port()), redis.url()];
                (Bus::Single(redis, line), urls)
            }
            Form::Sentinel => {
                let sentinels = Sentinels::start();
                let url = sentinels.url();
                (Bus::Sentinel(sentinels), [url.clone(), url])
            }
            Form::Cluster => {
                let cluster = Cluster::start();
                let url = cluster.url();
                (Bus::Cluster(cluster), [url.clone(), url])
            }
        };
        let secret = fresh_secret();
        let instances = (0..count).map(|number| {
            let first = number == 0;
            let port = if first {
                postgres_line.port()
            } else {
                postgres.port()
            };
            let redis = &urls[usize::from(!first)];
            let known = standby.as_ref().map(|it| it.url(&database));
            let url = known.unwrap_or_else(|| postgres.url(&database, port));
            Instance::start(program, &url, redis, &secret)
        });
        let instances = instances.collect();
        Self {
            instances,
            bus,
            postgres_line,
            postgres,
            standby,
            database,
            secret,
        }
    }

    /// Where the instances answer.
    pub(super) fn bases(&self) -> Vec<String> {
        self.instances
            .iter()
            .map(|it| format!("http://127.0.0.1:{}", it.port))
            .collect()
    }

    /// What tokens are signed with.
    pub(super) fn secret(&self) -> &str {
        &self.secret
    }

    /// How many instances there are.
    pub(super) fn instances(&self) -> usize {
        self.instances.len()
    }

    /// One of them.
    pub(super) fn instance(&mut self, which: usize) -> &mut Instance {
        &mut self.instances[which]
    }

    /// The database's server.
    pub(super) fn postgres(&self) -> &Postgres {
        &self.postgres
    }

    /// The first instance's line to it.
    pub(super) fn postgres_line(&self) -> &Line {
        &self.postgres_line
    }

    /// The standby takes the place of the primary, which is dead, and gets a standby of its own.
    pub(super) fn promotes(&mut self) {
        let Some(standby) = &mut self.standby else {
            panic!("there is no standby");
        };
        standby.server.promote();
        let copy = Postgres::standby_of(standby.server.port());
        standby.lines[standby.primary].lead_to(copy.port());
        standby.primary = 1 - standby.primary;
        self.postgres = std::mem::replace(&mut standby.server, copy);
        self.postgres.needs_a_standby();
    }

    /// Ends all connections to the database.
    pub(super) fn ends_connections(&self) {
        self.postgres.terminate(&self.database);
    }

    /// The one Redis server.
    pub(super) fn redis(&mut self) -> &mut Redis {
        match &mut self.bus {
            Bus::Single(redis, _) => redis,
            other => panic!("there is no single server, but {other:?}"),
        }
    }

    /// The first instance's line to it.
    pub(super) fn redis_line(&self) -> &Line {
        match &self.bus {
            Bus::Single(_, line) => line,
            other => panic!("there is no single server, but {other:?}"),
        }
    }

    /// Redis forgets everything and cuts its subscribers off.
    pub(super) fn forgets(&mut self) {
        for words in [&["FLUSHALL"][..], &["CLIENT", "KILL", "TYPE", "pubsub"]] {
            drop(self.redis().ask(words));
        }
    }

    /// The servers around Sentinel.
    pub(super) fn sentinels(&mut self) -> &mut Sentinels {
        match &mut self.bus {
            Bus::Sentinel(it) => it,
            other => panic!("there are no sentinels, but {other:?}"),
        }
    }

    /// The Cluster.
    pub(super) fn cluster(&mut self) -> &mut Cluster {
        match &mut self.bus {
            Bus::Cluster(it) => it,
            other => panic!("there is no Cluster, but {other:?}"),
        }
    }

    /// The channel of a workspace.
    pub(super) fn channel(workspace: &str) -> String {
        format!("dibs:w:{workspace}")
    }
}

impl Instance {
    fn start(program: &Path, postgres: &str, redis: &str, secret: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("dibs-chaos-").tempdir();
        let folder = folder.unwrap_or_else(|error| panic!("there is no folder for an instance: {error}"));
        let port = free_port();
        let listen = format!("127.0.0.1:{port}");
        let args = [
            "serve",
            "--listen",
            &listen,
            "--postgres",
            postgres,
            "--redis",
            redis,
            "--claim-grace",
            "3s",
            "--commands-per-second",
            "0",
            "--ingest-per-second",
            "0",
            "--connections-per-address",
            "0",
            "--data",
            "data",
        ];
        let args = args.map(str::to_owned).to_vec();
        let process = spawn(&folder, program, &args, secret);
        let it = Self {
            process,
            program: program.to_owned(),
            args,
            secret: secret.to_owned(),
            port,
            folder,
        };
        it.listens();
        it
    }

    fn listens(&self) {
        until("an instance does not listen", || {
            assert!(
                self.process.is_running(),
                "an instance ended: {}",
                self.process.log()
            );
            TcpStream::connect(("127.0.0.1", self.port)).is_ok()
        });
    }

    /// Kills it, as `kill -9` does.
    pub(super) fn kill(&mut self) {
        self.process.kill();
    }

    /// Sends it a signal such as `STOP`.
    pub(super) fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// Asks it to end, and waits until it has.
    pub(super) fn ask_to_go(&mut self) {
        self.process.signal("TERM");
        until("an instance does not go", || !self.process.is_running());
        self.process.kill();
    }

    /// Starts it again where it was.
    pub(super) fn start_again(&mut self) {
        self.process = spawn(&self.folder, &self.program, &self.args, &self.secret);
        self.listens();
    }
}

fn spawn(folder: &TempDir, program: &Path, args: &[String], secret: &str) -> Process {
    let variables = [("DIBS_AUTH_SECRET", secret), ("NO_COLOR", "1")];
    Process::start(folder.path(), program, args, &variables)
}
