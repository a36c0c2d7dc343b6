//! What a failure of the database means.
//!
//! Invariants: a constraint that nobody provided for, and values that cannot be read back, are damage; a race with
//! another transaction is told from an outage, because the same command can succeed a moment later; everything else
//! may pass.

use onsale_app::ports::StoreError;
use sea_orm::{
    DbErr, RuntimeErr,
    sqlx::{self, error::ErrorKind},
};

/// Codes for a store that is damaged or is none: SQLite's corrupt and notadb, PostgreSQL's data and index corruption.
const DAMAGED: [&str; 6] = ["11", "26", "267", "523", "XX001", "XX002"];

/// PostgreSQL's codes for a transaction that was ended in favour of another: serialization failure, deadlock.
const CONTENDED: [&str; 2] = ["40001", "40P01"];

/// PostgreSQL's classes of what is wrong with some row of many, and not with the database: cardinality, data, a race.
const OF_A_ROW: [&str; 3] = ["21", "22", "40"];

/// Whether a statement about many rows was refused for one of them; nothing was written then.
pub(crate) fn is_of_a_row(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(database) = error else { return false };
    let code = database.code().unwrap_or_default();
    !matches!(database.kind(), ErrorKind::Other) || OF_A_ROW.iter().any(|class| code.starts_with(class))
}

/// Why a transaction came to nothing.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Another transaction was in the way; trying again is expected to succeed.
    Contended(String),
    /// The caller has to be told.
    Store(StoreError),
}

impl Failure {
    pub(crate) fn corrupt(cause: impl std::fmt::Display) -> Self {
        Self::Store(StoreError::corrupt(cause))
    }

    pub(crate) fn unavailable(cause: impl std::fmt::Display) -> Self {
        Self::Store(StoreError::unavailable(cause))
    }

    fn of(error: &sqlx::Error, said: impl std::fmt::Display) -> Self {
        let sqlx::Error::Database(database) = error else {
            return match error {
                sqlx::Error::ColumnDecode { .. }
                | sqlx::Error::Decode(_)
                | sqlx::Error::ColumnNotFound(_) => Self::corrupt(said),
                _ => Self::unavailable(said),
            };
        };
        let code = database.code().unwrap_or_default();
        if CONTENDED.contains(&code.as_ref()) {
            Self::Contended(said.to_string())
        } else if !matches!(database.kind(), ErrorKind::Other) || DAMAGED.contains(&code.as_ref()) {
            Self::corrupt(said)
        } else {
            Self::unavailable(said)
        }
    }
}

impl From<DbErr> for Failure {
    fn from(error: DbErr) -> Self {
        match &error {
            DbErr::Exec(RuntimeErr::SqlxError(cause)) | DbErr::Query(RuntimeErr::SqlxError(cause)) => {
                Self::of(cause, &error)
            }
            DbErr::Type(_) | DbErr::Json(_) | DbErr::TryIntoErr { .. } | DbErr::ConvertFromU64(_) => {
                Self::corrupt(error)
            }
            _ => Self::unavailable(error),
        }
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::of(&error, &error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Contended(cause) => Self::Unavailable(cause),
            Failure::Store(error) => error,
        }
    }
}
