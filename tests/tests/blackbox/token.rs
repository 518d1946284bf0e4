//! Tokens as an identity provider would make them, good ones and bad ones.

use crate::hub::WORKSPACE;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// The secret of all hubs under test.
pub const SECRET: &str = "a-secret-of-tests-with-more-than-32-bytes";

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A token of an agent of the tests' workspace, for an hour; `claims` win. A claim that is null is left out.
pub fn mint(claims: Value) -> String {
    mint_with(SECRET, Algorithm::HS256, claims)
}

/// [`mint`] with another secret or algorithm.
pub fn mint_with(secret: &str, algorithm: Algorithm, claims: Value) -> String {
    let mut all = json!({ "workspace": WORKSPACE, "role": "agent", "exp": now() + 3_600 });
    let object = all.as_object_mut().unwrap();
    let Value::Object(claims) = claims else {
        panic!("claims are an object")
    };
    object.extend(claims);
    object.retain(|_, value| !value.is_null());
    encode(
        &Header::new(algorithm),
        &all,
        &EncodingKey::from_secret(secret.as_bytes()),
    )
    .unwrap()
}
