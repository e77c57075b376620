//! Patterns for LIKE, made of what somebody typed.

/// Matches texts that contain `part`.
pub(super) fn within(part: &str) -> String {
    format!("%{}%", literal(part))
}

/// Matches texts that start with `part`.
pub(super) fn starting_with(part: &str) -> String {
    format!("{}%", literal(part))
}

/// Takes the meaning from the signs that have one, and NUL, which no text in the store holds.
fn literal(part: &str) -> String {
    part.replace('\0', "\u{FFFD}").replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_stand_for_themselves() {
        assert_eq!(within("50%_a\\b"), "%50\\%\\_a\\\\b%");
        assert_eq!(starting_with("proposal."), "proposal.%");
    }
}
