//! Who somebody is: tokens (JWT) are verified against the configured keys, and minted for `dibs token`.
//!
//! The algorithm is the key's, never the token's; a key counts only for its own workspaces. Deliberately absent: what a
//! role may do (that is a rule), sessions, and anything that is stored.

mod claims;
mod identity;
mod keyring;
mod keys;
mod mint;
mod secret;
mod sources;

pub use identity::{Identity, Kind, Role};
pub use keyring::{Keyring, TOKEN_MAX};
pub use keys::Keys;
pub use mint::{MintError, NewToken};
pub use secret::{SECRET_FILE, SECRET_MIN};
pub use sources::KeyError;

/// Why a token is refused. Each prints as one sentence for a person, which never contains the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// Longer than [`TOKEN_MAX`].
    #[error("the token is longer than {TOKEN_MAX} bytes")]
    TooLong,
    /// Not three parts of base64url with JSON in the first two.
    #[error("the token is not a JWT")]
    Malformed,
    /// The header asks for what this server does not do (`crit`).
    #[error("the token's header demands an extension that is not supported")]
    Critical,
    /// No key signs for the workspace that the token names.
    #[error("no key of this server signs for the token's workspace")]
    WrongWorkspace,
    /// The header names a key that the workspace does not have.
    #[error("the token names a key (kid) that is not configured for its workspace")]
    UnknownKey,
    /// The header's algorithm is not that of the key.
    #[error("the token's algorithm is not the one configured for its key")]
    WrongAlgorithm,
    /// The signature does not fit.
    #[error("the token's signature does not match any key of its workspace")]
    BadSignature,
    /// `exp` is over.
    #[error("the token has expired")]
    Expired,
    /// `nbf` or `iat` is more than 30 s ahead.
    #[error("the token is not valid yet; check the clocks of this server and of the one that signed it")]
    NotYetValid,
    /// `iss` is not the configured one.
    #[error("the token's issuer (iss) is not the configured one")]
    WrongIssuer,
    /// `aud` does not name the configured audience.
    #[error("the token is not for the configured audience (aud)")]
    WrongAudience,
    /// A claim is missing or not what it must be.
    #[error("the token's claim {name} must be {rule}")]
    Claim {
        /// The claim.
        name: &'static str,
        /// What it must be.
        rule: &'static str,
    },
}

#[cfg(test)]
mod mint_tests;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
