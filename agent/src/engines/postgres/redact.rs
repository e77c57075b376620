//! Removes literals: from statement texts, plan conditions and error texts.
//!
//! The server's own normalisation is optimistic: constants stay in utility statements and in texts that were
//! stored without it. So everything is read again here before it leaves the host.

mod error;
mod plan;
#[cfg(test)]
mod tests;

pub(crate) use error::{message, sqlx_error};
pub(crate) use plan::plan_json;

use std::hash::BuildHasher;

use super::lexer::{self, Kind, Token};

/// What stands for a literal where no parameter can stand.
const PLACEHOLDER: &str = "'?'";
/// What stands for a number in a utility statement, where a string might not be accepted.
const NUMBER: &str = "0";

/// Types whose parentheses hold a length or precision, which is no data.
const SIZED_TYPES: [&str; 15] = [
    "numeric",
    "decimal",
    "varchar",
    "char",
    "character",
    "varying",
    "bit",
    "varbit",
    "bpchar",
    "time",
    "timestamp",
    "timestamptz",
    "timetz",
    "interval",
    "float",
];

/// Words after which a string is a value of its own; after any other word it belongs to that word, as in
/// `date '…'`, where only a literal can stand.
const BEFORE_VALUES: [&str; 40] = [
    "select",
    "where",
    "and",
    "or",
    "not",
    "like",
    "ilike",
    "in",
    "then",
    "else",
    "when",
    "case",
    "between",
    "values",
    "returning",
    "limit",
    "offset",
    "by",
    "on",
    "to",
    "as",
    "is",
    "from",
    "escape",
    "distinct",
    "all",
    "any",
    "some",
    "having",
    "using",
    "default",
    "set",
    "for",
    "union",
    "except",
    "intersect",
    "symmetric",
    "end",
    "fetch",
    "filter",
];

/// What stands for a text whose literals can't be told from the rest.
const UNPARSABLE: &str = "<unparsable>";

/// The text of a statement without its literals, still one that parses: literals become the next free
/// parameters, or `'?'` where no parameter can stand. Comments go, because programs write data into them.
pub(crate) fn statement(text: &str) -> String {
    if lexer::tokens(text).any(|token| has_a_doubtful_end(token)) {
        return UNPARSABLE.to_owned();
    }
    let plannable = super::classify::is_plannable(text);
    let mut free = next_parameter(text);
    let mut out = String::with_capacity(text.len());
    let mut state = Surroundings::default();
    for token in lexer::tokens(text) {
        match token.kind {
            // How the server itself writes a list that it has shortened.
            Kind::Comment if token.text == "/*, ... */" => out.push_str(token.text),
            Kind::Comment => {
                if !out.ends_with(char::is_whitespace) {
                    out.push(' ');
                }
            }
            Kind::String if !plannable => out.push_str(PLACEHOLDER),
            Kind::String if state.belongs_to_word() => out.push_str(PLACEHOLDER),
            Kind::Number if state.is_structure(token) => out.push_str(token.text),
            Kind::Number if !plannable => out.push_str(NUMBER),
            Kind::String | Kind::Number => {
                // `a.5` would become `a.$1`: a number right behind a name is part of something odd already.
                out.push_str(&format!("${free}"));
                free += 1;
            }
            _ => out.push_str(token.text),
        }
        state.pass(token);
    }
    out.trim().to_owned()
}

/// A string without escapes ends behind a backslash. Where `standard_conforming_strings` is off, or the string goes on
/// with one that has escapes, that is no end, and what follows is still a literal.
fn has_a_doubtful_end(token: Token<'_>) -> bool {
    let has_escapes = token.text.starts_with(['e', 'E']);
    token.kind == Kind::String && !has_escapes && token.text.ends_with("\\'")
}

/// An expression of a plan without its literals: each becomes `'?'`. Parameters, names and casts stay.
pub(crate) fn expression(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for token in lexer::tokens(text) {
        match token.kind {
            Kind::String | Kind::Number => out.push_str(PLACEHOLDER),
            Kind::Comment => {}
            _ => out.push_str(token.text),
        }
    }
    out
}

/// A definition of an index, or a part of one, without its literals: each becomes a string that is the same only where
/// the literal is, so that two indexes which differ in a literal still differ. Who does not have the key can't try out
/// which literal it was. The sizes of `WITH (…)` stay.
pub(crate) fn definition(text: &str, key: &impl BuildHasher) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut after_with, mut in_options) = (false, false);
    for token in lexer::tokens(text) {
        match token.kind {
            Kind::String | Kind::Number if !in_options => {
                // Half of the hash: literals of one table are few.
                out.push_str(&format!("'?{:08x}'", key.hash_one(token.text) >> 32));
            }
            Kind::Comment => {}
            _ => out.push_str(token.text),
        }
        if token.is_significant() {
            in_options = if in_options { !token.is(")") } else { after_with && token.is("(") };
            after_with = token.is_word("with");
        }
    }
    out
}

fn next_parameter(text: &str) -> u32 {
    let numbers = lexer::tokens(text).filter(|token| token.kind == Kind::Parameter);
    let highest = numbers.filter_map(|token| token.text[1..].parse::<u32>().ok()).max().unwrap_or(0);
    // PostgreSQL's own limit of parameters is 65,535; larger ones are somebody's joke.
    if highest > 65_535 { 65_536 } else { highest + 1 }
}

/// What stood before a token, as far as it decides what a literal means.
#[derive(Default)]
struct Surroundings {
    previous: String,
    previous_kind: Option<Kind>,
    before_parenthesis: String,
    in_type_size: bool,
    in_position_list: bool,
}

impl Surroundings {
    fn pass(&mut self, token: Token<'_>) {
        if !token.is_significant() {
            return;
        }
        if token.is("(") {
            self.before_parenthesis = std::mem::take(&mut self.previous);
            self.in_type_size = SIZED_TYPES.contains(&self.before_parenthesis.as_str());
        } else if token.is(")") {
            self.in_type_size = false;
            self.in_position_list = false;
        } else if token.is_word("by") {
            self.in_position_list = matches!(self.previous.as_str(), "order" | "group");
        } else if token.kind == Kind::Word
            && !matches!(token.text.to_ascii_lowercase().as_str(), "asc" | "desc")
        {
            let ends = ["limit", "offset", "having", "fetch", "for", "window", "union", "range", "rows"];
            if ends.iter().any(|word| token.is_word(word)) {
                self.in_position_list = false;
            }
        }
        self.previous.clear();
        if token.text.len() <= 16 {
            self.previous.push_str(token.text);
            self.previous.make_ascii_lowercase();
        }
        self.previous_kind = Some(token.kind);
    }

    /// The string that follows is the operand of a type name, as in `interval '1 day'`.
    fn belongs_to_word(&self) -> bool {
        let a_name = matches!(self.previous_kind, Some(Kind::Word | Kind::QuotedName));
        a_name && !BEFORE_VALUES.contains(&self.previous.as_str())
    }

    /// The number that follows is a column's position or a type's size, not a value.
    fn is_structure(&self, token: Token<'_>) -> bool {
        let follows_list = matches!(self.previous.as_str(), "," | "(");
        if self.in_type_size && follows_list {
            return true;
        }
        let position = token.text.len() <= 3 && token.text.bytes().all(|byte| byte.is_ascii_digit());
        self.in_position_list && position && matches!(self.previous.as_str(), "," | "by")
    }
}
