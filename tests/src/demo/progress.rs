//! Says what is being done, so that nobody wonders during the longer steps.

use std::io::Write;
use std::time::Instant;

use anyhow::Result;

/// Runs one step, printing its title before and its duration after, on standard error: standard output
/// belongs to the result.
pub fn step<T>(title: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let started = begin(title);
    let result = work();
    end(started, result.is_ok());
    result
}

/// [`step`] for work that waits.
pub async fn step_async<T>(title: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
    let started = begin(title);
    let result = work.await;
    end(started, result.is_ok());
    result
}

/// A remark between two steps.
pub fn say(text: &str) {
    eprintln!("  {text}");
}

fn begin(title: &str) -> Instant {
    eprint!("• {title} … ");
    // Progress that can't be shown is no reason to stop.
    let _ = std::io::stderr().flush();
    Instant::now()
}

fn end(started: Instant, well: bool) {
    let seconds = started.elapsed().as_secs_f64();
    eprintln!("{} ({seconds:.1} s)", if well { "done" } else { "failed" });
}
