//! Two settings tried by switchback on a live server under pgbench: one that truly hurts, and one that does nothing.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde_json::{Value, json};

use super::api::Api;
use super::fleet::{self, Addresses, DATABASE, OWNER, Pace, Plan};
use super::journey::{approve, text};
use super::place::Place;
use super::process::Program;
use super::progress::{say, step, step_async};
use crate::cluster::Cluster;
use crate::cluster::options::Options;

/// A million accounts' rows: far more than a page, small enough to be made in seconds.
const SCALE: &str = "10";
/// Transactions per second: an even load that leaves both CPUs room.
const RATE: &str = "100";
/// One transaction in ten sorts two megabytes, which fit into the server's own 4 MB and not into 64 kB.
const SORT: &str = "SELECT max(f) FROM (SELECT filler AS f FROM pgbench_accounts WHERE aid <= 20000 \
                    ORDER BY (aid * 7919::bigint) % 20011 OFFSET 0) AS sorted;\n";
/// Twenty quiet pairs, and some that can't be used.
const HISTORY: Duration = Duration::from_secs(620);
/// Twenty pairs and what lies between them.
const TRIAL_LIMIT: Duration = Duration::from_secs(1_500);
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// What the host lets be set.
const ALLOW: &str = r#"enabled = true
approvals = "unsigned"

[throttle]
cpu_percent = 100
io_percent = 100

[[allow]]
kinds = ["set_parameter"]
[allow.parameters]
work_mem = { min = "64kB", max = "64MB" }
geqo_threshold = { min = 2, max = 100 }
"#;

/// The server under load, its controller and its agent. Stopped in this order.
#[derive(Debug)]
pub struct Bench {
    load: Program,
    agent: Program,
    controller: Program,
    database: Cluster,
    /// Where the controller listens.
    pub addresses: Addresses,
    began: Instant,
}

/// How one trial ended.
#[derive(Debug, Serialize)]
pub struct Ended {
    /// What was tried.
    pub title: String,
    /// Where it ended.
    pub state: String,
    /// What was measured.
    pub verdict: Option<String>,
    /// Change of time, as a fraction.
    pub estimate: Option<f64>,
    /// Pairs of windows that counted.
    pub counted: Option<i64>,
    /// From its approval to its end, s.
    pub seconds: f64,
    /// Why, as the page says it.
    pub why: Option<String>,
    /// What the server says of the parameter at the end.
    pub in_force: String,
}

/// What was seen.
#[derive(Debug, Default, Serialize)]
pub struct Figures {
    /// The setting that truly hurts.
    pub hurts: Option<Ended>,
    /// The setting that does nothing.
    pub does_nothing: Option<Ended>,
    /// Every bar that was missed, in words.
    pub failures: Vec<String>,
}

impl Bench {
    /// Starts everything.
    pub async fn start(place: &Place) -> Result<Self> {
        let options = Options {
            directory: Some(place.database()),
            preload: vec!["pg_stat_statements".to_owned()],
            shared_buffers: "256MB".to_owned(),
            ..Options::default()
        };
        let database = step("server: starting PostgreSQL", || Cluster::start(options))?;
        fleet::prepare(&database).await?;
        let pgbench = database.program("pgbench")?;
        let url = database.url_as(OWNER, DATABASE);
        step("pgbench: making its tables", || {
            let mut make =
                Program::start_at(&pgbench, &["-i", "-s", SCALE, "-q", &url], &place.file("pgbench.log"))?;
            make.ends(Duration::from_secs(120))
        })?;
        place.write_once("allow.toml", ALLOW)?;
        let plan = Plan { pace: Pace::Seconds, ..Plan::new(0.0, 0) };
        let (controller, addresses) = fleet::start_controller(place, &plan)?;
        fleet::enrol(place, &database, &addresses, &plan).await?;
        let load = step("pgbench: starting", || {
            let script = place.write("sort.sql", SORT)?;
            let sort = format!("{}@1", script.display());
            let arguments =
                ["-n", "-b", "select-only@9", "-f", &sort, "-c", "2", "-T", "7200", "-R", RATE, &url];
            Program::start_at(&pgbench, &arguments, &place.file("pgbench.log"))
        })?;
        let arguments = fleet::agent_arguments(place)?;
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let agent = step("agent: starting", || {
            Program::start("querysmith-agent", &arguments, &place.file("agent.log"))
        })?;
        Ok(Self { load, agent, controller, database, addresses, began: Instant::now() })
    }

    /// Tries the one, then the other.
    pub async fn measure(&mut self, api: &Api) -> Result<Figures> {
        let mut figures = Figures::default();
        step_async("watching for ten minutes: twenty pairs of windows without a change", async {
            while self.began.elapsed() < HISTORY {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            Ok(())
        })
        .await?;
        // First the one that leaves no trace, so that what is before the other is as quiet.
        figures.does_nothing = Some(self.tried(api, "geqo_threshold", "13").await?);
        figures.hurts = Some(self.tried(api, "work_mem", "64kB").await?);
        judge(&mut figures);
        Ok(figures)
    }

    async fn tried(&mut self, api: &Api, parameter: &str, value: &str) -> Result<Ended> {
        let instance = text(&api.items("/instances").await?[0], "id")?;
        let wish = json!({
            "instance_id": instance, "kind": "set_parameter", "parameter": parameter, "value": value,
            "tried": "switchback", "reason": "to see what it does",
        });
        let proposal = step_async("proposing", proposed(api, &wish)).await?;
        let title = text(&proposal, "title")?;
        say(&title);
        let began = Instant::now();
        let change = approve(api, &proposal).await?;
        let ended = step_async("trying it in turns", self.end_of(api, &change, began)).await?;
        let found = &ended["switchback"]["found"];
        let mut events = ended["events"].as_array().into_iter().flatten();
        let why = events.rfind(|event| event["actor"] == "controller");
        let query = format!("SELECT current_setting('{parameter}')");
        let mut connection = self.database.connect(DATABASE).await?;
        let in_force = sqlx::query_scalar(sqlx::AssertSqlSafe(query)).fetch_one(&mut connection).await?;
        Ok(Ended {
            title,
            state: text(&ended, "state")?,
            verdict: ended["verdict"].as_str().map(str::to_owned),
            estimate: ended["measured"]["estimate"].as_f64(),
            counted: found["counted"].as_i64(),
            seconds: began.elapsed().as_secs_f64(),
            why: why.and_then(|event| event["detail"].as_str()).map(str::to_owned),
            in_force,
        })
    }

    async fn end_of(&mut self, api: &Api, change: &str, began: Instant) -> Result<Value> {
        loop {
            let shown = api.get(&format!("/changes/{change}")).await?;
            let state = text(&shown, "state")?;
            if matches!(state.as_str(), "confirmed" | "reverted" | "rejected" | "aborted" | "stuck") {
                return Ok(shown);
            }
            if began.elapsed() > TRIAL_LIMIT {
                bail!("the trial was still {state} after {TRIAL_LIMIT:?}: {shown}");
            }
            for (name, program) in
                [("load", &mut self.load), ("agent", &mut self.agent), ("controller", &mut self.controller)]
            {
                if let Some(status) = program.ended()? {
                    bail!("the {name} ended ({status}); its log ends:\n{}", program.end_of_log());
                }
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

/// Proposes as soon as the settings are known and enough was watched.
async fn proposed(api: &Api, wish: &Value) -> Result<Value> {
    let began = Instant::now();
    loop {
        match api.post("/proposals", wish).await {
            Ok(proposal) => return Ok(proposal),
            Err(error) if began.elapsed() > Duration::from_secs(180) => {
                return Err(error).context("proposing");
            }
            Err(_) => tokio::time::sleep(LOOK_AGAIN).await,
        }
    }
}

fn judge(figures: &mut Figures) {
    let state =
        |ended: &Option<Ended>| ended.as_ref().map(|ended| (ended.state.clone(), ended.verdict.clone()));
    let harmed = Some(("reverted".to_owned(), Some("harmed".to_owned())));
    if state(&figures.hurts) != harmed {
        figures.failures.push("what hurts was not taken back for its harm".to_owned());
    }
    if figures.does_nothing.as_ref().is_none_or(|ended| ended.state != "reverted") {
        figures.failures.push("what does nothing was not taken back".to_owned());
    }
}
