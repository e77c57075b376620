//! Root's commands act as the user whose data it is, whether its controller runs or not.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::{Uid, User};

use crate::program::{Controller, Directory, command_of, processes_in, wait_for};

/// A user of the machine who is neither root nor the one that a controller of root's runs its store as.
const OTHER: &str = "nobody";
const PASSWORD: &str = "a password of some length";

/// Whoever the controller runs as: another user where the tests run as root, otherwise the tests' own.
struct Owner {
    other: Option<User>,
    program: PathBuf,
    data: PathBuf,
}

impl Owner {
    fn of(directory: &Path) -> Self {
        let other = Uid::effective().is_root().then(|| User::from_name(OTHER).unwrap().unwrap());
        // Where the other user can reach it.
        let program = directory.join("querysmith-controller");
        let built = env!("CARGO_BIN_EXE_querysmith-controller");
        fs::hard_link(built, &program).or_else(|_| fs::copy(built, &program).map(drop)).unwrap();
        let data = directory.join("data");
        fs::create_dir(&data).unwrap();
        if let Some(other) = &other {
            chown(&data, Some(other.uid.as_raw()), Some(other.gid.as_raw())).unwrap();
        }
        Self { other, program, data }
    }

    fn start(&self) -> Controller {
        let mut command = command_of(&self.program, &self.data, &["run"]);
        if let Some(other) = &self.other {
            command.uid(other.uid.as_raw()).gid(other.gid.as_raw());
        }
        let mut controller = Controller::spawn_of(command, &self.data, self.program.parent().unwrap());
        controller.wait();
        controller
    }

    /// Carries out a command as the tests' own user, root or not; what it printed.
    fn run(&self, arguments: &[&str]) -> String {
        let mut command = command_of(&self.program, &self.data, arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // Commands that ask for nothing may be gone by now.
        let _ = child.stdin.take().unwrap().write_all(PASSWORD.as_bytes());
        let output: Output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Everything in the data directory is the owner's; how many files and directories that is.
    #[track_caller]
    fn check(&self) -> usize {
        let uid = self.other.as_ref().map_or_else(Uid::effective, |user| user.uid).as_raw();
        let mut waiting = vec![self.data.clone()];
        let mut seen = 0;
        while let Some(path) = waiting.pop() {
            // A running server removes files of its own meanwhile.
            let Ok(status) = fs::symlink_metadata(&path) else { continue };
            assert_eq!(status.uid(), uid, "{}", path.display());
            seen += 1;
            if status.is_dir() {
                waiting.extend(fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
            }
        }
        seen
    }
}

#[test]
fn commands_before_between_and_beside_the_runs_of_another_users_controller() {
    let directory = Directory::new();
    let owner = Owner::of(&directory.0);
    // Before the first run: the store and the authority are made, and are the owner's.
    let token = owner.run(&["token", "create", "--quiet"]);
    assert_eq!(token.trim().lines().count(), 1, "{token}");
    assert!(owner.check() > 100);

    let mut controller = owner.start();
    let doctor = owner.run(&["doctor"]);
    assert!(doctor.contains("ok    the embedded store answers"), "{doctor}");
    let runs_as = owner.other.as_ref().map(|user| format!("runs as this user, {}", user.name));
    assert!(doctor.contains(runs_as.as_deref().unwrap_or("runs as this user")), "{doctor}");
    assert!(owner.run(&["token", "create"]).contains("querysmith-agent enrol"));
    assert!(owner.run(&["setup-code"]).trim().len() >= 10);
    owner.run(&["account", "create", "mara", "--role", "admin"]);
    owner.run(&["account", "reset-password", "mara"]);
    owner.check();
    assert!(controller.signal(Signal::SIGTERM).success(), "{}", controller.log());
    wait_for(Duration::from_secs(10), || processes_in(&owner.data).is_empty().then_some(()));

    // While none runs, each command starts the store and stops it.
    owner.run(&["token", "create", "--quiet"]);
    assert!(owner.run(&["agent", "list"]).contains("No agent"));
    owner.run(&["account", "reset-password", "mara"]);
    let doctor = owner.run(&["doctor"]);
    assert!(doctor.contains("does not run now"), "{doctor}");
    wait_for(Duration::from_secs(10), || processes_in(&owner.data).is_empty().then_some(()));
    owner.check();

    // A killed controller leaves its store's server behind: a command stops that one and starts its own.
    let mut controller = owner.start();
    controller.signal(Signal::SIGKILL);
    owner.run(&["account", "reset-password", "mara"]);
    wait_for(Duration::from_secs(10), || processes_in(&owner.data).is_empty().then_some(()));
    owner.check();
    let mut controller = owner.start();
    assert!(controller.signal(Signal::SIGTERM).success(), "{}", controller.log());
}
