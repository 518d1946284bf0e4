//! Tokens as an identity provider would make them: HS256, valid for a day.

use crate::failure::Failure;
use dibs_protocol::terms::Role;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::Serialize;
use std::time::{SystemTime, UNIX_EPOCH};
use uuid::Uuid;

const LIFE_S: u64 = 24 * 3_600;

/// Makes tokens for one workspace.
pub struct Minter {
    key: EncodingKey,
    workspace: String,
}

#[derive(Serialize)]
struct Claims<'a> {
    sub: &'a str,
    workspace: &'a str,
    role: Role,
    exp: u64,
}

/// A secret long enough for HS256 that nobody has used before.
#[must_use]
pub fn fresh_secret() -> String {
    format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}

impl Minter {
    /// Signs with `secret`.
    #[must_use]
    pub fn new(secret: &str, workspace: &str) -> Self {
        Self {
            key: EncodingKey::from_secret(secret.as_bytes()),
            workspace: workspace.to_owned(),
        }
    }

    /// The workspace that its tokens are for.
    #[must_use]
    pub fn workspace(&self) -> &str {
        &self.workspace
    }

    /// A token of `subject` with `role`.
    ///
    /// # Errors
    /// [`Failure::Token`].
    pub fn mint(&self, subject: &str, role: Role) -> Result<String, Failure> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |age| age.as_secs());
        let claims = Claims {
            sub: subject,
            workspace: &self.workspace,
            role,
            exp: now + LIFE_S,
        };
        Ok(encode(&Header::new(Algorithm::HS256), &claims, &self.key)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_three_parts_and_secrets_differ() {
        let token = Minter::new(&fresh_secret(), "load")
            .mint("a1", Role::Agent)
            .unwrap();
        assert_eq!(token.split('.').count(), 3);
        assert_ne!(fresh_secret(), fresh_secret());
        assert!(fresh_secret().len() >= 32);
    }
}
