//! `dibs healthcheck`: one request to a running server, for containers that have no curl.

use super::{Failure, Outcome, load, unverified};
use crate::config::{Config, SettingsArgs};
use axum::http::Uri;
use clap::Args;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

/// How long connecting, writing and reading may take, each.
const TIMEOUT: Duration = Duration::from_secs(5);
/// As much of an answer as its first line may have.
const ANSWER_MAX: u64 = 4096;

/// The flags of `dibs healthcheck`.
#[derive(Debug, Args)]
pub(super) struct Healthcheck {
    /// Where to ask [default: /readyz at the address of the setting admin_listen, or else of listen]. With https any
    /// certificate will do: the question is whether it is ready, not who it is.
    #[arg(long, value_name = "URL")]
    url: Option<Uri>,
    #[command(flatten)]
    settings: SettingsArgs,
}

/// What to ask, and whom.
#[derive(Debug, PartialEq, Eq)]
struct Target {
    /// Host and port, to connect and for the `Host` header.
    authority: String,
    path: String,
    /// Whether it speaks TLS.
    tls: bool,
}

impl Healthcheck {
    pub(super) fn run(self) -> Outcome {
        let target = match self.url {
            Some(url) => target_of(&url)?,
            None => own(&load(self.settings)?.config)?,
        };
        let status = ask(&target)
            .map_err(|error| Failure::new(format!("{} does not answer: {error}", target.authority)))?;
        if status == 200 {
            Ok(())
        } else {
            Err(Failure::new(format!("the server is not ready (HTTP {status})")))
        }
    }
}

fn target_of(url: &Uri) -> Result<Target, Failure> {
    let (Some(scheme @ ("http" | "https")), Some(authority)) = (url.scheme_str(), url.authority()) else {
        return Err(Failure::new("--url must be like http://127.0.0.1:7070"));
    };
    let tls = scheme == "https";
    let authority = match authority.port() {
        Some(_) => authority.to_string(),
        None => format!("{authority}:{}", if tls { 443 } else { 80 }),
    };
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    Ok(Target {
        authority,
        path: if path == "/" { "/readyz" } else { path }.to_owned(),
        tls,
    })
}

/// The server that would run with this configuration, asked from the same machine.
fn own(config: &Config) -> Result<Target, Failure> {
    let (listen, tls) = match config.admin_listen {
        Some(admin) => (admin, false),
        None => (config.listen, config.tls.is_some()),
    };
    if listen.port() == 0 {
        return Err(Failure::new(
            "the address in the settings names no port; name the server with --url",
        ));
    }
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    Ok(Target {
        authority: SocketAddr::new(ip, listen.port()).to_string(),
        path: "/readyz".to_owned(),
        tls,
    })
}

fn ask(target: &Target) -> std::io::Result<u16> {
    let mut last = std::io::Error::other("its name has no address");
    for address in target.authority.to_socket_addrs()? {
        match ask_at(address, target) {
            Ok(status) => return Ok(status),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn ask_at(address: SocketAddr, target: &Target) -> std::io::Result<u16> {
    let stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    if !target.tls {
        return converse(stream, target);
    }
    let host = target.authority.rsplit_once(':').map_or("", |(host, _)| host);
    converse(unverified::over(stream, host.trim_matches(['[', ']']))?, target)
}

fn converse(mut stream: impl Read + Write, target: &Target) -> std::io::Result<u16> {
    let Target { authority, path, .. } = target;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    stream.take(ANSWER_MAX).read_to_end(&mut answer)?;
    let line = String::from_utf8_lossy(&answer);
    let status = line
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3))
        .and_then(|text| text.parse().ok());
    status.ok_or_else(|| std::io::Error::other("its answer is not HTTP"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("http://127.0.0.1:7070", "127.0.0.1:7070", "/readyz")]
    #[case("http://dibs/", "dibs:80", "/readyz")]
    #[case("http://[::1]:7070/livez", "[::1]:7070", "/livez")]
    #[case("https://dibs.example", "dibs.example:443", "/readyz")]
    fn a_url_says_whom_to_ask(#[case] url: &str, #[case] authority: &str, #[case] path: &str) {
        let target = target_of(&url.parse().unwrap()).unwrap();
        assert_eq!(
            (target.authority.as_str(), target.path.as_str()),
            (authority, path)
        );
    }

    #[rstest]
    #[case("ftp://dibs.example")]
    #[case("/readyz")]
    #[case("127.0.0.1:7070")]
    fn other_urls_are_refused(#[case] url: &str) {
        assert!(target_of(&url.parse().unwrap()).is_err());
    }

    #[rstest]
    #[case("0.0.0.0:7070", "127.0.0.1:7070")]
    #[case("[::]:7070", "[::1]:7070")]
    #[case("192.0.2.1:7070", "192.0.2.1:7070")]
    fn a_server_on_all_addresses_is_asked_on_loopback(#[case] listen: &str, #[case] authority: &str) {
        let defaults = toml::from_str(&crate::config::default_toml()).unwrap();
        let mut config = Config::check(defaults).unwrap();
        config.listen = listen.parse().unwrap();
        assert_eq!(own(&config).unwrap().authority, authority);
        config.admin_listen = Some("127.0.0.1:7071".parse().unwrap());
        assert_eq!(own(&config).unwrap().authority, "127.0.0.1:7071");
    }
}
