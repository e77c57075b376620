//! Error texts: what happened, without the value that made it happen.

use crate::engines::postgres::lexer::{self, Kind};

/// SQLSTATEs whose quoted texts are names of objects, never values.
const NAMES_ONLY: [&str; 13] = [
    // insufficient_privilege, undefined_table, undefined_column, undefined_function, undefined_object,
    // invalid_schema_name, invalid_catalog_name, ambiguous_column, duplicate_object, invalid_authorization,
    // invalid_password, wrong_object_type, feature_not_supported
    "42501", "42P01", "42703", "42883", "42704", "3F000", "3D000", "42702", "42710", "28000", "28P01",
    "42809", "0A000",
];

/// Classes of SQLSTATE whose messages the server words itself. What a function raises, and what is wrong with a value,
/// may say anything in words of its own.
const WORDED_BY_THE_SERVER: [&str; 19] = [
    "01", "08", "0A", "0B", "25", "26", "28", "2F", "34", "3D", "3F", "40", "42", "53", "54", "55", "57",
    "58", "XX",
];

/// The server's message without values. Detail, hint and context are never taken along: they quote rows.
pub(crate) fn message(code: &str, text: &str) -> String {
    if !WORDED_BY_THE_SERVER.iter().any(|class| code.starts_with(class)) {
        return condition(code).to_owned();
    }
    let text: String = text.chars().take(500).collect();
    if NAMES_ONLY.contains(&code) {
        // `column "x"` is a name; a string in single quotes is not.
        return replace(&text, false);
    }
    replace(&text, true)
}

/// What went wrong, where the message is not told (PostgreSQL's documentation, appendix A).
fn condition(code: &str) -> &'static str {
    match code {
        "22001" => "a string is too long",
        "22003" => "a number is out of range",
        "22021" => "a text is not in its encoding",
        "22012" => "division by zero",
        "22P02" => "a value is not one of its type",
        "23502" => "a value is missing that must be there",
        "23503" => "a foreign key is violated",
        "23505" => "a unique key is violated",
        "23514" => "a check is violated",
        "P0001" => "a function raised an error",
        _ => match code.get(..2) {
            Some("22") => "a value is not acceptable",
            Some("23") => "a constraint is violated",
            Some("P0") => "a function failed",
            _ => "the server reported an error",
        },
    }
}

fn replace(text: &str, names_too: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for token in lexer::tokens(text) {
        match token.kind {
            Kind::String => out.push_str("'?'"),
            Kind::QuotedName if names_too => out.push_str("\"?\""),
            Kind::Number if names_too => out.push('?'),
            _ => out.push_str(token.text),
        }
    }
    out
}

/// One sentence about a failed statement or connection, without values.
pub(crate) fn sqlx_error(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(database) => {
            let code = database.code().unwrap_or_default();
            format!("{} (SQLSTATE {code})", message(&code, database.message()))
        }
        sqlx::Error::Io(io) => io.to_string(),
        sqlx::Error::Tls(tls) => format!("TLS: {tls}"),
        sqlx::Error::Protocol(_) => "the server does not speak PostgreSQL's protocol".to_owned(),
        sqlx::Error::Configuration(_) => "the address is not valid".to_owned(),
        _ => "the answer could not be read".to_owned(),
    }
}
