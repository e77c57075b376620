//! Starts the demo: sample database, controller, agent, workload. A second start continues where the
//! first one was.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::place::Place;
use super::process::{self, Program};
use super::progress::{say, step, step_async};
use crate::cluster::Cluster;
use crate::cluster::options::Options;

/// The sample database's name, and its instance's in the console.
pub const DATABASE: &str = "shop";
/// The role that owns the shop's tables, and that its application connects as.
pub const OWNER: &str = "shop";
/// First start makes the store and its schema.
const CONTROLLER_LIMIT: Duration = Duration::from_secs(90);

/// The running demo. Fields are dropped, and so stopped, in this order: workload, agent, controller, database.
#[derive(Debug)]
pub struct Fleet {
    /// The workload.
    pub driver: Program,
    /// The agent beside the sample database.
    pub agent: Program,
    /// The controller.
    pub controller: Program,
    /// The sample database.
    pub database: Cluster,
    /// Where the controller listens.
    pub addresses: Addresses,
    /// Where the driver writes what its clients saw.
    pub driver_report: PathBuf,
    /// When the workload began, with the agent watching.
    pub began: std::time::Instant,
}

/// What the controller says of itself in `run/controller.json`.
#[derive(Debug, Clone, Deserialize)]
pub struct Addresses {
    /// The console and the API, `http://host:port`.
    pub http: String,
    /// The link for agents, `host:port` (UDP).
    pub link: String,
}

/// What to start.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Size of the sample shop; 1 is a million orders.
    pub scale: f64,
    /// Speed of the workload; 1 is the demo's.
    pub rate: f64,
    /// Port of the console; 0 takes a free one.
    pub http_port: u16,
    /// Where agents shall reach the controller; `127.0.0.1:0` takes a free port.
    pub link: String,
    /// The store; `None` is the embedded one.
    pub store: Option<String>,
    /// How often it is looked.
    pub pace: Pace,
}

/// How often servers are looked at, and trials decided on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As is right for a production server.
    Usual,
    /// Every few seconds.
    Often,
    /// Every second, and trials in turns of a dozen.
    Seconds,
}

impl Pace {
    /// The end of the agent's configuration, in its instance; more often costs more.
    fn of_agent(self) -> &'static str {
        match self {
            Self::Usual => "",
            Self::Often => COLLECT_OFTEN,
            Self::Seconds => COLLECT_EVERY_SECOND,
        }
    }

    /// The end of the controller's configuration.
    fn of_controller(self) -> &'static str {
        match self {
            Self::Usual => "",
            Self::Often => RUN_JOBS_OFTEN,
            Self::Seconds => DECIDE_IN_SECONDS,
        }
    }
}

const COLLECT_EVERY_SECOND: &str = "
[instance.collectors]
query_stats = { interval_s = 1 }
settings = { interval_s = 10 }

[budget]
database_fraction = 0.1
cpu_fraction = 0.1
sent_bytes_per_s = 1000000
";
const DECIDE_IN_SECONDS: &str = "
[trials]
window_s = 10
washout_s = 2
pairs = 20

[jobs]
roll_up = \"*/5 * * * * *\"
measure = \"*/2 * * * * *\"
";
const COLLECT_OFTEN: &str = "
[instance.collectors]
query_stats = { interval_s = 5 }
activity = { interval_s = 5 }
plans = { interval_s = 10 }
schema = { interval_s = 15 }
usage = { interval_s = 15 }

[budget]
database_fraction = 0.1
";

const RUN_JOBS_OFTEN: &str = "
[jobs]
roll_up = \"*/5 * * * * *\"
detect = \"*/5 * * * * *\"
propose = \"*/5 * * * * *\"
measure = \"*/5 * * * * *\"
learn = \"*/5 * * * * *\"
";

impl Plan {
    /// The demo as it is meant to be seen.
    pub fn new(scale: f64, http_port: u16) -> Self {
        Self { scale, rate: 1.0, http_port, link: "127.0.0.1:0".to_owned(), store: None, pace: Pace::Usual }
    }
}

impl Fleet {
    /// Starts everything in `place`, or continues what is there.
    pub async fn start(place: &Place, plan: &Plan) -> Result<Self> {
        let database = step("sample database: starting PostgreSQL", || sample_server(place))?;
        prepare(&database).await?;
        step("sample database: loading the shop (once, about half a minute)", || {
            load(&database, plan.scale)
        })?;

        let (controller, addresses) = start_controller(place, plan)?;
        enrol(place, &database, &addresses, plan).await?;
        let agent = step("agent: starting beside the sample database", || start_agent(place))?;

        let driver_report = place.file("driver.jsonl");
        let driver = step("workload: starting", || {
            let rate = plan.rate.to_string();
            let url = database.url_as(OWNER, DATABASE);
            let arguments = [
                "drive",
                "--url",
                &url,
                "--rate-scale",
                &rate,
                "--interval",
                "5",
                "--lines",
                path(&driver_report)?,
            ];
            Program::start("querysmith-shop", &arguments, &place.file("driver.log"))
        })?;
        let began = std::time::Instant::now();
        Ok(Self { driver, agent, controller, database, addresses, driver_report, began })
    }
}

/// The controller alone, with its embedded store.
pub fn start_controller(place: &Place, plan: &Plan) -> Result<(Program, Addresses)> {
    let data = place.controller();
    let configuration = place.write(
        "controller.toml",
        &format!(
            "[data]\ndemo = true\n\n[http]\nlisten = \"127.0.0.1:{}\"\n\n[link]\nlisten = \"{}\"\n{}{}",
            plan.http_port,
            plan.link,
            plan.store.as_ref().map_or_else(String::new, |url| format!("\n[store]\nurl = \"{url}\"\n")),
            plan.pace.of_controller(),
        ),
    )?;
    let ready = data.join("run/controller.json");
    if ready.exists() {
        std::fs::remove_file(&ready).context("removing the addresses of the last run")?;
    }
    step("controller: starting with its embedded store", || {
        let arguments = ["run", "--config", path(&configuration)?, "--data-dir", path(&data)?];
        let mut controller =
            Program::start("querysmith-controller", &arguments, &place.file("controller.log"))?;
        let addresses = controller.wait_for(CONTROLLER_LIMIT, || {
            serde_json::from_slice::<Addresses>(&std::fs::read(&ready).ok()?).ok()
        })?;
        Ok((controller, addresses))
    })
}

/// A command of the controller's on the demo's store.
pub fn controller_command(place: &Place, arguments: &[&str]) -> Result<String> {
    let data = place.controller();
    let configuration = place.file("controller.toml");
    let mut all = arguments.to_vec();
    all.extend(["--config", path(&configuration)?, "--data-dir", path(&data)?]);
    process::output("querysmith-controller", &all)
}

fn sample_server(place: &Place) -> Result<Cluster> {
    let options = Options {
        shared_buffers: "512MB".to_owned(),
        directory: Some(place.database()),
        preload: vec!["pg_stat_statements".to_owned()],
        ..Options::default()
    }
    .setting("random_page_cost", "1.1")
    .setting("max_wal_size", "2GB")
    .setting("track_io_timing", "on");
    Cluster::start(options)
}

/// What a superuser does once for a new application: its role, its database, the two extensions.
pub async fn prepare(database: &Cluster) -> Result<()> {
    if database.connect(DATABASE).await.is_ok() {
        return Ok(());
    }
    database.execute("postgres", "CREATE ROLE shop LOGIN").await?;
    database.execute("postgres", "CREATE DATABASE shop OWNER shop").await?;
    database.execute(DATABASE, "GRANT ALL ON SCHEMA public TO shop").await?;
    database.execute(DATABASE, "CREATE EXTENSION pg_stat_statements").await?;
    database.execute(DATABASE, "CREATE EXTENSION hypopg").await
}

fn load(database: &Cluster, scale: f64) -> Result<()> {
    let url = database.url_as(OWNER, DATABASE);
    process::output("querysmith-shop", &["load", "--url", &url, "--scale", &scale.to_string()]).map(drop)
}

/// Enrols the agent once, with its configuration, its allow-list and its two database roles.
pub async fn enrol(place: &Place, database: &Cluster, addresses: &Addresses, plan: &Plan) -> Result<()> {
    // Whoever tries the demo may have changed it.
    let allow = place.write_once("allow.toml", include_str!("allow.toml"))?;
    let configuration = place.write(
        "agent.toml",
        &format!(
            "[controller]\naddress = \"{link}\"\n\n[state]\ndirectory = \"{state}\"\n\n[apply]\nallow_list = \"{allow}\"\n\n\
             [[instance]]\nname = \"shop\"\nenvironment = \"demo\"\nurl = \"{read}\"\napply_url = \"{apply}\"\n\
             databases = [\"shop\"]\n{collectors}",
            link = addresses.link,
            state = path(&place.agent())?,
            allow = path(&allow)?,
            read = database.url_as("querysmith_read", DATABASE),
            apply = database.url_as("querysmith_apply", DATABASE),
            collectors = plan.pace.of_agent(),
        ),
    )?;
    step_async("agent: creating its two database roles", async {
        let sql = process::output("querysmith-agent", &["grants", "--config", path(&configuration)?])?;
        // Parameters are set from the one, and the tables are in the other.
        database.execute("postgres", &sql).await?;
        database.execute(DATABASE, &sql).await
    })
    .await?;
    if place.agent().join("identity").exists() {
        say("agent: already enrolled");
        return Ok(());
    }
    step("agent: enrolling with a join token", || {
        let token = controller_command(place, &["token", "create", "--ttl", "1h", "--quiet"])?;
        process::output(
            "querysmith-agent",
            &["enrol", token.trim(), &addresses.link, "--config", path(&configuration)?],
        )
        .map(drop)
    })
}

/// How the agent is run.
pub fn agent_arguments(place: &Place) -> Result<Vec<String>> {
    Ok(vec!["run".to_owned(), "--config".to_owned(), path(&place.file("agent.toml"))?.to_owned()])
}

fn start_agent(place: &Place) -> Result<Program> {
    let arguments = agent_arguments(place)?;
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Program::start("querysmith-agent", &arguments, &place.file("agent.log"))
}

fn path(path: &Path) -> Result<&str> {
    path.to_str().context("the demo's directory has a name that is not UTF-8")
}
