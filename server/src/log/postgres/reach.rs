//! The way to a server that takes writes: one of several that the URL names, over TLS where it says so.
//!
//! All that are named are dialled at once, and the first that takes writes is used: one that is silent, as a machine
//! that was cut off is, keeps nobody waiting. Deliberately absent: pools, what is asked (`link`).

use super::error::OpenError;
use super::link::CONNECT;
use super::tls::{self, Verify};
use deadpool_postgres::Connect;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, select_ok};
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::{Client, Config, Error};
use tokio_postgres_rustls::MakeRustlsConnect;

/// A dead way to the server is noticed within this time.
const TCP_DEAD: Duration = Duration::from_secs(10);

/// The servers that a URL names, and how to speak to them.
#[derive(Clone)]
pub(super) struct Reach {
    /// One for each server.
    servers: Vec<Config>,
    tls: MakeRustlsConnect,
}

impl Reach {
    /// Reads a URL. Nothing is dialled yet.
    ///
    /// # Errors
    /// [`OpenError`] when the URL means nothing, or the certificates in `ca` cannot be used.
    pub(super) fn new(url: &str, ca: Option<&Path>) -> Result<Self, OpenError> {
        let (url, verify) = tls_mode(url.trim())?;
        // Who says whom to trust does not want to be talked out of TLS by whoever answers.
        let certain = ca.is_some() && !url.contains("sslmode=");
        let mut config = Config::from_str(&url).map_err(|_| OpenError::Url)?;
        if config.get_hosts().is_empty() {
            return Err(OpenError::Url);
        }
        if certain {
            config.ssl_mode(SslMode::Require);
        }
        if config.get_application_name().is_none() {
            config.application_name("dibs");
        }
        config
            .target_session_attrs(TargetSessionAttrs::ReadWrite)
            .connect_timeout(CONNECT)
            .keepalives_idle(TCP_DEAD)
            .tcp_user_timeout(TCP_DEAD);
        let servers = one_each(&config).ok_or(OpenError::Url)?;
        let tls = tls::connector(ca, verify)?;
        Ok(Self { servers, tls })
    }

    /// What all of them have in common, for the pool, which shows it where it is debugged.
    pub(super) fn config(&self) -> Config {
        self.servers.first().cloned().unwrap_or_default()
    }

    /// Connects to a server that takes writes.
    pub(super) async fn dial(&self) -> Result<(Client, JoinHandle<()>), Error> {
        let dialled = self
            .servers
            .iter()
            .map(|server| server.connect(self.tls.clone()).boxed());
        let ((client, connection), _) = select_ok(dialled).await?;
        let task = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to PostgreSQL ended");
            }
        });
        Ok((client, task))
    }
}

impl Connect for Reach {
    fn connect(&self, _config: &Config) -> BoxFuture<'_, Result<(Client, JoinHandle<()>), Error>> {
        self.dial().boxed()
    }
}

/// The same, with one server each; `None` where addresses or ports are not as many as names.
fn one_each(all: &Config) -> Option<Vec<Config>> {
    let (hosts, addresses, ports) = (all.get_hosts(), all.get_hostaddrs(), all.get_ports());
    let fits = |count: usize| count <= 1 || count == hosts.len();
    if !fits(ports.len()) || !(addresses.is_empty() || addresses.len() == hosts.len()) {
        return None;
    }
    let one = |(at, host): (usize, &Host)| {
        let mut config = everything_else(all);
        match host {
            Host::Tcp(name) => config.host(name),
            #[cfg(unix)]
            Host::Unix(folder) => config.host_path(folder),
        };
        if let Some(address) = addresses.get(at) {
            config.hostaddr(*address);
        }
        if let Some(port) = ports.get(at).or_else(|| ports.first()) {
            config.port(*port);
        }
        config
    };
    Some(hosts.iter().enumerate().map(one).collect())
}

/// A copy without servers.
fn everything_else(all: &Config) -> Config {
    let mut config = Config::new();
    if let Some(user) = all.get_user() {
        config.user(user);
    }
    if let Some(database) = all.get_dbname() {
        config.dbname(database);
    }
    if let Some(options) = all.get_options() {
        config.options(options);
    }
    if let Some(name) = all.get_application_name() {
        config.application_name(name);
    }
    if let Some(password) = all.get_password() {
        config.password(password);
    }
    if let Some(timeout) = all.get_connect_timeout() {
        config.connect_timeout(*timeout);
    }
    if let Some(timeout) = all.get_tcp_user_timeout() {
        config.tcp_user_timeout(*timeout);
    }
    config
        .ssl_mode(all.get_ssl_mode())
        .ssl_negotiation(all.get_ssl_negotiation())
        .channel_binding(all.get_channel_binding())
        .target_session_attrs(all.get_target_session_attrs())
        .keepalives(all.get_keepalives())
        .keepalives_idle(all.get_keepalives_idle());
    config
}

/// Takes `sslmode` as PostgreSQL's own programs know it: the library knows fewer of its words.
fn tls_mode(url: &str) -> Result<(String, Verify), OpenError> {
    // Parameters follow a question mark, which no user, password or name may have in a URL; or all are parameters.
    let from = match (url.contains("://"), url.rfind('?')) {
        (true, Some(at)) => at + 1,
        (true, None) => url.len(),
        (false, _) => 0,
    };
    let between = if url.contains("://") { '&' } else { ' ' };
    let mut verify = Verify::Name;
    let mut kept = Vec::new();
    for parameter in url[from..].split(between) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let word = match (name, value) {
            ("sslmode", "disable" | "prefer" | "require") => parameter,
            ("sslmode", "verify-full") => "sslmode=require",
            ("sslmode", "verify-ca") => {
                verify = Verify::Signature;
                "sslmode=require"
            }
            ("sslmode", _) => {
                return Err(OpenError::Parameter(
                    "sslmode is disable, prefer, require, verify-ca or verify-full",
                ));
            }
            ("sslrootcert", _) => {
                return Err(OpenError::Parameter(
                    "sslrootcert is not for here: name that file in postgres_ca",
                ));
            }
            ("sslcert" | "sslkey", _) => {
                return Err(OpenError::Parameter(
                    "sslcert and sslkey are not supported: give the user a password",
                ));
            }
            // Whatever is asked for, a server that takes writes is needed.
            ("target_session_attrs", "primary" | "read-write") => "target_session_attrs=read-write",
            ("target_session_attrs", _) => {
                return Err(OpenError::Parameter(
                    "target_session_attrs is read-write, also where nothing is said: what is needed takes writes",
                ));
            }
            _ => parameter,
        };
        kept.push(word);
    }
    let joined = kept.join(&between.to_string());
    Ok((format!("{}{joined}", &url[..from]), verify))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(url: &str) -> Vec<String> {
        let reach = Reach::new(url, None).unwrap();
        let shown = reach.servers.iter().map(|it| {
            assert_eq!(it.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
            assert_eq!((it.get_user(), it.get_dbname()), (Some("dibs"), Some("d")));
            assert_eq!(it.get_password(), Some(&b"hunter2"[..]));
            let mode = it.get_ssl_mode();
            format!("{:?} {:?} {mode:?}", it.get_hosts()[0], it.get_ports())
        });
        shown.collect()
    }

    #[test]
    fn a_url_with_several_servers_names_each() {
        let both = [r#"Tcp("a") [5432] Require"#, r#"Tcp("b") [7000] Require"#];
        for url in [
            "postgres://dibs:hunter2@a,b:7000/d?sslmode=verify-full",
            "postgresql://dibs:hunter2@a:5432,b:7000/d?target_session_attrs=primary&sslmode=require\n",
            "host=a,b port=5432,7000 user=dibs password=hunter2 dbname=d sslmode=verify-ca",
        ] {
            assert_eq!(servers(url), both, "{url}");
        }
        assert_eq!(
            servers("postgres://dibs:hunter2@a/d"),
            [r#"Tcp("a") [5432] Prefer"#]
        );
    }

    #[test]
    fn what_is_asked_of_certificates_is_as_with_postgresqls_own_programs() {
        let mode = |mode: &str| tls_mode(&format!("postgres://u:p%3F@h/d?sslmode={mode}")).map(|it| it.1);
        assert_eq!(mode("verify-ca").unwrap(), Verify::Signature);
        for strict in ["prefer", "require", "verify-full"] {
            assert_eq!(mode(strict).unwrap(), Verify::Name);
        }
    }

    #[test]
    fn what_cannot_work_is_named_without_repeating_the_url() {
        for (parameter, named) in [
            ("sslmode=allow", "verify-full"),
            ("sslrootcert=/x", "postgres_ca"),
            ("target_session_attrs=standby", "read-write"),
            ("sslkey=x", "password"),
            ("pasword=x", "postgres://dibs@db.example/dibs"),
        ] {
            let url = format!("postgres://dibs:hunter2@a/d?{parameter}");
            let refused = Reach::new(&url, None).err().unwrap().to_string();
            assert!(
                refused.contains(named) && !refused.contains("hunter2"),
                "{refused}"
            );
        }
    }
}
