//! The keys of this server, and the one question they answer: whose token is this?

use super::sources::{self, Key, KeyError};
use super::{AuthError, Identity, claims, secret};
use crate::config::{AuthConfig, KeyConfig, KeySource};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, Validation};
use serde::Deserialize;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Longest token, in bytes.
pub const TOKEN_MAX: usize = 8 * 1024;

/// Every key of this server, as read at one moment.
#[derive(Debug)]
pub struct Keyring {
    pub(super) keys: Vec<Key>,
}

/// The parts of a token's header that matter.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<serde_json::Value>,
}

impl Keyring {
    /// Reads the configured keys. Where there are none, the secret in the data folder is the key, made now if it is
    /// not there; its path is returned for the log.
    ///
    /// # Errors
    /// [`KeyError`] names the first key that cannot be used.
    pub fn open(auth: &AuthConfig, data: &Path) -> Result<(Self, Option<PathBuf>), KeyError> {
        if !auth.keys.is_empty() {
            return Ok((Self::read(auth)?, None));
        }
        let path = secret::file(data);
        secret::read_or_make(data).map_err(|error| KeyError::Read {
            place: "data".to_owned(),
            path: path.clone(),
            error,
        })?;
        Ok((Self::read_data(data)?, Some(path)))
    }

    /// Reads the configured keys, or the secret that a server left in the data folder. Makes nothing.
    ///
    /// # Errors
    /// [`KeyError`] names the first key that cannot be used.
    pub fn open_existing(auth: &AuthConfig, data: &Path) -> Result<Self, KeyError> {
        if auth.keys.is_empty() {
            Self::read_data(data)
        } else {
            Self::read(auth)
        }
    }

    /// Reads the configured keys.
    ///
    /// # Errors
    /// [`KeyError`] names the first key that cannot be used.
    pub fn read(auth: &AuthConfig) -> Result<Self, KeyError> {
        let mut keys = Vec::new();
        for key in &auth.keys {
            keys.append(&mut sources::read(key)?);
        }
        Ok(Self { keys })
    }

    fn read_data(data: &Path) -> Result<Self, KeyError> {
        let key = KeyConfig {
            place: "the secret in the data folder".to_owned(),
            workspaces: None,
            kid: None,
            source: KeySource::SecretFile(secret::file(data)),
            issuer: None,
            audience: None,
        };
        Ok(Self {
            keys: sources::read(&key)?,
        })
    }

    /// Verifies `token` at `now_ms` (milliseconds since the Unix epoch).
    ///
    /// The token's own word about its workspace and key only chooses which keys are tried; each is tried with its
    /// own algorithm, and only keys that sign for that workspace.
    ///
    /// # Errors
    /// [`AuthError`] says in one sentence what is wrong with the token.
    pub fn verify(&self, token: &str, now_ms: i64) -> Result<Identity, AuthError> {
        if token.len() > TOKEN_MAX {
            return Err(AuthError::TooLong);
        }
        let (header, unverified) = peek(token)?;
        if header.crit.is_some() {
            return Err(AuthError::Critical);
        }
        let workspace = claims::workspace(&unverified)?;
        let mut closest = AuthError::WrongWorkspace;
        let mut refuse = |error: AuthError| {
            if rank(&error) > rank(&closest) {
                closest = error;
            }
        };
        for key in self.keys.iter().filter(|key| key.signs_for(&workspace)) {
            let named = |kid: &String| header.kid.as_ref().is_none_or(|wanted| wanted == kid);
            if !key.kid.as_ref().is_none_or(named) {
                refuse(AuthError::UnknownKey);
                continue;
            }
            match verify_with(key, &header.alg, token, now_ms) {
                Ok(identity) => return Ok(identity),
                Err(error) => refuse(error),
            }
        }
        Err(closest)
    }
}

/// How close a token came, so that the answer is about the key that was meant.
fn rank(error: &AuthError) -> u8 {
    match error {
        AuthError::WrongWorkspace => 0,
        AuthError::UnknownKey => 1,
        AuthError::WrongAlgorithm => 2,
        AuthError::TooLong | AuthError::Malformed | AuthError::Critical | AuthError::BadSignature => 3,
        AuthError::WrongIssuer | AuthError::WrongAudience => 4,
        AuthError::Expired | AuthError::NotYetValid | AuthError::Claim { .. } => 5,
    }
}

fn verify_with(key: &Key, alg: &str, token: &str, now_ms: i64) -> Result<Identity, AuthError> {
    if alg != name_of(key.algorithm) {
        return Err(AuthError::WrongAlgorithm);
    }
    // Only the signature is checked there; dates and parties below, with our own leeways and clock.
    let mut validation = Validation::new(key.algorithm);
    validation.required_spec_claims = HashSet::new();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    let verified = jsonwebtoken::decode::<claims::Claims>(token, &key.decoding, &validation)
        .map_err(|_| AuthError::BadSignature)?
        .claims;
    claims::check_party(&verified, key.issuer.as_deref(), key.audience.as_deref())?;
    let expires_at_ms = claims::check_dates(&verified, now_ms)?;
    let signed = token.rsplit_once('.').map_or(token, |(signed, _)| signed);
    claims::identity(&verified, signed, expires_at_ms)
}

/// The algorithm as headers name it. Keys have no others than these.
fn name_of(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::HS256 => "HS256",
        Algorithm::RS256 => "RS256",
        Algorithm::ES256 => "ES256",
        Algorithm::EdDSA => "EdDSA",
        _ => "",
    }
}

/// Header and claims, before anything is verified.
fn peek(token: &str) -> Result<(Header, claims::Claims), AuthError> {
    let parts: Vec<&str> = token.splitn(4, '.').collect();
    let [header, payload, _signature] = parts[..] else {
        return Err(AuthError::Malformed);
    };
    let header = URL_SAFE_NO_PAD.decode(header).map_err(|_| AuthError::Malformed)?;
    let payload = URL_SAFE_NO_PAD
        .decode(payload)
        .map_err(|_| AuthError::Malformed)?;
    let header = serde_json::from_slice(&header).map_err(|_| AuthError::Malformed)?;
    let payload = serde_json::from_slice(&payload).map_err(|_| AuthError::Malformed)?;
    Ok((header, payload))
}
