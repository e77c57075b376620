//! One change in full: what happened, before and after, and the way back.

use std::collections::HashMap;

use actix_web::get;
use actix_web::web::{Data, Json};
use chrono::{DateTime, TimeDelta, Utc};
use querysmith_advice::measure::effect;
use querysmith_advice::propose::draft;
use querysmith_shared::change::lifecycle;
use querysmith_shared::id::{ChangeId, StatementId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::caller::Viewer;
use super::changes::{ChangeRow, ChangeState, change_row};
use super::context::ApiContext;
use super::hold::{Held, Lease};
use super::input::Id;
use super::problem::Problem;
use super::shapes::{ChangeSql, EffectVerdict, Interval};
use super::signing::{Given, MissingSignatures, Signing, missing_signatures_of, signed};
use super::switchback::{SwitchbackTrial, switchback_of};
use crate::approve::verdict;
use crate::store::read_changes::{ChangeDetail, ReadEvent, StatementMinute};
use crate::store::value::moment;

/// Who moved a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventActor {
    /// The controller by itself.
    Controller,
    /// The agent.
    Agent,
    /// A person.
    Person,
}

/// One step of a change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChangeEvent {
    /// When it happened, by the clock of whoever did it.
    pub at: DateTime<Utc>,
    /// When it was stored here.
    pub received_at: DateTime<Utc>,
    /// The state it led to.
    pub state: ChangeState,
    /// In words.
    pub detail: Option<String>,
    /// Who did it.
    pub actor: EventActor,
    /// The statement that ran.
    pub sql: Option<String>,
    /// How long it took.
    pub duration_ms: Option<f64>,
}

/// A measured effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Effect {
    /// Change of time, a fraction; negative is faster.
    pub estimate: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// What that means.
    pub verdict: EffectVerdict,
    /// Windows before the change.
    pub windows_before: i64,
    /// Windows after it.
    pub windows_after: i64,
    /// Change of blocks per call.
    pub blocks: Option<Interval>,
    /// What untouched statements did meanwhile; already taken out of the estimate.
    pub controls: Option<Interval>,
    /// How it was measured.
    pub method: String,
    /// When.
    pub measured_at: DateTime<Utc>,
}

/// A statement's average over several windows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Sample {
    /// Calls.
    pub calls: i64,
    /// Time of a call.
    pub mean_ms: f64,
    /// Blocks of a call.
    pub blocks_per_call: f64,
}

/// One step of a statement around a change.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SamplePoint {
    /// Start of the step.
    pub at: DateTime<Utc>,
    /// Time of a call.
    pub mean_ms: f64,
    /// Blocks of a call.
    pub blocks_per_call: f64,
}

/// Why a statement is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StatementRole {
    /// The change is meant for it, or reaches it.
    Touched,
    /// It is not touched, and shows what else happened.
    Control,
}

/// One statement before and after a change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChangeStatement {
    /// 16 hexadecimal digits.
    pub statement_id: String,
    /// Its text, at most 400 characters.
    pub text: String,
    /// Why it is looked at.
    pub role: StatementRole,
    /// Before.
    pub before: Option<Sample>,
    /// After.
    pub after: Option<Sample>,
    /// The measured difference.
    pub effect: Option<Interval>,
    /// Minute by minute.
    pub series: Vec<SamplePoint>,
}

/// What may be asked of a change now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangeCan {
    /// The undo.
    pub undo: bool,
    /// Why not.
    pub undo_reason: Option<String>,
    /// The withdrawal, before it has taken effect.
    pub withdraw: bool,
    /// Why not.
    pub withdraw_reason: Option<String>,
    /// Holding the verdict.
    pub hold: bool,
    /// Why not.
    pub hold_reason: Option<String>,
    /// Letting go of it.
    pub release: bool,
    /// Why not.
    pub release_reason: Option<String>,
    /// Keeping the change, whatever was measured.
    pub keep: bool,
    /// Why not.
    pub keep_reason: Option<String>,
}

/// One change in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Change {
    /// What the list shows.
    #[serde(flatten)]
    pub row: ChangeRow,
    /// Exactly what was approved to run.
    pub sql: ChangeSql,
    /// What happened, in order.
    pub events: Vec<ChangeEvent>,
    /// What was predicted.
    pub predicted: Option<Interval>,
    /// What was measured.
    pub measured: Option<Effect>,
    /// The statements before and after.
    pub statements: Vec<ChangeStatement>,
    /// What may be asked of it now.
    pub can: ChangeCan,
    /// What it built.
    pub object_name: Option<String>,
    /// When it was read back from the database.
    pub verified_at: Option<DateTime<Utc>>,
    /// The time it has left on trial; nothing before the agent's first word.
    pub lease: Option<Lease>,
    /// How its trial goes, where that is by switchback.
    pub switchback: Option<SwitchbackTrial>,
    /// Who holds its verdict.
    pub held: Option<Held>,
    /// Who signed it.
    pub signatures: Vec<Given>,
    /// What its host asks for before it begins.
    pub missing_signatures: Option<MissingSignatures>,
    /// What an approver signs now to let it begin, or to take back what was kept; and who may.
    pub signing: Option<Signing>,
}

/// Shown before and after a change.
const BEFORE: TimeDelta = TimeDelta::minutes(60);
const AFTER: TimeDelta = TimeDelta::minutes(120);
/// Statements that are shown of a change that was not measured yet.
const MOST_EXPECTED: usize = 20;

/// One change.
#[utoipa::path(tag = "changes", operation_id = "change",
    params(("id" = Uuid, Path, description = "the change")), responses((status = 200, body = Change), Problem))]
#[get("/changes/{id}")]
pub(crate) async fn change(context: Data<ApiContext>, _: Viewer, id: Id) -> Result<Json<Change>, Problem> {
    Ok(Json(read(&context, id.0).await?))
}

pub(super) async fn read(context: &ApiContext, id: Uuid) -> Result<Change, Problem> {
    let found = context.store.read_change(id).await?;
    let found = found.ok_or_else(|| Problem::not_found("there is no change with this id"))?;
    let events = context.store.change_events(id).await?;
    let switchback = match found.switchback {
        Some(terms) => {
            let reported = context.store.trial_steps(ChangeId(id)).await?;
            Some(switchback_of(terms, &reported, found.standing.as_ref(), Utc::now()))
        }
        None => None,
    };
    let mut statements = statements_of(&found);
    let ids: Vec<StatementId> = statements.iter().map(|(id, _)| *id).collect();
    let instance = found.row.instance_id;
    let texts = context.store.short_texts(instance, &ids).await?;
    let turned = found.applied_at.unwrap_or(found.row.created_at);
    let until = (found.verified_at.unwrap_or(turned) + AFTER).min(Utc::now());
    let minutes = context.store.statement_minutes(instance, &ids, turned - BEFORE, until).await?;
    let mut series = series_of(minutes);
    for (id, statement) in &mut statements {
        statement.text = texts.get(id).cloned().unwrap_or_default();
        statement.series = series.remove(id).unwrap_or_default();
    }
    let (signatures, signing) = signed(context, &found).await?;
    let can = can(&found);
    let state = found.row.state;
    let on_trial = state == lifecycle::ChangeState::Trial;
    Ok(Change {
        sql: found.sql.into(),
        events: events.into_iter().map(event_of).collect(),
        predicted: found.draft.predicted.map(Interval::from),
        measured: found.effect.as_ref().map(effect_of),
        statements: statements.into_iter().map(|(_, statement)| statement).collect(),
        can,
        object_name: found.object_name,
        verified_at: found.verified_at,
        lease: lease_of(on_trial, found.lease),
        switchback,
        signatures,
        missing_signatures: missing_signatures_of(state, found.missing_signatures),
        signing,
        held: found.held.filter(|_| on_trial).map(|(by, reason, at)| Held { by, reason, at }),
        row: change_row(found.row),
    })
}

/// The statements that were measured, or those for which the change was proposed.
fn statements_of(found: &ChangeDetail) -> Vec<(StatementId, ChangeStatement)> {
    let statement = |id: StatementId, role| ChangeStatement {
        statement_id: id.to_string(),
        text: String::new(),
        role,
        before: None,
        after: None,
        effect: None,
        series: Vec::new(),
    };
    if let Some(effect) = &found.effect {
        let measured = effect.statements.iter().map(|measured| {
            let role = match measured.role {
                effect::Role::Touched => StatementRole::Touched,
                effect::Role::Control => StatementRole::Control,
            };
            let shown = ChangeStatement {
                before: measured.before.map(sample_of),
                after: measured.after.map(sample_of),
                effect: measured.effect.map(Interval::from),
                ..statement(measured.statement_id, role)
            };
            (measured.statement_id, shown)
        });
        return measured.collect();
    }
    let expected = found.draft.statements.iter().filter(|statement| match statement.verdict {
        draft::StatementVerdict::Helps
        | draft::StatementVerdict::Hurts
        | draft::StatementVerdict::NotSimulated => true,
        draft::StatementVerdict::Unchanged => false,
    });
    let expected = expected.take(MOST_EXPECTED);
    expected
        .map(|touched| (touched.statement_id, statement(touched.statement_id, StatementRole::Touched)))
        .collect()
}

fn series_of(minutes: Vec<StatementMinute>) -> HashMap<StatementId, Vec<SamplePoint>> {
    let mut series: HashMap<StatementId, Vec<SamplePoint>> = HashMap::new();
    for minute in minutes {
        let point = SamplePoint {
            at: minute.minute,
            mean_ms: minute.mean_ms,
            blocks_per_call: minute.blocks_per_call,
        };
        series.entry(StatementId(minute.statement_id)).or_default().push(point);
    }
    series
}

fn can(found: &ChangeDetail) -> ChangeCan {
    let (row, wanted) = (&found.row, found.wanted);
    let wanted_by = found.wanted_by.as_deref();
    let why_not = |verdict: Result<(), verdict::Refusal>| verdict.err().map(|refusal| refusal.to_string());
    let undo_reason = why_not(verdict::can_be_undone(row.kind, row.state, wanted, wanted_by));
    let withdraw_reason = why_not(verdict::can_be_withdrawn(row.state, wanted, wanted_by));
    let held_by = found.held.as_ref().map(|(by, ..)| by.as_str());
    let hold_reason = why_not(verdict::can_be_held(row.state, wanted, held_by));
    let release_reason = why_not(verdict::can_be_released(row.state, held_by));
    let keep_reason = why_not(verdict::can_be_kept(row.state, wanted));
    ChangeCan {
        undo: undo_reason.is_none(),
        undo_reason,
        withdraw: withdraw_reason.is_none(),
        withdraw_reason,
        hold: hold_reason.is_none(),
        hold_reason,
        release: release_reason.is_none(),
        release_reason,
        keep: keep_reason.is_none(),
        keep_reason,
    }
}

fn lease_of(on_trial: bool, lease: Option<(DateTime<Utc>, DateTime<Utc>)>) -> Option<Lease> {
    lease.filter(|_| on_trial).map(|(lease_until, trial_until)| Lease { lease_until, trial_until })
}

fn event_of(event: ReadEvent) -> ChangeEvent {
    ChangeEvent {
        at: event.at,
        received_at: event.received_at,
        state: event.state.into(),
        detail: (!event.detail.is_empty()).then_some(event.detail),
        actor: match event.actor.as_str() {
            "agent" => EventActor::Agent,
            "person" => EventActor::Person,
            _ => EventActor::Controller,
        },
        sql: event.sql,
        duration_ms: event.duration_ms.map(|ms| ms as f64),
    }
}

fn effect_of(effect: &effect::Effect) -> Effect {
    Effect {
        estimate: effect.estimate,
        low: effect.low,
        high: effect.high,
        verdict: EffectVerdict::from(effect.verdict),
        windows_before: i64::from(effect.windows_before),
        windows_after: i64::from(effect.windows_after),
        blocks: effect.blocks.map(Interval::from),
        controls: effect.controls.map(Interval::from),
        method: effect.method.clone(),
        measured_at: moment(effect.measured_at),
    }
}

fn sample_of(sample: effect::Sample) -> Sample {
    Sample {
        calls: i64::try_from(sample.calls).unwrap_or(i64::MAX),
        mean_ms: sample.mean_ms,
        blocks_per_call: sample.blocks_per_call,
    }
}
