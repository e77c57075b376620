//! What the agent costs beside a server with 5,000 tracked statements, 300 of them active.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use sqlx::PgConnection;

use super::api::Api;
use super::fleet::{self, Addresses, Plan};
use super::place::Place;
use super::process::Program;
use super::progress::{step, step_async};
use crate::cluster::Cluster;
use crate::cluster::options::Options;

/// How long is measured, once everything runs.
pub const LENGTH: Duration = Duration::from_secs(180);
/// Time between two looks at the agent's sessions.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How long after the end its last own count may come; it counts by the minute.
const LAST_COUNT_LIMIT: Duration = Duration::from_secs(90);
/// Room in pg_stat_statements for all of them and some more.
const STATEMENTS_MAX: u32 = 10_000;
/// Linux counts a process's CPU time in hundredths of a second (USER_HZ).
const TICKS_PER_SECOND: f64 = 100.0;

/// The bars, as the README names them.
const RSS_BAR_BYTES: u64 = 20 << 20;
const CPU_BAR: f64 = 0.003;
const DATABASE_CPU_BAR: f64 = 0.005;
const SENT_BAR_BYTES_PER_S: f64 = 10_000.0;
const BINARY_BAR_BYTES: u64 = 15 << 20;

/// The statements, the server that tracks them, the controller and the agent. Stopped in this order.
#[derive(Debug)]
pub struct Bench {
    /// The statements.
    pub workload: Program,
    agent: Program,
    /// The controller.
    pub controller: Program,
    database: Cluster,
    /// Where the controller listens.
    pub addresses: Addresses,
}

/// What was measured.
#[derive(Debug, Serialize)]
pub struct Footprint {
    /// How long was measured.
    pub seconds: f64,
    /// Statements in pg_stat_statements at the end.
    pub tracked_statements: i64,
    /// Highest resident memory of the agent.
    pub rss_peak_bytes: u64,
    /// CPU time of the agent, as a share of one core.
    pub cpu_fraction: f64,
    /// CPU time of the agent's sessions in the server, as a share of one core.
    pub database_cpu_fraction: f64,
    /// Bytes sent to the controller per second, by the agent's own count, from its start on.
    pub sent_bytes_per_s: f64,
    /// The same in the stretch between two of its reports in which it was highest.
    pub sent_bytes_per_s_most: f64,
    /// Size of the agent's program.
    pub binary_bytes: u64,
    /// Every bar that was missed, in words.
    pub failures: Vec<String>,
}

impl Bench {
    /// Starts everything; the agent is the given program.
    pub async fn start(place: &Place, agent: &Path) -> Result<Self> {
        let options = Options {
            directory: Some(place.database()),
            statements_max: STATEMENTS_MAX,
            shared_buffers: "256MB".to_owned(),
            ..Options::default()
        };
        let database = step("server: starting PostgreSQL", || Cluster::start(options))?;
        fleet::prepare(&database).await?;
        let url = database.url_as(fleet::OWNER, fleet::DATABASE);
        let log = place.file("workload.log");
        let mut workload = step("workload: 5,000 different statements", || {
            Program::start(
                "querysmith-shop",
                &["tracked", "--url", &url, "--statements", "5000", "--active", "300"],
                &log,
            )
        })?;
        let plan = Plan::new(0.0, 0);
        let (controller, addresses) = fleet::start_controller(place, &plan)?;
        fleet::enrol(place, &database, &addresses, &plan).await?;
        let mut connection = database.connect(fleet::DATABASE).await?;
        step_async("workload: waiting until all statements are tracked", async {
            loop {
                if tracked(&mut connection).await? >= 5_000 {
                    return Ok(());
                }
                if let Some(status) = workload.ended()? {
                    bail!("the workload ended ({status}): {}", workload.end_of_log());
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        })
        .await?;
        let arguments = fleet::agent_arguments(place)?;
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let agent = Program::start_at(agent, &arguments, &place.file("agent.log"))?;
        Ok(Self { workload, agent, controller, database, addresses })
    }

    /// Measures for [`LENGTH`] from the agent's start.
    pub async fn measure(&self, binary: &Path, api: &Api) -> Result<Footprint> {
        step_async("measuring for 3 minutes", measure(&self.database, &self.agent, binary, api)).await
    }
}

async fn tracked(connection: &mut PgConnection) -> Result<i64> {
    sqlx::query_scalar("SELECT count(*) FROM pg_stat_statements(false)")
        .fetch_one(connection)
        .await
        .context("counting statements")
}

async fn measure(database: &Cluster, agent: &Program, binary: &Path, api: &Api) -> Result<Footprint> {
    let mut connection = database.connect(fleet::DATABASE).await?;
    let started = Instant::now();
    let mut sent = Sent::from(started);
    let cpu_before = cpu_seconds(agent.pid())?;
    let mut sessions: HashMap<i32, (f64, f64)> = HashMap::new();
    for (pid, seconds) in agent_sessions(&mut connection).await? {
        sessions.insert(pid, (seconds, seconds));
    }
    while started.elapsed() < LENGTH {
        tokio::time::sleep(LOOK_AGAIN).await;
        for (pid, seconds) in agent_sessions(&mut connection).await? {
            // A session that began meanwhile is counted from its start.
            sessions.entry(pid).or_insert((0.0, seconds)).1 = seconds;
        }
        sent.look(api).await?;
    }
    let seconds = started.elapsed().as_secs_f64();
    let database_cpu: f64 = sessions.values().map(|(first, last)| last - first).sum();
    let tracked_statements = tracked(&mut connection).await?;
    let mut footprint = Footprint {
        seconds,
        tracked_statements,
        rss_peak_bytes: rss_peak_bytes(agent.pid())?,
        cpu_fraction: (cpu_seconds(agent.pid())? - cpu_before) / seconds,
        database_cpu_fraction: database_cpu / seconds,
        sent_bytes_per_s: 0.0,
        sent_bytes_per_s_most: 0.0,
        binary_bytes: std::fs::metadata(binary).context("looking at the agent's program")?.len(),
        failures: Vec::new(),
    };
    // The agent counts by the minute: the minute in which the measuring ended belongs to it.
    let limit = Instant::now() + LAST_COUNT_LIMIT;
    while sent.until < started + LENGTH {
        if Instant::now() > limit {
            bail!("the agent has not reported its own count for {} s", sent.until.elapsed().as_secs());
        }
        tokio::time::sleep(LOOK_AGAIN).await;
        sent.look(api).await?;
    }
    footprint.sent_bytes_per_s = sent.bytes / sent.until.duration_since(started).as_secs_f64();
    footprint.sent_bytes_per_s_most = sent.most;
    judge(&mut footprint);
    Ok(footprint)
}

fn judge(footprint: &mut Footprint) {
    let mut failures = Vec::new();
    let mut held = |well: bool, what: &str| {
        if !well {
            failures.push(what.to_owned());
        }
    };
    held(footprint.rss_peak_bytes <= RSS_BAR_BYTES, "the agent's memory went over 20 MB");
    held(footprint.cpu_fraction <= CPU_BAR, "the agent used over 0.3 % of a core");
    held(footprint.database_cpu_fraction <= DATABASE_CPU_BAR, "its sessions used over 0.5 % of a core");
    held(footprint.sent_bytes_per_s <= SENT_BAR_BYTES_PER_S, "it sent over 10 KB/s");
    held(footprint.binary_bytes <= BINARY_BAR_BYTES, "its program is over 15 MB");
    held(footprint.tracked_statements >= 5_000, "fewer than 5,000 statements were tracked");
    footprint.failures = failures;
}

async fn agent_sessions(connection: &mut PgConnection) -> Result<Vec<(i32, f64)>> {
    let pids: Vec<i32> = sqlx::query_scalar(
        "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'querysmith/%' OR usename = 'querysmith_read'",
    )
    .fetch_all(connection)
    .await
    .context("listing the agent's sessions")?;
    // A session may end between the two looks.
    Ok(pids.into_iter().filter_map(|pid| Some((pid, cpu_seconds(pid).ok()?))).collect())
}

fn cpu_seconds(pid: i32) -> Result<f64> {
    let text =
        std::fs::read_to_string(format!("/proc/{pid}/stat")).context("reading a process's CPU time")?;
    let fields: Vec<&str> =
        text.rsplit(')').next().context("an unreadable stat")?.split_whitespace().collect();
    let ticks = |field: usize| -> Result<f64> {
        let text = fields.get(field).context("a short stat")?;
        text.parse().context("an unreadable stat")
    };
    // Fields 14 and 15 of proc(5), counted from the third, which follows the name.
    Ok((ticks(11)? + ticks(12)?) / TICKS_PER_SECOND)
}

fn rss_peak_bytes(pid: i32) -> Result<u64> {
    let text =
        std::fs::read_to_string(format!("/proc/{pid}/status")).context("reading a process's memory")?;
    let line = text.lines().find(|line| line.starts_with("VmHWM:")).context("no peak of memory")?;
    let kilobytes: u64 =
        line.split_whitespace().nth(1).context("no peak of memory")?.parse().context("no peak of memory")?;
    Ok(kilobytes * 1024)
}

/// The agent's own counts of what it sent, added up as they come.
struct Sent {
    bytes: f64,
    most: f64,
    latest: Option<f64>,
    until: Instant,
}

impl Sent {
    fn from(started: Instant) -> Self {
        Self { bytes: 0.0, most: 0.0, latest: None, until: started }
    }

    /// Takes the newest count, unless it has been taken. Each stands for the time since the one before.
    async fn look(&mut self, api: &Api) -> Result<()> {
        let page = api.get("/agents").await?;
        let rate = page["items"][0]["cost"]["bytes_sent_per_s"].as_f64();
        let Some(rate) = rate.filter(|_| rate != self.latest) else { return Ok(()) };
        let now = Instant::now();
        self.bytes += rate * now.duration_since(self.until).as_secs_f64();
        self.most = self.most.max(rate);
        self.latest = Some(rate);
        self.until = now;
        Ok(())
    }
}
