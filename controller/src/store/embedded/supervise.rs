//! Keeps the server running until it is to stop.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::server::{Running, Server};

/// The first wait after the server died; it doubles up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// A server that ran for this long is taken for healthy: the next wait is the first again.
const HEALTHY: Duration = Duration::from_secs(60);

/// Starts the server again whenever it ends, and stops it when `stopping` turns true.
pub(super) async fn keep_running(server: Server, running: Running, mut stopping: watch::Receiver<bool>) {
    let mut running = running;
    let mut wait = FIRST_WAIT;
    loop {
        let began = Instant::now();
        tokio::select! {
            status = running.ended() => {
                tracing::error!(?status, "the embedded store's server ended");
            }
            () = told(&mut stopping) => {
                running.stop().await;
                return;
            }
        }
        if began.elapsed() > HEALTHY {
            wait = FIRST_WAIT;
        }
        running = loop {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = told(&mut stopping) => return,
            }
            wait = (wait * 2).min(LONGEST_WAIT);
            match server.start().await {
                Ok(running) => break running,
                Err(error) => tracing::error!(%error, "failed to start the embedded store's server again"),
            }
        };
        tracing::info!("the embedded store's server runs again");
    }
}

async fn told(stopping: &mut watch::Receiver<bool>) {
    // The sender lives as long as the store; if it is gone, so is the reason to run.
    let _ = stopping.wait_for(|stop| *stop).await;
}
