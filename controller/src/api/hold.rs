//! Takes the end of a trial into a person's hands.

use actix_web::post;
use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use querysmith_shared::id::ChangeId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::caller::Approver;
use super::change::{Change, read};
use super::context::ApiContext;
use super::decided::decided;
use super::input::{Id, Sent, required_text};
use super::problem::Problem;
use super::shapes::{MAX_REASON_CHARS, ReasonBody};
use crate::approve::Decider;
use crate::approve::hold::{Hand, lay_hand};

/// The time that a change on trial has left, as its agent said last. It runs on without the controller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Lease {
    /// When the agent misses the controller.
    pub lease_until: DateTime<Utc>,
    /// When the trial is over: what nobody kept by then the agent takes back.
    pub trial_until: DateTime<Utc>,
}

/// A verdict that a person holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Held {
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub at: DateTime<Utc>,
}

/// Holds the verdict: whatever is measured, a person ends the trial, within its longest time. For approvers.
#[utoipa::path(tag = "changes", operation_id = "hold", request_body = ReasonBody,
    params(("id" = Uuid, Path, description = "the change")), responses((status = 200, body = Change), Problem))]
#[post("/changes/{id}/hold")]
pub(crate) async fn hold(
    context: Data<ApiContext>,
    id: Id,
    sent: Sent<Approver, ReasonBody>,
) -> Result<Json<Change>, Problem> {
    lay(&context, id.0, Hand::Hold, sent).await
}

/// Lets the verdict end the trial again. For approvers.
#[utoipa::path(tag = "changes", operation_id = "release", request_body = ReasonBody,
    params(("id" = Uuid, Path, description = "the change")), responses((status = 200, body = Change), Problem))]
#[post("/changes/{id}/release")]
pub(crate) async fn release(
    context: Data<ApiContext>,
    id: Id,
    sent: Sent<Approver, ReasonBody>,
) -> Result<Json<Change>, Problem> {
    lay(&context, id.0, Hand::Release, sent).await
}

/// Ends a trial by keeping the change, whatever was measured. For approvers.
#[utoipa::path(tag = "changes", operation_id = "keep", request_body = ReasonBody,
    params(("id" = Uuid, Path, description = "the change")), responses((status = 200, body = Change), Problem))]
#[post("/changes/{id}/keep")]
pub(crate) async fn keep(
    context: Data<ApiContext>,
    id: Id,
    sent: Sent<Approver, ReasonBody>,
) -> Result<Json<Change>, Problem> {
    lay(&context, id.0, Hand::Keep, sent).await
}

async fn lay(
    context: &ApiContext,
    id: Uuid,
    hand: Hand,
    sent: Sent<Approver, ReasonBody>,
) -> Result<Json<Change>, Problem> {
    let reason = required_text("reason", &sent.body.reason, MAX_REASON_CHARS)?;
    let name = sent.who.0.label();
    let decider = Decider { name: &name, role: sent.who.0.role };
    let (store, wake) = (&context.store, &context.wake);
    let decision = lay_hand(store, wake, ChangeId(id), hand, decider, &reason, Utc::now()).await;
    decided(decision, "change")?;
    Ok(Json(read(context, id).await?))
}
