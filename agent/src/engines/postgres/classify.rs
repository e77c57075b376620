//! What kind of statement a text is, by its first words.

use super::lexer::{self, Kind, Token};

/// The mark that every statement of the agent carries behind its first word. Servers before version 18 keep
/// comments before it as well, later ones only those behind it.
pub(crate) const OWN_MARK: &str = "/* querysmith */";

/// What a statement is to the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// The planner can be asked about it.
    Plannable,
    /// Work of the user's that has no plan: COPY, VACUUM, CREATE INDEX …
    Utility,
    /// Session and transaction control, which says nothing about work.
    Noise,
    /// The agent's own.
    Own,
    /// Its text could not be read.
    Unreadable,
}

/// First words of statements that only control the session or the transaction.
const NOISE: [&str; 24] = [
    "begin",
    "start",
    "commit",
    "end",
    "rollback",
    "abort",
    "savepoint",
    "release",
    "set",
    "reset",
    "show",
    "discard",
    "deallocate",
    "prepare",
    "execute",
    "listen",
    "unlisten",
    "declare",
    "close",
    "explain",
    "checkpoint",
    "load",
    "notify",
    "security",
];

/// Classifies the raw text of a statement.
pub(crate) fn classify(text: &str) -> Class {
    if has_own_mark(text) || is_own_change(text) {
        return Class::Own;
    }
    if is_plannable(text) {
        return Class::Plannable;
    }
    match first_word(text) {
        Some(word) if NOISE.iter().any(|noise| word.is_word(noise)) => Class::Noise,
        None => Class::Noise,
        Some(_) => Class::Utility,
    }
}

/// Whether EXPLAIN accepts the statement and only plans it.
pub(crate) fn is_plannable(text: &str) -> bool {
    // `(SELECT …) UNION …` begins with a parenthesis.
    let first = lexer::significant(text).find(|token| !token.is("("));
    first.is_some_and(|token| {
        ["select", "with", "insert", "update", "delete", "merge", "values", "table"]
            .iter()
            .any(|word| token.is_word(word))
    })
}

fn first_word(text: &str) -> Option<Token<'_>> {
    lexer::significant(text).find(|token| token.kind == Kind::Word)
}

/// Only the first few tokens can hold the mark: a user's text that mentions it elsewhere is the user's.
fn has_own_mark(text: &str) -> bool {
    lexer::tokens(text).take(6).any(|token| token.kind == Kind::Comment && token.text == OWN_MARK)
}

/// The changes that the agent makes: indexes and statistics with the product's prefix.
fn is_own_change(text: &str) -> bool {
    let mut words = lexer::significant(text);
    let starts = words
        .next()
        .is_some_and(|token| ["create", "drop", "reindex"].iter().any(|word| token.is_word(word)));
    let prefix = querysmith_shared::change::OBJECT_PREFIX;
    starts
        && words.next().is_some_and(|token| ["index", "statistics"].iter().any(|word| token.is_word(word)))
        && words.take(8).any(|token| token.kind == Kind::QuotedName && token.text[1..].starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_told_by_their_first_words() {
        for (text, expected) in [
            ("SELECT $1", Class::Plannable),
            ("-- hello\n /* a */ with x as (select 1) select * from x", Class::Plannable),
            ("((SELECT 1) UNION (SELECT 2))", Class::Plannable),
            ("MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE", Class::Plannable),
            ("BEGIN", Class::Noise),
            ("SET x = 1", Class::Noise),
            ("", Class::Noise),
            ("COPY t FROM STDIN", Class::Utility),
            ("CREATE INDEX a ON t (b)", Class::Utility),
            ("CREATE TABLE t AS SELECT 1", Class::Utility),
            ("SELECT /* querysmith */ 1", Class::Own),
            ("/* querysmith */ SELECT 1", Class::Own),
            ("SELECT '/* querysmith */'", Class::Plannable),
            ("CREATE INDEX CONCURRENTLY \"qs_orders_a_12345678\" ON public.orders (a)", Class::Own),
            ("DROP INDEX CONCURRENTLY IF EXISTS \"public\".\"qs_orders_a_12345678\"", Class::Own),
            (
                "CREATE STATISTICS \"public\".\"qs_orders_a_b_12345678\" ON \"a\", \"b\" FROM \"public\".\"orders\"",
                Class::Own,
            ),
        ] {
            assert_eq!(classify(text), expected, "{text}");
        }
    }
}
