//! Drives the workload: each activity on a connection of its own, at a fixed rate that doesn't slow down with the
//! database, and reports latencies interval by interval.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use anyhow::{Context, Result};
use chrono::Utc;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sqlx::postgres::{PgArguments, PgConnectOptions};
use sqlx::{ConnectOptions, Connection, PgConnection};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};

use super::latency::{Line, Outcome, Recorder};
use super::parameters::Sizes;
use super::workload::{Activity, Statement, WORKLOAD, statement_names};

/// An execution that has been due for longer than this is left out: nobody waits for a page that long.
const PATIENCE: Duration = Duration::from_secs(10);
/// A server that is just starting answers late; a dead one shall not hold up the schedule.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// Time for the statements that run when the driver is told to stop.
const FINISH_LIMIT: Duration = Duration::from_secs(5);
/// Outcomes on their way to the report; a few seconds of the whole workload.
const OUTCOMES: usize = 1024;

/// How to drive.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The shop's database.
    pub address: PgConnectOptions,
    /// Factor on all rates.
    pub rate_scale: f64,
    /// The same seed asks for the same things in the same order.
    pub seed: u64,
    /// Length of an interval of the report.
    pub interval: Duration,
}

type Noted = (&'static str, Outcome);

/// Drives the workload until `end` is ready; gives each interval's line to `tell` and returns the line of the whole.
pub async fn drive(
    plan: Plan,
    end: impl Future<Output = ()>,
    mut tell: impl FnMut(&Line) -> Result<()>,
) -> Result<Line> {
    let mut connection = plan.address.connect().await.context("connecting")?;
    let sizes = Sizes::read(&mut connection).await?;
    connection.close().await.context("closing the connection")?;

    let (stop, stopped) = watch::channel(false);
    let (note, mut noted) = mpsc::channel(OUTCOMES);
    let mut activities = JoinSet::new();
    for (number, activity) in (0_u64..).zip(WORKLOAD) {
        let worker = Worker {
            activity: *activity,
            address: plan.address.clone(),
            connection: None,
            sizes,
            random: StdRng::seed_from_u64(plan.seed.wrapping_add(number)),
            note: note.clone(),
        };
        activities.spawn(worker.run(plan.rate_scale, stopped.clone()));
    }
    drop(note);

    let mut report = Report::new(statement_names());
    let mut ticks = interval_at(Instant::now() + plan.interval, plan.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut end = pin!(end);
    loop {
        tokio::select! {
            () = &mut end => break,
            _ = ticks.tick() => tell(&report.end_interval())?,
            Some((name, outcome)) = noted.recv() => report.current.note(name, outcome),
        }
    }
    stop.send_replace(true);
    let rest = async {
        while let Some((name, outcome)) = noted.recv().await {
            report.current.note(name, outcome);
        }
    };
    // Whoever doesn't finish in time is cut off with the join set.
    let _ = timeout(FINISH_LIMIT, rest).await;
    Ok(report.end())
}

struct Report {
    current: Recorder,
    whole: Recorder,
    names: Vec<&'static str>,
    current_since: Instant,
    whole_since: Instant,
}

impl Report {
    fn new(names: Vec<&'static str>) -> Self {
        let now = Instant::now();
        let empty = Recorder::new(&names);
        Self { current: empty.clone(), whole: empty, names, current_since: now, whole_since: now }
    }

    fn end_interval(&mut self) -> Line {
        let line = self.current.line(Utc::now().to_rfc3339(), self.current_since.elapsed());
        self.whole.add(&self.current);
        self.current = Recorder::new(&self.names);
        self.current_since = Instant::now();
        line
    }

    fn end(mut self) -> Line {
        self.whole.add(&self.current);
        self.whole.line(Utc::now().to_rfc3339(), self.whole_since.elapsed())
    }
}

struct Worker {
    activity: Activity,
    address: PgConnectOptions,
    connection: Option<PgConnection>,
    sizes: Sizes,
    random: StdRng,
    note: mpsc::Sender<Noted>,
}

impl Worker {
    async fn run(mut self, rate_scale: f64, mut stopped: watch::Receiver<bool>) {
        let gap = Duration::from_secs_f64(1.0 / (self.activity.per_second * rate_scale));
        let mut due = Instant::now() + gap.mul_f64(self.random.random());
        loop {
            let is_behind = due <= Instant::now();
            tokio::select! {
                _ = stopped.wait_for(|stopped| *stopped) => break,
                () = sleep_until(due) => {}
            }
            // The timer's own lateness, about a millisecond, is not the database's.
            let wanted = if is_behind { due } else { Instant::now() };
            if wanted.elapsed() > PATIENCE {
                self.note_all(Outcome::Skipped).await;
            } else if self.execute(wanted).await.is_err() {
                // A broken connection and a refused statement look alike from here; a new connection mends both.
                self.connection = None;
                self.note_all(Outcome::Failed).await;
            }
            due += gap.mul_f64(self.random.random_range(0.5..1.5));
        }
        if let Some(connection) = self.connection.take() {
            // The server notices a closed socket as well as a farewell.
            let _ = connection.close().await;
        }
    }

    async fn execute(&mut self, wanted: Instant) -> Result<()> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => timeout(CONNECT_LIMIT, self.address.connect()).await.context("connecting")??,
        };
        let mut took = Vec::with_capacity(self.activity.statements.len());
        match self.activity.statements {
            [only] => took.push(self.send(only, &mut connection).await?),
            several => {
                let mut transaction = connection.begin().await?;
                for statement in several {
                    took.push(self.send(statement, &mut transaction).await?);
                }
                transaction.commit().await?;
            }
        }
        self.connection = Some(connection);
        self.note_done(wanted, &took).await
    }

    async fn send(&mut self, statement: &Statement, connection: &mut PgConnection) -> Result<Duration> {
        let mut arguments = PgArguments::default();
        for parameter in statement.parameters {
            parameter.add(&mut arguments, self.sizes, &mut self.random)?;
        }
        let sent = Instant::now();
        sqlx::query_with(statement.sql, arguments).fetch_all(connection).await?;
        Ok(sent.elapsed())
    }

    /// A statement is felt from when it was wanted; within a transaction, from when it was sent.
    async fn note_done(&self, wanted: Instant, took: &[Duration]) -> Result<()> {
        for (statement, service) in self.activity.statements.iter().zip(took) {
            let felt = if took.len() == 1 { wanted.elapsed() } else { *service };
            self.note.send((statement.name, Outcome::Done { felt, service: *service })).await?;
        }
        Ok(())
    }

    async fn note_all(&self, outcome: Outcome) {
        for statement in self.activity.statements {
            // Nobody listens any more when the report is finished.
            let _ = self.note.send((statement.name, outcome)).await;
        }
    }
}
