//! The ways back: before a change has taken effect, and after.

use actix_web::post;
use actix_web::web::{Data, Json};
use chrono::Utc;
use querysmith_shared::id::ChangeId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::Approver;
use super::change::{Change, read};
use super::context::ApiContext;
use super::decided::decided;
use super::input::{Id, Sent, required_text};
use super::problem::Problem;
use super::shapes::{MAX_REASON_CHARS, ReasonBody};
use super::signing::{SignatureBody, signature_of};
use crate::approve::{self as approval, Decider, UndoRequest};

/// Why a change is taken back.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UndoBody {
    /// Why, for the record.
    pub reason: String,
    /// Of the undo's text, for what was kept on a host that takes signed approvals only.
    pub signature: Option<SignatureBody>,
}

/// Asks for a change to be taken back. For approvers.
#[utoipa::path(tag = "changes", operation_id = "undo", request_body = UndoBody,
    params(("id" = Uuid, Path, description = "the change")), responses((status = 200, body = Change), Problem))]
#[post("/changes/{id}/undo")]
pub(crate) async fn undo(
    context: Data<ApiContext>,
    id: Id,
    sent: Sent<Approver, UndoBody>,
) -> Result<Json<Change>, Problem> {
    let reason = required_text("reason", &sent.body.reason, MAX_REASON_CHARS)?;
    let signature = signature_of(sent.body.signature.as_ref())?;
    let name = sent.who.0.label();
    let decider = Decider { name: &name, role: sent.who.0.role };
    let because = UndoRequest { reason: &reason, signature: signature.as_ref() };
    let (store, wake) = (&context.store, &context.wake);
    let decision = approval::undo(store, wake, ChangeId(id.0), decider, because, Utc::now()).await;
    decided(decision, "change")?;
    Ok(Json(read(&context, id.0).await?))
}

/// Calls a change off before it has taken effect. For approvers.
#[utoipa::path(tag = "changes", operation_id = "withdraw", request_body = ReasonBody,
    params(("id" = Uuid, Path, description = "the change")), responses((status = 200, body = Change), Problem))]
#[post("/changes/{id}/withdraw")]
pub(crate) async fn withdraw(
    context: Data<ApiContext>,
    id: Id,
    sent: Sent<Approver, ReasonBody>,
) -> Result<Json<Change>, Problem> {
    let reason = required_text("reason", &sent.body.reason, MAX_REASON_CHARS)?;
    let name = sent.who.0.label();
    let decider = Decider { name: &name, role: sent.who.0.role };
    let (store, wake) = (&context.store, &context.wake);
    let decision = approval::withdraw(store, wake, ChangeId(id.0), decider, &reason, Utc::now()).await;
    decided(decision, "change")?;
    Ok(Json(read(&context, id.0).await?))
}
