//! Runs decisions on threads of their own: they may take long, and parsers of SQL go deep.

use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::sync::{Semaphore, oneshot};

/// The deepest statements parsers accept need some megabytes; untouched pages of a stack cost nothing.
const STACK_BYTES: usize = 256 << 20;

/// A bounded number of threads with big stacks. Cheap to clone.
#[derive(Debug, Clone)]
pub struct BigStack {
    permits: Arc<Semaphore>,
}

impl BigStack {
    /// At most `threads` at a time.
    pub fn new(threads: usize) -> Self {
        Self { permits: Arc::new(Semaphore::new(threads)) }
    }

    /// Runs `work` and waits for it. A panic becomes an error. Whoever stops waiting does not stop the work;
    /// its thread counts until it ends.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.context("the threads are closed")?;
        let (sender, receiver) = oneshot::channel();
        std::thread::Builder::new()
            .name("advice".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || {
                let _permit = permit;
                // Nobody waiting any more is fine.
                let _ = sender.send(work());
            })
            .context("failed to start a thread")?;
        receiver.await.context("a decision panicked; its message is in the log")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_error_and_the_next_one_runs() {
        let threads = BigStack::new(1);
        assert!(threads.run(|| -> i32 { panic!("no") }).await.is_err());
        assert_eq!(threads.run(|| 7).await.unwrap(), 7);
    }
}
