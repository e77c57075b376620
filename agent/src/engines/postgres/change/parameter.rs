//! Reading a parameter, and what the server's files say of it and of all others.

use querysmith_shared::parameter::{ParameterType, is_same};
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::error::classify;
use super::{LOOK_LIMIT, Session, bounded};
use crate::apply::facts::{FileFacts, ParameterFacts};
use crate::apply::failure::DatabaseError;

impl Session {
    /// One parameter; `None` if the server has none of that name.
    pub async fn parameter(&mut self, name: &str) -> Result<Option<ParameterFacts>, DatabaseError> {
        let query = sqlx::query(include_str!("../sql/change_parameter.sql")).bind(name);
        let Some(row) = bounded(LOOK_LIMIT, query.fetch_optional(&mut self.connection)).await? else {
            return Ok(None);
        };
        let may_set = self.may_set(name).await?;
        let files = match row.try_get("may_see_files").map_err(classify)? {
            true => Some(self.files(name).await?),
            false => None,
        };
        let read = || {
            let value_type: String = row.try_get("vartype")?;
            Ok(ParameterFacts {
                // What a later version may bring is taken for text, which is never set.
                value_type: ParameterType::parse(&value_type).unwrap_or(ParameterType::String),
                unit: row.try_get("unit")?,
                context: row.try_get("context")?,
                value: row.try_get("setting")?,
                source: row.try_get("source")?,
                role: row.try_get("role")?,
                may_set,
                is_superuser: row.try_get("is_superuser")?,
                may_reload: row.try_get("may_reload")?,
                alter_system_is_on: row.try_get("alter_system_is_on")?,
                files,
                overrides: row.try_get("overrides")?,
            })
        };
        read().map(Some).map_err(classify)
    }

    /// The right that PostgreSQL 15 and later can grant.
    async fn may_set(&mut self, name: &str) -> Result<Option<bool>, DatabaseError> {
        if self.version < 150_000 {
            return Ok(None);
        }
        let check = "SELECT /* querysmith */ pg_catalog.has_parameter_privilege($1, 'ALTER SYSTEM')";
        let query = sqlx::query(check).bind(name);
        bounded(LOOK_LIMIT, query.fetch_one(&mut self.connection)).await?.try_get(0).map_err(classify)
    }

    async fn files(&mut self, name: &str) -> Result<FileFacts, DatabaseError> {
        let query = sqlx::query(include_str!("../sql/change_parameter_files.sql"));
        let rows = bounded(LOOK_LIMIT, query.fetch_all(&mut self.connection)).await?;
        let lines = rows.iter().map(line).collect::<Result<Vec<_>, _>>().map_err(classify)?;
        Ok(facts(name, &lines))
    }
}

/// One line of the files, and the parameter as it is.
#[derive(Debug, Clone, Default)]
struct Line {
    name: String,
    /// `None`: the files no longer have it.
    value: Option<String>,
    /// Of several lines for one parameter, the last that can be applied counts.
    applied: bool,
    has_error: bool,
    place: String,
    by_alter_system: bool,
    of_patroni: bool,
    /// `None`: there is no such parameter.
    in_force: Option<String>,
    value_type: Option<ParameterType>,
    unit: Option<String>,
    context: Option<String>,
    source: Option<String>,
}

fn line(row: &PgRow) -> Result<Line, sqlx::Error> {
    let value_type: Option<String> = row.try_get("vartype")?;
    Ok(Line {
        name: row.try_get("name")?,
        value: row.try_get("setting")?,
        applied: row.try_get("applied")?,
        has_error: row.try_get("has_error")?,
        place: row.try_get("place")?,
        by_alter_system: row.try_get("by_alter_system")?,
        of_patroni: row.try_get("of_patroni")?,
        in_force: row.try_get("in_force")?,
        value_type: value_type.as_deref().and_then(ParameterType::parse),
        unit: row.try_get("unit")?,
        context: row.try_get("context")?,
        source: row.try_get("source")?,
    })
}

fn facts(name: &str, lines: &[Line]) -> FileFacts {
    let by_alter_system = lines.iter().rfind(|line| line.by_alter_system && line.name == name);
    let mut waiting: Vec<String> = lines
        .iter()
        .filter(|line| line.name != name && waits_for_a_reload(line))
        .map(|line| line.name.clone())
        .collect();
    waiting.sort_unstable();
    waiting.dedup();
    FileFacts {
        by_alter_system: by_alter_system.and_then(|line| line.value.clone()),
        waiting,
        broken: lines.iter().find(|line| breaks_a_reload(line)).map(|line| line.place.clone()),
        of_patroni: lines.iter().any(|line| line.of_patroni),
    }
}

/// A value that only waits for a restart has an error too, and stops no reload. Parameters of extensions that aren't
/// loaded are taken as they are.
fn breaks_a_reload(line: &Line) -> bool {
    let only_at_a_restart = matches!(line.context.as_deref(), Some("postmaster" | "internal"));
    line.has_error && !only_at_a_restart && !line.name.contains('.')
}

fn waits_for_a_reload(line: &Line) -> bool {
    let (Some(in_force), Some(context), Some(source)) = (&line.in_force, &line.context, &line.source) else {
        return false;
    };
    if !line.applied || context == "postmaster" || context == "internal" {
        return false;
    }
    // What something else decides stays as it is, whatever the files say.
    if !matches!(source.as_str(), "default" | "configuration file") {
        return false;
    }
    let Some(value) = &line.value else { return true };
    match line.value_type.unwrap_or(ParameterType::String) {
        // The server writes lists in its own way.
        ParameterType::String => bare(value) != bare(in_force),
        kind => !is_same(value, in_force, kind, line.unit.as_deref()),
    }
}

fn bare(text: &str) -> String {
    let kept = text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '"' | '\''));
    kept.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, value: Option<&str>, in_force: &str) -> Line {
        Line {
            name: name.into(),
            value: value.map(str::to_owned),
            applied: true,
            place: "postgresql.conf:7".into(),
            in_force: Some(in_force.into()),
            value_type: Some(ParameterType::Integer),
            unit: Some("kB".into()),
            context: Some("user".into()),
            source: Some("configuration file".into()),
            ..Line::default()
        }
    }

    #[test]
    fn what_waits_for_a_reload_is_told_from_what_is_in_force() {
        let text = |value: &str, in_force: &str| Line {
            value_type: Some(ParameterType::String),
            ..line("datestyle", Some(value), in_force)
        };
        let is_waiting = |line: Line| !facts("work_mem", &[line]).waiting.is_empty();
        assert!(!is_waiting(line("temp_buffers", Some("64MB"), "65536")));
        assert!(is_waiting(line("temp_buffers", Some("32MB"), "65536")));
        assert!(is_waiting(line("temp_buffers", None, "65536")), "taken out of the file");
        assert!(!is_waiting(text("iso, mdy", "ISO, MDY")));
        assert!(is_waiting(text("iso, dmy", "ISO, MDY")));
        // A restart, another source, or an earlier line of the same name.
        let of = |change: fn(&mut Line)| {
            let mut line = line("shared_buffers", Some("1MB"), "65536");
            change(&mut line);
            is_waiting(line)
        };
        assert!(!of(|line| line.context = Some("postmaster".into())));
        assert!(!of(|line| line.source = Some("command line".into())));
        assert!(!of(|line| line.applied = false));
        assert!(of(|line| line.source = Some("default".into())));
        assert!(!of(|line| line.name = "work_mem".into()), "its own");
    }

    #[test]
    fn an_error_that_stops_a_reload_is_told_from_one_that_waits_for_a_restart() {
        let broken = |change: fn(&mut Line)| {
            let mut line = line("work_mem", Some("x"), "65536");
            line.has_error = true;
            change(&mut line);
            facts("work_mem", &[line]).broken
        };
        assert_eq!(broken(|_| {}).as_deref(), Some("postgresql.conf:7"));
        assert_eq!(broken(|line| line.context = Some("postmaster".into())), None);
        assert_eq!(broken(|line| (line.context, line.name) = (None, "auto_explain.x".into())), None);
        assert!(broken(|line| (line.context, line.name) = (None, String::new())).is_some(), "a syntax error");
    }

    #[test]
    fn alter_system_s_own_line_is_found() {
        let auto = Line { by_alter_system: true, ..line("work_mem", Some("8MB"), "8192") };
        let found = facts("work_mem", &[line("work_mem", Some("4MB"), "8192"), auto]);
        assert_eq!(found.by_alter_system.as_deref(), Some("8MB"));
        assert_eq!(facts("work_mem", &[line("work_mem", Some("4MB"), "4096")]).by_alter_system, None);
    }
}
