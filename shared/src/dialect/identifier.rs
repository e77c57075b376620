//! The only place that quotes a name or a string.

/// A name the server can't hold.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadName {
    /// Names must not be empty.
    #[error("a name is empty")]
    Empty,
    /// PostgreSQL can't hold a NUL character.
    #[error("a name has a NUL character in it")]
    Nul,
    /// PostgreSQL would cut it silently, and it would then mean another object.
    #[error("a name is longer than 63 bytes")]
    TooLong,
}

/// A PostgreSQL identifier, always in quotes: never a keyword, never folded, never an escape.
pub fn postgres(name: &str) -> Result<String, BadName> {
    if name.is_empty() {
        return Err(BadName::Empty);
    }
    if name.contains('\0') {
        return Err(BadName::Nul);
    }
    if name.len() > 63 {
        return Err(BadName::TooLong);
    }
    Ok(format!("\"{}\"", name.replace('"', "\"\"")))
}

/// A PostgreSQL string constant that means the same whatever `standard_conforming_strings` says.
pub fn postgres_string(text: &str) -> Result<String, BadName> {
    if text.contains('\0') {
        return Err(BadName::Nul);
    }
    let quoted = text.replace('\'', "''");
    Ok(if quoted.contains('\\') {
        format!("E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_whatever_they_hold() {
        for (name, expected) in [
            ("orders", "\"orders\""),
            ("Order", "\"Order\""),
            ("select", "\"select\""),
            ("a\"; DROP TABLE x; --", "\"a\"\"; DROP TABLE x; --\""),
        ] {
            assert_eq!(postgres(name).as_deref(), Ok(expected));
        }
        assert_eq!(postgres(""), Err(BadName::Empty));
        assert_eq!(postgres("a\0b"), Err(BadName::Nul));
        assert_eq!(postgres(&"x".repeat(64)), Err(BadName::TooLong));
    }

    #[test]
    fn strings_are_quoted_whatever_they_hold() {
        assert_eq!(postgres_string("it's").as_deref(), Ok("'it''s'"));
        assert_eq!(postgres_string("a\\'b").as_deref(), Ok("E'a\\\\''b'"));
    }
}
