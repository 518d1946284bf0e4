//! The accept loop: it ends when it is told to, and never by an error.

use super::connection::{self, Shared};
use super::permits::Permits;
use super::tls::Tls;
use crate::config::Config;
use axum::Router;
use ipnet::IpNet;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The first wait after a failed accept; doubled up to [`BACKOFF_MAX`].
const BACKOFF_MIN: Duration = Duration::from_millis(10);
/// The longest wait after failed accepts. Out of descriptors, only connections that end will help.
const BACKOFF_MAX: Duration = Duration::from_secs(1);

/// What a [`Server`] needs to know.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// How long a connection may take to send a request's head, a PROXY header, or idle between requests.
    pub header_timeout: Duration,
    /// How long requests that are being answered have when the server stops.
    pub drain_timeout: Duration,
    /// Whose PROXY protocol and `X-Forwarded-For` are believed.
    pub trusted_proxy: Arc<[IpNet]>,
    /// The limit on connections from one address.
    pub permits: Arc<Permits>,
    /// The certificate to show; `None`: in the clear.
    pub tls: Option<Arc<Tls>>,
}

impl From<&Config> for ServerOptions {
    fn from(config: &Config) -> Self {
        Self {
            header_timeout: config.header_timeout,
            drain_timeout: config.drain_timeout,
            trusted_proxy: Arc::clone(&config.trusted_proxy),
            permits: Permits::new(config.connections_per_address),
            tls: None,
        }
    }
}

/// Serves a router on a listening socket.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    shared: Arc<Shared>,
}

impl Server {
    /// Puts the parts together. Every request that reaches `router` has a [`super::Peer`] and a
    /// [`super::ConnectionPermit`] in its extensions.
    #[must_use]
    pub fn new(listener: TcpListener, router: Router, options: ServerOptions) -> Self {
        Self {
            listener,
            shared: Arc::new(Shared::new(router, options)),
        }
    }

    /// Where it listens.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Accepts until `stop` is ready, then lets requests that are being answered finish, for `drain_timeout` at most,
    /// and returns. Sockets that were upgraded are not waited for: they belong to whoever upgraded them.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let Self { listener, shared } = self;
        let (stopping, stopped) = watch::channel(false);
        let mut stop = pin!(stop);
        loop {
            let (stream, direct) = tokio::select! {
                biased;
                () = stop.as_mut() => break,
                accepted = accept(&listener) => accepted,
            };
            tokio::spawn(connection::serve(
                stream,
                direct,
                Arc::clone(&shared),
                stopped.clone(),
            ));
        }
        drop(listener);
        drop(stopped);
        stopping.send_replace(true);
        // Every connection holds a receiver, and gives up by itself when the time is over.
        stopping.closed().await;
    }
}

/// The next connection, however many errors come first.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    let mut failures = 0;
    loop {
        let error = match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => error,
        };
        let Some(wait) = backoff(&error, failures) else {
            continue;
        };
        if failures == 0 {
            tracing::warn!(%error, "cannot accept connections; trying again");
        }
        failures += 1;
        tokio::time::sleep(wait).await;
    }
}

/// How long to wait after an error; not at all when it was about that one connection.
fn backoff(error: &io::Error, failures: u32) -> Option<Duration> {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    if matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    ) {
        return None;
    }
    Some(BACKOFF_MIN.saturating_mul(1 << failures.min(10)).min(BACKOFF_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn out_of_descriptors_waits_longer_each_time_up_to_a_second() {
        let error = io::Error::from_raw_os_error(24);
        assert_eq!(backoff(&error, 0), Some(BACKOFF_MIN));
        assert_eq!(backoff(&error, 1), Some(2 * BACKOFF_MIN));
        assert_eq!(backoff(&error, u32::MAX), Some(BACKOFF_MAX));
    }

    #[test]
    fn a_connection_that_went_away_costs_no_wait() {
        assert_eq!(backoff(&io::ErrorKind::ConnectionAborted.into(), 7), None);
    }
}
