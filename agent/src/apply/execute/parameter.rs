//! What the server shows of a parameter that is to be set, or was.

use querysmith_shared::change::Change;
use querysmith_shared::change::lifecycle::ChangeState;
use querysmith_shared::change::parameter::SetParameter;
use querysmith_shared::wire::order::Apply;

use super::observe::{may_begin, not_looked_at};
use crate::apply::failure::DatabaseError;
use crate::apply::ground::parameter::{self, Rival};
use crate::apply::journal::Journal;
use crate::apply::journal::record::Record;
use crate::apply::seen::{Object, Sight};
use crate::engines::postgres::change::Session;

/// Looks at the parameter; the inner error is why that can't be, for a change that has begun.
pub(super) async fn look_at_parameter(
    session: &mut Session,
    record: &Record,
    set: &SetParameter,
    rival: Option<&Rival>,
) -> Result<Result<Sight, String>, DatabaseError> {
    let facts = session.parameter(&set.name).await?;
    let object = match (&record.armed, &facts) {
        (None, _) => Object::Before,
        (Some(_), None) => Object::Foreign(format!("no parameter {}", set.name)),
        (Some(_), Some(facts)) => match &facts.files {
            Some(files) => parameter::object(set, facts, files),
            None => {
                let grants = parameter::grant_files(&facts.role);
                return Ok(Err(format!("role {} may not see the server's files: {grants}", facts.role)));
            }
        },
    };
    let ground = match may_begin(record, &object) {
        true => parameter::survey(set, facts.as_ref(), rival),
        false => not_looked_at(),
    };
    Ok(Ok(Sight::new(object, ground)))
}

/// Another change that keeps this one from the settings of its server.
pub(super) fn rival(journal: &Journal, record: &Record, set: &SetParameter) -> Option<Rival> {
    let in_place = |state| {
        matches!(
            state,
            ChangeState::Applying | ChangeState::Trial | ChangeState::Reverting | ChangeState::Stuck
        )
    };
    let is_tried = |order: &Apply| order.limits.trial.switchback.is_some();
    let others = journal.changes(in_place).into_iter().filter(|other| *other != record.change);
    let mut rivals = others.filter_map(|change| {
        let order = match journal.change(change) {
            Ok(other) => other?.order,
            // What can't be read may be one.
            Err(_) => return Some(Rival { change, name: set.name.clone() }),
        };
        let Change::SetParameter(theirs) = &order.what else { return None };
        let is_rival = order.instance == record.order.instance
            && (theirs.name == set.name || is_tried(&order) || is_tried(&record.order));
        is_rival.then(|| Rival { change, name: theirs.name.clone() })
    });
    rivals.next()
}
