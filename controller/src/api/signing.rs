//! Approvals by signature, for hosts that take nobody's word.

use actix_web::post;
use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use querysmith_shared::approval::{self, PublicKey, Signature};
use querysmith_shared::change::lifecycle::ChangeState;
use querysmith_shared::id::ChangeId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::Approver;
use super::change::{Change, read};
use super::context::ApiContext;
use super::decided::decided;
use super::input::{Id, Sent};
use super::problem::Problem;
use crate::approve::Decider;
use crate::approve::signing::{self, text};
use crate::store::read_changes::ChangeDetail;
use crate::store::signatures::{self, Purpose};

/// An Ed25519 signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignatureBody {
    /// Whose: `ed25519:` and 64 hexadecimal digits.
    pub key: String,
    /// The signature, 128 hexadecimal digits.
    pub signature: String,
}

/// Somebody whose signature a host takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TrustedApprover {
    /// As the host's allow-list calls them.
    pub name: String,
    /// Their keys.
    pub keys: Vec<String>,
}

/// What is signed, and who may.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Signing {
    /// The text: a signature is of its UTF-8 bytes, up to and with the last line feed.
    pub text: String,
    /// Whose signatures the host takes; nobody's where the controller's word is enough.
    pub approvers: Vec<TrustedApprover>,
}

/// A signature that was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Given {
    /// Whose key it is, as the host calls them; nothing where the host doesn't know it.
    pub approver: Option<String>,
    /// The key.
    pub key: String,
    /// Whose account it came through.
    pub account: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// What a host asks for before a change begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MissingSignatures {
    /// How many approvers must have signed.
    pub needed: i32,
    /// What is lacking, in words.
    pub reason: String,
}

/// Adds a signature to a change that was approved and has not begun. For approvers.
#[utoipa::path(tag = "changes", operation_id = "sign", request_body = SignatureBody,
    params(("id" = Uuid, Path, description = "the change")), responses((status = 200, body = Change), Problem))]
#[post("/changes/{id}/sign")]
pub(crate) async fn sign(
    context: Data<ApiContext>,
    id: Id,
    sent: Sent<Approver, SignatureBody>,
) -> Result<Json<Change>, Problem> {
    let signature = read_signature(&sent.body, "")?;
    let name = sent.who.0.label();
    let decider = Decider { name: &name, role: sent.who.0.role };
    let (store, wake) = (&context.store, &context.wake);
    let decision = signing::sign(store, wake, ChangeId(id.0), &signature, decider, Utc::now()).await;
    decided(decision, "change")?;
    Ok(Json(read(&context, id.0).await?))
}

/// The signature that came with a decision.
pub(super) fn signature_of(body: Option<&SignatureBody>) -> Result<Option<Signature>, Problem> {
    body.map(|body| read_signature(body, "signature.")).transpose()
}

fn read_signature(body: &SignatureBody, place: &str) -> Result<Signature, Problem> {
    let bad = |field: &str, why: String| Problem::bad_field(format!("{place}{field}"), why);
    let key: PublicKey = body.key.parse().map_err(|error| bad("key", format!("{error}")))?;
    Signature::parse(key, &body.signature)
        .ok_or_else(|| bad("signature", "a signature is 128 hexadecimal digits".to_owned()))
}

/// What is to be signed, as it is answered.
pub(super) fn signing_of(signing: &signatures::Signing, purpose: Purpose) -> Option<Signing> {
    Some(Signing { text: text(signing, purpose)?, approvers: trusted(&signing.approvers) })
}

/// Approvers, as they are answered.
pub(super) fn trusted(approvers: &[approval::Approver]) -> Vec<TrustedApprover> {
    let approver = |approver: &approval::Approver| TrustedApprover {
        name: approver.name.clone(),
        keys: approver.keys.iter().map(PublicKey::to_string).collect(),
    };
    approvers.iter().map(approver).collect()
}

/// Who signed a change, and what can be signed of it now.
pub(super) async fn signed(
    context: &ApiContext,
    found: &ChangeDetail,
) -> Result<(Vec<Given>, Option<Signing>), Problem> {
    let change = ChangeId(found.row.id);
    let Some(signing) = context.store.signing(change).await? else { return Ok((Vec::new(), None)) };
    let given = context.store.signatures(&[change]).await?.remove(&change).unwrap_or_default();
    let given = given.into_iter().filter(|given| given.purpose == Purpose::Apply).map(|given| Given {
        approver: signing::owner(&signing.approvers, &given.signature).map(str::to_owned),
        key: given.signature.key.to_string(),
        account: given.account,
        at: given.at,
    });
    let purpose = match found.row.state {
        ChangeState::Approved | ChangeState::Offered => Some(Purpose::Apply),
        ChangeState::Confirmed => Some(Purpose::Undo),
        _ => None,
    };
    Ok((given.collect(), purpose.and_then(|purpose| signing_of(&signing, purpose))))
}

/// What is lacking, as it is answered: only of what has not begun.
pub(super) fn missing_signatures_of(
    state: ChangeState,
    lacking: Option<(i16, String)>,
) -> Option<MissingSignatures> {
    let waits = matches!(state, ChangeState::Approved | ChangeState::Offered);
    lacking.filter(|_| waits).map(|(needed, reason)| MissingSignatures { needed: i32::from(needed), reason })
}
