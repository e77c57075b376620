//! A person takes the end of a trial into their own hands: holds the verdict, lets go of it, or keeps the change.

use chrono::{DateTime, Utc};
use querysmith_shared::id::ChangeId;
use serde_json::json;

use super::{DecideError, Decider, lock_change, said, subject, verdict};
use crate::store::Store;
use crate::store::audit::Deed;
use crate::store::changes::Actor;
use crate::store::decisions::Decision;
use crate::store::value::timestamp;
use crate::wake::{Topic, Wake};

/// What a person does to a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hand {
    /// The verdict no longer ends the trial.
    Hold,
    /// It does again.
    Release,
    /// The trial is over: the change stays.
    Keep,
}

/// Does it, unless the change is in no state for it. Within the longest trial approved: the agent ends that
/// whatever anybody holds.
pub async fn lay_hand(
    store: &Store,
    wake: &Wake,
    id: ChangeId,
    hand: Hand,
    decider: Decider<'_>,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), DecideError> {
    let (mut writing, change) = lock_change(store, id, decider).await?;
    let held_by = change.held_by.as_deref();
    let decision = Decision { by: decider.name, reason: Some(reason), at: now };
    let (action, what) = match hand {
        Hand::Hold => {
            verdict::can_be_held(change.state, change.wanted, held_by)?;
            writing.hold(id, decision).await?;
            ("change.hold", "verdict held")
        }
        Hand::Release => {
            verdict::can_be_released(change.state, held_by)?;
            writing.release(id).await?;
            ("change.release", "verdict released")
        }
        Hand::Keep => {
            verdict::can_be_kept(change.state, change.wanted)?;
            writing.want_kept(id, decision).await?;
            ("change.keep", "kept")
        }
    };
    let detail = said(what, decider.name, Some(reason));
    writing.add_change_event(id, Actor::Person, change.state, &detail, timestamp(now)).await?;
    let detail = json!({ "reason": reason, "change": id });
    let subject = subject(&change.title, &change.instance_name);
    writing.add_audit(&Deed { actor: decider.name, action, subject: &subject, detail }, now).await?;
    writing.commit().await?;
    wake.publish(Topic::Changes, Some(id.0));
    Ok(())
}
