//! Keys and tokens for tests, made afresh in each process: no private key lies in the repository.

use crate::config::{AuthConfig, KeyConfig, KeySource, Secret};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::OnceLock;

/// The moment at which these tests happen, in seconds.
pub const NOW_S: i64 = 1_795_000_000;
/// A secret that is long enough.
pub const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A private key, its public half as PEM, and its JWK.
pub struct Pair {
    pub algorithm: Algorithm,
    pub private: EncodingKey,
    pub pem: String,
}

impl Pair {
    pub fn jwk(&self, kid: &str) -> Value {
        let mut jwk =
            serde_json::to_value(Jwk::from_encoding_key(&self.private, self.algorithm).unwrap()).unwrap();
        jwk["kid"] = json!(kid);
        jwk["use"] = json!("sig");
        jwk
    }
}

fn pem(name: &str, der: &[u8]) -> String {
    format!(
        "-----BEGIN {name}-----\n{}\n-----END {name}-----\n",
        STANDARD.encode(der)
    )
}

pub fn rsa() -> &'static Pair {
    static PAIR: OnceLock<Pair> = OnceLock::new();
    PAIR.get_or_init(|| {
        let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let private: Pkcs8V1Der = key.as_der().unwrap();
        let public: PublicKeyX509Der = key.public_key().as_der().unwrap();
        Pair {
            algorithm: Algorithm::RS256,
            private: EncodingKey::from_rsa_pem(pem("PRIVATE KEY", private.as_ref()).as_bytes()).unwrap(),
            pem: pem("PUBLIC KEY", public.as_ref()),
        }
    })
}

pub fn ec() -> &'static Pair {
    static PAIR: OnceLock<Pair> = OnceLock::new();
    PAIR.get_or_init(|| {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let public: PublicKeyX509Der = key.public_key().as_der().unwrap();
        Pair {
            algorithm: Algorithm::ES256,
            private: EncodingKey::from_ec_der(key.to_pkcs8v1().unwrap().as_ref()),
            pem: pem("PUBLIC KEY", public.as_ref()),
        }
    })
}

pub fn ed() -> &'static Pair {
    static PAIR: OnceLock<Pair> = OnceLock::new();
    PAIR.get_or_init(|| {
        let key = Ed25519KeyPair::generate().unwrap();
        let public: PublicKeyX509Der = key.public_key().as_der().unwrap();
        Pair {
            algorithm: Algorithm::EdDSA,
            private: EncodingKey::from_ed_der(key.to_pkcs8v1().unwrap().as_ref()),
            pem: pem("PUBLIC KEY", public.as_ref()),
        }
    })
}

/// Claims that are in order, of `priya` in `acme`.
pub fn claims() -> Value {
    json!({ "sub": "priya", "workspace": "acme", "role": "agent", "exp": NOW_S + 3600 })
}

/// A token with exactly this header and these claims, signed with the key.
pub fn token(header: Header, claims: &Value, key: &EncodingKey) -> String {
    jsonwebtoken::encode(&header, claims, key).unwrap()
}

/// A token of [`SECRET`].
pub fn hs256(claims: &Value) -> String {
    token(
        Header::new(Algorithm::HS256),
        claims,
        &EncodingKey::from_secret(SECRET.as_bytes()),
    )
}

/// A token whose parts are put together by hand.
pub fn raw(header: &Value, claims: &Value, signature: &[u8]) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!(
        "{}.{}.{}",
        part(header),
        part(claims),
        URL_SAFE_NO_PAD.encode(signature)
    )
}

/// A key that signs for `workspaces` (none: any).
pub fn key(source: KeySource, workspaces: &[&str]) -> KeyConfig {
    let ids: BTreeSet<_> = workspaces.iter().map(|id| id.parse().unwrap()).collect();
    KeyConfig {
        place: "test".to_owned(),
        workspaces: (!ids.is_empty()).then_some(ids),
        kid: None,
        source,
        issuer: None,
        audience: None,
    }
}

/// A secret as a source.
pub fn secret(text: &str) -> KeySource {
    KeySource::Secret(Secret::new(text))
}

/// Files of public keys that live as long as this.
pub struct Files(tempfile::TempDir);

impl Files {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn public(&self, name: &str, text: &str) -> KeySource {
        std::fs::write(self.path(name), text).unwrap();
        KeySource::PublicFile(self.path(name))
    }
}

/// An [`AuthConfig`] of these keys.
pub fn auth(keys: Vec<KeyConfig>) -> AuthConfig {
    AuthConfig {
        keys,
        workspaces: None,
    }
}
