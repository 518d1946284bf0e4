//! Running a server: opens what it needs, serves until it is told to stop. For now its keys and its liveness.

use crate::auth::{KeyError, Keyring};
use crate::config::Config;
use crate::net::{Server, ServerOptions, listen, with_cors};
use axum::Router;
use axum::routing::get;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
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
    let (_keys, made) = Keyring::open(&config.auth, &config.data)?;
    if let Some(path) = made {
        let path = path.display();
        tracing::info!(%path, "no key is configured: tokens are signed with the secret in the data folder");
    }
    let failed = |error| ServeError::Listen {
        address: config.listen,
        error,
    };
    let router = Router::new()
        .route("/livez", get(|| async { "ok" }))
        .route("/readyz", get(|| async { "ok" }));
    let router = with_cors(router, Arc::clone(&config.allow_origin));
    let listener = listen(config.listen).map_err(failed)?;
    let server = Server::new(listener, router, ServerOptions::from(&config));
    let stop = stop_signal().map_err(ServeError::Signals)?;
    tracing::info!(address = %server.local_addr().map_err(failed)?, "listening");
    server.run(stop).await;
    tracing::info!("stopped");
    Ok(())
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
