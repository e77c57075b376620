//! What can go wrong between the controller and its store.

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store can't be reached, or the connection broke: the same request may succeed later.
    #[error("the store is away")]
    Away(#[source] sqlx::Error),
    /// The store refused the statement.
    #[error("the store refused")]
    Refused(#[source] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("failed to migrate the store")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// What is stored can't be read as what it should be.
    #[error("the stored {what} can't be read")]
    Unreadable {
        /// What it should be.
        what: &'static str,
        /// Why it can't be read.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StoreError {
    /// Whether trying again later, unchanged, may succeed.
    pub fn is_away(&self) -> bool {
        matches!(self, Self::Away(_))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if is_transient(&error) { Self::Away(error) } else { Self::Refused(error) }
    }
}

impl From<sqlx::migrate::MigrateError> for StoreError {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        match error {
            sqlx::migrate::MigrateError::Execute(error) if is_transient(&error) => Self::Away(error),
            error => Self::Migrate(error),
        }
    }
}

/// SQLSTATE classes and codes that say "later": connection exceptions, operator intervention,
/// insufficient resources, and the losers of a deadlock or a serialisation conflict.
fn is_transient(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Protocol(_) => true,
        sqlx::Error::Database(refusal) => refusal.code().is_some_and(|code| {
            ["08", "53", "57", "58"].iter().any(|class| code.starts_with(class))
                || ["40001", "40P01", "55P03", "25006"].contains(&code.as_ref())
        }),
        _ => false,
    }
}
