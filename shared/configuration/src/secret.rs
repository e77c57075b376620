//! Values that must not be printed.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

/// A secret: shown as stars wherever it is printed or written.
#[derive(Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

const MASK: &str = "****";

impl Secret {
    /// Takes a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The secret as it may be shown: an address keeps everything but its password.
    fn masked(&self) -> String {
        let Some((scheme, rest)) = self.0.split_once("://") else { return MASK.to_owned() };
        // The last @ of all ends the user and password, whatever the password holds: rather too much is masked.
        let shown = match rest.rfind('@') {
            Some(at) => {
                let user = rest[..at].split(':').next().unwrap_or_default();
                let mask = if rest[..at].contains(':') { format!(":{MASK}") } else { String::new() };
                format!("{user}{mask}{}", &rest[at..])
            }
            None => rest.to_owned(),
        };
        let (address, parameters) = shown.split_once('?').unwrap_or((&shown, ""));
        let parameters: Vec<String> = parameters
            .split('&')
            .filter(|parameter| !parameter.is_empty())
            .map(|parameter| match parameter.split_once('=') {
                Some((key, _)) if key.contains("password") => format!("{key}={MASK}"),
                _ => parameter.to_owned(),
            })
            .collect();
        let parameters =
            if parameters.is_empty() { String::new() } else { format!("?{}", parameters.join("&")) };
        format!("{scheme}://{address}{parameters}")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(secret: &str, expected: &str) {
        assert_eq!(format!("{:?}", Secret::new(secret)), expected);
    }

    #[test]
    fn an_address_keeps_everything_but_its_password() {
        check("hunter2", "****");
        check("postgres://u:p@h:5432/d", "postgres://u:****@h:5432/d");
        check("postgres://u:p/s@h/d", "postgres://u:****@h/d");
        check("postgres://u:p?s@h:5432/d", "postgres://u:****@h:5432/d");
        check("postgres://u@h:5432/d", "postgres://u@h:5432/d");
        check("postgres://u:p@ss@h/d?sslmode=require", "postgres://u:****@h/d?sslmode=require");
        check("postgres://u@h/d", "postgres://u@h/d");
        check("postgres://h/d?user=u&password=p", "postgres://h/d?user=u&password=****");
    }
}
