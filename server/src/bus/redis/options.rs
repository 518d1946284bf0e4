//! Where Redis is and how to speak to it: from URLs to the parts of a connection.
//!
//! One URL `redis://` or `rediss://` (TLS) is one server; several are seeds of a Cluster, and so is one
//! `redis+cluster://`; `redis+sentinel://…/NAME` are sentinels that know where the primary NAME is. Hosts that follow the
//! first one may leave out everything but their address. Deliberately absent: reading files, connecting.

use redis::{
    Client, ConnectionAddr, IntoConnectionInfo, ProtocolVersion, RedisConnectionInfo, RedisResult,
    TlsCertificates,
};
use std::fmt;
use std::time::Duration;
use url::Url;

/// The port of a server, where a URL names none.
const SERVER_PORT: u16 = 6379;
/// The port of a sentinel, where a URL names none.
const SENTINEL_PORT: u16 = 26379;
/// Ahead of every channel's name.
pub const DEFAULT_PREFIX: &str = "dibs:";
/// Longest prefix, in bytes.
const PREFIX_MAX: usize = 64;
/// How often a connection hears itself, and how long anything may take that Redis is asked.
const PROBE: Duration = Duration::from_secs(2);
/// How often sentinels or the Cluster are asked who serves what, when nothing seems to have changed.
const CHECK: Duration = Duration::from_secs(10);

/// Why there is no way to Redis in a text. It never repeats a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadOptions(String);

/// A place where a server listens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Node {
    /// A name, or an address without brackets.
    pub(super) host: String,
    pub(super) port: u16,
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// How servers are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// One server, always the same.
    Single,
    /// Sentinels know the primary of this name.
    Sentinel(String),
    /// The nodes know who serves which slot.
    Cluster,
}

/// User and password.
#[derive(Clone, Default, PartialEq, Eq)]
struct Login {
    user: Option<String>,
    password: Option<String>,
}

/// Where Redis is and how to speak to it.
#[derive(Clone)]
pub struct Options {
    pub(super) kind: Kind,
    pub(super) seeds: Vec<Node>,
    tls: bool,
    ca: Option<Vec<u8>>,
    login: Login,
    sentinel_login: Login,
    db: i64,
    pub(super) prefix: String,
    pub(super) probe: Duration,
    pub(super) check: Duration,
}

impl fmt::Debug for Options {
    /// Without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("kind", &self.kind)
            .field("seeds", &self.seeds)
            .field("tls", &self.tls)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

impl Options {
    /// Reads URLs: each text is one or more, with commas between them.
    ///
    /// # Errors
    /// [`BadOptions`] when there is none, or one that cannot work.
    pub fn parse<T: AsRef<str>>(texts: &[T]) -> Result<Self, BadOptions> {
        let all: Vec<&str> = texts
            .iter()
            .flat_map(|it| it.as_ref().split([',', '\n']))
            .collect();
        let mut all = all.into_iter().map(str::trim).filter(|it| !it.is_empty());
        let first = all
            .next()
            .ok_or_else(|| bad("it needs a URL such as redis://host:6379"))?;
        let (scheme, _) = first
            .split_once("://")
            .ok_or_else(|| bad("a URL begins with redis:// or another scheme"))?;
        let (tls, kind) = scheme_of(scheme)?;
        let mut urls = vec![read(first)?];
        for text in all {
            let (own, rest) = text.split_once("://").unwrap_or((scheme, text));
            if own != scheme {
                return Err(bad("all URLs must have the same scheme"));
            }
            urls.push(read(&format!("{scheme}://{rest}"))?);
        }
        let kind = match kind {
            Kind::Single if urls.len() > 1 => Kind::Cluster,
            Kind::Sentinel(_) => Kind::Sentinel(primary(&urls)?),
            kind => kind,
        };
        Self::of(kind, tls, &urls)
    }

    fn of(kind: Kind, tls: bool, urls: &[Url]) -> Result<Self, BadOptions> {
        let port = match kind {
            Kind::Sentinel(_) => SENTINEL_PORT,
            Kind::Single | Kind::Cluster => SERVER_PORT,
        };
        let mut seeds = Vec::with_capacity(urls.len());
        for url in urls {
            let host = url
                .host_str()
                .filter(|host| !host.is_empty())
                .ok_or_else(|| bad("a URL has no host"))?;
            let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
            let port = url.port().unwrap_or(port);
            seeds.push(Node { host, port });
        }
        let login = urls.iter().map(login).find(|it| *it != Login::default());
        let db = match kind {
            Kind::Single => database(urls[0].path())?,
            Kind::Sentinel(_) | Kind::Cluster => 0,
        };
        Ok(Self {
            kind,
            seeds,
            tls,
            ca: None,
            login: login.unwrap_or_default(),
            sentinel_login: sentinel_login(urls)?,
            db,
            prefix: DEFAULT_PREFIX.to_owned(),
            probe: PROBE,
            check: CHECK,
        })
    }

    /// With another prefix of channels.
    ///
    /// # Errors
    /// [`BadOptions`] when it is too long or has other characters than letters, digits, `:`, `.`, `_` and `-`: braces
    /// would put all channels into one slot of a Cluster.
    pub fn with_prefix(mut self, prefix: &str) -> Result<Self, BadOptions> {
        let allowed = |it: char| it.is_ascii_alphanumeric() || matches!(it, ':' | '.' | '_' | '-');
        if prefix.len() > PREFIX_MAX || !prefix.chars().all(allowed) {
            return Err(bad("a prefix is up to 64 letters, digits, ':', '.', '_' and '-'"));
        }
        prefix.clone_into(&mut self.prefix);
        Ok(self)
    }

    /// Whether servers are spoken to over TLS.
    #[must_use]
    pub fn uses_tls(&self) -> bool {
        self.tls
    }

    /// With the certificates (PEM) of those who may sign the servers' ones, instead of the system's.
    #[must_use]
    pub fn with_ca(mut self, pem: Vec<u8>) -> Self {
        self.ca = Some(pem);
        self
    }

    /// With other intervals: between two probes, which is also how long Redis may take to answer, and between two
    /// questions who serves what.
    #[must_use]
    pub fn with_intervals(mut self, probe: Duration, check: Duration) -> Self {
        (self.probe, self.check) = (probe, check);
        self
    }

    /// A client of a server that carries messages.
    pub(super) fn client(&self, node: &Node) -> RedisResult<Client> {
        self.client_with(node, &self.login, self.db)
    }

    /// A client of a sentinel.
    pub(super) fn sentinel_client(&self, node: &Node) -> RedisResult<Client> {
        self.client_with(node, &self.sentinel_login, 0)
    }

    fn client_with(&self, node: &Node, login: &Login, db: i64) -> RedisResult<Client> {
        let (host, port) = (node.host.clone(), node.port);
        let address = if self.tls {
            let (insecure, tls_params) = (false, None);
            ConnectionAddr::TcpTls {
                host,
                port,
                insecure,
                tls_params,
            }
        } else {
            ConnectionAddr::Tcp(host, port)
        };
        let mut settings = RedisConnectionInfo::default()
            .set_protocol(ProtocolVersion::RESP3)
            .set_db(db);
        if let Some(user) = &login.user {
            settings = settings.set_username(user);
        }
        if let Some(password) = &login.password {
            settings = settings.set_password(password);
        }
        let info = address.into_connection_info()?.set_redis_settings(settings);
        if !self.tls {
            return Client::open(info);
        }
        let certificates = TlsCertificates {
            client_tls: None,
            root_cert: self.ca.clone(),
        };
        Client::build_with_tls(info, certificates)
    }
}

fn bad(message: &str) -> BadOptions {
    BadOptions(message.to_owned())
}

fn scheme_of(scheme: &str) -> Result<(bool, Kind), BadOptions> {
    Ok(match scheme {
        "redis" => (false, Kind::Single),
        "rediss" => (true, Kind::Single),
        "redis+sentinel" => (false, Kind::Sentinel(String::new())),
        "rediss+sentinel" => (true, Kind::Sentinel(String::new())),
        "redis+cluster" => (false, Kind::Cluster),
        "rediss+cluster" => (true, Kind::Cluster),
        _ => {
            return Err(bad(
                "a URL's scheme is redis, redis+sentinel or redis+cluster, or the same with rediss",
            ));
        }
    })
}

fn read(text: &str) -> Result<Url, BadOptions> {
    // The library's own error does not repeat the text, which may hold a password.
    Url::parse(text).map_err(|error| BadOptions(format!("a URL is wrong: {error}")))
}

fn decoded(text: &str) -> Option<String> {
    let text = percent_encoding::percent_decode_str(text).decode_utf8_lossy();
    Some(text.into_owned()).filter(|text| !text.is_empty())
}

fn login(url: &Url) -> Login {
    Login {
        user: decoded(url.username()),
        password: url.password().and_then(decoded),
    }
}

/// The name of the primary: the path of one of the URLs.
fn primary(urls: &[Url]) -> Result<String, BadOptions> {
    let names = urls.iter().filter_map(|it| decoded(it.path().trim_matches('/')));
    let mut names: Vec<String> = names.collect();
    names.dedup();
    match names.pop() {
        Some(name) if names.is_empty() => Ok(name),
        _ => Err(bad(
            "sentinels need the name of one primary, such as redis+sentinel://host:26379/mymaster",
        )),
    }
}

fn database(path: &str) -> Result<i64, BadOptions> {
    match path.trim_matches('/') {
        "" => Ok(0),
        number => number
            .parse()
            .map_err(|_| bad("what follows the host is the number of a database")),
    }
}

/// `?sentinel_user=…&sentinel_password=…`: sentinels have users of their own, or none.
fn sentinel_login(urls: &[Url]) -> Result<Login, BadOptions> {
    let mut login = Login::default();
    for (name, value) in urls.iter().flat_map(Url::query_pairs) {
        match &*name {
            "sentinel_user" => login.user = Some(value.into_owned()),
            "sentinel_password" => login.password = Some(value.into_owned()),
            _ => {
                return Err(bad(
                    "a URL has an unknown parameter; there are sentinel_user and sentinel_password",
                ));
            }
        }
    }
    Ok(login)
}

#[cfg(test)]
#[path = "options_tests.rs"]
mod tests;
