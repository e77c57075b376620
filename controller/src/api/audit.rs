//! Who did what.

use actix_web::get;
use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::caller::Approver;
use super::context::ApiContext;
use super::input::Params;
use super::paging::{self, Page};
use super::problem::Problem;
use crate::store::read_audit::{AuditFilter, AuditRow};

/// One thing that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// Number of the entry; they only grow.
    pub id: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Who: `user:…`, `token:…` or `controller`.
    pub actor: String,
    /// What was done: `proposal.approve` …
    pub action: String,
    /// To what: `proposal:…` …
    pub subject: String,
    /// The particulars, in words.
    pub detail: Option<String>,
}

/// Which entries.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AuditParams {
    /// Rows of a page, at most 200.
    pub limit: Option<u32>,
    /// Where the last page ended.
    pub cursor: Option<String>,
    /// Only of this actor.
    pub actor: Option<String>,
    /// Only actions that start with this.
    pub action: Option<String>,
    /// Only where actor, action, subject or detail contain this.
    pub search: Option<String>,
}

/// What was done, newest first. For approvers and admins.
#[utoipa::path(tag = "people", operation_id = "audit", params(AuditParams),
    responses((status = 200, body = Page<AuditEntry>), Problem))]
#[get("/audit")]
pub(crate) async fn audit(
    context: Data<ApiContext>,
    _: Approver,
    params: Params<AuditParams>,
) -> Result<Json<Page<AuditEntry>>, Problem> {
    let AuditParams { limit, cursor, actor, action, search } = params.0;
    let limit = paging::limit(limit)?;
    let before: Option<i64> = paging::decode(cursor.as_deref())?;
    let filter = AuditFilter { actor, action, search };
    let (rows, total) = context.store.read_audit(&filter, before, i64::from(limit) + 1).await?;
    let page = paging::page(rows, limit, total, |row: &AuditRow| row.audit_id);
    Ok(Json(page.map(entry)))
}

fn entry(row: AuditRow) -> AuditEntry {
    AuditEntry {
        id: row.audit_id.to_string(),
        at: row.at,
        actor: row.actor,
        action: row.action,
        subject: row.subject,
        detail: in_words(&row.detail),
    }
}

/// The particulars as a line: the reason as it is, the others with their names.
fn in_words(detail: &Value) -> Option<String> {
    let Value::Object(members) = detail else { return None };
    let mut parts = Vec::new();
    if let Some(Value::String(reason)) = members.get("reason") {
        parts.push(reason.clone());
    }
    for (name, value) in members.iter().filter(|(name, _)| *name != "reason") {
        match value {
            Value::Null => {}
            Value::String(text) => parts.push(format!("{name} {text}")),
            other => parts.push(format!("{name} {other}")),
        }
    }
    (!parts.is_empty()).then(|| parts.join(" · "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_reason_comes_first_and_nothing_is_left_empty() {
        let detail = json!({ "digest": "4f", "reason": "tested", "change": null, "n": 3 });
        assert_eq!(in_words(&detail).as_deref(), Some("tested · digest 4f · n 3"));
        assert_eq!(in_words(&json!({ "reason": null })), None);
        assert_eq!(in_words(&json!({})), None);
    }
}
