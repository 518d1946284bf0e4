//! Running a server: opens the log, starts the hub, serves until it is told to stop, drains.

use crate::auth::{KeyError, Keyring};
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
use crate::net::{Server, ServerOptions, listen};
use crate::ports::{Clock, Entropy, SystemClock, SystemEntropy};
use crate::shared::{IngestLimit, Shared};
use dibs_protocol::ids::{BadId, QueueId};
use dibs_rules::Settings;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
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
    /// The system does not let it hear signals.
    #[error("cannot wait for signals: {0}")]
    Signals(io::Error),
}

/// Serves until SIGTERM or Ctrl-C.
///
/// # Errors
/// [`ServeError`] when it cannot start; once it runs, nothing ends it but a signal.
pub async fn run(config: Config) -> Result<(), ServeError> {
    let stop = stop_signal().map_err(ServeError::Signals)?;
    run_until(config, |_| {}, stop).await
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
    let (keys, made) = Keyring::open(&config.auth, &config.data)?;
    if let Some(path) = made {
        let path = path.display();
        tracing::info!(%path, "no key is configured: tokens are signed with the secret in the data folder");
    }
    let hub = open_hub(&config).await?;
    let failed = |error| ServeError::Listen {
        address: config.listen,
        error,
    };
    let listener = listen(config.listen).map_err(failed)?;
    let (drain_timeout, options) = (config.drain_timeout, ServerOptions::from(&config));
    let ingest_limit = IngestLimit::new(config.ingest_per_second);
    let shared = Arc::new(Shared {
        hub: hub.clone(),
        keys,
        config,
        ingest_limit,
    });
    let server = Server::new(listener, crate::http::router(shared), options);
    let address = server.local_addr().map_err(|error| ServeError::Listen {
        address: ([0, 0, 0, 0], 0).into(),
        error,
    })?;
    let timers = tokio::spawn(hub.clone().run_timers());
    let pulse = tokio::spawn(hub.clone().run_pulse());
    let keeper = tokio::spawn(forget_keys(hub.deps().clone()));
    tracing::info!(%address, "listening");
    listening(address);
    let leave = Arc::new(Notify::new());
    let left = leave.clone();
    let serving = tokio::spawn(server.run(async move { left.notified().await }));
    stop.await;
    tracing::info!("leaving");
    let until = Instant::now() + drain_timeout;
    hub.drain(SPREAD_MS);
    leave.notify_one();
    sleep(FAREWELL.min(drain_timeout)).await;
    hub.close_all();
    while hub.deps().metrics.sessions() > 0 && Instant::now() < until {
        sleep(Duration::from_millis(20)).await;
    }
    // What has not ended by now ends with the process.
    timeout_at(until, serving).await.ok();
    timers.abort();
    pulse.abort();
    keeper.abort();
    tracing::info!("stopped");
    Ok(())
}

/// Opens the log that the configuration names: the database's where there is one, or the folder's.
///
/// # Errors
/// [`ServeError`] when it cannot be opened.
pub(crate) async fn open_log(config: &Config) -> Result<Arc<dyn Log>, ServeError> {
    let Some(PostgresConfig { url, ca, readers }) = &config.postgres else {
        return Ok(Arc::new(SqliteLog::open(&config.data, Arc::new(SystemClock))?));
    };
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
    Ok(Arc::new(log))
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
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy::default());
    let log = open_log(config).await?;
    let bus = open_bus(config, &*log).await?;
    let options = options(config)?;
    let instance = entropy.uuid(clock.now_ms());
    log.begin(instance, clock.now_ms(), options.settings.claim_grace_ms)
        .await?;
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
    Ok(Hub::new(Arc::new(deps)))
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
        ..Settings::default()
    };
    Ok(Options {
        settings,
        resume_window_ms: ms(config.resume_window),
        heartbeat_s: u64::from(seconds(config.heartbeat)),
        silence_s: seconds(config.silence_timeout),
        write_timeout_s: seconds(config.write_timeout),
        outbox_bytes: config.outbox_bytes,
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
