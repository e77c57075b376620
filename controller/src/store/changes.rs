//! Writes what agents report of changes.

use chrono::{DateTime, Utc};
use querysmith_shared::change::lifecycle::ChangeState;
use querysmith_shared::id::{AgentId, ChangeId, InstanceId};
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::report::ChangeReport;
use uuid::Uuid;

use super::value::{count, json, moment, text};
use super::writing::Writing;
use crate::store::error::StoreError;

/// What the controller wants of the agent that is not in the agent's journal yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wanted {
    /// Nothing.
    None,
    /// Bring it about.
    Apply,
    /// Take it back.
    Undo,
    /// Keep it.
    Confirm,
}

impl Wanted {
    /// The name used in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Apply => "apply",
            Self::Undo => "undo",
            Self::Confirm => "confirm",
        }
    }

    /// The wish of that name; what is not known is no wish.
    pub fn parse(name: &str) -> Self {
        match name {
            "apply" => Self::Apply,
            "undo" => Self::Undo,
            "confirm" => Self::Confirm,
            _ => Self::None,
        }
    }
}

/// A change as the mirror needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirroredChange {
    /// Which.
    pub change: ChangeId,
    /// On which instance.
    pub instance: InstanceId,
    /// Its title.
    pub title: String,
    /// Where it stands here.
    pub state: ChangeState,
    /// What is wanted of the agent.
    pub wanted: Wanted,
}

/// Who did what an event tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// The controller by itself.
    Controller,
    /// The agent.
    Agent,
    /// A person.
    Person,
}

impl Actor {
    /// The name used in the store and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Controller => "controller",
            Self::Agent => "agent",
            Self::Person => "person",
        }
    }
}

impl Writing {
    /// A change of this agent, locked until the end of this transaction.
    pub async fn lock_change(
        &mut self,
        agent: AgentId,
        change: ChangeId,
    ) -> Result<Option<MirroredChange>, StoreError> {
        let row: Option<(Uuid, String, String, String)> = sqlx::query_as(
            "SELECT change.instance_id, change.title, change.state, change.wanted
             FROM change
             JOIN instance USING (instance_id)
             WHERE change.change_id = $1
               AND instance.agent_id = $2
             FOR UPDATE OF change",
        )
        .bind(change.0)
        .bind(agent.0)
        .fetch_optional(self.connection())
        .await?;
        row.map(|(instance, title, state, wanted)| {
            Ok(MirroredChange {
                change,
                instance: InstanceId(instance),
                title,
                state: parse_state(&state)?,
                wanted: Wanted::parse(&wanted),
            })
        })
        .transpose()
    }

    /// Moves a change to another state, with what that means for its times and wishes.
    pub async fn move_change(
        &mut self,
        change: ChangeId,
        state: ChangeState,
        at: Timestamp,
        wanted: Wanted,
    ) -> Result<(), StoreError> {
        // The times are those of the first time: a replay changes nothing.
        sqlx::query(
            "UPDATE change
             SET state = $2,
                 state_since = $3,
                 wanted = $4,
                 applied_at = CASE WHEN $2 = 'applying' THEN COALESCE(applied_at, $3) ELSE applied_at END,
                 verified_at = CASE WHEN $2 = 'trial' THEN COALESCE(verified_at, $3) ELSE verified_at END,
                 ended_at = CASE WHEN $5 THEN $3 END
             WHERE change_id = $1",
        )
        .bind(change.0)
        .bind(state.as_str())
        .bind(moment(at))
        .bind(wanted.as_str())
        .bind(state.is_final())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Adds what an agent says of a change to its history; false if exactly that is there already.
    pub async fn add_change_report(
        &mut self,
        report: &ChangeReport,
        received_at: Timestamp,
    ) -> Result<bool, StoreError> {
        let trial_step = report.trial_step.as_ref().map(json).transpose();
        let trial_step = trial_step
            .map_err(|error| StoreError::Unreadable { what: "step of a trial", source: Box::new(error) })?;
        let added = sqlx::query(
            "INSERT INTO change_event (change_id, at, received_at, actor, state, detail, sql, duration_ms, observed,
                                       trial_step)
             SELECT $1, $2, $3, 'agent', $4, $5, $6, $7, $8, $9::jsonb
             WHERE NOT EXISTS (
                 SELECT 1
                 FROM change_event
                 WHERE change_id = $1
                   AND at = $2
                   AND actor = 'agent'
                   AND state = $4
                   AND detail = $5
             )",
        )
        .bind(report.change.0)
        .bind(moment(report.at))
        .bind(moment(received_at))
        .bind(report.state.as_str())
        .bind(text(&report.detail))
        .bind(report.sql.as_deref().map(text))
        .bind(report.duration_ms.map(count))
        .bind(report.observed.as_deref().map(text))
        .bind(trial_step)
        .execute(self.connection())
        .await?;
        Ok(added.rows_affected() == 1)
    }

    /// Adds what someone other than the agent did to a change's history.
    pub async fn add_change_event(
        &mut self,
        change: ChangeId,
        actor: Actor,
        state: ChangeState,
        detail: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO change_event (change_id, at, received_at, actor, state, detail)
             VALUES ($1, $2, $2, $3, $4, $5)",
        )
        .bind(change.0)
        .bind(moment(at))
        .bind(actor.as_str())
        .bind(state.as_str())
        .bind(text(detail))
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Puts a mark for a change on its instance's charts.
    pub async fn mark_change(
        &mut self,
        change: &MirroredChange,
        kind: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO mark (instance_id, at, kind, label, change_id) VALUES ($1, $2, $3, $4, $5)")
            .bind(change.instance.0)
            .bind(moment(at))
            .bind(kind)
            .bind(text(&change.title))
            .bind(change.change.0)
            .execute(self.connection())
            .await?;
        Ok(())
    }
}

/// Reads a state's name.
pub(crate) fn parse_state(name: &str) -> Result<ChangeState, StoreError> {
    ChangeState::parse(name).ok_or_else(|| StoreError::Unreadable {
        what: "state of a change",
        source: format!("{name:?} is no state").into(),
    })
}

/// A moment that may be missing, as the vocabulary has it.
pub(super) fn maybe(at: Option<DateTime<Utc>>) -> Option<Timestamp> {
    at.map(super::value::timestamp)
}
