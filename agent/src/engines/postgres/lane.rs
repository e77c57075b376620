//! A lane is one connection that collectors use in turn. A server has two: one for what concerns the whole
//! server, one that visits its databases. So the agent never holds more than two connections of a server, and a
//! slow look at one database never holds up the counters.

use std::time::{Duration, Instant};

use tokio::sync::{Mutex, MutexGuard};

use super::connect;
use super::session::{Session, StatementTime};
use crate::config::Instance;
use crate::engines::CollectError;

/// A connection that nobody used for so long is closed.
const IDLE_LIMIT: Duration = Duration::from_secs(300);
/// Connections are renewed after so long: a backend's caches only grow.
const AGE_LIMIT: Duration = Duration::from_secs(3_600);

/// One connection, used by one collector at a time.
#[derive(Default)]
pub(crate) struct Lane {
    open: Mutex<Option<Open>>,
}

struct Open {
    database: String,
    session: Session,
    used: Instant,
}

/// What a session needs to be opened.
pub(crate) struct Target<'a> {
    /// How to reach the server.
    pub(crate) instance: &'a Instance,
    /// Which database.
    pub(crate) database: &'a str,
    /// Whether the session may hide itself from the statement statistics.
    pub(crate) privileged: bool,
    /// Where its time is added up.
    pub(crate) time: &'a StatementTime,
}

/// A session on loan. Unless it is returned by [`Lease::done`], its connection is closed: a run that was cut off
/// may have left anything behind.
pub(crate) struct Lease<'a> {
    guard: MutexGuard<'a, Option<Open>>,
    returned: bool,
}

impl Lane {
    /// Waits for the lane and opens a session to the database, or takes the one that is open.
    pub(crate) async fn lease(&self, target: Target<'_>, limit: Duration) -> Result<Lease<'_>, CollectError> {
        let mut guard = self.open.lock().await;
        let reusable = guard
            .as_ref()
            .is_some_and(|open| open.database == target.database && open.session.age() < AGE_LIMIT);
        if !reusable {
            if let Some(open) = guard.take() {
                open.session.close().await;
            }
            let Target { instance, database, privileged, time } = target;
            // Read again at every connect: the password may have been changed.
            let options = connect::read_options(instance).map_err(|error| CollectError::Connect {
                database: database.to_owned(),
                reason: error.to_string(),
            })?;
            let session = Session::open(&options, database, privileged, time).await?;
            *guard = Some(Open { database: database.to_owned(), session, used: Instant::now() });
        }
        let mut lease = Lease { guard, returned: false };
        lease.session().limit(limit).await?;
        Ok(lease)
    }

    /// Closes the connection if nobody has used it for long.
    pub(crate) async fn close_if_idle(&self) {
        let Ok(mut guard) = self.open.try_lock() else { return };
        if guard.as_ref().is_some_and(|open| open.used.elapsed() >= IDLE_LIMIT)
            && let Some(open) = guard.take()
        {
            open.session.close().await;
        }
    }

    /// Closes the connection.
    pub(crate) async fn close(&self) {
        if let Some(open) = self.open.lock().await.take() {
            open.session.close().await;
        }
    }
}

impl Lease<'_> {
    /// The session.
    pub(crate) fn session(&mut self) -> &mut Session {
        &mut self.guard.as_mut().expect("a lease holds an open session").session
    }

    /// Returns the session to the lane, clean: no transaction is open, no answer is outstanding.
    pub(crate) fn done(mut self) {
        self.returned = true;
        if let Some(open) = self.guard.as_mut() {
            open.used = Instant::now();
        }
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if !self.returned {
            self.guard.take();
        }
    }
}
