//! Rows as the rest of the controller would have written them: one instance with an hour of statistics, a
//! finding, a proposal that waits, and changes in several states.

pub(crate) mod decided;
mod history;
mod observed;
mod statistics;

use std::time::Duration;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use querysmith_shared::id::{AgentId, ChangeId, FindingId, InstanceId, ProposalId, StatementId};
use querysmith_shared::timestamp::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::ground::Ground;
use decided::{change, finding, proposal};
use history::history;
use observed::observations;
use statistics::statistics;

/// Longest that anything is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
pub(crate) const HOT: StatementId = StatementId(-7);
pub(crate) const CONTROL: StatementId = StatementId(8);

/// What was put in.
pub(crate) struct Seed {
    pub(crate) agent: AgentId,
    pub(crate) instance: InstanceId,
    pub(crate) finding: FindingId,
    pub(crate) waiting: ProposalId,
    pub(crate) digest: String,
    /// A change on trial, measured.
    pub(crate) trial: ChangeId,
}

impl Seed {
    pub(crate) async fn sow(ground: &Ground) -> Self {
        let (agent, instance) = ground.agent().await;
        let store = &ground.store;
        observations(store, agent, instance).await;
        statistics(store, instance).await;
        let finding = finding(store, instance).await;
        let waiting = proposal(store, instance, finding, "waiting", TimeDelta::days(7)).await;
        let confirmed = proposal(store, instance, finding, "approved", TimeDelta::days(7)).await;
        let trial = change(store, &confirmed, "trial").await;
        history(store, instance, trial).await;
        Self { agent, instance, finding, waiting: waiting.id, digest: waiting.digest, trial }
    }
}

pub(crate) fn this_minute() -> DateTime<Utc> {
    Utc::now().duration_trunc(TimeDelta::minutes(1)).unwrap()
}

fn stamp(at: DateTime<Utc>) -> Timestamp {
    Timestamp(at.timestamp_micros())
}

fn document<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap()
}
