//! A private PostgreSQL cluster: its own directory, port, socket and log, gone when it is dropped.
//!
//! Starting and stopping block until the server says that it is ready or gone; there are no fixed waits.
//! Started by root, the server runs as the user `postgres`, as it refuses to run as root.

pub mod options;

mod binaries;
mod configuration;
mod identity;
mod postmaster;
mod processes;
mod workplace;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};

use binaries::Binaries;
use options::Options;
use postmaster::Postmaster;
use workplace::Workplace;

/// A server that recovers from a crash on a busy machine still starts within this time.
const START_LIMIT: Duration = Duration::from_secs(60);
/// A fast stop writes a checkpoint; a server kept on a slow disk gets the time for it.
const STOP_LIMIT: Duration = Duration::from_secs(60);
/// Another program may take the free port between the look and the start; five in a row means something else is wrong.
const PORT_ATTEMPTS: usize = 5;

/// A running (or deliberately stopped) PostgreSQL server that belongs to the caller alone.
#[derive(Debug)]
pub struct Cluster {
    options: Options,
    binaries: Binaries,
    port: u16,
    postmaster: Option<Postmaster>,
    workplace: Workplace,
}

impl Cluster {
    /// Creates a cluster and starts it; in a directory that already holds one, starts that one.
    pub fn start(options: Options) -> Result<Self> {
        let mut cluster = Self::prepare(options)?;
        if !cluster.data_dir().join("PG_VERSION").exists() {
            cluster.run(
                "initdb",
                &["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "-D"],
            )?;
            configuration::include(&cluster.data_dir())?;
        }
        cluster.start_again()?;
        Ok(cluster)
    }

    /// Creates a streaming standby of a running primary and starts it.
    pub fn start_standby(primary: &Self, options: Options) -> Result<Self> {
        let mut cluster = Self::prepare(Options { major: primary.options.major, ..options })?;
        let port = primary.port.to_string();
        let host = primary.socket_dir().to_string_lossy().into_owned();
        cluster.run(
            "pg_basebackup",
            &[
                "-U",
                "postgres",
                "-h",
                &host,
                "-p",
                &port,
                "-R",
                "-X",
                "stream",
                "-c",
                "fast",
                "--no-sync",
                "-D",
            ],
        )?;
        cluster.start_again()?;
        Ok(cluster)
    }

    /// Starts a stopped or killed server again, on the same port and data.
    pub fn start_again(&mut self) -> Result<()> {
        if self.postmaster.is_some() {
            bail!("the server is already running");
        }
        for _ in 0..PORT_ATTEMPTS {
            configuration::write(&self.data_dir(), &self.options, &self.workplace, self.port)?;
            let mut postmaster = Postmaster::spawn(&self.binaries, &self.data_dir(), &self.log_path())?;
            if postmaster.wait_until_ready(&self.data_dir(), START_LIMIT)? {
                self.postmaster = Some(postmaster);
                return Ok(());
            }
            let port_was_taken = self.log().contains("could not create any TCP/IP sockets");
            if !port_was_taken || self.options.port.is_some() {
                break;
            }
            self.port = workplace::free_port()?;
            std::fs::remove_file(self.log_path()).context("removing the log of a failed start")?;
        }
        bail!("the server did not start; its log ends:\n{}", last_lines(&self.log(), 20))
    }

    /// Stops as at the end of a working day: sessions are cut, data is written.
    pub fn stop_fast(&mut self) -> Result<()> {
        self.end(Signal::SIGINT)
    }

    /// Stops at once, as `pg_ctl stop -m immediate`; the next start goes through crash recovery.
    pub fn stop_immediate(&mut self) -> Result<()> {
        self.end(Signal::SIGQUIT)
    }

    /// Kills the postmaster with SIGKILL and returns when its children have noticed and gone.
    pub fn kill(&mut self) -> Result<()> {
        self.end(Signal::SIGKILL)
    }

    /// Stops fast and starts again on the same port.
    pub fn restart(&mut self) -> Result<()> {
        self.stop_fast()?;
        self.start_again()
    }

    /// Makes a standby the primary; returns when it accepts writes.
    pub fn promote(&self) -> Result<()> {
        self.run("pg_ctl", &["promote", "-w", "-s", "-D"])
    }

    /// Whether the server is meant to be running and its postmaster is.
    pub fn is_running(&mut self) -> bool {
        self.postmaster.as_mut().is_some_and(|postmaster| !postmaster.has_exited())
    }

    /// The TCP port on 127.0.0.1; it stays the same over restarts.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The postmaster's process id, while it runs.
    pub fn pid(&self) -> Option<i32> {
        self.postmaster.as_ref().map(Postmaster::pid)
    }

    /// The cluster's name: `cluster_name` in the server, and the mark by which `processes` finds its children.
    pub fn name(&self) -> &str {
        self.workplace.name()
    }

    /// Process ids of the postmaster and all of its children.
    pub fn processes(&self) -> Vec<i32> {
        processes::of_cluster(self.name(), &self.data_dir())
    }

    /// The data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.workplace.path().join("data")
    }

    /// The directory of the Unix socket, short enough for any client.
    pub fn socket_dir(&self) -> &Path {
        self.workplace.path()
    }

    /// Where a program of the server's version is.
    pub fn program(&self, name: &str) -> Result<PathBuf> {
        self.binaries.path(name)
    }

    /// The server's log file.
    pub fn log_path(&self) -> PathBuf {
        self.workplace.path().join("log")
    }

    /// What the server has logged so far.
    pub fn log(&self) -> String {
        std::fs::read(self.log_path())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// The address of a database as superuser over TCP.
    pub fn url(&self, database: &str) -> String {
        self.url_as("postgres", database)
    }

    /// The address of a database as a given role over TCP; every role is trusted without a password.
    pub fn url_as(&self, role: &str, database: &str) -> String {
        format!("postgres://{role}@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    /// Connects to a database as superuser.
    pub async fn connect(&self, database: &str) -> Result<PgConnection> {
        PgConnection::connect_with(&self.client(database))
            .await
            .with_context(|| format!("connecting to {database}"))
    }

    /// A pool of connections to a database as superuser.
    pub async fn pool(&self, database: &str, connections: u32) -> Result<PgPool> {
        PgPoolOptions::new()
            .max_connections(connections)
            .connect_with(self.client(database))
            .await
            .with_context(|| format!("connecting to {database}"))
    }

    /// Creates a database and, if the module is loaded, pg_stat_statements in it.
    pub async fn create_database(&self, database: &str) -> Result<()> {
        self.execute("postgres", &format!("CREATE DATABASE \"{database}\"")).await?;
        if self.options.loads("pg_stat_statements") {
            self.execute(database, "CREATE EXTENSION pg_stat_statements").await?;
        }
        Ok(())
    }

    /// Runs one or several statements as superuser, on a connection of their own.
    pub async fn execute(&self, database: &str, sql: &str) -> Result<()> {
        let mut connection = self.connect(database).await?;
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(&mut connection)
            .await
            .with_context(|| sql.to_owned())?;
        connection.close().await.context("closing the connection")
    }

    fn prepare(options: Options) -> Result<Self> {
        let binaries = binaries::find(options.major)?;
        let workplace = workplace::prepare(options.directory.as_deref())?;
        let port = match options.port {
            Some(port) => port,
            None => workplace::free_port()?,
        };
        Ok(Self { options, binaries, port, postmaster: None, workplace })
    }

    fn client(&self, database: &str) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(self.port)
            .username("postgres")
            .database(database)
            .ssl_mode(PgSslMode::Disable)
    }

    /// Runs one of PostgreSQL's own programs to its end, with the data directory as the last argument.
    fn run(&self, program: &str, arguments: &[&str]) -> Result<()> {
        let mut command = self.binaries.command(program, self.workplace.path())?;
        let output = command
            .args(arguments)
            .arg(self.data_dir())
            .output()
            .with_context(|| format!("starting {program}"))?;
        if !output.status.success() {
            bail!("{program} failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(())
    }

    fn end(&mut self, signal: Signal) -> Result<()> {
        let Some(mut postmaster) = self.postmaster.take() else { return Ok(()) };
        postmaster.end(signal, STOP_LIMIT)?;
        processes::wait_until_gone(self.name(), &self.data_dir(), STOP_LIMIT)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let stopped = if self.workplace.is_kept() { self.stop_fast() } else { self.stop_immediate() };
        if let Err(error) = stopped {
            eprintln!("cluster {} did not stop: {error:#}", self.name());
        }
    }
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
