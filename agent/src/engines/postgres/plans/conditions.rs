//! What each parameter of a statement is compared with, read from its generic plan. Pure.

use std::collections::HashMap;

use serde_json::Value;

use crate::engines::postgres::lexer::{self, Kind, Token};

/// How a value is compared with a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    /// Equal, or like, or any other operator that a typical value suits.
    Equal,
    /// The column is greater than the value.
    Above,
    /// The column is less than the value.
    Below,
    /// The column is one of an array's values.
    AnyOf,
}

/// A column of a table in the plan.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ColumnOf {
    pub(super) schema: String,
    pub(super) table: String,
    pub(super) column: String,
}

/// What is known of a parameter's use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Use {
    /// It is compared with a column.
    Compared(ColumnOf, Comparison),
    /// It stands in a condition in some other way.
    Unclear,
}

/// The uses of parameters in the conditions of a verbose generic plan; those that stand in no condition are
/// missing.
pub(super) fn uses(plan: &Value) -> HashMap<u32, Use> {
    let mut tables = HashMap::new();
    let mut conditions = Vec::new();
    walk(plan, &mut tables, &mut conditions);
    let mut uses = HashMap::new();
    for condition in conditions {
        let tokens: Vec<Token<'_>> = lexer::significant(condition).collect();
        for (place, token) in tokens.iter().enumerate() {
            if token.kind != Kind::Parameter {
                continue;
            }
            let Ok(number) = token.text[1..].parse::<u32>() else { continue };
            let found =
                compared(&tokens, place, &tables).map_or(Use::Unclear, |(c, how)| Use::Compared(c, how));
            // The same condition may stand in several nodes; a clear use beats an unclear one.
            match uses.get(&number) {
                Some(Use::Compared(..)) => {}
                _ => {
                    uses.insert(number, found);
                }
            }
        }
    }
    uses
}

type Tables<'a> = HashMap<&'a str, (&'a str, &'a str)>;

fn walk<'a>(value: &'a Value, tables: &mut Tables<'a>, conditions: &mut Vec<&'a str>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| walk(item, tables, conditions)),
        Value::Object(properties) => {
            let text = |key: &str| properties.get(key).and_then(Value::as_str);
            if let (Some(alias), Some(schema), Some(table)) =
                (text("Alias"), text("Schema"), text("Relation Name"))
            {
                tables.insert(alias, (schema, table));
            }
            for (key, property) in properties {
                if key != "Output" {
                    walk(property, tables, conditions);
                }
            }
        }
        Value::String(text) if text.contains('$') => conditions.push(text),
        _ => {}
    }
}

/// The column that the parameter at `place` is compared with.
fn compared(tokens: &[Token<'_>], place: usize, tables: &Tables<'_>) -> Option<(ColumnOf, Comparison)> {
    // `($1)::type` counts as `$1`.
    let (first, last) = without_cast(tokens, place);
    // `column = ANY ($1)`
    if first >= 3 && tokens[first - 1].is("(") && tokens[first - 2].is_word("any") {
        let column = column_before(tokens, first - 3, tables)?;
        return tokens[first - 3].is("=").then_some((column, Comparison::AnyOf));
    }
    if first >= 2 && tokens[first - 1].kind == Kind::Operator {
        let how = comparison(tokens[first - 1].text, false)?;
        return Some((column_before(tokens, first - 1, tables)?, how));
    }
    if tokens.get(last + 1).is_some_and(|token| token.kind == Kind::Operator) {
        let how = comparison(tokens[last + 1].text, true)?;
        return Some((column_at(tokens, last + 2, tables)?, how));
    }
    None
}

/// What an operator asks of the column; `None` where it is no comparison.
fn comparison(operator: &str, column_is_right: bool) -> Option<Comparison> {
    match (operator, column_is_right) {
        (">" | ">=", false) | ("<" | "<=", true) => Some(Comparison::Above),
        ("<" | "<=", false) | (">" | ">=", true) => Some(Comparison::Below),
        ("=" | "<>" | "~~" | "~~*" | "~" | "~*" | "^@" | "@>" | "<@" | "&&", _) => Some(Comparison::Equal),
        _ => None,
    }
}

/// First and last token of the parameter with the parentheses and casts around it.
fn without_cast(tokens: &[Token<'_>], place: usize) -> (usize, usize) {
    let is = |index: Option<usize>, text: &str| {
        index.and_then(|index| tokens.get(index)).is_some_and(|t| t.is(text))
    };
    if is(place.checked_sub(1), "(") && is(Some(place + 1), ")") && is(Some(place + 2), ":") {
        let mut last = place + 3;
        while tokens.get(last + 1).is_some_and(|token| token.kind == Kind::Word) {
            last += 1;
        }
        return (place - 1, last);
    }
    (place, place)
}

/// The column whose last token is before `end`.
fn column_before(tokens: &[Token<'_>], end: usize, tables: &Tables<'_>) -> Option<ColumnOf> {
    let mut last = end.checked_sub(1)?;
    // Back over `::character varying`.
    let mut back = last;
    while tokens[back].kind == Kind::Word && back > 0 {
        back -= 1;
    }
    if back >= 1 && back < last && tokens[back].is(":") && tokens[back - 1].is(":") {
        last = back.checked_sub(2)?;
    }
    if tokens[last].is(")") {
        // Only a column in parentheses: a function's call is an expression of its own.
        last = last.checked_sub(1)?;
        let start = if last >= 2 && tokens[last - 1].is(".") { last - 2 } else { last };
        let open = start.checked_sub(1)?;
        let is_call = open >= 1 && matches!(tokens[open - 1].kind, Kind::Word | Kind::QuotedName);
        if !tokens[open].is("(") || is_call {
            return None;
        }
    }
    let start = if last >= 2 && tokens[last - 1].is(".") { last - 2 } else { last };
    column(tokens, start, last, tables)
}

/// The column whose first token is at `start`.
fn column_at(tokens: &[Token<'_>], start: usize, tables: &Tables<'_>) -> Option<ColumnOf> {
    let start = if tokens.get(start)?.is("(") { start + 1 } else { start };
    let last = if tokens.get(start + 1).is_some_and(|token| token.is(".")) { start + 2 } else { start };
    // A word before a parenthesis is a function.
    if tokens.get(last + 1).is_some_and(|token| token.is("(")) {
        return None;
    }
    column(tokens, start, last, tables)
}

fn column(tokens: &[Token<'_>], start: usize, last: usize, tables: &Tables<'_>) -> Option<ColumnOf> {
    let column = name(tokens.get(last)?)?;
    let (schema, table) = if start < last {
        *tables.get(name(&tokens[start])?.as_str())?
    } else if tables.len() == 1 {
        *tables.values().next()?
    } else {
        return None;
    };
    Some(ColumnOf { schema: schema.to_owned(), table: table.to_owned(), column })
}

fn name(token: &Token<'_>) -> Option<String> {
    match token.kind {
        Kind::Word => Some(token.text.to_owned()),
        Kind::QuotedName => {
            let inner = token.text.strip_prefix('"')?.strip_suffix('"')?;
            Some(inner.replace("\"\"", "\""))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A parameter, and table, column and comparison where they are clear.
    type Expected<'a> = (u32, Option<(&'a str, &'a str, Comparison)>);

    fn check(condition: &str, expected: &[Expected<'_>]) {
        let plan = json!([{"Plan": {"Node Type": "Nested Loop", "Join Filter": condition, "Output": ["$9"], "Plans": [
            {"Alias": "o", "Schema": "public", "Relation Name": "orders"},
            {"Alias": "Cust omer", "Schema": "crm", "Relation Name": "customers"}]}}]);
        let found = uses(&plan);
        let expected: HashMap<u32, Use> = expected
            .iter()
            .map(|(number, expected)| {
                let found = match expected {
                    None => Use::Unclear,
                    Some((table, column, how)) => {
                        let schema = if *table == "orders" { "public" } else { "crm" };
                        let (schema, table, column) = (schema.into(), (*table).into(), (*column).into());
                        Use::Compared(ColumnOf { schema, table, column }, *how)
                    }
                };
                (*number, found)
            })
            .collect();
        assert_eq!(found, expected, "{condition}");
    }

    #[test]
    fn parameters_are_told_by_the_column_they_are_compared_with() {
        use Comparison::{Above, AnyOf, Below, Equal};
        check("(o.customer_id = $1)", &[(1, Some(("orders", "customer_id", Equal)))]);
        check("((o.status)::text = $2)", &[(2, Some(("orders", "status", Equal)))]);
        check("(o.status = ($2)::character varying)", &[(2, Some(("orders", "status", Equal)))]);
        check(
            "((o.created >= $1) AND (o.created < $2))",
            &[(1, Some(("orders", "created", Above))), (2, Some(("orders", "created", Below)))],
        );
        check("($1 > o.total)", &[(1, Some(("orders", "total", Below)))]);
        check("(o.id = ANY ($1))", &[(1, Some(("orders", "id", AnyOf)))]);
        check("(\"Cust omer\".\"Na\"\"me\" ~~ $1)", &[(1, Some(("customers", "Na\"me", Equal)))]);
        check("((o.status)::character varying = $1)", &[(1, Some(("orders", "status", Equal)))]);
    }

    #[test]
    fn other_uses_are_unclear() {
        check("(lower(o.name) = $1)", &[(1, None)]);
        check("((o.a + $1) > o.b)", &[(1, None)]);
        check("(($1 IS NULL) OR (o.a = $1))", &[(1, Some(("orders", "a", Comparison::Equal)))]);
        check("(x.a = $1)", &[(1, None)]);
        check("(a = $1)", &[(1, None)]);
        check("$1", &[(1, None)]);
        check("(= $1)", &[(1, None)]);
        check("($1 = )", &[(1, None)]);
        check("::text = $1", &[(1, None)]);
    }
}
