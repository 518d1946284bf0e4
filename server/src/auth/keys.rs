//! The keys that are in force: they can be read anew while tokens are verified.
//!
//! Deliberately absent: when to read them, and the sessions that older keys let in, which stay.

use super::{AuthError, Identity, KeyError, Keyring};
use crate::config::AuthConfig;
use parking_lot::RwLock;
use std::path::PathBuf;
use std::sync::Arc;

/// The current keyring.
#[derive(Debug)]
pub struct Keys {
    ring: RwLock<Arc<Keyring>>,
    data: PathBuf,
}

impl Keys {
    /// Reads the configured keys, or the secret in the data folder, which is made if it is not there; then its path is
    /// returned for the log.
    ///
    /// # Errors
    /// [`KeyError`] names the first key that cannot be used.
    pub fn open(auth: &AuthConfig, data: PathBuf) -> Result<(Self, Option<PathBuf>), KeyError> {
        let (ring, made) = Keyring::open(auth, &data)?;
        let ring = RwLock::new(Arc::new(ring));
        Ok((Self { ring, data }, made))
    }

    /// Reads the keys anew, for tokens from now on.
    ///
    /// # Errors
    /// [`KeyError`]; then the keys that were in force stay.
    pub fn reload(&self, auth: &AuthConfig) -> Result<(), KeyError> {
        let fresh = Keyring::open_existing(auth, &self.data)?;
        *self.ring.write() = Arc::new(fresh);
        Ok(())
    }

    /// [`Keyring::verify`] with the keys that are in force.
    ///
    /// # Errors
    /// [`AuthError`] says in one sentence what is wrong with the token.
    pub fn verify(&self, token: &str, now_ms: i64) -> Result<Identity, AuthError> {
        let ring = Arc::clone(&self.ring.read());
        ring.verify(token, now_ms)
    }
}
