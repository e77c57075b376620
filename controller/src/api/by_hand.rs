//! Proposes what a person asks for.

use actix_web::http::header::LOCATION;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use chrono::Utc;
use querysmith_advice::propose::by_hand::{OnTable, Part, TableWish, Unfit, Wanted, Wish};
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
use super::shapes::{HowTried, MAX_REASON_CHARS, ProposalKind, unknown_instance};
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
    /// The database; of a parameter, none.
    pub database: Option<String>,
    /// Schema of the table; `public` unless said.
    pub schema: Option<String>,
    /// The table; of a parameter, none.
    pub table: Option<String>,
    /// Key columns in order, of an index to build.
    #[serde(default)]
    pub keys: Vec<KeyColumn>,
    /// Columns it carries along, of an index to build.
    #[serde(default)]
    pub include: Vec<String>,
    /// Name of the index to drop.
    pub index: Option<String>,
    /// Columns to gather statistics about together, or the one to sample more or less closely.
    #[serde(default)]
    pub columns: Vec<String>,
    /// Statistics target of that one, 1 to 10000.
    pub target: Option<u16>,
    /// Name of the parameter to set.
    pub parameter: Option<String>,
    /// The value to set it to, with its unit: `64MB`.
    pub value: Option<String>,
    /// How to try a parameter; `switchback` unless said.
    pub tried: Option<HowTried>,
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
    check_fields(&body)?;
    let what = match body.kind {
        ProposalKind::SetParameter => Wanted::SetParameter {
            name: needed("parameter", body.parameter.as_deref(), MAX_NAME_CHARS)?,
            value: needed("value", body.value.as_deref(), MAX_NAME_CHARS)?,
            tried: body.tried.unwrap_or(HowTried::Switchback).into(),
        },
        _ => Wanted::OnTable(on_table(body)?),
    };
    Ok(Wish { what, by: by.to_owned(), reason })
}

fn on_table(body: NewProposal) -> Result<OnTable, Problem> {
    let database = needed("database", body.database.as_deref(), MAX_NAME_CHARS)?;
    let schema = required_text("schema", body.schema.as_deref().unwrap_or("public"), MAX_NAME_CHARS)?;
    let table = TableName { schema, name: needed("table", body.table.as_deref(), MAX_NAME_CHARS)? };
    let what = match body.kind {
        ProposalKind::CreateIndex => TableWish::CreateIndex {
            keys: body
                .keys
                .into_iter()
                .map(|key| IndexKey { column: key.column, descending: key.descending })
                .collect(),
            include: body.include,
        },
        ProposalKind::DropIndex => {
            TableWish::DropIndex { name: needed("index", body.index.as_deref(), MAX_NAME_CHARS)? }
        }
        ProposalKind::Analyze => TableWish::Analyze,
        ProposalKind::CreateStatistics => TableWish::CreateStatistics { columns: body.columns },
        ProposalKind::SetStatisticsTarget => {
            let [column] = &body.columns[..] else {
                return Err(Problem::bad_field(
                    "columns",
                    "a statistics target is one column's: name just that",
                ));
            };
            let target = body
                .target
                .ok_or_else(|| Problem::bad_field("target", "set_statistics_target has a target"))?;
            TableWish::SetStatisticsTarget { column: column.clone(), target }
        }
        ProposalKind::SetParameter => {
            return Err(Problem::bad_field("table", "a parameter is of no table"));
        }
    };
    Ok(OnTable { database, table, what })
}

fn needed(field: &'static str, value: Option<&str>, most: usize) -> Result<String, Problem> {
    required_text(field, value.unwrap_or_default(), most)
}

/// What a kind has no use for was meant for another kind.
fn check_fields(body: &NewProposal) -> Result<(), Problem> {
    use ProposalKind::{CreateIndex, CreateStatistics, DropIndex, SetParameter, SetStatisticsTarget};
    let NewProposal { kind, keys, include, index, columns, target, .. } = body;
    let NewProposal { parameter, value, tried, database, schema, table, .. } = body;
    let of_statistics = matches!(kind, CreateStatistics | SetStatisticsTarget);
    let misplaced = [
        ("keys", !keys.is_empty(), *kind == CreateIndex, "only create_index has keys"),
        ("include", !include.is_empty(), *kind == CreateIndex, "only create_index has include"),
        (
            "index",
            index.is_some(),
            *kind == DropIndex,
            "only drop_index names an index; a new one is named by us",
        ),
        ("columns", !columns.is_empty(), of_statistics, "only statistics have columns; an index has keys"),
        ("target", target.is_some(), *kind == SetStatisticsTarget, "only set_statistics_target has a target"),
        ("parameter", parameter.is_some(), *kind == SetParameter, "only set_parameter names a parameter"),
        ("value", value.is_some(), *kind == SetParameter, "only set_parameter has a value"),
        (
            "tried",
            tried.is_some(),
            *kind == SetParameter,
            "only a parameter can be tried in more than one way",
        ),
        ("database", database.is_some(), *kind != SetParameter, OF_THE_SERVER),
        ("schema", schema.is_some(), *kind != SetParameter, OF_THE_SERVER),
        ("table", table.is_some(), *kind != SetParameter, OF_THE_SERVER),
    ];
    match misplaced.into_iter().find(|(_, is_given, is_meant, _)| *is_given && !is_meant) {
        Some((field, .., why)) => Err(Problem::bad_field(field, why)),
        None => Ok(()),
    }
}

const OF_THE_SERVER: &str = "a parameter is of the whole server: leave out database, schema and table";

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
        ByHandError::NotTestable(_) => Problem::bad_field("tried", error.to_string())
            .hint("watch the server longer, or have it compared with the time before (`before_after`)"),
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
        Part::Columns => "columns",
        Part::Target => "target",
        Part::Parameter => "parameter",
        Part::Value => "value",
    };
    let problem = Problem::bad_field(field, unfit.to_string());
    match unfit {
        Unfit::SetElsewhere { .. } => problem.hint("take it out there, or set it there"),
        Unfit::UnknownTable { .. } => problem.hint("a new table is known a minute after it was made"),
        _ => problem,
    }
}
