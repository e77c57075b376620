//! A pool of its own for the API.

use std::time::Duration;

use sqlx::Executor;
use sqlx::postgres::PgPoolOptions;

use super::Store;

/// Connections of the API; a page of the console asks about five things at a time.
const CONNECTIONS: u32 = 16;
/// Whoever looks at a page learns soon that the store is away.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// A page that takes longer is of no use to anybody, and must not keep others from theirs. Compiling a
/// statement takes longer than most of ours run.
const SETTINGS: &str = "SET statement_timeout = '15s'; SET jit = off";

impl Store {
    /// The same store through connections of its own: readers of the API don't queue behind ingest, and the
    /// connections may belong to the threads of the web server and end with them.
    pub fn apart(&self) -> Self {
        let connect = self.pool.connect_options().as_ref().clone();
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .after_connect(|connection, _| {
                Box::pin(async move { connection.execute(SETTINGS).await.map(drop) })
            })
            .connect_lazy_with(connect);
        Self { pool }
    }
}
