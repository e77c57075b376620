//! The server process itself: started, watched and ended.
//!
//! The kernel ends the server (SIGQUIT) when the thread that started it ends, so that a killed test program
//! leaves nothing behind. That thread therefore does nothing but wait for the server.

use std::fs::{self, File};
use std::path::Path;
use std::process::ExitStatus;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::binaries::Binaries;
use super::processes::LOOK_AGAIN;

/// A started server.
#[derive(Debug)]
pub(super) struct Postmaster {
    pid: i32,
    end: Receiver<ExitStatus>,
    status: Option<ExitStatus>,
}

impl Postmaster {
    /// Starts the server; it is not ready yet.
    pub(super) fn spawn(binaries: &Binaries, data: &Path, log: &Path) -> Result<Self> {
        let file = File::options().append(true).create(true).open(log).context("opening the server's log")?;
        let errors = file.try_clone().context("opening the server's log twice")?;
        let mut command = binaries.server(data.parent().unwrap_or(data))?;
        command.arg("-D").arg(data).stdin(std::process::Stdio::null()).stdout(file).stderr(errors);

        let (send_pid, receive_pid) = mpsc::channel();
        let (send_end, end) = mpsc::channel();
        let keeper = move || {
            let mut child = match command.spawn() {
                Ok(child) => child,
                Err(error) => return drop(send_pid.send(Err(error))),
            };
            // Nobody listens any more once the cluster is dropped; the wait itself still has to happen.
            let _ = send_pid.send(Ok(child.id()));
            if let Ok(status) = child.wait() {
                let _ = send_end.send(status);
            }
        };
        thread::Builder::new()
            .name("postmaster".to_owned())
            .spawn(keeper)
            .context("starting the server's keeper")?;
        let pid =
            receive_pid.recv().context("waiting for the server's start")?.context("starting postgres")?;
        Ok(Self { pid: pid.cast_signed(), end, status: None })
    }

    pub(super) fn pid(&self) -> i32 {
        self.pid
    }

    /// True once the server accepts connections, false if it ended before.
    pub(super) fn wait_until_ready(&mut self, data: &Path, limit: Duration) -> Result<bool> {
        let started = Instant::now();
        while !says_ready(data, self.pid) {
            if self.has_exited() {
                return Ok(false);
            }
            if started.elapsed() > limit {
                self.end(Signal::SIGQUIT, limit)?;
                bail!("the server was not ready after {limit:?}");
            }
            thread::sleep(LOOK_AGAIN);
        }
        Ok(true)
    }

    pub(super) fn has_exited(&mut self) -> bool {
        self.status = self.status.or(self.end.try_recv().ok());
        self.status.is_some()
    }

    /// Sends a signal that ends the server and waits for the end.
    pub(super) fn end(&mut self, signal: Signal, limit: Duration) -> Result<()> {
        if self.has_exited() {
            return Ok(());
        }
        kill(Pid::from_raw(self.pid), signal).with_context(|| format!("sending {signal} to the server"))?;
        self.status = Some(
            self.end.recv_timeout(limit).with_context(|| format!("waiting for the end after {signal}"))?,
        );
        Ok(())
    }
}

/// Whether the eighth line of the server's lock file says that it accepts connections, as `pg_ctl -w` asks it.
fn says_ready(data: &Path, pid: i32) -> bool {
    let Ok(text) = fs::read_to_string(data.join("postmaster.pid")) else { return false };
    let mut lines = text.lines();
    let is_this_server = lines.next() == Some(pid.to_string().as_str());
    is_this_server && lines.nth(6).is_some_and(|state| state.trim() == "ready")
}
