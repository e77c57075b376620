//! Putting the other arm of a trial by switchback in place.

use std::time::Duration;

use querysmith_shared::change::coins::Arm;
use querysmith_shared::change::lifecycle::ChangeState;

use super::statement::NOT_TAKEN;
use super::{Drive, Next};
use crate::apply::context::Instance;
use crate::apply::failure::{DatabaseError, explain};
use crate::apply::fault::FaultPoint;
use crate::apply::journal::entry::Event;
use crate::apply::journal::record::Record;

impl Drive<'_> {
    /// Runs the statements that put `arm` in place, whose intent is in the journal. What can't be switched is no trial:
    /// it is taken back.
    pub(super) async fn switch(&mut self, record: &Record, instance: &Instance, arm: Arm) -> Next {
        let (Some(armed), Some(mut work)) = (&record.armed, self.work.take()) else { return Next::Look };
        if self.context.journal.state(self.change) != Some(ChangeState::Trial) {
            self.work = Some(work);
            return Next::Look;
        }
        let statements = match arm {
            Arm::A => &armed.undo,
            Arm::B => &armed.apply,
        };
        let limit = Duration::from_millis(record.order.limits.duration_ms.into());
        let ended = work.session.run(statements, limit).await;
        self.context.config.faults.pass(FaultPoint::AfterSwitch).await;
        let why = match ended {
            Ok(_) => {
                self.work = Some(work);
                if self.until(record, instance, |object| object.is_of(arm)).await {
                    return Next::Look;
                }
                NOT_TAKEN.to_owned()
            }
            // Whether it took effect is unknown: the next look tells.
            Err(DatabaseError::Unreachable(_) | DatabaseError::NoEntry(_)) => return Next::Look,
            Err(DatabaseError::Statement { code, message }) => {
                self.work = Some(work);
                explain(&code, &message, record.order.limits.lock_wait_ms).reason
            }
        };
        let event = Event::RevertIntent { reason: format!("it can't be switched: {why}") };
        self.write(record, event).await.err().unwrap_or(Next::Look)
    }
}
