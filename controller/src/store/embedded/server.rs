//! The server process: started, asked whether it is ready, stopped.

use std::fs::{self, File};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

use super::binaries::Binaries;
use super::error::{EmbeddedError, file};
use super::identity::ServerUser;
use super::place::{PORT, Place};

/// Recovery after a crash reads the log since the last checkpoint; minutes on a slow disk.
const START_TIME: Duration = Duration::from_secs(300);
/// A fast stop writes a checkpoint.
const STOP_TIME: Duration = Duration::from_secs(60);
/// How often a condition is looked at that gives no notice of its own.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// How to run the server.
#[derive(Debug, Clone)]
pub(super) struct Server {
    place: Place,
    binaries: Binaries,
    user: ServerUser,
    shared_buffers_mib: u32,
}

/// The running server.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
    pid: Pid,
}

impl Server {
    pub(super) fn new(place: Place, binaries: Binaries, user: ServerUser, shared_buffers_mib: u32) -> Self {
        Self { place, binaries, user, shared_buffers_mib }
    }

    /// Starts the server and waits until it accepts connections.
    pub(super) async fn start(&self) -> Result<Running, EmbeddedError> {
        let log = self.place.start_log();
        let output = File::create(&log).map_err(file(&log))?;
        let errors = output.try_clone().map_err(file(&log))?;
        let program = self.binaries.program("postgres");
        let mut command = Command::new(&program);
        command.arg("-D").arg(self.place.pgdata());
        for (name, value) in self.settings() {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LC_ALL", "C")
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors);
        self.user.run(&mut command);
        let failed =
            |message: String| EmbeddedError::Program { program: program.display().to_string(), message };
        let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
        let pid = child.id().ok_or_else(|| failed("it ended at once".to_owned()))?;
        let began = Instant::now();
        loop {
            if self.place.postmaster() == Some((pid.cast_signed(), true)) {
                return Ok(Running { child, pid: Pid::from_raw(pid.cast_signed()) });
            }
            let has_ended = child.try_wait().map_err(|error| failed(error.to_string()))?.is_some();
            if has_ended || began.elapsed() > START_TIME {
                let running = Running { child, pid: Pid::from_raw(pid.cast_signed()) };
                running.stop().await;
                return Err(EmbeddedError::NotReady {
                    waited: began.elapsed(),
                    log: end_of(&log, &self.place.logs()),
                });
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        vec![
            // Reached through its socket only, and that only by its own user.
            ("listen_addresses", String::new()),
            ("unix_socket_directories", text(&self.place.socket_directory())),
            ("unix_socket_permissions", "0700".to_owned()),
            ("port", PORT.to_string()),
            ("cluster_name", "querysmith-store".to_owned()),
            ("max_connections", "240".to_owned()),
            ("shared_buffers", format!("{}MB", self.shared_buffers_mib)),
            // Ingest writes steadily: few and spread checkpoints write less.
            ("max_wal_size", "2GB".to_owned()),
            ("checkpoint_timeout", "15min".to_owned()),
            ("wal_compression", "on".to_owned()),
            // Its statements are short and many: compiling them costs more than it saves.
            ("jit", "off".to_owned()),
            ("timezone", "UTC".to_owned()),
            ("log_timezone", "UTC".to_owned()),
            // One file for each day of the week, each begun anew after a week.
            ("logging_collector", "on".to_owned()),
            ("log_directory", text(&self.place.logs())),
            ("log_filename", "store-%a.log".to_owned()),
            ("log_truncate_on_rotation", "on".to_owned()),
            ("log_rotation_age", "1d".to_owned()),
            ("log_rotation_size", "0".to_owned()),
        ]
    }
}

impl Running {
    /// Waits until the server ends by itself.
    pub(super) async fn ended(&mut self) -> std::io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Stops the server: sessions are cut, data is written. One that does not stop in time is made to.
    pub(super) async fn stop(mut self) {
        for (signal, limit) in [
            (Signal::SIGINT, STOP_TIME),
            (Signal::SIGQUIT, Duration::from_secs(10)),
            (Signal::SIGKILL, STOP_TIME),
        ] {
            // It may have ended meanwhile; then there is nobody to tell.
            let _ = kill(self.pid, signal);
            if tokio::time::timeout(limit, self.child.wait()).await.is_ok() {
                return;
            }
            tracing::warn!(pid = %self.pid, %signal, "the store's server does not stop");
        }
    }
}

/// Stops a server that runs in our data without us: its controller was killed. The caller owns the store.
pub(super) async fn stop_left_behind(place: &Place) -> Result<(), EmbeddedError> {
    let Some((pid, _)) = place.postmaster() else { return Ok(()) };
    let pid = Pid::from_raw(pid);
    if !runs_in(pid, &place.pgdata()) {
        // The server looks at the file itself and passes over one whose process is gone.
        return Ok(());
    }
    tracing::warn!(%pid, "stopping a store's server that was left behind");
    let began = Instant::now();
    let mut signal = Signal::SIGINT;
    while kill(pid, None) != Err(Errno::ESRCH) && runs_in(pid, &place.pgdata()) {
        if began.elapsed() > STOP_TIME {
            signal = Signal::SIGQUIT;
        }
        let _ = kill(pid, signal);
        if began.elapsed() > STOP_TIME * 2 {
            return Err(EmbeddedError::Program {
                program: "postgres".to_owned(),
                message: format!("a server that was left behind (process {pid}) does not stop"),
            });
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

/// Whether the process is a server in this data: a server works in its data directory. Process ids are used
/// again, so the number alone says nothing.
fn runs_in(pid: Pid, pgdata: &Path) -> bool {
    let working_directory = fs::read_link(format!("/proc/{pid}/cwd"));
    let data = fs::canonicalize(pgdata);
    matches!((working_directory, data), (Ok(directory), Ok(data)) if directory == data)
}

fn end_of(start_log: &Path, logs: &Path) -> String {
    let newest = fs::read_dir(logs)
        .into_iter()
        .flatten()
        .flatten()
        .max_by_key(|entry| entry.metadata().and_then(|status| status.modified()).ok())
        .map(|entry| entry.path());
    let mut text = fs::read_to_string(start_log).unwrap_or_default();
    if let Some(newest) = newest {
        text.push_str(&fs::read_to_string(newest).unwrap_or_default());
    }
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}
