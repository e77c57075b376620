//! A store in memory that keeps the promises of the real one, and can go away.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use querysmith_controller::fleet::store::{
    AgentStatus, FleetStore, Ingest, IngestError, IssuedCertificate, NewAgent, StoreAway, TokenVerdict,
    Watermarks,
};
use querysmith_shared::id::AgentId;
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::link::Hello;
use querysmith_shared::wire::report::{Lane, Report};

#[derive(Default)]
pub(super) struct Memory {
    tables: Mutex<Tables>,
    pub(super) away: AtomicBool,
    /// Reports that were offered again after they were stored.
    pub(super) offered_again: AtomicU64,
}

#[derive(Default)]
struct Tables {
    tokens: HashMap<[u8; 32], (Timestamp, bool)>,
    agents: HashMap<AgentId, bool>,
    certificates: Vec<(AgentId, IssuedCertificate)>,
    hellos: Vec<(AgentId, Hello)>,
    watermarks: HashMap<(AgentId, u64, Lane), u64>,
    reports: Vec<(AgentId, u64, Report)>,
    unstorable: HashSet<u64>,
}

impl Memory {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn here(&self) -> Result<MutexGuard<'_, Tables>, StoreAway> {
        match self.away.load(Ordering::SeqCst) {
            true => Err(StoreAway("the store was switched off".into())),
            false => Ok(self.tables()),
        }
    }

    pub(super) fn add_token(&self, hash: [u8; 32], expires_at: Timestamp) {
        self.tables().tokens.insert(hash, (expires_at, false));
    }

    pub(super) fn add_agent(&self, agent: AgentId) {
        self.tables().agents.insert(agent, true);
    }

    pub(super) fn revoke(&self, agent: AgentId) {
        self.tables().agents.insert(agent, false);
    }

    /// A telemetry report with this number can't be stored.
    pub(super) fn refuse_report(&self, sequence: u64) {
        self.tables().unstorable.insert(sequence);
    }

    /// The numbers that are stored, in the order of their arrival.
    pub(super) fn stored(&self, lane: Lane) -> Vec<u64> {
        let tables = self.tables();
        tables
            .reports
            .iter()
            .filter(|(_, _, report)| report.lane == lane)
            .map(|(_, _, report)| report.sequence)
            .collect()
    }

    pub(super) fn bodies(&self, lane: Lane) -> Vec<Report> {
        let tables = self.tables();
        tables
            .reports
            .iter()
            .filter(|(_, _, report)| report.lane == lane)
            .map(|(_, _, report)| report.clone())
            .collect()
    }

    pub(super) fn hellos(&self) -> Vec<Hello> {
        self.tables().hellos.iter().map(|(_, hello)| hello.clone()).collect()
    }

    pub(super) fn certificates(&self) -> usize {
        self.tables().certificates.len()
    }

    pub(super) fn agents(&self) -> usize {
        self.tables().agents.len()
    }
}

impl FleetStore for Memory {
    fn redeem_token<'a>(
        &'a self,
        secret_hash: [u8; 32],
        agent: &'a NewAgent,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<TokenVerdict, StoreAway>> {
        async move {
            let mut tables = self.here()?;
            let Some((expires_at, used)) = tables.tokens.get_mut(&secret_hash) else {
                return Ok(TokenVerdict::Unknown);
            };
            if *used {
                return Ok(TokenVerdict::Used);
            }
            if *expires_at <= now {
                return Ok(TokenVerdict::Expired);
            }
            *used = true;
            tables.agents.insert(agent.agent, true);
            tables.certificates.push((agent.agent, agent.certificate.clone()));
            Ok(TokenVerdict::Redeemed)
        }
        .boxed()
    }

    fn agent_status(&self, agent: AgentId) -> BoxFuture<'_, Result<AgentStatus, StoreAway>> {
        async move {
            Ok(match self.here()?.agents.get(&agent) {
                Some(true) => AgentStatus::Active,
                Some(false) => AgentStatus::Revoked,
                None => AgentStatus::Unknown,
            })
        }
        .boxed()
    }

    fn not_active<'a>(&'a self, agents: &'a [AgentId]) -> BoxFuture<'a, Result<Vec<AgentId>, StoreAway>> {
        async move {
            let tables = self.here()?;
            Ok(agents.iter().copied().filter(|agent| tables.agents.get(agent) != Some(&true)).collect())
        }
        .boxed()
    }

    fn record_certificate<'a>(
        &'a self,
        agent: AgentId,
        certificate: &'a IssuedCertificate,
    ) -> BoxFuture<'a, Result<(), StoreAway>> {
        async move {
            self.here()?.certificates.push((agent, certificate.clone()));
            Ok(())
        }
        .boxed()
    }

    fn record_hello<'a>(
        &'a self,
        agent: AgentId,
        hello: &'a Hello,
        _now: Timestamp,
    ) -> BoxFuture<'a, Result<(), StoreAway>> {
        async move {
            self.here()?.hellos.push((agent, hello.clone()));
            Ok(())
        }
        .boxed()
    }

    fn record_seen(&self, _agent: AgentId, _now: Timestamp) -> BoxFuture<'_, Result<(), StoreAway>> {
        async move { self.here().map(drop) }.boxed()
    }

    fn watermarks(&self, agent: AgentId, incarnation: u64) -> BoxFuture<'_, Result<Watermarks, StoreAway>> {
        async move {
            let tables = self.here()?;
            let of = |lane| tables.watermarks.get(&(agent, incarnation, lane)).copied().unwrap_or(0);
            Ok(Watermarks { telemetry: of(Lane::Telemetry), changes: of(Lane::Changes) })
        }
        .boxed()
    }
}

impl Ingest for Memory {
    fn ingest(
        &self,
        agent: AgentId,
        incarnation: u64,
        lane: Lane,
        reports: Vec<Report>,
    ) -> BoxFuture<'_, Result<u64, IngestError>> {
        async move {
            // What a commit takes; without it the window would never fill.
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            let mut tables = self.here().map_err(IngestError::Away)?;
            let Tables { watermarks, reports: stored, unstorable, .. } = &mut *tables;
            if let Some(bad) =
                reports.iter().find(|report| lane == Lane::Telemetry && unstorable.contains(&report.sequence))
            {
                return Err(IngestError::Malformed {
                    sequence: bad.sequence,
                    reason: "a stand-in's whim".to_owned(),
                });
            }
            let watermark = watermarks.entry((agent, incarnation, lane)).or_default();
            for report in reports {
                assert_eq!(report.lane, lane);
                if report.sequence <= *watermark {
                    self.offered_again.fetch_add(1, Ordering::SeqCst);
                    continue;
                }
                *watermark = report.sequence;
                stored.push((agent, incarnation, report));
            }
            Ok(*watermark)
        }
        .boxed()
    }
}
