//! A proposal as text, to take along.

use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::caller::Viewer;
use super::context::ApiContext;
use super::input::{Id, Params};
use super::problem::Problem;
use super::proposal::{self, Proposal};
use super::shapes::Interval;

/// What to write it as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    /// A script: what would run, with the rest as comments.
    #[default]
    Sql,
    /// A document.
    Markdown,
}

/// How to export.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ExportParams {
    /// What to write it as; SQL unless said.
    #[param(inline)]
    pub format: Option<ExportFormat>,
}

/// A proposal as text.
#[utoipa::path(tag = "proposals", operation_id = "export_proposal",
    params(("id" = Uuid, Path, description = "the proposal"), ExportParams),
    responses((status = 200, body = String, content_type = "text/plain"), Problem))]
#[get("/proposals/{id}/export")]
pub(crate) async fn export_proposal(
    context: Data<ApiContext>,
    _: Viewer,
    id: Id,
    params: Params<ExportParams>,
) -> Result<HttpResponse, Problem> {
    let shown = proposal::read(&context, id.0).await?;
    let (text, ending) = match params.0.format.unwrap_or_default() {
        ExportFormat::Sql => (as_sql(&shown), "sql"),
        ExportFormat::Markdown => (as_markdown(&shown), "md"),
    };
    let name = format!("attachment; filename=\"proposal-{}.{ending}\"", id.0);
    Ok(HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .insert_header((CONTENT_DISPOSITION, name))
        .body(text))
}

/// A script that psql runs: the change is live, its check and its undo stand by as comments.
fn as_sql(proposal: &Proposal) -> String {
    let row = &proposal.row;
    let mut text = comment(&format!("{} · {}", row.title, row.instance_name));
    text.push_str(&comment(&proposal.reason));
    text.push_str(&comment(&format!("Predicted: {}", predicted(row.predicted.as_ref(), row.simulated))));
    text.push_str(&comment(&format!("Lock: {}", proposal.lock)));
    text.push_str(&comment(&format!("Writes: {}", proposal.write_cost)));
    for risk in &proposal.risks {
        text.push_str(&comment(&format!("Risk: {risk}")));
    }
    text.push_str(&comment(&format!("Digest: {}", proposal.digest)));
    text.push('\n');
    for statement in &proposal.sql.apply {
        text.push_str(&format!("{statement};\n"));
    }
    text.push('\n');
    text.push_str(&comment(&format!("Check:\n{};", proposal.sql.verify)));
    if proposal.sql.undo.is_empty() {
        text.push_str(&comment("There is no way back."));
    } else {
        text.push_str(&comment(&format!("Way back:\n{};", proposal.sql.undo.join(";\n"))));
    }
    text
}

/// The text as comment lines. No line of it can end the comment.
fn comment(text: &str) -> String {
    let lines = text.split(['\n', '\r']);
    lines.map(|line| format!("-- {line}").trim_end().to_owned() + "\n").collect()
}

fn as_markdown(proposal: &Proposal) -> String {
    let row = &proposal.row;
    let mut text = format!("# {}\n\n", line(&row.title));
    text.push_str(&format!("Instance: {}. State: {}.\n\n", line(&row.instance_name), state(proposal)));
    text.push_str(&format!("{}\n\n", proposal.reason));
    text.push_str(&format!("**Predicted:** {}\n\n", predicted(row.predicted.as_ref(), row.simulated)));
    text.push_str("## Evidence\n\n| what | value | source |\n| --- | --- | --- |\n");
    for item in &proposal.evidence {
        text.push_str(&format!(
            "| {} | {} | {} |\n",
            cell(&item.label),
            cell(&item.value),
            cell(&item.source)
        ));
    }
    text.push_str(
        "\n## Statements\n\n| statement | share of time | predicted | verdict |\n| --- | --- | --- | --- |\n",
    );
    for statement in &proposal.statements {
        let share = statement.time_share.map_or_else(|| "?".to_owned(), percent);
        let change = statement.predicted.as_ref().map_or_else(|| "?".to_owned(), interval);
        let verdict = name(&statement.verdict);
        text.push_str(&format!(
            "| `{}` | {share} | {change} | {verdict} |\n",
            cell(&statement.text).replace('`', "'")
        ));
    }
    text.push_str("\n## What would run\n\n");
    text.push_str(&fenced(&format!("{};", proposal.sql.apply.join(";\n"))));
    text.push_str("\n## How it is checked\n\n");
    text.push_str(&fenced(&format!("{};", proposal.sql.verify)));
    text.push_str("\n## The way back\n\n");
    if proposal.sql.undo.is_empty() {
        text.push_str("There is none.\n");
    } else {
        text.push_str(&fenced(&format!("{};", proposal.sql.undo.join(";\n"))));
    }
    text.push_str(&format!(
        "\n## Cost and risk\n\n- Lock: {}\n- Writes: {}\n",
        line(&proposal.lock),
        line(&proposal.write_cost)
    ));
    for risk in &proposal.risks {
        text.push_str(&format!("- {}\n", line(risk)));
    }
    text.push_str(&format!(
        "\nDigest of the text: `{}`. Model {}.\n",
        proposal.digest, proposal.model_version
    ));
    text
}

fn fenced(code: &str) -> String {
    format!("````sql\n{code}\n````\n")
}

fn line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

fn cell(text: &str) -> String {
    line(text).replace('|', "\\|")
}

fn state(proposal: &Proposal) -> String {
    let state = name(&proposal.row.state);
    match &proposal.verdict {
        Some(verdict) => format!("{state} by {}", line(&verdict.by)),
        None => state,
    }
}

/// The name a value has in the API.
fn name<T: Serialize>(value: &T) -> String {
    let written = serde_json::to_value(value).ok();
    written.and_then(|value| value.as_str().map(|text| text.replace('_', " "))).unwrap_or_default()
}

fn predicted(change: Option<&Interval>, simulated: bool) -> String {
    let basis = if simulated { "simulated by the planner" } else { "not simulated" };
    match change {
        Some(change) => format!("{} statement time ({basis})", interval(change)),
        None => format!("nothing certain ({basis})"),
    }
}

fn interval(change: &Interval) -> String {
    format!("{} ({} to {})", signed(change.estimate), signed(change.low), signed(change.high))
}

fn signed(fraction: f64) -> String {
    format!("{:+.0} %", fraction * 100.0)
}

fn percent(fraction: f64) -> String {
    format!("{:.1} %", fraction * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_out_of_a_comment() {
        assert_eq!(comment("a\nDROP TABLE t;\r\nb"), "-- a\n-- DROP TABLE t;\n--\n-- b\n");
    }

    #[test]
    fn a_change_reads_as_percent() {
        let change = Interval { estimate: -0.931, low: -0.97, high: 0.02 };
        assert_eq!(interval(&change), "-93 % (-97 % to +2 %)");
        assert_eq!(cell("a|b\nc"), "a\\|b c");
    }
}
