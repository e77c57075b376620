//! Approvals by signature: the text to sign, and whether a signature is of it. That it counts is the host's to say.

use chrono::{DateTime, Utc};
use querysmith_link::signature;
use querysmith_shared::approval::{Approval, Approver, Signature};
use querysmith_shared::dialect::postgres;
use querysmith_shared::id::ChangeId;
use serde_json::json;

use super::verdict::{self, Refusal};
use super::{DecideError, Decider, lock_change, subject};
use crate::store::Store;
use crate::store::audit::Deed;
use crate::store::changes::Actor;
use crate::store::signatures::{Purpose, Signing};
use crate::store::value::timestamp;
use crate::store::writing::Writing;
use crate::wake::{Topic, Wake};

/// The text that a signature for this purpose is of; `None` where the change can't be rendered.
pub fn text(signing: &Signing, purpose: Purpose) -> Option<String> {
    let rendered = postgres::render(&signing.what, signing.limits).ok()?;
    let approval = Approval {
        change: signing.change,
        instance: signing.instance,
        system_identifier: &signing.system_identifier,
        database: signing.what.database(),
        rendered: &rendered,
        limits: signing.limits,
        expires_at: signing.expires_at,
    };
    Some(match purpose {
        Purpose::Apply => approval.text(),
        Purpose::Undo => approval.undo_text(),
    })
}

/// The approver whose key it is.
pub fn owner<'a>(approvers: &'a [Approver], signature: &Signature) -> Option<&'a str> {
    let owner = approvers.iter().find(|approver| approver.keys.contains(&signature.key))?;
    Some(&owner.name)
}

/// Is what came enough to go on with? Where the host asks for signatures there must be one, of one of its approvers;
/// what came must be of the text in any case.
pub fn check(signing: &Signing, purpose: Purpose, given: Option<&Signature>) -> Result<(), Refusal> {
    let names = || signing.approvers.iter().map(|approver| approver.name.clone()).collect();
    let Some(given) = given else {
        return match signing.approvers.is_empty() {
            true => Ok(()),
            false => Err(Refusal::SignatureNeeded(names())),
        };
    };
    let text = text(signing, purpose).ok_or(Refusal::TextDiffers)?;
    if !signature::verify(given, &text) {
        return Err(Refusal::BadSignature);
    }
    if !signing.approvers.is_empty() && owner(&signing.approvers, given).is_none() {
        return Err(Refusal::UnknownKey(names()));
    }
    Ok(())
}

/// Checks a signature that came with a decision, and adds it.
pub(super) async fn take(
    writing: &mut Writing,
    change: ChangeId,
    purpose: Purpose,
    given: Option<&Signature>,
    (by, now): (&str, DateTime<Utc>),
) -> Result<(), DecideError> {
    let signing = writing.signing(change).await?.ok_or(DecideError::Unknown)?;
    check(&signing, purpose, given)?;
    if let Some(given) = given {
        writing.add_signature(change, purpose, given, (by, now)).await?;
    }
    Ok(())
}

/// Adds a further signature to a change that was approved and has not begun. The same one again only has the order
/// sent again: the host may see it otherwise by now.
pub async fn sign(
    store: &Store,
    wake: &Wake,
    id: ChangeId,
    given: &Signature,
    decider: Decider<'_>,
    now: DateTime<Utc>,
) -> Result<(), DecideError> {
    let (mut writing, change) = lock_change(store, id, decider).await?;
    verdict::can_be_signed(change.state, change.wanted)?;
    let signing = writing.signing(id).await?.ok_or(DecideError::Unknown)?;
    check(&signing, Purpose::Apply, Some(given))?;
    let is_new = writing.add_signature(id, Purpose::Apply, given, (decider.name, now)).await?;
    if is_new {
        let whose = owner(&signing.approvers, given).unwrap_or(decider.name);
        let detail = format!("signed by {whose}");
        writing.add_change_event(id, Actor::Person, change.state, &detail, timestamp(now)).await?;
        let detail = json!({ "change": id, "key": given.key.to_string(), "approver": whose });
        let subject = subject(&change.title, &change.instance_name);
        let deed = Deed { actor: decider.name, action: "change.sign", subject: &subject, detail };
        writing.add_audit(&deed, now).await?;
    }
    writing.commit().await?;
    wake.publish(Topic::Changes, Some(id.0));
    Ok(())
}

#[cfg(test)]
mod tests {
    use querysmith_link::signature::ApproverKey;
    use querysmith_shared::change::limits::Limits;
    use querysmith_shared::change::{Analyze, Change, TableName};
    use querysmith_shared::id::InstanceId;
    use querysmith_shared::timestamp::Timestamp;
    use uuid::Uuid;

    use super::*;

    fn signing(approvers: Vec<Approver>) -> Signing {
        let table = TableName { schema: "public".into(), name: "orders".into() };
        Signing {
            change: ChangeId(Uuid::from_u128(1)),
            instance: InstanceId(Uuid::from_u128(2)),
            system_identifier: "7".into(),
            what: Change::Analyze(Analyze { database: "shop".into(), table }),
            limits: Limits::ANALYZE,
            expires_at: Timestamp(3),
            approvers,
        }
    }

    #[test]
    fn a_signature_is_asked_for_where_the_host_asks() {
        let (dana, stranger) = (ApproverKey::generate().unwrap(), ApproverKey::generate().unwrap());
        let host = signing(vec![Approver { name: "dana".into(), keys: vec![dana.public()] }]);
        let open = signing(Vec::new());
        let text = text(&host, Purpose::Apply).unwrap();
        let of = |signing, given: Option<Signature>| check(signing, Purpose::Apply, given.as_ref());
        assert_eq!(of(&open, None), Ok(()));
        assert_eq!(of(&host, None), Err(Refusal::SignatureNeeded(vec!["dana".into()])));
        assert_eq!(of(&host, Some(dana.sign(&text))), Ok(()));
        assert_eq!(of(&open, Some(stranger.sign(&text))), Ok(()));
        assert_eq!(of(&host, Some(stranger.sign(&text))), Err(Refusal::UnknownKey(vec!["dana".into()])));
        for signing in [&host, &open] {
            assert_eq!(of(signing, Some(dana.sign("something else"))), Err(Refusal::BadSignature));
            let undo = check(signing, Purpose::Undo, Some(&dana.sign(&text)));
            assert_eq!(undo, Err(Refusal::BadSignature), "the texts of making and undoing differ");
        }
    }
}
