//! What can be wrong with a configuration, said so that it can be mended.

use std::path::{Path, PathBuf};

/// Why the configuration can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("failed to read {path}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A key is not known.
    #[error("{place}unknown key `{key}`{}", did_you_mean(.nearest))]
    UnknownKey {
        /// File and line, ready to print.
        place: String,
        /// The key with its path.
        key: String,
        /// The nearest key that there is.
        nearest: Option<String>,
    },
    /// An environment variable is not known.
    #[error("unknown environment variable {name}{}", did_you_mean(.nearest))]
    UnknownVariable {
        /// Its name.
        name: String,
        /// The nearest variable that there is.
        nearest: Option<String>,
    },
    /// An environment variable has a value of the wrong type.
    #[error("{name} must be {expected}")]
    BadVariable {
        /// Its name.
        name: String,
        /// What it must be.
        expected: &'static str,
    },
    /// The text is not TOML, or a value is of the wrong type.
    #[error("{place}{message}")]
    Malformed {
        /// File and line, ready to print.
        place: String,
        /// What is wrong.
        message: String,
    },
    /// The values don't make sense together.
    #[error("{0}")]
    Invalid(String),
}

impl ConfigError {
    pub(crate) fn at(text: &str, error: &toml::de::Error) -> Self {
        let place = error.span().map_or_else(String::new, |span| place(text, span.start));
        // The parser's message quotes the offending value, which may be a password.
        let message = error.message().split_once(": string \"").map_or_else(
            || error.message().to_owned(),
            |(head, tail)| {
                let expected = tail.rsplit_once("expected ").map_or("another type", |(_, expected)| expected);
                format!("{head}: a string where {expected} is expected")
            },
        );
        Self::Malformed { place, message }
    }

    pub(crate) fn in_file(self, path: &Path) -> Self {
        let prefix = |place: String| format!("{}:{place}", path.display());
        match self {
            Self::UnknownKey { place, key, nearest } => {
                Self::UnknownKey { place: prefix(place), key, nearest }
            }
            Self::Malformed { place, message } => Self::Malformed { place: prefix(place), message },
            other => other,
        }
    }
}

/// The line of a byte offset, ready to print before a message.
pub(crate) fn place(text: &str, offset: usize) -> String {
    let line = text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count() + 1;
    format!("{line}: ")
}

fn did_you_mean(nearest: &Option<String>) -> String {
    nearest.as_ref().map_or_else(String::new, |nearest| format!(", did you mean `{nearest}`?"))
}
