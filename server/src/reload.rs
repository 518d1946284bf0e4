//! SIGHUP: keys and certificates are read anew, while sessions stay.
//!
//! What cannot be read is said in the log, and what was read before stays in force. Deliberately absent: every other
//! setting, which needs a restart.

use crate::auth::Keys;
use crate::config::{Config, ConfigError};
use crate::net::Tls;
use crate::notify::Notifier;
use std::io;
use std::sync::Arc;

/// Reads the configuration again, from where it was first read.
pub type Reread = Box<dyn Fn() -> Result<Config, ConfigError> + Send + Sync>;

/// What is read anew, and from where.
pub(crate) struct Reload {
    reread: Option<Reread>,
    keys: Arc<Keys>,
    tls: Option<Arc<Tls>>,
    notifier: Notifier,
}

impl Reload {
    /// Without `reread` nothing is read anew, and SIGHUP is left to the system.
    pub(crate) fn new(
        reread: Option<Reread>,
        keys: Arc<Keys>,
        tls: Option<Arc<Tls>>,
        notifier: Notifier,
    ) -> Self {
        Self {
            reread,
            keys,
            tls,
            notifier,
        }
    }

    /// Reads anew at each SIGHUP, for ever.
    ///
    /// # Errors
    /// When the system does not let it hear the signal.
    #[cfg(unix)]
    pub(crate) fn on_signal(self) -> io::Result<impl Future<Output = ()>> {
        use tokio::signal::unix::{SignalKind, signal};
        let hangup = match &self.reread {
            Some(_) => Some(signal(SignalKind::hangup())?),
            None => None,
        };
        Ok(async move {
            let Some(mut hangup) = hangup else { return };
            while hangup.recv().await.is_some() {
                self.notifier.reloading();
                self.read_anew();
                self.notifier.ready();
            }
        })
    }

    /// There is no SIGHUP on this system.
    ///
    /// # Errors
    /// Never.
    #[cfg(not(unix))]
    pub(crate) fn on_signal(self) -> io::Result<impl Future<Output = ()>> {
        Ok(async move { drop(self) })
    }

    #[cfg(unix)]
    fn read_anew(&self) {
        let Some(reread) = &self.reread else { return };
        let config = match reread() {
            Ok(config) => config,
            Err(error) => {
                return tracing::error!(%error, "the configuration cannot be read: keys and certificates stay");
            }
        };
        match self.keys.reload(&config.auth) {
            Ok(()) => tracing::info!("the keys that sign tokens were read anew"),
            Err(error) => tracing::error!(%error, "the keys cannot be read: those in force stay"),
        }
        match (&self.tls, &config.tls) {
            (Some(tls), Some(files)) => match tls.reload(&files.certificate, &files.key) {
                Ok(()) => tracing::info!("the certificate was read anew"),
                Err(error) => {
                    tracing::error!(%error, "the certificate cannot be read: the one in force stays")
                }
            },
            (None, None) => {}
            _ => tracing::error!("turning TLS on or off needs a restart"),
        }
    }
}
