//! What the server shows of a parameter that is to be set, or was.

use querysmith_shared::change::Change;
use querysmith_shared::change::lifecycle::ChangeState;
use querysmith_shared::change::parameter::SetParameter;
use querysmith_shared::id::ChangeId;

use super::observe::{may_begin, not_looked_at};
use crate::apply::failure::DatabaseError;
use crate::apply::ground::parameter;
use crate::apply::journal::Journal;
use crate::apply::journal::record::Record;
use crate::apply::seen::{Object, Sight};
use crate::engines::postgres::change::Session;

/// Looks at the parameter; the inner error is why that can't be, for a change that has begun.
pub(super) async fn look_at_parameter(
    session: &mut Session,
    record: &Record,
    set: &SetParameter,
    rival: Option<ChangeId>,
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

/// Another change of the same parameter that may still be taken back by itself.
pub(super) fn rival(journal: &Journal, change: ChangeId, set: &SetParameter) -> Option<ChangeId> {
    let in_place = |state| {
        matches!(
            state,
            ChangeState::Applying | ChangeState::Trial | ChangeState::Reverting | ChangeState::Stuck
        )
    };
    let others = journal.changes(in_place).into_iter().filter(|other| *other != change);
    others.into_iter().find(|other| match journal.change(*other) {
        Ok(Some(other)) => {
            matches!(&other.order.what, Change::SetParameter(theirs) if theirs.name == set.name)
        }
        Ok(None) => false,
        // What can't be read may be one.
        Err(_) => true,
    })
}
