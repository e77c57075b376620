//! The controller as a process: its command line, its embedded store, its end.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// First start makes the store; other tests may use all cores meanwhile.
const START_LIMIT: Duration = Duration::from_secs(120);

/// A directory that the user `postgres` can reach, gone at the end.
pub(crate) struct Directory(pub(crate) PathBuf);

impl Directory {
    pub(crate) fn new() -> Self {
        let path = PathBuf::from(format!("/tmp/qs-it-{}", uuid::Uuid::new_v4().simple()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Waits until `look` finds something.
pub(crate) fn wait_for<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < limit, "waited for longer than {limit:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Processes that work in this directory or below: the store's server and its children.
pub(crate) fn processes_in(directory: &Path) -> Vec<i32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let is_in =
        |pid: &i32| fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(directory));
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(is_in).collect()
}

pub(crate) struct Controller {
    data: PathBuf,
    /// Where what it prints goes.
    printed: PathBuf,
    child: Child,
}

pub(crate) fn command(data: &Path, arguments: &[&str]) -> Command {
    command_of(Path::new(env!("CARGO_BIN_EXE_querysmith-controller")), data, arguments)
}

/// The same of a program that stands elsewhere.
pub(crate) fn command_of(program: &Path, data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .args(["--data-dir", data.to_str().unwrap()])
        .env("QUERYSMITH_CONTROLLER_HTTP_LISTEN", "127.0.0.1:0")
        .env("QUERYSMITH_CONTROLLER_LINK_LISTEN", "127.0.0.1:0")
        .env_remove("DATABASE_URL")
        .stdin(Stdio::null());
    command
}

fn run(data: &Path, arguments: &[&str]) -> Output {
    command(data, arguments).output().unwrap()
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

impl Controller {
    pub(crate) fn start(data: &Path) -> Self {
        let mut controller = Self::spawn(data, &[]);
        controller.wait();
        controller
    }

    /// Starts it with further variables in its environment, and does not wait.
    pub(crate) fn spawn(data: &Path, variables: &[(&str, &str)]) -> Self {
        let mut command = command(data, &["run"]);
        command.envs(variables.iter().copied());
        Self::spawn_of(command, data, data)
    }

    /// Starts it as the command says, keeps what it prints in the directory `printed`, and does not wait.
    pub(crate) fn spawn_of(mut command: Command, data: &Path, printed: &Path) -> Self {
        let _ = fs::remove_file(data.join("run/controller.json"));
        let open = |end: &str| File::options().create(true).append(true).open(printed.join(end)).unwrap();
        let child = command.stdout(open("out")).stderr(open("log")).spawn().unwrap();
        Self { data: data.to_owned(), printed: printed.to_owned(), child }
    }

    /// Waits until it is ready.
    pub(crate) fn wait(&mut self) {
        wait_for(START_LIMIT, || {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("it ended ({status}): {}", self.log());
            }
            self.http()
        });
    }

    pub(crate) fn http(&self) -> Option<String> {
        let text = fs::read_to_string(self.data.join("run/controller.json")).ok()?;
        let published: serde_json::Value = serde_json::from_str(&text).ok()?;
        Some(published["http"].as_str()?.to_owned())
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.printed.join("log")).unwrap_or_default()
    }

    fn out(&self) -> String {
        fs::read_to_string(self.printed.join("out")).unwrap_or_default()
    }

    pub(crate) fn signal(&mut self, signal: Signal) -> ExitStatus {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
        self.child.wait().unwrap()
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // What a killed controller leaves behind is this test's to end.
        for pid in processes_in(&self.data) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGQUIT);
        }
    }
}

#[test]
fn it_runs_on_its_own_store_survives_a_kill_and_leaves_nothing_behind() {
    let directory = Directory::new();
    let data = directory.0.as_path();
    let mut controller = Controller::start(data);
    assert!(controller.out().contains("one-time code"), "{}", controller.out());
    let token = printed(&run(data, &["token", "create", "--ttl", "1h", "--quiet"]));
    assert_eq!(token.trim().lines().count(), 1);
    let second = run(data, &["run"]);
    assert!(!second.status.success());
    assert!(String::from_utf8_lossy(&second.stderr).contains("used by another controller"), "{second:?}");

    // Killed, it leaves its store's server behind; the next start stops that one and loses nothing.
    assert!(!controller.signal(Signal::SIGKILL).success());
    assert!(!processes_in(data).is_empty());
    let mut controller = Controller::start(data);
    assert!(controller.log().contains("left behind"), "{}", controller.log());
    let status = controller.signal(Signal::SIGTERM);
    assert!(status.success(), "{status}: {}", controller.log());
    wait_for(Duration::from_secs(10), || processes_in(data).is_empty().then_some(()));
    assert!(!data.join("run/controller.json").exists());

    // Commands start the store themselves while no controller runs.
    let token = printed(&run(data, &["token", "create", "--note", "second"]));
    assert!(token.contains("querysmith-agent enrol"), "{token}");
    let code = printed(&run(data, &["setup-code"]));
    assert!(code.trim().len() >= 10, "{code}");
    assert!(printed(&run(data, &["agent", "list"])).contains("No agent"));
    wait_for(Duration::from_secs(10), || processes_in(data).is_empty().then_some(()));
}

#[test]
fn a_store_server_that_dies_is_started_again() {
    let directory = Directory::new();
    let data = directory.0.as_path();
    let mut controller = Controller::start(data);
    let postmaster = |data: &Path| -> Option<i32> {
        let text = fs::read_to_string(data.join("store/pgdata/postmaster.pid")).ok()?;
        text.lines().nth(7).filter(|state| state.trim() == "ready")?;
        text.lines().next()?.parse().ok()
    };
    let first = postmaster(data).unwrap();
    kill(Pid::from_raw(first), Signal::SIGKILL).unwrap();
    wait_for(Duration::from_secs(60), || postmaster(data).filter(|pid| *pid != first));
    printed(&run(data, &["token", "create", "--quiet"]));
    assert!(controller.signal(Signal::SIGINT).success(), "{}", controller.log());
    wait_for(Duration::from_secs(10), || processes_in(data).is_empty().then_some(()));
}

#[test]
fn commands_that_need_no_store_and_mistakes_are_told_apart() {
    let directory = Directory::new();
    let data = directory.0.as_path();
    let config = data.join("controller.toml");
    fs::write(&config, "[store]\nurl = 'postgres://u:hunter2@127.0.0.1:1/d'\n").unwrap();
    let with_config = |arguments: &[&str]| {
        let mut all = arguments.to_vec();
        all.extend(["--config", config.to_str().unwrap()]);
        run(data, &all)
    };
    let shown = printed(&with_config(&["check-config"]));
    assert!(shown.contains("postgres://u:****@127.0.0.1:1/d"), "{shown}");
    assert!(printed(&with_config(&["openapi"])).contains("/api/v1"));
    let doctor = with_config(&["doctor"]);
    assert_eq!(doctor.status.code(), Some(1), "{doctor:?}");
    let seen = String::from_utf8_lossy(&doctor.stdout);
    assert!(seen.contains("BAD   the store") && !seen.contains("hunter2"), "{seen}");
    fs::write(&config, "[http]\nlisen = 1\n").unwrap();
    let wrong = with_config(&["check-config"]);
    assert_eq!(wrong.status.code(), Some(3), "{wrong:?}");
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("did you mean `listen`?"), "{wrong:?}");
    assert_eq!(run(data, &["nonsense"]).status.code(), Some(2));
}
