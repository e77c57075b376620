//! Makes a text of the statement statistics into one that PREPARE accepts. Pure.

use crate::engines::postgres::lexer::{self, Kind, Token};

/// Types that may stand before a literal, as in `interval '1 day'`; the server's normalisation turns that into
/// `interval $1`, which it does not accept itself.
const LITERAL_TYPES: [&str; 14] = [
    "date",
    "time",
    "timetz",
    "timestamp",
    "timestamptz",
    "interval",
    "numeric",
    "int4",
    "int8",
    "bool",
    "boolean",
    "uuid",
    "json",
    "jsonb",
];

/// The text with `type $n` written as a cast, and without what follows its end.
pub(super) fn preparable(text: &str) -> String {
    let tokens: Vec<Token<'_>> = lexer::tokens(text).collect();
    let mut out = String::with_capacity(text.len() + 16);
    let mut place = 0;
    while place < tokens.len() {
        let token = tokens[place];
        if let Some((parameter, words)) = typed_parameter(&tokens[place..]) {
            out.push_str("CAST(");
            out.push_str(parameter.text);
            out.push_str(" AS ");
            for word in &tokens[place..place + words] {
                out.push_str(word.text);
            }
            out.push(')');
            place += words + 1;
            continue;
        }
        out.push_str(token.text);
        place += 1;
    }
    let trimmed = out.trim_end_matches(|character: char| character.is_whitespace() || character == ';');
    trimmed.to_owned()
}

/// At the start of `tokens`: a type, and a parameter right behind it. Returns the parameter, and how many tokens
/// are before it.
fn typed_parameter<'a>(tokens: &[Token<'a>]) -> Option<(Token<'a>, usize)> {
    let first = tokens.first()?;
    if first.kind != Kind::Word || !LITERAL_TYPES.iter().any(|name| first.is_word(name)) {
        return None;
    }
    // `timestamp with time zone $1`
    let mut place = 1;
    for expected in ["with", "time", "zone"] {
        let next = tokens[place..].iter().position(Token::is_significant).map(|skip| place + skip)?;
        if tokens[next].is_word(expected) {
            place = next + 1;
        } else {
            break;
        }
    }
    let skip = tokens[place..].iter().position(Token::is_significant)?;
    let parameter = tokens[place + skip];
    (parameter.kind == Kind::Parameter).then_some((parameter, place + skip))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(preparable(text), expected);
    }

    #[test]
    fn typed_parameters_become_casts() {
        check("SELECT now() - interval $1", "SELECT now() - CAST($1 AS interval )");
        check(
            "SELECT a FROM t WHERE d > timestamp with time zone $2 AND date < $1",
            "SELECT a FROM t WHERE d > CAST($2 AS timestamp with time zone ) AND date < $1",
        );
    }

    #[test]
    fn other_texts_stay_but_for_their_end() {
        check("SELECT $1 ; \n", "SELECT $1");
        check("SELECT 'date $1', date, \"interval\" $1", "SELECT 'date $1', date, \"interval\" $1");
        check("", "");
    }
}
