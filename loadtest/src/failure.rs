//! Why a scenario ended without figures.

use dibs_client::{CallError, Closed, ConnectError, HttpError};

/// Why a scenario ended without figures.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A file or a process.
    #[error("{what}: {error}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// No connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A command that was not done.
    #[error(transparent)]
    Call(#[from] CallError),
    /// A connection that ended.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// A request that was not done.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// A token that could not be made.
    #[error("cannot make a token: {0}")]
    Token(#[from] jsonwebtoken::errors::Error),
    /// The command line or a scenario file is wrong.
    #[error("{0}")]
    Usage(String),
    /// The hub did what it must not do, or not in time; or a flag does not fit.
    #[error("{0}")]
    Wrong(String),
}

impl Failure {
    /// For `map_err`: what was tried when the system refused.
    pub fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |error| Self::Io { what, error }
    }

    /// Something that must not be.
    pub fn wrong(what: impl Into<String>) -> Self {
        Self::Wrong(what.into())
    }
}
