//! What the database shows of a change, at this moment.

use querysmith_shared::change::lifecycle::ChangeState;
use querysmith_shared::change::{Change, ChangeKind, CreateIndex, DropIndex, TableName};

use super::parameter::{look_at_parameter, rival};
use super::{Drive, Work};
use crate::apply::context::Instance;
use crate::apply::disk;
use crate::apply::facts::{DiskRoom, Named, TableFacts};
use crate::apply::failure::DatabaseError;
use crate::apply::ground::{self, KindOfPreImage, PreImage, TablePreImage};
use crate::apply::journal::entry::Armed;
use crate::apply::journal::record::Record;
use crate::apply::seen::{Object, Seen, Sight};
use crate::apply::throttle;
use crate::engines::postgres::change::{Session, application_name, scope_key};

const NO_TABLE: &str = "the change names no table";
/// Name of the step that takes a change back, by which a later run knows a session that does.
pub(super) const UNDO: &str = "undo";

impl Drive<'_> {
    /// Looks at the database, in the session that the change is made in; opens it if there is none.
    pub(super) async fn look(&mut self, record: &Record, instance: &Instance) -> Result<Seen, DatabaseError> {
        let work = match &mut self.work {
            Some(work) => work,
            empty => {
                let database = record.order.what.database();
                let session = instance.target.open(database, self.change, step_name(record.state)).await?;
                empty.insert(Work { session, holds_scope: false })
            }
        };
        let server = work.session.server().await?;
        if server.system_identifier != record.order.system_identifier {
            return Ok(Seen::OtherServer {
                what: format!(
                    "this is server {}, and the change was approved for {}",
                    server.system_identifier, record.order.system_identifier
                ),
            });
        }
        if server.in_recovery && !can_be_ended_on_a_standby(record) {
            return Ok(Seen::InRecovery);
        }
        let intruder = match work.holds_scope {
            true => None,
            false => match take_scope(work, record).await? {
                Scope::Ours => None,
                Scope::Agents(seen) => return Ok(seen),
                Scope::Intruders(who) => Some(who),
            },
        };
        let room = || {
            let config = &self.context.config;
            disk::room(config.disk.as_deref(), instance.target.is_local(), server.data_directory.as_deref())
        };
        let stalling_after = self.context.config.stalling_after.as_secs_f64();
        let throttle = self.context.allow_list().map(|list| list.throttle).unwrap_or_default();
        let pressure = || instance.target.is_local().then(self.context.config.pressure).flatten();
        let sight = match &record.order.what {
            Change::SetParameter(set) => {
                let rival = rival(&self.context.journal, record, set);
                match look_at_parameter(&mut work.session, record, set, rival.as_ref()).await? {
                    Ok(sight) => Sight { in_recovery: server.in_recovery, ..sight },
                    Err(why) => return Ok(Seen::NoEntry { why }),
                }
            }
            what => {
                let Some(name) = what.table() else { return Ok(Seen::NoEntry { why: NO_TABLE.to_owned() }) };
                look_closer(&mut work.session, record, name, room, stalling_after).await?
            }
        };
        let begins_work = sight.ground.is_ok() && throttle::is_work(record.order.what.kind());
        let busy = match begins_work || may_begin_pair(record) {
            true => throttle::obstacle(&throttle, &work.session.load(pressure()).await?),
            false => None,
        };
        Ok(Seen::Ours(Box::new(Sight { intruder, busy, ..sight })))
    }
}

/// A standby has its own settings, which don't come from its primary, and lets them be changed.
fn can_be_ended_on_a_standby(record: &Record) -> bool {
    let has_begun = match record.state {
        ChangeState::Applying | ChangeState::Trial | ChangeState::Reverting => true,
        ChangeState::Approved
        | ChangeState::Offered
        | ChangeState::Received
        | ChangeState::Rejected
        | ChangeState::Armed
        | ChangeState::Confirmed
        | ChangeState::Reverted
        | ChangeState::Aborted
        | ChangeState::Stuck => false,
    };
    has_begun && record.order.what.kind() == ChangeKind::SetParameter
}

/// Whether a trial by switchback is between two windows, or may be.
fn may_begin_pair(record: &Record) -> bool {
    record.state == ChangeState::Trial
        && record.order.limits.trial.switchback.is_some()
        && record.progress.going_to.is_none()
        && record.progress.keep.is_none()
}

fn step_name(state: ChangeState) -> &'static str {
    match state {
        ChangeState::Reverting => UNDO,
        _ => "apply",
    }
}

/// Who has a table's lock.
enum Scope {
    Ours,
    /// An agent of the same role, this one's earlier run perhaps.
    Agents(Seen),
    /// Somebody who is no agent.
    Intruders(String),
}

/// Takes the table's lock, or tells who has it.
async fn take_scope(work: &mut Work, record: &Record) -> Result<Scope, DatabaseError> {
    let what = &record.order.what;
    let key = scope_key(what.database(), what.table());
    if work.session.lock_scope(key).await? {
        work.holds_scope = true;
        return Ok(Scope::Ours);
    }
    let Some(holder) = work.session.scope_holder(key).await? else {
        // It was freed between the two questions.
        let seen = Seen::Occupied { holder: "a session that is just ending".to_owned() };
        return Ok(Scope::Agents(seen));
    };
    if !holder.is_same_role {
        return Ok(Scope::Intruders(format!("process {} of role {}", holder.pid, holder.role)));
    }
    // Everything before the name of the step.
    let of_this_change = application_name(record.change, "");
    Ok(Scope::Agents(if holder.application_name.starts_with(&of_this_change) {
        let undoes = holder.application_name == application_name(record.change, UNDO);
        Seen::Adoptable { pid: holder.pid, is_idle: holder.is_idle, undoes }
    } else {
        Seen::Occupied { holder: format!("process {} ({})", holder.pid, holder.application_name) }
    }))
}

async fn look_closer(
    session: &mut Session,
    record: &Record,
    name: &TableName,
    room: impl FnOnce() -> DiskRoom,
    stalling_after: f64,
) -> Result<Sight, DatabaseError> {
    let what = &record.order.what;
    let wanted = match what {
        Change::CreateStatistics(create) => create.name.as_str(),
        _ => "",
    };
    let table = session.table(name, wanted).await?;
    let (object, named) = match what {
        Change::CreateIndex(index) => {
            let named = session.named(&index.table.schema, &index.name).await?;
            (index_object(session, record, index, &named).await?, named)
        }
        Change::Analyze(_) => (statistics_object(session, record, table.as_ref()).await?, Named::Nothing),
        Change::DropIndex(drop) => {
            let named = session.named(&drop.index.table.schema, &drop.index.name).await?;
            (dropped_object(session, record, drop, &named).await?, named)
        }
        Change::CreateStatistics(create) => {
            let object = of_table(record, table.as_ref(), |pre_image, table| {
                ground::statistics::created(create, pre_image, table)
            });
            (object, Named::Nothing)
        }
        Change::SetStatisticsTarget(set) => {
            let object = of_table(record, table.as_ref(), |pre_image, table| {
                ground::statistics::targeted(set, pre_image, table)
            });
            (object, Named::Nothing)
        }
        Change::SetParameter(_) => (Object::Before, Named::Nothing),
    };
    if !may_begin(record, &object) {
        return Ok(Sight::new(object, not_looked_at()));
    }
    let stalled = match (what, &table) {
        (Change::CreateIndex(_) | Change::DropIndex(_), Some(table)) => {
            session.stalling(table.oid, stalling_after).await?
        }
        _ => None,
    };
    let ground = ground::survey(what, table.as_ref(), &named, &room());
    Ok(Sight { stalled, ..Sight::new(object, ground) })
}

/// Whether the ground matters: only to what has not begun, or left no trace.
pub(super) fn may_begin(record: &Record, object: &Object) -> bool {
    match record.state {
        ChangeState::Received | ChangeState::Armed => true,
        ChangeState::Applying => *object == Object::Before && record.failure.is_none(),
        _ => false,
    }
}

pub(super) fn not_looked_at() -> Result<PreImage, String> {
    Err("it wasn't looked at, as nothing is to begin".to_owned())
}

async fn index_object(
    session: &mut Session,
    record: &Record,
    index: &CreateIndex,
    named: &Named,
) -> Result<Object, DatabaseError> {
    let Some(armed) = &record.armed else { return Ok(Object::Before) };
    Ok(match named {
        Named::Nothing => Object::Before,
        Named::Other(what) => Object::Foreign(format!("{what} named {}", index.name)),
        Named::Index(found) if !ground::is_ours(index, &armed.pre_image, found) => {
            Object::Foreign(format!("another index of the name {}", index.name))
        }
        Named::Index(found) if !found.usable => Object::Partial,
        Named::Index(_) => verified(session, armed).await?,
    })
}

async fn dropped_object(
    session: &mut Session,
    record: &Record,
    drop: &DropIndex,
    named: &Named,
) -> Result<Object, DatabaseError> {
    let Some(armed) = &record.armed else { return Ok(Object::Before) };
    let name = &drop.index.name;
    Ok(match named {
        Named::Other(what) => Object::Foreign(format!("{what} named {name}")),
        Named::Index(found) if !ground::is_the_dropped(&drop.index, &armed.pre_image, found) => {
            Object::Foreign(format!("another index of the name {name}"))
        }
        Named::Index(found) if !found.usable => Object::Partial,
        Named::Index(_) => Object::Before,
        Named::Nothing => {
            let row = session.read_back(&armed.verify).await?.unwrap_or_default();
            match value(&row, "gone") {
                Some("t") => Object::After(match value(&row, "covered") {
                    Some("t") => format!("{name} is gone, {} is there and valid", drop.covered_by),
                    _ => format!("{name} is gone; {} is not there, or not valid", drop.covered_by),
                }),
                _ => Object::Before,
            }
        }
    })
}

fn value<'r>(row: &'r [(String, String)], name: &str) -> Option<&'r str> {
    row.iter().find(|(column, _)| column == name).map(|(_, value)| value.as_str())
}

/// The change's own verification, the one that was approved with it, has the last word.
async fn verified(session: &mut Session, armed: &Armed) -> Result<Object, DatabaseError> {
    let row = session.read_back(&armed.verify).await?.unwrap_or_default();
    Ok(match (value(&row, "valid"), value(&row, "definition")) {
        (Some("t"), Some(definition)) => Object::After(definition.to_owned()),
        (Some(_), _) => Object::Partial,
        (None, _) => Object::Before,
    })
}

/// What the table's own facts show of a change that was armed.
fn of_table(
    record: &Record,
    table: Option<&TableFacts>,
    judge: impl FnOnce(&PreImage, &TableFacts) -> Object,
) -> Object {
    match (&record.armed, table) {
        (None, _) => Object::Before,
        (Some(_), None) => Object::Foreign("no table of that name".to_owned()),
        (Some(armed), Some(table)) => judge(&armed.pre_image, table),
    }
}

async fn statistics_object(
    session: &mut Session,
    record: &Record,
    table: Option<&TableFacts>,
) -> Result<Object, DatabaseError> {
    let Some(armed) = &record.armed else { return Ok(Object::Before) };
    let Some(table) = table else { return Ok(Object::Foreign("no table of that name".to_owned())) };
    let PreImage::Table(TablePreImage { kind: KindOfPreImage::Statistics { last_analyze, .. }, .. }) =
        &armed.pre_image
    else {
        return Ok(Object::Before);
    };
    if table.last_analyze <= *last_analyze {
        return Ok(Object::Before);
    }
    let row = session.read_back(&armed.verify).await?.unwrap_or_default();
    let values: Vec<String> = row.iter().map(|(column, value)| format!("{column} = {value}")).collect();
    Ok(Object::After(values.join(", ")))
}
