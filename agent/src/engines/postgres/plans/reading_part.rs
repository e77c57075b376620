//! What a statement that writes or locks rows reads, as a plain SELECT: for a role that may only read, whom the
//! server refuses even the plan of the whole. How the rows are found is planned the same way. Pure.

use std::collections::HashMap;

use crate::engines::postgres::lexer::{self, Kind, Token};

/// Whether a role that may only read is right to be refused: the statement writes, or locks what it reads.
pub(super) fn needs_more_than_reading(text: &str) -> bool {
    let words = ["insert", "update", "delete", "merge", "share"];
    lexer::significant(text).any(|token| words.iter().any(|word| token.is_word(word)))
}

/// The SELECT that finds the rows which `text` changes or locks; `None` where it is another kind of statement.
pub(super) fn reading_part(text: &str) -> Option<String> {
    let tokens: Vec<Token<'_>> = lexer::tokens(text).filter(|token| token.kind != Kind::Comment).collect();
    let first = tokens.iter().position(Token::is_significant)?;
    let (target, more) = if tokens[first].is_word("update") {
        let set = clause(&tokens, first + 1, "set")?;
        let from = clause(&tokens, set + 1, "from");
        (&tokens[first + 1..set], from)
    } else if tokens[first].is_word("delete") {
        let from = clause(&tokens, first + 1, "from")?;
        let using = clause(&tokens, from + 1, "using");
        let end = [using, clause(&tokens, from + 1, "where"), clause(&tokens, from + 1, "returning")];
        let end = end.into_iter().flatten().min().unwrap_or(tokens.len());
        (&tokens[from + 1..end], using)
    } else {
        return without_locks(&tokens);
    };
    let condition = clause(&tokens, first + 1, "where");
    let returning = clause(&tokens, first + 1, "returning").unwrap_or(tokens.len());
    // All columns: fewer could be read from an index alone, which a change never is.
    let mut out = String::from("SELECT * FROM ");
    let mut numbers = HashMap::new();
    write(&mut out, target, &mut numbers);
    if let Some(more) = more.filter(|more| *more < returning) {
        out.push_str(", ");
        write(&mut out, &tokens[more + 1..condition.unwrap_or(returning)], &mut numbers);
    }
    if let Some(condition) = condition.filter(|condition| *condition < returning) {
        let mut words = tokens[condition + 1..].iter().filter(|token| token.is_significant());
        // The row under a cursor is found without a plan.
        if words.next()?.is_word("current") && words.next()?.is_word("of") {
            return None;
        }
        out.push_str(" WHERE ");
        write(&mut out, &tokens[condition + 1..returning], &mut numbers);
    }
    Some(out)
}

/// A query without its `FOR UPDATE` or `FOR SHARE`, which may stand before its limit.
fn without_locks(tokens: &[Token<'_>]) -> Option<String> {
    let start = clause(tokens, 0, "for")?;
    let ends = ["limit", "offset", "fetch"].into_iter().filter_map(|word| clause(tokens, start, word)).min();
    let text = |tokens: &[Token<'_>]| tokens.iter().map(|token| token.text).collect::<String>();
    Some(text(&tokens[..start]) + &text(&tokens[ends.unwrap_or(tokens.len())..]))
}

/// Where a clause begins, outside of any parentheses.
fn clause(tokens: &[Token<'_>], start: usize, word: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut previous_is_distinct = false;
    for (place, token) in tokens.iter().enumerate().skip(start).filter(|(_, token)| token.is_significant()) {
        if token.is("(") {
            depth += 1;
        } else if token.is(")") {
            depth = depth.saturating_sub(1);
        } else if depth == 0 && token.is_word(word) && !previous_is_distinct {
            return Some(place);
        }
        // `a IS DISTINCT FROM b` begins no clause.
        previous_is_distinct = token.is_word("distinct");
    }
    None
}

/// Writes tokens, with the parameters numbered anew: a parameter that is used nowhere has no type.
fn write(out: &mut String, tokens: &[Token<'_>], numbers: &mut HashMap<String, usize>) {
    for token in tokens {
        if token.kind == Kind::Parameter {
            let next = numbers.len() + 1;
            let number = numbers.entry(token.text.to_owned()).or_insert(next);
            out.push_str(&format!("${number}"));
        } else {
            out.push_str(token.text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        let found = reading_part(text).map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
        assert_eq!(found.as_deref(), expected, "{text}");
    }

    #[test]
    fn the_rows_are_found_by_the_same_tables_and_conditions() {
        check(
            "UPDATE orders SET note = $1, n = (SELECT 1 FROM x WHERE y = $2) WHERE id = $3 RETURNING id",
            Some("SELECT * FROM orders WHERE id = $1"),
        );
        check(
            "UPDATE ONLY a AS b SET c = d IS DISTINCT FROM e FROM f, g WHERE b.x = f.x AND f.y > $2",
            Some("SELECT * FROM ONLY a AS b , f, g WHERE b.x = f.x AND f.y > $1"),
        );
        check(
            "/* x */ DELETE FROM orders o USING customers c WHERE o.c = c.id AND c.name = $1",
            Some("SELECT * FROM orders o , customers c WHERE o.c = c.id AND c.name = $1"),
        );
        check("DELETE FROM orders", Some("SELECT * FROM orders"));
        check("DELETE FROM orders RETURNING *", Some("SELECT * FROM orders"));
        check(
            "DELETE FROM t WHERE a = $2 AND b = $2 AND c = $5",
            Some("SELECT * FROM t WHERE a = $1 AND b = $1 AND c = $2"),
        );
    }

    #[test]
    fn locks_are_left_out() {
        check("SELECT a FROM t WHERE b = $1 FOR UPDATE SKIP LOCKED", Some("SELECT a FROM t WHERE b = $1"));
        check("SELECT a FROM t FOR NO KEY UPDATE OF t LIMIT $1", Some("SELECT a FROM t LIMIT $1"));
        check("SELECT substring(a for 3) FROM t", None);
        assert!(needs_more_than_reading("SELECT a FROM t FOR SHARE"));
        assert!(!needs_more_than_reading("SELECT a FROM updates"));
    }

    #[test]
    fn other_statements_have_no_such_part() {
        for text in [
            "SELECT 1",
            "INSERT INTO t VALUES ($1)",
            "DELETE FROM t WHERE CURRENT OF c",
            "UPDATE",
            "",
            "DELETE x",
        ] {
            check(text, None);
        }
    }
}
