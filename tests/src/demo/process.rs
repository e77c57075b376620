//! The programs of the product, run as a user would run them: by their command line, logging to a file.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Time between two looks at a process or a file.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// A program that drains takes less than this.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// A running program of ours. It is stopped when this is dropped, and killed by the kernel should this
/// process die without doing so.
#[derive(Debug)]
pub struct Program {
    name: String,
    child: Child,
    log: PathBuf,
}

/// The binary of that name beside the running one.
pub fn binary(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe().context("finding the running program")?;
    let mut folder = own.parent().context("the running program has no folder")?;
    if folder.ends_with("deps") {
        folder = folder.parent().context("the build has no folder")?;
    }
    let path = folder.join(name);
    if !path.exists() {
        bail!("{} is not built; run `cargo build --workspace`", path.display());
    }
    Ok(path)
}

/// Runs a program to its end and returns what it printed.
pub fn output(name: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(binary(name)?)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("starting {name}"))?;
    if !output.status.success() {
        bail!(
            "`{name} {}` failed ({}): {}{}",
            arguments.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

impl Program {
    /// Starts a program in a session of its own, so that a Ctrl-C at the terminal reaches it through us only.
    pub fn start(name: &str, arguments: &[&str], log: &Path) -> Result<Self> {
        Self::start_at(&binary(name)?, arguments, log)
    }

    /// [`Program::start`] for a program that is elsewhere.
    pub fn start_at(path: &Path, arguments: &[&str], log: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let file = File::options().create(true).append(true).open(log).context("opening a log")?;
        let errors = file.try_clone().context("opening a log twice")?;
        let child = Command::new("setsid")
            .args(["setpriv", "--pdeathsig", "TERM", "--"])
            .arg(path)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(errors)
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        Ok(Self { name, child, log: log.to_owned() })
    }

    /// The process id. `setsid` and `setpriv` replace themselves, so it is the program's own.
    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// Waits until `look` finds what it looks for; fails when the program ends first, or after `limit`.
    pub fn wait_for<T>(&mut self, limit: Duration, mut look: impl FnMut() -> Option<T>) -> Result<T> {
        let started = Instant::now();
        loop {
            if let Some(found) = look() {
                return Ok(found);
            }
            if let Some(status) = self.child.try_wait().context("looking at a program")? {
                bail!("{} ended ({status}); its log ends:\n{}", self.name, self.end_of_log());
            }
            if started.elapsed() > limit {
                bail!("{} was not ready after {limit:?}; its log ends:\n{}", self.name, self.end_of_log());
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// Waits until it has ended well; fails otherwise, or after `limit`.
    pub fn ends(&mut self, limit: Duration) -> Result<()> {
        let started = Instant::now();
        loop {
            match self.ended()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => {
                    bail!("{} ended ({status}); its log ends:\n{}", self.name, self.end_of_log());
                }
                None if started.elapsed() > limit => bail!("{} did not end within {limit:?}", self.name),
                None => std::thread::sleep(LOOK_AGAIN),
            }
        }
    }

    /// Kills it as a power cut would.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill().context("killing a program")?;
        self.child.wait().context("waiting for a killed program")?;
        Ok(())
    }

    /// Asks it to stop and waits until it did.
    pub fn stop(&mut self) -> Result<()> {
        if self.child.try_wait().context("looking at a program")?.is_some() {
            return Ok(());
        }
        kill(Pid::from_raw(self.pid()), Signal::SIGTERM).context("stopping a program")?;
        let started = Instant::now();
        while self.child.try_wait().context("looking at a program")?.is_none() {
            if started.elapsed() > STOP_LIMIT {
                self.kill()?;
                bail!("{} did not stop within {STOP_LIMIT:?} and was killed", self.name);
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        Ok(())
    }

    /// The status it ended with, if it did.
    pub fn ended(&mut self) -> Result<Option<std::process::ExitStatus>> {
        self.child.try_wait().context("looking at a program")
    }

    /// The last lines of its log.
    pub fn end_of_log(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(25)..].join("\n")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("{error:#}");
        }
    }
}
