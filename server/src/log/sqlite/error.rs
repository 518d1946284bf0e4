//! What SQLite says, as the log's two errors, and why a log cannot be opened.
//!
//! Deliberately absent: retries. A failed write is rolled back and the next one tries anew.

use crate::log::LogError;
use rusqlite::ErrorCode;
use std::path::{Path, PathBuf};

/// What a person can do about a damaged file.
const REMEDY: &str = "run `dibs verify`, restore a backup, or move the folder away";

/// Why a log cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has the folder open.
    #[error("the data folder {} is in use by another dibs", .0.display())]
    InUse(PathBuf),
    /// The file was written by a newer program.
    #[error(
        "{} was written by a newer dibs (schema {found}, this one knows {known}): run the newer one, \
         or restore a backup that this one made", path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema's version.
        found: usize,
        /// The newest version that this program knows.
        known: usize,
    },
    /// The file is not a log, or a damaged one.
    #[error("{} is damaged: {reason}; {REMEDY}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The folder or the file cannot be used.
    #[error("{} cannot be opened: {reason}", path.display())]
    Unusable {
        /// The folder or file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
}

impl OpenError {
    pub(super) fn damaged(path: &Path, reason: &str) -> Self {
        Self::Damaged {
            path: path.to_owned(),
            reason: reason.to_owned(),
        }
    }

    pub(super) fn unusable(path: &Path, reason: &impl ToString) -> Self {
        Self::Unusable {
            path: path.to_owned(),
            reason: reason.to_string(),
        }
    }

    pub(super) fn of(path: &Path, error: rusqlite::Error) -> Self {
        match LogError::from(error) {
            LogError::Corrupt(reason) => Self::Damaged {
                path: path.to_owned(),
                reason,
            },
            LogError::Unavailable(reason) => Self::Unusable {
                path: path.to_owned(),
                reason,
            },
        }
    }
}

impl From<rusqlite::Error> for LogError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error as Sql;
        match &error {
            Sql::SqliteFailure(failure, _) => match failure.code {
                ErrorCode::DiskFull => Self::Unavailable("the disk is full".to_owned()),
                ErrorCode::ReadOnly => Self::Unavailable(format!("the file cannot be written: {error}")),
                ErrorCode::SystemIoFailure => Self::Unavailable(format!("the disk fails: {error}")),
                // A number given twice means that a head and its rows differ.
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::ConstraintViolation => {
                    Self::Corrupt(error.to_string())
                }
                _ => Self::Unavailable(error.to_string()),
            },
            Sql::FromSqlConversionFailure(..)
            | Sql::IntegralValueOutOfRange(..)
            | Sql::InvalidColumnType(..)
            | Sql::Utf8Error(..) => Self::Corrupt(format!("a column cannot be read: {error}")),
            _ => Self::Unavailable(error.to_string()),
        }
    }
}
