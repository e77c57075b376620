//! What became of a decision, as an answer.

use super::problem::Problem;
use crate::approve::DecideError;
use crate::approve::verdict::Refusal;

/// What was decided, or why not, about a `what`.
pub(super) fn decided<T>(decision: Result<T, DecideError>, what: &str) -> Result<T, Problem> {
    decision.map_err(|error| match error {
        DecideError::Unknown => Problem::not_found(format!("there is no {what} with this id")),
        DecideError::Store(error) => error.into(),
        DecideError::Refused(refusal) => refused(&refusal),
    })
}

pub(super) fn refused(refusal: &Refusal) -> Problem {
    let detail = refusal.to_string();
    match refusal {
        Refusal::Role(_) => Problem::forbidden(detail).hint("ask an admin"),
        Refusal::NotWaiting(..) => Problem::conflict(detail).kind("not-waiting").hint("read it again"),
        Refusal::Overtaken(_) => Problem::conflict(detail)
            .kind("overtaken")
            .hint("it is withdrawn within a minute; if the finding stays, another fix is proposed"),
        Refusal::Expired(_) => Problem::conflict(detail)
            .kind("expired")
            .hint("if the finding is still there, it is proposed again"),
        Refusal::OtherText => Problem::conflict(detail)
            .kind("other-text")
            .field("digest")
            .hint("read the proposal again, then decide"),
        Refusal::TextDiffers => Problem::conflict(detail)
            .kind("text-differs")
            .hint("it was made by another version of the controller; reject it, and it is proposed anew"),
        Refusal::OlderStore => Problem::conflict(detail)
            .kind("older-store")
            .hint("put the newer store back, or go on with this one: `querysmith-controller resume`"),
        Refusal::SignatureNeeded(_) => Problem::conflict(detail)
            .kind("signature-needed")
            .field("signature")
            .hint("sign the approval's text with the key of one of them"),
        Refusal::UnknownKey(_) => Problem::conflict(detail)
            .kind("unknown-key")
            .field("signature.key")
            .hint("have root add the key to an [[approver]] of the host's allow.toml; the agent tells within a minute"),
        Refusal::BadSignature => Problem::conflict(detail)
            .kind("bad-signature")
            .field("signature")
            .hint("read the text again, and sign exactly its bytes"),
        Refusal::NothingToSign(_) => Problem::conflict(detail).kind("nothing-to-sign").hint("read the change again"),
        Refusal::TooLate(_) => Problem::conflict(detail)
            .kind("too-late")
            .hint("read the change again; once it is on trial it can be undone"),
        Refusal::NotInPlace(_) => {
            Problem::conflict(detail).kind("not-in-place").hint("read the change again")
        }
        Refusal::NotOnTrial(_) => {
            Problem::conflict(detail).kind("not-on-trial").hint("read the change again")
        }
        Refusal::Held(_) => Problem::conflict(detail).kind("held").hint("it can be released"),
        Refusal::NotHeld => Problem::conflict(detail).kind("not-held"),
        Refusal::NoWayBack(_) => Problem::conflict(detail).kind("no-way-back"),
        Refusal::Asked(_) => Problem::conflict(detail).kind("asked-already"),
    }
}
