//! The machine that the server runs on, where that is the agent's own.

use std::path::Path;
use std::time::SystemTime;

use querysmith_shared::observation::collector::Problem;
use querysmith_shared::observation::host::Host;
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::report::ReportBody;

use super::{Postgres, row};
use crate::collect::collector::Collector;
use crate::collect::machine::{self, CpuTime};
use crate::collect::sink::Reports;
use crate::engines::{CollectError, Collected};

/// What is remembered from run to run.
#[derive(Default)]
pub(super) struct State {
    cpu: Option<CpuTime>,
    data_directory: Option<String>,
}

pub(super) async fn collect(engine: &Postgres, reports: &dyn Reports) -> Result<Collected, CollectError> {
    if !engine.is_local {
        let problem = Problem {
            message:
                "the server runs on another machine than the agent, whose figures can't be read from here"
                    .to_owned(),
            remedy: None,
            database: None,
        };
        return Ok(Collected { problems: vec![problem], ..Collected::default() });
    }
    let mut state = engine.host.recall().await;
    if state.data_directory.is_none()
        && engine.known_now().is_some_and(|known| known.facts.reads_all_settings)
    {
        let mut lease = engine.lease_server(Collector::Host).await?;
        let query = sqlx::query(include_str!("sql/data_directory.sql"));
        state.data_directory = lease.session().one(query, |row| row::text(row, 0)).await?.flatten();
        lease.done();
    }
    let cpu = machine::cpu_time();
    let fraction = match (state.cpu, cpu) {
        (Some(before), Some(now)) => now.busy_fraction_since(before),
        _ => 0.0,
    };
    let first = state.cpu.is_none();
    state.cpu = cpu;
    let memory = machine::memory();
    // Where the data directory is out of the agent's reach, its own file system is better than nothing.
    let disk = state.data_directory.as_deref().and_then(|path| machine::disk(Path::new(path)));
    let disk = disk.or_else(|| machine::disk(Path::new("/"))).unwrap_or_default();
    let host = Host {
        read_at: Timestamp::from(SystemTime::now()),
        cpu_fraction: fraction,
        cpu_count: machine::cpu_count(),
        load1: machine::load(),
        memory_total_bytes: memory.total,
        memory_available_bytes: memory.available,
        disk_total_bytes: disk.total,
        disk_free_bytes: disk.available,
    };
    reports.append(ReportBody::Host(host)).await.map_err(CollectError::Store)?;
    // The share of the CPU needs two readings.
    let again_in = first.then_some(std::time::Duration::from_secs(3));
    Ok(Collected { rows: 1, again_in, ..Collected::default() })
}
