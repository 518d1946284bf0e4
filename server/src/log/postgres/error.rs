//! What PostgreSQL and its pool say, as the log's two errors, and why a log cannot be opened.
//!
//! Deliberately absent: retries, and the database's URL, which holds a password and stands in no message.

use crate::log::LogError;
use deadpool_postgres::{HookError, PoolError, TimeoutType};
use rustls::CertificateError;
use std::error::Error;
use tokio_postgres::error::SqlState;

/// Why a log on PostgreSQL cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL cannot be read. It is not repeated, because it may hold a password.
    #[error(
        "postgres: the value is no URL such as postgres://dibs@db.example/dibs (it is not shown: it may hold a password)"
    )]
    Url,
    /// A parameter of the URL cannot work.
    #[error("postgres: {0}")]
    Parameter(&'static str),
    /// Certificates cannot be used.
    #[error("postgres_ca: {0}")]
    Certificates(String),
    /// The server is older than this program can use.
    #[error("PostgreSQL {found} is too old: version {OLDEST} or newer is needed")]
    TooOld {
        /// The server's version.
        found: String,
    },
    /// A setting of the server would lose what was acknowledged.
    #[error("PostgreSQL runs with {setting} = off: what was acknowledged could be lost. Turn {setting} on")]
    Unsafe {
        /// The server's setting.
        setting: &'static str,
    },
    /// The schema was written by a newer program.
    #[error(
        "the database was written by a newer dibs (schema {found}, this one knows {known}): run the newer one, \
         or restore a backup that this one made"
    )]
    Newer {
        /// Its schema's version.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// The database cannot be used.
    #[error("PostgreSQL cannot be used: {0}")]
    Unusable(String),
}

/// The oldest major version that can be used.
pub const OLDEST: u32 = 14;

/// Why a request failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The server, or the way to it.
    Postgres(tokio_postgres::Error),
    /// No connection could be had.
    Pool(PoolError),
    /// There was no answer in time.
    Deadline,
    /// What was read is wrong.
    Log(LogError),
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Postgres(error)
    }
}

impl From<PoolError> for Failure {
    fn from(error: PoolError) -> Self {
        Self::Pool(error)
    }
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        Self::Log(error)
    }
}

impl Failure {
    /// Whether the server, and not only this request, is to be doubted.
    pub(super) fn is_lost(&self) -> bool {
        match self {
            // All connections are busy, or all that the server allows: those that there are go on.
            Self::Pool(PoolError::Timeout(TimeoutType::Wait)) => false,
            Self::Pool(PoolError::Backend(error)) if is_full(error) => false,
            // The server shuts down, crashed, starts, has no connection left, or became a standby: class by class.
            Self::Postgres(error) => match error.code() {
                Some(code) => {
                    code.code().starts_with("57P") || code.code().starts_with("08") || is_standby(code)
                }
                None => true,
            },
            Self::Pool(_) | Self::Deadline => true,
            Self::Log(_) => false,
        }
    }
}

fn is_full(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&SqlState::TOO_MANY_CONNECTIONS)
}

fn is_standby(code: &SqlState) -> bool {
    *code == SqlState::READ_ONLY_SQL_TRANSACTION
}

impl From<Failure> for LogError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Postgres(error) => of_postgres(&error),
            Failure::Pool(PoolError::Backend(error)) => of_postgres(&error),
            Failure::Pool(PoolError::Timeout(_)) => {
                Self::Unavailable("PostgreSQL has no connection free, or accepts none".to_owned())
            }
            Failure::Pool(PoolError::PostCreateHook(HookError::Message(why))) => {
                Self::Unavailable(why.into_owned())
            }
            Failure::Pool(PoolError::PostCreateHook(HookError::Backend(error))) => of_postgres(&error),
            Failure::Pool(error) => Self::Unavailable(error.to_string()),
            Failure::Deadline => Self::Unavailable("PostgreSQL does not answer".to_owned()),
            Failure::Log(error) => error,
        }
    }
}

/// What the server or the connection says, and which setting is for that. Only the message: details and statements could
/// repeat what is stored.
pub(super) fn describe(error: &tokio_postgres::Error) -> String {
    match (error.as_db_error(), error.source()) {
        (Some(told), _) => format!("{} ({})", told.message(), told.code().code()),
        (None, Some(cause)) => format!("{error}: {cause}{}", advice(cause)),
        (None, None) => error.to_string(),
    }
}

/// What an operator may do about a server that TLS is not spoken with.
fn advice(cause: &(dyn Error + 'static)) -> &'static str {
    let of_tls = cause
        .downcast_ref::<std::io::Error>()
        .and_then(|error| error.get_ref()?.downcast_ref::<rustls::Error>());
    match of_tls {
        Some(rustls::Error::InvalidCertificate(wrong)) => match wrong {
            // The signature is bad where somebody of the same name signed.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                " (nobody who is trusted signed the server's certificate: name a file with the certificate of who did \
                 in postgres_ca; sslmode=disable in the URL goes without TLS)"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                " (the server's certificate is for other names than the host in the URL: sslmode=verify-ca there does \
                 not ask for the name)"
            }
            _ => " (the server's certificate cannot be used; sslmode=disable in the URL goes without TLS)",
        },
        _ if cause.to_string().contains("does not support TLS") => " (sslmode in the URL asks for it)",
        _ => "",
    }
}

fn of_postgres(error: &tokio_postgres::Error) -> LogError {
    let code = error.code().map_or("", SqlState::code);
    match code {
        "53100" => LogError::Unavailable("the disk of PostgreSQL is full".to_owned()),
        // A number given twice means that a head and its rows differ; class XX are damaged pages and indexes.
        _ if code.starts_with("23") || code.starts_with("XX") => {
            LogError::Corrupt(format!("PostgreSQL: {}", describe(error)))
        }
        _ => LogError::Unavailable(format!("PostgreSQL: {}", describe(error))),
    }
}
