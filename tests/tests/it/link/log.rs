//! What both ends have logged, to look for reasons in it.

use std::io;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

static LINES: Mutex<String> = Mutex::new(String::new());
static BEGIN: Once = Once::new();

/// Begins to keep what is logged.
pub(super) fn keep() {
    BEGIN.call_once(|| {
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_env_filter("agent=info,querysmith_controller=info")
            .with_writer(|| Keeper);
        // Another test of this binary may have its own.
        let _ = subscriber.try_init();
    });
}

/// Whether one line of the agent or the controller (as `side` says) has all of `parts` in it.
pub(super) fn has(side: Side, parts: &[&str]) -> bool {
    let target = match side {
        Side::Agent => " agent::",
        Side::Controller => "querysmith_controller::",
    };
    lines().lines().any(|line| line.contains(target) && parts.iter().all(|part| line.contains(part)))
}

/// Whose log.
#[derive(Debug, Clone, Copy)]
pub(super) enum Side {
    Agent,
    Controller,
}

fn lines() -> MutexGuard<'static, String> {
    LINES.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Keeper;

impl io::Write for Keeper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lines().push_str(&String::from_utf8_lossy(bytes));
        eprint!("{}", String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
