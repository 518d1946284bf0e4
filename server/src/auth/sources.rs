//! Where keys come from: secrets, PEM files and JWKS files, each read at start or on SIGHUP, and turned into [`Key`]s.
//!
//! What is not clearly a usable public key is refused here, with the place in the configuration, rather than at the
//! first token.

use super::secret;
use crate::config::{KeyConfig, KeySource, Secret};
use dibs_protocol::ids::WorkspaceId;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

/// Why a configured key cannot be used. Never contains the key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Its file could not be read or made.
    #[error("{place}: cannot read {}: {error}", path.display())]
    Read {
        /// Where the key stands in the configuration.
        place: String,
        /// Its file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// It is not a key that Dibs can use.
    #[error("{place}: {message}")]
    Bad {
        /// Where the key stands in the configuration.
        place: String,
        /// What is wrong.
        message: String,
    },
}

/// One key, ready to verify.
pub(super) struct Key {
    pub kid: Option<String>,
    pub algorithm: Algorithm,
    pub decoding: DecodingKey,
    /// The workspaces it signs for; `None` is any.
    pub workspaces: Option<BTreeSet<WorkspaceId>>,
    pub issuer: Option<String>,
    pub audience: Option<String>,
    /// The secret, where there is one: such a key can mint.
    pub secret: Option<Secret>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .field("workspaces", &self.workspaces)
            .finish_non_exhaustive()
    }
}

impl Key {
    fn new(config: &KeyConfig, algorithm: Algorithm, decoding: DecodingKey) -> Self {
        Self {
            kid: config.kid.clone(),
            algorithm,
            decoding,
            workspaces: config.workspaces.clone(),
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            secret: None,
        }
    }

    pub(super) fn signs_for(&self, workspace: &WorkspaceId) -> bool {
        self.workspaces.as_ref().is_none_or(|all| all.contains(workspace))
    }
}

/// All keys of one entry of the configuration.
pub(super) fn read(config: &KeyConfig) -> Result<Vec<Key>, KeyError> {
    let unreadable = |path: &PathBuf, error| KeyError::Read {
        place: config.place.clone(),
        path: path.clone(),
        error,
    };
    let bad = |message| KeyError::Bad {
        place: config.place.clone(),
        message,
    };
    match &config.source {
        KeySource::Secret(secret) => from_secret(config, secret).map_err(bad).map(|key| vec![key]),
        KeySource::SecretFile(path) => {
            let secret = secret::read(path).map_err(|error| unreadable(path, error))?;
            from_secret(config, &secret).map_err(bad).map(|key| vec![key])
        }
        KeySource::PublicFile(path) => {
            let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, error))?;
            let keys = if text.trim_start().starts_with('{') {
                from_jwks(config, &text)
            } else {
                from_pem(config, &text)
            };
            keys.map_err(|message| bad(format!("{}: {message}", path.display())))
        }
    }
}

fn from_secret(config: &KeyConfig, secret: &Secret) -> Result<Key, String> {
    if let Some(message) = secret::weakness(secret) {
        return Err(message);
    }
    let decoding = DecodingKey::from_secret(secret.expose().as_bytes());
    Ok(Key {
        secret: Some(secret.clone()),
        ..Key::new(config, Algorithm::HS256, decoding)
    })
}

fn from_pem(config: &KeyConfig, text: &str) -> Result<Vec<Key>, String> {
    if text.contains("PRIVATE KEY-----") {
        return Err(
            "this is a private key; the server needs the public one and should never see this".to_owned(),
        );
    }
    let starts: Vec<usize> = text.match_indices("-----BEGIN ").map(|(at, _)| at).collect();
    let mut keys = Vec::new();
    for (at, start) in starts.iter().enumerate() {
        let end = starts.get(at + 1).copied().unwrap_or(text.len());
        let block = text.get(*start..end).unwrap_or_default();
        let (algorithm, decoding) = one_pem(block)?;
        keys.push(Key::new(config, algorithm, decoding));
    }
    if keys.is_empty() {
        return Err("there is no PEM block and no JWKS in it".to_owned());
    }
    Ok(keys)
}

fn one_pem(block: &str) -> Result<(Algorithm, DecodingKey), String> {
    if !block.starts_with("-----BEGIN PUBLIC KEY-----")
        && !block.starts_with("-----BEGIN RSA PUBLIC KEY-----")
    {
        return Err("a PEM block must be a PUBLIC KEY or an RSA PUBLIC KEY".to_owned());
    }
    let bytes = block.as_bytes();
    if let Ok(key) = DecodingKey::from_ec_pem(bytes) {
        return Ok((Algorithm::ES256, checked_size(Algorithm::ES256, key)?));
    }
    if let Ok(key) = DecodingKey::from_ed_pem(bytes) {
        return Ok((Algorithm::EdDSA, checked_size(Algorithm::EdDSA, key)?));
    }
    let key = DecodingKey::from_rsa_pem(bytes)
        .map_err(|_| "it is not an RSA, EC or Ed25519 public key".to_owned())?;
    Ok((Algorithm::RS256, checked_size(Algorithm::RS256, key)?))
}

fn from_jwks(config: &KeyConfig, text: &str) -> Result<Vec<Key>, String> {
    let set: JwkSet = serde_json::from_str(text).map_err(|error| {
        format!(
            "it is not a JWKS, line {}, column {}",
            error.line(),
            error.column()
        )
    })?;
    let mut keys = Vec::new();
    for jwk in &set.keys {
        let kid = jwk.common.key_id.clone();
        if config.kid.is_some() && config.kid != kid {
            continue;
        }
        let Some(algorithm) = jwk_algorithm(jwk)? else {
            continue;
        };
        let decoding = DecodingKey::from_jwk(jwk).map_err(|_| "one of its keys is malformed".to_owned())?;
        keys.push(Key {
            kid,
            ..Key::new(config, algorithm, checked_size(algorithm, decoding)?)
        });
    }
    match (&config.kid, keys.is_empty()) {
        (Some(kid), true) => Err(format!("it has no usable key with the kid {kid:?}")),
        (None, true) => Err("it has no RS256, ES256 or EdDSA key".to_owned()),
        (_, false) => Ok(keys),
    }
}

/// The algorithm of a JWK; `None` for keys that are there for other purposes.
fn jwk_algorithm(jwk: &Jwk) -> Result<Option<Algorithm>, String> {
    let to_sign = matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature));
    let (algorithm, name) = match &jwk.algorithm {
        AlgorithmParameters::OctetKey(_) => {
            return Err("it has a symmetric key (oct); a secret goes to auth_secret_file".to_owned());
        }
        AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, KeyAlgorithm::ES256)
        }
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
        }
        _ => return Ok(None),
    };
    let fits = jwk.common.key_algorithm.is_none_or(|declared| declared == name);
    Ok((to_sign && fits).then_some(algorithm))
}

/// Refuses curves and sizes that would never verify, or should not.
fn checked_size(algorithm: Algorithm, key: DecodingKey) -> Result<DecodingKey, String> {
    // RSA keys of a JWKS come as modulus and exponent, whose size the verification itself checks (2048 bits or more).
    let Ok(bytes) = key.try_get_as_bytes() else {
        return Ok(key);
    };
    let message = match algorithm {
        Algorithm::ES256 if bytes.len() != 65 => "an EC key must be on the curve P-256",
        Algorithm::EdDSA if bytes.len() != 32 => "an Edwards key must be on the curve Ed25519",
        Algorithm::RS256 if bytes.len() < 256 => "an RSA key must have 2048 bits or more",
        _ => return Ok(key),
    };
    Err(message.to_owned())
}
