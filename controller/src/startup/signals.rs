//! SIGTERM and SIGINT: the first one drains, the second one ends the program at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Says that the controller is to stop. Once it said so, it always does.
#[derive(Debug, Clone)]
pub(super) struct Stop {
    told: watch::Receiver<bool>,
}

impl Stop {
    /// Listens from now on, until the program ends.
    pub(super) fn listen() -> std::io::Result<Self> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let (sender, told) = watch::channel(false);
        tokio::spawn(async move {
            for is_second in [false, true] {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                if is_second {
                    tracing::warn!("told to stop again, ends at once");
                    std::process::exit(1);
                }
                sender.send_replace(true);
            }
        });
        Ok(Self { told })
    }

    /// Completes when the controller is to stop.
    pub(super) fn told(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut told = self.told.clone();
        async move {
            // The sender lives as long as the program.
            let _ = told.wait_for(|stop| *stop).await;
        }
    }

    /// The outcome of `work`, or `None` if the controller is to stop first; `work` is dropped then.
    pub(super) async fn unless<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            outcome = work => Some(outcome),
            () = self.told() => None,
        }
    }
}
