//! Proposes what a person asks for.

use actix_web::http::header::LOCATION;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use chrono::Utc;
use querysmith_advice::propose::by_hand::{Part, Unfit, Wanted, Wish};
use querysmith_shared::change::{IndexKey, TableName};
use querysmith_shared::id::InstanceId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::caller::Approver;
use super::context::ApiContext;
use super::decided::refused;
use super::document::BASE;
use super::input::{Sent, required_text};
use super::problem::Problem;
use super::proposal::{Proposal, read};
use super::shapes::{MAX_REASON_CHARS, ProposalKind, unknown_instance};
use crate::approve::Decider;
use crate::propose::by_hand::{ByHandError, propose};

/// Longest name in PostgreSQL, characters.
const MAX_NAME_CHARS: usize = 63;

/// A change to propose.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewProposal {
    /// The server it is for.
    pub instance_id: Uuid,
    /// What to do.
    pub kind: ProposalKind,
    /// The database.
    pub database: String,
    /// Schema of the table; `public` unless said.
    pub schema: Option<String>,
    /// The table.
    pub table: String,
    /// Key columns in order, of an index to build.
    #[serde(default)]
    pub keys: Vec<KeyColumn>,
    /// Columns it carries along, of an index to build.
    #[serde(default)]
    pub include: Vec<String>,
    /// Name of the index to drop.
    pub index: Option<String>,
    /// Why.
    pub reason: String,
}

/// One key column.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyColumn {
    /// Its name.
    pub column: String,
    /// Sorted from large to small.
    #[serde(default)]
    pub descending: bool,
}

/// Proposes a change: it is checked, simulated where it can be, and waits for a decision like any other. For
/// approvers.
#[utoipa::path(tag = "proposals", operation_id = "create_proposal", request_body = NewProposal,
    responses((status = 201, body = Proposal), Problem))]
#[post("/proposals")]
pub(crate) async fn create_proposal(
    context: Data<ApiContext>,
    sent: Sent<Approver, NewProposal>,
) -> Result<HttpResponse, Problem> {
    let name = sent.who.0.label();
    let proposer = Decider { name: &name, role: sent.who.0.role };
    let instance = InstanceId(sent.body.instance_id);
    let wish = wish(sent.body, &name)?;
    let proposed = propose(&context.advice, instance, wish, proposer, Utc::now()).await;
    let id = proposed.map_err(problem)?;
    let location = format!("{BASE}/proposals/{id}");
    let proposal = read(&context, id.0).await?;
    Ok(HttpResponse::Created().insert_header((LOCATION, location)).json(proposal))
}

fn wish(body: NewProposal, by: &str) -> Result<Wish, Problem> {
    let reason = required_text("reason", &body.reason, MAX_REASON_CHARS)?;
    let database = required_text("database", &body.database, MAX_NAME_CHARS)?;
    let schema = required_text("schema", body.schema.as_deref().unwrap_or("public"), MAX_NAME_CHARS)?;
    let table = required_text("table", &body.table, MAX_NAME_CHARS)?;
    let builds = body.kind == ProposalKind::CreateIndex;
    let has_columns = !(body.keys.is_empty() && body.include.is_empty());
    if !builds && has_columns {
        let field = if body.keys.is_empty() { "include" } else { "keys" };
        return Err(Problem::bad_field(field, "only create_index has keys and include"));
    }
    if body.index.is_some() && body.kind != ProposalKind::DropIndex {
        return Err(Problem::bad_field("index", "only drop_index names an index; a new one is named by us"));
    }
    let what = match body.kind {
        ProposalKind::CreateIndex => Wanted::CreateIndex {
            keys: body
                .keys
                .into_iter()
                .map(|key| IndexKey { column: key.column, descending: key.descending })
                .collect(),
            include: body.include,
        },
        ProposalKind::DropIndex => {
            let index = body.index.ok_or_else(|| Problem::bad_field("index", "drop_index names an index"))?;
            Wanted::DropIndex { name: required_text("index", &index, MAX_NAME_CHARS)? }
        }
        ProposalKind::Analyze => Wanted::Analyze,
    };
    Ok(Wish { database, table: TableName { schema, name: table }, what, by: by.to_owned(), reason })
}

fn problem(error: ByHandError) -> Problem {
    match error {
        ByHandError::Unknown => unknown_instance(),
        ByHandError::Unwatched => Problem::conflict(error.to_string())
            .kind("not-watched")
            .hint("look at the instance's Collectors tab: it says what is missing"),
        ByHandError::Refused(refusal) => refused(&refusal),
        ByHandError::Unfit(unfit) => misfit(&unfit),
        ByHandError::Waiting(id) => {
            let problem = Problem::conflict(error.to_string()).kind("waiting");
            match id {
                Some(id) => problem.hint(format!("decide on it at {BASE}/proposals/{id}")),
                None => problem.hint("read the proposals again"),
            }
        }
        ByHandError::Store(error) => error.into(),
        ByHandError::Failed(error) => Problem::internal(&format!("{error:#}")),
    }
}

fn misfit(unfit: &Unfit) -> Problem {
    let field = match unfit.part() {
        Part::Instance => "instance_id",
        Part::Table => "table",
        Part::Keys => "keys",
        Part::Include => "include",
        Part::Index => "index",
    };
    let problem = Problem::bad_field(field, unfit.to_string());
    match unfit {
        Unfit::UnknownTable { .. } => problem.hint("a new table is known a minute after it was made"),
        _ => problem,
    }
}
