//! Running a server: opens the log, starts the hub, serves until it is told to stop, drains.

use crate::auth::{KeyError, Keys};
use crate::bus::Bus;
use crate::bus::local::LocalBus;
use crate::bus::redis::RedisBus;
use crate::config::{Config, ConfigError, PostgresConfig, Secret, UrlSource};
use crate::hub::{Deps, Hub, Options, Pulse, Timers};
use crate::log::group::GroupCommit;
use crate::log::postgres::{self, PostgresLog, PostgresOptions};
use crate::log::sqlite::{OpenError, SqliteLog};
use crate::log::{Log, LogError};
use crate::metrics::Metrics;
use crate::net::{Permits, Server, ServerOptions, Tls, TlsError, listen};
use crate::notify::Notifier;
use crate::ports::{Clock, Entropy, LogClock, SystemClock, SystemEntropy};
use crate::reload::{Reload, Reread};
use crate::shared::{IngestLimit, Shared};
use dibs_protocol::ids::{BadId, QueueId};
use dibs_rules::Settings;
use dibs_rules::settings::LONGEST_GRACE_MS;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

/// Where conversations wait that name no queue.
const DEFAULT_QUEUE: &str = "default";
/// Sessions are asked to come back within this time, so that they do not all come at once, in milliseconds.
const SPREAD_MS: u64 = 3_000;
/// Between `reconnect` and the end sessions may go by themselves for so long.
const FAREWELL: Duration = Duration::from_millis(500);
/// Keys whose time is over are deleted so often.
const FORGET_KEYS: Duration = Duration::from_secs(600);

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The data folder cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database cannot be used.
    #[error(transparent)]
    Postgres(#[from] postgres::OpenError),
    /// The file of the database's URL cannot be read.
    #[error("postgres_file: {}: {error}", path.display())]
    PostgresFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The settings of Redis cannot be used.
    #[error(transparent)]
    Redis(#[from] ConfigError),
    /// Redis without a log that several instances share.
    #[error("redis is for several instances, which share a log: set postgres as well, or leave redis out")]
    RedisAlone,
    /// The log cannot be used.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The default queue is not an id.
    #[error(transparent)]
    Queue(#[from] BadId),
    /// Its address cannot be listened on.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// The system does not say where it listens.
    #[error("cannot tell where it listens: {0}")]
    Address(io::Error),
    /// The system does not let it hear signals.
    #[error("cannot wait for signals: {0}")]
    Signals(io::Error),
}

/// Serves until SIGTERM or Ctrl-C. On SIGHUP keys and certificates are read anew, from where `reread` says they are.
///
/// # Errors
/// [`ServeError`] when it cannot start; once it runs, nothing ends it but a signal.
pub async fn run(config: Config, reread: Reread) -> Result<(), ServeError> {
    let stop = stop_signal().map_err(ServeError::Signals)?;
    serve(config, Some(reread), |_| {}, stop).await
}

/// Serves until `stop` is ready. `listening` is told the address once requests are taken.
///
/// # Errors
/// [`ServeError`] when it cannot start.
pub async fn run_until(
    config: Config,
    listening: impl FnOnce(SocketAddr),
    stop: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    serve(config, None, listening, stop).await
}

async fn serve(
    config: Config,
    reread: Option<Reread>,
    listening: impl FnOnce(SocketAddr),
    stop: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let (keys, made) = Keys::open(&config.auth, config.data.clone())?;
    if let Some(path) = made {
        let path = path.display();
        tracing::info!(%path, "no key is configured: tokens are signed with the secret in the data folder");
    }
    for doubt in config.doubts() {
        tracing::warn!("{doubt}");
    }
    let files = config.tls.as_ref();
    let tls = files.map(|it| Tls::open(&it.certificate, &it.key)).transpose()?;
    let notifier = Notifier::of_environment();
    let hub = open_hub(&config).await?;
    let (drain_timeout, keys) = (config.drain_timeout, Arc::new(keys));
    let reload = Reload::new(reread, keys.clone(), tls.clone(), notifier);
    let reload = reload.on_signal().map_err(ServeError::Signals)?;
    let (server, admin) = open_servers(config, keys, tls, &hub)?;
    let address = server.local_addr().map_err(ServeError::Address)?;
    let tasks = [
        tokio::spawn(hub.clone().run_timers()),
        tokio::spawn(hub.clone().run_pulse()),
        tokio::spawn(hub.clone().run_poll()),
        tokio::spawn(hub.clone().run_retention()),
        tokio::spawn(forget_keys(hub.deps().clone())),
        tokio::spawn(reload),
        tokio::spawn(notifier.keep_alive()),
    ];
    if let Some(admin) = &admin {
        let address = admin.local_addr().map_err(ServeError::Address)?;
        tracing::info!(%address, "metrics and health");
    }
    tracing::info!(%address, "listening");
    listening(address);
    let (leave, left) = watch::channel(false);
    let mut serving = JoinSet::new();
    for server in [Some(server), admin].into_iter().flatten() {
        serving.spawn(server.run(told(left.clone())));
    }
    notifier.ready();
    stop.await;
    tracing::info!("leaving");
    notifier.stopping();
    let until = Instant::now() + drain_timeout;
    hub.drain(SPREAD_MS);
    leave.send_replace(true);
    sleep(FAREWELL.min(drain_timeout)).await;
    hub.close_all();
    while hub.deps().metrics.sessions() > 0 && Instant::now() < until {
        sleep(Duration::from_millis(20)).await;
    }
    // What has not ended by now ends with the process.
    timeout_at(until, serving.join_all()).await.ok();
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
    tracing::info!("stopped");
    Ok(())
}

async fn told(mut left: watch::Receiver<bool>) {
    // Who would tell is gone: the same.
    left.wait_for(|it| *it).await.ok();
}

/// The server of requests, and the one of metrics where the configuration wants it apart.
fn open_servers(
    config: Config,
    keys: Arc<Keys>,
    tls: Option<Arc<Tls>>,
    hub: &Arc<Hub>,
) -> Result<(Server, Option<Server>), ServeError> {
    let bind = |address| listen(address).map_err(|error| ServeError::Listen { address, error });
    let listener = bind(config.listen)?;
    let admin = config.admin_listen.map(bind).transpose()?;
    let options = ServerOptions {
        tls,
        ..ServerOptions::from(&config)
    };
    let of_admin = ServerOptions {
        tls: None,
        trusted_proxy: Arc::new([]),
        permits: Permits::new(None),
        ..options.clone()
    };
    let ingest_limit = IngestLimit::new(config.ingest_per_second);
    let shared = Arc::new(Shared {
        hub: hub.clone(),
        keys,
        config,
        ingest_limit,
    });
    let server = Server::new(listener, crate::http::router(shared.clone()), options);
    let admin = admin.map(|it| Server::new(it, crate::http::admin_router(shared), of_admin));
    Ok((server, admin))
}

/// Opens the log that the configuration names: the database's where there is one, or the folder's.
///
/// # Errors
/// [`ServeError`] when it cannot be opened.
pub(crate) async fn open_log(config: &Config) -> Result<Arc<dyn Log>, ServeError> {
    Ok(match &config.postgres {
        Some(database) => Arc::new(open_database(database).await?),
        None => Arc::new(SqliteLog::open(&config.data, Arc::new(SystemClock))?),
    })
}

/// Opens the log in the database.
///
/// # Errors
/// [`ServeError`] when it cannot be opened.
pub(crate) async fn open_database(config: &PostgresConfig) -> Result<PostgresLog, ServeError> {
    let PostgresConfig { url, ca, readers } = config;
    let url = match url {
        UrlSource::Given(url) => url.clone(),
        UrlSource::File(path) => {
            let text = std::fs::read_to_string(path).map_err(|error| ServeError::PostgresFile {
                path: path.clone(),
                error,
            })?;
            Secret::new(text.trim_end_matches(['\r', '\n']))
        }
    };
    let options = PostgresOptions {
        url: url.expose(),
        ca: ca.as_deref(),
        readers: *readers,
        schema: postgres::SCHEMA,
    };
    let log = PostgresLog::open(options).await?;
    if let Some(notice) = log.notice() {
        tracing::warn!("{notice}");
    }
    Ok(log)
}

/// Where instances meet: Redis, where the configuration names one, signed with what only those know who share the log.
async fn open_bus(config: &Config, log: &dyn Log) -> Result<Arc<dyn Bus>, ServeError> {
    let Some(redis) = &config.redis else {
        return Ok(Arc::new(LocalBus::new()));
    };
    let Some(key) = log.secret().await? else {
        return Err(ServeError::RedisAlone);
    };
    Ok(Arc::new(RedisBus::open(redis.options()?, &key)))
}

async fn open_hub(config: &Config) -> Result<Arc<Hub>, ServeError> {
    let clock: Arc<dyn Clock> = Arc::new(LogClock::default());
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy::default());
    let log = open_log(config).await?;
    let bus = open_bus(config, &*log).await?;
    let options = options(config)?;
    let instance = entropy.uuid(clock.now_ms());
    let kept_ms = options.settings.claim_grace_ms.max(LONGEST_GRACE_MS);
    log.begin(instance, clock.now_ms(), kept_ms).await?;
    let deps = Deps {
        group: GroupCommit::new(log.clone()),
        log,
        bus,
        clock,
        entropy,
        options,
        instance,
        metrics: Arc::new(Metrics::new()),
        timers: Arc::new(Timers::default()),
        pulse: Arc::new(Pulse::default()),
    };
    let hub = Hub::new(Arc::new(deps));
    hub.set_clock().await;
    Ok(hub)
}

fn options(config: &Config) -> Result<Options, BadId> {
    let ms = |it: Duration| i64::try_from(it.as_millis()).unwrap_or(i64::MAX);
    let seconds = |it: Duration| u32::try_from(it.as_secs()).unwrap_or(u32::MAX).max(1);
    let settings = Settings {
        default_queue: QueueId::new(DEFAULT_QUEUE)?,
        claim_grace_ms: ms(config.claim_grace),
        claim_idle_ms: config.claim_idle.map(ms),
        offer_ttl_ms: ms(config.offer_ttl),
        agents_take_over: config.agents_take_over,
        retain_closed_ms: config.retain_closed.map(ms),
        ..Settings::default()
    };
    Ok(Options {
        settings,
        resume_window_ms: ms(config.resume_window),
        heartbeat_s: u64::from(seconds(config.heartbeat)),
        silence_s: seconds(config.silence_timeout),
        write_timeout_s: seconds(config.write_timeout),
        outbox_bytes: config.outbox_bytes,
        budgets: config.budgets.clone(),
    })
}

/// Deletes keys whose time is over, now and then.
async fn forget_keys(deps: Arc<Deps>) {
    loop {
        sleep(FORGET_KEYS).await;
        if let Err(error) = deps.log.forget_keys(deps.clock.now_ms()).await {
            tracing::warn!(%error, "old keys could not be deleted");
        }
    }
}

/// Ready at the first SIGTERM or Ctrl-C; from now on neither ends the process by itself.
#[cfg(unix)]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        tokio::signal::ctrl_c().await.ok();
    })
}
