//! What was proposed that should not have been: for the control, twice, or to no good.

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;

use super::api::Api;
use super::fleet::{DATABASE, Fleet};
use super::journey::text;

/// Problem (d): a statement that no index can help.
const CONTROL: &str = include_str!("../shop/sql/workload/sales_by_product.sql");

/// Counts that are all zero where the advice is good.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Faults {
    /// Proposals that came from a finding about the control, or that say they change it.
    pub for_control: usize,
    /// Changes that were measured as harmful.
    pub harmful: usize,
    /// Index proposals that lead an index that is there, or the index of another proposal.
    pub duplicates: usize,
}

/// The API's words for the verdict of a change: an unknown one is an error, not a zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Helped,
    NoEffect,
    Harmed,
    TooLittleData,
}

/// Looks at everything that was proposed and changed, and at the indexes that the database has by its own word.
pub(super) async fn faults(fleet: &Fleet, api: &Api) -> Result<Faults> {
    let mut indexes = existing_indexes(fleet).await?;
    let mut faults = Faults::default();
    for row in api.items("/proposals?limit=200").await? {
        let proposal = api.get(&format!("/proposals/{}", text(&row, "id")?)).await?;
        faults.for_control += usize::from(concerns_control(api, &proposal).await?);
        if row["kind"] == "create_index" {
            let index = Index::of_proposal(&proposal)?;
            faults.duplicates += usize::from(indexes.iter().any(|other| index.leads(other)));
            indexes.push(index);
        }
    }
    for change in api.items("/changes?limit=200").await? {
        let verdict: Option<Verdict> =
            serde_json::from_value(change["verdict"].clone()).context("an unknown verdict")?;
        faults.harmful += usize::from(verdict == Some(Verdict::Harmed));
    }
    Ok(faults)
}

async fn concerns_control(api: &Api, proposal: &Value) -> Result<bool> {
    for statement in proposal["statements"].as_array().into_iter().flatten() {
        let changed = !matches!(text(statement, "verdict")?.as_str(), "unchanged" | "not_simulated");
        if changed && is_control(statement) {
            return Ok(true);
        }
    }
    for id in proposal["finding_ids"].as_array().context("a proposal without findings")? {
        let finding = api.get(&format!("/findings/{}", id.as_str().unwrap_or_default())).await?;
        let Some(statement) = finding["statement_id"].as_str() else { continue };
        let path = format!("/instances/{}/queries/{statement}", text(&finding, "instance_id")?);
        if is_control(&api.get(&path).await?) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// By how its text begins: constants further on are placeholders by now.
fn is_control(statement: &Value) -> bool {
    let begins: String = CONTROL.chars().filter(|c| !c.is_whitespace()).take(60).collect();
    let mut words = statement["text"].as_str().unwrap_or_default().chars().filter(|c| !c.is_whitespace());
    begins.chars().all(|c| words.next() == Some(c))
}

async fn existing_indexes(fleet: &Fleet) -> Result<Vec<Index>> {
    let mut connection = fleet.database.connect(DATABASE).await?;
    let definitions: Vec<String> =
        sqlx::query_scalar("SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'")
            .fetch_all(&mut connection)
            .await
            .context("listing the shop's indexes")?;
    definitions.iter().map(|sql| Index::parse(sql)).collect()
}

/// What a CREATE INDEX says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Index {
    name: String,
    table: String,
    keys: Vec<String>,
    /// What follows the keys: INCLUDE, WHERE.
    rest: String,
}

impl Index {
    fn of_proposal(proposal: &Value) -> Result<Self> {
        let statements = proposal["sql"]["apply"].as_array().context("a proposal without SQL")?;
        let create = statements.iter().filter_map(Value::as_str).find(|sql| sql.starts_with("CREATE"));
        Self::parse(create.context("an index proposal without CREATE INDEX")?)
    }

    fn parse(sql: &str) -> Result<Self> {
        let broken = || format!("not a CREATE INDEX that this can read: {sql}");
        let plain = sql.replace('"', "").replace(" USING btree", "");
        let (head, tail) = plain.split_once(" ON ").with_context(broken)?;
        let (table, tail) = tail.split_once(" (").with_context(broken)?;
        let end = closing(tail).with_context(broken)?;
        Ok(Self {
            name: head.rsplit(' ').next().with_context(broken)?.to_owned(),
            table: table.to_owned(),
            keys: tail[..end].split(',').map(|key| key.trim().to_owned()).collect(),
            rest: tail[end + 1..].trim().to_owned(),
        })
    }

    /// Whether `other` is another index that serves whatever this one would.
    fn leads(&self, other: &Self) -> bool {
        self.name != other.name
            && self.table == other.table
            && other.keys.starts_with(&self.keys)
            && (self.rest == other.rest || (other.rest.is_empty() && self.rest.starts_with("WHERE")))
    }
}

/// Where the bracket closes that was opened before `text`.
fn closing(text: &str) -> Option<usize> {
    let mut open = 1_usize;
    text.char_indices().find_map(|(at, c)| {
        open = match c {
            '(' => open + 1,
            ')' => open - 1,
            _ => open,
        };
        (open == 0).then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_read_as_postgresql_and_the_product_write_it() {
        let ours =
            Index::parse(r#"CREATE INDEX CONCURRENTLY qs_a ON public."orders" (status, created_at DESC)"#);
        let theirs = Index::parse(
            "CREATE UNIQUE INDEX orders_pkey ON public.orders USING btree (lower(status), id) WHERE (id > 0)",
        );
        let ours = ours.unwrap();
        assert_eq!((ours.name.as_str(), ours.table.as_str()), ("qs_a", "public.orders"));
        assert_eq!(ours.keys, ["status", "created_at DESC"]);
        assert_eq!(ours.rest, "");
        let theirs = theirs.unwrap();
        assert_eq!(theirs.keys, ["lower(status)", "id"]);
        assert_eq!(theirs.rest, "WHERE (id > 0)");
        assert!(Index::parse("DROP INDEX a").is_err());
    }

    #[test]
    fn a_duplicate_leads_another_index_of_its_table() {
        let index = |name: &str, table: &str, keys: &str| {
            Index::parse(&format!("CREATE INDEX {name} ON public.{table} {keys}")).unwrap()
        };
        let proposed = index("qs_a", "orders", "(status)");
        assert!(proposed.leads(&index("b", "orders", "(status, created_at)")));
        assert!(proposed.leads(&index("b", "orders", "(status)")));
        assert!(!proposed.leads(&index("b", "orders", "(created_at, status)")));
        assert!(!proposed.leads(&index("b", "orders", "(status) WHERE (paid)")));
        assert!(!proposed.leads(&index("b", "baskets", "(status)")));
        assert!(!proposed.leads(&index("qs_a", "orders", "(status)")), "the index that it became itself");
    }

    #[test]
    fn the_control_is_known_by_how_it_begins() {
        let with_placeholder = CONTROL.replace("100", "$1");
        assert!(is_control(&serde_json::json!({ "text": with_placeholder })));
        assert!(!is_control(&serde_json::json!({ "text": "SELECT product_id FROM order_items" })));
    }
}
