//! Code of the database's users that planning would run. The planner folds calls of functions that are not VOLATILE,
//! and it would do so with the rights of the agent's role: such a statement is not planned.
//!
//! Nothing here relies on what was read before: a function may have been made a moment ago.

use querysmith_shared::observation::collector::Problem;
use sqlx::postgres::PgRow;

use crate::engines::CollectError;
use crate::engines::postgres::lexer::{self, Kind};
use crate::engines::postgres::row;
use crate::engines::postgres::session::Session;

/// Longest name that the server does not cut, bytes: NAMEDATALEN - 1.
const LONGEST_NAME: usize = 63;
/// The server's own functions that are not VOLATILE and yet run what their argument names: views, with all that is
/// called in them.
const READERS: [&str; 6] = [
    "table_to_xml",
    "table_to_xml_and_xmlschema",
    "schema_to_xml",
    "schema_to_xml_and_xmlschema",
    "database_to_xml",
    "database_to_xml_and_xmlschema",
];
/// Their calls in a stored expression, by their fixed object ids (pg_proc.dat).
const READERS_STORED: &str = ":funcid (2923|2929|2933|2935|2936|2938) ";

/// Code that can run without being named in a text, so that no text of the database is planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::engines::postgres) enum Everywhere {
    /// An operator, cast, type or domain uses this function, given with its argument types.
    Function(String),
    /// The CHECK of this domain calls one of the server's functions that run what their argument names.
    Domain(String),
}

impl Everywhere {
    /// Why a statement has no plan.
    pub(in crate::engines::postgres) fn reason(&self) -> String {
        match self {
            Self::Function(function) => format!(
                "an operator, cast, type or domain of the database uses {function}, a function of the database's \
                 users, which the planner would run"
            ),
            Self::Domain(domain) => {
                format!("the CHECK of the domain {domain} calls a function that runs what its argument names")
            }
        }
    }

    /// What a DBA can do about it.
    pub(in crate::engines::postgres) fn problem(&self, database: &str) -> Problem {
        let (hint, remedy) = match self {
            Self::Function(function) => (
                "if you trust its body, give it to a superuser and pin its search_path",
                format!(
                    "ALTER FUNCTION {function} OWNER TO CURRENT_USER; \
                     ALTER FUNCTION {function} SET search_path = pg_catalog, pg_temp"
                ),
            ),
            Self::Domain(domain) => {
                ("drop that CHECK if nobody needs it", format!("ALTER DOMAIN {domain} DROP CONSTRAINT …"))
            }
        };
        Problem {
            message: format!("no statement is planned: {}; {hint}", self.reason()),
            remedy: Some(remedy),
            database: Some(database.to_owned()),
        }
    }
}

/// Why a text is not planned.
enum Found {
    Everywhere(Everywhere),
    /// The text names a function of the users.
    Function(String),
    /// The text names a relation that calls a function of the users.
    Relation(String),
    /// The text names a relation that calls one of the [`READERS`].
    Reading(String),
}

impl Found {
    fn reason(&self) -> String {
        match self {
            Self::Everywhere(everywhere) => everywhere.reason(),
            Self::Function(name) => {
                format!("calls {name}, a function of the database's users, which the planner would run")
            }
            Self::Relation(name) => format!(
                "uses {name}, which calls a function of the database's users, which the planner would run"
            ),
            Self::Reading(name) => {
                format!("uses {name}, which calls a function that runs what its argument names")
            }
        }
    }
}

/// Refuses `text` if planning it could run code of the database's users. The session's own search path must be set.
pub(super) async fn refuse(session: &mut Session, text: &str) -> Result<(), CollectError> {
    let words = names(text).map_err(|reason| CollectError::NotPlanned(reason.to_owned()))?;
    if let Some(reader) = words.iter().find(|word| READERS.contains(&word.as_str())) {
        let reason = format!("calls {reader}, which runs what its argument names");
        return Err(CollectError::NotPlanned(reason));
    }
    match first(session, words).await? {
        None => Ok(()),
        Some(found) => Err(CollectError::NotPlanned(found.reason())),
    }
}

/// What keeps every statement of the session's database from being planned.
pub(in crate::engines::postgres) async fn everywhere(
    session: &mut Session,
) -> Result<Option<Everywhere>, CollectError> {
    match first(session, Vec::new()).await? {
        Some(Found::Everywhere(everywhere)) => Ok(Some(everywhere)),
        _ => Ok(None),
    }
}

async fn first(session: &mut Session, words: Vec<String>) -> Result<Option<Found>, CollectError> {
    let query =
        sqlx::query(include_str!("../sql/planned_code.sql")).bind(words).bind(READERS_STORED.to_owned());
    session.one(query, found).await
}

fn found(row: &PgRow) -> Result<Found, sqlx::Error> {
    let name = row::string(row, 1)?;
    Ok(match row::string(row, 0)?.as_str() {
        "function" => Found::Function(name),
        "relation" => Found::Relation(name),
        "reading" => Found::Reading(name),
        "domain" => Found::Everywhere(Everywhere::Domain(name)),
        _ => Found::Everywhere(Everywhere::Function(name)),
    })
}

/// Every name that a text could mean, as the catalogue spells it.
fn names(text: &str) -> Result<Vec<String>, &'static str> {
    let mut names = Vec::new();
    for token in lexer::tokens(text) {
        let name = match token.kind {
            Kind::QuotedName if !token.text.starts_with('"') => {
                return Err("holds a name that is written in escapes");
            }
            Kind::QuotedName => {
                let inner = &token.text[1..];
                inner.strip_suffix('"').unwrap_or(inner).replace("\"\"", "\"")
            }
            Kind::Word => {
                // Whether letters beyond ASCII are folded depends on the server's encoding.
                if !token.text.is_ascii() {
                    names.push(token.text.to_lowercase());
                }
                token.text.to_ascii_lowercase()
            }
            _ => continue,
        };
        if name.len() > LONGEST_NAME {
            return Err("holds a name that is longer than the server's names are");
        }
        names.push(name);
    }
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_spelled_as_the_catalogue_does() {
        assert_eq!(
            names("SELECT F(a.\"B\"\"c\"), 'no' FROM /* no */ T").unwrap(),
            ["B\"c", "a", "f", "from", "select", "t"]
        );
        assert_eq!(names("Größe").unwrap(), ["größe"]);
        assert_eq!(names("GRÖSSE").unwrap(), ["grÖsse", "grösse"]);
        assert!(names("U&\"\\0066\"(1)").is_err());
        assert!(names(&"x".repeat(64)).is_err());
    }
}
