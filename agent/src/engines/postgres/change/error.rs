//! The driver's errors as the change engine knows them.

use crate::apply::failure::DatabaseError;
use crate::engines::postgres::redact;

pub(super) fn classify(error: sqlx::Error) -> DatabaseError {
    match error {
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default().into_owned();
            let message = redact::message(&code, error.message());
            match code.as_str() {
                // The server or somebody ended the session, isn't up yet, or has no connection left.
                "57P01" | "57P02" | "57P03" | "57P05" | "53300" => DatabaseError::Unreachable(message),
                code if code.starts_with("08") => DatabaseError::Unreachable(message),
                code if code.starts_with("28") || code == "3D000" => DatabaseError::NoEntry(message),
                _ => DatabaseError::Statement { code, message },
            }
        }
        sqlx::Error::Configuration(error) => DatabaseError::NoEntry(error.to_string()),
        error @ (sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::Decode(_)
        | sqlx::Error::Encode(_)
        | sqlx::Error::RowNotFound
        | sqlx::Error::TypeNotFound { .. }) => {
            DatabaseError::Statement { code: "driver".to_owned(), message: error.to_string() }
        }
        other => DatabaseError::Unreachable(other.to_string()),
    }
}
