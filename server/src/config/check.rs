//! The check: from what the layers say to a [`Config`] that cannot be wrong. Nothing after it validates a setting again.

use super::ConfigError;
use super::redis::RedisConfig;
use super::settings::{KeySettings, Settings, WorkspaceSettings};
use super::values::{Days, LogFormat, LogLevel, Origin, Period, Secret};
use crate::hub::Budgets;
use dibs_protocol::ids::WorkspaceId;
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A session's commands may burst to this many times its rate.
pub const COMMAND_BURST: u32 = 4;

/// The smallest outbox: below it an ordinary answer would already count as falling behind.
const OUTBOX_BYTES_MIN: usize = 64 * 1024;

/// Every setting, checked. The settings' own documentation says what each means; `None` is always "no limit" or "off".
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where metrics and health are, when not on `listen`.
    pub admin_listen: Option<SocketAddr>,
    /// The certificate to show; `None`: in the clear.
    pub tls: Option<TlsConfig>,
    /// The folder of everything stored.
    pub data: PathBuf,
    /// The database, where everything is stored there and not in the folder.
    pub postgres: Option<PostgresConfig>,
    /// Who may sign tokens for what.
    pub auth: AuthConfig,
    /// Foreign origins that may connect.
    pub allow_origin: Arc<[Origin]>,
    /// How long a claim outlives its holder's last connection.
    pub claim_grace: Duration,
    /// How long an idle claim lives.
    pub claim_idle: Option<Duration>,
    /// How long a transfer stays open.
    pub offer_ttl: Duration,
    /// How far back a client can resume.
    pub resume_window: Duration,
    /// Commands a second and session; bursts of [`COMMAND_BURST`] times as many.
    pub commands_per_second: Option<NonZeroU32>,
    /// Ingested messages a second and token.
    pub ingest_per_second: Option<NonZeroU32>,
    /// What each workspace may use.
    pub budgets: Budgets,
    /// Connections at a time and address.
    pub connections_per_address: Option<NonZeroU32>,
    /// Whose word about a client's address is believed.
    pub trusted_proxy: Arc<[IpNet]>,
    /// Time for a socket's hello.
    pub hello_timeout: Duration,
    /// Time for a request's head.
    pub header_timeout: Duration,
    /// Time between two pings.
    pub heartbeat: Duration,
    /// Time without a byte after which a socket is closed.
    pub silence_timeout: Duration,
    /// Time without progress after which a write is given up.
    pub write_timeout: Duration,
    /// Bytes that may wait for one session.
    pub outbox_bytes: usize,
    /// Time for connections to end when the server stops.
    pub drain_timeout: Duration,
    /// Whether agents may take over.
    pub agents_take_over: bool,
    /// How long closed conversations keep what is personal.
    pub retain_closed: Option<Duration>,
    /// The Redis where instances meet; without it, this is the only one.
    pub redis: Option<RedisConfig>,
    /// From which severity on to log.
    pub log_level: LogLevel,
    /// How to write log lines.
    pub log_format: LogFormat,
}

/// Where a certificate and its key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsConfig {
    /// The certificate and its chain, PEM.
    pub certificate: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
}

/// The database that several servers share.
#[derive(Clone, Debug)]
pub struct PostgresConfig {
    /// Where its URL is.
    pub url: UrlSource,
    /// The certificates to trust; `None`: the system's.
    pub ca: Option<PathBuf>,
    /// How many connections read at a time.
    pub readers: usize,
}

/// Where a URL with a password is.
#[derive(Clone, Debug)]
pub enum UrlSource {
    /// Given directly.
    Given(Secret),
    /// In a file.
    File(PathBuf),
}

/// Who may sign tokens for which workspaces.
#[derive(Clone, Debug, Default)]
pub struct AuthConfig {
    /// The keys, in the order of the configuration. Empty: a secret in the data folder signs for everything.
    pub keys: Vec<KeyConfig>,
    /// The workspaces that exist; `None` is any.
    pub workspaces: Option<BTreeSet<WorkspaceId>>,
}

/// One source of keys.
#[derive(Clone, Debug)]
pub struct KeyConfig {
    /// Where the key stands in the configuration, for messages.
    pub place: String,
    /// The workspaces it may sign for; `None` is any.
    pub workspaces: Option<BTreeSet<WorkspaceId>>,
    /// Its name in tokens' headers.
    pub kid: Option<String>,
    /// Where the key itself is.
    pub source: KeySource,
    /// The only accepted issuer.
    pub issuer: Option<String>,
    /// The audience that tokens must name.
    pub audience: Option<String>,
}

/// Where a key is.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// A secret for HS256, given directly.
    Secret(Secret),
    /// A file with a secret for HS256.
    SecretFile(PathBuf),
    /// A file of public keys, PEM or JWKS.
    PublicFile(PathBuf),
}

impl Config {
    /// Whether `workspace` exists or may come to exist.
    #[must_use]
    pub fn knows_workspace(&self, workspace: &WorkspaceId) -> bool {
        self.auth
            .workspaces
            .as_ref()
            .is_none_or(|all| all.contains(workspace))
    }

    /// What an operator should know about these settings; nothing when all is well.
    #[must_use]
    pub fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        if self.tls.is_none() && !self.listen.ip().is_loopback() && self.trusted_proxy.is_empty() {
            doubts.push(format!(
                "{} is served in the clear beyond this machine: tokens and messages can be read on the way; set \
                 tls_cert and tls_key, or trusted_proxy if a proxy in front of it ends TLS",
                self.listen
            ));
        }
        doubts
    }

    /// Checks merged settings.
    ///
    /// # Errors
    /// [`ConfigError::Setting`] for the first setting whose value cannot work.
    pub fn check(settings: Settings) -> Result<Self, ConfigError> {
        let s = settings;
        let auth = check_auth(&s)?;
        let postgres = check_postgres(&s)?;
        let redis = RedisConfig::check(&s)?;
        let tls = check_tls(&s)?;
        let budgets = super::budgets::check(&s)?;
        let heartbeat = at_least("heartbeat", s.heartbeat, Duration::from_millis(10))?;
        let silence_timeout = at_least("silence_timeout", s.silence_timeout, Duration::from_millis(10))?;
        if silence_timeout <= heartbeat {
            let message = "it must be longer than heartbeat, or every quiet client is closed";
            return Err(ConfigError::setting("silence_timeout", message));
        }
        let outbox_bytes = have("outbox_bytes", s.outbox_bytes)?;
        if outbox_bytes < OUTBOX_BYTES_MIN {
            return Err(ConfigError::setting(
                "outbox_bytes",
                format!("it must be at least {OUTBOX_BYTES_MIN}"),
            ));
        }
        let least = Duration::from_millis(1);
        Ok(Self {
            listen: have("listen", s.listen)?,
            admin_listen: s.admin_listen,
            tls,
            data: have("data", s.data).and_then(not_empty)?,
            postgres,
            auth,
            allow_origin: have("allow_origin", s.allow_origin)?.into(),
            claim_grace: have("claim_grace", s.claim_grace)?.0,
            claim_idle: Some(have("claim_idle", s.claim_idle)?.0).filter(|idle| !idle.is_zero()),
            offer_ttl: at_least("offer_ttl", s.offer_ttl, least)?,
            resume_window: at_least("resume_window", s.resume_window, least)?,
            commands_per_second: NonZeroU32::new(have("commands_per_second", s.commands_per_second)?),
            ingest_per_second: NonZeroU32::new(have("ingest_per_second", s.ingest_per_second)?),
            budgets,
            connections_per_address: NonZeroU32::new(have(
                "connections_per_address",
                s.connections_per_address,
            )?),
            trusted_proxy: have("trusted_proxy", s.trusted_proxy)?.into(),
            hello_timeout: at_least("hello_timeout", s.hello_timeout, least)?,
            header_timeout: at_least("header_timeout", s.header_timeout, least)?,
            heartbeat,
            silence_timeout,
            write_timeout: at_least("write_timeout", s.write_timeout, least)?,
            outbox_bytes,
            drain_timeout: have("drain_timeout", s.drain_timeout)?.0,
            agents_take_over: have("agents_take_over", s.agents_take_over)?,
            retain_closed: s
                .retain_closed_days
                .map(|Days(time)| time)
                .filter(|it| !it.is_zero()),
            redis,
            log_level: have("log_level", s.log_level)?,
            log_format: have("log_format", s.log_format)?,
        })
    }
}

fn have<T>(name: &str, value: Option<T>) -> Result<T, ConfigError> {
    value.ok_or_else(|| ConfigError::setting(name, "it is missing"))
}

fn at_least(name: &str, value: Option<Period>, least: Duration) -> Result<Duration, ConfigError> {
    let Period(value) = have(name, value)?;
    if value < least {
        return Err(ConfigError::setting(
            name,
            format!("it must be at least {}", Period(least)),
        ));
    }
    Ok(value)
}

fn not_empty(path: PathBuf) -> Result<PathBuf, ConfigError> {
    if path.as_os_str().is_empty() {
        return Err(ConfigError::setting("data", "it names no folder"));
    }
    Ok(path)
}

fn check_tls(settings: &Settings) -> Result<Option<TlsConfig>, ConfigError> {
    match (settings.tls_cert.clone(), settings.tls_key.clone()) {
        (Some(certificate), Some(key)) => Ok(Some(TlsConfig { certificate, key })),
        (Some(_), None) => Err(ConfigError::setting("tls_cert", "it needs tls_key")),
        (None, Some(_)) => Err(ConfigError::setting("tls_key", "it needs tls_cert")),
        (None, None) => Ok(None),
    }
}

fn check_postgres(settings: &Settings) -> Result<Option<PostgresConfig>, ConfigError> {
    let url = match (&settings.postgres, &settings.postgres_file) {
        (Some(_), Some(_)) => {
            let message = "postgres_file is set as well; one must go";
            return Err(ConfigError::setting("postgres", message));
        }
        (Some(url), None) => UrlSource::Given(url.clone()),
        (None, Some(path)) => UrlSource::File(path.clone()),
        (None, None) if settings.postgres_ca.is_some() => {
            return Err(ConfigError::setting(
                "postgres_ca",
                "it needs postgres or postgres_file",
            ));
        }
        (None, None) => return Ok(None),
    };
    let readers = have("postgres_readers", settings.postgres_readers)?;
    if readers == 0 {
        return Err(ConfigError::setting("postgres_readers", "it must be at least 1"));
    }
    let ca = settings.postgres_ca.clone();
    Ok(Some(PostgresConfig { url, ca, readers }))
}

fn check_auth(settings: &Settings) -> Result<AuthConfig, ConfigError> {
    let workspaces = match &settings.workspace {
        Some(all) if !all.is_empty() => Some(workspace_ids(all)?),
        _ => None,
    };
    let shared = |place: &str, source: KeySource| KeyConfig {
        place: place.to_owned(),
        workspaces: workspaces.clone(),
        kid: None,
        source,
        issuer: settings.auth_issuer.clone(),
        audience: settings.auth_audience.clone(),
    };
    let mut keys = Vec::new();
    match (&settings.auth_secret, &settings.auth_secret_file) {
        (Some(_), Some(_)) => {
            return Err(ConfigError::setting(
                "auth_secret",
                "auth_secret_file is set as well; one must go",
            ));
        }
        (Some(secret), None) => keys.push(shared("auth_secret", KeySource::Secret(secret.clone()))),
        (None, Some(path)) => keys.push(shared("auth_secret_file", KeySource::SecretFile(path.clone()))),
        (None, None) => {}
    }
    for path in settings.auth_public_keys.iter().flatten() {
        keys.push(shared("auth_public_keys", KeySource::PublicFile(path.clone())));
    }
    if keys.is_empty() {
        let rules = [
            ("auth_issuer", &settings.auth_issuer),
            ("auth_audience", &settings.auth_audience),
        ];
        for (name, value) in rules {
            if value.is_some() {
                return Err(ConfigError::setting(
                    name,
                    "it needs auth_secret or auth_public_keys",
                ));
            }
        }
    }
    let signs_for_all = !keys.is_empty();
    for workspace in settings.workspace.iter().flatten() {
        if workspace.key.is_empty() && !signs_for_all {
            return Err(ConfigError::setting(
                "workspace",
                format!("{} has no key", workspace.id),
            ));
        }
        for (at, key) in workspace.key.iter().enumerate() {
            let place = format!("workspace {}, key {}", workspace.id, at + 1);
            keys.push(check_key(&workspace.id, place, key)?);
        }
    }
    Ok(AuthConfig { keys, workspaces })
}

fn workspace_ids(all: &[WorkspaceSettings]) -> Result<BTreeSet<WorkspaceId>, ConfigError> {
    let mut ids = BTreeSet::new();
    for workspace in all {
        if !ids.insert(workspace.id.clone()) {
            return Err(ConfigError::setting(
                "workspace",
                format!("{} is there twice", workspace.id),
            ));
        }
    }
    Ok(ids)
}

fn check_key(workspace: &WorkspaceId, place: String, key: &KeySettings) -> Result<KeyConfig, ConfigError> {
    let sources = [
        key.secret.clone().map(KeySource::Secret),
        key.secret_file.clone().map(KeySource::SecretFile),
        key.public_key_file.clone().map(KeySource::PublicFile),
        key.jwks_file.clone().map(KeySource::PublicFile),
    ];
    let mut sources = sources.into_iter().flatten();
    let (Some(source), None) = (sources.next(), sources.next()) else {
        let message = "it needs exactly one of secret, secret_file, public_key_file and jwks_file";
        return Err(ConfigError::setting(place, message));
    };
    Ok(KeyConfig {
        place,
        workspaces: Some(BTreeSet::from([workspace.clone()])),
        kid: key.kid.clone(),
        source,
        issuer: key.issuer.clone(),
        audience: key.audience.clone(),
    })
}
