//! The parser, fenced in.

use pg_query::protobuf::ParseResult;

use super::MAX_PARSED_BYTES;

/// First words of the statements that read or change rows.
const FIRST_WORDS: [&str; 7] = ["select", "with", "insert", "update", "delete", "merge", "values"];

/// The tree of a text that reads or changes rows.
pub(super) fn parse(text: &str) -> Option<ParseResult> {
    if text.len() > MAX_PARSED_BYTES || text.contains('\0') || !is_query(text) {
        return None;
    }
    // The crate's own walk over the tree panics on shapes it does not expect; a statement that somebody
    // ran must not be able to stop the advice for all others.
    let parsed = std::panic::catch_unwind(|| pg_query::parse(text, 0));
    parsed.ok()?.ok().map(|result| result.protobuf)
}

fn is_query(text: &str) -> bool {
    let mut rest = text.trim_start_matches([' ', '\n', '\t', '\r', '(']);
    loop {
        if let Some(comment) = rest.strip_prefix("/*") {
            let Some(end) = comment.find("*/") else { return false };
            rest = &comment[end + 2..];
        } else if let Some(comment) = rest.strip_prefix("--") {
            let Some(end) = comment.find('\n') else { return false };
            rest = &comment[end + 1..];
        } else {
            break;
        }
        rest = rest.trim_start_matches([' ', '\n', '\t', '\r', '(']);
    }
    let word: String =
        rest.chars().take_while(char::is_ascii_alphabetic).map(|c| c.to_ascii_lowercase()).collect();
    FIRST_WORDS.contains(&word.as_str())
}
