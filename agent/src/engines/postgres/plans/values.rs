//! Representative values for parameters, picked from the planner's column statistics. They are used on this host
//! to plan with, and never leave it.

use std::collections::HashMap;

use querysmith_shared::dialect::identifier;
use sqlx::postgres::PgRow;

use super::conditions::{ColumnOf, Comparison, Use};
use crate::engines::CollectError;
use crate::engines::postgres::lexer::{self, Kind};
use crate::engines::postgres::row;
use crate::engines::postgres::session::Session;

/// Values of an array that is compared with a column.
const ARRAY_LENGTH: usize = 3;
/// Share of the rows that the most common values must have together to be what a typical row has.
const COMMON: f64 = 0.5;

/// What the planner knows of a column's values.
#[derive(Debug, Clone, Default, PartialEq)]
struct Values {
    common: Vec<String>,
    frequencies: Vec<f64>,
    /// Twenty-one values that divide the others into twenty equal parts.
    quantiles: Vec<String>,
}

/// The values of all `count` parameters as SQL expressions, or `None` if one of them can't be found.
pub(super) async fn find(
    session: &mut Session,
    uses: &HashMap<u32, Use>,
    text: &str,
    count: u32,
    rows_per_call: f32,
) -> Result<Option<Vec<String>>, CollectError> {
    let limits = limits(text);
    let mut known: HashMap<&ColumnOf, Values> = HashMap::new();
    let mut seen: HashMap<(&ColumnOf, bool), usize> = HashMap::new();
    let mut found = Vec::new();
    for number in 1..=count {
        let expression = match (uses.get(&number), limits.get(&number)) {
            (Some(Use::Unclear), _) => None,
            (Some(Use::Compared(column, how)), _) => {
                if !known.contains_key(column) {
                    known.insert(column, read(session, column).await?);
                }
                // The two ends of a range lie near each other.
                let has_other_end = uses.values().filter(|other| is_range_of(other, column)).count() > 1;
                let nth = seen.entry((column, *how == Comparison::AnyOf)).or_insert(0);
                *nth += 1;
                pick(&known[column], *how, has_other_end)
            }
            // What is returned on average is the least that the limit can be.
            (None, Some(Limit::Limit)) => Some(format!("{}", rows_per_call.ceil().clamp(1.0, 1e9))),
            (None, Some(Limit::Offset)) => Some("0".to_owned()),
            // It stands in no condition, so the plan does not depend on it.
            (None, None) => Some("NULL".to_owned()),
        };
        match expression {
            Some(expression) => found.push(expression),
            None => return Ok(None),
        }
    }
    Ok(Some(found))
}

fn is_range_of(other: &Use, column: &ColumnOf) -> bool {
    matches!(other, Use::Compared(of, Comparison::Above | Comparison::Below) if of == column)
}

async fn read(session: &mut Session, column: &ColumnOf) -> Result<Values, CollectError> {
    let query = sqlx::query(include_str!("../sql/representative_values.sql"))
        .bind(&column.schema)
        .bind(&column.table)
        .bind(&column.column);
    Ok(session.one(query, values).await?.unwrap_or_default())
}

fn values(row: &PgRow) -> Result<Values, sqlx::Error> {
    Ok(Values {
        common: row::strings(row, 1)?,
        frequencies: row::floats(row, 2)?,
        quantiles: row::strings(row, 3)?,
    })
}

/// A value that a typical row has, or that divides the rows as the planner's own defaults would.
fn pick(values: &Values, how: Comparison, has_other_end: bool) -> Option<String> {
    let quantile = |twentieth: usize| values.quantiles.get(twentieth).cloned();
    let quoted = |value: String| identifier::postgres_string(&value).ok();
    match how {
        Comparison::Equal => typical(values, 1).into_iter().next().and_then(quoted),
        Comparison::AnyOf => {
            let several = typical(values, ARRAY_LENGTH);
            (!several.is_empty()).then(|| quoted(array(&several)))?
        }
        // A third of the rows for an open end, a twentieth between two ends: about what the planner assumes
        // of unknown ranges, where it knows nothing.
        Comparison::Above => quantile(if has_other_end { 10 } else { 13 })
            .or_else(|| values.common.first().cloned())
            .and_then(quoted),
        Comparison::Below => quantile(if has_other_end { 11 } else { 7 })
            .or_else(|| values.common.last().cloned())
            .and_then(quoted),
    }
}

/// Up to `count` values of middling frequency.
fn typical(values: &Values, count: usize) -> Vec<String> {
    let sum: f64 = values.frequencies.iter().sum();
    let few_others = values.quantiles.is_empty() || sum >= COMMON;
    if !values.common.is_empty() && few_others {
        #[allow(clippy::cast_precision_loss)]
        let mean = sum / values.common.len() as f64;
        let mut by_distance: Vec<(f64, &String)> = values
            .common
            .iter()
            .zip(&values.frequencies)
            .map(|(value, frequency)| ((frequency - mean).abs(), value))
            .collect();
        by_distance.sort_by(|a, b| a.0.total_cmp(&b.0));
        return by_distance.into_iter().take(count).map(|(_, value)| value.clone()).collect();
    }
    [10, 5, 15].into_iter().take(count).filter_map(|place| values.quantiles.get(place).cloned()).collect()
}

/// PostgreSQL's text form of an array.
fn array(values: &[String]) -> String {
    let quoted: Vec<String> = values
        .iter()
        .map(|value| format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")))
        .collect();
    format!("{{{}}}", quoted.join(","))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    Limit,
    Offset,
}

/// The parameters that stand right behind LIMIT and OFFSET.
fn limits(text: &str) -> HashMap<u32, Limit> {
    let tokens: Vec<_> = lexer::significant(text).collect();
    let mut found = HashMap::new();
    for pair in tokens.windows(2).filter(|pair| pair[1].kind == Kind::Parameter) {
        let Ok(number) = pair[1].text[1..].parse() else { continue };
        if pair[0].is_word("limit") {
            found.insert(number, Limit::Limit);
        } else if pair[0].is_word("offset") {
            found.insert(number, Limit::Offset);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    fn of_common(common: &[&str], frequencies: &[f64]) -> Values {
        Values { common: strings(common), frequencies: frequencies.to_vec(), quantiles: Vec::new() }
    }

    fn of_quantiles() -> Values {
        Values { quantiles: (0..=20).map(|n| format!("{n}")).collect(), ..Values::default() }
    }

    fn check(values: &Values, how: Comparison, has_other_end: bool, expected: Option<&str>) {
        assert_eq!(pick(values, how, has_other_end).as_deref(), expected);
    }

    #[test]
    fn an_equal_value_is_neither_the_rarest_nor_the_most_common() {
        let status = of_common(&["done", "it's", "rare"], &[0.7, 0.28, 0.02]);
        check(&status, Comparison::Equal, false, Some("'it''s'"));
        check(&of_quantiles(), Comparison::Equal, false, Some("'10'"));
        check(&Values::default(), Comparison::Equal, false, None);
        // A few common values of a column that is nearly unique: a typical row has another one.
        let mut nearly_unique = of_quantiles();
        nearly_unique.common = strings(&["x"]);
        nearly_unique.frequencies = vec![0.01];
        check(&nearly_unique, Comparison::Equal, false, Some("'10'"));
    }

    #[test]
    fn ranges_are_as_wide_as_the_planner_assumes() {
        check(&of_quantiles(), Comparison::Above, false, Some("'13'"));
        check(&of_quantiles(), Comparison::Below, false, Some("'7'"));
        check(&of_quantiles(), Comparison::Above, true, Some("'10'"));
        check(&of_quantiles(), Comparison::Below, true, Some("'11'"));
    }

    #[test]
    fn arrays_are_quoted_twice() {
        let odd = of_common(&["a\"b", "c\\d"], &[0.5, 0.5]);
        check(&odd, Comparison::AnyOf, false, Some(r#"E'{"a\\"b","c\\\\d"}'"#));
    }

    #[test]
    fn limits_are_found_in_the_text() {
        let found = limits("SELECT a FROM t WHERE b = $1 LIMIT $2 OFFSET $3");
        assert_eq!(found, HashMap::from([(2, Limit::Limit), (3, Limit::Offset)]));
    }
}
