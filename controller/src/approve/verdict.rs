//! May it be decided so? Pure: what is known is in the arguments, the clock included.

use chrono::{DateTime, Utc};
use querysmith_advice::evidence::ProposalState;
use querysmith_shared::change::ChangeKind;
use querysmith_shared::change::lifecycle::ChangeState;

use crate::store::changes::Wanted;
use crate::store::people::Role;

/// Why a decision is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The role does not suffice.
    #[error("this takes an approver, and {0} is not enough")]
    Role(Role),
    /// Somebody decided before, or the proposal is gone.
    #[error("the proposal is {}, not waiting{}", .0.as_str(), .1.as_deref().map(|why| format!(": {why}")).unwrap_or_default())]
    NotWaiting(ProposalState, Option<String>),
    /// The database is not as it was when it was proposed.
    #[error("the proposal is overtaken: {0}")]
    Overtaken(String),
    /// Too late.
    #[error("the proposal expired at {0}")]
    Expired(DateTime<Utc>),
    /// The text that was read is not the text of the proposal.
    #[error("the digest is not that of the proposal's text")]
    OtherText,
    /// The text that would run is not the text that is stored.
    #[error("the proposal's text is not what its change renders to")]
    TextDiffers,
    /// This store is older than what the agent has obeyed.
    #[error(
        "this store is older than what the server's agent has obeyed, so nothing is decided about it here"
    )]
    OlderStore,
    /// The host takes nobody's word for it.
    #[error("this server's host takes signed approvals only, of {}", .0.join(", "))]
    SignatureNeeded(Vec<String>),
    /// The key is nobody's there.
    #[error("this server's host doesn't know the key; its approvers are {}", .0.join(", "))]
    UnknownKey(Vec<String>),
    /// It was made with another key, or of another text.
    #[error("the signature isn't one of this text by this key")]
    BadSignature,
    /// Signatures come too late, or for nothing.
    #[error("a change that is {0} waits for no signature")]
    NothingToSign(ChangeState),
    /// There is nothing in place that could be taken back.
    #[error("a change that is {0} can't be undone")]
    NotInPlace(ChangeState),
    /// It is beyond calling off.
    #[error("a change that is {0} can't be withdrawn any more")]
    TooLate(ChangeState),
    /// It is not on trial.
    #[error("a change that is {0} is not on trial")]
    NotOnTrial(ChangeState),
    /// Somebody holds the verdict already.
    #[error("{0} holds the verdict already")]
    Held(String),
    /// Nobody holds the verdict.
    #[error("nobody holds the verdict")]
    NotHeld,
    /// This kind of change can't be taken back.
    #[error("what {} did can't be taken back", .0.as_str())]
    NoWayBack(ChangeKind),
    /// The undo or the withdrawal is on its way.
    #[error("this was asked for already{}", .0.as_deref().map(|by| format!(", by {by}")).unwrap_or_default())]
    Asked(Option<String>),
}

/// What a decision on a proposal depends on.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'a> {
    /// Where the proposal stands.
    pub state: ProposalState,
    /// Why it stands there, once it does not wait any more.
    pub reason: Option<&'a str>,
    /// What has overtaken it since it was made, if anything.
    pub overtaken: Option<&'a str>,
    /// After this it can't be approved.
    pub expires_at: DateTime<Utc>,
    /// Digest that is stored with it.
    pub digest: &'a [u8],
    /// Digest of what its change renders to now; `None` where it can't be rendered.
    pub rendered: Option<[u8; 32]>,
}

/// May anything be decided here about a server whose agent is ahead of this store?
pub fn of_this_store(is_ahead: bool) -> Result<(), Refusal> {
    if is_ahead { Err(Refusal::OlderStore) } else { Ok(()) }
}

/// May somebody with this role approve it, having read the text with the digest `read`?
pub fn approve(
    standing: &Standing<'_>,
    read: &[u8; 32],
    role: Role,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    decide(standing, role)?;
    if now >= standing.expires_at {
        return Err(Refusal::Expired(standing.expires_at));
    }
    if read != standing.digest {
        return Err(Refusal::OtherText);
    }
    if standing.rendered.as_ref() != Some(read) {
        return Err(Refusal::TextDiffers);
    }
    if let Some(why) = standing.overtaken {
        return Err(Refusal::Overtaken(why.to_owned()));
    }
    Ok(())
}

/// May somebody with this role reject it? Also when it has expired but nobody noticed: the reason is worth
/// remembering.
pub fn reject(standing: &Standing<'_>, role: Role) -> Result<(), Refusal> {
    decide(standing, role)
}

fn decide(standing: &Standing<'_>, role: Role) -> Result<(), Refusal> {
    if role < Role::Approver {
        return Err(Refusal::Role(role));
    }
    if standing.state != ProposalState::Waiting {
        return Err(Refusal::NotWaiting(standing.state, standing.reason.map(str::to_owned)));
    }
    Ok(())
}

/// May a change be taken back, as far as the change itself is concerned?
pub fn can_be_undone(
    kind: ChangeKind,
    state: ChangeState,
    wanted: Wanted,
    wanted_by: Option<&str>,
) -> Result<(), Refusal> {
    if !kind.can_be_undone() {
        return Err(Refusal::NoWayBack(kind));
    }
    if !state.can_be_undone() {
        return Err(Refusal::NotInPlace(state));
    }
    once(wanted, wanted_by)
}

/// May a change be called off, as far as the change itself is concerned?
pub fn can_be_withdrawn(state: ChangeState, wanted: Wanted, wanted_by: Option<&str>) -> Result<(), Refusal> {
    if !state.can_be_withdrawn() {
        return Err(Refusal::TooLate(state));
    }
    once(wanted, wanted_by)
}

/// May it be signed, as far as the change itself is concerned? Only what has not begun.
pub fn can_be_signed(state: ChangeState, wanted: Wanted) -> Result<(), Refusal> {
    match (state, wanted) {
        (ChangeState::Approved | ChangeState::Offered, Wanted::Apply) => Ok(()),
        _ => Err(Refusal::NothingToSign(state)),
    }
}

/// May its verdict be held, as far as the change itself is concerned?
pub fn can_be_held(state: ChangeState, wanted: Wanted, held_by: Option<&str>) -> Result<(), Refusal> {
    can_be_kept(state, wanted)?;
    match held_by {
        Some(by) => Err(Refusal::Held(by.to_owned())),
        None => Ok(()),
    }
}

/// May its verdict be let go of?
pub fn can_be_released(state: ChangeState, held_by: Option<&str>) -> Result<(), Refusal> {
    on_trial(state)?;
    held_by.map(|_| ()).ok_or(Refusal::NotHeld)
}

/// May a person keep it, as far as the change itself is concerned? Not once its end is on the way.
pub fn can_be_kept(state: ChangeState, wanted: Wanted) -> Result<(), Refusal> {
    on_trial(state)?;
    match wanted {
        Wanted::None => Ok(()),
        Wanted::Undo | Wanted::Apply | Wanted::Confirm => Err(Refusal::Asked(None)),
    }
}

fn on_trial(state: ChangeState) -> Result<(), Refusal> {
    if state == ChangeState::Trial { Ok(()) } else { Err(Refusal::NotOnTrial(state)) }
}

fn once(wanted: Wanted, wanted_by: Option<&str>) -> Result<(), Refusal> {
    match wanted {
        Wanted::Undo => Err(Refusal::Asked(wanted_by.map(str::to_owned))),
        Wanted::None | Wanted::Apply | Wanted::Confirm => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    const DIGEST: [u8; 32] = [7; 32];

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn standing(state: ProposalState) -> Standing<'static> {
        let expires_at = now() + TimeDelta::hours(1);
        Standing { state, reason: None, overtaken: None, expires_at, digest: &DIGEST, rendered: Some(DIGEST) }
    }

    #[test]
    fn only_what_waits_is_decided_and_only_by_approvers() {
        for state in ProposalState::ALL {
            for role in [Role::Viewer, Role::Approver, Role::Admin] {
                let good = state == ProposalState::Waiting && role >= Role::Approver;
                let standing = standing(state);
                assert_eq!(approve(&standing, &DIGEST, role, now()).is_ok(), good, "{state:?} {role}");
                assert_eq!(reject(&standing, role).is_ok(), good, "{state:?} {role}");
            }
        }
    }

    #[test]
    fn an_approval_is_of_one_text_and_in_time() {
        let good = standing(ProposalState::Waiting);
        let of = |standing: Standing<'_>, read: &[u8; 32]| approve(&standing, read, Role::Admin, now());
        assert_eq!(of(good, &[8; 32]), Err(Refusal::OtherText));
        assert_eq!(of(Standing { digest: &[], ..good }, &DIGEST), Err(Refusal::OtherText));
        assert_eq!(of(Standing { rendered: Some([8; 32]), ..good }, &DIGEST), Err(Refusal::TextDiffers));
        assert_eq!(of(Standing { rendered: None, ..good }, &DIGEST), Err(Refusal::TextDiffers));
        let late = Standing { expires_at: now(), ..good };
        assert_eq!(of(late, &DIGEST), Err(Refusal::Expired(now())));
        assert_eq!(reject(&late, Role::Approver), Ok(()));
    }

    #[test]
    fn what_is_overtaken_is_not_approved_but_may_be_rejected() {
        let stale = Standing {
            overtaken: Some("the table public.orders is gone"),
            ..standing(ProposalState::Waiting)
        };
        let refusal = approve(&stale, &DIGEST, Role::Admin, now()).unwrap_err();
        assert_eq!(refusal.to_string(), "the proposal is overtaken: the table public.orders is gone");
        assert_eq!(reject(&stale, Role::Approver), Ok(()));
        let withdrawn = Standing {
            reason: Some("the table public.orders is gone"),
            ..standing(ProposalState::Withdrawn)
        };
        let refusal = approve(&withdrawn, &DIGEST, Role::Admin, now()).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "the proposal is withdrawn, not waiting: the table public.orders is gone"
        );
    }

    #[test]
    fn only_what_has_not_taken_effect_is_withdrawn_and_once() {
        for state in ChangeState::ALL {
            assert_eq!(
                can_be_withdrawn(state, Wanted::Apply, Some("mara")).is_ok(),
                state.can_be_withdrawn(),
                "{state}"
            );
            assert!(can_be_withdrawn(state, Wanted::Undo, Some("mara")).is_err(), "{state}");
        }
    }

    #[test]
    fn only_what_is_in_place_and_has_a_way_back_is_undone() {
        for state in ChangeState::ALL {
            let index = can_be_undone(ChangeKind::CreateIndex, state, Wanted::Confirm, None);
            assert_eq!(
                index.is_ok(),
                matches!(state, ChangeState::Trial | ChangeState::Confirmed),
                "{state}"
            );
            assert!(can_be_undone(ChangeKind::Analyze, state, Wanted::None, None).is_err(), "{state}");
        }
        let again = can_be_undone(ChangeKind::CreateIndex, ChangeState::Trial, Wanted::Undo, Some("mara"));
        assert_eq!(again.unwrap_err().to_string(), "this was asked for already, by mara");
    }
}
